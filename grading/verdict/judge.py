"""The verdict on a test cell, from the outputs that its execution left; all in the grader's own process."""

from __future__ import annotations

from types import ModuleType

from grading.record import Check
from grading.verdict.probe import MIME
from grading.verdict.reading import text


def verdict(cell_outputs: list[dict], exercise: ModuleType, seed: int) -> list[Check]:
    """Judge a test cell by its outputs, as nbformat keeps them: one check for each behaviour, whatever is in them."""
    records = [output["data"][MIME] for output in _displays(cell_outputs) if MIME in output["data"]]
    if len(records) != 1:
        return _nothing(exercise, _several(len(records)) if records else _none(cell_outputs))
    try:
        return exercise.judge(records[0], seed)
    except Exception as error:  # a student's record must never stop the class; an honest one does not come here
        return _nothing(exercise, f"What the probe published could not be judged ({type(error).__name__}).")


def _displays(outputs: object) -> list[dict]:
    outputs = outputs if isinstance(outputs, list) else []
    return [o for o in outputs if isinstance(o, dict) and isinstance(o.get("data"), dict)]


def _several(count: int) -> str:
    return (
        f"{count} records were published where the test publishes one, so it cannot be told which is genuine: "
        "remove what publishes them from your code."
    )


def _none(outputs: object) -> str:
    """Why there is no record: the error that the cell ended with, or that it never ran."""
    outputs = [output for output in outputs if isinstance(output, dict)] if isinstance(outputs, list) else []
    # An interrupted cell has two errors; the one that the grader adds says why it was interrupted.
    for output in sorted(outputs, key=lambda output: output.get("ename") != "CellTimeoutError"):
        if output.get("output_type") == "error":
            name, message = text(output.get("ename"), 60), text(output.get("evalue"), 300)
            if name == "CellTimeoutError":
                return f"The test was stopped: {message}"
            if name == "NotImplementedError":
                return "There is no answer yet: the stub is still in place."
            return f"The test stopped with {name or 'an error'}{': ' + message if message else ''}"
    return "The test published nothing: it did not run to its end."


def _nothing(exercise: ModuleType, reason: str) -> list[Check]:
    return [Check(behaviour, points, 0.0, reason) for behaviour, points in exercise.POINTS.items()]
