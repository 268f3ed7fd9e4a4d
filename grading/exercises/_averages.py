"""The moving average m of `MINETrainer`: the likely mistakes, and a small family of others that is solved for.

Each step is judged from the m that it started with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from grading.exercises._losses import exp_of_mean
from grading.exercises._training import Step, Training

Pairs = Sequence[tuple[Training, Step]]


def _mean_exp(t: np.ndarray) -> float:
    return float(np.exp(t).mean()) if t.size else np.nan


def _mix(weight: float, past: float, present: float) -> float:
    return weight * past + (1 - weight) * present


# The known mistakes that have no L' in them, and why then a graph cannot be told.
NEVER = "self.m never changes: store the new average in self.m."
FORGETS = "m is multiplied by beta and forgets L'."
FORGETFUL = {
    NEVER: "self.m never changes, so it cannot show that it is free of a graph.",
    FORGETS: "m takes no L' in, so it cannot show that it is free of a graph.",
}


AVERAGE_MISTAKES: dict[str, Callable[[float, float, Step], float]] = {
    NEVER: lambda beta, start, s: s.m_before,
    "m remembers with weight 1 - beta where it should be beta: beta is the weight of the past.": (
        lambda beta, start, s: _mix(1 - beta, s.m_before, s.L_ref)
    ),
    "m is L' itself: the average over the past is missing.": lambda beta, start, s: s.L_ref,
    "beta is a fixed 0.9 where it should be self.beta.": lambda beta, start, s: _mix(0.9, s.m_before, s.L_ref),
    "beta is a fixed 0.99 where it should be self.beta.": lambda beta, start, s: _mix(0.99, s.m_before, s.L_ref),
    "beta is a fixed 0.1 where it should be self.beta.": lambda beta, start, s: _mix(0.1, s.m_before, s.L_ref),
    "beta is a fixed 0.5 where it should be self.beta.": lambda beta, start, s: _mix(0.5, s.m_before, s.L_ref),
    "The past is lost: m is averaged with its start, not with the m of the step before.": (
        lambda beta, start, s: _mix(beta, start, s.L_ref)
    ),
    "The past is taken to be 1: m is averaged with the m of the step before.": (
        lambda beta, start, s: _mix(beta, 1.0, s.L_ref)
    ),
    "1 - beta is missing before L'.": lambda beta, start, s: beta * s.m_before + s.L_ref,
    "beta is missing before the past m.": lambda beta, start, s: s.m_before + (1 - beta) * s.L_ref,
    "m is the sum of the past and L': both need their weights.": lambda beta, start, s: s.m_before + s.L_ref,
    FORGETS: lambda beta, start, s: beta * s.m_before,
    "m is (1 - beta) L' alone: the past is missing.": lambda beta, start, s: (1 - beta) * s.L_ref,
    "m is updated twice in a step.": lambda beta, start, s: _mix(beta, _mix(beta, s.m_before, s.L_ref), s.L_ref),
    "Both weights are beta: they must sum to 1.": lambda beta, start, s: beta * (s.m_before + s.L_ref),
    "m is averaged with a sum over the batch: L' is a mean.": (
        lambda beta, start, s: _mix(beta, s.m_before, s.L_ref * s.size)
    ),
    "exp is missing in m: L' is the mean of e^t', and here it is the mean of t'.": (
        lambda beta, start, s: _mix(beta, s.m_before, float(s.t_ref.mean()) if s.reference else np.nan)
    ),
    "L' is exp of the mean of t': take exp first, then the mean.": lambda beta, start, s: _mix(
        beta, s.m_before, exp_of_mean(s)
    ),
    "m averages e^t of the data: it belongs to the reference x_ref, y_ref.": (
        lambda beta, start, s: _mix(beta, s.m_before, _mean_exp(s.t_data))
    ),
    "m averages the log of L': average L' itself.": lambda beta, start, s: _mix(beta, s.m_before, np.log(s.L_ref)),
    "m averages L = -mean t of the data: it is the average of L'.": (
        lambda beta, start, s: _mix(beta, s.m_before, -float(s.t_data.mean()) if s.data else np.nan)
    ),
    "m averages exp(-t'): L' is the mean of e^t'.": lambda beta, start, s: _mix(beta, s.m_before, _mean_exp(-s.t_ref)),
    "The average is geometric, one of log m: average m itself.": (
        lambda beta, start, s: np.exp(_mix(beta, np.log(abs(s.m_before)), np.log(s.L_ref)))
    ),
    "m is the larger of the past and L'.": lambda beta, start, s: max(s.m_before, s.L_ref),
    "L' enters m with the wrong sign.": lambda beta, start, s: beta * s.m_before - (1 - beta) * s.L_ref,
}


def right_m(run: Training, s: Step) -> float:
    return _mix(run.case["beta"], s.m_before, s.L_ref)


def gives(pairs: Pairs, value: Callable[[Training, Step], float]) -> bool:
    """Whether every recorded m is what a mistake gives."""
    return bool(pairs) and all(run.near(s.m, value(run, s)) for run, s in pairs)


def explain(pairs: Pairs) -> str | None:
    """What is wrong with m; "" for nothing, None where neither a known mistake nor the family gives it."""
    if all(bool(s.reference) and run.near(s.m, right_m(run, s)) for run, s in pairs):
        return ""
    for sentence, mistake in AVERAGE_MISTAKES.items():
        if gives(pairs, lambda run, s, of=mistake: of(run.case["beta"], run.case["m"], s)):
            return sentence
    for sentence, value in _family(pairs):
        if gives(pairs, value):
            return sentence
    return None


def _family(pairs: Pairs) -> Iterator[tuple[str, Callable[[Training, Step], float]]]:
    """Other starts, clips of m and of t', a constant, and other weights; their numbers come from the steps."""
    wrong = [(run, s) for run, s in pairs if not run.near(s.m, right_m(run, s))]
    if not all(np.isfinite(s.m) and s.reference for _, s in pairs):
        return
    yield from _starts(wrong)
    yield from _clips_of_t(pairs, wrong)
    yield from _clips_of_m(pairs, wrong)
    run, s = min(pairs, key=lambda pair: abs(right_m(*pair)))
    c = s.m - right_m(run, s)
    yield f"The constant {c:.3g} is added to m.", lambda run, s: right_m(run, s) + c
    ordinary = [(run, s) for run, s in pairs if max(s.L_ref, s.m_before, s.m) < 1e3]
    past = np.array([[s.m_before, s.L_ref] for _, s in ordinary])
    (a, b), *_ = np.linalg.lstsq(past, np.array([s.m for _, s in ordinary]), rcond=None)
    what = f"m is {a:.3g} times the past plus {b:.3g} times L', whatever beta is: use self.beta and 1 - self.beta."
    yield what, lambda run, s: a * s.m_before + b * s.L_ref
    weighted = np.array([[r.case["beta"] * s.m_before, (1 - r.case["beta"]) * s.L_ref] for r, s in ordinary])
    (a, b), *_ = np.linalg.lstsq(weighted, np.array([s.m for _, s in ordinary]), rcond=None)
    what = f"In m the past has a factor {a:.3g} and L' a factor {b:.3g}: their weights are beta and 1 - beta alone."
    yield what, lambda run, s: _mix(run.case["beta"], a * s.m_before, b * s.L_ref)


