"""An answer's way to its verdict in one warm process, as it goes in a course.

The chapter's definition cells with the answer in place of the solution, then the probe, then the judge, with the record
passed as text between them. The answers are in tests/grading/answers.
"""

from __future__ import annotations

import importlib
import json
from functools import cache
from pathlib import Path

import IPython.display

import answers
from answers import REGION, fill
from chapters import editions, source
from chapters.source import BOOK
from grading.assignments import declared
from grading.record import Check
from grading.verdict import judge, registry
from grading.verdict.probe import MIME, seeded

PACKAGE = declared().exercises


def load(test_id: str):
    """The module that judges a test cell."""
    return registry.load(PACKAGE, test_id)


def _tables() -> dict[str, tuple[str, ...]]:
    """Each table of answers, and the test cells that judge its answers: those of one solution cell."""
    found: dict[str, tuple[str, ...]] = {}
    for test_id, module in registry.exercises(PACKAGE).items():
        same = [
            m.__name__.rpartition(".")[2] for m in registry.exercises(PACKAGE).values() if m.GRADE_ID == module.GRADE_ID
        ]
        name = next((name for name in same if (FOLDER / f"{name}.py").exists()), None)
        assert name, f"{module.__file__} has no table of answers: write tests/grading/answers/{same[0]}.py."
        found[name] = (*found.get(name, ()), test_id)
    strays = {path.stem for path in FOLDER.glob("[a-z]*.py")} - found.keys()
    assert not strays, f"No exercise is judged by tests/grading/answers/{', '.join(strays)}.py."
    return found


FOLDER = Path(answers.__file__).parent
TABLES = _tables()
ANSWERS = {name: importlib.import_module(f"answers.{name}") for name in TABLES}
EXERCISES = list(registry.exercises(PACKAGE))
STUB = editions.CODE_STUB


@cache
def pages() -> dict:
    """The chapters by name."""
    return {page.name: source.read(page) for page in sorted(BOOK.glob("*.md"))}


@cache
def parts(grade_id: str) -> tuple[str, tuple[str, ...]]:
    """The solution cell of an exercise, and the definition cells that come before it."""
    for page in pages().values():
        before: list[str] = []
        for cell in page.cells:
            if cell.cell_type != "code":
                continue
            if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id:
                return cell.source, tuple(before)
            if "definition" in source.tags(cell):
                before.append(cell.source)
    raise LookupError(grade_id)


@cache
def context(grade_id: str) -> dict:
    """What the chapter defines before the exercise."""
    namespace: dict = {"__name__": "__main__"}
    for given in parts(grade_id)[1]:
        exec(given, namespace)
    return namespace


def solved(grade_id: str, *answers: str) -> str:
    """The solution cell with the answers in place of its regions; without answers, the chapter's own."""
    source = parts(grade_id)[0]
    return fill(source, *answers) if answers else source


def stubbed(grade_id: str) -> str:
    return solved(grade_id, *[STUB] * len(REGION.findall(parts(grade_id)[0])))


def hidden_test(test_id: str, seed: int) -> str:
    """What the grader puts into the test cell of a submission."""
    return seeded(load(test_id).PROBE, seed)


def published(test_id: str, cell: str, seed: int) -> list[dict]:
    """The outputs that the test cell of an answer has, as nbformat keeps them."""
    namespace = dict(context(load(test_id).GRADE_ID))
    exec(compile(cell, "<answer>", "exec"), namespace)
    outputs: list = []
    original, IPython.display.publish_display_data = IPython.display.publish_display_data, outputs.append
    try:
        exec(hidden_test(test_id, seed), namespace)
    finally:
        IPython.display.publish_display_data = original
    text = json.dumps([{"output_type": "display_data", "data": data} for data in outputs], allow_nan=False)
    return json.loads(text)


@cache
def record(test_id: str, seed: int = 1) -> str:
    """The record of the chapter's own solution, as text."""
    (output,) = published(test_id, solved(load(test_id).GRADE_ID), seed)
    return json.dumps(output["data"][MIME])


def marks(test_id: str, cell: str, seed: int) -> dict[str, Check]:
    """The checks of an answer, by behaviour."""
    return {check.behaviour: check for check in judge.verdict(published(test_id, cell, seed), load(test_id), seed)}


def show(checks: dict[str, Check]) -> str:
    return "\n" + "\n".join(f"{c.earned}/{c.points} {c.behaviour}: {c.reason}" for c in checks.values())


def total(checks) -> float:
    return sum(check.earned for check in checks)
