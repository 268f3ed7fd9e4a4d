"""What lateness costs."""

from __future__ import annotations

import pytest

from grading.gradebook.policy import LatePolicy


@pytest.mark.parametrize(
    ("minutes", "penalty"),
    [(10, None), (15, None), (16, 1.0), (15 + 1440, 1.0), (16 + 1440, 2.0), (16 + 4 * 1440, 5.0), (100 * 1440, 5.0)],
)
def test_lateness_costs_a_tenth_for_each_day_begun_and_half_at_most(minutes, penalty):
    assert LatePolicy().late_submission_penalty("ada", 10.0, 60 * minutes) == penalty
