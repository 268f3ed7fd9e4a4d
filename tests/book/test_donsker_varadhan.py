"""The chapter on the Donsker-Varadhan formula: its statements by exact computation, its functions by value."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import logsumexp
from scipy.stats import binom, multivariate_normal

from chapters.source import definitions
from mibook.samples import Gaussian, running_example


@pytest.fixture(scope="module")
def chapter():
    return definitions("donsker-varadhan")


def divergence(p, q):
    return float(np.sum(p * np.log(p / q)))


def population_dv(t, p, p_ref):
    return float(p @ t - np.log(p_ref @ np.exp(t)))


# --- dv, the code exercise -------------------------------------------------------------------------------------


def test_dv_has_the_hand_computed_value_and_gradients(chapter):
    t = torch.tensor([[0.0], [2.0]], dtype=torch.float64, requires_grad=True)
    t_ref = torch.tensor([[0.0], [math.log(3)]], dtype=torch.float64, requires_grad=True)
    value = chapter["dv"](t, t_ref)
    assert value.shape == ()
    assert value.dtype == torch.float64
    assert value.item() == pytest.approx(1 - math.log(2), abs=1e-12)
    value.backward()
    assert t.grad.flatten().tolist() == pytest.approx([0.5, 0.5])
    assert t_ref.grad.flatten().tolist() == pytest.approx([-0.25, -0.75])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dv_takes_means_over_each_sample_and_ignores_a_constant(chapter, dtype):
    rng = np.random.default_rng(0)
    t, t_ref = torch.tensor(rng.normal(size=(7, 1)), dtype=dtype), torch.tensor(rng.normal(size=13), dtype=dtype)
    value = chapter["dv"](t, t_ref)
    assert value.dtype == dtype
    assert torch.allclose(chapter["dv"](t.repeat(2, 1), t_ref.repeat(5)), value, atol=1e-5)
    assert torch.allclose(chapter["dv"](t - 3, t_ref - 3), value, atol=1e-5)
    assert value.item() == pytest.approx(chapter["sample_dv"](t.numpy().ravel(), t_ref.numpy()), abs=1e-5)


def test_dv_does_not_overflow(chapter):
    value = chapter["dv"](torch.tensor([1000.0]), torch.tensor([1000.0, 0.0])).item()
    assert value == pytest.approx(math.log(2), abs=1e-4)  # float32 resolves 1000 to 6e-5


def test_dv_refuses_an_empty_sample(chapter):
    with pytest.raises(ValueError, match="at least one"):
        chapter["dv"](torch.empty(0), torch.ones(3))
    with pytest.raises(ValueError, match="at least one"):
        chapter["dv"](torch.ones(3), torch.empty(0, 1))


# --- thm-gibbs, DV, thm-nwj: exact on finite spaces ------------------------------------------------------------


def test_the_gap_of_a_guess_and_of_a_critic_is_a_divergence():
    rng = np.random.default_rng(1)
    for p, p_ref, q in rng.dirichlet(np.ones(6), size=(20, 3)):
        assert divergence(p, p_ref) - p @ np.log(q / p_ref) == pytest.approx(divergence(p, q), abs=1e-12)
        t = rng.normal(size=6)
        guess = p_ref * np.exp(t) / (p_ref @ np.exp(t))
        gap = divergence(p, p_ref) - population_dv(t, p, p_ref)
        assert gap == pytest.approx(divergence(p, guess), abs=1e-12)


def test_the_dual_principle_maximises_over_laws_for_a_given_function():
    rng = np.random.default_rng(4)
    for p_ref in rng.dirichlet(np.ones(6), size=20):
        t = rng.normal(size=6)
        log_mean = np.log(p_ref @ np.exp(t))
        tilted = p_ref * np.exp(t - log_mean)
        assert tilted @ t - divergence(tilted, p_ref) == pytest.approx(log_mean, abs=1e-12)
        for q in rng.dirichlet(np.ones(6), size=5):
            assert q @ t - divergence(q, p_ref) < log_mean


def test_infonce_is_below_the_information_in_expectation_despite_its_logarithm(chapter):
    """Batches of 2 from a law on 3 x 3 points, by enumeration, for any critic; at most log 2 in every batch."""
    rng = np.random.default_rng(5)
    for law in rng.dirichlet(0.3 * np.ones(9), size=20):
        p, t = law.reshape(3, 3) + 1e-12, rng.normal(size=(3, 3), scale=2)
        information = divergence(p, np.outer(p.sum(1), p.sum(0)))
        pairs = [(x, y) for x in range(3) for y in range(3)]
        weights = [p[a] * p[b] for a in pairs for b in pairs]
        tables = [t[np.ix_([a[0], b[0]], [a[1], b[1]])] for a in pairs for b in pairs]
        values = chapter["info_nce"](np.array(tables))
        assert values.max() <= np.log(2) + 1e-12
        assert np.dot(weights, values) <= information + 1e-9


def test_the_plug_in_formula_is_dv_over_quadratics_after_standardising(chapter):
    example = running_example()
    Z = np.hstack([example.X, example.Y])
    formula = -np.log(1 - np.corrcoef(Z.T)[0, 1] ** 2) / 2
    standardised = (Z - Z.mean(0)) / Z.std(0)
    assert chapter["gaussian_divergence"](standardised) == pytest.approx(formula, abs=1e-12)
    assert chapter["gaussian_divergence"](Z) > formula + 0.002


def test_the_tangent_bound_lies_below_and_touches_at_its_own_normalisation():
    rng = np.random.default_rng(2)
    for p, p_ref in rng.dirichlet(np.ones(5), size=(20, 2)):
        t, a = rng.normal(size=5), rng.uniform(0.2, 5)
        mean_exp = p_ref @ np.exp(t)

        def tangent(a, t=t, p=p, mean_exp=mean_exp):
            return p @ t - mean_exp / a - np.log(a) + 1

        assert tangent(a) < population_dv(t, p, p_ref)
        assert tangent(mean_exp) == pytest.approx(population_dv(t, p, p_ref), abs=1e-12)
        assert tangent(math.e) == pytest.approx(p @ t - p_ref @ np.exp(t - 1), abs=1e-12)


# --- thm-jensen --------------------------------------------------------------------------------------------------


def two_point_bias(n, p, low, high):
    """E[-log avg W] for W = high with probability p and low otherwise, scaled to mean one: an exact sum."""
    mean = p * high + (1 - p) * low
    k = np.arange(n + 1)
    average = (k * high + (n - k) * low) / n / mean
    return -binom(n, p).pmf(k) @ np.log(average)


def test_the_bias_is_positive_falls_with_the_reference_and_has_its_leading_term():
    p, low, high = 0.3, 0.5, 4.0
    bias = np.array([two_point_bias(n, p, low, high) for n in range(1, 60)])
    assert (bias > 0).all()
    assert (np.diff(bias) < 0).all()
    mean = p * high + (1 - p) * low
    limit = p * (1 - p) * (high - low) ** 2 / mean**2 / 2
    assert 20_000 * two_point_bias(20_000, p, low, high) == pytest.approx(limit, rel=1e-3)


def test_the_exact_bias_of_the_running_example(chapter):
    """The numbers that the page prints, and the slow approach to the leading term."""
    rho = running_example().rho
    at_32, at_100, at_1000, far = chapter["exact_bias"](np.array([32, 100, 1000, 1_000_000]), rho)
    jeffreys = rho**2 / (1 - rho**2)
    assert at_32 == pytest.approx(0.0318, abs=2e-4)
    assert at_100 == pytest.approx(0.0112, abs=1e-4)
    assert at_1000 == pytest.approx(0.00131, abs=2e-5)
    assert 0.70 < at_1000 / (jeffreys / 2000) < 0.80  # "about three quarters"
    assert at_1000 / (jeffreys / 2000) < far / (jeffreys / 2e6) < 1


def test_the_exact_bias_agrees_with_simulation(chapter):
    """20 000 references of 32 draws: the band is four standard errors of a variable with all moments."""
    rho = running_example().rho
    X, Y = np.random.default_rng(3).standard_normal((2, 20_000 * 32, 1))
    t = Gaussian(rho).information_density(X, Y).reshape(-1, 32)
    draws = np.log(32) - logsumexp(t, axis=1)
    assert abs(draws.mean() - chapter["exact_bias"](np.array([32]), rho)[0]) < 4 * draws.std() / np.sqrt(20_000)


# --- thm-quadratic -----------------------------------------------------------------------------------------------


def gaussian_kl(mean, cov, mean_ref, cov_ref):
    solve = np.linalg.solve(cov_ref, np.eye(len(mean)))
    difference = mean_ref - mean
    log_dets = np.linalg.slogdet(cov_ref)[1] - np.linalg.slogdet(cov)[1]
    return (np.trace(solve @ cov) + difference @ solve @ difference - len(mean) + log_dets) / 2


def test_the_supremum_over_quadratics_is_the_gaussian_divergence(chapter):
    """Maximise the objective numerically and compare with the closed form, on data that are not Gaussian."""
    rng = np.random.default_rng(4)
    Z = rng.exponential(size=(200, 2)) @ np.array([[1.0, 0.4], [0.0, 0.7]]) - 0.5
    target = chapter["quadratic_features"](Z).mean(axis=0)

    def loss(w):
        precision = np.eye(2) - 2 * np.array([[w[0], w[1] / 2], [w[1] / 2, w[2]]])
        if np.linalg.eigvalsh(precision)[0] <= 1e-9:
            return np.inf
        log_mean_exp = (w[3:] @ np.linalg.solve(precision, w[3:]) - np.linalg.slogdet(precision)[1]) / 2
        return log_mean_exp - target @ w

    options = {"xatol": 1e-9, "fatol": 1e-12, "maxiter": 20_000, "maxfev": 20_000, "adaptive": True}
    best = minimize(loss, np.zeros(5), method="Nelder-Mead", options=options)
    assert -best.fun == pytest.approx(chapter["gaussian_divergence"](Z), abs=1e-6)
    inverse, mean = np.linalg.inv(np.cov(Z.T, bias=True)), Z.mean(axis=0)
    A, b = (np.eye(2) - inverse) / 2, inverse @ mean
    assert best.x == pytest.approx([A[0, 0], 2 * A[0, 1], A[1, 1], *b], abs=1e-3)


def test_the_overshoot_is_a_divergence_and_five_over_two_n_on_average(chapter):
    law, n, repeats = running_example().law, 1000, 1000
    rng = np.random.default_rng(5)
    gaps = np.empty(repeats)
    for k in range(repeats):
        X, Y = law.sample(n, rng)
        Z = np.hstack([X, Y])
        gaps[k] = chapter["gaussian_divergence"](Z) - law.oracle(X, Y)
        if k < 20:
            cov = np.array([[1, law.rho], [law.rho, 1]])
            exact = gaussian_kl(Z.mean(axis=0), np.cov(Z.T, bias=True), np.zeros(2), cov)
            assert gaps[k] == pytest.approx(exact, abs=1e-10)
    assert gaps.min() > 0
    # chi-squared with 5 degrees of freedom over 2n: mean 5 / 2n, deviation sqrt(10) / 2n; four standard errors
    assert gaps.mean() == pytest.approx(5 / (2 * n), abs=4 * np.sqrt(10 / repeats) / (2 * n))


def test_newton_matches_moments_and_approaches_the_closed_form(chapter):
    example = running_example()
    Z = np.hstack([example.X, example.Y])
    Z_ref = np.random.default_rng(6).standard_normal((200_000, 2))
    w, value = chapter["fit_quadratic"](Z, Z_ref)
    t_ref = chapter["quadratic_features"](Z_ref) @ w
    q = np.exp(t_ref - logsumexp(t_ref))
    target = chapter["quadratic_features"](Z).mean(axis=0)
    assert q @ chapter["quadratic_features"](Z_ref) == pytest.approx(target, abs=1e-5)
    # the reference's own noise is sqrt((e^{2I} - 1) / 200 000) = 0.004; four of them
    assert value == pytest.approx(chapter["gaussian_divergence"](Z), abs=0.017)
    assert value == pytest.approx(chapter["sample_dv"](chapter["quadratic_features"](Z) @ w, t_ref), abs=1e-12)


def test_newton_says_so_when_there_is_no_maximum(chapter):
    rng = np.random.default_rng(7)
    with pytest.raises((RuntimeError, np.linalg.LinAlgError)):
        chapter["fit_quadratic"](rng.standard_normal((100, 2)) + 10, rng.standard_normal((100, 2)))


# --- thm-moments -------------------------------------------------------------------------------------------------


def moment(a, rho):
    return (1 - rho**2) ** ((1 - a) / 2) / math.sqrt(1 - (a - 1) ** 2 * rho**2)


@pytest.mark.parametrize(("a", "rho"), [(0.5, 0.6), (1, 0.9), (2, 0.5), (2, -0.7), (2.2, 0.6), (-0.5, 0.5)])
def test_the_moments_of_the_ratio(a, rho):
    """Integrate r^a in the original coordinates, where the rotation of the proof is not used."""
    joint = multivariate_normal([0, 0], [[1, rho], [rho, 1]])
    reference = multivariate_normal([0, 0], np.eye(2))

    grid = np.linspace(-25, 25, 501)
    x, y = np.meshgrid(grid, grid)
    points = np.stack([x, y], axis=-1)
    values = np.exp(a * joint.logpdf(points) + (1 - a) * reference.logpdf(points))
    assert values.sum() * (grid[1] - grid[0]) ** 2 == pytest.approx(moment(a, rho), rel=1e-6)


def test_second_moment_and_the_edge_of_existence():
    example = running_example()
    rho = example.rho
    assert moment(2, rho) == pytest.approx(math.exp(2 * example.truth))
    assert 1 + 1 / rho == pytest.approx(2.14, abs=0.005)
    # beyond the edge the exponent of u^2 / 2 in r^a times the normal density is no longer negative
    for a, finite in [(1 + 1 / rho - 1e-6, True), (1 + 1 / rho, False), (3, False)]:
        assert (a * rho / (1 + rho) - 1 < -1e-12) is finite
