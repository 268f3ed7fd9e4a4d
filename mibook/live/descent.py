"""The live figure on gradient descent: one weight, the loss of a sample, and the path for a step size."""

from __future__ import annotations

from typing import ClassVar

import matplotlib.pyplot as plt
import numpy as np
import traitlets
from matplotlib.figure import Figure as Picture
from scipy.special import logsumexp, softmax

from mibook.live.base import Figure, packed
from mibook.plotting import JOINT, REFERENCE


class GradientDescent(Figure):
    """The critic w x y between Gaussian pairs with correlation rho and independent ones, descended from w = 0.

    xy and xy_ref are the products of data and reference pairs, of shape (n,) or (n, 1).
    """

    module: ClassVar[str] = "descent.mjs"
    data = traitlets.Bytes().tag(sync=True)
    reference = traitlets.Bytes().tag(sync=True)
    rho = traitlets.Float().tag(sync=True)
    eta = traitlets.Float(0.3).tag(sync=True)
    steps = traitlets.Int(15, min=0, max=40).tag(sync=True)

    def __init__(self, xy: np.ndarray, xy_ref: np.ndarray, rho: float, **settings: float) -> None:
        self._data, self._reference = (np.ravel(np.asarray(v, dtype=float)) for v in (xy, xy_ref))
        super().__init__(data=packed(self._data), reference=packed(self._reference), rho=rho, **settings)

    def loss(self, w: float) -> float:
        """The loss of the sample, in nats."""
        return float(logsumexp(w * self._reference) - np.log(len(self._reference)) - w * self._data.mean())

    def path(self) -> np.ndarray:
        """The weights visited, the start included; shape (steps + 1,)."""
        w = [0.0]
        for _ in range(self.steps):
            w.append(w[-1] - self.eta * float(softmax(w[-1] * self._reference) @ self._reference - self._data.mean()))
        return np.array(w)

    def picture(self) -> Picture:
        grid, path = np.linspace(-0.1, 1.15, 161), self.path()
        inside = grid[grid < 0.99]
        figure, ax = plt.subplots(figsize=(6.4, 3.6))
        ax.plot(grid, [self.loss(w) for w in grid], color=JOINT, label="sample")
        ax.plot(inside, -self.rho * inside - np.log(1 - inside**2) / 2, "k--", linewidth=1, label="population")
        ax.plot(path, [self.loss(w) for w in path], "o-", color=REFERENCE, linewidth=0.8, label="path")
        ax.set(xlabel="weight w", ylabel="loss [nats]", xlim=(-0.1, 1.15), ylim=(-0.45, 0.1))
        ax.legend()
        return figure

    def alt(self) -> str:
        end = self.path()[-1]
        return (
            f"The loss against the weight, for the sample and for the population, and a path of {self.steps} steps of "
            f"size {self.eta:g} from w = 0 to w = {end:.2f}, where the sample loss is {self.loss(end):.2f} nats."
        )
