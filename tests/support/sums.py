"""A course of two exercises that is no part of the book: its chapter, its judge, its settings."""

from __future__ import annotations

import json
from pathlib import Path

from chapters.source import ROOT

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


def chapter(text: str = CHAPTER, **written) -> str:
    """The chapter, with nbgrader's metadata of the written answer."""
    return text.replace("WRITTEN", json.dumps({"nbgrader": WRITTEN | {"schema_version": 3} | written}))


def lay_out(folder: Path) -> None:
    """Write the chapter, the judge, the declaration and a course's settings into a folder."""
    (folder / "chapters").mkdir()
    (folder / "chapters" / "sums.md").write_text(chapter())
    (folder / "judges_of_sums").mkdir()
    (folder / "judges_of_sums" / "__init__.py").touch()
    (folder / "judges_of_sums" / "add.py").write_text(JUDGE)
    (folder / "sums.yml").write_text(DECLARED.format(folder=folder))
    (folder / "course").mkdir()
    (folder / "course" / "nbgrader_config.py").write_text(SETTINGS.format(root=str(ROOT), folder=str(folder)))
