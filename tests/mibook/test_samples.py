"""The laws know what they claim: their densities integrate, their information is right, their draws agree."""

import numpy as np
import pytest

from mibook.samples import Gaussian, GaussianMixture, running_example

GRID = np.linspace(-9, 9, 721)


def expectation_under_product(law, f):
    """E f(x, y) for independent standard normal x and y, by the trapezoidal rule on a grid."""
    x, y = (a.reshape(-1, 1) for a in np.meshgrid(GRID, GRID))
    weight = np.exp(-(x**2 + y**2) / 2)[:, 0]
    return float((weight / weight.sum()) @ f(x, y))


@pytest.mark.parametrize("law", [Gaussian(0.5), Gaussian(-0.8), Gaussian(0.879), GaussianMixture(0.9)], ids=repr)
def test_density_ratio_integrates_to_one_and_gives_the_information(law):
    ratio = expectation_under_product(law, lambda x, y: np.exp(law.information_density(x, y)))
    assert ratio == pytest.approx(1, abs=1e-6)

    def r_log_r(x, y):
        i = law.information_density(x, y)
        return np.exp(i) * i

    assert expectation_under_product(law, r_log_r) == pytest.approx(law.mutual_information, abs=1e-5)


@pytest.mark.parametrize("law", [Gaussian(0.4), Gaussian(-0.8), GaussianMixture(0.8)], ids=repr)
def test_variance_of_the_ratio_is_that_of_reference_pairs(law):
    square = expectation_under_product(law, lambda x, y: np.exp(2 * law.information_density(x, y)))
    assert square - 1 == pytest.approx(law.ratio_variance, rel=1e-3)


def test_variances_of_the_ratio_multiply_over_independent_pairs():
    assert Gaussian(0.6, d=3).ratio_variance + 1 == pytest.approx((Gaussian(0.6).ratio_variance + 1) ** 3)


def test_value_at_the_optimum_scatters_over_both_samples_as_the_noise_says():
    law, rng = Gaussian(0.5), np.random.default_rng(3)
    values = [law.at_optimum(*law.sample(300, rng), *rng.standard_normal((2, 200, 1))) for _ in range(600)]
    assert np.std(values) == pytest.approx(law.noise(300, 200), rel=0.13)
    assert law.noise(300, 10**9) == pytest.approx(law.noise(300))


@pytest.mark.parametrize("law", [Gaussian(0.7), Gaussian(0.9, d=6), GaussianMixture(0.9)], ids=repr)
def test_oracle_scatters_as_the_noise_says(law):
    n, rng = 400, np.random.default_rng(3)
    oracles = np.array([law.oracle(*law.sample(n, rng)) for _ in range(600)])
    # 600 repetitions: the mean is known to noise / 24, the standard deviation to 3 %; four times that is allowed.
    assert oracles.mean() == pytest.approx(law.mutual_information, abs=4 * law.noise(n) / np.sqrt(600))
    assert oracles.std() == pytest.approx(law.noise(n), rel=0.13)


def test_published_values_of_the_two_race_laws():
    assert GaussianMixture(0.9).mutual_information == pytest.approx(0.408, abs=5e-4)
    assert Gaussian(0.9, d=6).mutual_information == pytest.approx(4.982, abs=5e-4)


def test_running_example_is_the_one_the_book_describes():
    example = running_example()
    assert example.rho == pytest.approx(0.8790, abs=5e-5)
    assert example.truth == pytest.approx(0.7405, abs=5e-5)
    assert example.noise == pytest.approx(0.028, abs=5e-4)
    assert {a.shape for a in (example.X, example.Y, example.X_ref, example.Y_ref)} == {(1000, 1)}
    assert abs(example.oracle - example.truth) < 3 * example.noise


def test_reference_stream_is_independent_of_the_data():
    example = running_example(100_000)
    table = np.corrcoef(np.hstack([example.X, example.Y, example.X_ref, example.Y_ref]).T)
    assert np.abs(table[:2, 2:]).max() < 4 / np.sqrt(100_000)


def test_wrong_input_is_one_clear_sentence():
    with pytest.raises(ValueError, match="strictly between -1 and 1"):
        Gaussian(1.0)
    with pytest.raises(ValueError, match=r"shape \(n, 2\)"):
        Gaussian(0.5, d=2).information_density(np.zeros((3, 1)), np.zeros((3, 1)))
