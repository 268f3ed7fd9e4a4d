"""What was graded, from what, with what, and what came of it: one line a grading, in one file a submission.

`audit/ASSIGNMENT/STUDENT.jsonl` grows by a line each time the submission is graded; the last line is what counts. The
file is replaced as a whole, so a run that is stopped leaves either no line or all of it.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path

import nbformat

from grading import exercises
from grading.course import Course, write

STATUSES = ("graded", "needs marking", "tampered", "failed to run", "missing")


def raw(root: Path, assignment: str, student: str) -> Path:
    """Where a student's submissions to an assignment are kept as they were received."""
    return root / "raw" / assignment / student


def path(root: Path, assignment: str, student: str) -> Path:
    return root / "audit" / assignment / f"{student}.jsonl"


def latest(root: Path, assignment: str, student: str) -> dict | None:
    """The last line of a submission's record, or None if it was never graded."""
    file = path(root, assignment, student)
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return json.loads(lines[-1]) if lines else None


def received(root: Path, assignment: str, student: str) -> dict:
    """What `normalise.in_place` noted of a submission: the files that came, by their sha256, and what was noticed."""
    return json.loads((raw(root, assignment, student) / "received.json").read_text(encoding="utf-8"))


def add(root: Path, assignment: str, student: str, line: dict) -> None:
    """Add a line to a submission's record, wholly or not at all."""
    file = path(root, assignment, student)
    before = file.read_bytes() if file.exists() else b""
    # In ASCII: a file's name may hold bytes that are no text, which no encoding but JSON's own escapes can write.
    write(file, before + json.dumps(line, sort_keys=True).encode() + b"\n")


@cache
def versions() -> dict[str, str]:
    """What decides a grade besides the submission: the tools and the verdicts' own code."""
    tools = ("nbgrader", "nbclient", "jupyter_client", "ipykernel", "torch", "numpy", "scipy")
    packages = {name: version(name) for name in tools}
    code = hashlib.sha256()
    here = Path(__file__).parents[1]
    ours = [
        here / f"{name}.py" for name in ("run/execute", "verdict/judge", "intake/normalise", "verdict/preprocessors")
    ]
    for file in sorted([*Path(exercises.__file__).parent.glob("*.py"), *ours]):
        code.update(file.read_bytes())
    return packages | {"python": platform.python_version(), "verdicts": code.hexdigest()[:16]}


def line(
    received: dict[str, str],
    release: dict[str, str],
    notebooks: dict[str, bytes],
    notes: list[tuple[str, str]],
    seed: int,
    key: str,
) -> dict:
    """One grading as a record. ``notebooks`` are the executed ones; ``key`` says what it was graded from."""
    checks, seconds, notes = {}, 0.0, [list(note) for note in notes]
    isolation = set()
    for name, content in sorted(notebooks.items()):
        notebook = nbformat.reads(content.decode("utf-8"), as_version=4)
        ours = notebook.metadata.get("mibook", {})
        run = ours.get("run", {})
        seconds += run.get("seconds", 0.0)
        isolation.add(run.get("isolation", "unknown"))
        notes += [[kind, f"{name}: {text}"] for kind, text in ours.get("notes", [])]
        for cell in notebook.cells:
            if "mibook" in cell.metadata:
                checks[cell.metadata.nbgrader["grade_id"]] = cell.metadata.mibook["checks"]
    return {
        "when": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "key": key,
        "received": received,
        "release": release,
        "seed": seed,
        "versions": versions(),
        "isolation": sorted(isolation),
        "seconds": round(seconds, 2),
        "checks": checks,
        "notes": notes,
    }


def status(record: dict | None, to_mark: int) -> str:
    """The one word for a submission: the worst that is true of it."""
    if record is None:
        return "missing"
    kinds = {kind for kind, _ in record["notes"]}
    if kinds & {"unreadable", "failed"}:
        return "failed to run"
    if "tampered" in kinds:
        return "tampered"
    return "needs marking" if to_mark else "graded"


def record_graded_in_place(root: Path, assignment: str, student: str) -> None:
    """Record a grading that nbgrader did by itself, from the files that it left."""
    course = Course(root)
    folder = root / "autograded" / student / assignment
    notebooks = {file.name: file.read_bytes() for file in sorted(folder.glob("*.ipynb"))}
    entry = received(root, assignment, student)
    release = {name: hashlib.sha256(content).hexdigest() for name, content in course.release(assignment).items()}
    from grading.run.batch import key_of

    seed = course.seed(assignment, student)
    key = key_of(entry["received"], release, seed)
    add(root, assignment, student, line(entry["received"], release, notebooks, entry["noticed"], seed, key))
