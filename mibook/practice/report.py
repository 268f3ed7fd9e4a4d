"""What is known about I(X; Y) after an analysis: numbers in nats and bits, findings, and what may be written."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from mibook.practice.copula import Value
from mibook.practice.design import Design
from mibook.practice.findings import Finding
from mibook.practice.rule import Evidence
from mibook.practice.table import Side

Interval = tuple[float, float]
Null = tuple[float, np.ndarray]


@dataclass
class Summary:
    """A report on I(X; Y) in numbers and words. Every quantity is in nats. What was not computed is None.

    estimate, interval: of I, at ``level``; None where they are refused, and `refusal` says why.
    critic: what the cross-fitted critics see on rows that they were not trained on, with its standard error.
    certified: an interval at ``level`` for the value of these critics in the law, which I is not below; its lower end
    is a bound on I for large n. None where their standard error is not to be believed.
    p: of two permutation tests of independence, twice the smaller p-value. copula_null and critic_null: what each test
    observed and its values under permutation.
    copula: the Gaussian-copula baseline. ksg: the nearest-neighbour estimate from normal scores.
    evidence: what the rule looked at, among it critics that were trained longer, or on half of the rows.
    """

    x: Side
    y: Side
    design: Design
    level: float
    seed: int
    findings: list[Finding] = field(default_factory=list)
    copula: Value | None = None
    ksg: float | None = None
    critic: Value | None = None
    certified: Interval | None = None
    estimate: float | None = None
    interval: Interval | None = None
    p: float | None = None
    copula_null: Null | None = None
    critic_null: Null | None = None
    evidence: Evidence | None = None
    seconds: float = 0.0

    @property
    def n(self) -> int:
        """The number of rows."""
        return len(self.design.units)

    @property
    def refusal(self) -> Finding | None:
        """The first finding that refuses an interval for I, or None."""
        return next((finding for finding in self.findings if finding.refuses), None)

    @property
    def warnings(self) -> list[Finding]:
        """The findings that refuse nothing."""
        return [finding for finding in self.findings if not finding.refuses]

    @property
    def detected(self) -> bool:
        """Whether independence is rejected at the level of 5 %."""
        return self.p is not None and self.p <= 0.05

    def sentence(self) -> str:
        """What may be written, with its conditions."""
        if self.p is None:
            return f"No estimate is made: {self.refusal.reason.value}." if self.refusal else "No estimate is made."
        test = f"two permutation tests, p = {self.p:.3f}"
        if not self.detected:
            said = f"With {self.n} rows no dependence was detected ({test}), which is not evidence that there is none."
            if self.interval:
                said += (
                    f" The interval for I reaches up to {self.interval[1]:.2f} nats: this much may have been missed."
                )
            return said
        said = f"X and Y are dependent ({test})."
        if self.critic and self.certified:
            said += (
                f" Cross-fitted critics see {self.critic.estimate:.2f} ± {self.critic.standard_error:.2f} nats in "
                f"{self.n} rows, so I is at least {max(self.certified[0], 0):.2f} nats "
                f"({100 * self._one_sided:.0f} %, for large n)."
            )
        if self.interval:
            low, high = self.interval
            nominal = f"nominally {100 * self.level:.0f} %"
            return f"{said} An interval for I itself is {low:.2f} to {high:.2f} nats ({nominal})."
        return said + (f" An interval for I is refused: {self.refusal.reason.value}." if self.refusal else "")

    @property
    def _one_sided(self) -> float:
        return (1 + self.level) / 2

    def rows(self) -> list[tuple[str, str, str]]:
        """The table of the report, of what was computed: what, in nats, in bits."""
        rows = []
        for name, value in (
            ("Gaussian copula", self.copula),
            ("KSG, k = 3", self.ksg),
            ("critics, cross-fitted", self.critic),
            ("what the critics certify", self.certified),
            ("I", self.estimate),
            ("interval for I", self.interval),
        ):
            if value is not None:
                rows.append((name, _said(value, 1.0), _said(value, 1 / math.log(2))))
        return rows

    def __str__(self) -> str:
        names = " against ".join(", ".join(column.name for column in side.columns) for side in (self.x, self.y))
        lines = [f"Mutual information of {names}, {self.n} rows", f"{'':26s}{'nats':>18s}{'bits':>18s}"]
        lines += [f"{name:26s}{nats:>18s}{bits:>18s}" for name, nats, bits in self.rows()]
        if self.p is not None:
            lines.append(f"{'p-value of independence':26s}{self.p:>18.3f}")
        for finding in self.findings:
            lines += [
                f"{'refusal' if finding.refuses else 'warning'} ({finding.reason.value}): {finding.sentence}",
                f"  {finding.advice} In the book: {finding.section.title} ({finding.section.label}).",
            ]
        return "\n".join([*lines, self.sentence()])


def _said(value: Value | Interval | float, unit: float) -> str:
    """A number, a number with its error, or an interval, in a unit."""
    if isinstance(value, Value):
        return f"{value.estimate * unit:.3f} ± {value.standard_error * unit:.3f}"
    if isinstance(value, tuple):
        return f"{value[0] * unit:.3f} to {value[1] * unit:.3f}"
    return f"{value * unit:.3f}"
