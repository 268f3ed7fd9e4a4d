"""The practical estimators: what they return, what they find, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mibook import results
from mibook.estimators import MINEESettings, Settings, cross_fit, mine, minee
from mibook.estimators.networks import Objective
from mibook.samples import Gaussian, GaussianMixture, running_example

pytestmark = pytest.mark.costly


@pytest.fixture(scope="module")
def pair():
    """300 pairs of correlation 0.8: I = 0.511, noise 0.046."""
    law = Gaussian(0.8)
    X, Y = law.sample(300, np.random.default_rng(11))
    return law, X, Y


def test_shapes_and_iterations_of_a_fit(pair):
    _, X, Y = pair
    fit = mine(X, Y, Settings(seeds=3, n_iters=25, record_every=10, held_out=0.2))
    assert fit.iterations.tolist() == [10, 20, 25]
    assert fit.history.shape == (3, 3)
    assert fit.estimate == pytest.approx(fit.history[-1])
    assert fit.held_out.shape == (3,)
    assert np.isfinite(fit.held_out).all()
    assert np.isnan(mine(X, Y, Settings(seeds=2, n_iters=5)).held_out).all()


SHORT = {"seeds": 2, "n_iters": 150, "record_every": 150}


@pytest.mark.parametrize(
    ("estimator", "settings"),
    [(mine, Settings(**SHORT)), (minee, MINEESettings(n_ref=3, batch=100, **SHORT))],
    ids=["mine", "minee"],
)
def test_estimates_lie_near_the_oracle_of_the_sample(estimator, settings, pair):
    """In 150 iterations both come within 0.1 nats (about four times the spread over networks) of the oracle."""
    law, X, Y = pair
    fit = estimator(X, Y, settings)
    assert fit.estimate.mean() == pytest.approx(law.oracle(X, Y), abs=0.1)
    assert fit.estimate.std() > 0, "the networks of a stack must differ"


def test_no_dependence_gives_about_zero_on_held_out_pairs():
    rng = np.random.default_rng(5)
    X, Y = rng.standard_normal((2, 400, 1))
    fit = mine(X, Y, Settings(seeds=4, n_iters=60, held_out=0.5, record_every=60))
    assert abs(fit.held_out.mean()) < 0.1


def test_an_uncorrelated_dependence_is_found():
    law = GaussianMixture(0.9)
    X, Y = law.sample(400, np.random.default_rng(2))
    assert abs(np.corrcoef(X.T, Y.T)[0, 1]) < 0.15
    assert mine(X, Y, Settings(seeds=2, n_iters=200, record_every=200)).estimate.min() > 0.2


def test_each_network_may_have_its_own_sample():
    rng = np.random.default_rng(3)
    laws = [Gaussian(0.0), Gaussian(0.95)]
    X, Y = (np.stack(part) for part in zip(*(law.sample(300, rng) for law in laws), strict=True))
    fit = mine(X, Y, Settings(seeds=2, n_iters=100, record_every=100))
    assert fit.estimate[0] < 0.2
    assert fit.estimate[1] > 0.8


def test_scale_and_place_do_not_matter(pair):
    _, X, Y = pair
    settings = {"seeds": 1, "n_iters": 20}
    same = mine(X, Y, Settings(**settings)).estimate
    assert mine(1e4 * X + 7, -Y / 1e3, Settings(**settings)).estimate.shape == same.shape
    assert mine(1e4 * X + 7, Y / 1e3, Settings(**settings)).estimate == pytest.approx(same, abs=1e-3)


def test_a_run_repeats_and_another_seed_differs(pair):
    _, X, Y = pair
    once = mine(X, Y, Settings(seeds=2, n_iters=10)).estimate
    assert np.array_equal(once, mine(X, Y, Settings(seeds=2, n_iters=10)).estimate)
    assert not np.allclose(once, mine(X, Y, Settings(seeds=2, n_iters=10, first_seed=5)).estimate)


def test_gradient_with_a_moving_average_is_that_of_the_definition():
    """Two batches: the second gradient divides by m = beta L'_1 + (1 - beta) L'_2, the batches' means of exp t."""
    t, beta = torch.zeros(1, 4), 0.9
    first, second = torch.tensor([[0.0, 1.0, 2.0]]), torch.tensor([[1.0, 3.0, -1.0]], requires_grad=True)
    objective = Objective(beta)
    objective(t, first)
    objective(t, second).sum().backward()
    m = beta * first.exp().mean() + (1 - beta) * second.detach().exp().mean()
    assert torch.allclose(second.grad, second.detach().exp() / 3 / m, rtol=1e-5)


