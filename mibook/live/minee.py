"""The live figure on MI-NEE: three divergences and their difference, for a reference that the reader chooses."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import torch
import traitlets
from matplotlib.figure import Figure as Picture

from mibook.live.base import Figure, packed
from mibook.live.generator import Stream
from mibook.plotting import ESTIMATE, JOINT, REFERENCE, draw_truth
from mibook.samples import GaussianMixture

CELL, CELLS = 0.05, 170
"""The squares, and how many in a row, of the quarter of the plane over which the terms are summed."""

POOL = 2000
"""Reference points that an estimate is read from."""

SPAN = {"gaussian": (0.5, 4.0), "box": (1.0, 6.0)}


class Terms(NamedTuple):
    """D(P_XY || P_X' x P_Y'), D(P_X || P_X') and D(P_Y || P_Y'), in nats."""

    joint: float
    x: float
    y: float

    @property
    def difference(self) -> float:
        return self.joint - self.x - self.y


class ThreeDivergences(Figure):
    """MI-NEE and MINE on samples of n pairs from the mixture of two standard Gaussians with correlations ±rho.

    The reference is N(0, width²) for each variable, or uniform on (-width, width). In a kernel, a function of the
    reader's is one more choice: ``draw(X, n_ref, generator)`` maps a sample of one variable, a tensor of shape
    (n, 1), to n_ref points of its reference, shape (n_ref, 1).
    """

    module: ClassVar[str] = "minee.mjs"
    rho = traitlets.Float().tag(sync=True)
    n = traitlets.Int(400).tag(sync=True)
    reference = traitlets.Enum(tuple(SPAN), "gaussian").tag(sync=True)
    width = traitlets.Float(2.0).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    own = traitlets.Bool(False).tag(sync=True)

    def __init__(self, rho: float = 0.9, *, draw: Callable | None = None, **settings: object) -> None:
        self._law, self._draw = GaussianMixture(rho), draw
        super().__init__(rho=rho, own=draw is not None, **settings)
        low, high = SPAN[self.reference]
        if not low <= self.width <= high:
            raise ValueError(f"The width of this reference must lie between {low:g} and {high:g}, but is {self.width}.")
        self.on_msg(self._answer)

    def terms(self, width: float) -> Terms:
        """The three divergences from the reference of this width, each by a sum over a grid.

        From a box they are infinite; these are the ones of the pair given that it stays inside.
        """
        z = (np.arange(round(width / CELL) if self.reference == "box" else CELLS) + 0.5) * CELL
        x, y = (a.reshape(-1, 1) for a in np.meshgrid(z, z))
        log = self._law.information_density(x, y) - (x**2 + y**2).ravel() / 2 - np.log(2 * np.pi)
        mass = np.exp(log)
        total = 4 * CELL**2 * mass.sum()
        log, mass = log.reshape(len(z), -1) - np.log(total), mass.reshape(len(z), -1) * 4 * CELL**2 / total
        gaussian = -(z**2) / (2 * width**2) - np.log(2 * np.pi) / 2 - np.log(width)
        reference = gaussian if self.reference == "gaussian" else np.full(len(z), -np.log(2 * width))
        one = mass.sum(axis=0)
        alone = float(one @ (np.log(one / (2 * CELL)) - reference))
        return Terms(float((mass * (log - reference[:, None] - reference)).sum()), alone, alone)

    def sample(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """The n pairs that the figure trains on, as two columns of shape (n, 1)."""
        stream = Stream(seed)
        x, noise = stream.normal(self.n), stream.normal(self.n)
        sign = np.where(stream.uniform(self.n) < 0.5, -1, 1)
        y = sign * (self.rho * x + np.sqrt(1 - self.rho**2) * noise)
        return x.reshape(-1, 1), y.reshape(-1, 1)

    def points(self, seed: int) -> list[np.ndarray]:
        """What the reader's function draws for both columns of a sample; raise ValueError where it does not fit."""
        if self._draw is None:
            raise ValueError("This figure was given no function of yours to call.")
        generator, found = torch.Generator().manual_seed(seed), []
        for name, column in zip(("X", "Y"), self.sample(seed), strict=True):
            drawn = self._draw(torch.tensor(column, dtype=torch.float32), POOL, generator)
            if tuple(drawn.shape) != (POOL, 1):
                raise ValueError(f"The reference of {name} must have shape ({POOL}, 1), not {tuple(drawn.shape)}.")
            if not torch.isfinite(drawn).all():
                raise ValueError(f"The reference of {name} holds a value that is not finite.")
            found.append(drawn.detach().cpu().numpy())
        return found

    def _answer(self, _: object, message: dict, __: list) -> None:
        seed = message["seed"]
        try:
            columns = self.points(seed)
        except Exception as error:  # whatever the reader's function raises is shown in the figure
            self.send({"seed": seed, "error": f"{type(error).__name__}: {error}"})
        else:
            self.send({"seed": seed}, buffers=[packed(column) for column in columns])

    def picture(self) -> Picture:
        widths = np.round(np.linspace(*SPAN[self.reference], 26) / CELL) * CELL
        curves, here = [self.terms(w) for w in widths], self.terms(self.width)
        figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.6))
        draw_truth(left, self._law.mutual_information, self._law.noise(self.n))
        left.plot(widths, [t.joint for t in curves], color=JOINT, label="joint D(XY)")
        left.plot(widths, [t.x for t in curves], color=REFERENCE, label="marginal D(X), D(Y)")
        left.plot(widths, [t.difference for t in curves], "--", color=ESTIMATE, label="difference")
        left.axvline(self.width, color="0.5", linestyle=":")
        left.set(xlabel=f"width of the reference ({self.reference})", ylabel="[nats]", ylim=(-0.2, 2.6))
        figure.legend(loc="outside upper center", ncols=3)
        bars = [here.joint, here.x, here.y, here.difference]
        right.barh(range(4), bars, color=[JOINT, REFERENCE, REFERENCE, ESTIMATE])
        right.set(yticks=range(4), yticklabels=["D(XY)", "D(X)", "D(Y)", "difference"])
        right.set(xlabel=f"in population, width {self.width:g} [nats]", xlim=(0, 2.6))
        right.invert_yaxis()
        return figure

    def alt(self) -> str:
        (low, high), here = SPAN[self.reference], self.terms(self.width)
        ends = [self.terms(w) for w in (low, high)]
        rises = [f"{a:.2f} to {b:.2f}" for a, b in zip(*((t.joint, t.x, t.difference) for t in ends), strict=True)]
        return (
            f"The divergences against the width of a {self.reference} reference, from {low:g} to {high:g}: the joint "
            f"one goes from {rises[0]} nats, each marginal one from {rises[1]}, their difference from {rises[2]}, "
            f"where the mutual information is {self._law.mutual_information:.2f}. Bars at width {self.width:g}: "
            f"{here.joint:.2f}, {here.x:.2f} and {here.y:.2f} nats, and the difference {here.difference:.2f}."
        )
