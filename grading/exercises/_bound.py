"""The sample Donsker-Varadhan bound and the likely mistakes in it; three exercises ask for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
import torch

from grading.verdict.reading import near

Bound = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def bound(t: torch.Tensor, t_ref: torch.Tensor) -> torch.Tensor:
    """mean t - log mean exp t_ref, for vectors of any lengths, in nats."""
    return t.mean() - log_mean_exp(t_ref)


def log_mean_exp(t: torch.Tensor) -> torch.Tensor:
    return torch.logsumexp(t, 0) - math.log(len(t))


def reversed_sign(t: torch.Tensor, t_ref: torch.Tensor) -> torch.Tensor:
    return -bound(t, t_ref)


MISTAKES: dict[str, Bound] = {
    "The sign is reversed.": reversed_sign,
    "The log is missing: it stands before the mean of e^t.": lambda t, r: t.mean() - r.exp().mean(),
    "The log and a 1 are missing: this is another bound, mean t - mean e^(t') + 1.": (
        lambda t, r: t.mean() - r.exp().mean() + 1
    ),
    "The reference term is a log of a sum: subtract the log of the number of values.": (
        lambda t, r: t.mean() - torch.logsumexp(r, 0)
    ),
    "Both averages are sums.": lambda t, r: t.sum() - torch.logsumexp(r, 0),
    "The data term is a sum where it should be the mean.": lambda t, r: t.sum() - log_mean_exp(r),
    "The reference term is the mean of t': exp and log are missing.": lambda t, r: t.mean() - r.mean(),
    "The number of data values stands where the number of reference values should.": (
        lambda t, r: t.mean() - torch.logsumexp(r, 0) + math.log(len(t))
    ),
    "Data and reference are swapped.": lambda t, r: bound(r, t),
    "The two terms are added: the second is subtracted.": lambda t, r: t.mean() + log_mean_exp(r),
    "The data stand in both terms: the second is of the reference.": lambda t, r: bound(t, t),
    "The reference stands in both terms: the first is of the data.": lambda t, r: bound(r, r),
    "The data term is the log of the mean of e^t: it is the plain mean of t.": (
        lambda t, r: log_mean_exp(t) - log_mean_exp(r)
    ),
    "The data term is the mean of e^t: it is the plain mean of t.": lambda t, r: t.exp().mean() - log_mean_exp(r),
    "The reference term is missing.": lambda t, r: t.mean(),
    "The data term is missing.": lambda t, r: -log_mean_exp(r),
    "The largest reference value stands for the log of the mean of e^t.": lambda t, r: t.mean() - r.max(),
    "log n' is added where it should be subtracted.": (
        lambda t, r: t.mean() - torch.logsumexp(r, 0) - math.log(len(r))
    ),
    "The number of values n' is subtracted where its log should be.": (
        lambda t, r: t.mean() - torch.logsumexp(r, 0) + len(r)
    ),
    "The reference term is divided by n': subtract log n' from the log of the sum.": (
        lambda t, r: t.mean() - torch.logsumexp(r, 0) / len(r)
    ),
    "The logarithm has base 2: natural logarithms give nats.": lambda t, r: t.mean() - log_mean_exp(r) / math.log(2),
    "The logarithm has base 10: natural logarithms give nats.": lambda t, r: t.mean() - log_mean_exp(r) / math.log(10),
    "The values e^t have 1 added before the log.": lambda t, r: t.mean() - r.exp().mean().log1p(),
    "The sign of t' is reversed in the exponent.": lambda t, r: t.mean() - log_mean_exp(-r),
    "The median stands where the mean of the data should.": lambda t, r: t.median() - log_mean_exp(r),
    "A small constant is added inside the log: it shifts the bound.": (
        lambda t, r: t.mean() - (r.exp().mean() + 1e-6).log()
    ),
}


def explain(seen: Iterable[tuple[np.ndarray, np.ndarray, float]], sign: int = 1) -> tuple[str, Bound | None]:
    """What is wrong with values computed from (t, t_ref), and the bound that they are values of.

    The sentence is "" where they are right; the bound is None where no known mistake gives these values.
    ``sign`` is -1 where minus the bound is asked for.
    """
    seen = [(torch.tensor(t), torch.tensor(r), value) for t, r, value in seen]
    for sentence, mistake in {"": bound, **MISTAKES}.items():
        if seen and all(near(value, sign * mistake(t, r).item()) for t, r, value in seen):
            return sentence, mistake
    return "The value is not mean t - log mean e^t'." if sign > 0 else "The value is not log mean e^t' - mean t.", None


def gradients(of: Bound, t: np.ndarray, t_ref: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gradients of a bound with respect to t and to t_ref."""
    leaves = [torch.tensor(a, requires_grad=True) for a in (t, t_ref)]
    found = torch.autograd.grad(of(*leaves), leaves, allow_unused=True)
    return tuple((torch.zeros_like(a) if g is None else g).numpy() for a, g in zip(leaves, found, strict=True))


def uses_both(of: Bound, t: np.ndarray, t_ref: np.ndarray) -> bool:
    """Whether a bound depends on the data and on the reference, so that its gradient is one of a comparison."""
    return all(slopes.any() for slopes in gradients(of, t, t_ref))