@pytest.mark.parametrize("beta", [None, 0.0, 0.9])
def test_large_critic_values_do_not_overflow(beta):
    objective = Objective(beta)
    t_ref = torch.tensor([[300.0, 200.0]], requires_grad=True)
    loss = objective(torch.tensor([[310.0, 300.0]]), t_ref)
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert torch.isfinite(t_ref.grad).all()


def test_mi_nee_then_mine_goes_on_counting(pair):
    _, X, Y = pair
    fit = minee(X, Y, MINEESettings(seeds=2, n_iters=20, mine_iters=30, record_every=10))
    assert fit.iterations.tolist() == [10, 20, 30, 40, 50]
    assert fit.history.shape == (5, 2)


def test_cross_fitting_covers_the_truth_and_its_error_is_of_the_right_size():
    """n = 600, rho = 0.8: the oracle's noise is 0.033 and a few training errors come on top."""
    law = Gaussian(0.8)
    X, Y = law.sample(600, np.random.default_rng(4))
    fit = cross_fit(X, Y, Settings(n_iters=150))
    assert fit.folds.shape == (5,)
    assert fit.estimate == pytest.approx(fit.folds.mean())
    assert 0.6 * law.noise(600) < fit.standard_error < 2 * law.noise(600)
    assert abs(fit.estimate - law.mutual_information) < 4 * fit.standard_error


def test_the_running_example_within_its_noise():
    example = running_example()
    fit = mine(example.X, example.Y, Settings(seeds=2, record_every=300))
    assert fit.estimate == pytest.approx(example.oracle, abs=0.05)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Y": np.zeros((7, 1))}, "same number of pairs"),
        ({"X": np.zeros(300)}, "shape"),
        ({"X": np.full((300, 1), np.nan)}, "not finite"),
        ({"seeds": 0}, "seeds"),
        ({"hidden": 0}, "hidden"),
        ({"batch": 1}, "batch"),
        ({"shifts": 0}, "shifts"),
        ({"beta": 1.0}, "beta"),
        ({"schedule": "linear"}, "schedule"),
        ({"init": "xavier"}, "init"),
        ({"held_out": 1.0}, "held_out"),
        ({"held_out": 0.999}, "fewer than two"),
        ({"n_iters": 0}, "n_iters"),
        ({"X": np.zeros((3, 300, 1))}, "seeds"),
    ],
)
def test_bad_input_is_one_clear_sentence(pair, change, message):
    _, X, Y = pair
    given = {"X": X, "Y": Y, "seeds": 2, "n_iters": 5} | change
    with pytest.raises(ValueError, match=message) as error:
        mine(given.pop("X"), given.pop("Y"), Settings(**given))
    assert str(error.value).endswith(".")
    assert "\n" not in str(error.value)


def test_minee_and_cross_fit_refuse_too(pair):
    _, X, Y = pair
    with pytest.raises(ValueError, match="reference"):
        minee(X, Y, MINEESettings(reference="laplace"))
    with pytest.raises(ValueError, match="n_ref"):
        minee(X, Y, MINEESettings(n_ref=0))
    with pytest.raises(ValueError, match="seeds"):
        minee(X, Y, MINEESettings(seeds=0))
    with pytest.raises(ValueError, match="hidden"):
        cross_fit(X, Y, Settings(hidden=0))
    with pytest.raises(ValueError, match="folds"):
        cross_fit(X, Y, folds=1)


def test_divergence_of_the_training_is_an_error(pair):
    _, X, Y = pair
    with pytest.raises(FloatingPointError, match="learning rate"):
        mine(X, Y, Settings(seeds=1, n_iters=20, lr=1e30))


def test_stored_ladder_beats_the_plain_trainer():
    """The targets: mean |estimate - oracle| below 0.018 at n = 1000, and an order of magnitude in time."""
    top = results.load("ladder").iloc[-1]
    assert top["final_gap"] < 0.018
    assert top["times_faster"] > 10
