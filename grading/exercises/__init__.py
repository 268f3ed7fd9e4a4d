"""The code exercises: what a student's kernel is asked, and how the grader judges the answer.

One module for each test cell of the chapters, named after its exercise. A module has

- ``GRADE_ID`` and ``TEST_ID``, the cells of the solution and of the test;
- ``POINTS``, the points of each behaviour; they sum to the points of the test cell;
- ``PROBE``, code for the student's kernel: it calls the student's code on inputs made from ``SEED`` and
  publishes one record of plain numbers. No expected value is in it;
- ``judge(record, seed)``, which runs in the grader's own process, takes nothing in the record on trust,
  computes what is right from the seed, and returns one `Check` for each behaviour.

To add an exercise: write such a module, name it in `MODULES`, and put its wrong answers and its correct variants
into tests/answers.
"""

from __future__ import annotations

import importlib
from functools import cache
from types import ModuleType

MODULES = (
    "reference_sample",
    "resample",
    "resample_rng",
    "avg_dv",
    "dvtrainer",
    "moving_average",
    "mine_net",
    "minetrainer",
    "mineetrainer",
)


@cache
def all_exercises() -> tuple[ModuleType, ...]:
    """The modules of all exercises, in the order of the chapters."""
    return tuple(importlib.import_module(f"{__name__}.{name}") for name in MODULES)


def load(test_id: str) -> ModuleType:
    """The module that judges the test cell ``test_id``; KeyError, with the known ones, if there is none."""
    for module in all_exercises():
        if test_id == module.TEST_ID:
            return module
    known = ", ".join(module.TEST_ID for module in all_exercises())
    raise KeyError(f"No exercise judges the test cell {test_id!r}, only {known}: add a module to grading/exercises.")
