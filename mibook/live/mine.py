"""The live figure on MINE: the chapter's own network and trainer, on samples that the reader chooses.

On the page the exported training step runs in the browser; in a kernel, torch trains with what the reader wrote.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, TypeVar

import matplotlib.pyplot as plt
import numpy as np
import torch
import traitlets
from matplotlib.figure import Figure as Picture
from torch import Tensor, nn

from mibook.live.base import Figure, packed
from mibook.live.generator import Stream
from mibook.plotting import ESTIMATE, HELD_OUT, draw_truth
from mibook.samples import Gaussian

EXPORT = "MIBOOK_EXPORT"
"""The build sets this variable for its kernels: only there is the step exported and the picture's run trained."""

EDGE, SIDE, WEIGHTS = 3.0, 41, 1000003
"""As in js/training.mjs: the heat map's edge and its points a side; what is added to the seed for the weights."""

T = TypeVar("T")
SETTINGS = ("rho", "n", "b", "beta", "lr", "start", "seed")


class Look(NamedTuple):
    """The critic after some iterations: two estimates, its root mean square distance from the log ratio over the
    pairs trained on, and its values on the grid, shape (SIDE, SIDE), row y, column x; all in nats."""

    iteration: int
    estimate: float
    held: float
    gap: float
    heat: np.ndarray


