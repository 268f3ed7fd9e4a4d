"""A training as the probe of `MINETrainer` recorded it: its steps, as far as they can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from grading.exercises._losses import L_ref
from grading.verdict.reading import entry, error, integers, near, number, numbers, stopped, text


class Step(NamedTuple):
    """One gradient step of the student's trainer, and what there was before it."""

    t: np.ndarray  # (n, n): the table before the step
    gradient: np.ndarray  # (n, n)
    data: list[int]  # the rows whose data pair was evaluated
    reference: list[tuple[int, int]]  # the other pairs that were evaluated
    size: int  # of the batch, as it should be
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

    def _read(self, raw: object) -> Iterator[Step]:
        n, k, table, m_before = self.case["n"], self.case["k"], self.case["table"], self.case["m"]
        for index in range(min(self.count, 3 * self.expected_steps)):
            step = entry(raw, index)
            gradient, m = numbers(entry(step, "gradient"), n, n), number(_only(entry(step, "m")))
            if gradient is None:
                if entry(step, "gradient", 0) is not None:
                    return  # not a gradient at all
                gradient = np.zeros((n, n))
            pairs = _pairs(entry(step, "pairs"), n)
            data, reference = sorted(i for i, j in pairs if i == j), sorted(p for p in pairs if p[0] != p[1])
            m = np.nan if m is None else m
            size = len(range(index % k, n, k))
            yield Step(table, gradient, data, reference, size, m_before, m, entry(step, "graph") is not False)
            table, m_before = table - self.case["lr"] * gradient, m

    def _ends_where_steps_lead(self, record: object) -> bool:
        """Whether the final weights follow from the seed's start by the recorded gradients."""
        end = self.steps[-1].t - self.case["lr"] * self.steps[-1].gradient
        return near(numbers(entry(record, "table"), self.case["n"], self.case["n"]), end, self.tolerance)

    def every(self, holds: Callable[[Step], bool]) -> bool:
        return all(holds(step) for step in self.steps)

    def near(self, found, expected) -> bool:
        return near(found, expected, self.tolerance)

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
        k = self.case["k"]
        for first in range(0, len(self.steps) - k + 1, k):
            epoch = self.steps[first : first + k]
            if sorted(i for s in epoch for i in s.data) != list(range(self.case["n"])):
                return "An epoch does not use each pair once: leave the loop as it was given."
        return ""

    def fault_of_steps(self) -> str:
        if self.failure:
            return stopped(self.failure, "Training")
        if self.count != self.expected_steps:
            return "There were fewer gradient steps than batches: the loop takes one for each batch, after your lines."
        return ""


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
