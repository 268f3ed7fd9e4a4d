"""Statistical tests of samples and of indices.

Every test is of one behaviour, on its own evidence: whether two indices depend on each other is asked with the margins
that they have, be they right or not. All tests of an honest answer together fail it with probability near 1e-8, so that
with a class of hundreds, and with seeds that stay the same on a regrade, a false alarm is not to be expected.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special, stats

ALARM = 1e-10  # for one test: an honest answer meets about a hundred, most of them never near it
EVEN = 3e-9  # for counts that are too even: what keeps all deals apart from draws
DEVIATIONS = 6.5  # of a standard normal: two-sided probability 8e-11
LAGS = (1, 2, 3, 4, 5, 7)


# Indices


def uniform_fault(index: np.ndarray, n: int, name: str) -> str:
    """What is wrong with an index into the n rows of ``name`` as independent uniform draws; "" for nothing."""
    counts = np.bincount(index, minlength=n)
    spread = float(((counts - len(index) / n) ** 2).sum() * n / len(index))  # chi-squared with n - 1 degrees
    if special.chdtrc(n - 1, spread) < ALARM:
        never = np.flatnonzero(counts == 0)
        if len(never) == 1 and never[0] in (0, n - 1):
            return (
                f"The {'last' if never[0] else 'first'} row of {name} is never drawn: the index runs from 0 to n - 1."
            )
        return f"The rows of {name} are not equally likely: they came {counts.min()} to {counts.max()} times."
    if repeats_too_rarely(index[: len(index) // n * n].reshape(-1, n)):
        return f"Each {n} rows drawn from the {n} of {name} are all different: draw with replacement."
    if too_even(counts):
        return f"The rows of {name} come equally often, as rows dealt out do: draw each anew, with replacement."
    if serial_fault(index, n):
        return f"The rows drawn from {name} depend on those drawn before: draw each anew, and leave them unsorted."
    return ""


def too_even(counts: np.ndarray) -> bool:
    """Whether counts that should be equal in the mean are closer to it than draws come; those dealt out differ by 1."""
    spread = ((counts - counts.mean()) ** 2).sum() / counts.mean()
    return bool(special.chdtr(len(counts) - 1, spread) < EVEN)


def repeats_too_rarely(windows: np.ndarray, n: int | None = None) -> bool:
    """Whether too many rows of ``windows``, each some draws from n, hold no repeat; n is their number if not given."""
    draws = windows.shape[1]
    n = n or draws
    distinct = int((np.diff(np.sort(windows, axis=1), axis=1) > 0).all(axis=1).sum())
    chance = float(np.prod(np.arange(n - draws + 1, n + 1) / n))
    return bool(stats.binom.sf(distinct - 1, len(windows), chance) < ALARM)


def serial_fault(index: np.ndarray, n: int) -> bool:
    """Whether draws depend on earlier ones: near by, half the sample away, or anywhere as repeats or mirrored."""
    half = len(index) // 2
    lags = (*LAGS, half, len(index) - half)
    if min(table_of(index[:-lag], index[lag:], n) for lag in lags) < ALARM:
        return True
    shares, anywhere = np.bincount(index, minlength=n) / len(index), range(1, len(index) - 50)
    return agreements_fault(index, index, float((shares**2).sum()), anywhere) or agreements_fault(
        index, n - 1 - index, float((shares * shares[::-1]).sum()), anywhere
    )


def table_of(first: np.ndarray, second: np.ndarray, n: int, times: float = 1.0) -> float:
    """The p-value of the chi-squared test of two indices as independent, whatever the law of each.

    ``times`` says how often each pair counts, where the same ones come again.
    """
    table = np.bincount(first * n + second, minlength=n * n).reshape(n, n)
    table = table[table.any(axis=1)][:, table.any(axis=0)]
    if min(table.shape) < 2:
        return 1.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / len(first)
    degrees = (table.shape[0] - 1) * (table.shape[1] - 1)
    return float(special.chdtrc(degrees, ((table - expected) ** 2 / expected).sum() / times))


def agreements(J: np.ndarray, K: np.ndarray, lags: range) -> tuple[np.ndarray, np.ndarray]:
    """How often J_i = K_(i + lag) at each lag, and of how many; all counts come from one Fourier transform."""
    size = 1 << max(len(J), len(K)).bit_length() + 1
    counts = np.zeros(size)
    for row in np.intersect1d(J, K):
        a, b = (np.fft.rfft(index == row, size) for index in (J, K))
        counts += np.fft.irfft(a.conj() * b, size)
    lag = np.array(lags)
    return np.rint(counts[lag]).astype(int), np.minimum(len(J), len(K) - lag) - np.maximum(0, -lag)


def agreements_fault(J: np.ndarray, K: np.ndarray, chance: float, lags: range) -> bool:
    """Whether J_i = K_(i + lag) far more or less often than with probability ``chance``, at one of the lags.

    The number of agreements of independent draws is binomial.
    """
    found, trials = agreements(J, K, lags)
    far = np.abs(found - trials * chance) > 5 * np.sqrt(trials * chance * (1 - chance))
    return bool(_two_sided(found[far], trials[far], chance).min(initial=1.0) < ALARM / len(found))


def repetition(J: np.ndarray, K: np.ndarray, n: int) -> float:
    """How many times over each pair of rows counts, where both indices repeat together; 1 for draws."""
    pairs = J * n + K
    found, trials = agreements(pairs, pairs, range(1, len(pairs)))
    chance = float(((np.bincount(pairs) / len(pairs)) ** 2).sum())
    excess = found - trials * chance
    far = excess > 8 * np.sqrt(trials * chance) + 20
    return 1 + 2 * float(excess[far].sum()) / len(pairs)


def dependence_fault(J: np.ndarray, K: np.ndarray, n: int) -> str:
    """What is wrong with two indices as independent of each other, whatever the law of each; "" for nothing."""
    same = int((J == K).sum())
    if same == len(J):
        return "One index serves both columns, so that every pair is a true pair: draw K apart from J."
    margins = np.array([np.bincount(index, minlength=n) for index in (J, K)])
    chance = float(np.prod(margins / len(J), axis=0).sum())
    if same == 0 and chance * len(J) > 30:
        return "No true pair is ever drawn: J and K are independent, so that they agree once in n times."
    if np.array_equal(*margins) and not too_even(margins[0]):  # rows that are dealt out have equal counts anyway
        return "K is J in another order: draw K apart from J."
    times = repetition(J, K, n) if serial_fault(J, n) and serial_fault(K, n) else 1.0
    if len(J) < 5 * n * n * times:
        return "The same rows come again so often that it cannot be told whether J and K are independent."
    if table_of(J, K, n, times) < ALARM:
        return "J and K depend on each other: draw K apart from J."
    return _places_fault(J, K, n, chance) if times == 1 else ""


def _places_fault(J: np.ndarray, K: np.ndarray, n: int, chance: float) -> str:
    """Whether K depends on J at other places of the sample."""
    if min(min(table_of(J[lag:], K[:-lag], n), table_of(J[:-lag], K[lag:], n)) for lag in (1, 2, 3)) < ALARM:
        return "K is J shifted by a place: draw K apart from J."
    half = len(J) // 2
    halves = [(J[half:], K[: len(J) - half]), (J[: len(J) - half], K[half:]), (J, K[::-1])]
    if min(table_of(a, b, n) for a, b in halves) < ALARM:
        return "K holds rows of J again, in another order: draw K apart from J."
    if agreements_fault(J, K, chance, range(-len(J) + 50, len(J) - 50)):
        return "K holds rows of J again, some places on: draw K apart from J."
    return ""


# Samples


def _normal(x: np.ndarray) -> np.ndarray:
    return -(x**2) / 2 - np.log(2 * np.pi) / 2


def _logistic(x: np.ndarray) -> np.ndarray:
    scale = np.sqrt(3) / np.pi
    return -x / scale - np.log(scale) - 2 * np.logaddexp(0, -x / scale)


def _laplace(x: np.ndarray) -> np.ndarray:
    return -np.sqrt(2) * np.abs(x) - np.log(2) / 2


def _student(degrees: int) -> Callable[[np.ndarray], np.ndarray]:
    constant = special.gammaln((degrees + 1) / 2) - special.gammaln(degrees / 2) - np.log((degrees - 2) * np.pi) / 2
    return lambda x: constant - (degrees + 1) / 2 * np.log1p(x**2 / (degrees - 2))


def _cut(level: float) -> Callable[[np.ndarray], np.ndarray]:
    """The log density of a standard normal that is drawn again beyond ``level``."""
    inside = np.log(special.ndtr(level) - special.ndtr(-level))
    return lambda x: np.where(np.abs(x) <= level, _normal(x) - inside, -1e3)


# Laws that are taken for the normal one, by what can be said of them. A sample of normals has a likelihood ratio above
# 1 / ALARM with probability below ALARM, whatever its size.
HEAVY = "its tails are too heavy, as those of a logistic or of Student's law are"
CUTS = (2.0, 2.5, 3.0)
OTHER_LAWS = (
    (HEAVY, _logistic),
    (HEAVY, _laplace),
    (HEAVY, _student(5)),
    (HEAVY, _student(10)),
    *((f"there is no value beyond {level:g}", _cut(level)) for level in CUTS),
)


def normal_fault(sample: np.ndarray, name: str) -> str:
    """What is wrong with the law of a sample as independent standard normal draws; "" for nothing."""
    n, mean, deviation = len(sample), sample.mean(), sample.std()
    if deviation < 1e-9:
        return f"All values of {name} are the same: draw each."
    if abs(mean) * np.sqrt(n) > DEVIATIONS:
        return f"The mean of {name} should be near 0, and is {mean:.3f}."
    normal = _normal(sample)
    for level in CUTS:  # drawing again lowers the deviation a little, which is not what went wrong
        narrower = stats.truncnorm.std(-level, level)
        if abs(deviation - narrower) * np.sqrt(2 * n) < DEVIATIONS and _ratio(_cut(level), sample, normal):
            return f"{name} is not normal: there is no value beyond {level:g}."
    if abs(deviation - 1) * np.sqrt(2 * n) > DEVIATIONS:
        return f"The standard deviation of {name} should be near 1, and is {deviation:.3f}."
    wrong = f"{name} has the right mean and variance, but is not normal"
    for said, density in OTHER_LAWS:
        if _ratio(density, sample, normal):
            return f"{wrong}: {said}."
    outside = (np.abs(sample)[:, None] > LEVELS).sum(0)
    if min(_two_sided(outside, n, 2 * special.ndtr(-LEVELS))) < ALARM:
        return f"{wrong}: it has too {'few' if outside[2] < 2 * n * special.ndtr(-LEVELS[2]) else 'many'} large values."
    if _kolmogorov(sample) < ALARM or max(map(abs, _moments(sample))) > 8:
        return f"{wrong}."
    if abs(mean) * np.sqrt(n) < 2e-9:
        return f"The mean of {name} is exactly 0, as that of draws never is: do not centre them."
    return ""


def _ratio(density: Callable[[np.ndarray], np.ndarray], sample: np.ndarray, normal: np.ndarray) -> bool:
    """Whether a sample is far more likely under another law than under the normal one."""
    return bool((density(sample) - normal).sum() > -np.log(ALARM))


LEVELS = np.array([1.0, 2.0, 2.5, 3.0, 3.5])


def _two_sided(found: np.ndarray, trials: np.ndarray | int, chance: np.ndarray | float) -> np.ndarray:
    """The lesser tail of a binomial law at each number found."""
    return np.minimum(stats.binom.cdf(found, trials, chance), stats.binom.sf(found - 1, trials, chance))


def _kolmogorov(sample: np.ndarray) -> float:
    """The p-value of Kolmogorov's test of standard normal draws."""
    n, places = len(sample), special.ndtr(np.sort(sample))
    steps = np.arange(n + 1) / n
    return float(special.kolmogorov(np.sqrt(n) * max((steps[1:] - places).max(), (places - steps[:-1]).max())))


