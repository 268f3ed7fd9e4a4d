"""MINE over a stack of networks, and its cross-fitted estimate with a standard error."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mibook.estimators.hypotheses import warn_of_heavy_tails
from mibook.estimators.networks import (
    Batches,
    Fit,
    Objective,
    Weights,
    as_stack,
    descend,
    device,
    draw_shifts,
    halves,
    head,
    log_mean_exp,
    mine_value,
    shifted,
    split,
    spread_shifts,
    start,
    take,
)
from mibook.estimators.settings import Settings


class CrossFit(NamedTuple):
    """A cross-fitted estimate and its standard error in nats; the estimate of each fold, shape (folds,)."""

    estimate: float
    standard_error: float
    folds: np.ndarray


PLAIN = Settings()


def _train(x: Tensor, y: Tensor, source: torch.Generator, settings: Settings) -> tuple[Weights, np.ndarray, np.ndarray]:
    """Train a critic of pairs for each of the S samples; return averaged weights, recorded iterations and history."""
    batch = settings.batch_of(x.shape[1])
    weights = start((x.shape[2], y.shape[2]), settings, x.shape[0])
    objective, batches = Objective(settings.beta), Batches(x, y, batch, source)

    def loss() -> Tensor:
        a, b = halves(weights, *batches())
        places = [0, *draw_shifts(batch, settings.shifts, source)]
        t = head(weights, torch.cat([a + b.roll(s, 1) if s else a + b for s in places], 1))
        return objective(t[:, :batch], t[:, batch:])

    return descend(weights, loss, lambda w: mine_value(w, x, y), settings)


def mine(X: np.ndarray, Y: np.ndarray, settings: Settings = PLAIN) -> Fit:
    """Estimate I(X; Y) in nats by the sample Donsker-Varadhan objective over S networks at once.

    X, Y: shape (n, d_x) and (n, d_y), one sample for all networks, or (S, n, d), a sample for each.

    An estimate on pairs trained on is optimistic; the held-out one is no lower bound either, even on average.
    Raises ValueError for shapes or settings that do not fit, FloatingPointError if the training diverges; warns, by
    HeavyTailWarning, of values so far out that ranks should take their place.
    Source: Belghazi et al., ICML 2018.
    """
    x, y = as_stack(X, Y, settings.seeds)
    warn_of_heavy_tails(X=X, Y=Y)
    source = torch.Generator(device()).manual_seed(settings.first_seed)
    (x, y), kept = split(x, y, settings.held_out, source)
    weights, iterations, history = _train(x, y, source, settings)
    with torch.no_grad():
        outside = mine_value(weights, *kept).cpu().numpy().astype(float) if kept else np.full(len(x), np.nan)
    return Fit(history[-1], outside, iterations, history)


def cross_fit(
    X: np.ndarray, Y: np.ndarray, settings: Settings = PLAIN, *, folds: int = 5, repeats: int = 1
) -> CrossFit:
    """Estimate I(X; Y) in nats without in-sample optimism: each fold is judged by networks that never saw it.

    X, Y: shape (n, d_x) and (n, d_y). The folds are the networks of one stack; ``repeats`` networks for each
    fold have their t averaged. Of the settings, seeds, held_out and record_every play no part.
    Up to folds - 1 pairs, chosen at random, are left out of the folds when n is no multiple of it.

    The standard error is that of the estimate for the critics at hand, from the influence of pair i,
    ``t(x_i, y_i) - (row mean + column mean of exp t) / mean exp t``; it says nothing of how far the critics are
    from the best one. Source of the idea: Chernozhukov et al., The Econometrics Journal 21 (2018).
    """
    if np.ndim(X) != 2 or np.ndim(Y) != 2:
        raise ValueError("X and Y must have shape (n, d): cross-fitting takes one sample.")
    if not 2 <= folds <= len(X) // 2 or repeats < 1:
        raise ValueError(f"folds must lie between 2 and n // 2 = {len(X) // 2}, and repeats be at least 1.")
    x, y = as_stack(X, Y, 1)
    warn_of_heavy_tails(X=X, Y=Y)
    source = torch.Generator(x.device).manual_seed(settings.first_seed)
    m = x.shape[1] // folds
    order = torch.randperm(x.shape[1], generator=source, device=x.device)
    blocks = order[: m * folds].view(folds, m).repeat_interleave(repeats, 0)
    rest = torch.stack([order[~torch.isin(order, block)] for block in blocks])
    S = folds * repeats
    xs, ys = x.expand(S, -1, -1), y.expand(S, -1, -1)
    last = replace(settings, record_every=settings.n_iters)
    weights, _, _ = _train(take(xs, rest), take(ys, rest), source, last)
    with torch.no_grad():
        shifts = spread_shifts(m)
        t, t_ref = shifted(weights, take(xs, blocks), take(ys, blocks), shifts)
        t, t_ref = t.view(folds, repeats, m).mean(1), t_ref.view(folds, repeats, -1, m).mean(1)
        log_mean = log_mean_exp(t_ref.flatten(1))
        ratio = (t_ref - log_mean[:, None, None]).exp()
        columns = torch.stack([ratio[:, k].roll(-s, 1) for k, s in enumerate(shifts)], 1)
        influence = t - ratio.mean(1) - columns.mean(1)
        fold = (t.mean(1) - log_mean).cpu().numpy().astype(float)
        error = math.sqrt(float(influence.var(1).mean()) / (m * folds))
    return CrossFit(float(fold.mean()), error, fold)
