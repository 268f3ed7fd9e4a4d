"""The live figure on pairs: how many it takes to see the joint density."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import traitlets
from matplotlib.figure import Figure as Picture
from scipy.stats import gaussian_kde

from mibook.live.base import Figure, packed
from mibook.plotting import draw_pairs

SHARES = (0.05, 0.24, 0.43, 0.62, 0.81)
"""Shares of the mass that lie below the contours."""


def ellipse(rho: float, share: float) -> np.ndarray:
    """The contour of the standard Gaussian density below which lies this share of the mass: shape (2, 121)."""
    turn, radius = np.linspace(0, 2 * np.pi, 121), np.sqrt(-2 * np.log(share))
    x = radius * np.cos(turn)
    return np.array([x, rho * x + np.sqrt(1 - rho**2) * radius * np.sin(turn)])


class FirstPairs(Figure):
    """The first ``size`` of the n pairs (X, Y), each of shape (n,) or (n, 1), with their density estimate.

    Beside its contours stand those of the law: standard normal X and Y with correlation rho.
    """

    module: ClassVar[str] = "pairs.mjs"
    x = traitlets.Bytes().tag(sync=True)
    y = traitlets.Bytes().tag(sync=True)
    rho = traitlets.Float().tag(sync=True)
    size = traitlets.Int(100).tag(sync=True)

    def __init__(self, X: np.ndarray, Y: np.ndarray, rho: float, *, size: int = 100) -> None:
        self._columns = np.ravel(X).astype(float), np.ravel(Y).astype(float)
        n, other = map(len, self._columns)
        if n != other or not 3 <= size <= n:
            raise ValueError(
                f"X and Y must hold as many values as each other, and at least {size}, not {n} and {other}."
            )
        x, y = map(packed, self._columns)
        super().__init__(x=x, y=y, rho=rho, size=size)

    def farthest(self) -> float:
        """The greatest distance of the density estimate from the law's density, as a share of that one's peak."""
        pairs, s = np.array(self._columns)[:, : self.size], 1 - self.rho**2
        z = np.linspace(-5, 5, 201)
        x, y = (a.ravel() for a in np.meshgrid(z, z))
        exact = np.exp(-(x**2 - 2 * self.rho * x * y + y**2) / (2 * s))
        return float(np.abs(gaussian_kde(pairs)(np.array([x, y])) * 2 * np.pi * np.sqrt(s) - exact).max())

    def picture(self) -> Picture:
        x, y = self._columns
        grid = draw_pairs(x[: self.size], y[: self.size])
        for share in SHARES:
            grid.ax_joint.plot(*ellipse(self.rho, share), "--", color="0.5", linewidth=1)
        return grid.figure

    def alt(self) -> str:
        return (
            f"Scatter of {self.size} pairs with contours of the density that they show, and dashed ellipses, "
            f"the contours of the law. The estimate is wrong by up to {100 * self.farthest():.0f} percent of the peak."
        )
