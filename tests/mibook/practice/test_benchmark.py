"""The laws of the benchmark have the information that they say, and its summary says where the goal is missed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks import practice
from benchmarks._beyond_normal import pairs, spiral, student_information, tasks, wiggly
from mibook.practice import copula
from mibook.practice.neighbours import ksg

LAWS = {task.name: task for task in tasks()}


def test_there_are_forty_laws_of_the_shapes_that_they_say():
    assert len(LAWS) == len(tasks()) == 40
    assert LAWS["half-cube 25x25"].gaussian
    assert not any(LAWS[name].gaussian for name in ("swiss roll 2x1", "student 2 3x3", "spiral 3x3"))
    for task in LAWS.values():
        X, Y = task.sample(7, np.random.default_rng(0))
        assert (X.shape, Y.shape) == ((7, task.shape[0]), (7, task.shape[1]))


@pytest.mark.parametrize(
    "name",
    ["student 1 1x1", "swiss roll 2x1", "uniform noise 0.1 1x1", "uniform noise 0.75 1x1", "bimodal 1x1", "wiggly 1x1"],
)
def test_neighbours_agree_with_the_stated_information(name):
    """KSG on 20 000 pairs is within 0.05 nats for laws in few dimensions."""
    task = LAWS[name]
    x, y = map(copula.scores, task.sample(20_000, np.random.default_rng(1)))
    assert ksg(x, y) == pytest.approx(task.information, abs=0.05)


def test_a_student_law_of_many_degrees_of_freedom_is_nearly_gaussian():
    assert student_information(pairs(2, 2), 10**6) == pytest.approx(LAWS["2-pair normal 2x2"].information, abs=1e-4)


def test_the_maps_are_bijections():
    z = np.random.default_rng(2).standard_normal((500, 3))
    turned = spiral(z, 1)
    assert (turned**2).sum(1) == pytest.approx((z**2).sum(1))
    assert spiral(turned, 1, speed=-0.5) == pytest.approx(z)
    assert (np.diff(wiggly(np.linspace(-6, 6, 10_001))) > 0).all()


def test_the_summary_says_where_the_goal_is_missed():
    """Of 20 unseen samples of one law 8 are answered, 6 of them rightly; KSG is nearer, and the time too long."""
    table = pd.DataFrame(
        {
            "law": "normal 1x1", "n": 1000, "half": "report", "truth": 0.4, "refusal": [""] * 8 + ["duplicates"] * 12,
            "low": [0.3] * 6 + [0.45] * 2 + [np.nan] * 12, "high": 0.5, "estimate": 0.45, "ksg": 0.41, "cca": 0.6,
            "ksg_scores": 0.42, "certified_low": 0.3, "seconds": 4.0,
        }
    )  # fmt: skip
    lines = practice.missed(table)
    for said in ("8 of 20", "75%", "normal 1x1: covers 6 of 8", "the best peer's is 0.010", "4.0 s"):
        assert any(said in line for line in lines), said
    row = practice.summary(table).loc[("report", 1000)]
    assert row.answered == pytest.approx(0.4)
    assert row.covers == pytest.approx(0.75)
    assert row.error_ksg == pytest.approx(0.01)
