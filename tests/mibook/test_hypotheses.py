"""The estimators on samples outside their hypotheses: a sentence that names another way, and no confident nonsense."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.stats import rankdata

from mibook.estimators import (
    HeavyTailWarning,
    MINEESettings,
    NoDensityError,
    Settings,
    TiedSampleWarning,
    cross_fit,
    mine,
    minee,
)
from mibook.samples import Gaussian, GaussianMixture, running_example

FEW = Settings(seeds=1, n_iters=2)
FEW_NEE = MINEESettings(seeds=1, n_iters=2, n_ref=2)


def gaussian(n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    return Gaussian(0.9).sample(n, np.random.default_rng(4))


def without_density() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    free = rng.standard_normal((400, 2))
    return {
        "rank-deficient": np.column_stack([free, free @ [1.0, -2.0]]),
        "one column twice": free[:, [0, 0]],
        "fewer pairs than columns": rng.standard_normal((400, 401)),
        "bits": rng.integers(0, 2, (400, 1)).astype(float),
        "a bit beside a normal variable": np.column_stack([free[:, 0], rng.integers(0, 2, 400)]),
        "counts": rng.poisson(20, (400, 1)).astype(float),
        "cut off at zero": np.maximum(free[:, :1], 0),
        "constant": np.ones((400, 1)),
    }


def given(values: np.ndarray, place: int) -> list[np.ndarray]:
    other = np.random.default_rng(2).standard_normal((len(values), 1))
    return [values, other] if place == 0 else [other, values]


@pytest.mark.parametrize("reference", ["gaussian", "uniform"])
@pytest.mark.parametrize(("place", "name"), [(0, "X"), (1, "Y")])
@pytest.mark.parametrize("case", without_density())
def test_minee_refuses_what_has_no_density_and_names_mine(case, place, name, reference):
    settings = MINEESettings(seeds=1, n_iters=2, reference=reference)
    with pytest.raises(NoDensityError) as error:
        minee(*given(without_density()[case], place), settings)
    said = str(error.value)
    assert name in said
    assert "use mine" in said
    assert said.count(". ") == 0
    assert said.endswith(".")


def test_the_sentence_counts_the_rank():
    with pytest.raises(NoDensityError, match="3 columns have rank 2"):
        minee(*given(without_density()["rank-deficient"], 0), FEW_NEE)


def test_one_bad_sample_of_a_stack_is_refused():
    X, Y = (np.stack([part, part]) for part in gaussian())
    X[1] = np.round(X[1])
    with pytest.raises(NoDensityError, match="X has atoms"):
        minee(X, Y, MINEESettings(seeds=2, n_iters=2))


@pytest.mark.costly
def test_what_is_named_instead_works_on_independent_bits():
    """MINE, which minee's refusal names, is near zero there; minee's own answer was -0.4 to -1.0."""
    X, Y = np.random.default_rng(3).integers(0, 2, (2, 400, 1)).astype(float)
    fit = mine(X, Y, Settings(seeds=2, n_iters=60, held_out=0.5, record_every=60))
    assert np.abs(fit.held_out).max() < 0.05


def test_rounded_values_are_a_warning():
    X, Y = gaussian()
    with pytest.warns(TiedSampleWarning, match="of X occur more than once"):
        minee(np.round(X, 2), Y, FEW_NEE)


def one_missing(X: np.ndarray) -> np.ndarray:
    return np.concatenate([[[-999.0]], X[1:]])


@pytest.mark.parametrize("estimator", [mine, minee, cross_fit])
@pytest.mark.parametrize("spoil", [lambda X: np.exp(3 * X), one_missing], ids=["exp 3X", "one -999"])
def test_heavy_tails_are_a_warning_that_names_ranks(spoil, estimator):
    X, Y = gaussian()
    with pytest.warns(HeavyTailWarning, match="A value of X .* by its ranks"):
        estimator(spoil(X), Y, FEW_NEE if estimator is minee else FEW)
    with pytest.warns(HeavyTailWarning, match="A value of Y"):
        estimator(Y, spoil(X), FEW_NEE if estimator is minee else FEW)


@pytest.mark.costly
def test_ranks_as_the_warning_says_give_the_estimate_back():
    """exp 3X has the information of X, 0.83; on its ranks MINE comes within 0.15 of what it finds on X itself."""
    X, Y = gaussian()
    settings = Settings(seeds=2, record_every=300)
    plain, ranks = mine(X, Y, settings).estimate, mine(rankdata(np.exp(3 * X), axis=0), Y, settings).estimate
    assert ranks.mean() == pytest.approx(plain.mean(), abs=0.15)


@pytest.mark.parametrize("n", [20, 200, 2000])
@pytest.mark.parametrize(
    "law", [Gaussian(0.9), Gaussian(0.5, d=6), GaussianMixture(0.9)], ids=["one pair", "six pairs", "mixture"]
)
def test_the_books_own_samples_raise_no_warning(law, n):
    X, Y = law.sample(n, np.random.default_rng(n))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mine(X, Y, Settings(seeds=1, n_iters=1, batch=8))
        minee(X, Y, MINEESettings(seeds=1, n_iters=1, batch=8, n_ref=1))
        minee(X.astype(np.float32), Y, MINEESettings(seeds=1, n_iters=1, batch=8, n_ref=1))


def test_the_running_example_raises_no_warning():
    example = running_example()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mine(example.X, example.Y, FEW)
        minee(example.X, example.Y, FEW_NEE)
