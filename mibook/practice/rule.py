"""When an interval for I is given, how wide it is, and when it is refused: one rule, in numbers.

The numbers were fixed on half of the laws of `benchmarks.practice` and are reported on the other half. All are in nats.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.stats import chi2, norm

from mibook.estimators.settings import Settings
from mibook.practice.copula import Value
from mibook.practice.critics import STRENGTHS, CrossFitted
from mibook.practice.design import Design
from mibook.practice.findings import Finding, Reason

MAIN = Settings(n_iters=250, lr=2e-2, batch=125, record_every=250)
LONGER = Settings(n_iters=450, lr=1e-2, batch=250, record_every=450)
"""Two trainings of the critics: if the longer one sees much more, neither has settled."""


LOST, LOST_MANY = 0.12, 0.02
"""Nats that the networks at full strength may lose against the best strength; in more than a few columns, where the
critics' value is to be reported."""
NEAR = 0.75
"""Part of log n beyond which nothing is claimed: at log n the right pairs cannot be told from chance."""
FOLDS_LEVEL = 1e-3
"""Level of the test that the folds' values have one mean."""
DEPARTED = 2.3
"""Standard errors (`copula.departure`) from which scores are not taken for jointly Gaussian."""
CLIMB_FEW, CLIMB_MANY = 0.1, 0.02
"""Nats that critics may gain from more rows and a longer training together, in few columns and in more."""
ADDED = 0.05
"""Nats that networks may add, or twice their standard error, where the scores are taken for jointly Gaussian."""
FEW_COLUMNS, APART = 3, 1.0
"""Columns up to which KSG is about right, so that it widens the interval; with more of them it may lie above the
critics by this much over sqrt(n)."""
FLOOR = 1.0
"""Half of an interval is at least this over sqrt(n): the least with which the half of the laws is covered at 90 %."""


class Seen(NamedTuple):
    """What one cross-fitting saw: its value at each of `STRENGTHS`, its standard error and folds at the best one."""

    values: tuple[float, ...]
    standard_error: float
    folds: tuple[float, ...]

    @property
    def value(self) -> float:
        return max(self.values)

    @property
    def scatter(self) -> float:
        """The sum of the folds' squared deviations over their variance: chi-squared if they have one mean."""
        folds = np.array(self.folds)
        return float(((folds - folds.mean()) ** 2).sum() / max(len(folds) * self.standard_error**2, 1e-12))


def seen(fitted: CrossFitted, design: Design) -> Seen:
    """Sum up a cross-fitting in numbers."""
    best = fitted.best()
    error = design.standard_error(fitted.influence(best))
    return Seen(tuple(fitted.estimate(a) for a in STRENGTHS), error, tuple(fitted.values(best).tolist()))


@dataclass(frozen=True)
class Evidence:
    """What the rule looks at. main, longer, halves: of the critics. optimism: of the base alone, on the rows that it
    was fitted to against rows that it was not. units: independent rows, groups or stretches of time. columns: of
    numbers, X's and Y's. departure: of the scores from a Gaussian law, in standard errors; None with categories and
    atoms. detected: whether independence is rejected."""

    units: int
    main: Seen
    longer: Seen
    halves: Seen
    optimism: float
    copula: Value | None
    ksg: float | None
    columns: int
    departure: float | None
    detected: bool

    @property
    def lost(self) -> float:
        """What networks at full strength lose against the best strength."""
        return self.main.value - self.main.values[-1]

    @property
    def added(self) -> float:
        """What the networks add to the base."""
        return self.best.value - self.best.values[0]

    @property
    def gaussian(self) -> bool:
        """Whether the scores look jointly Gaussian, and networks add nothing that says otherwise."""
        near = self.departure is not None and self.departure < DEPARTED
        return near and self.added < max(2 * self.best.standard_error, ADDED)

    @property
    def climb(self) -> float:
        """What the critics gain from training on 80 % of the rows over 50 %."""
        return max(self.main.value - self.halves.value, 0.0)

    @property
    def gain(self) -> float:
        """What the critics gain from a longer training."""
        return max(self.longer.value - self.main.value, 0.0)

    @property
    def best(self) -> Seen:
        """The training that saw more: both are judged on rows that they were not trained on."""
        return max(self.main, self.longer, key=lambda part: part.value)


class Conclusion(NamedTuple):
    """What the critics see and certify, an estimate of I with its interval or None, and what was found."""

    critic: Value
    certified: tuple[float, float] | None
    estimate: float | None
    interval: tuple[float, float] | None
    findings: list[Finding]


