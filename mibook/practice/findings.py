"""What may stand between a table and a number: each finding has a reason, a sentence, what to do, and where to read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import numpy as np
from scipy.stats import norm, rankdata

from mibook.practice.design import Design
from mibook.practice.table import Column, Kind, Side

FEWEST_UNITS = 40
"""Independent rows, groups or stretches of time below which nothing is trained."""
ATOM, TIED = 0.05, 0.02
"""Part of the rows that one value of a continuous column may hold, and that may share their value with others."""
FEW_VALUES = 20
"""Different values up to which a column of numbers counts as discrete."""
COPIED = 0.01
"""Part of the rows that may be copies of others."""
TIME_LEVEL = 1e-4
"""Level of the test for dependence between neighbouring rows, over all columns of a side."""


class Reason(Enum):
    """What was found; code asks for these and not for sentences."""

    TOO_FEW = "too few samples for the dimension"
    ATOMS = "atoms against a continuous reference"
    TIES = "ties"
    DUPLICATES = "duplicates"
    TIME = "dependence in time"
    NEAR_LOG_N = "information near log n"
    FOLDS_DISAGREE = "folds that disagree"
    NOT_SETTLED = "training not settled"
    METHODS_DISAGREE = "methods that disagree"
    NOT_DETECTED = "no dependence detected"


class Section(NamedTuple):
    """A section of the book: its label, and the words above it."""

    label: str
    title: str


ENDING = Section("sec-ending", "From two arrays to a sentence")
ERROR = Section("sec-error", "One error, four parts")
SECTIONS = {
    Reason.TOO_FEW: Section("deeper-no-uniform", "Deeper: what that means for a sample of a given size"),
    Reason.ATOMS: ENDING,
    Reason.TIES: Section("deeper-rounding", "Deeper: what rounding costs, and what counting adds"),
    Reason.DUPLICATES: Section("deeper-bootstrap", "Deeper: why not the bootstrap?"),
    Reason.TIME: ENDING,
    Reason.NEAR_LOG_N: Section("sec-reachable", "The cost of the mixture"),
    Reason.FOLDS_DISAGREE: ERROR,
    Reason.NOT_SETTLED: ERROR,
    Reason.METHODS_DISAGREE: ERROR,
    Reason.NOT_DETECTED: Section("sec-permutation", "First: is there any dependence?"),
}
"""The section of the book that explains each reason."""


@dataclass(frozen=True)
class Finding:
    """A warning, or a refusal of an interval for I: why, in a sentence, and what to do."""

    reason: Reason
    sentence: str
    advice: str
    refuses: bool = False

    @property
    def section(self) -> Section:
        """The book's section on it."""
        return SECTIONS[self.reason]


def discrete(column: Column) -> bool:
    """Whether a column takes few values, so that no density is meant."""
    if column.kind in (Kind.BOOLEAN, Kind.CATEGORICAL):
        return True
    return len(np.unique(column.values)) <= min(FEW_VALUES, len(column.values) / 5)


def look(x: Side, y: Side, design: Design, *, in_order: bool) -> list[Finding]:
    """What the rows show before anything is trained; ``in_order``: whether their order is one of time, for all we know.

    Raises nothing: what cannot be estimated at all has been refused as a `TableError`.
    """
    copies = _copies(x, y, design)
    found = _few(design) + copies
    if in_order and design.single:
        found += _time(x, y)
    if copies:  # whose values are tied because their rows are
        return found
    return found + [finding for column in x.columns + y.columns for finding in _tied(column)]


def _few(design: Design) -> list[Finding]:
    if design.number >= FEWEST_UNITS:
        return []
    what = "independent rows" if design.single else "stretches of time" if design.time else "groups"
    text = f"There are {design.number} {what}, and below {FEWEST_UNITS} neither folds nor a standard error mean much."
    return [Finding(Reason.TOO_FEW, text, "Collect more, or report the scatter plot.", refuses=True)]