def _starts(wrong: Pairs) -> Iterator[tuple[str, Callable[[Training, Step], float]]]:
    """Averages that are right but for the first step, or for the first of each epoch."""
    starts = {
        "takes L' alone": lambda run, s: s.L_ref,
        "leaves m as it was": lambda run, s: s.m_before,
        "starts from the m that the trainer was given": lambda run, s: _mix(run.case["beta"], run.case["m"], s.L_ref),
        "starts from 1": lambda run, s: _mix(run.case["beta"], 1.0, s.L_ref),
        "starts from 0": lambda run, s: _mix(run.case["beta"], 0.0, s.L_ref),
    }
    places = {
        "the first step": lambda run, s: s.index == 0,
        "the first step of each epoch": lambda run, s: s.index % run.case["k"] == 0,
    }
    for place, holds in places.items():
        if wrong and all(holds(*pair) for pair in wrong):
            for start, value in starts.items():
                yield (
                    f"{place.capitalize()} {start}: every step averages, and m goes on from the step before.",
                    lambda run, s, holds=holds, value=value: value(run, s) if holds(run, s) else right_m(run, s),
                )


def _clips_of_m(pairs: Pairs, wrong: Pairs) -> Iterator[tuple[str, Callable[[Training, Step], float]]]:
    """Averages that are never below, or never above, a level."""
    low = [s.m for run, s in wrong if s.m > right_m(run, s)]
    high = [s.m for run, s in wrong if s.m < right_m(run, s)]
    bottom, top = (min(low) if low else -np.inf), (max(high) if high else np.inf)
    words = [f"is kept {side} {level:.3g}" for side, level in (("above", bottom), ("below", top)) if np.isfinite(level)]
    if words:
        yield (
            f"m {' and '.join(words)}: it is an average, without bounds.",
            lambda run, s: float(np.clip(right_m(run, s), bottom, top)),
        )


def _clips_of_t(pairs: Pairs, wrong: Pairs) -> Iterator[tuple[str, Callable[[Training, Step], float]]]:
    """Averages of an L' whose t' is cut at a level, on either side or on both."""
    cuts: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
        "above": lambda t, c: np.minimum(t, c),
        "below": lambda t, c: np.maximum(t, c),
        "on both sides at minus and plus": lambda t, c: np.clip(t, -abs(c), abs(c)),
    }
    for side, cut in cuts.items():

        def value(run: Training, s: Step, c: float, cut=cut) -> float:
            return _mix(run.case["beta"], s.m_before, float(np.exp(cut(s.t_ref, c)).mean()))

        if not wrong:
            return
        run, s = max(
            wrong, key=lambda pair: abs(np.log(abs(pair[1].m) + 1e-300) - np.log(abs(right_m(*pair)) + 1e-300))
        )
        low, high = (0.0 if side.startswith("on both") else -100.0), 100.0
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (middle, high) if value(run, s, middle) < s.m else (low, middle)
        yield (
            f"In m t' is cut {side} {high:.3g} before e^t': it may be any number.",
            lambda run, s, c=high, value=value: value(run, s, c),
        )