def conclude(evidence: Evidence, level: float) -> Conclusion:
    """Apply the rule at a level of the intervals.

    Where the scores look jointly Gaussian and the networks add nothing, the copula's value is reported with its own
    error. Else the critics' value is, widened by all that speaks for a shortfall.
    """
    z = float(norm.isf((1 - level) / 2))
    best = evidence.best
    critic = Value(best.value, best.standard_error)
    certified = (best.value - z * best.standard_error, best.value + z * best.standard_error)
    general = _general(evidence)
    found = [*general, *(_of_copula if evidence.gaussian else _of_critics)(evidence)]
    if found:
        return Conclusion(critic, None if general else certified, None, None, found)
    floor = FLOOR / math.sqrt(evidence.units)
    if evidence.gaussian and evidence.copula is not None:
        estimate, reach = evidence.copula.estimate, math.hypot(z * evidence.copula.standard_error, floor)
    else:
        above = 0.0 if evidence.ksg is None else max(evidence.ksg - best.value, 0.0)
        estimate = best.value + above
        reach = math.hypot(z * best.standard_error, above, evidence.climb, evidence.gain, floor)
    return Conclusion(critic, certified, max(estimate, 0.0), (max(estimate - reach, 0.0), max(estimate + reach, 0)), [])


def _general(evidence: Evidence) -> list[Finding]:
    """What speaks against any claim: the critics' own standard error does not hold then."""
    found, best = [], evidence.best
    if best.value > NEAR * math.log(evidence.units):
        text = (
            f"The critics see {best.value:.2f} nats, near log n = {math.log(evidence.units):.2f}: "
            "so few reference pairs carry the average of exp t that its error is not known."
        )
        found.append(_refusal(Reason.NEAR_LOG_N, text, "Collect more rows, or report that I is large."))
    if chi2.sf(best.scatter, len(best.folds) - 1) < FOLDS_LEVEL:
        low, high = min(best.folds), max(best.folds)
        text = f"The folds' values lie between {low:.2f} and {high:.2f} nats, farther apart than their errors allow."
        found.append(_refusal(Reason.FOLDS_DISAGREE, text, "Look for outliers, copies or groups of rows."))
    return found


def _of_copula(evidence: Evidence) -> list[Finding]:
    """What speaks against the copula's value: critics see nothing on fresh rows, and networks could not have."""
    vouched = evidence.detected and evidence.best.value > 2 * evidence.best.standard_error
    return [] if vouched or evidence.lost <= LOST else [_too_few(evidence)]


def _of_critics(evidence: Evidence) -> list[Finding]:
    """What speaks against the critics' value, where the copula's does not do."""
    found, best, few = [], evidence.best, evidence.columns <= FEW_COLUMNS
    if evidence.lost > (LOST if few else LOST_MANY):
        found.append(_too_few(evidence))
    if evidence.climb + evidence.gain > (CLIMB_FEW if few else CLIMB_MANY):
        text = (
            f"From 50 to 80 % of the rows critics gain {evidence.climb:.2f} nats, and from a longer training "
            f"{evidence.gain:.2f}: the next step would raise them again."
        )
        found.append(_refusal(Reason.NOT_SETTLED, text, "Collect more rows; what the critics certify stays a bound."))
    allowed = APART / math.sqrt(evidence.units)
    if not few and evidence.ksg is not None and evidence.ksg - best.value > allowed:
        text = (
            f"KSG, which reads too low in several columns, says {evidence.ksg:.2f} nats, "
            f"and the critics see {best.value:.2f}: they miss something."
        )
        found.append(
            _refusal(Reason.METHODS_DISAGREE, text, "Collect more rows; the larger value is the better guess.")
        )
    if not few and evidence.departure is not None and not found:
        text = (
            f"The scores of {evidence.columns} columns do not look jointly Gaussian, and where they are not, critics "
            "of this size were seen to fall short in more than three columns without a sign of it."
        )
        found.append(_refusal(Reason.METHODS_DISAGREE, text, "Report what the critics certify: it stays a bound."))
    return found


def _too_few(evidence: Evidence) -> Finding:
    text = (
        f"On fresh rows the networks fall {evidence.lost:.2f} nats below what is seen without them: with "
        f"{evidence.units} independent rows of {evidence.columns} columns they learn noise."
    )
    return _refusal(Reason.TOO_FEW, text, "Collect more rows, or ask about fewer columns.")


def _refusal(reason: Reason, sentence: str, advice: str) -> Finding:
    return Finding(reason, sentence, advice, refuses=True)
