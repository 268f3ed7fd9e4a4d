"""MI-NEE over a stack of networks: three divergences from a product reference that is sampled at will."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from mibook.estimators.hypotheses import require_density, warn_of_heavy_tails
from mibook.estimators.networks import (
    Batches,
    Fit,
    Objective,
    Weights,
    as_stack,
    critic,
    descend,
    draw_shifts,
    log_mean_exp,
    shifted,
    split,
    spread_shifts,
    start,
)
from mibook.estimators.settings import MINEESettings

PLAIN = MINEESettings()


def _composite(nets: list[Weights], x: Tensor, y: Tensor, shifts: list[int]) -> tuple[Tensor, Tensor]:
    """t_xy - t_x - t_y at the pairs, shape (S, n), and at each x with a shifted y, shape (S, len(shifts), n)."""
    joint, of_x, of_y = nets
    t, t_ref = shifted(joint, x, y, shifts)
    t_x, t_y = critic(of_x, x), critic(of_y, y)
    return t - t_x - t_y, t_ref - t_x[:, None] - torch.stack([t_y.roll(s, 1) for s in shifts], 1)


def _reference(x: Tensor, kind: str) -> Callable[[int, torch.Generator], Tensor]:
    """A sampler (m, source) -> (S, m, d) of the reference fitted to each sample x of shape (S, n, d)."""
    S, n, d = x.shape
    if kind == "uniform":
        low, high = x.amin(1, keepdim=True), x.amax(1, keepdim=True)
        return lambda m, source: low + (high - low) * torch.rand(S, m, d, generator=source, device=x.device)
    mean = x.mean(1, keepdim=True)
    covariance = (x - mean).mT @ (x - mean) / n + 1e-6 * torch.eye(d, device=x.device)
    root = torch.linalg.cholesky(covariance).mT.contiguous()
    return lambda m, source: mean + torch.randn(S, m, d, generator=source, device=x.device) @ root


class _Three:
    """The three critics of MI-NEE over one sample x, y of shape (S, n, d), trained on batches of it."""

    def __init__(self, x: Tensor, y: Tensor, source: torch.Generator, settings: MINEESettings) -> None:
        self.source, self.settings, self.batch = source, settings, settings.batch_of(x.shape[1])
        self.draw_x, self.draw_y = _reference(x, settings.reference), _reference(y, settings.reference)
        widths = ((x.shape[2], y.shape[2]), (x.shape[2],), (y.shape[2],))
        self.nets = [start(blocks, settings, len(x)) for blocks in widths]
        self.objectives = [Objective(settings.beta) for _ in self.nets]
        self.batches = Batches(x, y, self.batch, source)
        number = settings.n_ref * x.shape[1]
        self.pool = self.draw_x(number, source), self.draw_y(number, source)

    @property
    def weights(self) -> Weights:
        return [w for net in self.nets for w in net]

    def split(self, weights: Weights) -> list[Weights]:
        """The weights of each critic, out of those of all."""
        cuts = np.cumsum([0, *(len(net) for net in self.nets)])
        return [weights[i:j] for i, j in pairwise(cuts)]

    def loss(self) -> Tensor:
        number = self.settings.n_ref * self.batch
        (a, b), a_ref, b_ref = self.batches(), self.draw_x(number, self.source), self.draw_y(number, self.source)
        sides = (((a, b), (a_ref, b_ref)), ((a,), (a_ref,)), ((b,), (b_ref,)))
        terms = zip(self.objectives, self.nets, sides, strict=True)
        joint, of_x, of_y = (dv(critic(net, *data), critic(net, *ref)) for dv, net, (data, ref) in terms)
        return joint + of_x + of_y

    def value(self, weights: Weights, a: Tensor, b: Tensor) -> Tensor:
        """The estimate at the pairs a, b, with the pool as reference."""
        joint, of_x, of_y = self.split(weights)
        three = ((joint, (a, b), self.pool), (of_x, (a,), self.pool[:1]), (of_y, (b,), self.pool[1:]))
        total, first, second = (
            critic(net, *data).mean(1) - log_mean_exp(critic(net, *ref)) for net, data, ref in three
        )
        return total - first - second

    def composite_loss(self, weights: Weights, objective: Objective) -> Tensor:
        """The loss of MINE for the critic that the three make together."""
        a, b = self.batches()
        shifts = draw_shifts(self.batch, self.settings.shifts, self.source)
        t, t_ref = _composite(self.split(weights), a, b, shifts)
        return objective(t, t_ref.flatten(1))

    def composite_value(self, weights: Weights, a: Tensor, b: Tensor) -> Tensor:
        t, t_ref = _composite(self.split(weights), a, b, spread_shifts(a.shape[1]))
        return t.mean(1) - log_mean_exp(t_ref.flatten(1))


def minee(X: np.ndarray, Y: np.ndarray, settings: MINEESettings = PLAIN) -> Fit:
    """Estimate I(X; Y) in nats as D(P_XY || P_X' x P_Y') - D(P_X || P_X') - D(P_Y || P_Y'), a critic each.

    Shapes, errors and the result are those of `mine`. Each term is the sample Donsker-Varadhan objective with its
    log. Their difference is no bound either way. Both variables need a density: raises NoDensityError for atoms and for
    columns that depend on each other linearly, and warns, by TiedSampleWarning, of ties.
    Source: Chan et al., arXiv:1905.12957.
    """
    x, y = as_stack(X, Y, settings.seeds)
    require_density(X=X, Y=Y)
    warn_of_heavy_tails(X=X, Y=Y)
    source = torch.Generator(x.device).manual_seed(settings.first_seed)
    (x, y), kept = split(x, y, settings.held_out, source)
    three = _Three(x, y, source, settings)
    value = three.value
    weights, iterations, history = descend(three.weights, three.loss, lambda w: three.value(w, x, y), settings)
    if settings.mine_iters:
        value, objective = three.composite_value, Objective(settings.beta)
        begin = [w.clone().requires_grad_() for w in weights]
        weights, more, later = descend(
            begin,
            lambda: three.composite_loss(begin, objective),
            lambda w: three.composite_value(w, x, y),
            replace(settings, n_iters=settings.mine_iters),
        )
        iterations = np.append(iterations, settings.n_iters + more)
        history = np.concatenate([history, later])
    with torch.no_grad():
        outside = value(weights, *kept).cpu().numpy().astype(float) if kept else np.full(len(x), np.nan)
    return Fit(history[-1], outside, iterations, history)
