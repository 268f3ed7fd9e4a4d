"""What may be claimed: the test, the standard error, the budget, the certificate, and the page for one's own data."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from chapters.source import definitions
from mibook.results import load
from mibook.samples import Gaussian, running_example

pytestmark = pytest.mark.costly


@pytest.fixture(scope="module")
def chapter() -> dict:
    return definitions("claims")


def exact_table(law: Gaussian, n: int, rng: np.random.Generator) -> np.ndarray:
    """The exact log ratio at all n^2 pairs of a fresh sample."""
    X, Y = law.sample(n, rng)
    return law.information_density(X.repeat(n, 0), np.tile(Y, (n, 1))).reshape(n, n)


# The standard error


def test_standard_error_is_the_scatter_over_samples(chapter):
    """rho = 0.6: at t* the standard error is rho / sqrt(n) = 0.0424; 400 samples know their sd to 3.5 %."""
    law, rng, n = Gaussian(0.6), np.random.default_rng(0), 200
    results = np.array([chapter["held_out_estimate"](exact_table(law, n, rng)) for _ in range(400)])
    assert results[:, 0].std() == pytest.approx(results[:, 1].mean(), rel=0.12)
    assert results[:, 1].mean() == pytest.approx(0.6 / np.sqrt(n), rel=0.06)
    covered = (abs(results[:, 0] - law.mutual_information) <= 1.96 * results[:, 1]).mean()
    assert 0.91 < covered < 0.98  # 95 % with a binomial sd of 1.1 %


def test_the_best_critic_has_not_the_smallest_standard_error():
    """tau of lambda t*, integrated on a grid: 0.88 for the log ratio itself and 0.70 for half of it."""
    law, u = running_example().law, np.linspace(-9, 9, 721)
    gx, gy = (a.reshape(-1, 1) for a in np.meshgrid(u, u, indexing="ij"))
    log_ratio = law.information_density(gx, gy).reshape(721, 721)
    marginal = np.exp(-(u**2) / 2) / np.exp(-(u**2) / 2).sum()
    joint = np.exp(log_ratio) * np.outer(marginal, marginal)
    for factor, expected in ((1.0, law.rho), (0.5, 0.70)):
        ratio = np.exp(factor * log_ratio)
        g_1, g_2 = ratio @ marginal, marginal @ ratio
        psi = factor * log_ratio - (g_1[:, None] + g_2) / (marginal @ g_1)
        tau = np.sqrt((joint * psi**2).sum() - (joint * psi).sum() ** 2)
        assert tau == pytest.approx(expected, abs=0.005)


def test_the_mean_shift_of_the_bootstrap_is_far_from_the_extreme_by_jensen():
    wide, rng = Gaussian(0.9, 6), np.random.default_rng(5)
    ratio = np.exp(wide.information_density(*wide.sample(300 * 1000, rng))).reshape(300, 1000)
    shift = -np.log1p((ratio.mean(1) - 1) / 1000)
    extreme = -np.log1p(np.expm1(2 * wide.mutual_information) / 1000)
    assert extreme == pytest.approx(-3.10, abs=0.01)
    assert shift.mean() > extreme + 1
    assert -2 < shift.mean() < -1.2


def test_held_out_estimate_ignores_a_constant_and_does_not_overflow(chapter):
    T = exact_table(Gaussian(0.8), 50, np.random.default_rng(1))
    np.testing.assert_allclose(chapter["held_out_estimate"](T + 900), chapter["held_out_estimate"](T), rtol=1e-9)


def test_stored_intervals_cover_what_the_critics_see_but_not_the_truth_as_often():
    study, truth = load("coverage"), running_example().truth
    half = 1.96 * study.se
    assert 0.91 < (abs(study.estimate - study.reachable) <= half).mean() < 0.985
    assert (study.reachable < truth).all()
    assert 0.5 < (truth - study.reachable.mean()) / study.se.mean() < 1.5
    assert 0.7 < (abs(study.estimate - truth) <= half).mean() < 0.9


def test_ties_shift_the_bootstrap_as_the_mixture_says(chapter):
    """d = 1, rho = 0.95, n = 100: given the data, the reference average is (1 - 1/n) U + (1/n) avg e^t exactly."""
    rng, n = np.random.default_rng(2), 100
    T = exact_table(Gaussian(0.95), n, rng)
    off = ~np.eye(n, dtype=bool)
    expected = (1 - 1 / n) * np.exp(T[off]).mean() + np.exp(np.diag(T)).mean() / n
    means = []
    for _ in range(2000):
        drawn = rng.integers(n, size=n)
        means.append(np.exp(T[np.ix_(drawn, drawn)])[off].mean())
    assert np.mean(means) == pytest.approx(expected, abs=4 * np.std(means) / np.sqrt(2000))
    assert expected > np.exp(T[off]).mean() * 1.02


# The certificate and the permutation null


def test_certificate_holds_in_every_one_of_many_samples(chapter):
    """At n = 500 and T = 1.5 the bound lies far below the truth, 0.83, by Hoeffding's constants, yet above zero."""
    law, rng = Gaussian(0.9), np.random.default_rng(3)
    bounds = [chapter["certificate"](exact_table(law, 500, rng), clip=1.5) for _ in range(20)]
    assert max(bounds) < law.mutual_information - 0.2
    assert np.mean(bounds) > 0


