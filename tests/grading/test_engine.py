"""The engine alone: a course of two exercises goes from release to feedback, and nothing of the book is loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from chapters.source import ROOT

pytestmark = pytest.mark.usefixtures("sandbox")

CHAPTER = """\
---
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# Sums

```{exercise} Add
:label: ex-add
Write a function that adds $a$ and $b$.
```

```{code-cell} ipython3
---
nbgrader: {grade: false, grade_id: add, locked: false, schema_version: 3, solution: true, task: false}
---
def add(a, b):
    ### BEGIN SOLUTION
    return a + b
    ### END SOLUTION
```

```{code-cell} ipython3
---
nbgrader: {grade: true, grade_id: test-add, locked: true, points: 2, schema_version: 3, solution: false, task: false}
---
assert add(1, 2) == 3, "1 and 2 are 3"
```

```{exercise} Why
:label: ex-why
Why does the order not matter?
```

+++ WRITTEN

````{dropdown} Answer
Addition commutes.
````
"""
WRITTEN = {"grade": True, "grade_id": "why", "locked": False, "points": 1, "solution": True, "task": False}
JUDGE = '''\
"""Addition of two numbers that the seed draws."""

from grading.record import Check
from grading.verdict.probe import probe_source
from grading.verdict.reading import entry, near, number

GRADE_ID, TEST_ID = "add", "test-add"
POINTS = {"sum": 2}


def inputs(seed):
    return {"a": seed % 1000, "b": seed % 77}


def probe(student, attempt, a, b):
    attempt("sum", lambda: student["add"](a, b))


PROBE = probe_source(inputs, probe)


def judge(record, seed):
    given = inputs(seed)
    right = near(number(entry(record, "sum")), float(given["a"] + given["b"]))
    return [Check("sum", 2, 2.0 if right else 0.0, "" if right else "The sum is another number.")]
'''
DECLARED = """\
chapters: {folder}/chapters
exercises: judges_of_sums
assignments:
  sums:
    title: Sums
    sheets: {{sums: {{exercises: [add, why]}}}}
"""
SETTINGS = """\
import sys
from pathlib import Path

sys.path[:0] = [{root!r}, {folder!r}]
from grading.nbgrader_config import configure

configure(get_config(), Path(__file__).resolve().parent, Path({folder!r}) / "sums.yml")
"""
COMMAND = """\
import sys
from grading.__main__ import main
status = main(sys.argv[1:])
book = [name for name in sys.modules if name.startswith(("mibook", "sitebuild", "grading.exercises"))]
sys.exit(f"imported: {book}" if book else status)
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters" / "sums.md").write_text(
        CHAPTER.replace("WRITTEN", json.dumps({"nbgrader": WRITTEN | {"schema_version": 3}}))
    )
    (tmp_path / "judges_of_sums").mkdir()
    (tmp_path / "judges_of_sums" / "__init__.py").touch()
    (tmp_path / "judges_of_sums" / "add.py").write_text(JUDGE)
    (tmp_path / "sums.yml").write_text(DECLARED.format(folder=tmp_path))
    (tmp_path / "course").mkdir()
    (tmp_path / "course" / "nbgrader_config.py").write_text(SETTINGS.format(root=str(ROOT), folder=str(tmp_path)))
    return tmp_path


def command(folder: Path, *words: str) -> str:
    """Run one of the course's commands; it fails if it imported anything of the book."""
    line = [sys.executable, "-c", COMMAND, *words, "--course", str(folder / "course")]
    variables = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)])}
    run = subprocess.run(line, cwd=folder, env=variables, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


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
