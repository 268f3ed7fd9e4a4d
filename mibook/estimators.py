"""Practical neural estimators of mutual information: many networks at once, for races between methods.

The chapters build each estimator for one network, to be read; here S networks are stacked and multiplied
together, so that one call gives a spread over seeds or over fresh samples. All values are in nats.

- Columns are standardised first, which changes no mutual information.
- The log of the average of ``exp t`` is a log-sum-exp throughout, and critics have no output bias, since an
  added constant cancels in the Donsker-Varadhan objective: nothing here overflows.
- Reference pairs are cyclic shifts of a permuted sample, so none of them is a true pair.

Sources: Belghazi et al., "Mutual Information Neural Estimation", ICML 2018 (the objective and its moving
average); Chan et al., "Neural Entropic Estimation", arXiv:1905.12957 (the three divergences of ``minee``);
Letizia, Novello and Tonello, NeurIPS 2024 (references without true pairs).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import elu_

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


class CrossFit(NamedTuple):
    """A cross-fitted estimate and its standard error in nats; the estimate of each fold, shape (folds,)."""

    estimate: float
    standard_error: float
    folds: np.ndarray


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _as_stack(X: np.ndarray, Y: np.ndarray, seeds: int) -> tuple[Tensor, Tensor]:
    """Check X and Y and return float32 tensors of shape (S, n, d) with standardised columns."""
    if seeds < 1:
        raise ValueError(f"seeds, the number of networks, must be at least 1, but is {seeds}.")
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
        stack.append(torch.tensor(centred, dtype=torch.float32, device=_device()))
    x, y = stack
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"X and Y must hold the same number of pairs, not {x.shape[1]} and {y.shape[1]}.")
    if x.shape[0] != seeds or y.shape[0] != seeds:
        raise ValueError(f"Each of the {seeds} seeds needs a sample, not {x.shape[0]} and {y.shape[0]}.")
    return x, y


def _check_settings(batch: int, n: int, hidden: int, shifts: int, beta: float | None, schedule: str | None) -> None:
    if not 2 <= batch <= n:
        raise ValueError(f"A batch must hold between 2 and n = {n} pairs, but batch is {batch}.")
    if hidden < 1:
        raise ValueError(f"hidden, the units of a hidden layer, must be at least 1, but is {hidden}.")
    if not 1 <= shifts < batch:
        raise ValueError(f"The number of shifts must lie between 1 and {batch - 1}, but is {shifts}.")
    if beta is not None and not 0 <= beta < 1:
        raise ValueError(f"beta is the weight of the past: it must lie in [0, 1) or be None, but is {beta}.")
    if schedule not in (None, "cosine"):
        raise ValueError(f"The schedule must be 'cosine' or None, but is {schedule!r}.")


def _start(blocks: tuple[int, ...], hidden: int, init: str | float, seeds: range) -> Weights:
    """Draw one network per seed; ``blocks`` are the widths of the inputs that the first layer reads."""
    if init != "he" and not (isinstance(init, int | float) and init > 0):
        raise ValueError(f"init must be 'he' or a positive standard deviation, but is {init!r}.")
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
    return [w.to(_device()).requires_grad_() for w in (*first, bias, second, bias.clone(), output)]


def _critic(weights: Weights, *inputs: Tensor) -> Tensor:
    """t of shape (S, n) at inputs of shape (S, n, d_k), one for each block of the first layer."""
    *first, bias, _, _, _ = weights
    z = torch.baddbmm(bias, inputs[0], first[0])
    for x, w in zip(inputs[1:], first[1:], strict=True):
        z = torch.baddbmm(z, x, w)
    return _head(weights, z)


def _head(weights: Weights, z: Tensor) -> Tensor:
    """The layers behind the first pre-activation z of shape (S, n, hidden), which is overwritten."""
    _, second, bias, output = weights[-4:]
    return torch.bmm(elu_(torch.baddbmm(bias, elu_(z), second)), output).squeeze(-1)


def _halves(weights: Weights, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The parts of the first layer's pre-activation that x and y give: any pair (i, j) needs one sum more."""
    w_x, w_y, bias, *_ = weights
    return torch.bmm(x, w_x), torch.baddbmm(bias, y, w_y)


def _log_mean_exp(t: Tensor) -> Tensor:
    return t.logsumexp(1) - math.log(t.shape[1])


