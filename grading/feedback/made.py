"""Of what each student's pages were made: a page is written anew exactly when something that it shows has changed."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from nbgrader.api import MissingEntry, SubmittedAssignment

from grading.course import Course
from grading.files import sha256, write
from grading.gradebook import audit
from grading.gradebook.key import versions
from grading.gradebook.policy import lateness, penalise_all, policy_of

SETTINGS = ("FeedbackExporter", "GenerateFeedback", "ShowChecks", "AssignLatePenalties", "LatePolicy")


def words(course: Course, assignment: str, students: list[str]) -> dict[str, str]:
    """For each student a word for all that the pages show: executed sheets, points, comments, lateness, notes, form."""
    config = course.config
    settings = json.dumps({name: config[name] for name in SETTINGS if name in config}, sort_keys=True, default=str)
    with course.gradebook() as book:
        try:
            penalise_all(book, assignment, policy_of(config))
            known = {
                found.student_id: [*_points(found), lateness(found, course.root)._asdict()]
                for found in book.find_assignment(assignment).submissions
            }
        except MissingEntry:
            known = {}
    made = {}
    for student in students:
        folder = course.root / "autograded" / student / assignment
        sheets = {path.name: sha256(path.read_bytes()) for path in sorted(folder.glob("*.ipynb"))}
        record = audit.latest(course.root, assignment, student)
        notes = record.notes if record else []
        parts = [sheets, known.get(student), notes, settings, versions(), _form()]
        made[student] = sha256(json.dumps(parts, sort_keys=True, default=str).encode())
    return made


def _points(submission: SubmittedAssignment) -> list:
    """All that the gradebook says of a submission and that a page may show."""
    found: list = []
    for notebook in sorted(submission.notebooks, key=lambda notebook: notebook.name):
        grades = [
            (g.name, g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade, g.max_score)
            for g in notebook.grades
        ]
        comments = [(c.name, c.auto_comment, c.manual_comment) for c in notebook.comments]
        found.append([notebook.name, notebook.late_submission_penalty, sorted(grades), sorted(comments)])
    return found


@cache
def _form() -> str:
    """A word for the code and the templates that make pages."""
    files = sorted(path for path in Path(__file__).parent.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return sha256(b"\0".join(path.read_bytes() for path in files))


def _file(course: Course, assignment: str) -> Path:
    return course.root / "audit" / f"feedback-{assignment}.json"


def unchanged(course: Course, assignment: str, now: dict[str, str]) -> set[str]:
    """The students whose pages are there, and made of what is ``now``."""
    file = _file(course, assignment)
    before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return {name for name, word in now.items() if before.get(name) == word and _there(course, assignment, name)}


def _there(course: Course, assignment: str, student: str) -> bool:
    sheets = (course.root / "autograded" / student / assignment).glob("*.ipynb")
    return all((course.root / "feedback" / student / assignment / f"{sheet.stem}.html").exists() for sheet in sheets)


def remember(course: Course, assignment: str, now: dict[str, str]) -> None:
    """Keep what all pages were made of."""
    write(_file(course, assignment), json.dumps(now, indent=1, sort_keys=True).encode())
