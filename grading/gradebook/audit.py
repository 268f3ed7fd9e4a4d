"""What was graded, from what, with what, and what came of it: one `Record` a grading, in one file a submission.

`audit/ASSIGNMENT/STUDENT.jsonl` grows by a line each time the submission is graded; the last line is what counts. The
file is replaced as a whole, so a run that is stopped leaves either no line or all of it.
"""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import nbformat

from grading.course import Course
from grading.files import sha256, write
from grading.gradebook import marks
from grading.gradebook.key import key_of, versions
from grading.intake.collected import raw
from grading.record import Check, Note, Record, checks_of, notes_from_json, run_of


def path(root: Path, assignment: str, student: str) -> Path:
    return root / "audit" / assignment / f"{student}.jsonl"


def latest(root: Path, assignment: str, student: str) -> Record | None:
    """The last line of a submission's record, or None if it was never graded."""
    file = path(root, assignment, student)
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return Record.from_json(json.loads(lines[-1])) if lines else None


def received(root: Path, assignment: str, student: str) -> dict:
    """What intake noted of a submission: the files that came, by their sha256, and what was noticed."""
    return json.loads((raw(root, assignment, student) / "received.json").read_text(encoding="utf-8"))


def add(root: Path, assignment: str, student: str, record: Record) -> None:
    """Add a line to a submission's record, wholly or not at all."""
    file = path(root, assignment, student)
    before = file.read_bytes() if file.exists() else b""
    # In ASCII: a file's name may hold bytes that are no text, which no encoding but JSON's own escapes can write.
    write(file, before + json.dumps(record.as_json(), sort_keys=True).encode() + b"\n")


def record(
    received: dict[str, str],
    release: dict[str, str],
    sheets: dict[str, bytes],
    notes: list[Note],
    seed: int,
    key: str,
) -> Record:
    """One grading as a record. ``sheets`` are the executed ones; ``key`` says what decided the grade."""
    checks: dict[str, list[Check]] = {}
    seconds, isolation, notes = 0.0, set(), list(notes)
    bases: dict[str, str] = {}
    for name, content in sorted(sheets.items()):
        sheet = nbformat.reads(content.decode("utf-8"), as_version=4)
        run, more = run_of(sheet)
        seconds += run.seconds
        isolation.add(run.isolation)
        notes += [note._replace(text=f"{name}: {note.text}") for note in more]
        bases |= marks.bases(sheet)
        for cell in sheet.cells:
            if found := checks_of(cell):
                checks[cell.metadata.nbgrader["grade_id"]] = found
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    with_what = seed, versions(), sorted(isolation), round(seconds, 2)
    return Record(now, key, received, release, *with_what, checks, notes, bases)


def record_graded_in_place(root: Path, assignment: str, student: str) -> None:
    """Record a grading that nbgrader did by itself, from the files that it left."""
    course = Course(root)
    folder = root / "autograded" / student / assignment
    sheets = {file.name: file.read_bytes() for file in sorted(folder.glob("*.ipynb"))}
    entry = received(root, assignment, student)
    release = {name: sha256(content) for name, content in course.release(assignment).items()}
    seed = course.seed(assignment, student)
    key = key_of(entry["received"], release, seed, course.config)
    noticed = notes_from_json(entry["noticed"])
    add(root, assignment, student, record(entry["received"], release, sheets, noticed, seed, key))
