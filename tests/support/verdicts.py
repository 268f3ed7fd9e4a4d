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


# Every answer of the tables, over seeds, and what a forged record gains


def entries(name: str, *kinds: str) -> list[tuple[str, str, tuple[str, ...]]]:
    """Kind, title and the text of each region, for the answers of a table."""
    found = []
    for kind in kinds or ("WRONG", "RIGHT"):
        for title, answer in getattr(ANSWERS[name], kind).items():
            texts = answer[2:] if kind == "WRONG" else answer if isinstance(answer, tuple) else (answer,)
            found.append((kind, title, texts))
    return found


def earned(name: str, answer: tuple[str, ...], seed: int) -> dict[str, float]:
    """What an answer earns for each behaviour, over the test cells that judge it."""
    checks = [check for t in TABLES[name] for check in marks(t, solved(load(t).GRADE_ID, *answer), seed).values()]
    return {check.behaviour: check.earned for check in checks}


def forged(found: object, right: object, known: set[tuple]) -> object:
    """A record with every claim of the right one: texts, truth values, shapes, counts, and inputs that came back.

    The other numbers stay as they are found; ``known`` holds the inputs, each as one row of numbers.
    """
    if isinstance(right, dict):
        found = found if isinstance(found, dict) and "error" not in found else {}
        return {key: forged(found.get(key), value, known) for key, value in right.items()}
    if isinstance(right, list):
        if flat(right) in known or all(isinstance(item, int) for item in right):
            return right
        found = found if isinstance(found, list) and len(found) == len(right) else [None] * len(right)
        return [forged(a, b, known) for a, b in zip(found, right, strict=True)]
    return found if isinstance(right, float) else right


def flat(value: object) -> tuple:
    """All numbers in nested lists, in order."""
    if isinstance(value, dict):
        value = list(value.values())
    if hasattr(value, "tolist"):
        value = value.tolist()
    return tuple(x for item in value for x in flat(item)) if isinstance(value, (list, tuple)) else (value,)


def _arrays(value: object):
    if isinstance(value, (list, tuple, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _arrays(item)
        if not isinstance(value, dict):
            yield flat(value)
    elif hasattr(value, "tolist"):
        yield flat(value)


def gain(test_id: str, answer: tuple[str, ...], seed: int) -> float:
    """How many points more a wrong answer has if its kernel makes every claim of the right record."""
    module = load(test_id)
    outputs = published(test_id, solved(module.GRADE_ID, *answer), seed)
    if len(outputs) != 1:
        return 0.0
    found = outputs[0]["data"][MIME]
    known = set(_arrays(module.inputs(seed)))
    return total(module.judge(forged(found, json.loads(record(test_id, seed)), known), seed)) - total(
        module.judge(found, seed)
    )