class _Objective:
    """The loss of one Donsker-Varadhan term for S networks, with its moving average if ``beta`` is a number.

    Its value is minus the estimate for ``beta=None``. Else its gradient divides by the moving average of mean
    exp t instead of mean exp t; the average is kept as a log, so that a wandering constant does no harm.
    """

    def __init__(self, beta: float | None) -> None:
        self.beta, self.log_average = beta, None

    def __call__(self, t: Tensor, t_ref: Tensor) -> Tensor:
        log_mean = _log_mean_exp(t_ref)
        if self.beta is None:
            return log_mean - t.mean(1)
        now = log_mean.detach()
        if self.log_average is None or self.beta == 0:
            self.log_average = now
        else:
            past = self.log_average + math.log(self.beta)
            self.log_average = torch.logaddexp(past, now + math.log1p(-self.beta))
        return (log_mean - self.log_average).exp() - t.mean(1)


def _descend(
    weights: Weights,
    loss: Callable[[], Tensor],
    evaluate: Callable[[Weights], Tensor],
    *,
    n_iters: int,
    lr: float,
    average: float,
    schedule: str | None,
    record_every: int,
) -> tuple[Weights, np.ndarray, np.ndarray]:
    """Run Adam on the sum of the S losses; return averaged weights, recorded iterations and history."""
    if n_iters < 1 or record_every < 1 or not 0 <= average < 1:
        raise ValueError("n_iters and record_every must be at least 1, and average must lie in [0, 1).")
    optimiser = torch.optim.Adam(weights, lr=lr, fused=True)
    averaged = [w.detach().clone() for w in weights]
    iterations, history = [], []
    for k in range(1, n_iters + 1):
        if schedule == "cosine":
            optimiser.param_groups[0]["lr"] = lr * (1 + math.cos(math.pi * (k - 1) / n_iters)) / 2
        optimiser.zero_grad()
        loss().sum().backward()
        optimiser.step()
        torch._foreach_lerp_(averaged, [w.detach() for w in weights], 1 - average)
        if k % record_every == 0 or k == n_iters:
            with torch.no_grad():
                iterations.append(k)
                history.append(evaluate(averaged).cpu().numpy().astype(float))
    if not np.isfinite(history[-1]).all():
        raise FloatingPointError("The training diverged to a value that is not finite; lower the learning rate lr.")
    return averaged, np.array(iterations), np.array(history)


def _take(x: Tensor, index: Tensor) -> Tensor:
    """Rows ``index`` of shape (S, m) of x of shape (S, n, d)."""
    return x.gather(1, index[..., None].expand(-1, -1, x.shape[2]))


class _Batches:
    """Minibatches of (x, y), every network in its own order; the pairs of an epoch are used at most once."""

    def __init__(self, x: Tensor, y: Tensor, batch: int, source: torch.Generator) -> None:
        self.x, self.y, self.batch, self.source = x, y, batch, source
        self.at = x.shape[1]

    def __call__(self) -> tuple[Tensor, Tensor]:
        if self.at + self.batch > self.x.shape[1]:
            keys = torch.rand(self.x.shape[:2], generator=self.source, device=self.x.device)
            order = keys.argsort(1)
            self.shuffled, self.at = (_take(self.x, order), _take(self.y, order)), 0
        part = slice(self.at, self.at + self.batch)
        self.at += self.batch
        return self.shuffled[0][:, part], self.shuffled[1][:, part]


def _draw_shifts(n: int, number: int, source: torch.Generator) -> list[int]:
    number = min(number, n - 1)
    return (1 + torch.randperm(n - 1, generator=source, device=source.device)[:number]).tolist()


def _spread_shifts(n: int) -> list[int]:
    """At most EVALUATION_SHIFTS different cyclic shifts, none of them zero, evenly spread over n places."""
    return np.unique(np.linspace(1, n - 1, min(EVALUATION_SHIFTS, n - 1)).astype(int)).tolist()


def _shifted(weights: Weights, x: Tensor, y: Tensor, shifts: list[int]) -> tuple[Tensor, Tensor]:
    """t at the pairs, shape (S, n), and at each x with a shifted y, shape (S, len(shifts), n)."""
    a, b = _halves(weights, x, y)
    return _head(weights, a + b), torch.stack([_head(weights, a + b.roll(s, 1)) for s in shifts], 1)


def _mine_value(weights: Weights, x: Tensor, y: Tensor) -> Tensor:
    t, t_ref = _shifted(weights, x, y, _spread_shifts(x.shape[1]))
    return t.mean(1) - _log_mean_exp(t_ref.flatten(1))


