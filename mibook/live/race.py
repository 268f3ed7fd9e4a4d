"""The live figure that opens the book: pairs, their information, and a network that races towards it."""

from __future__ import annotations

from typing import ClassVar

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure as Picture

from mibook.live.base import Figure
from mibook.live.generator import Stream
from mibook.plotting import JOINT, draw_truth
from mibook.samples import Gaussian

LIMIT = 1000
"""Iterations of a race, as in js/mixture.mjs."""


class Race(Figure):
    """Train a small network on n standard normal pairs with correlation rho, from a seed, in the reader's browser."""

    module: ClassVar[str] = "race.mjs"
    n = traitlets.Enum((100, 200, 500, 1000), 500).tag(sync=True)
    rho = traitlets.Float(0.8, min=0, max=0.95).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)

    def pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """X and Y, each of shape (n,): the same numbers as `gaussianPairs` in js/race.mjs."""
        stream = Stream(self.seed)
        x, own = stream.normal(self.n), stream.normal(self.n)
        return x, self.rho * x + np.sqrt(1 - self.rho**2) * own

    def picture(self) -> Picture:
        law, (x, y) = Gaussian(self.rho), self.pairs()
        figure, (field, run) = plt.subplots(1, 2, figsize=(7.2, 3.2), layout="constrained")
        field.plot(x, y, ".", color=JOINT, alpha=0.6)
        field.set(xlabel="x", ylabel="y", xlim=(-3.5, 3.5), ylim=(-3.5, 3.5))
        draw_truth(run, law.mutual_information, law.noise(self.n), law.oracle(x[:, None], y[:, None]))
        run.set(
            xlabel="iteration", ylabel="estimate [nats]", xlim=(0, LIMIT), ylim=(-0.05, law.mutual_information + 0.2)
        )
        run.legend(loc="lower right", fontsize=9)
        return figure

    def alt(self) -> str:
        law, (x, y) = Gaussian(self.rho), self.pairs()
        return (
            f"Left, a scatter of {self.n} pairs with correlation {self.rho:g}. Right, what they hold of information: "
            f"the truth is {law.mutual_information:.3f} nats, give or take {law.noise(self.n):.3f}, and the oracle of "
            f"these pairs {law.oracle(x[:, None], y[:, None]):.3f}; the network has not started."
        )
