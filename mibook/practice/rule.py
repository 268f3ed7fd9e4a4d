"""When an interval for I is given, how wide it is, and when it is refused: one rule, in numbers.

The numbers were fixed on half of the laws of `benchmarks.practice` and are reported on the other half. All are in nats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from scipy.stats import norm

from mibook.estimators.settings import Settings
from mibook.practice.copula import Value
from mibook.practice.critics import STRENGTHS, CrossFitted
from mibook.practice.design import Design
from mibook.practice.findings import Finding

MAIN = Settings(n_iters=250, lr=2e-2, batch=125, record_every=250)
LONGER = Settings(n_iters=450, lr=1e-2, batch=250, record_every=450)
"""Two trainings of the critics: if the longer one sees much more, neither has settled."""


class Seen(NamedTuple):
    """What one cross-fitting saw: its value at each of `STRENGTHS`, its standard error and folds at the best one."""

    values: tuple[float, ...]
    standard_error: float
    folds: tuple[float, ...]

    @property
    def value(self) -> float:
        return max(self.values)


def seen(fitted: CrossFitted, design: Design) -> Seen:
    """Sum up a cross-fitting in numbers."""
    best = fitted.best()
    error = design.standard_error(fitted.influence(best))
    return Seen(tuple(fitted.estimate(a) for a in STRENGTHS), error, tuple(fitted.values(best).tolist()))


@dataclass(frozen=True)
class Evidence:
    """What the rule looks at. main, longer, halves: of the critics. optimism: of the base alone, on the rows that it
    was fitted to against rows that it was not. units: independent rows, groups or stretches of time."""

    units: int
    main: Seen
    longer: Seen
    halves: Seen
    optimism: float
    copula: Value | None
    ksg: float | None

    @property
    def best(self) -> Seen:
        """The training that saw more: both are judged on rows that they were not trained on."""
        return max(self.main, self.longer, key=lambda part: part.value)


class Conclusion(NamedTuple):
    """What the critics see and certify, an estimate of I with its interval or None, and what was found."""

    critic: Value
    certified: tuple[float, float]
    estimate: float | None
    interval: tuple[float, float] | None
    findings: list[Finding]


def conclude(evidence: Evidence, level: float) -> Conclusion:
    """Apply the rule at a level of the intervals."""
    z = float(norm.isf((1 - level) / 2))
    best = evidence.best
    critic = Value(best.value, best.standard_error)
    certified = (best.value - z * best.standard_error, best.value + z * best.standard_error)
    return Conclusion(critic, certified, best.value, certified, [])
