"""A training as the probe of `MINETrainer` recorded it: its steps, as far as they can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from grading.exercises._losses import L_ref
from grading.verdict.reading import entry, error, integers, near, number, stopped, text

ROUNDED = 1e-5  # what float32 leaves of e^t, relative to it, at the t of the probe


class Step(NamedTuple):
    """One gradient step of the student's trainer, and what there was before it."""

    t: np.ndarray  # (n, n): the table before the step
    gradient: np.ndarray  # (n, n)
    data: list[int]  # the rows whose data pair was evaluated
    reference: list[tuple[int, int]]  # the other pairs that were evaluated
    size: int  # of the batch, as it should be
    index: int  # 0 for the first step of a training
    lr: float  # with which it was taken
    m_before: float
    m: float
    graph: bool

    @property
    def t_data(self) -> np.ndarray:
        return self.t[self.data, self.data]

    @property
    def t_ref(self) -> np.ndarray:
        return np.array([self.t[pair] for pair in self.reference])

    @property
    def of_data(self) -> np.ndarray:
        """The gradient at the data pairs, times the batch's size: -1 is right."""
        return self.gradient[self.data, self.data] * self.size

    @property
    def of_reference(self) -> np.ndarray:
        """The gradient at the reference pairs, times the batch's size: e^t / m is right."""
        return np.array([self.gradient[pair] for pair in self.reference]) * self.size

    @property
    def right(self) -> np.ndarray:
        """What is right at the reference pairs, given this m."""
        return np.exp(self.t_ref) / abs(self.m)

    @property
    def L_ref(self) -> float:
        return L_ref(self)


class Training:
    """One training as recorded: its steps, as far as they can be read, and why they end."""

    def __init__(self, record: object, case: dict, tolerance: float) -> None:
        self.case, self.tolerance = case, tolerance
        self.failure = error(record) or text(entry(record, "failure"))
        raw = entry(record, "steps")
        self.expected_steps = case["k"] * case["epochs"]
        self.count = len(raw) if isinstance(raw, list) else 0
        self.steps = list(self._read(raw))
        self.genuine = bool(self.steps) and self._ends_where_steps_lead(record)
        self.same_lr = all(step.lr == case["lr"] for step in self.steps)

    def _read(self, raw: object) -> Iterator[Step]:
        n, k, table, m_before = self.case["n"], self.case["k"], self.case["table"], self.case["m"]
        for index in range(min(self.count, 3 * self.expected_steps)):
            step = entry(raw, index)
            gradient, m = _table(entry(step, "gradient"), n), number(_only(entry(step, "m")))
            lr = number(entry(step, "lr"))
            if gradient is None or lr is None:
                if lr is None or entry(step, "gradient", 0) is not None:
                    return  # not a step at all
                gradient = np.zeros((n, n))
            pairs = _pairs(entry(step, "pairs"), n)
            data, reference = sorted(i for i, j in pairs if i == j), sorted(p for p in pairs if p[0] != p[1])
            m = np.nan if m is None else m
            size = len(range(index % k, n, k))
            graph = entry(step, "graph") is not False
            yield Step(table, gradient, data, reference, size, index, lr, m_before, m, graph)
            table, m_before = table - lr * gradient, m

    def _ends_where_steps_lead(self, record: object) -> bool:
        """Whether the final weights follow from the seed's start by the recorded gradients."""
        end = self.steps[-1].t - self.steps[-1].lr * self.steps[-1].gradient
        found = _table(entry(record, "table"), self.case["n"])
        if found is None or not np.array_equal(np.isnan(found), np.isnan(end)):
            return False
        return near(np.nan_to_num(found), np.nan_to_num(end), self.tolerance)

    def every(self, holds: Callable[[Step], bool]) -> bool:
        return all(holds(step) for step in self.steps)

    @property
    def words(self) -> str:
        """What the training is of."""
        return f"{self.case['n']} pairs in {self.case['k']} batch{'es' * (self.case['k'] > 1)}"

    def near(self, found, expected, scale=0.0) -> bool:
        """Whether numbers agree, each on its own scale in float64: beside e^60 an e^-3 is a number too.

        ``scale`` is that of the terms whose difference a number is.
        """
        if self.tolerance > ROUNDED:
            return near(found, expected, self.tolerance)
        found, expected = np.asarray(found), np.asarray(expected)
        if found.shape != expected.shape or not np.isfinite(expected).all():
            return False
        return bool((np.abs(found - expected) <= self.tolerance * (np.abs(expected) + scale)).all())

    def fault_of_pairs(self) -> str:
        """What is wrong with the pairs at which the critic was evaluated; "" for nothing."""
        if self.count > self.expected_steps:
            return "There were more gradient steps than batches: the loop takes one for each batch, after your lines."
        if not any(step.data or step.reference for step in self.steps):
            return "The trainer's own critic was never evaluated: call self.net, and no other network."
        if self.case["k"] > 1 and self.every(lambda s: len(s.data) == self.case["n"]):
            return (
                "All the data are used in place of the batch: evaluate the critic at x, y, and not at self.X, self.Y."
            )
        if self.every(lambda s: not s.data):
            return "The critic is never evaluated at the batch x, y."
        if self.every(lambda s: not s.reference):
            return "The critic is never evaluated at the reference pairs x_ref, y_ref."
        for s in self.steps:
            if len(s.data) != s.size or len(s.reference) != s.size or [i for i, _ in s.reference] != s.data:
                return "The critic is evaluated at other pairs than x, y and x_ref, y_ref."
        if self.case["k"] > 1 and self.every(lambda s: {j for _, j in s.reference} == set(s.data)):
            return "The reference is drawn within the batch: use x_ref and y_ref, which come from the whole sample."
            if self._elsewhere(s):
                return "The gradient reaches other pairs than those at which the critic was seen to be evaluated."
        k = self.case["k"]
        for first in range(0, len(self.steps) - k + 1, k):
            epoch = self.steps[first : first + k]
            if sorted(i for s in epoch for i in s.data) != list(range(self.case["n"])):
                return "An epoch does not use each pair once: leave the loop as it was given."
        return ""

    @staticmethod
    def _elsewhere(s: Step) -> bool:
        rest = s.gradient.copy()
        rest[s.data, s.data] = 0
        for pair in s.reference:
            rest[pair] = 0
        return bool(rest.any())

    def fault_of_steps(self) -> str:
        if self.failure:
            return stopped(self.failure, "Training")
        if not self.same_lr:
            return "The learning rate is changed in the loop: the step's size is the caller's, so leave lr alone."
        if self.count != self.expected_steps:
            return "There were fewer gradient steps than batches: the loop takes one for each batch, after your lines."
        return ""


def _table(value: object, n: int) -> np.ndarray | None:
    """A table of n by n entries, NaN for each that is no number; else None."""
    if not isinstance(value, list) or len(value) != n:
        return None
    if not all(isinstance(row, list) and len(row) == n for row in value):
        return None
    found = [[number(item) for item in row] for row in value]
    return np.array([[np.nan if item is None else item for item in row] for row in found])


def _only(m: object) -> object:
    """The number in [[m]], for an average that is kept as a tensor with one entry."""
    for _ in range(2):
        if isinstance(m, list) and len(m) == 1:
            m = m[0]
    return m


def _pairs(value: object, n: int) -> set[tuple[int, int]]:
    if not isinstance(value, list) or len(value) > 10_000:
        return set()
    pairs = [integers(pair, 0, n, 2) for pair in value]
    return {(pair[0], pair[1]) for pair in pairs if pair is not None and len(pair) == 2}