def _moments(sample: np.ndarray) -> tuple[float, float]:
    """Skewness and kurtosis as standard normal deviations."""
    return float(stats.skewtest(sample).statistic), float(stats.kurtosistest(sample).statistic)


def rows_fault(sample: np.ndarray, name: str) -> str:
    """What is wrong with the rows of a sample of the right law as draws that know nothing of each other."""
    n = len(sample)
    if not new_values(sample):
        return f"Values of {name} repeat, with or without their sign: draw each anew."
    places = special.ndtr(sample)
    for cells in (10, 30, 100):
        counts = np.bincount(np.minimum((places * cells).astype(int), cells - 1), minlength=cells)
        spread = float(((counts - n / cells) ** 2).sum() * cells / n)
        if special.chdtr(cells - 1, spread) < ALARM:
            return f"{name} fills its law too evenly, as strata do: draw each row by itself."
        if special.chdtrc(cells - 1, spread) < ALARM / 10:
            return f"{name} has the right mean and variance, but is not normal."
    places = ranks(sample)
    if lags_fault(sample, sample) or min(_tables(places[:-lag], places[lag:]) for lag in (1, 2)) < ALARM:
        return f"The rows of {name} depend on each other: draw each anew, and leave them unsorted."
    return ""


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """The correlation, or 0 where one of the two does not vary."""
    if a.std() < 1e-12 or b.std() < 1e-12:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def lags_fault(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether two samples, or their absolute values, are correlated at any shift of their rows but 0, cyclically."""
    n = len(x)
    for part in (lambda a: a, np.abs):
        a, b = (part(c) - part(c).mean() for c in (x, y))
        if a.std() < 1e-12 or b.std() < 1e-12:
            continue
        product = np.fft.irfft(np.fft.rfft(a).conj() * np.fft.rfft(b), n) / (n * a.std() * b.std())
        # Each shift of an odd number of rows has n different products; those of absolute values have heavier tails.
        if np.abs(product[1:]).max() * np.sqrt(n) > (9.0 if part is np.abs else 8.0):
            return True
    return False


def ranks(sample: np.ndarray) -> np.ndarray:
    """The place of each value among all, from 0 to 1; equal values in an order that knows nothing of their rows."""
    mixed = np.random.default_rng(0).permutation(len(sample))
    places = np.empty(len(sample))
    places[mixed[np.argsort(sample[mixed], kind="stable")]] = np.arange(len(sample)) / len(sample)
    return places


def new_values(sample: np.ndarray) -> bool:
    """Whether hardly a value comes twice, with or without its sign; in float32 one in thousands does."""
    return len(np.unique(np.abs(sample))) >= 0.995 * len(sample)


def _tables(x: np.ndarray, y: np.ndarray) -> float:
    """The least p-value of chi-squared tests of two columns of ranks as independent, in coarse and fine tables."""
    least = 1.0
    for cells in (cells for cells in (8, 25) if 6 * cells**2 < len(x)):
        table = np.bincount((x * cells).astype(int) * cells + (y * cells).astype(int), minlength=cells * cells)
        spread = ((table - len(x) / cells**2) ** 2).sum() * cells**2 / len(x)
        degrees = (cells - 1) ** 2
        least = min(least, 10 * special.chdtrc(degrees, spread), special.chdtr(degrees, spread))
    return float(least)


def _once(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows whose values in either column did not come before: repeated rows would count as evidence twice."""
    for column in (0, 1):
        kept = np.sort(np.unique(np.abs((x, y)[column]), return_index=True)[1])
        if 30 < len(kept) < 0.995 * len(x):
            x, y = x[kept], y[kept]
    return x, y


def columns_fault(x: np.ndarray, y: np.ndarray) -> str:
    """What is wrong with two samples as independent of each other; "" for nothing."""
    if np.array_equal(x, y):
        return "X_ref and Y_ref are the same draws: draw Y_ref apart from X_ref."
    if np.array_equal(np.sort(x), np.sort(y)) or np.array_equal(np.sort(x), np.sort(-y)):
        return "Y_ref holds the draws of X_ref again: draw it apart."
    if np.array_equal(np.sort(np.abs(x)), np.sort(np.abs(y))):
        return "X_ref and Y_ref differ in order and signs alone and are not independent: draw Y_ref apart from X_ref."
    fresh = new_values(x) and new_values(y)
    x, y = _once(x, y)
    bound = DEVIATIONS / np.sqrt(len(x))
    common = len(np.intersect1d(np.abs(x), np.abs(y)))
    if fresh and common > 0.005 * len(x):
        return "Y_ref holds some draws of X_ref again: draw it apart."
    if abs(correlation(x, y)) > bound:
        return (
            f"X_ref and Y_ref have correlation {correlation(x, y):.2f}: the reference is the product of the marginals."
        )
    a, b = ranks(x), ranks(y)
    # The product of two absolute values has heavier tails: its correlation deviates a little more often.
    if abs(correlation(np.abs(x), np.abs(y))) > 1.2 * bound or _tables(a, b) < ALARM:
        return "X_ref and Y_ref are uncorrelated, but not independent: draw Y_ref apart from X_ref."
    if lags_fault(x, y) or min(_tables(a[1:], b[:-1]), _tables(a[:-1], b[1:]), _tables(a, b[::-1])) < ALARM:
        return "Rows of Y_ref depend on other rows of X_ref: draw Y_ref apart from X_ref."
    return ""
