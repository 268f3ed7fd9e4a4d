"""The chapter on resampling: its statements on laws small enough to enumerate, its functions, its exercise."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest

from chapters.source import BOOK, definitions, read
from mibook.samples import Gaussian

LAW = np.array([[0.40, 0.10, 0.05], [0.05, 0.10, 0.30]])
"""An asymmetric joint law of X in {0, 1} and Y in {0, 1, 2}."""

PRODUCT = np.outer(LAW.sum(axis=1), LAW.sum(axis=0))
RATIO = LAW / PRODUCT
F = np.array([[0.3, -1.0, 2.0], [1.5, 0.0, -0.7]])
"""A function of (x, y) with every part of Hoeffding's decomposition."""


@pytest.fixture(scope="module")
def ns() -> dict:
    return definitions("resampling")


def data_sets(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All data sets of n pairs of LAW: x and y of shape (6**n, n), and their probabilities."""
    x, y = np.divmod(np.array(list(itertools.product(range(6), repeat=n))), 3)
    return x, y, LAW[x, y].prod(axis=1)


def variance(values: np.ndarray, weight: np.ndarray) -> float:
    return float(weight @ values**2 - (weight @ values) ** 2)


# The function given in the chapter


def test_resample_without_replacement_of_all_rows_is_a_permutation(ns):
    data = np.arange(40.0).reshape(20, 2)
    drawn = ns["resample"](data, 20, rng=np.random.default_rng(0))
    assert drawn.shape == (20, 2)
    assert not np.array_equal(drawn, data)
    assert np.array_equal(np.sort(drawn, axis=0), data)


def test_resample_refuses_more_rows_than_there_are_unless_with_replacement(ns):
    with pytest.raises(ValueError, match="larger sample than population"):
        ns["resample"](np.arange(5), 6)
    assert len(ns["resample"](np.arange(5), 60, replace=True)) == 60


def test_the_chapters_stream_is_neither_the_data_nor_the_reference_of_other_chapters(ns):
    fresh = definitions("resampling")["rng"].standard_normal(1000)
    example = ns["example"]
    for column in (example.X, example.Y, example.X_ref, example.Y_ref):
        # A correlation of two independent samples of 1000 has standard deviation 0.032.
        assert abs(np.corrcoef(fresh, column[:, 0])[0, 1]) < 0.16


# thm-mixture and thm-dependence


def index_draws(n: int, replace: bool) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """All equally likely values of ((J_1, J_2), (K_1, K_2))."""
    pairs = list(itertools.product(range(n), repeat=2) if replace else itertools.permutations(range(n), 2))
    return list(itertools.product(pairs, pairs))


@pytest.mark.parametrize("replace", [True, False])
def test_a_resampled_pair_has_the_mixture_law(replace):
    n = 3
    x, y, weight = data_sets(n)
    law = np.zeros_like(LAW)
    draws = index_draws(n, replace)
    for (j, _), (k, _) in draws:
        np.add.at(law, (x[:, j], y[:, k]), weight / len(draws))
    assert law == pytest.approx(LAW / n + (1 - 1 / n) * PRODUCT, abs=1e-14)


@pytest.mark.parametrize("replace", [True, False])
def test_covariances_of_two_resampled_pairs(replace):
    n = 3
    x, y, weight = data_sets(n)
    draws = index_draws(n, replace)
    f, g = np.array([-1.0, 2.0]), np.array([0.5, -1.0, 3.0])
    mean_f, mean_g = LAW.sum(axis=1) @ f, LAW.sum(axis=0) @ g
    cross = np.mean([weight @ (f[x[:, j1]] * g[y[:, k2]]) for (j1, _), (_, k2) in draws]) - mean_f * mean_g
    same = np.mean([weight @ (f[x[:, j1]] * f[x[:, j2]]) for (j1, j2), _ in draws]) - mean_f**2
    assert cross == pytest.approx((f @ LAW @ g - mean_f * mean_g) / n)
    assert same == pytest.approx((LAW.sum(axis=1) @ f**2 - mean_f**2) / n if replace else 0, abs=1e-14)


@pytest.mark.parametrize("n", [2, 5, 6])
def test_a_permutation_has_one_true_pair_on_average_with_variance_one(n):
    counts = np.array([sum(i == p for i, p in enumerate(q)) for q in itertools.permutations(range(n))])
    assert counts.mean() == pytest.approx(1)
    assert counts.var() == pytest.approx(1)
    assert (counts == 0).mean() == pytest.approx(sum((-1) ** k / math.factorial(k) for k in range(n + 1)))


# thm-reachable


@pytest.mark.parametrize("n", [2, 10, 1000])
def test_what_is_reachable_is_the_divergence_to_the_mixture_and_obeys_its_bounds(ns, n):
    density = np.log(RATIO)
    information = (LAW * density).sum()
    reach = information - (LAW * ns["mixture_loss"](density, n)).sum()
    mixture = LAW / n + (1 - 1 / n) * PRODUCT
    assert reach == pytest.approx((LAW * np.log(LAW / mixture)).sum(), abs=1e-14)
    assert reach <= min((1 - 1 / n) * information, np.log(n))
    assert reach >= information - np.log1p(((LAW * RATIO).sum() - 1) / n)


def gaussian_reach(ns: dict, rho: float, d: int, n: int) -> float:
    """By quadrature: i = I + rho (A - B) / 2 with A and B independent, chi-squared of d degrees."""
    from scipy.stats import chi2

    node, weight = np.polynomial.legendre.leggauss(600)
    u = 5 * (node + 1)  # A = u**2 up to 100; the substitution removes the pole of the density for d = 1
    weight = weight * 5 * 2 * u * chi2.pdf(u**2, d)
    density = -d / 2 * np.log(1 - rho**2) + rho / 2 * (u[:, None] ** 2 - u**2)
    assert weight.sum() == pytest.approx(1, abs=1e-9)
    return -d / 2 * np.log(1 - rho**2) - weight @ ns["mixture_loss"](density, n) @ weight


def test_the_numbers_that_the_page_quotes_for_the_reachable_information(ns):
    assert gaussian_reach(ns, ns["rho"], 1, 1000) == pytest.approx(0.7379, abs=5e-5)
    assert gaussian_reach(ns, 0.9, 6, 1000) == pytest.approx(4.5673, abs=5e-4)
    assert gaussian_reach(ns, 0.9, 6, 100) == pytest.approx(3.67, abs=5e-3)
    assert ns["laws"]["6 dimensions"].mutual_information == pytest.approx(4.98, abs=5e-3)


def test_the_mixture_loss_does_not_overflow(ns):
    assert ns["mixture_loss"](np.array([2000.0]), 1000) == pytest.approx(2000 - np.log(1000))


# thm-all-pairs


def test_with_all_pairs_no_critic_passes_log_n_and_one_family_reaches_it():
    n = 7
    rng = np.random.default_rng(3)

    def objective(t: np.ndarray) -> float:
        top = t.max()
        return np.trace(t) / n - top - np.log(np.exp(t - top).mean())

    assert max(objective(rng.normal(scale=s, size=(n, n))) for s in (0.1, 1, 5) for _ in range(200)) < np.log(n)
    values = [objective(c * np.eye(n)) for c in (1, 5, 15)]
    assert values == sorted(values)
    assert values[-1] == pytest.approx(np.log(n), abs=1e-5)
    assert values[-1] < np.log(n)


# thm-derangement and thm-degenerate


def squares(shifts: list[int], n: int) -> list[tuple[int, int]]:
    return [(i, (i + s) % n) for s in shifts for i in range(n)]


def average(f: np.ndarray, x: np.ndarray, y: np.ndarray, chosen: list[tuple[int, int]]) -> np.ndarray:
    j, k = np.array(chosen).T
    return f[x[:, j], y[:, k]].mean(axis=1)


def mirrored(chosen: list[tuple[int, int]]) -> float:
    return sum((k, j) in chosen for j, k in chosen) / len(chosen)


def transposed(g: np.ndarray) -> float:
    """E g(X_1, Y_2) g(X_2, Y_1)."""
    return float(np.einsum("ab,cd,ad,cb->", LAW, LAW, g, g))


def test_a_shift_is_unbiased_and_a_permutation_with_a_fixed_point_is_not():
    x, y, weight = data_sets(4)
    target = (PRODUCT * F).sum()
    assert weight @ average(F, x, y, squares([1], 4)) == pytest.approx(target, abs=1e-13)
    fixed_point = [(0, 0), (1, 2), (2, 3), (3, 1)]
    assert abs(weight @ average(F, x, y, fixed_point) - target) > 1e-3


@pytest.mark.parametrize("shifts", [[1], [2], [1, 2], [1, 3], [1, 2, 3]])
def test_variance_of_the_reference_average_of_any_function(shifts):
    n = 4
    x, y, weight = data_sets(n)
    chosen = squares(shifts, n)
    theta = (PRODUCT * F).sum()
    a, b = F @ LAW.sum(axis=0) - theta, LAW.sum(axis=1) @ F - theta
    g = F - theta - a[:, None] - b
    slow = (LAW * (a[:, None] + b) ** 2).sum()
    expected = slow / n + ((PRODUCT * g**2).sum() + mirrored(chosen) * transposed(g)) / len(chosen)
    assert variance(average(F, x, y, chosen), weight) == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize(
    "chosen", [squares([1], 4), squares([1, 3], 4), squares([1, 2, 3], 4), [(0, 1), (0, 2), (2, 0), (3, 1), (1, 3)]]
)
def test_the_ratio_is_degenerate_for_every_choice_off_the_diagonal(chosen):
    x, y, weight = data_sets(4)
    chi2, tau = (PRODUCT * RATIO**2).sum() - 1, transposed(RATIO) - 1
    values = average(RATIO, x, y, chosen)
    assert abs(tau) <= chi2
    assert variance(values, weight) == pytest.approx((chi2 + mirrored(chosen) * tau) / len(chosen), abs=1e-13)
    joint = np.log(RATIO)[x, y].mean(axis=1)
    assert weight @ (joint * values) == pytest.approx((weight @ joint) * (weight @ values), abs=1e-13)


def test_chi_squared_and_tau_of_a_gaussian_pair(ns):
    rho = 0.5
    u, w = np.polynomial.hermite_e.hermegauss(24)
    w = w / w.sum()
    law = Gaussian(rho)

    def ratio(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        shape = np.broadcast(x, y).shape
        flat = [np.broadcast_to(a, shape).reshape(-1, 1) for a in (x, y)]
        return np.exp(law.information_density(*flat)).reshape(shape)

    x1, e1, x2, e2 = np.meshgrid(u, u, u, u, indexing="ij", sparse=True)
    y1, y2 = (rho * x + np.sqrt(1 - rho**2) * e for x, e in ((x1, e1), (x2, e2)))
    tau = np.einsum("abcd,a,b,c,d->", ratio(x1, y2) * ratio(x2, y1), w, w, w, w) - 1
    chi2 = w @ ratio(u[:, None], u) ** 2 @ w - 1
    # The quadrature of 24 nodes is good to about 1e-4 here.
    assert tau == pytest.approx(rho**4 / (1 - rho**4), abs=1e-3)
    assert chi2 == pytest.approx(np.expm1(2 * law.mutual_information), abs=1e-3)
    assert ns["reference_sd"](law, 30, 29) == pytest.approx(np.sqrt((chi2 + tau) / (30 * 29)), rel=1e-3)


def test_the_scatter_that_the_page_quotes(ns):
    law = Gaussian(ns["rho"])
    for shifts, sd in ((1, 0.058), (20, 0.013), (999, 0.0022)):
        assert ns["reference_sd"](law, 1000, shifts) == pytest.approx(sd, rel=0.02)
    six = ns["laws"]["6 dimensions"]
    assert ns["reference_sd"](six, 1000, 999) > six.noise(1000)
    assert np.expm1(2 * six.mutual_information) > 20_000


def test_measured_scatter_at_a_mild_correlation(ns):
    law, n, repeats = Gaussian(0.3), 20, 20_000
    X, Y = (a.reshape(repeats, n) for a in law.sample(n * repeats, np.random.default_rng(5)))
    values = np.zeros(repeats)
    for s in range(1, n):
        density = law.information_density(X.reshape(-1, 1), np.roll(Y, -s, axis=1).reshape(-1, 1))
        values += np.exp(density).reshape(repeats, n).mean(axis=1) / (n - 1)
    # Here E r^4 is finite; the standard deviation of 20 000 values is known to about one per cent.
    assert values.std() == pytest.approx(ns["reference_sd"](law, n, n - 1), rel=0.05)


@pytest.mark.parametrize("lam", [0.5, 0.8])
@pytest.mark.parametrize("rho", [0.6, 0.879])
def test_theory_for_a_shrunken_critic(ns, rho, lam):
    v = np.linspace(-9, 9, 1201)
    p = np.exp(-(v**2) / 2) / np.sqrt(2 * np.pi) * (v[1] - v[0])
    x, y = (a.reshape(-1, 1) for a in np.meshgrid(v, v, indexing="ij"))
    r = np.exp(Gaussian(rho).information_density(x, y)).reshape(len(v), len(v))
    f = r**lam
    theta = p @ f @ p
    a = f @ p - theta  # and b is the same function, by symmetry
    product = np.outer(p, p)
    slow = (product * r * (a[:, None] + a) ** 2).sum()
    rest = (product * (f - theta - a[:, None] - a) ** 2).sum()
    shifts = np.array([1, 7, 200])
    expected = np.sqrt((slow + rest / shifts) / 1000) / theta
    assert ns["shrunk_sd"](rho, 1000, shifts, lam) == pytest.approx(expected, rel=1e-3)


def test_the_optimal_critic_has_no_floor(ns):
    shifts = np.array([1, 20, 400])
    law = Gaussian(0.879)
    expected = [ns["reference_sd"](law, 1000, s) for s in shifts]
    assert ns["shrunk_sd"](law.rho, 1000, shifts, 1.0) == pytest.approx(expected)


# The exercise: its visible tests accept what is right and refuse what is likely to go wrong


def visible_tests() -> list[str]:
    cells = read(BOOK / "resampling.md").cells
    return [c.source for c in cells if c.metadata.get("nbgrader", {}).get("grade") and c.cell_type == "code"]


def complaint(function) -> str | None:
    """What the first visible test that fails tells the student; None if all pass."""
    try:
        for source in visible_tests():
            exec(source, {"np": np, "resample_pairs": function})
    except AssertionError as error:
        return str(error)
    return None


def by_choice(X, Y, size, rng):
    return rng.choice(X, size), rng.choice(Y, size)


def by_pairs_of_indices(X, Y, size, rng):
    J, K = rng.integers(0, len(X), (2, size))
    return X[J], Y[K]


def by_take(X, Y, size, rng):
    return tuple(np.take(a, np.floor(len(a) * rng.random(size)).astype(int), axis=0) for a in (X, Y))


def without_replacement(X, Y, size, rng):
    tiled = np.concatenate([rng.permutation(len(X)) for _ in range(-(-size // len(X)))])[:size]
    return X[tiled], Y[rng.integers(len(Y), size=size)]


def one_index(X, Y, size, rng):
    J = rng.integers(len(X), size=size)
    return X[J], Y[J]


def only_y(X, Y, size, rng):
    return X[np.arange(size) % len(X)], Y[rng.integers(len(Y), size=size)]


def fresh_generator(X, Y, size, rng):
    return by_choice(X, Y, size, np.random.default_rng(0))


def global_state(X, Y, size, rng):
    return X[np.random.randint(len(X), size=size)], Y[np.random.randint(len(Y), size=size)]


def size_ignored(X, Y, size, rng):
    return by_choice(X, Y, len(X), rng)


def shuffles_its_input(X, Y, size, rng):
    rng.shuffle(Y)
    return by_choice(X, Y, size, rng)


def columns_mixed(X, Y, size, rng):
    return np.column_stack([rng.choice(column, size) for column in X.T]), rng.choice(Y, size)


def last_row_missing(X, Y, size, rng):
    return by_choice(X[:-1], Y[:-1], size, rng)


def flat(X, Y, size, rng):
    return tuple(a[:, 0] for a in by_choice(X, Y, size, rng))


@pytest.mark.parametrize("function", [by_choice, by_pairs_of_indices, by_take])
def test_visible_tests_accept(function):
    assert complaint(function) is None


def test_visible_tests_accept_the_answer(ns):
    assert complaint(ns["resample_pairs"]) is None


@pytest.mark.parametrize(
    ("function", "hint"),
    [
        (without_replacement, "is this without replacement"),
        (one_index, "draw K apart from J"),
        (only_y, "without replacement"),
        (fresh_generator, "use the `rng`"),
        (global_state, "use only `rng`"),
        (size_ignored, "size"),
        (shuffles_its_input, "do not shuffle"),
        (columns_mixed, "do not mix"),
        (last_row_missing, "equally likely"),
        (flat, "not \\(5000,\\)"),
    ],
)
def test_visible_tests_refuse_and_name_the_mistake(function, hint):
    assert re.search(hint, complaint(function) or "nothing")
