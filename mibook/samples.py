"""Laws whose mutual information is known, so that an estimate can be compared with the truth.

Every law draws pairs with ``sample(n, rng)`` and knows its information density
``i(x; y) = log dP_XY / d(P_X x P_Y) (x, y)``, whose mean is the mutual information. All values are in nats.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp

SEED = 0
"""The one seed of the book: a chapter that needs several streams spawns them from it."""


class Law:
    """A joint law of (X, Y) with a known information density."""

    def sample(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw n i.i.d. pairs: X and Y, each a float64 array of shape (n, d)."""
        raise NotImplementedError

    def information_density(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        """The log ratio of the joint to the product density at each pair, shape (n,), in nats."""
        raise NotImplementedError

    @property
    def mutual_information(self) -> float:
        """The mean of the information density under the joint law, in nats."""
        raise NotImplementedError

    @property
    def density_variance(self) -> float:
        """The variance of the information density under the joint law, in nats squared."""
        raise NotImplementedError

    @property
    def ratio_variance(self) -> float:
        """The variance of the density ratio exp i under the product of the marginals, without unit."""
        raise NotImplementedError

    def oracle(self, X: np.ndarray, Y: np.ndarray) -> float:
        """The sample's own oracle: the average of the exact information density over its pairs, in nats."""
        return float(self.information_density(X, Y).mean())

    def at_optimum(self, X: np.ndarray, Y: np.ndarray, X_ref: np.ndarray, Y_ref: np.ndarray) -> float:
        """What the exact log ratio reports on these pairs and reference pairs, in nats.

        That is the oracle less the log of the average of exp i over the reference.
        """
        log_mean = logsumexp(self.information_density(X_ref, Y_ref)) - np.log(len(X_ref))
        return self.oracle(X, Y) - float(log_mean)

    def noise(self, n: int, n_ref: int | None = None) -> float:
        """The standard deviation of the oracle over fresh samples of n pairs, in nats.

        With n_ref, the standard deviation of ``at_optimum`` over fresh samples of n pairs and of n_ref reference
        pairs that are independent of them, to first order in 1 / n_ref: the average of exp i is taken for its log.
        """
        reference = 0.0 if n_ref is None else self.ratio_variance / n_ref
        return float(np.sqrt(self.density_variance / n + reference))


def _as_columns(X: np.ndarray, Y: np.ndarray, d: int) -> tuple[np.ndarray, np.ndarray]:
    X, Y = np.asarray(X, dtype=float), np.asarray(Y, dtype=float)
    if X.ndim != 2 or X.shape != Y.shape or X.shape[1] != d:
        raise ValueError(f"X and Y must both have shape (n, {d}), but have shapes {X.shape} and {Y.shape}.")
    return X, Y


def _check_rho(rho: float) -> None:
    if not -1 < rho < 1:
        raise ValueError(f"The correlation rho must lie strictly between -1 and 1, but is {rho}.")


@dataclass(frozen=True)
class Gaussian(Law):
    """d independent pairs of standard normal coordinates, each pair with correlation rho.

    I = -(d/2) ln(1 - rho^2), and Var i = d rho^2.
    """

    rho: float
    d: int = 1

    def __post_init__(self) -> None:
        _check_rho(self.rho)

    def sample(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        X = rng.standard_normal((n, self.d))
        Y = self.rho * X + np.sqrt(1 - self.rho**2) * rng.standard_normal((n, self.d))
        return X, Y

    def information_density(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        X, Y = _as_columns(X, Y, self.d)
        s = 1 - self.rho**2
        quadratic = (2 * self.rho * X * Y - self.rho**2 * (X**2 + Y**2)) / (2 * s)
        return (quadratic - np.log(s) / 2).sum(axis=1)

    @property
    def mutual_information(self) -> float:
        return -self.d / 2 * float(np.log(1 - self.rho**2))

    @property
    def density_variance(self) -> float:
        return self.d * self.rho**2

    @property
    def ratio_variance(self) -> float:
        return (1 - self.rho**2) ** -self.d - 1


@dataclass(frozen=True)
class GaussianMixture(Law):
    """An equal mixture of two standard bivariate normals with correlations +rho and -rho.

    X and Y are uncorrelated and standard normal, yet dependent. The mutual information has no closed form;
    it is integrated on a grid, to about 1e-6 nats for abs(rho) up to 0.95.
    """

    rho: float = 0.9

    def __post_init__(self) -> None:
        _check_rho(self.rho)

    def sample(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        sign = rng.choice([-1.0, 1.0], size=(n, 1))
        X, Y = Gaussian(self.rho).sample(n, rng)
        return X, sign * Y

    def information_density(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        terms = [Gaussian(r).information_density(X, Y) for r in (self.rho, -self.rho)]
        return logsumexp(terms, axis=0) - np.log(2)

    @cached_property
    def _moments(self) -> tuple[float, float]:
        u = np.linspace(-9, 9, 1801)
        x, y = (a.reshape(-1, 1) for a in np.meshgrid(u, u))
        i = self.information_density(x, y)
        p = np.exp(i - (x[:, 0] ** 2 + y[:, 0] ** 2) / 2)
        p /= p.sum()
        mean = float(p @ i)
        return mean, float(p @ (i - mean) ** 2)

    @property
    def mutual_information(self) -> float:
        return self._moments[0]

    @property
    def density_variance(self) -> float:
        return self._moments[1]

    @property
    def ratio_variance(self) -> float:
        # the ratios for rho and for sigma have the mean product 1 / (1 - rho sigma) under the reference
        return self.rho**4 / (1 - self.rho**4)


class RunningExample(NamedTuple):
    """The sample that every chapter shares; X, Y, X_ref and Y_ref have shape (n, 1), float64."""

    law: Gaussian
    rho: float
    X: np.ndarray
    Y: np.ndarray
    X_ref: np.ndarray
    Y_ref: np.ndarray

    @property
    def truth(self) -> float:
        """The mutual information, in nats."""
        return self.law.mutual_information

    @property
    def oracle(self) -> float:
        """The average of the exact information density over the n pairs, in nats."""
        return self.law.oracle(self.X, self.Y)

    @property
    def noise(self) -> float:
        """The standard deviation of the oracle over fresh samples of the same size, in nats."""
        return self.law.noise(len(self.X))

    @property
    def at_optimum(self) -> float:
        """What the exact log ratio reports on the n pairs and the n reference pairs, in nats."""
        return self.law.at_optimum(*self[2:])

    @property
    def two_sample_noise(self) -> float:
        """The standard deviation of ``at_optimum`` over fresh samples of the same sizes, to first order, in nats."""
        return self.law.noise(len(self.X), len(self.X_ref))


def running_example(n: int = 1000) -> RunningExample:
    """Draw the running example: rho, n correlated pairs, and n standard normal reference pairs.

    The reference comes from a spawned stream: drawn with the same seed, it would repeat the data's own numbers
    and "independent" would be false.
    """
    root = np.random.SeedSequence(SEED)
    rng, rng_ref = np.random.default_rng(root), np.random.default_rng(root.spawn(1)[0])
    rho = 1 - 0.19 * rng.random()
    law = Gaussian(rho)
    X, Y = law.sample(n, rng)
    X_ref, Y_ref = rng_ref.standard_normal((2, n, 1))
    return RunningExample(law, rho, X, Y, X_ref, Y_ref)
