"""The live figure on the Donsker–Varadhan bound: a critic on the line that the reader drags."""

from __future__ import annotations

import math
from typing import ClassVar

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure as Picture

from mibook.live.base import Figure
from mibook.live.generator import Stream
from mibook.plotting import ESTIMATE, JOINT, REFERENCE

KNOTS = np.array([-1.5, -0.86, -0.22, 0.42, 1.06, 1.7, 2.34, 3.0])
"""Where the critic can be moved; it is straight between these and constant beyond."""


def log_ratio(z: np.ndarray, mean: float, sd: float) -> np.ndarray:
    """The log ratio of N(mean, sd^2) to N(0, 1) at z, in nats."""
    return z**2 / 2 - (z - mean) ** 2 / (2 * sd**2) - math.log(sd)


def density(z: np.ndarray, mean: float, sd: float) -> np.ndarray:
    """The density of N(mean, sd^2) at z, in the shape of z."""
    return np.exp(-((z - mean) ** 2) / (2 * sd**2)) / (sd * math.sqrt(2 * math.pi))


class DonskerVaradhan(Figure):
    """The bound of a critic between N(mean, sd^2) and N(0, 1), in population and on samples of n points each.

    It starts at ``scale`` times the optimal critic, taken at the knots.
    """

    module: ClassVar[str] = "bound.mjs"
    mean = traitlets.Float(1.0).tag(sync=True)
    sd = traitlets.Float(0.6).tag(sync=True)
    scale = traitlets.Float(0.6).tag(sync=True)
    n = traitlets.Enum((10, 30, 100, 300), 10).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)

    @property
    def heights(self) -> np.ndarray:
        """The critic at the knots, in nats."""
        return self.scale * log_ratio(KNOTS, self.mean, self.sd)

    @property
    def divergence(self) -> float:
        """The Kullback–Leibler divergence of N(mean, sd^2) from N(0, 1), in nats."""
        return (self.sd**2 + self.mean**2 - 1) / 2 - math.log(self.sd)

    def sample(self) -> tuple[np.ndarray, np.ndarray]:
        """The n points of each law that the figure starts with."""
        stream = Stream(self.seed)
        return self.mean + self.sd * stream.normal(self.n), stream.normal(self.n)

    def values(self) -> tuple[float, float]:
        """The critic's bound in population and on the sample, in nats."""
        grid = np.linspace(-6, 6, 601)
        t = np.interp(grid, KNOTS, self.heights)
        first = (density(grid, self.mean, self.sd) * t).sum() / 50
        worth = first - math.log((density(grid, 0, 1) * np.exp(t)).sum() / 50)
        data, reference = (np.interp(z, KNOTS, self.heights) for z in self.sample())
        return worth, float(data.mean() - np.log(np.exp(reference).mean()))

    def picture(self) -> Picture:
        z, values = np.linspace(-3, 4, 400), self.values()
        figure, (top, bottom) = plt.subplots(2, figsize=(6.4, 4.8), height_ratios=[3, 1])
        top.plot(z, np.interp(z, KNOTS, self.heights), color="black", label="critic t")
        top.plot(KNOTS, self.heights, "o", color=ESTIMATE, markeredgecolor="black")
        top.plot(z, log_ratio(z, self.mean, self.sd), ":", color="0.3", label="optimal critic t*")
        top.set(xlim=(-3, 4), ylim=(-9, 5), xlabel="z", ylabel="critic [nats]")
        top.legend(loc="upper left")
        right = top.twinx()
        for points, law, color in zip(self.sample(), ((self.mean, self.sd), (0, 1)), (JOINT, REFERENCE), strict=True):
            right.fill_between(z, density(z, *law), color=color, alpha=0.3)
            right.plot(points, np.full(self.n, 0.03 if color == JOINT else 0.0), "|", color=color)
        right.set(ylim=(0, 1.2), ylabel="density")
        right.grid(False)
        bottom.barh([1, 0], values, color=[JOINT, ESTIMATE], height=0.5)
        bottom.set(xlim=(-0.5, 2.5), xlabel="bound [nats]", yticks=[1, 0], yticklabels=["in population", "this sample"])
        bottom.axvline(self.divergence, color="black")
        return figure

    def alt(self) -> str:
        worth, found = self.values()
        return (
            "Two bell-shaped densities, and a critic through eight movable points that follows the optimal critic at "
            f"{self.scale:g} of its height. Bars: the critic is worth {worth:.2f} nats in population, where the "
            f"divergence is {self.divergence:.2f}, and {found:.2f} nats on a sample of {self.n} points each."
        )
