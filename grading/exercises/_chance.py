"""Statistical tests of samples and of indices.

Each test fails an honest sample with probability below 1e-9, so that with a class of hundreds, and with seeds that
stay the same on a regrade, a false alarm is not to be expected.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

ALARM = 1e-9
DEVIATIONS = 6.2  # of a standard normal: two-sided probability 6e-10


def uniform_fault(index: np.ndarray, n: int, name: str) -> str:
    """What is wrong with an index into the n rows of ``name`` as independent uniform draws; "" for nothing."""
    counts = np.bincount(index, minlength=n)
    if stats.chisquare(counts).pvalue < ALARM:
        never = np.flatnonzero(counts == 0)
        if len(never) == 1 and never[0] in (0, n - 1):
            return (
                f"The {'last' if never[0] else 'first'} row of {name} is never drawn: the index runs from 0 to n - 1."
            )
        return f"The rows of {name} are not equally likely: they came {counts.min()} to {counts.max()} times."
    if repeats_too_rarely(index.reshape(-1)[: len(index) // n * n].reshape(-1, n)):
        return f"Each {n} rows drawn from the {n} of {name} are all different: draw with replacement."
    if table_of(index[:-1], index[1:], n) < ALARM:
        return f"The rows drawn from {name} depend on those drawn before: draw each anew, and leave them unsorted."
    return ""


def repeats_too_rarely(windows: np.ndarray) -> bool:
    """Whether too many rows of ``windows``, each of n draws from n, hold no repeat."""
    n = windows.shape[1]
    distinct = int((np.diff(np.sort(windows, axis=1), axis=1) > 0).all(axis=1).sum())
    chance = float(np.exp(np.log(np.arange(1, n + 1)).sum() - n * np.log(n)))
    return bool(stats.binom.sf(distinct - 1, len(windows), chance) < ALARM)


def table_of(first: np.ndarray, second: np.ndarray, n: int) -> float:
    """The p-value of the chi-squared test of two indices as independent and uniform."""
    cells = np.bincount(first * n + second, minlength=n * n)
    return float(stats.chisquare(cells).pvalue)


def dependence_fault(J: np.ndarray, K: np.ndarray, n: int) -> str:
    """What is wrong with two indices as independent of each other; "" for nothing."""
    same = int((J == K).sum())
    if same == len(J):
        return "One index serves both columns, so that every pair is a true pair: draw K apart from J."
    if same == 0:
        return "No true pair is ever drawn: J and K are independent, so that they agree once in n times."
    if np.array_equal(np.bincount(J, minlength=n), np.bincount(K, minlength=n)):
        return "K is J in another order: draw K apart from J."
    if table_of(J, K, n) < ALARM:
        return "J and K depend on each other: draw K apart from J."
    if min(table_of(J[1:], K[:-1], n), table_of(J[:-1], K[1:], n)) < ALARM:
        return "K is J shifted by a place: draw K apart from J."
    return ""


def normal_fault(sample: np.ndarray, name: str) -> str:
    """What is wrong with a sample as independent standard normal draws; "" for nothing."""
    n, mean, deviation = len(sample), sample.mean(), sample.std()
    if deviation < 1e-9:
        return f"All values of {name} are the same: draw each."
    if abs(mean) * np.sqrt(n) > DEVIATIONS:
        return f"The mean of {name} should be near 0, and is {mean:.3f}."
    if abs(deviation - 1) * np.sqrt(2 * n) > DEVIATIONS:
        return f"The standard deviation of {name} should be near 1, and is {deviation:.3f}."
    if stats.kstest(sample, "norm").pvalue < ALARM:
        return f"{name} has the right mean and variance, but is not normal."
    if abs(correlation(sample[:-1], sample[1:])) * np.sqrt(n) > DEVIATIONS:
        return f"The rows of {name} depend on each other: draw each anew, and leave them unsorted."
    if len(np.unique(sample)) < 0.9 * n:
        return f"Values of {name} repeat: draw each anew."
    return ""


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """The correlation, or 0 where one of the two does not vary."""
    if a.std() < 1e-12 or b.std() < 1e-12:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def columns_fault(x: np.ndarray, y: np.ndarray) -> str:
    """What is wrong with two samples as independent of each other; "" for nothing."""
    bound = DEVIATIONS / np.sqrt(len(x))
    if np.array_equal(x, y):
        return "X_ref and Y_ref are the same draws: draw Y_ref apart from X_ref."
    if np.array_equal(np.sort(x), np.sort(y)) or np.array_equal(np.sort(x), np.sort(-y)):
        return "Y_ref holds the draws of X_ref again: draw it apart."
    if np.array_equal(np.sort(np.abs(x)), np.sort(np.abs(y))):
        return "X_ref and Y_ref differ in order and signs alone and are not independent: draw Y_ref apart from X_ref."
    if abs(correlation(x, y)) > bound:
        return (
            f"X_ref and Y_ref have correlation {correlation(x, y):.2f}: the reference is the product of the marginals."
        )
    # The product of two squares has heavy tails: its correlation deviates a little more often.
    if abs(correlation(np.abs(x), np.abs(y))) > 1.2 * bound:
        return "X_ref and Y_ref are uncorrelated, but not independent: draw Y_ref apart from X_ref."
    return ""
