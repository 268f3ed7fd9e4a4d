"""Reading a record that a student's kernel published, and writing down what it earns.

Nothing in a record is trusted: it may be of any type and depth, and hold any number. The readers here return
None, or an empty text, for whatever is not exactly what was asked for; they never raise.
"""

from __future__ import annotations

import re
from enum import StrEnum

import numpy as np

from chapters.editions import STUB
from grading.record import Check

HUGE = 1e100  # nothing that a right answer holds comes near it
SINGLE = 3e-6  # what a few steps in float32 leave of a number: right, but not to float64


def entry(record: object, *path: str | int) -> object:
    """What stands at ``path`` in nested dicts and lists, or None."""
    for key in path:
        if isinstance(record, dict) and isinstance(key, str):
            record = record.get(key)
        elif isinstance(record, list) and isinstance(key, int) and 0 <= key < len(record):
            record = record[key]
        else:
            return None
    return record


def number(value: object) -> float | None:
    """A finite number of moderate size, or None; a truth value is no number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -HUGE < value < HUGE:
        return None
    return float(value)


def numbers(value: object, *shape: int) -> np.ndarray | None:
    """An array of exactly this shape of finite numbers, from nested lists; else None."""
    rows = [value]
    for length in shape:
        deeper = []
        for row in rows:
            if not isinstance(row, list) or len(row) != length:
                return None
            deeper += row
        rows = deeper
    if not set(map(type, rows)) <= {float, int}:  # a truth value is no number
        return None
    try:
        found = np.array(rows, dtype=float)
    except OverflowError:  # an integer beyond all floats
        return None
    return found.reshape(shape) if (np.abs(found) < HUGE).all() else None


def integers(value: object, low: int, high: int, longest: int = 10_000) -> list[int] | None:
    """A list of at most ``longest`` integers in low, …, high - 1; else None."""
    if not isinstance(value, list) or len(value) > longest:
        return None
    if any(isinstance(item, bool) or not isinstance(item, int) or not low <= item < high for item in value):
        return None
    return list(value)


def text(value: object, longest: int = 200) -> str:
    """A text on one line without control characters, cut to ``longest``; "" for what is no text."""
    if not isinstance(value, str):
        return ""
    line = " ".join("".join(c if c.isprintable() else " " for c in value[: 4 * longest]).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def error(value: object) -> str:
    """The error that a part of the probe ended with, as a text on one line; "" if it did not."""
    return text(entry(value, "error")) if isinstance(value, dict) else ""


def near(found: np.ndarray | float | None, expected: np.ndarray | float, tolerance: float = 1e-9) -> bool:
    """Whether the numbers are there, have the expected shape, and agree on the scale of the expected ones."""
    if found is None:
        return False
    found, expected = np.asarray(found), np.asarray(expected)
    if found.shape != expected.shape or not np.isfinite(expected).all():
        return False
    scale = 1 + np.abs(expected).max(initial=0)
    return bool((np.abs(found - expected) <= tolerance * scale).all())


class Sheet:
    """The marks of one answer: each behaviour once, lost with a reason unless it is given."""

    def __init__(self, points: dict[str, float]) -> None:
        self.points = points
        self.reasons: dict[str, str] = {}

    def mark(self, behaviour: str, reason: str = "") -> None:
        """Give a behaviour in full if there is no reason against it, else not at all."""
        if behaviour not in self.points:
            raise KeyError(f"{behaviour!r} has no points; known are {', '.join(self.points)}.")
        self.reasons[behaviour] = reason

    def right(self, behaviour: str) -> bool:
        return self.reasons.get(behaviour) == ""

    def checks(self) -> list[Check]:
        checks = []
        for behaviour, points in self.points.items():
            reason = self.reasons.get(behaviour, "This was not reached.")
            checks.append(Check(behaviour, points, 0.0 if reason else points, reason))
        return checks


class Trouble(StrEnum):
    """What an error of the student's code is about, where torch's own message says it."""

    SHAPES = "shapes"
    TYPES = "types"
    TWICE = "twice"
    CUT = "cut"
    NUMPY = "numpy"
    DEVICES = "devices"


# The one place that reads torch's messages; a hint for each kind that has one.
MESSAGES = {
    Trouble.SHAPES: r"shapes cannot be multiplied",
    Trouble.TYPES: r"same dtype|expected .*type (Float|Double)|Float and Double|Double and Float",
    Trouble.TWICE: r"backward through the graph a second time",
    Trouble.CUT: r"does not require grad",
    Trouble.NUMPY: r"Can't call numpy\(\)",
    Trouble.DEVICES: r"same device|device meta|meta device",
}
HINTS = {
    Trouble.SHAPES: " Are all columns there, side by side on the last dimension?",
    Trouble.TYPES: " Something changed the float type.",
    Trouble.TWICE: " A graph of an earlier step is still attached: detach what is kept.",
    Trouble.CUT: " The graph was cut: is something detached, under no_grad, or turned into a number?",
    Trouble.NUMPY: " Stay with torch's functions, which keep the graph.",
}


def trouble(message: str) -> Trouble | None:
    """What an error is about, if torch's message says it."""
    return next((kind for kind, pattern in MESSAGES.items() if re.search(pattern, message)), None)


def stopped(message: str, what: str) -> str:
    """The sentence for a call that ended with an error, in words where the error is a common one."""
    kind, _, said = message.partition(": ")
    if kind == "NotImplementedError" and said == STUB:
        return "There is no answer yet: the stub is still in place."
    if kind == "KeyError" and said.strip("'").isidentifier():
        return f"The notebook does not define {said.strip(chr(39))}: keep its name, and run the notebook from the top."
    about = trouble(message)
    hint = HINTS.get(about, "") if about else ""
    end = "" if message.endswith((".", "!", "?", "…")) else "."
    return f"{what} stopped with {message}{end}{hint}"