def _split(
    x: Tensor, y: Tensor, held_out: float, source: torch.Generator
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor] | None]:
    """The pairs in an order of each network's own, and the fraction of them held out (None if it is 0)."""
    n = x.shape[1]
    if not 0 <= held_out < 1:
        raise ValueError(f"held_out is a fraction of the pairs in [0, 1), but is {held_out}.")
    m = round(held_out * n)
    if held_out > 0 and (m < 2 or n - m < 2):
        raise ValueError(f"Holding out {held_out} of {n} pairs leaves fewer than two on one side.")
    order = torch.rand(x.shape[:2], generator=source, device=x.device).argsort(1)
    x, y = _take(x, order), _take(y, order)
    return (x[:, m:], y[:, m:]), ((x[:, :m], y[:, :m]) if m else None)


def _train_mine(
    x: Tensor,
    y: Tensor,
    source: torch.Generator,
    *,
    hidden: int,
    init: str | float,
    batch: int | None,
    beta: float | None,
    shifts: int,
    first_seed: int,
    **descent,
) -> tuple[Weights, np.ndarray, np.ndarray]:
    n = x.shape[1]
    batch = n if batch is None else min(batch, n)
    _check_settings(batch, n, hidden, shifts, beta, descent["schedule"])
    weights = _start((x.shape[2], y.shape[2]), hidden, init, range(first_seed, first_seed + x.shape[0]))
    objective, batches = _Objective(beta), _Batches(x, y, batch, source)

    def loss() -> Tensor:
        a, b = _halves(weights, *batches())
        places = [0, *_draw_shifts(batch, shifts, source)]
        t = _head(weights, torch.cat([a + b.roll(s, 1) if s else a + b for s in places], 1))
        return objective(t[:, :batch], t[:, batch:])

    return _descend(weights, loss, lambda w: _mine_value(w, x, y), **descent)


def mine(
    X: np.ndarray,
    Y: np.ndarray,
    *,
    seeds: int = 8,
    n_iters: int = 300,
    hidden: int = 32,
    init: str | float = "he",
    lr: float = 2e-2,
    batch: int | None = 125,
    beta: float | None = None,
    shifts: int = 4,
    held_out: float = 0.0,
    record_every: int = 10,
    average: float = 0.9,
    schedule: str | None = "cosine",
    first_seed: int = 0,
) -> Fit:
    """Estimate I(X; Y) in nats by the sample Donsker-Varadhan objective over S = ``seeds`` networks at once.

    X, Y: shape (n, d_x) and (n, d_y), one sample for all networks, or (S, n, d), a sample for each.
    init: "he", or the standard deviation of every weight (0.02 in the chapters' plain network).
    batch: pairs in a minibatch (at most n), or None for all n. shifts: reference pairs for each pair of it.
    beta: None for the gradient of the log-sum-exp itself, or the weight of the past in a moving average.
    held_out: the fraction of the pairs, another one for each network, that is kept from training.
    average: the weight of the past in the averaged weights that every estimate uses; 0 for none.
    schedule: "cosine" lowers the learning rate ``lr`` to zero over the n_iters iterations; None keeps it.
    first_seed: networks start from seeds first_seed, first_seed + 1, ...

    An estimate on pairs trained on is optimistic; the held-out one is no lower bound either, even on average.
    Raises ValueError for shapes or settings that make no sense, FloatingPointError if the training diverges.
    Source: Belghazi et al., ICML 2018.
    """
    x, y = _as_stack(X, Y, seeds)
    source = torch.Generator(_device()).manual_seed(first_seed)
    (x, y), kept = _split(x, y, held_out, source)
    weights, iterations, history = _train_mine(
        x,
        y,
        source,
        hidden=hidden,
        init=init,
        batch=batch,
        beta=beta,
        shifts=shifts,
        first_seed=first_seed,
        n_iters=n_iters,
        lr=lr,
        average=average,
        schedule=schedule,
        record_every=record_every,
    )
    with torch.no_grad():
        outside = _mine_value(weights, *kept).cpu().numpy().astype(float) if kept else np.full(seeds, np.nan)
    return Fit(history[-1], outside, iterations, history)


