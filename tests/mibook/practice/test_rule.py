"""When an interval is given and when it is refused, from the numbers that the rule looks at."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mibook.practice import Reason
from mibook.practice.copula import Value
from mibook.practice.rule import Evidence, Seen, conclude

SMOOTH = Seen((0.40, 0.40, 0.39), 0.02, (0.38, 0.42, 0.40, 0.39, 0.41))
GAUSSIAN = Evidence(
    units=1000, main=SMOOTH, longer=SMOOTH, halves=SMOOTH, optimism=0.01, copula=Value(0.41, 0.02), ksg=0.40, columns=2,
    departure=1.0, detected=True,
)  # fmt: skip
BENT = Seen((0.05, 0.30, 0.40), 0.02, SMOOTH.folds)
CURVED = replace(GAUSSIAN, main=BENT, longer=BENT, halves=BENT, copula=Value(0.05, 0.01), departure=20.0)


def refusals(evidence):
    end = conclude(evidence, 0.9)
    assert (end.interval is None) == bool(end.findings)
    return {finding.reason for finding in end.findings}


def test_a_gaussian_copula_is_reported_with_its_own_error():
    end = conclude(GAUSSIAN, 0.9)
    assert end.estimate == 0.41
    assert end.interval == pytest.approx((0.41 - 0.0456, 0.41 + 0.0456), abs=2e-3)
    assert conclude(GAUSSIAN, 0.99).interval[1] > end.interval[1]


def test_else_the_critics_are_and_what_speaks_for_a_shortfall_widens():
    end = conclude(CURVED, 0.9)
    assert end.estimate == pytest.approx(0.40)
    wider = conclude(replace(CURVED, ksg=0.45), 0.9)
    assert wider.estimate == pytest.approx(0.45), "in few columns KSG above the critics is the better guess"
    assert wider.interval[1] - wider.interval[0] > end.interval[1] - end.interval[0]


def test_certified_bounds_are_given_with_a_refusal():
    end = conclude(replace(CURVED, columns=6, ksg=0.6), 0.9)
    assert end.certified == pytest.approx((0.40 - 1.645 * 0.02, 0.40 + 1.645 * 0.02), abs=1e-4)
    assert end.estimate is None
    scattered = BENT._replace(folds=(0.1, 0.9, 0.4, 0.4, 0.4))
    assert conclude(replace(CURVED, main=scattered, longer=scattered), 0.9).certified is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"main": Seen((0.4, 0.1, -3.0), 0.02, SMOOTH.folds), "columns": 50}, Reason.TOO_FEW),
        ({"longer": Seen((0.05, 0.4, 0.6), 0.02, SMOOTH.folds)}, Reason.NOT_SETTLED),
        ({"halves": Seen((0.05, 0.2, 0.2), 0.02, (0.2, 0.2))}, Reason.NOT_SETTLED),
        ({"columns": 6, "ksg": 0.6}, Reason.METHODS_DISAGREE),
        ({"columns": 6}, Reason.METHODS_DISAGREE),
        ({"units": 40, "main": Seen((0, 1, 3.5), 0.02, SMOOTH.folds)}, Reason.NEAR_LOG_N),
        ({"main": BENT._replace(values=(0, 0.2, 0.45), folds=(0.1, 0.9, 0.4, 0.4, 0.4))}, Reason.FOLDS_DISAGREE),
    ],
)
def test_each_reason_refuses(change, reason):
    assert refusals(CURVED) == set()
    assert reason in refusals(replace(CURVED, **change))


def test_networks_that_learn_noise_do_not_vouch_for_independence():
    lost = Seen((0.0, -1.0, -3.0), 0.0, (0.0,) * 5)
    unseen = replace(GAUSSIAN, main=lost, longer=lost, halves=lost, columns=50, ksg=0.05, copula=Value(0.0, 0.1))
    assert refusals(replace(unseen, detected=False)) == {Reason.TOO_FEW}
    assert refusals(unseen) == {Reason.TOO_FEW}, "critics do not see what the test has found"
    assert refusals(replace(unseen, longer=Seen((0.4, -1.0, -3.0), 0.1, (0.4,) * 5))) == set()
