"""How the rows of a table hang together, and what follows for folds, permutations and standard errors.

Rows belong to units: a row of its own where rows are independent, a group, or a stretch of time. Folds never cut a
unit, a permutation moves units whole, and a standard error counts units.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

CHUNK = 250
"""Independent rows that serve as each other's reference: n times as many pairs, which is cheap and enough."""


@dataclass(frozen=True)
class Design:
    """units: the unit of each row, shape (n,), counted from 0 in the order of the rows.

    time: whether units are stretches of one record, so that neighbours depend on each other too.
    single: whether each row is a unit.
    """

    units: np.ndarray
    time: bool = False

    @property
    def single(self) -> bool:
        return not self.time and self.number == len(self.units)

    @property
    def number(self) -> int:
        return int(self.units.max()) + 1

    def folds(self, number: int, rng: np.random.Generator) -> list[np.ndarray]:
        """``number`` folds of whole units: of stretches that follow each other in time, else drawn at random."""
        order = np.arange(self.number) if self.time else rng.permutation(self.number)
        size = np.bincount(self.units)[order]
        place = np.minimum((np.cumsum(size) - size / 2) * number // len(self.units), number - 1).astype(int)
        parts = [np.flatnonzero(np.isin(self.units, order[place == k])) for k in range(number)]
        return [part for part in parts if len(part)]

    def without(self, fold: np.ndarray) -> np.ndarray:
        """The rows that may train a critic of the fold: no unit of it and, in time, none next to it."""
        near = np.unique(self.units[fold])
        if self.time:
            near = np.concatenate([near - 1, near, near + 1])
        return np.flatnonzero(~np.isin(self.units, near))

    def chunks(self, fold: np.ndarray) -> list[np.ndarray]:
        """The fold's rows in parts that serve as their own reference; whole where units hold several rows."""
        return np.array_split(fold, max(1, round(len(fold) / CHUNK))) if self.single else [fold]

    def apart(self, rows: np.ndarray) -> np.ndarray:
        """Which pairs of the rows are of different units that do not touch, shape (m, m)."""
        unit = self.units[rows]
        return np.abs(unit[:, None] - unit) > int(self.time)

    def order(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A random order of the units among rows, as places in ``rows``, shape (m,)."""
        if self.single:
            return rng.permutation(len(rows))
        names, place = np.unique(self.units[rows], return_inverse=True)
        return np.argsort(rng.permutation(len(names))[place], kind="stable")

    def standard_error(self, influence: np.ndarray) -> float:
        """The standard error of the mean of influence, shape (n,), whose sums over units are independent."""
        total = np.bincount(self.units, influence)
        return float(np.sqrt((total**2).sum() * len(total) / max(len(total) - 1, 1)) / len(influence))


def independent(n: int) -> Design:
    return Design(np.arange(n))


def grouped(groups: np.ndarray) -> Design:
    """Units from group labels of any kind, shape (n,), numbered as they first appear."""
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    return Design(np.argsort(np.argsort(first))[inverse])


def in_time(n: int, length: int) -> Design:
    """Stretches of ``length`` rows that follow each other; a shorter rest joins the last one."""
    return replace(Design(np.minimum(np.arange(n) // length, max(n // length - 1, 0))), time=True)
