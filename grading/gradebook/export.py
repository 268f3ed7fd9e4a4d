"""The grades as a table for a spreadsheet or a learning management system, with a status for each student."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.plugins import ExportPlugin
from traitlets import Unicode

from grading.files import write
from grading.gradebook import audit
from grading.gradebook.policy import lateness
from grading.intake import roster
from grading.record import Status

COLUMNS = (
    *("assignment", "duedate", "timestamp", "time_from", "student_id", "last_name", "first_name", "email"),
    *("raw_score", "late_submission_penalty", "score", "max_score", "status", "to_mark", "notes"),
)

STRANGER = "Not on the roster."


def table(gradebook: Gradebook, root: Path, assignments: list[str], students: list[str]) -> list[dict]:
    """A row for each assignment and student; empty lists stand for all."""
    rows, known = [], {person.id for person in roster.kept(root)}
    for assignment in sorted(gradebook.assignments, key=lambda a: a.name):
        if assignments and assignment.name not in assignments:
            continue
        for student in sorted(gradebook.students, key=lambda s: s.id):
            if not students or student.id in students:
                rows.append(_row(gradebook, root, assignment, student))
                if known and student.id not in known:
                    rows[-1]["notes"] = f"{rows[-1]['notes']} {STRANGER}".strip()
    return rows


def _row(gradebook: Gradebook, root: Path, assignment, student) -> dict:
    row = {
        "assignment": assignment.name,
        "duedate": assignment.duedate,
        "student_id": student.id,
        "last_name": student.last_name,
        "first_name": student.first_name,
        "email": student.email,
        "max_score": assignment.max_score,
    }
    record = audit.latest(root, assignment.name, student.id)
    try:
        submission = gradebook.find_submission(assignment.name, student.id)
    except MissingEntry:
        submission = None
    if submission is None or record is None:
        # No work, or work that nobody has graded: not the same as work that earned nothing.
        handed_in = (root / "submitted" / student.id / assignment.name).exists()
        return row | {"score": 0.0, "status": Status.MISSING, "notes": "handed in, not graded yet" if handed_in else ""}
    to_mark = sum(grade.needs_manual_grade for notebook in submission.notebooks for grade in notebook.grades)
    penalty = submission.late_submission_penalty
    late = lateness(submission, root)
    return row | {
        "timestamp": submission.timestamp,
        "time_from": late.time_from,
        "raw_score": submission.score,
        "late_submission_penalty": penalty,
        "score": max(0.0, submission.score - penalty),
        "status": record.status(to_mark),
        "to_mark": to_mark,
        "notes": " ".join(filter(None, (*(note.text for note in record.notes), late.unknown))),
    }


def to_csv(rows: list[dict]) -> str:
    """The rows as CSV. A text that a spreadsheet would run as a formula gets an apostrophe in front."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _safe(value) for name, value in row.items()})
    return file.getvalue()


def _safe(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return round(value, 6) if isinstance(value, float) else value


class StatusExport(ExportPlugin):
    """`nbgrader export` with the status column."""

    root = Unicode("", help="The course's folder.").tag(config=True)

    def export(self, gradebook: Gradebook) -> None:
        """Write the table to the file that ``--to`` names, or to grades.csv."""
        root = Path(self.root)
        rows = table(gradebook, root, list(map(str, self.assignment)), list(map(str, self.student)))
        write(Path(self.to or "grades.csv"), to_csv(rows).encode())
