"""The live figure on smoothing: the dial of the moving average, while a small critic trains."""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure as Picture

from mibook.live.base import Figure
from mibook.live.generator import Stream
from mibook.plotting import HELD_OUT, JOINT, REFERENCE

RATE = 0.5


class Run(NamedTuple):
    """What happened in each iteration; each of shape (iterations,)."""

    gradients: np.ndarray
    weights: np.ndarray
    constants: np.ndarray
    logs: np.ndarray


class Smoothing(Figure):
    """The critic t = c - w (x - y)^2 / 2 on standard normal pairs with correlation rho, in batches of b.

    At the best weight, held fixed, it shows bias and noise of the gradient that is divided by the moving average;
    beside it, gradient descent on w and c. The average starts at m0 and gives its past the weight beta.
    """

    module: ClassVar[str] = "smoothing.mjs"
    rho = traitlets.Float().tag(sync=True)
    beta = traitlets.Float(0.9, min=0, max=0.99).tag(sync=True)
    b = traitlets.Enum((10, 20, 50, 100, 200, 500, 1000), 20).tag(sync=True)
    m0 = traitlets.Float(1.0).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    iterations = traitlets.Int(2000).tag(sync=True)

    def __init__(self, rho: float, **settings: float) -> None:
        super().__init__(rho=rho, **settings)

    @property
    def best(self) -> float:
        """The best weight."""
        return self.rho / (2 * (1 - self.rho))

    def run(self) -> Run:
        """The first iterations, with the same numbers as `Descent` in js/smoothing.mjs."""
        z = Stream(self.seed).normal(2 * self.b * self.iterations).reshape(self.iterations, 2, self.b) ** 2
        fixed, m, w, c, rows = self.m0, self.m0, 1.0, 0.0, []
        for u, data in zip(z[:, 0], (1 - self.rho) * z[:, 1].mean(axis=1), strict=True):
            still, E = np.exp(-self.best * u), np.exp(c - w * u)
            fixed = self.beta * fixed + (1 - self.beta) * still.mean()
            m = self.beta * m + (1 - self.beta) * E.mean()
            w, c = w - RATE * (data - (u * E).mean() / m), c + RATE * (1 - E.mean() / m)
            rows.append((-(u * still).mean() / fixed, w, c, math.log(m)))
        return Run(*np.array(rows).T)

    def picture(self) -> Picture:
        run = self.run()
        figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.4))
        left.hist(run.gradients, bins=41, color=JOINT, alpha=0.6)
        left.axvline(-1 / (1 + 2 * self.best), color="black", label="right gradient")
        left.axvline(run.gradients.mean(), color=REFERENCE, linestyle="--", label="mean")
        left.set(xlabel="∇L′/m along w, at the best w [nats]", ylabel="batches")
        right.plot(run.constants, color=REFERENCE, label="constant c")
        right.plot(run.weights, color=JOINT, label="weight w")
        right.plot(run.logs, color=HELD_OUT, linewidth=1, label="log m")
        right.axhline(self.best, color="0.5", linewidth=1)
        right.set(xlabel="iteration", ylabel="[nats]")
        for ax in (left, right):
            ax.legend()
        return figure

    def alt(self) -> str:
        run = self.run()
        return (
            f"Left, a histogram of {self.iterations} gradients at the best weight for beta {self.beta:g} and batches "
            f"of {self.b}: a bell around {run.gradients.mean():.3f} with standard deviation {run.gradients.std():.3f}. "
            f"Right, gradient descent: the weight settles near {self.best:.1f}, and the constant drifts to "
            f"{run.constants[-1]:.1f} after {self.iterations} iterations."
        )
