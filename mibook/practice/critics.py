"""Cross-fitted critics on a Gaussian-copula base: each fold is judged by a network that never saw it.

A critic is t(x, y) = base(x, y) + a net(x, y), with one a in `STRENGTHS` for all folds: the network that has little to
learn from is held back. Its Donsker-Varadhan value uses as reference all pairs of different units within a chunk of
held-out rows. The recipe and its standard error are those of `mibook.estimators.cross_fit`. All values are in nats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mibook.estimators.networks import (
    Batches,
    Objective,
    Weights,
    descend,
    device,
    draw_shifts,
    halves,
    head,
    start,
)
from mibook.estimators.settings import Settings
from mibook.practice import copula
from mibook.practice.design import Design

STRENGTHS = (0.0, 0.5, 1.0)
AT_ONCE = 60_000
"""Pairs that a network judges in one go: 64 hidden units of float32 for each are 15 MB."""


class Chunk(NamedTuple):
    """Held-out rows and, for all their pairs, the base and the network, shape (m, m); ``apart``: what is reference."""

    rows: np.ndarray
    base: np.ndarray
    net: np.ndarray
    apart: np.ndarray

    def t(self, strength: float) -> np.ndarray:
        return self.base + strength * self.net


@dataclass(frozen=True)
class CrossFitted:
    """The chunks of every fold."""

    folds: list[list[Chunk]]
    n: int

    def values(self, strength: float) -> np.ndarray:
        """The Donsker-Varadhan value of each fold, shape (folds,)."""
        return np.array([_value(chunks, strength)[0] for chunks in self.folds])

    def weights(self) -> np.ndarray:
        size = np.array([sum(len(c.rows) for c in chunks) for chunks in self.folds])
        return size / size.sum()

    def estimate(self, strength: float) -> float:
        return float(self.weights() @ self.values(strength))

    def best(self) -> float:
        """The strength of the largest estimate."""
        return max(STRENGTHS, key=self.estimate)

    def influence(self, strength: float) -> np.ndarray:
        """What each row adds to the estimate beyond its share, shape (n,); their mean is zero in each fold."""
        out = np.zeros(self.n)
        for chunks in self.folds:
            log_mean = _value(chunks, strength)[1]
            for c in chunks:
                ratio = np.where(c.apart, np.exp(c.t(strength) - log_mean), 0.0)
                rows, columns = (ratio.sum(k) / np.maximum(c.apart.sum(k), 1) for k in (1, 0))
                out[c.rows] = np.diag(c.t(strength)) - rows - columns
            fold = np.concatenate([c.rows for c in chunks])
            out[fold] -= out[fold].mean()
        return out


def _value(chunks: list[Chunk], strength: float) -> tuple[float, float]:
    """A fold's Donsker-Varadhan value and the log of its reference's mean of exp t."""
    reference = np.concatenate([c.t(strength)[c.apart] for c in chunks])
    log_mean = float(np.logaddexp.reduce(reference) - np.log(len(reference)))
    return float(np.concatenate([np.diag(c.t(strength)) for c in chunks]).mean()) - log_mean, log_mean


def cross_fit(x: np.ndarray, y: np.ndarray, design: Design, folds: list[np.ndarray], settings: Settings) -> CrossFitted:
    """Train a critic without each fold, and judge the fold with it.

    x, y: scores, shape (n, d_x) and (n, d_y). Raises FloatingPointError if the training diverges.
    """
    rng = np.random.default_rng(settings.first_seed)
    rest = [design.without(fold) for fold in folds]
    size = min(map(len, rest))  # the networks of one stack train on equally many pairs
    rest = [np.sort(rng.permutation(rows)[:size]) for rows in rest]
    bases = [copula.base(x[rows], y[rows]) for rows in rest]
    stacks = [[x[rows], y[rows], *fit(x[rows], y[rows])] for rows, fit in zip(rest, bases, strict=True)]
    xs, ys, ps, qs = (_stacked([stack[k] for stack in stacks]) for k in range(4))
    weights = _train(xs, ys, ps, qs, settings)
    judged = []
    for k, (fold, fit) in enumerate(zip(folds, bases, strict=True)):
        net = [w[k : k + 1] for w in weights]
        judged.append([_judge(x, y, rows, fit, net, design) for rows in design.chunks(fold)])
    return CrossFitted(judged, len(x))


def in_sample(x: np.ndarray, y: np.ndarray, design: Design) -> float:
    """The value of the base alone on the very rows that it was fitted to: as optimistic as cross-fitting is strict."""
    fit = copula.base(x, y)
    nothing = np.zeros((1, 1))
    order = np.random.default_rng(0).permutation(len(x)) if design.single else np.arange(len(x))
    parts = [(rows, *fit(x[rows], y[rows])) for rows in design.chunks(order)]
    return _value([Chunk(rows, p @ q.T, nothing, design.apart(rows)) for rows, p, q in parts], 0.0)[0]


def _stacked(parts: list[np.ndarray]) -> Tensor:
    return torch.tensor(np.stack(parts), dtype=torch.float32, device=device())


def _train(x: Tensor, y: Tensor, p: Tensor, q: Tensor, settings: Settings) -> Weights:
    """Train the networks beside their bases p . q; x, y, p, q: shape (S, n, d)."""
    S, n, d = x.shape
    e, batch = y.shape[2], settings.batch_of(n)
    weights = start((d, e), settings, S)
    with torch.no_grad():
        weights[-1].zero_()  # the critic starts as its base
    source = torch.Generator(device()).manual_seed(settings.first_seed)
    objective, batches = Objective(settings.beta), Batches(torch.cat([x, p], 2), torch.cat([y, q], 2), batch, source)

    def loss() -> Tensor:
        left, right = batches()
        a, b = halves(weights, left[..., :d], right[..., :e])
        places = [0, *draw_shifts(batch, settings.shifts, source)]
        t = head(weights, torch.cat([a + b.roll(s, 1) if s else a + b for s in places], 1))
        t = t + torch.cat([(left[..., d:] * right[..., e:].roll(s, 1)).sum(2) for s in places], 1)
        return objective(t[:, :batch], t[:, batch:])

    return descend(weights, loss, lambda w: w[-1].sum((1, 2)), settings)[0]


@torch.no_grad()
def _judge(x: np.ndarray, y: np.ndarray, rows: np.ndarray, fit: copula.Base, net: Weights, design: Design) -> Chunk:
    """The base and the network at all pairs of the rows, x and y being those of the whole sample."""
    p, q = fit(x[rows], y[rows])
    a, b = halves(net, _stacked([x[rows]]), _stacked([y[rows]]))
    m, step = len(rows), max(1, AT_ONCE // len(rows))
    parts = [head(net, (a[0, k : k + step, None] + b[0]).flatten(0, 1)[None]) for k in range(0, m, step)]
    t = torch.cat(parts, 1).view(m, m).double().cpu().numpy()
    return Chunk(rows, p @ q.T, t, design.apart(rows))
