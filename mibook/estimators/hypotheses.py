"""What the estimators assume of a sample, and a sentence that names another way where it does not hold.

MI-NEE compares each variable with a reference that has a density, so the variable needs one: D(P_X || P_X') is
infinite where X has atoms or lies in a subspace, and the difference of two infinite terms is no estimate. MINE's
reference is made of the sample's own values, so it needs none. Both train on standardised columns, in which a few
far values push all others into one place; mutual information is the same for ranks.
"""

from __future__ import annotations

import warnings

import numpy as np

FARTHEST = 10.0
"""Standard deviations from the mean: of 10 000 exponential variables, the farthest is nearer in nine of ten samples."""
LARGEST_PART = 0.8
"""Of sqrt(n - 1), the most standard deviations from the mean that any of n values can be: for small samples."""
HEAVIEST = 0.05
"""Part of the sample that one value may hold, from the third time on that it occurs."""
MOST_TIED = 0.01
"""Part of the values that may have occurred before: float32 ties 0.1 % of 100 000 values by itself."""
SMALLEST = 1e-9
"""Eigenvalue of a correlation matrix, against the largest, under which its columns depend on each other linearly."""


class NoDensityError(ValueError):
    """A sample whose law has no density, where the estimator needs one."""


class TiedSampleWarning(UserWarning):
    """Values that occur more than once, as rounding and resampling make them, where a density is assumed."""


class HeavyTailWarning(UserWarning):
    """A few values so far out that standardised columns hide the rest."""


def _columns(values: np.ndarray) -> np.ndarray:
    """The columns of each sample, shape (S d, n), from shape (n, d) or (S, n, d)."""
    values = np.asarray(values, dtype=np.float64)
    return np.swapaxes(values, -1, -2).reshape(-1, values.shape[-2])


def warn_of_heavy_tails(**samples: np.ndarray) -> None:
    """Warn, by `HeavyTailWarning`, of each sample of shape (n, d) or (S, n, d) with a value very far from the rest."""
    for name, values in samples.items():
        columns = _columns(values)
        centred = columns - columns.mean(axis=1, keepdims=True)
        scale = columns.std(axis=1)
        apart = np.abs(centred).max(axis=1) / np.where(scale > 0, scale, 1)
        if (worst := apart.max()) > min(FARTHEST, LARGEST_PART * np.sqrt(columns.shape[1] - 1)):
            text = (
                f"A value of {name} lies {worst:.0f} standard deviations from the mean, so the estimate can be far "
                "off: take out what stands for a missing value, or replace each column by its ranks, as in "
                f"scipy.stats.rankdata({name}, axis=0), which leave the mutual information as it is."
            )
            warnings.warn(text, HeavyTailWarning, stacklevel=3)


def require_density(**samples: np.ndarray) -> None:
    """Raise NoDensityError for a sample of shape (n, d) or (S, n, d) with atoms or linearly dependent columns.

    A few ties, as rounding makes them, are a `TiedSampleWarning`.
    """
    for name, values in samples.items():
        tied = max(_tied(name, column) for column in _columns(values))
        _refuse_singular(name, np.asarray(values, dtype=np.float64))
        if tied > MOST_TIED:
            text = (
                f"{tied:.0%} of the values in a column of {name} occur more than once, as after rounding, where MI-NEE "
                "assumes a density: add noise of the width of the rounding, or use mine, which assumes none."
            )
            warnings.warn(text, TiedSampleWarning, stacklevel=3)


def _tied(name: str, column: np.ndarray) -> float:
    """The part of a column's values, shape (n,), that occur more than once; raise NoDensityError for atoms."""
    counts = np.unique(column, return_counts=True)[1]
    if counts.max() >= max(3, HEAVIEST * len(column)) or len(counts) < len(column) / 2:
        raise NoDensityError(
            f"{name} has atoms: a column of {len(column)} values holds {len(counts)} different ones, and MI-NEE needs "
            "a density; use mine, whose reference is made of the sample's own values, or, if all columns take few "
            "values, count how often each pair occurs."
        )
    return float(counts[counts > 1].sum() / len(column))


def _refuse_singular(name: str, values: np.ndarray) -> None:
    for sample in values if values.ndim == 3 else values[None]:
        standard = (sample - sample.mean(axis=0)) / sample.std(axis=0)
        eigenvalues = np.linalg.eigvalsh(standard.T @ standard / len(standard))
        rank = int((eigenvalues > SMALLEST * eigenvalues[-1]).sum())
        if rank < sample.shape[1]:
            raise NoDensityError(
                f"The columns of {name} depend on each other linearly: {sample.shape[1]} columns have rank {rank} in "
                f"{len(sample)} pairs, and MI-NEE needs a density; use {rank} of them, which carry the same "
                "information, or use mine, which needs none."
            )
