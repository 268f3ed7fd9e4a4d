"""A released course for the grading tests, derived from the chapters once, and submissions to put into it."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from copy import deepcopy
from functools import cache
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_output

import gradebooks
from grading import pipeline
from grading.assignments import declared
from grading.course import Course
from grading.gradebook import audit
from grading.intake import collected
from grading.release import release

# One notebook whose kernel starts without torch: enough where any submission will do.
ASSIGNMENT, NOTEBOOK, ANSWER, TEST = "foundations", "formulation.ipynb", "reference-sample", "test-reference-sample"
GOOD = "def reference_sample(n_ref, rng):\n    return rng.standard_normal((n_ref, 1)), rng.standard_normal((n_ref, 1))"
SAME = "def reference_sample(n_ref, rng):\n    a = rng.standard_normal((n_ref, 1))\n    return a, a"  # earns 1.5 of 2


@cache
def template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="mibook-test-course-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    release.make(Course(folder / "course"))
    return folder / "course"


def course(folder: Path) -> Course:
    """A course of its own in ``folder``."""
    return Course(shutil.copytree(template(), folder / "course"))


def released(name: str = NOTEBOOK, of: str = ASSIGNMENT) -> nbformat.NotebookNode:
    return nbformat.read(template() / "release" / of / name, as_version=4)


def without_markers(source: str) -> str:
    return "\n".join(line for line in source.split("\n") if "### BEGIN" not in line and "### END" not in line)


@cache
def _solved(name: str, of: str) -> nbformat.NotebookNode:
    source = nbformat.read(template() / "source" / of / name, as_version=4)
    answers = {cell.id: cell.source for cell in source.cells}
    notebook = released(name, of)
    for cell in notebook.cells:
        if cell.metadata.nbgrader.get("solution"):
            cell.source = without_markers(answers[cell.id])
    return notebook


def solved(name: str = NOTEBOOK, of: str = ASSIGNMENT) -> nbformat.NotebookNode:
    """A released notebook with the model answers in place."""
    return deepcopy(_solved(name, of))


def cell(notebook: nbformat.NotebookNode, grade_id: str) -> nbformat.NotebookNode:
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def answered(source: str) -> nbformat.NotebookNode:
    """The short notebook with ``source`` as the answer to its code exercise, and no written answer."""
    notebook = released()
    cell(notebook, ANSWER).source = source
    return notebook


def hand_in(course: Course, student: str, content, name: str = NOTEBOOK, of: str = ASSIGNMENT) -> Path:
    """Put a notebook, or bytes, where nbgrader expects a submission."""
    path = course.root / "submitted" / student / of / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else nbformat.writes(content).encode())
    return path


def handed_in_at(course: Course, student: str, text: str, of: str = ASSIGNMENT) -> None:
    """Say when a submission that is there was handed in, as a person does after a collection."""
    path = course.root / "submitted" / student / of / "timestamp.txt"
    path.write_text(text)
    collected.keep(collected.raw(course.root, of, student), collected.Collected())


ALL = {a.name: [f"{sheet.name}.ipynb" for sheet in a.sheets] for a in declared().assignments.values()}


def with_own(source: str, at: int = 0):
    notebook = answered(GOOD)
    notebook.cells.insert(at, new_code_cell(source))
    return notebook


def as_bytes(notebook, encoding="utf-8") -> bytes:
    return nbformat.writes(notebook).encode(encoding)


# name: what is handed in, under which file name, points of the test cell, status, a word of the reason
def grade(course: Course, **options) -> dict[str, pipeline.Row]:
    rows = pipeline.grade(course, ASSIGNMENT, processes=2, progress=False, **options)
    return {row.student: row for row in rows}


def contents(course: Course) -> list[tuple]:
    with course.gradebook() as book:
        return gradebooks.contents(book)


def records(course: Course, student: str) -> list[dict]:
    return [json.loads(line) for line in audit.path(course.root, ASSIGNMENT, student).read_text().splitlines()]


def emptied_test():
    notebook = answered(SAME)
    cell(notebook, TEST).source = "1000"
    cell(notebook, TEST)["outputs"] = [new_output("execute_result", {"text/plain": "1000"}, execution_count=1)]
    return notebook
