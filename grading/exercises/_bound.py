"""The sample Donsker-Varadhan bound and the likely mistakes in it; three exercises ask for it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch

from grading.verdict.reading import SINGLE, near

Bound = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Case = tuple[torch.Tensor, torch.Tensor, float]
EXACT = 1e-9
# Where critic values may be clipped: in words, at the data, at the reference.
PLACES = (("at the reference", False, True), ("at the data", True, False), ("in both terms", True, True))


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

    The sentence is "" where they are right, be it to float32 alone (see `exact`). Known mistakes come first, then two
    of them together, then what a small family explains: another count, a factor, a constant, a clip. The bound is None
    where nothing gives these values. ``sign`` is -1 where minus the bound is asked for.
    """
    cases = [(torch.tensor(t), torch.tensor(r), sign * value) for t, r, value in seen]
    known = {"": bound, **MISTAKES}
    for tolerance in (EXACT, SINGLE):
        for sentence, of in known.items():
            if _gives(of, cases, tolerance):
                return sentence, of
    for sentence, of in (*_two_mistakes(cases), *_counts(cases), *_scales(cases), *_clips(cases)):
        if _gives(of, cases, SINGLE):
            return sentence, of
    return "The value is not mean t - log mean e^t'." if sign > 0 else "The value is not log mean e^t' - mean t.", None


def exact(of: Bound, seen: Iterable[tuple[np.ndarray, np.ndarray, float]], sign: int = 1) -> bool:
    """Whether values are those of a bound to float64, and not to float32 alone."""
    return _gives(of, [(torch.tensor(t), torch.tensor(r), sign * value) for t, r, value in seen], EXACT)


def _gives(of: Bound, cases: list[Case], tolerance: float) -> bool:
    """Whether the cases' values are those of a bound; rounding to float32 grows with the critic's values."""
    return bool(cases) and all(
        near(value, of(t, r).item(), tolerance * (1 + float(max(t.abs().max(), r.abs().max())) * (tolerance > EXACT)))
        for t, r, value in cases
    )


def _two_mistakes(cases: list[Case]) -> Iterator[tuple[str, Bound]]:
    """Two known mistakes at once, one in each term: what they change adds up."""
    if len(cases) < 3:
        return
    right = np.array([bound(t, r).item() for t, r, _ in cases])
    changes = {s: np.array([of(t, r).item() for t, r, _ in cases]) - right for s, of in MISTAKES.items()}
    change = np.array([value for *_, value in cases]) - right
    for (first, a), (second, b) in itertools.combinations(changes.items(), 2):
        if near(change - a, b):
            one, other = MISTAKES[first], MISTAKES[second]
            yield f"{first} {second}", lambda t, r, one=one, other=other: one(t, r) + other(t, r) - bound(t, r)


def _counts(cases: list[Case]) -> Iterator[tuple[str, Bound]]:
    """Averages that divide by another count, and a constant inside the log; each solved for in the first case."""
    for t, r, value in cases[:1]:
        more = math.exp(min(value - t.mean().item() + torch.logsumexp(r, 0).item(), 600)) - len(r)
        yield (
            f"The sum of e^t' is divided by n' {more:+.3g}: divide it by n', the number of reference values.",
            lambda t, r, k=more: t.mean() - torch.logsumexp(r, 0) + torch.log(torch.tensor(len(r) + k).double()),
        )
        mean = value + log_mean_exp(r).item()
        more = t.sum().item() / mean - len(t) if mean else 0.0
        yield (
            f"The sum of t is divided by n {more:+.3g}: divide it by n, the number of data values.",
            lambda t, r, k=more: t.sum() / (len(t) + k) - log_mean_exp(r),
        )
        more = math.exp(min(t.mean().item() - value, 600)) - r.exp().mean().item()
        yield (
            f"The constant {more:.3g} is added inside the log: it shifts the bound.",
            lambda t, r, c=more: t.mean() - (r.exp().mean() + c).log(),
        )


def _scales(cases: list[Case]) -> Iterator[tuple[str, Bound]]:
    """A constant beside the bound, a factor before it, or a factor before each of its terms."""
    if len(cases) < 2:
        return
    terms = np.array([[t.mean().item(), -log_mean_exp(r).item()] for t, r, _ in cases])
    values = np.array([value for *_, value in cases])
    c = float((values - terms.sum(1))[0])
    yield f"The value is not the bound but the bound {c:+.3g}: nothing is added.", lambda t, r: bound(t, r) + c
    a = float(values[0] / terms.sum(1)[0])
    yield f"The value is not the bound but {a:.3g} times the bound.", lambda t, r: a * bound(t, r)
    if len(cases) > 2:
        p, q = np.linalg.lstsq(terms, values, rcond=None)[0].tolist()
        yield (
            f"The value is not the bound: mean t is multiplied by {p:.3g} and log mean e^t' by {q:.3g}.",
            lambda t, r: p * t.mean() - q * log_mean_exp(r),
        )


def _clips(cases: list[Case]) -> Iterator[tuple[str, Bound]]:
    """Critic values that are cut at a level, from above, from below or on both sides; in either term or in both.

    The level is found by bisection in the case that departs most from the bound; another one has to confirm it.
    """
    if sum(not _gives(bound, [case], SINGLE) for case in cases) < 2:
        return
    t, r, value = max(cases, key=lambda case: abs(case[2] - bound(*case[:2]).item()))
    cuts: dict[str, Callable[[torch.Tensor, float], torch.Tensor]] = {
        "above": lambda a, c: a.clamp(max=c),
        "below": lambda a, c: a.clamp(min=-c),
        "on both sides": lambda a, c: a.clamp(-abs(c), abs(c)),
    }
    for (side, cut), (where, data, reference) in itertools.product(cuts.items(), PLACES):

        def cut_at(c: float, t=None, r=None, cut=cut, data=data, reference=reference) -> torch.Tensor:
            return bound(cut(t, c) if data else t, cut(r, c) if reference else r)

        low, high = (0.0 if side == "on both sides" else -60.0), 60.0
        rising = cut_at(high, t, r).item() > cut_at(low, t, r).item()
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if (cut_at(middle, t, r).item() < value) == rising else (low, middle)
        level = -high if side == "below" else high
        yield (
            f"Values of t {where} are clipped {side} at {level:.3g}: use them as they are.",
            lambda t, r, c=high, cut_at=cut_at: cut_at(c, t, r),
        )


def gradients(of: Bound, t: np.ndarray, t_ref: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gradients of a bound with respect to t and to t_ref."""
    leaves = [torch.tensor(a, requires_grad=True) for a in (t, t_ref)]
    found = torch.autograd.grad(of(*leaves), leaves, allow_unused=True)
    return tuple((torch.zeros_like(a) if g is None else g).numpy() for a, g in zip(leaves, found, strict=True))


def uses_both(of: Bound, t: np.ndarray, t_ref: np.ndarray) -> bool:
    """Whether a bound depends on the data and on the reference, so that its gradient is one of a comparison."""
    return all(slopes.any() for slopes in gradients(of, t, t_ref))