def _copies(x: Side, y: Side, design: Design) -> list[Finding]:
    """Rows that equal another of another unit in every column, where rounding does not explain it."""
    continuous = [column for column in x.columns + y.columns if not discrete(column)]
    if not continuous:
        return []
    table = np.hstack([x.raw, y.raw])
    _, inverse, counts = np.unique(table, axis=0, return_inverse=True, return_counts=True)
    inverse = inverse.reshape(-1)
    units = np.unique(np.column_stack([inverse, design.units]), axis=0)[:, 0]
    across = np.bincount(units, minlength=len(counts))  # in how many units each row occurs
    copied = int((across[inverse] > 1).sum() - (across > 1).sum())
    tied = min(_tied_pairs(np.unique(column.values, return_counts=True)[1]) for column in continuous)
    if copied <= COPIED * len(table) or _tied_pairs(counts) < tied / 2:
        return []
    text = f"{copied} of {len(table)} rows are copies of others, so a critic is judged on rows that it has seen."
    advice = "Keep one of each, or name what belongs together by groups, so that all copies lie in one fold."
    return [Finding(Reason.DUPLICATES, text, advice, refuses=True)]


def _tied_pairs(counts: np.ndarray) -> float:
    return float((counts * (counts - 1.0)).sum())


def neighbours(side: Side) -> float:
    """The largest |correlation| of neighbouring rows' ranks over the columns with an order, times sqrt(n)."""
    largest = 0.0
    for column in side.columns:
        ranks = rankdata(column.values)
        if column.kind is not Kind.CATEGORICAL and ranks.std() > 0:
            ranks = ranks - ranks.mean()
            largest = max(largest, abs(ranks[:-1] @ ranks[1:]) / (ranks @ ranks) * np.sqrt(len(ranks)))
    return largest


def _time(x: Side, y: Side) -> list[Finding]:
    beyond = [(side, r) for side in (x, y) if (r := neighbours(side)) > norm.isf(TIME_LEVEL / (2 * len(side.columns)))]
    if not beyond:
        return []
    n = len(x.raw)
    said = " and ".join(f"{side.name} ({r / np.sqrt(n):.2f})" for side, r in beyond)
    text = f"Neighbouring rows are correlated in {said}, so there are fewer independent rows than {n}."
    advice = (
        "If the rows are a record in time, say time=True: folds and permutations then keep stretches whole. "
        "If their order means nothing, as in a sorted table, say time=False."
    )
    return [Finding(Reason.TIME, text, advice, refuses=len(beyond) == 2)]


def _tied(column: Column) -> list[Finding]:
    if discrete(column):
        return []
    counts = np.unique(column.values, return_counts=True)[1]
    n = len(column.values)
    if counts.max() > max(3, ATOM * n):
        text = f"{100 * counts.max() / n:.0f} % of the rows of {column.name!r} share one value, so it has no density."
        advice = "The copula baseline and KSG, which assume one, are left out; the critics need none."
        return [Finding(Reason.ATOMS, text, advice)]
    if (part := counts[counts > 1].sum() / n) > TIED:
        text = f"{100 * part:.0f} % of the values of {column.name!r} occur more than once, as after rounding."
        advice = "KSG reads ties as dependence and is left out; the ranks of ties are shared."
        return [Finding(Reason.TIES, text, advice)]
    return []


def memory(columns: list[Column]) -> int:
    """Rows of a stretch of time: twice the lag from which no column's ranks correlate beyond noise, at least n^(1/3).

    At most a fortieth of the rows, so that enough stretches are left.
    """
    n = len(columns[0].values)
    longest = max(1, n // FEWEST_UNITS)
    needed = int(np.ceil(n ** (1 / 3)))
    for column in columns:
        ranks = rankdata(column.values)
        ranks = ranks - ranks.mean()
        power = float(ranks @ ranks)
        for lag in range(1, longest + 1):
            if power == 0 or abs(ranks[:-lag] @ ranks[lag:]) / power < 2 / np.sqrt(n):
                break
            needed = max(needed, 2 * lag)
    return min(needed, longest)