def cross_fit(
    X: np.ndarray, Y: np.ndarray, *, folds: int = 5, repeats: int = 1, first_seed: int = 0, **settings
) -> CrossFit:
    """Estimate I(X; Y) in nats without in-sample optimism: each fold is judged by networks that never saw it.

    X, Y: shape (n, d_x) and (n, d_y). The folds are the networks of one stack; ``repeats`` networks for each
    fold have their t averaged. ``settings`` are those of `mine` except seeds, held_out and record_every.
    Up to folds - 1 pairs, chosen at random, are left out of the folds when n is no multiple of it.

    The standard error is that of the estimate for the critics at hand, from the influence of pair i,
    ``t(x_i, y_i) - (row mean + column mean of exp t) / mean exp t``; it says nothing of how far the critics are
    from the best one. Source of the idea: Chernozhukov et al., The Econometrics Journal 21 (2018).
    """
    if np.ndim(X) != 2 or np.ndim(Y) != 2:
        raise ValueError("X and Y must have shape (n, d): cross-fitting takes one sample.")
    if not 2 <= folds <= len(X) // 2 or repeats < 1:
        raise ValueError(f"folds must lie between 2 and n // 2 = {len(X) // 2}, and repeats be at least 1.")
    x, y = _as_stack(X, Y, 1)
    source = torch.Generator(x.device).manual_seed(first_seed)
    m = x.shape[1] // folds
    order = torch.randperm(x.shape[1], generator=source, device=x.device)
    blocks = order[: m * folds].view(folds, m).repeat_interleave(repeats, 0)
    rest = torch.stack([order[~torch.isin(order, block)] for block in blocks])
    S = folds * repeats
    xs, ys = x.expand(S, -1, -1), y.expand(S, -1, -1)
    chosen = dict(mine.__kwdefaults__) | settings
    chosen |= {"record_every": chosen["n_iters"]}
    chosen = {k: v for k, v in chosen.items() if k not in ("seeds", "held_out", "first_seed")}
    weights, _, _ = _train_mine(_take(xs, rest), _take(ys, rest), source, first_seed=first_seed, **chosen)
    with torch.no_grad():
        shifts = _spread_shifts(m)
        t, t_ref = _shifted(weights, _take(xs, blocks), _take(ys, blocks), shifts)
        t, t_ref = t.view(folds, repeats, m).mean(1), t_ref.view(folds, repeats, -1, m).mean(1)
        log_mean = _log_mean_exp(t_ref.flatten(1))
        ratio = (t_ref - log_mean[:, None, None]).exp()
        columns = torch.stack([ratio[:, k].roll(-s, 1) for k, s in enumerate(shifts)], 1)
        influence = t - ratio.mean(1) - columns.mean(1)
        fold = (t.mean(1) - log_mean).cpu().numpy().astype(float)
        error = math.sqrt(float(influence.var(1).mean()) / (m * folds))
    return CrossFit(float(fold.mean()), error, fold)


def _composite(nets: list[Weights], x: Tensor, y: Tensor, shifts: list[int]) -> tuple[Tensor, Tensor]:
    """t_xy - t_x - t_y at the pairs, shape (S, n), and at each x with a shifted y, shape (S, len(shifts), n)."""
    joint, of_x, of_y = nets
    t, t_ref = _shifted(joint, x, y, shifts)
    t_x, t_y = _critic(of_x, x), _critic(of_y, y)
    return t - t_x - t_y, t_ref - t_x[:, None] - torch.stack([t_y.roll(s, 1) for s in shifts], 1)


def _composite_value(split: Callable[[Weights], list[Weights]]) -> Callable[[Weights, Tensor, Tensor], Tensor]:
    def value(weights: Weights, x: Tensor, y: Tensor) -> Tensor:
        t, t_ref = _composite(split(weights), x, y, _spread_shifts(x.shape[1]))
        return t.mean(1) - _log_mean_exp(t_ref.flatten(1))

    return value


def _reference(x: Tensor, kind: str) -> Callable[[int, torch.Generator], Tensor]:
    """A sampler (m, source) -> (S, m, d) of the reference fitted to each sample x of shape (S, n, d)."""
    S, n, d = x.shape
    if kind == "uniform":
        low, high = x.amin(1, keepdim=True), x.amax(1, keepdim=True)
        return lambda m, source: low + (high - low) * torch.rand(S, m, d, generator=source, device=x.device)
    if kind == "gaussian":
        mean = x.mean(1, keepdim=True)
        covariance = (x - mean).mT @ (x - mean) / n + 1e-6 * torch.eye(d, device=x.device)
        root = torch.linalg.cholesky(covariance).mT.contiguous()
        return lambda m, source: mean + torch.randn(S, m, d, generator=source, device=x.device) @ root
    raise ValueError(f"The reference must be 'gaussian' or 'uniform', but is {kind!r}.")


