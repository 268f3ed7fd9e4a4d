"""Verdicts that hold for every seed, faults that cost one behaviour, and what a forged record gains.

`python -m benchmarks.verdicts` does the same over 200 seeds.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from chapters.source import BOOK
from grading.exercises import _chance
from verdicts import ANSWERS, EXERCISES, TABLES, earned, entries, gain, load, published, solved

STATED = [name for name in TABLES if hasattr(ANSWERS[name], "EARNS")]
WRONG = [(name, title) for name in STATED for _, title, _ in entries(name, "WRONG")]
# What a record gains at most by claims alone, in points; half a point where nothing else is said.
MORE = {"test-MINETrainer": 1.0, "test-MINEETrainer": 1.0}


@pytest.mark.parametrize(("name", "title"), WRONG)
def test_a_wrong_answer_earns_the_same_for_every_seed_and_what_is_stated(name, title):
    answer = ANSWERS[name].WRONG[title][2:]
    first, *others = (earned(name, answer, seed) for seed in (11, 12, 2**40 + 13))
    assert all(other == first for other in others)
    stated = ANSWERS[name].EARNS.get(title)
    assert stated is None or sum(first.values()) == pytest.approx(stated), first


@pytest.mark.parametrize("name", STATED)
def test_what_is_stated_is_of_answers_that_stand_in_the_table(name):
    assert set(ANSWERS[name].EARNS) <= set(ANSWERS[name].WRONG)


@pytest.mark.parametrize("test_id", EXERCISES)
@pytest.mark.parametrize("word", ["compile", "globals", "exec", "len"])
def test_a_students_variable_named_like_a_builtin_does_the_probe_no_harm(test_id, word):
    answer = solved(load(test_id).GRADE_ID)
    (honest,) = published(test_id, answer, 1)
    namespace = f"\n{word} = True\n" if word != "len" else "\ncompile = globals = exec = False\n"
    (shadowed,) = published(test_id, answer + namespace, 1)
    assert shadowed == honest


@pytest.mark.costly
@pytest.mark.parametrize("test_id", EXERCISES)
def test_claims_alone_gain_little_as_the_guide_says(test_id):
    """The kernel of a wrong answer claims all that the right record claims; the numbers stay those of the answer."""
    name = next(name for name, tests in TABLES.items() if test_id in tests)
    most = max(gain(test_id, answer, 1) for _, _, answer in entries(name, "WRONG"))
    assert most <= MORE.get(test_id, 0.5)


def test_the_guide_states_what_claims_alone_gain():
    guide = (BOOK / "for-instructors.md").read_text(encoding="utf-8")
    assert "gains at most half a point in an exercise, and one point in the two exercises that train" in guide


# The statistical tests


def test_honest_samples_and_indices_are_far_from_every_alarm():
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x, y = rng.standard_normal((2, 2 * int(rng.integers(2350, 2480)) + 1))
        assert _chance.normal_fault(np.concatenate([x, y]), "X") == ""
        assert _chance.rows_fault(x, "X") == ""
        assert _chance.columns_fault(x, y) == ""
        J, K = rng.integers(9, size=(2, int(rng.integers(2400, 2800))))
        assert _chance.uniform_fault(J, 9, "X") == ""
        assert _chance.dependence_fault(J, K, 9) == ""


def test_independence_is_asked_with_the_margins_that_there_are():
    rng = np.random.default_rng(0)
    J, K = rng.integers(8, size=2500), rng.integers(9, size=2500)
    assert "last row of X is never drawn" in _chance.uniform_fault(J, 9, "X")
    assert _chance.dependence_fault(J, K, 9) == ""
    x, y = np.clip(rng.standard_normal((2, 4801)), -1, 1)
    assert _chance.normal_fault(x, "X")
    assert _chance.columns_fault(x, y) == ""
    strata = special.ndtri((rng.permuted(np.tile(np.arange(4801), (2, 1)), axis=1) + 0.5) / 4801)
    assert "too evenly" in _chance.rows_fault(strata[0] + 1e-9 * rng.random(4801), "X")
