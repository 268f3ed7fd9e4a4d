"""Stacks of S networks: how they start, what they compute, how they descend; samples, batches, reference pairs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import elu_

from mibook.estimators.settings import Settings

EVALUATION_SHIFTS = 20
"""Cyclic shifts that an estimate averages its reference over; with one, the choice is most of its noise."""

Weights = list[Tensor]
"""One stack of S critics: hidden weights for each input block, then bias, second layer, its bias, output."""


class Fit(NamedTuple):
    """What a run of S networks returns; every estimate is in nats.

    estimate: shape (S,), after the last iteration, on the pairs trained on (all, if ``held_out`` is 0).
    held_out: shape (S,), the same objective on the pairs held out, or nan if there are none.
    iterations: shape (R,), when the history was recorded, the last iteration included.
    history: shape (R, S), the estimates on the pairs trained on at those iterations.
    """

    estimate: np.ndarray
    held_out: np.ndarray
    iterations: np.ndarray
    history: np.ndarray


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def as_stack(X: np.ndarray, Y: np.ndarray, seeds: int) -> tuple[Tensor, Tensor]:
    """Check X and Y and return float32 tensors of shape (S, n, d) with standardised columns."""
    stack = []
    for name, values in (("X", X), ("Y", Y)):
        values = np.asarray(values, dtype=np.float64)
        if values.ndim not in (2, 3) or 0 in values.shape:
            raise ValueError(f"{name} must have shape (n, d) or (S, n, d), but has shape {values.shape}.")
        if not np.isfinite(values).all():
            raise ValueError(f"{name} holds a value that is not finite.")
        if values.ndim == 2:
            values = np.broadcast_to(values, (seeds, *values.shape))
        scale = values.std(axis=1, keepdims=True)
        centred = (values - values.mean(axis=1, keepdims=True)) / np.where(scale > 0, scale, 1)
        stack.append(torch.tensor(centred, dtype=torch.float32, device=device()))
    x, y = stack
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"X and Y must hold the same number of pairs, not {x.shape[1]} and {y.shape[1]}.")
    if x.shape[0] != seeds or y.shape[0] != seeds:
        raise ValueError(f"Each of the {seeds} seeds needs a sample, not {x.shape[0]} and {y.shape[0]}.")
    return x, y


def start(blocks: tuple[int, ...], settings: Settings, number: int) -> Weights:
    """Draw a network for each of ``number`` seeds; ``blocks`` are the widths of the inputs of the first layer."""
    hidden, init = settings.hidden, settings.init
    seeds = range(settings.first_seed, settings.first_seed + number)
    fan_in = (*(sum(blocks) for _ in blocks), hidden, hidden)
    shapes = (*((width, hidden) for width in blocks), (hidden, hidden), (hidden, 1))
    drawn = []
    for seed in seeds:
        source = torch.Generator().manual_seed(seed)
        sigmas = [math.sqrt(2 / f) if init == "he" else float(init) for f in fan_in]
        layers = zip(sigmas, shapes, strict=True)
        drawn.append([sigma * torch.randn(shape, generator=source) for sigma, shape in layers])
    *first, second, output = (torch.stack(layer) for layer in zip(*drawn, strict=True))
    bias = torch.zeros(len(seeds), 1, hidden)
    return [w.to(device()).requires_grad_() for w in (*first, bias, second, bias.clone(), output)]


def critic(weights: Weights, *inputs: Tensor) -> Tensor:
    """t of shape (S, n) at inputs of shape (S, n, d_k), one for each block of the first layer."""
    *first, bias, _, _, _ = weights
    z = torch.baddbmm(bias, inputs[0], first[0])
    for x, w in zip(inputs[1:], first[1:], strict=True):
        z = torch.baddbmm(z, x, w)
    return head(weights, z)


def head(weights: Weights, z: Tensor) -> Tensor:
    """The layers behind the first pre-activation z of shape (S, n, hidden), which is overwritten."""
    _, second, bias, output = weights[-4:]
    return torch.bmm(elu_(torch.baddbmm(bias, elu_(z), second)), output).squeeze(-1)


def halves(weights: Weights, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The parts of the first layer's pre-activation that x and y give: any pair (i, j) needs one sum more."""
    w_x, w_y, bias, *_ = weights
    return torch.bmm(x, w_x), torch.baddbmm(bias, y, w_y)


def log_mean_exp(t: Tensor) -> Tensor:
    return t.logsumexp(1) - math.log(t.shape[1])


