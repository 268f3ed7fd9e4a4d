"""Which module judges a test cell: found in the course's package of exercises by the names in its modules."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from types import ModuleType

from grading.errors import CourseError

INTERFACE = ("GRADE_ID", "TEST_ID", "POINTS", "PROBE", "judge")


@cache
def exercises(package: str) -> dict[str, ModuleType]:
    """The modules of all exercises in ``package`` by the test cell that each judges.

    Names that begin with an underscore are what several exercises share. Raises CourseError that names the file for a
    module that lacks something, for a package that is not there, and for two modules that judge one cell.
    """
    found: dict[str, ModuleType] = {}
    try:
        path = importlib.import_module(package).__path__
    except ModuleNotFoundError as error:
        if not f"{package}.".startswith(f"{error.name}."):  # a judge needs something that is not installed
            raise
        raise CourseError(
            f"There is no package of exercises {package!r}: correct its name in the declaration."
        ) from None
    for entry in pkgutil.iter_modules(path):
        if entry.name.startswith("_"):
            continue
        module = importlib.import_module(f"{package}.{entry.name}")
        if missing := [name for name in INTERFACE if not hasattr(module, name)]:
            raise CourseError(f"{module.__file__} judges nothing: it lacks {', '.join(missing)}.")
        if other := found.get(module.TEST_ID):
            raise CourseError(f"{other.__file__} and {module.__file__} both judge {module.TEST_ID!r}: remove one.")
        found[module.TEST_ID] = module
    return found


def load(package: str, test_id: str) -> ModuleType:
    """The module that judges the test cell ``test_id``; raises CourseError, with the known ones, if there is none."""
    known = exercises(package)
    if test_id not in known:
        raise CourseError(
            f"No exercise judges the test cell {test_id!r}, only {', '.join(known)}: add a module to {package}."
        )
    return known[test_id]


def folder(package: str) -> Path:
    """Where the modules of a package of exercises are."""
    return Path(importlib.import_module(package).__path__[0])