def draw(rho: float, n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """X, Y and the held-out X, Y, each of shape (n, 1): the same numbers as `draw` in js/training.mjs; n is even."""
    u, v, u_held, v_held = Stream(seed).normal(4 * n).reshape(4, n, 1)
    own = math.sqrt(1 - rho**2)
    return u, rho * u + own * v, u_held, rho * u_held + own * v_held


@torch.no_grad()
def set_weights(net: nn.Module, start: str, seed: int) -> None:
    """Set every matrix of net to normal numbers and all else to zero, as `startWeights` in js/training.mjs.

    start: "he" for He's variances (2 / inputs, and 1 / inputs in the last layer), or the standard deviation.
    """
    stream = Stream(seed + WEIGHTS)
    matrices = [p for p in net.parameters() if p.ndim > 1]
    for parameter in net.parameters():
        if parameter.ndim < 2:
            parameter.zero_()
            continue
        sd = math.sqrt((1 if parameter is matrices[-1] else 2) / parameter.shape[1]) if start == "he" else float(start)
        numbers = sd * stream.normal(parameter.numel())
        parameter.copy_(torch.tensor(numbers).view_as(parameter))


class Run:
    """One training from its start, by a network and a trainer with the chapter's interfaces.

    The settings are those of `MINE`. Whatever Net and Trainer raise comes through.
    """

    def __init__(
        self,
        Net: type[nn.Module],
        Trainer: type,
        *,
        rho: float,
        n: int,
        b: int,
        beta: float,
        lr: float,
        start: str,
        seed: int,
    ) -> None:
        self.law, self.batches = Gaussian(rho), n // b
        self.pairs = draw(rho, n, seed)
        X, Y, X_held, Y_held = (torch.tensor(a, dtype=torch.float32) for a in self.pairs)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.net = Net()
            set_weights(self.net, start, seed)
            self.trainer = Trainer(X, Y, self.net, self.batches, beta=beta, lr=lr)
            self.held = Trainer(X_held, Y_held, self.net, 1)
            self.estimate = self.trainer.estimate()
            self.random = torch.get_rng_state()

    def train(self) -> None:
        """Take at least ten iterations, in whole epochs."""
        self.estimate = self._alone(lambda: self.trainer.step(math.ceil(10 / self.batches)))

    def look(self) -> Look:
        """The estimates and the gap in nats, and the critic on the map, shape (SIDE, SIDE), as they are now."""
        return self._alone(self._look)

    def _alone(self, act: Callable[[], T]) -> T:
        """Do something with this run's own random numbers: the notebook's own stay as they are."""
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(self.random)
            found = act()
            self.random = torch.get_rng_state()
        return found

    @torch.no_grad()
    def _look(self) -> Look:
        X, Y = self.trainer.X, self.trainer.Y
        held, t = self.held.estimate(), self.net(X, Y)
        constant = t.mean() - self.estimate
        ratio = torch.tensor(self.law.information_density(*self.pairs[:2]), dtype=torch.float32)
        gap = (t.view(-1) - constant - ratio).square().mean().sqrt()
        heat = self.net(*grid()).view(SIDE, SIDE) - constant
        return Look(self.trainer.iteration, self.estimate, held, gap.item(), heat.numpy())


def grid() -> tuple[Tensor, Tensor]:
    """x and y of the heat map's points, each of shape (SIDE², 1), row by row."""
    at = torch.linspace(-EDGE, EDGE, SIDE)
    y, x = torch.meshgrid(at, at, indexing="ij")
    return x.reshape(-1, 1), y.reshape(-1, 1)


class MINE(Figure):
    """Train the network class Net with the trainer class Trainer on n standard normal pairs with correlation rho.

    b is the batch size, beta the weight of the moving average's past, lr Adam's step size, and start the initial
    weights: "he", or their standard deviation. A run ends after ``iterations``. On the site the training step
    that the build exported runs; in a kernel, ``Net`` and ``Trainer`` themselves do.
    """

    module: ClassVar[str] = "mine.mjs"
    rho = traitlets.Float(0.9, min=0, max=0.98).tag(sync=True)
    n = traitlets.Enum((200, 400, 1000, 2000), 1000).tag(sync=True)
    b = traitlets.Enum((50, 100, 200), 100).tag(sync=True)
    beta = traitlets.Float(0.9, min=0, max=0.99).tag(sync=True)
    lr = traitlets.Enum((3e-4, 1e-3, 3e-3, 1e-2), 1e-3).tag(sync=True)
    start = traitlets.Enum(("0.02", "0.1", "he"), "0.02").tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    iterations = traitlets.Enum((300, 1000, 3000), 1000).tag(sync=True)
    step = traitlets.Bytes().tag(sync=True)
    critic = traitlets.Bytes().tag(sync=True)
    layout: traitlets.List = traitlets.List().tag(sync=True)
    history = traitlets.Bytes().tag(sync=True)
    heat = traitlets.Bytes().tag(sync=True)
    gap = traitlets.Float(0.0).tag(sync=True)

    def __init__(self, Net: type[nn.Module], Trainer: type, **settings: float | str) -> None:
        super().__init__(**settings)
        self._classes = Net, Trainer
        self._run: Run | None = None
        self._looks: list[Look] = []
        if os.environ.get(EXPORT):
            self._prepare()
        self.on_msg(self._answer)

    @property
    def settings(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in SETTINGS}

    def _prepare(self) -> None:
        """What the page gets in a kernel's place: the exported step, and one finished run to look at."""
        from mibook.live.export import exported  # needs onnx, which only the build has for certain

        self.step, self.critic, self.layout = exported(*self._classes)
        run = Run(*self._classes, **self.settings)
        self._looks = [run.look()]
        while self._looks[-1].iteration < self.iterations:
            run.train()
            self._looks.append(run.look())
        self.history = packed(np.array([look[:3] for look in self._looks]))
        self.heat, self.gap = packed(self._looks[-1].heat), self._looks[-1].gap

    def _answer(self, _: object, message: dict, __: list) -> None:
        """Start a run or train one a little further, and look; answer with what is seen, or with what went wrong."""
        try:
            if message["ask"] == "start" or self._run is None:
                self._run = Run(*self._classes, **message["settings"])
            else:
                self._run.train()
            look = self._run.look()
        except Exception as error:  # whatever the reader's own code raises is shown in the figure
            self.send({"run": message["run"], "error": f"{type(error).__name__}: {error}"})
        else:
            told = {"iteration": look.iteration, "estimate": look.estimate, "held": look.held, "gap": look.gap}
            self.send({"run": message["run"], **told}, buffers=[packed(look.heat)])

    def picture(self) -> Picture:
        law, pairs = Gaussian(self.rho), draw(self.rho, self.n, self.seed)[:2]
        figure = plt.figure(figsize=(7.2, 6.4), layout="constrained")
        parts = figure.subplot_mosaic([["curve", "curve"], ["critic", "ratio"]])
        curve = parts["curve"]
        draw_truth(curve, law.mutual_information, law.noise(self.n), law.oracle(*pairs))
        if self._looks:
            iteration, estimate, held = zip(*(look[:3] for look in self._looks), strict=True)
            curve.plot(iteration, estimate, color=ESTIMATE, label="training pairs")
            curve.plot(iteration, held, color=HELD_OUT, label="held-out pairs")
        curve.set(xlabel="iteration", ylabel="estimate [nats]", xlim=(0, self.iterations))
        curve.legend(loc="lower right", fontsize=9)
        x, y = (v.numpy() for v in grid())
        ratio = law.information_density(x, y).reshape(SIDE, SIDE)
        critic = self._looks[-1].heat if self._looks else np.zeros_like(ratio)
        for name, values in (("critic", critic), ("ratio", ratio)):
            ax = parts[name]
            image = ax.imshow(
                values, origin="lower", extent=(-EDGE, EDGE) * 2, vmin=-10, vmax=3, interpolation="nearest"
            )
            ax.set(xlabel="x", ylabel="y", title="critic t less its constant" if name == "critic" else "true log ratio")
            ax.grid(False)
        figure.colorbar(image, ax=[parts["critic"], parts["ratio"]], label="[nats]", extend="both")
        return figure

    def alt(self) -> str:
        truth = Gaussian(self.rho).mutual_information
        law = f"{self.n} Gaussian pairs with correlation {self.rho:g}"
        if not self._looks:
            return (
                f"Axes for the training of a critic on {law}, with the truth at {truth:.2f} nats; nothing trained yet."
            )
        last = self._looks[-1]
        return (
            f"Two estimates against the iteration, for {law}. After {last.iteration} iterations the estimate on the "
            f"training pairs is {last.estimate:.2f} nats and the one on held-out pairs {last.held:.2f}; the truth is "
            f"{truth:.2f}. Below, two heat maps side by side: the critic t less its constant, and the true log ratio, "
            "positive along the diagonal and negative off it. Over the pairs they differ by "
            f"{last.gap:.2f} nats, root mean square."
        )