class Objective:
    """The loss of one Donsker-Varadhan term for S networks, with its moving average if ``beta`` is a number.

    Its value is minus the estimate for ``beta=None``. Else its gradient divides by the moving average of mean
    exp t instead of mean exp t; the average is kept as a log, so that a wandering constant does no harm.
    """

    def __init__(self, beta: float | None) -> None:
        self.beta = beta
        self.log_average: Tensor | None = None

    def __call__(self, t: Tensor, t_ref: Tensor) -> Tensor:
        log_mean = log_mean_exp(t_ref)
        if self.beta is None:
            return log_mean - t.mean(1)
        now = log_mean.detach()
        if self.log_average is None or self.beta == 0:
            self.log_average = now
        else:
            past = self.log_average + math.log(self.beta)
            self.log_average = torch.logaddexp(past, now + math.log1p(-self.beta))
        return (log_mean - self.log_average).exp() - t.mean(1)


def descend(
    weights: Weights,
    loss: Callable[[], Tensor],
    evaluate: Callable[[Weights], Tensor],
    settings: Settings,
) -> tuple[Weights, np.ndarray, np.ndarray]:
    """Run Adam on the sum of the S losses; return averaged weights, recorded iterations and history."""
    n_iters, lr = settings.n_iters, settings.lr
    optimiser = torch.optim.Adam(weights, lr=lr, fused=True)
    averaged = [w.detach().clone() for w in weights]
    iterations: list[int] = []
    history: list[np.ndarray] = []
    for k in range(1, n_iters + 1):
        if settings.schedule == "cosine":
            optimiser.param_groups[0]["lr"] = lr * (1 + math.cos(math.pi * (k - 1) / n_iters)) / 2
        optimiser.zero_grad()
        loss().sum().backward()
        optimiser.step()
        torch._foreach_lerp_(averaged, [w.detach() for w in weights], 1 - settings.average)
        if k % settings.record_every == 0 or k == n_iters:
            with torch.no_grad():
                iterations.append(k)
                history.append(evaluate(averaged).cpu().numpy().astype(float))
    if not np.isfinite(history[-1]).all():
        raise FloatingPointError("The training diverged to a value that is not finite; lower the learning rate lr.")
    return averaged, np.array(iterations), np.array(history)


def take(x: Tensor, index: Tensor) -> Tensor:
    """Rows ``index`` of shape (S, m) of x of shape (S, n, d)."""
    return x.gather(1, index[..., None].expand(-1, -1, x.shape[2]))


class Batches:
    """Minibatches of (x, y), every network in its own order; the pairs of an epoch are used at most once."""

    def __init__(self, x: Tensor, y: Tensor, batch: int, source: torch.Generator) -> None:
        self.x, self.y, self.batch, self.source = x, y, batch, source
        self.at = x.shape[1]

    def __call__(self) -> tuple[Tensor, Tensor]:
        if self.at + self.batch > self.x.shape[1]:
            keys = torch.rand(self.x.shape[:2], generator=self.source, device=self.x.device)
            order = keys.argsort(1)
            self.shuffled, self.at = (take(self.x, order), take(self.y, order)), 0
        part = slice(self.at, self.at + self.batch)
        self.at += self.batch
        return self.shuffled[0][:, part], self.shuffled[1][:, part]


def draw_shifts(n: int, number: int, source: torch.Generator) -> list[int]:
    number = min(number, n - 1)
    return (1 + torch.randperm(n - 1, generator=source, device=source.device)[:number]).tolist()


def spread_shifts(n: int) -> list[int]:
    """At most EVALUATION_SHIFTS different cyclic shifts, none of them zero, evenly spread over n places."""
    return np.unique(np.linspace(1, n - 1, min(EVALUATION_SHIFTS, n - 1)).astype(int)).tolist()


def shifted(weights: Weights, x: Tensor, y: Tensor, shifts: list[int]) -> tuple[Tensor, Tensor]:
    """t at the pairs, shape (S, n), and at each x with a shifted y, shape (S, len(shifts), n)."""
    a, b = halves(weights, x, y)
    return head(weights, a + b), torch.stack([head(weights, a + b.roll(s, 1)) for s in shifts], 1)


def mine_value(weights: Weights, x: Tensor, y: Tensor) -> Tensor:
    t, t_ref = shifted(weights, x, y, spread_shifts(x.shape[1]))
    return t.mean(1) - log_mean_exp(t_ref.flatten(1))


def split(
    x: Tensor, y: Tensor, held_out: float, source: torch.Generator
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor] | None]:
    """The pairs in an order of each network's own, and the fraction of them held out (None if it is 0)."""
    n = x.shape[1]
    m = round(held_out * n)
    if held_out > 0 and (m < 2 or n - m < 2):
        raise ValueError(f"Holding out {held_out} of {n} pairs leaves fewer than two on one side.")
    order = torch.rand(x.shape[:2], generator=source, device=x.device).argsort(1)
    x, y = take(x, order), take(y, order)
    return (x[:, m:], y[:, m:]), ((x[:, :m], y[:, :m]) if m else None)
