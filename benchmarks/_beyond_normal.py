"""Forty laws in the manner of Czyz et al., "Beyond Normal" (NeurIPS 2023), with exact mutual information.

The samplers are written anew, with parameters of our own where the paper leaves a choice. All but two laws are
bijections, on each side, of a Gaussian or a Student law, which keep its information; uniform noise has a closed form.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.special import digamma, gammaln, ndtr

Map = Callable[[np.ndarray], np.ndarray]


class Task(NamedTuple):
    """A law by name: its dimensions, its information in nats, and its sampler of n pairs.

    gaussian: whether its copula is Gaussian, as the baseline of `mibook.estimate` assumes.
    """

    name: str
    shape: tuple[int, int]
    information: float
    sample: Callable[[int, np.random.Generator], tuple[np.ndarray, np.ndarray]]
    gaussian: bool = False


def _same(z: np.ndarray) -> np.ndarray:
    return z


def dense(d: int, rho: float = 0.5) -> np.ndarray:
    """The correlation matrix of d + d coordinates of which any two have correlation rho."""
    return (1 - rho) * np.eye(2 * d) + rho


def pairs(d: int, number: int, rho: float = 0.8) -> np.ndarray:
    """The correlation matrix of d + d coordinates of which the first ``number`` of each side form pairs."""
    R = np.eye(2 * d)
    for k in range(number):
        R[k, d + k] = R[d + k, k] = rho
    return R


def gaussian_information(R: np.ndarray) -> float:
    d = len(R) // 2
    parts = [np.linalg.slogdet(part)[1] for part in (R[:d, :d], R[d:, d:], R)]
    return float(parts[0] + parts[1] - parts[2]) / 2


def student_information(R: np.ndarray, df: int) -> float:
    """Information of a multivariate Student law: the Gaussian's, and a part that the common scale adds."""
    d = len(R) // 2
    entropy = {k: gammaln(k / 2) - k / 2 * digamma(k / 2) for k in (df, df + d, df + 2 * d)}
    return gaussian_information(R) + float(entropy[df] + entropy[df + 2 * d] - 2 * entropy[df + d])


def _draw(n: int, rng: np.random.Generator, *, R: np.ndarray, df: int, f: Map, g: Map) -> tuple[np.ndarray, np.ndarray]:
    z = rng.standard_normal((n, len(R))) @ np.linalg.cholesky(R).T
    if df:
        z /= np.sqrt(rng.chisquare(df, (n, 1)) / df)
    d = len(R) // 2
    return f(z[:, :d]), g(z[:, d:])


def _uniform_noise(n: int, rng: np.random.Generator, *, width: float) -> tuple[np.ndarray, np.ndarray]:
    X = rng.random((n, 1))
    return X, X + rng.uniform(-width, width, (n, 1))


def half_cube(z: np.ndarray) -> np.ndarray:
    return np.sign(z) * np.abs(z) ** 1.5


def wiggly(z: np.ndarray) -> np.ndarray:
    return z + 0.4 * np.sin(z) + 0.2 * np.sin(1.7 * z + 1) + 0.05 * np.sin(3.3 * z - 2.5)


def two_humps(z: np.ndarray) -> np.ndarray:
    """The quantiles of an equal mixture of two normal laws, by interpolation."""
    grid = np.linspace(-9, 9, 4001)
    return np.interp(ndtr(z), (ndtr((grid + 2) / 0.6) + ndtr((grid - 2) / 0.6)) / 2, grid)


RISING = (ndtr, half_cube, wiggly, two_humps)
"""Maps that rise in each coordinate, so that they keep the copula."""


def swiss_roll(z: np.ndarray) -> np.ndarray:
    t = 1.5 * np.pi * (1 + 2 * ndtr(z))
    return np.hstack([t * np.cos(t), t * np.sin(t)]) / 21


def spiral(z: np.ndarray, first: int, speed: float = 0.5) -> np.ndarray:
    """Turn two neighbouring coordinates by an angle that grows with the squared norm of all: volume is kept."""
    angle = speed * (z**2).sum(1)
    a, b = z[:, first], z[:, first + 1]
    out = z.copy()
    out[:, first] = np.cos(angle) * a - np.sin(angle) * b
    out[:, first + 1] = np.sin(angle) * a + np.cos(angle) * b
    return out


def _turned(z: np.ndarray, first: int) -> np.ndarray:
    return spiral(np.sqrt(12) * (ndtr(z) - 0.5), first)


def _law(name: str, R: np.ndarray, f: Map = _same, g: Map = _same, df: int = 0) -> Task:
    d, value = len(R) // 2, student_information(R, df) if df else gaussian_information(R)
    widths = [int(part(np.zeros((2, d))).shape[1]) for part in (f, g)]
    sampler, plain = partial(_draw, R=R, df=df, f=f, g=g), not df and {f, g} <= {_same, *RISING}
    return Task(f"{name} {widths[0]}x{widths[1]}", (widths[0], widths[1]), value, sampler, plain)


def tasks() -> list[Task]:
    """The forty laws, families together: every second one fixes the rule of refusal, the others report."""
    one, two = pairs(1, 1, 0.75), partial(pairs, number=2)
    laws = [
        _law("normal", one), _law("normal cdf", one, ndtr, ndtr), _law("half-cube", one, half_cube, half_cube),
        _law("wiggly", one, wiggly, wiggly), _law("bimodal", one, two_humps, two_humps),
        _law("swiss roll", one, swiss_roll),
        *(
            Task(f"uniform noise {width} 1x1", (1, 1), value, partial(_uniform_noise, width=width))
            for width, value in ((0.1, 0.1 - np.log(0.2)), (0.75, 1 / 3))
        ),
    ]  # fmt: skip
    laws += [_law("dense normal", dense(d)) for d in (2, 3, 5, 25, 50)]
    laws += [_law("2-pair normal", two(d)) for d in (2, 3, 5, 25)]
    laws += [_law("half-cube", two(25), half_cube, half_cube)]
    laws += [_law("normal cdf", two(d), ndtr, ndtr) for d in (3, 5, 25)]
    laws += [_law("spiral", two(d), partial(spiral, first=0), partial(spiral, first=1)) for d in (3, 5, 25)]
    laws += [_law("spiral of cdf", two(d), partial(_turned, first=0), partial(_turned, first=1)) for d in (3, 5, 25)]
    laws += [
        _law(f"student {df}", np.eye(2 * d), df=df)
        for d, df in ((1, 1), (2, 1), (2, 2), (3, 2), (3, 3), (5, 2), (5, 3))
    ]
    laws += [_law(f"2-pair student {df}", two(d), df=df) for d, df in ((2, 1), (3, 2), (5, 3))]
    laws += [
        _law(f"asinh student {df}", np.eye(2 * d), np.arcsinh, np.arcsinh, df=df) for d, df in ((1, 1), (3, 2), (5, 2))
    ]
    return laws