def test_certificate_is_the_formula_and_respects_its_cap(chapter):
    n, T, delta = 40, 2.0, 0.1
    table = np.where(np.eye(n, dtype=bool), 50.0, -50.0)  # a perfect separation: clipped to T and -T
    eta, epsilon = np.sqrt(np.log(2 / delta) / (2 * n)), np.sqrt(np.log(2 / delta) / n)
    by_hand = T - 2 * T * eta - np.log(np.exp(-T) + (np.exp(T) - np.exp(-T)) * epsilon)
    assert chapter["certificate"](table, T, delta) == pytest.approx(by_hand)
    for clip in (1.0, 3.0, 10.0):
        assert chapter["certificate"](table, clip, delta) < np.log(n) / 2 + 0.15


def test_p_values_are_valid_without_dependence_and_small_with_it(chapter):
    rng = np.random.default_rng(4)
    critic = Gaussian(0.5)

    def p(rho: float) -> float:
        X, Y = Gaussian(rho).sample(40, rng)
        T = critic.information_density(X.repeat(40, 0), np.tile(Y, (40, 1))).reshape(40, 40)
        return chapter["permutation_test"](T, rng, B=39)[2]

    null = np.array([p(0.0) for _ in range(400)])
    # P(p <= 0.1) is exactly 0.1 here; five binomial standard deviations are 0.075.
    assert abs((null <= 0.1).mean() - 0.1) < 0.075
    assert null.min() >= 1 / 40
    assert np.mean([p(0.8) <= 0.05 for _ in range(20)]) > 0.9


# From two arrays to a sentence


def test_stored_intervals_miss_the_truth_on_one_side_and_their_lower_ends_keep_below_it():
    study, truth = load("coverage"), running_example().truth
    below, above = ((side * (truth - study.estimate) > 1.96 * study.se).sum() for side in (1, -1))
    assert (below, above) == (40, 1)
    assert (study.estimate - 1.645 * study.se <= truth).mean() == 0.99


def test_a_hurried_training_has_an_interval_that_misses_the_truth(chapter):
    example = running_example()
    X, Y = (torch.tensor(a, dtype=torch.float32) for a in (example.X, example.Y))
    torch.manual_seed(0)
    estimate, error = chapter["cross_fit"](X, Y, epochs=20)
    assert estimate + 1.96 * error < example.truth
    torch.manual_seed(0)
    estimate, error = chapter["cross_fit"](X, Y)
    assert abs(estimate - example.truth) < 1.96 * error


def test_table_holds_the_data_on_its_diagonal(chapter):
    torch.manual_seed(0)
    net, X, Y = chapter["fresh_critic"](5, 8), torch.randn(4, 2), torch.randn(4, 3)
    table = chapter["critic_table"](net, X, Y)
    assert table.shape == (4, 4)
    assert table[1, 3] == pytest.approx(net(torch.hstack((X[1:2], Y[3:4]))).item(), abs=1e-6)


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda a: np.concatenate([a, a[:7]]), "7 rows are copies"),
        (lambda a: np.where(a > 1, 1.0, a), "share one value"),
        (lambda a: np.cumsum(a, axis=0), "neighbouring rows"),
    ],
    ids=["copies", "atoms", "time"],
)
def test_flaws_of_data_are_named(chapter, spoil, word):
    X, Y = np.random.default_rng(6).standard_normal((2, 300, 1))
    assert chapter["flaws"](X, Y) == []
    assert any(word in flaw for flaw in chapter["flaws"](spoil(X), spoil(Y)))


def test_the_page_of_the_running_example_leads_to_its_sentence(chapter):
    example = running_example()
    page = chapter["analyse"](example.X, example.Y)
    assert page["flaws"] == []
    assert page["p"] == 0.001
    estimate, error = page["curve"][1000]
    assert estimate - 1.645 * error < example.truth
    assert abs(page["wider"][0] - estimate) < error
    assert abs(page["curve"][500][0] - estimate) < error
    assert page["curve"][250][0] < example.truth - 0.07
    said = chapter["sentence"](page)
    assert f"at least {estimate - 1.645 * error:.2f} nats" in said
    assert "I may be larger" in said


def test_no_dependence_is_not_claimed_and_a_flaw_forbids_the_sentence(chapter):
    page = {"flaws": [], "n": 50, "p": 0.3, "curve": {50: (0.1, 0.05)}}
    assert "did not detect" in chapter["sentence"](page)
    spoiled = page | {"p": 0.001, "flaws": ["2 rows are copies of others"]}
    assert chapter["sentence"](spoiled).startswith("NOT TO BE WRITTEN")


def test_normal_scores_do_not_see_monotone_maps(chapter):
    a = np.random.default_rng(7).standard_normal((40, 2))
    np.testing.assert_allclose(chapter["normal_scores"](np.exp(a)), chapter["normal_scores"](a))
