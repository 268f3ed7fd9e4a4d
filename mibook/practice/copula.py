"""The Gaussian copula: normal scores, a baseline in closed form, an exact test, and the base of the critics.

Mutual information is the same for the ranks of each column. Where the ranks' normal scores are jointly Gaussian, their
correlations say it all; where they are not, they are where a critic begins. All values are in nats.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import digamma, ndtri
from scipy.stats import rankdata


def departure(x: np.ndarray, y: np.ndarray) -> float:
    """How far scores are from jointly Gaussian, in standard errors: the larger of two, infinite if n < 4 (d_x + d_y).

    One is Mardia's kurtosis (1970) of all columns; the other compares the correlation of the squared norms of whitened
    x and y with what their canonical correlations give. Both see common scales and turns by an angle that depends on
    the norm, which correlations do not.
    """
    n, d, e = len(x), x.shape[1], y.shape[1]
    if n < 4 * (d + e):
        return math.inf
    u, v, both = (_whitened(z) * math.sqrt(n) for z in (x, y, np.hstack([x, y])))
    k = both.shape[1]
    kurtosis = float(((both**2).sum(1) ** 2).mean()) - k * (k + 2) * (n - 1) / (n + 1)
    a, b = (u**2).sum(1), (v**2).sum(1)
    coupling = float(np.corrcoef(a, b)[0, 1]) if min(a.std(), b.std()) > 0 else 0.0
    expected = ((u.T @ v / n) ** 2).sum() / math.sqrt(u.shape[1] * v.shape[1])
    return max(abs(kurtosis) / math.sqrt(8 * k * (k + 2) / n), abs(coupling - expected) * math.sqrt(n))


Base = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From scores x and y to features whose inner products are a log ratio."""


class Value(NamedTuple):
    """An estimate and its standard error, in nats."""

    estimate: float
    standard_error: float


def scores(values: np.ndarray) -> np.ndarray:
    """The Gaussian quantiles of each column's ranks (ties share one), with mean 0 and variance 1; shape (n, d).

    A column of one value stays at 0.
    """
    z = ndtri(rankdata(values, axis=0) / (len(values) + 1))
    scale = z.std(axis=0)
    return (z - z.mean(axis=0)) / np.where(scale > 0, scale, 1)


def _whitened(z: np.ndarray) -> np.ndarray:
    """An orthonormal basis of the columns' span, shape (n, rank)."""
    return _basis(z)[1]


def _information(u: np.ndarray, v: np.ndarray) -> tuple[float, np.ndarray]:
    """-log det(1 - C'C) / 2 of the canonical correlations C of two bases, and the correlations."""
    rho = np.minimum(np.linalg.svd(u.T @ v, compute_uv=False), 1 - 1e-12)
    return float(-np.log1p(-(rho**2)).sum() / 2), rho


def canonical(x: np.ndarray, y: np.ndarray) -> float:
    """The information of a Gaussian law with the sample's canonical correlations, as it stands: x, y centred."""
    return _information(_whitened(x), _whitened(y))[0]


def baseline(x: np.ndarray, y: np.ndarray) -> Value:
    """The information of a Gaussian copula with the scores' correlations, less its bias under such a copula.

    x, y: scores, shape (n, d_x) and (n, d_y), with d_x + d_y < n - 1. The standard error is the Gaussian law's.
    Source of the correction: Ince et al., Human Brain Mapping 38 (2017).
    """
    u, v = _whitened(x), _whitened(y)
    n, d, e = len(u), u.shape[1], v.shape[1]
    if d + e >= n - 1:
        return Value(np.nan, np.nan)
    value, rho = _information(u, v)
    part = np.cumsum(digamma((n - 1 - np.arange(d + e)) / 2))
    bias = (part[d - 1] + part[e - 1] - part[-1]) / 2 if d and e else 0.0
    return Value(value - float(bias), float(np.sqrt((rho**2).sum() / n)))


def permuted(x: np.ndarray, y: np.ndarray, orders: Callable[[], np.ndarray], number: int) -> tuple[float, np.ndarray]:
    """The uncorrected baseline, and its values for ``number`` orders of the rows of y: an exact test's material."""
    u, v = _whitened(x), _whitened(y)
    null = np.empty(number)
    for k in range(number):
        C = u.T @ v[orders()]
        gram = C @ C.T if len(C) <= C.shape[1] else C.T @ C
        null[k] = -np.linalg.slogdet(np.eye(len(gram)) - (1 - 1e-12) * gram)[1] / 2
    return _information(u, v)[0], null


def base(x: np.ndarray, y: np.ndarray) -> Base:
    """Fit a Gaussian log ratio to scores x and y: features p of x and q of y whose inner products it is.

    It is that of the canonical variates whose correlation no noise in so many dimensions would show, each with the
    correlation to expect on fresh rows. No Donsker-Varadhan value depends on its constant, which is left out.
    Source of the noise's edge and of the correction: Bao, Hu, Pan and Zhou, Annals of Statistics 47 (2019).
    """
    n, d, e = len(x), x.shape[1], y.shape[1]
    (A, u), (B, v) = (_basis(z) for z in (x, y))
    left, seen, right = np.linalg.svd(u.T @ v, full_matrices=False)
    c, f = d / n, e / n
    edge = c + f - 2 * c * f + 2 * np.sqrt(c * f * (1 - c) * (1 - f)) if c + f < 1 else 1.0
    rho = np.where(seen**2 > edge, _on_fresh_rows(np.minimum(seen**2, 1 - 1e-6), c, f), 0.0) if c + f < 1 else 0 * seen
    A, B = (np.sqrt(n * max(1 - k, 0)) * M for k, M in ((c, A @ left), (f, B @ right.T)))
    one, two = rho / (1 - rho**2), rho**2 / (2 * (1 - rho**2))
    spare = np.zeros(min(d, e) - len(rho))  # columns of a lower rank: every fit has as many features
    A, B = (np.hstack([M, np.zeros((len(M), len(spare)))]) for M in (A, B))
    one, two = np.append(one, spare), np.append(two, spare)

    def features(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        u, v = x @ A, y @ B
        ones = np.ones((len(u), 1))
        return np.hstack([u * one, -(u**2) @ two[:, None], ones]), np.hstack([v, ones, -(v**2) @ two[:, None]])

    return features


def _basis(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A and u = z A with orthonormal columns that span z's."""
    u, s, w = np.linalg.svd(z, full_matrices=False)
    keep = s > 1e-9 * s.max(initial=0)
    return w[keep].T / s[keep], u[:, keep]


def _on_fresh_rows(seen: np.ndarray, c: float, f: float) -> np.ndarray:
    """The correlations to expect on fresh rows, from squared sample ones beyond the edge; c, f: dimensions over n."""
    two, one = (1 - c) * (1 - f), c * (1 - f) + f * (1 - c) - seen
    r = (-one + np.sqrt(np.maximum(one**2 - 4 * two * c * f, 0))) / (2 * two)  # the law's own squared correlation
    r = np.clip(r, 1e-6, 1 - 1e-6)
    angles = [r / (r + k * (1 - r) / (1 - k)) for k in (c, f)]
    return np.sqrt(r * angles[0] * angles[1])
