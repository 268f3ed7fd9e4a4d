"""The engine alone: a course of two exercises goes from release to feedback, and nothing of the book can be."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from chapters.source import ROOT
from grading.assignments import declared
from grading.verdict.registry import exercises
from sums import lay_out

pytestmark = pytest.mark.usefixtures("sandbox")

# Python runs this in every process that the environment reaches, workers too: what is of the book can't be found there.
WITHOUT_THE_BOOK = """\
import sys


class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("mibook", "sitebuild") or name == "grading.exercises":
            raise AssertionError(f"{name} is no part of the engine")


sys.meta_path.insert(0, Refuse())
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    lay_out(tmp_path)
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_THE_BOOK)
    return tmp_path


def python(folder: Path, *words: str) -> subprocess.CompletedProcess:
    """Run Python where nothing of the book can be imported."""
    variables = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    return subprocess.run([sys.executable, *words], cwd=folder, env=variables, capture_output=True, text=True)


def command(folder: Path, *words: str) -> str:
    """Run one of the course's commands."""
    run = python(folder, "-m", "grading", *words, "--course", str(folder / "course"))
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


@pytest.mark.parametrize("module", ["mibook", "sitebuild.build", "grading.exercises"])
def test_nothing_of_the_book_can_be_imported_here(folder, module):
    assert "is no part of the engine" in python(folder, "-c", f"import {module}").stderr


def test_the_engine_names_no_exercise_and_no_chapter():
    book = declared()
    names = {sheet.name for sheet in book.sheets} | {name for sheet in book.sheets for name in sheet.exercises}
    names |= set(exercises(book.exercises)) | {book.exercises, *book.assignments}
    files = [path for path in (ROOT / "grading").rglob("*.py") if "exercises" not in path.parts]
    words = {node.value: path for path in files for node in ast.walk(ast.parse(path.read_text())) if _is_text(node)}
    assert len(names) > 20
    assert "nbgrader_config.py" in words
    assert {name: words[name] for name in names & words.keys()} == {}


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_a_course_of_two_exercises_goes_from_release_to_feedback(folder):
    assert "sums: released" in command(folder, "assignment")
    course = folder / "course"
    sheet = nbformat.read(course / "release" / "sums" / "sums.ipynb", as_version=4)
    names = [cell.metadata.nbgrader["grade_id"] for cell in sheet.cells]
    assert names == ["sums-about", "sums-exercise-1", "add", "test-add", "sums-exercise-2", "why"]
    for student, body in {"ada": "return a + b", "bob": "return a - b"}.items():
        cell = next(cell for cell in sheet.cells if cell.metadata.nbgrader["grade_id"] == "add")
        cell.source = f"def add(a, b):\n    {body}"
        place = course / "submitted" / student / "sums" / "sums.ipynb"
        place.parent.mkdir(parents=True)
        nbformat.write(sheet, place)
    assert "2 graded now" in command(folder, "grade", "sums", "--jobs", "1")
    rows = (course / "grades.csv").read_text().splitlines()
    scores = [dict(zip(rows[0].split(","), row.split(","), strict=True)) for row in rows[1:]]
    assert {row["student_id"]: float(row["raw_score"]) for row in scores} == {"ada": 2, "bob": 0}
    assert "The sum is another number." in (course / "feedback" / "bob" / "sums" / "sums.html").read_text()
