"""The chapter on choosing an estimator: what it defines equals a library's or an integral, and its statements hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from npeet_plus import mi
from scipy.integrate import dblquad
from scipy.special import digamma
from scipy.stats import chi2, kstest, multivariate_t, t

from chapters.source import definitions
from mibook.samples import Gaussian, GaussianMixture


@pytest.fixture(scope="module")
def chapter() -> dict:
    return definitions("estimators")


@pytest.mark.parametrize(("d", "k"), [(1, 3), (3, 5)])
def test_nearest_neighbours_are_those_of_a_library(chapter, d, k):
    X, Y = Gaussian(0.8, d).sample(300, np.random.default_rng(d))
    assert chapter["ksg"](X, Y, k) == pytest.approx(mi(X, Y, k=k, base=math.e), abs=1e-9)


def test_the_ceiling_of_neighbours_is_reached_by_a_line_and_never_passed(chapter):
    x = np.random.default_rng(0).standard_normal((400, 1))
    assert chapter["ksg"](x, x) == pytest.approx(digamma(400) - digamma(3))


def test_a_table_of_independent_pairs_has_the_law_of_the_proposition(chapter):
    """3 x 3 cells: 2n times the information against chi-square with 4 degrees of freedom, not 3 or 5."""
    rng, n = np.random.default_rng(1), 600
    values = [2 * n * chapter["plug_in"](*rng.standard_normal((2, n, 1)), 3) for _ in range(500)]
    assert kstest(values, chi2(4).cdf).pvalue > 0.01
    assert max(kstest(values, chi2(df).cdf).pvalue for df in (3, 5)) < 1e-6


def test_the_copula_knows_a_gaussian_and_its_bends_and_is_below_the_truth_elsewhere(chapter):
    law, rng = Gaussian(0.6, 2), np.random.default_rng(2)
    X, Y = law.sample(20_000, rng)
    assert chapter["copula"](X, Y) == pytest.approx(law.mutual_information, abs=0.02)
    assert chapter["copula"](X**3, np.exp(Y)) == pytest.approx(chapter["copula"](X, Y))
    crossing = GaussianMixture()
    assert chapter["copula"](*crossing.sample(5000, rng)) < 0.01 < crossing.mutual_information


def test_the_exact_table_of_a_batch_is_the_log_ratio(chapter, monkeypatch):
    law, drawn = Gaussian(0.7, 3), np.random.default_rng(3)
    monkeypatch.setitem(chapter, "rng", np.random.default_rng(3))
    T = chapter["tables"](law, 2, 5)
    X, Y = (a.reshape(2, 5, 3) for a in law.sample(10, drawn))
    assert T[1, 2, 4] == pytest.approx(law.information_density(X[1, 2:3], Y[1, 4:5])[0])


def test_objectives_have_the_caps_and_prices_that_are_stated(chapter):
    """Critics of any size: InfoNCE stays below log b, SMILE within tau of the mean on the diagonal."""
    for scale in (0.1, 3.0, 40.0):
        T = scale * np.random.default_rng(4).standard_normal((50, 8, 8))
        found, mean = chapter["objectives"](T), np.diagonal(T, axis1=1, axis2=2).mean(1)
        assert (found["InfoNCE"] <= math.log(8)).all()
        assert (abs(found["SMILE, τ = 1"] - mean) <= 1 + 1e-12).all()
        assert (found["NWJ"] <= found["DV"] + 1e-9).all()  # log u <= u - 1


@pytest.mark.parametrize(("rho", "d"), [(0.3, 1), (0.8, 2), (0.95, 1)])
def test_the_reference_varies_as_much_as_the_theorem_says(rho, d):
    law = Gaussian(rho, d)
    assert law.ratio_variance >= math.expm1(law.mutual_information)


def test_the_laws_of_the_race_have_the_information_that_it_says(chapter):
    """The Student pair by an integral of its density; the noise by an average of its log ratio."""

    def gain(y: float, x: float) -> float:
        joint = multivariate_t.logpdf([x, y], shape=np.eye(2), df=1)
        return 4 * math.exp(joint) * (joint - t.logpdf(x, 1) - t.logpdf(y, 1))

    far = [0, 2, 50, 4000]
    whole = sum(dblquad(gain, *far[i : i + 2], *far[j : j + 2], epsabs=1e-5)[0] for i in range(3) for j in range(3))
    assert chapter["student_information"]() == pytest.approx(whole, abs=2e-3)
    _, y = chapter["noisy"](400_000, np.random.default_rng(5))
    density = np.minimum(1, np.minimum(y + 0.1, 1.1 - y) / 0.2)  # of y: a trapezium
    assert np.mean(np.log(5) - np.log(density)) == pytest.approx(0.1 + math.log(5), abs=3e-3)
