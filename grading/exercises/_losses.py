"""The smoothed loss L + L'/m and the likely mistakes in its gradient; two exercises ask for it.

A mistake says what the gradients at the data pairs and at the reference pairs are, times the batch's size, where -1 and
e^t' / m are right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np


class Batch(Protocol):
    """Where a loss is taken: the critic at the batch and at its reference, and the average that divides."""

    size: int
    m: float

    @property
    def t_data(self) -> np.ndarray: ...

    @property
    def t_ref(self) -> np.ndarray: ...


class Values(NamedTuple):
    """A batch whose values are given."""

    t_data: np.ndarray  # (size,)
    t_ref: np.ndarray  # (size,)
    m: float
    size: int


Slopes = Callable[[Batch], np.ndarray]


def L_ref(s: Batch) -> float:
    return float(np.exp(s.t_ref).mean()) if s.t_ref.size else np.nan


def exp_of_mean(s: Batch) -> float:
    return float(np.exp(s.t_ref.mean())) if s.t_ref.size else np.nan


def of_data(s: Batch) -> np.ndarray:
    return -np.ones(s.size)


def of_reference(s: Batch) -> np.ndarray:
    return np.exp(s.t_ref) / s.m


SWAPPED = "Data and reference are swapped: e^t' belongs to the reference, and -mean t to the data."

DATA_MISTAKES: dict[str, Slopes] = {
    "The sign of L is reversed: a minimiser needs L = -mean t.": lambda s: np.ones(s.size),
    "No gradient comes from the data term L: it is missing, or detached.": lambda s: np.zeros(len(s.t_data)),
    "L is a sum over the batch where it should be the mean.": lambda s: -np.ones(s.size) * s.size,
    "L is divided by m too: only L' is.": lambda s: -np.ones(s.size) / s.m,
    SWAPPED: lambda s: np.exp(s.t_data) / s.m,
    "L takes e^t of the data: it is the plain mean of t.": lambda s: -np.exp(s.t_data),
    "L is the log of the mean of e^t: it is the plain mean of t.": (
        lambda s: -np.exp(s.t_data) / np.exp(s.t_data).mean()
    ),
    "L is counted twice.": lambda s: -2 * np.ones(s.size),
    "L is halved.": lambda s: -np.ones(s.size) / 2,
}
REFERENCE_MISTAKES: dict[str, Slopes] = {
    "No gradient comes from the reference term: it is missing, or L_ref is detached in the loss.": (
        lambda s: np.zeros(len(s.t_ref))
    ),
    "L' is divided by itself, or its log is taken: there is no smoothing; divide L' by m.": (
        lambda s: np.exp(s.t_ref) / L_ref(s)
    ),
    "The sign of L'/m is reversed: the loss is L + L'/m.": lambda s: -np.exp(s.t_ref) / s.m,
    "L' is not divided by m.": lambda s: np.exp(s.t_ref),
    "L' is multiplied by m: divide.": lambda s: np.exp(s.t_ref) * s.m,
    "L' is a sum over the batch where it should be the mean.": lambda s: s.size * np.exp(s.t_ref) / s.m,
    "exp is missing in L': it is the mean of e^t', and here it is the mean of t'.": lambda s: np.ones(s.size) / s.m,
    "exp is missing in L', and its sign is reversed.": lambda s: -np.ones(s.size) / s.m,
    "L' is exp of the mean of t': take exp first, then the mean.": lambda s: np.full(s.size, exp_of_mean(s)) / s.m,
    "exp(-t') is taken: L' is the mean of e^t'.": lambda s: -np.exp(-s.t_ref) / s.m,
    SWAPPED: lambda s: -np.ones(s.size),
    "L' is divided by the square of m.": lambda s: np.exp(s.t_ref) / s.m**2,
    "L' is divided by the square root of m.": lambda s: np.exp(s.t_ref) / np.sqrt(abs(s.m)),
    "L' is divided by log m: divide by m.": lambda s: np.exp(s.t_ref) / np.log(abs(s.m)),
    "L'/m is counted twice.": lambda s: 2 * np.exp(s.t_ref) / s.m,
    "e^t' enters squared.": lambda s: 2 * np.exp(2 * s.t_ref) / s.m,
}