def minee(
    X: np.ndarray,
    Y: np.ndarray,
    *,
    reference: str = "gaussian",
    n_ref: int = 10,
    seeds: int = 8,
    n_iters: int = 200,
    mine_iters: int = 0,
    shifts: int = 4,
    hidden: int = 32,
    init: str | float = "he",
    lr: float = 1e-2,
    batch: int | None = 250,
    beta: float | None = None,
    held_out: float = 0.0,
    record_every: int = 10,
    average: float = 0.9,
    schedule: str | None = "cosine",
    first_seed: int = 0,
) -> Fit:
    """Estimate I(X; Y) in nats as D(P_XY || P_X' x P_Y') - D(P_X || P_X') - D(P_Y || P_Y'), a critic each.

    reference: "gaussian", with each variable's own sample mean and covariance, or "uniform" on the box around
    its sample (which has no mass outside: for unbounded variables the identity's hypothesis fails).
    n_ref: reference points for each data point; every iteration draws fresh ones, and the estimate uses a pool
    of n_ref x n of its own. The other arguments, shapes, errors and the result are those of `mine`.

    mine_iters: iterations of `mine` that follow, from the critic t_xy - t_x - t_y that MI-NEE has found, with
    ``shifts`` reference pairs for each pair; the estimates from there on are those of `mine`.

    Each term is the sample Donsker-Varadhan objective with its log. Their difference is no bound either way.
    Source: Chan et al., arXiv:1905.12957.
    """
    if n_ref < 1:
        raise ValueError(f"n_ref, the reference points for a data point, must be at least 1, but is {n_ref}.")
    x, y = _as_stack(X, Y, seeds)
    source = torch.Generator(x.device).manual_seed(first_seed)
    (x, y), kept = _split(x, y, held_out, source)
    n = x.shape[1]
    batch = n if batch is None else min(batch, n)
    _check_settings(batch, n, hidden, shifts, beta, schedule)
    draw_x, draw_y = _reference(x, reference), _reference(y, reference)
    starts = range(first_seed, first_seed + seeds)
    widths = ((x.shape[2], y.shape[2]), (x.shape[2],), (y.shape[2],))
    nets = [_start(blocks, hidden, init, starts) for blocks in widths]
    cuts = np.cumsum([0, *(len(net) for net in nets)])
    objectives, batches = [_Objective(beta) for _ in nets], _Batches(x, y, batch, source)
    pool = draw_x(n_ref * n, source), draw_y(n_ref * n, source)

    def loss() -> Tensor:
        (a, b), a_ref, b_ref = batches(), draw_x(n_ref * batch, source), draw_y(n_ref * batch, source)
        sides = (((a, b), (a_ref, b_ref)), ((a,), (a_ref,)), ((b,), (b_ref,)))
        return sum(
            dv(_critic(net, *data), _critic(net, *ref))
            for dv, net, (data, ref) in zip(objectives, nets, sides, strict=True)
        )

    def split(weights: Weights) -> list[Weights]:
        return [weights[i:j] for i, j in pairwise(cuts)]

    def value(weights: Weights, a: Tensor, b: Tensor) -> Tensor:
        joint, of_x, of_y = split(weights)
        three = ((joint, (a, b), pool), (of_x, (a,), pool[:1]), (of_y, (b,), pool[1:]))
        total, first, second = (
            _critic(net, *data).mean(1) - _log_mean_exp(_critic(net, *ref)) for net, data, ref in three
        )
        return total - first - second

    descent = {"lr": lr, "average": average, "schedule": schedule, "record_every": record_every}
    start = [w for net in nets for w in net]
    weights, iterations, history = _descend(start, loss, lambda w: value(w, x, y), n_iters=n_iters, **descent)
    if mine_iters:
        value = _composite_value(split)
        start = [w.clone().requires_grad_() for w in weights]
        objective = _Objective(beta)

        def mine_loss() -> Tensor:
            t, t_ref = _composite(split(start), *batches(), _draw_shifts(batch, shifts, source))
            return objective(t, t_ref.flatten(1))

        weights, more, later = _descend(start, mine_loss, lambda w: value(w, x, y), n_iters=mine_iters, **descent)
        iterations, history = np.append(iterations, n_iters + more), np.concatenate([history, later])
    with torch.no_grad():
        outside = value(weights, *kept).cpu().numpy().astype(float) if kept else np.full(seeds, np.nan)
    return Fit(history[-1], outside, iterations, history)
