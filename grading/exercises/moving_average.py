"""`update_average` and `smoothed_loss`: the next m, its graph, the gradient of the surrogate loss, m held fixed.

The value of the loss is not judged, for its constant is arbitrary.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from grading.exercises._losses import DATA_MISTAKES, REFERENCE_MISTAKES, Values, of_data, of_reference
from grading.record import Check
from grading.verdict.probe import decoys, plain, probe_source, tensor_facts
from grading.verdict.reading import Sheet, entry, error, near, number, numbers, stopped, text

GRADE_ID = "moving-average"
TEST_ID = "test-moving-average"
POINTS = {
    "next average": 1.0,
    "average without a graph": 0.5,
    "gradient of the loss": 1.0,
    "m held fixed in the loss": 0.5,
}


def inputs(seed):
    """Averages, reference values and weights of the past; batches of critic values."""
    import numpy

    rng = numpy.random.default_rng([seed, 5])
    averages = []
    for low, high in ((0.6, 0.88), (0.1, 0.4), (0.6, 0.88), (0.0, 0.0)):
        averages.append({"m": float(rng.uniform(2, 5)), "beta": float(rng.uniform(low, high)), "w": rng.normal(size=5)})
    far = {"wide": (7, 65.0), "broad": (5, 12.0)}  # t on both sides of 0, as far as that
    batches = {
        name: {"t": rng.normal(size=(b, 1)), "t_ref": rng.normal(size=(b, 1)), "m": float(rng.uniform(2, 5))}
        for name, b in (("seven", 7), ("many", 64), ("one", 1), ("single", 6), ("wide", 7), ("broad", 5), ("low", 5))
    }
    for name, (b, reach) in far.items():
        for part in ("t", "t_ref"):
            batches[name][part] = numpy.linspace(-reach, reach, b)[:, None] + rng.uniform(-1, 1, (b, 1))
    batches["low"].update(t_ref=rng.normal(size=(5, 1)) - 6, m=float(rng.uniform(0.05, 0.08)))
    # Averages from far above 1 to far below it, so that a bound on m shows.
    for m, w, beta in ((0.002, -8.0, 0.6), (4000.0, 4.5, 0.7), (3.0, 4.5, 0.5), (50.0, -8.0, 0.4)):
        averages.append({"m": m * float(rng.uniform(1, 2)), "beta": beta, "w": w + rng.uniform(-0.4, 0.4, 5)})
    return {"averages": averages, "batches": batches}


def probe(student, attempt, averages, batches):
    """Average with and without a graph behind m, and differentiate the loss with respect to all that enters it."""
    import torch

    def average(case, dtype, graph):
        m = torch.tensor(case["m"], dtype=dtype, requires_grad=graph)
        w = torch.tensor(case["w"], dtype=dtype, requires_grad=True)
        old, L_ref = m * 1, w.exp().mean()
        found = student["update_average"](old, L_ref, case["beta"])
        facts = {**tensor_facts(found), "graph": found.requires_grad, "m": plain(old), "L_ref": plain(L_ref)}
        # One number if the next m has no axis, else one for each weight: what broadcasts shows the shape.
        facts["weighed"] = plain((found.unsqueeze(-1) * w).sum(0).reshape(-1))
        # Without a graph, the next m is a mere factor here: a slope that goes through it changes the numbers.
        leaves = [w, m] if graph else [w]
        product = found.reshape(-1)[0] * L_ref * old
        slopes = torch.autograd.grad(product, leaves, allow_unused=True) if product.requires_grad else [None]
        return {**facts, "slopes": [None if slope is None else plain(slope.reshape(-1)) for slope in slopes]}

    def loss(case, dtype):
        leaves = [torch.tensor(case[name], dtype=dtype, requires_grad=True) for name in ("t", "t_ref", "m")]
        found = student["smoothed_loss"](leaves[0], leaves[1], leaves[2] * 1)
        found.backward()
        slopes = [None if leaf.grad is None else plain(leaf.grad.reshape(-1)) for leaf in leaves]
        return {"shape": list(found.shape), "dtype": str(found.dtype), "slopes": slopes}

    with decoys(student, {"m": torch.tensor(7.0), "beta": 0.5, "L_ref": torch.tensor(3.0)}):
        for index, case in enumerate(averages):
            attempt(f"average {index}", lambda case=case: average(case, torch.float64, False))
            attempt(f"graph {index}", lambda case=case: average(case, torch.float64, True))
        attempt("average single", lambda: average(averages[0], torch.float32, False))
        for name, case in batches.items():
            dtype = torch.float32 if name == "single" else torch.float64
            attempt("loss " + name, lambda case=case, dtype=dtype: loss(case, dtype))


PROBE = probe_source(inputs, probe)

ROUNDED = 1e-6  # a weight such as torch.tensor(1 - beta) is rounded to float32, which is no mistake
GUARD = 1e-6  # a constant against a division by zero, below this, is no mistake
FLOAT32 = 1e-5  # what float32 leaves of e^t, relative to it, at the t of the probe

AVERAGE_MISTAKES: dict[str, Callable[[float, float, np.ndarray], float]] = {
    "beta weighs the present, but it is the weight of the past: beta * m + (1 - beta) * L'.": (
        lambda b, m, w: (1 - b) * m + b * np.exp(w).mean()
    ),
    "The average is L' itself: the past is missing.": lambda b, m, w: np.exp(w).mean(),
    "The average is m itself: L' is missing.": lambda b, m, w: m,
    "beta is a fixed 0.9: use the argument.": lambda b, m, w: 0.9 * m + 0.1 * np.exp(w).mean(),
    "beta is a fixed 0.99: use the argument.": lambda b, m, w: 0.99 * m + 0.01 * np.exp(w).mean(),
    "1 - beta is missing before L'.": lambda b, m, w: b * m + np.exp(w).mean(),
    "beta is missing before m.": lambda b, m, w: m + (1 - b) * np.exp(w).mean(),
    "Both weights are beta: they must sum to 1.": lambda b, m, w: b * (m + np.exp(w).mean()),
    "The average is of m and L' in equal parts: use the weights beta and 1 - beta.": (
        lambda b, m, w: (m + np.exp(w).mean()) / 2
    ),
    "The exponential of L' is averaged: L' holds it already.": lambda b, m, w: (
        b * m + (1 - b) * np.exp(np.exp(w).mean())
    ),
    "The log of L' is averaged: average L' itself.": lambda b, m, w: b * m + (1 - b) * np.log(np.exp(w).mean()),
    "The average is geometric: average m, not log m.": lambda b, m, w: m**b * np.exp(w).mean() ** (1 - b),
}


def judge(record: object, seed: int) -> list[Check]:
    """The marks for a record of `PROBE`."""
    sheet = Sheet(POINTS)
    asked = inputs(seed)
    average = _average_fault(record, asked["averages"])
    sheet.mark("next average", average)
    sheet.mark("average without a graph", _graph_fault(record, asked["averages"]))
    gradient, earned = _gradient_fault(record, asked["batches"])
    sheet.mark("gradient of the loss", gradient)
    sheet.mark("m held fixed in the loss", _fixed_fault(record, asked["batches"], earned))
    return sheet.checks()


def _average_fault(record, averages) -> str:
    parts = [entry(record, f"average {index}") for index in range(len(averages))]
    if error(parts[0]):
        return stopped(error(parts[0]), "update_average")
    found = [numbers(entry(part, "values"), 1) for part in parts]
    if any(value is None for value in found):
        return "update_average did not return a tensor with one number."
    pairs = [(float(value[0]), case) for value, case in zip(found, averages, strict=True)]
    if all(_close(value, _next(case), ROUNDED) for value, case in pairs):
        return _average_form_fault(record, parts, averages)
    for sentence, wrong in AVERAGE_MISTAKES.items():
        if all(_close(value, wrong(case["beta"], case["m"], case["w"]), ROUNDED) for value, case in pairs):
            return sentence
    return _fitted_average(pairs) or "The next m should be beta * m + (1 - beta) * L'."


def _close(found: float | np.ndarray, expected: float | np.ndarray, tolerance: float) -> bool:
    """Whether numbers agree, each on its own scale: beside e^60 an e^-3 is a number too."""
    found, expected = np.asarray(found), np.asarray(expected)
    return found.shape == expected.shape and bool((np.abs(found - expected) <= tolerance * np.abs(expected)).all())


def _fitted_average(pairs: list[tuple[float, dict]]) -> str:
    """The reason where a constant, a bound or other weights explain the averages; "" where they do not."""
    wrong = [(value, _next(case)) for value, case in pairs if not _close(value, _next(case), ROUNDED)]
    c = wrong[0][0] - wrong[0][1]
    if all(_close(value, _next(case) + c, ROUNDED) for value, case in pairs):
        return f"The constant {c:.3g} is added to the next m."
    low = min((value for value, right in wrong if value > right), default=-np.inf)
    high = max((value for value, right in wrong if value < right), default=np.inf)
    if all(_close(value, min(max(_next(case), low), high), ROUNDED) for value, case in pairs):
        words = [f"{side} {c:.3g}" for side, c in (("above", low), ("below", high)) if np.isfinite(c)]
        return f"The next m is kept {' and '.join(words)}: it is an average, without bounds."
    for weigh, of in (
        (lambda b: (1.0, 1.0), ", whatever beta is"),
        (lambda b: (b, 1 - b), " the weight that it should have"),
    ):
        terms = np.array(
            [
                [p * case["m"], q * float(np.exp(case["w"]).mean())]
                for _, case in pairs
                for p, q in [weigh(case["beta"])]
            ]
        )
        values = np.array([value for value, _ in pairs])
        a, b = np.linalg.lstsq(terms / values[:, None], np.ones(len(values)), rcond=None)[0]
        if _close(values, terms @ (a, b), ROUNDED):
            return f"In the next m the past has {a:.3g} times and L' {b:.3g} times{of}: they are beta and 1 - beta."
    return ""


def _next(case: dict) -> float:
    return case["beta"] * case["m"] + (1 - case["beta"]) * float(np.exp(case["w"]).mean())


def _average_form_fault(record, parts, averages) -> str:
    for part, case in zip(parts, averages, strict=True):
        weighed = numbers(entry(part, "weighed"), 1)
        if weighed is None or not near(float(weighed[0]), _next(case) * float(case["w"].sum()), ROUNDED):
            return "The next m is not a scalar tensor, of shape ()."
        if not near(number(entry(part, "m")), case["m"]):
            return "update_average changed the old m in place: return a new tensor."
        if not near(number(entry(part, "L_ref")), float(np.exp(case["w"]).mean())):
            return "update_average changed L' in place: return a new tensor."
    single = entry(record, "average single")
    value = numbers(entry(single, "values"), 1)
    if value is None or not near(float(value[0]), _next(averages[0]), 1e-5):
        return stopped(error(single), "With float32, update_average") if error(single) else "With float32 m is wrong."
    if text(entry(single, "dtype")) != "torch.float32":
        return "The next m has another float type than L'."
    return ""


def _graph_fault(record, averages) -> str:
    for name in ("average", "graph"):
        for index, case in enumerate(averages):
            part = entry(record, f"{name} {index}")
            value = numbers(entry(part, "values"), 1)
            if value is None:
                return stopped(error(part), "update_average") if error(part) else "There is no average."
            if near(float(value[0]), case["m"]) or near(number(entry(part, "L_ref")), 0.0):
                return "The average does not take L' in, so it cannot show that it is free of a graph."
            if not near(number(entry(part, "L_ref")), float(np.exp(case["w"]).mean())):
                return "update_average changed L' in place: return a new tensor."
            slopes = entry(part, "slopes")
            slopes = slopes if isinstance(slopes, list) and slopes else [None]
            of_w, of_m = numbers(slopes[0], 5), numbers(slopes[-1], 1)
            if of_w is None:
                return "L' itself lost its graph, and the loss needs it: use L_ref.detach(), not detach_()."
            right = float(value[0]) * case["m"] * np.exp(case["w"]) / 5
            free = _close(of_w, right, FLOAT32)
            if name == "graph":
                product = float(value[0]) * float(np.exp(case["w"]).mean())
                free = free and of_m is not None and _close(float(of_m[0]), product, FLOAT32)
            if not free or entry(part, "graph") is not False:  # a new leaf shows in no slope
                of = "L'" if name == "average" else "the old m"
                return f"The next m carries the graph of {of}, and memory grows with every batch: detach {of}."
    return ""


def _cases(batches: dict) -> dict[str, tuple[np.ndarray, np.ndarray, float]]:
    return {name: (case["t"][:, 0], case["t_ref"][:, 0], case["m"]) for name, case in batches.items()}


def _gradient_fault(record, batches) -> tuple[str, bool]:
    """What is wrong with the gradients, and whether the reference term is right or a mistake that is known."""
    cases = _cases(batches)
    usual = [name for name in cases if name != "single"]
    parts = {name: entry(record, f"loss {name}") for name in cases}
    failure = next(filter(None, (error(parts[name]) for name in usual)), "")
    if failure:
        return stopped(failure, "backward from the loss"), False
    found = {
        name: [_slopes(entry(part, "slopes", k), len(cases[name][k])) for k in (0, 1)] for name, part in parts.items()
    }
    if any(slope is None for name in usual for slope in found[name]):
        return "smoothed_loss did not give a gradient.", False
    batches = {name: Values(t, r, m, len(t)) for name, (t, r, m) in cases.items()}
    faults, explained = [], True
    for k, right, mistakes in ((0, of_data, DATA_MISTAKES), (1, of_reference, REFERENCE_MISTAKES)):
        fits = (
            sentence
            for sentence, of in {"": right, **mistakes}.items()
            if all(_close(found[name][k] * batches[name].size, of(batches[name]), FLOAT32) for name in usual)
        )
        fault = next(fits, None)
        if fault is None:
            fault = _fitted_slopes(k, {name: found[name][k] * batches[name].size for name in usual}, batches)
        explained = fault is not None
        faults.append(
            "The gradient should be -1/b at each data pair and e^t' / (b m) at each reference."
            if fault is None
            else fault
        )
    fault, earned = faults[0] or faults[1], explained  # of the reference term, the last
    if fault:
        return fault, earned
    if any(entry(parts[name], "shape") != [] for name in cases):
        return "The loss is not a scalar tensor, of shape (): average over the batch.", earned
    single = found["single"]
    t, r, m = cases["single"]
    if error(parts["single"]) or text(entry(parts["single"], "dtype")) != "torch.float32":
        return "The loss of float32 values has another float type.", earned
    if single[0] is None or single[1] is None:
        return "With float32 smoothed_loss did not give a gradient.", earned
    if not near(single[0] * len(t), -np.ones_like(t), 1e-4) or not near(single[1] * len(r), np.exp(r) / m, 1e-4):
        return "With float32 the gradient differs from that with float64.", earned
    return "", earned


def _fitted_slopes(k: int, found: dict, batches: dict) -> str | None:
    """The reason where a factor, a constant in the divisor or a cut explains the gradients of term k; else None."""
    right = {name: (of_data, of_reference)[k](batches[name]) for name in found}
    ratios = {name: found[name] / right[name] for name in found}
    every = np.concatenate(list(ratios.values()))
    term = ("L", "L'/m")[k]
    if every[0] and np.allclose(every, every[0], rtol=FLOAT32, atol=0):
        return f"{term} has a factor {every[0]:.3g}: the loss is L + L'/m."
    if k and ratios["low"].all():
        m = batches["low"].m
        c = float(m / ratios["low"][0] - m)
        if all(_close(found[name] * (batches[name].m + c), right[name] * batches[name].m, FLOAT32) for name in found):
            return "" if abs(c) < GUARD else f"The constant {c:.3g} is added to m where it divides L'."
    t = np.concatenate([(batches[name].t_data, batches[name].t_ref)[k] for name in found])
    if (every == 0).any() and np.allclose(every[every != 0], 1, rtol=FLOAT32, atol=0):
        return f"No gradient comes from a t of {min(t[every == 0], key=abs):.3g}: t is cut, and it may be any number."
    return None


def _slopes(value: object, n: int) -> np.ndarray | None:
    return np.zeros(n) if value is None else numbers(value, n)


def _fixed_fault(record, batches, earned) -> str:
    for name, (_, r, m) in _cases(batches).items():
        part = entry(record, f"loss {name}")
        if error(part):
            return stopped(error(part), "backward from the loss")
        of_m, of_reference = entry(part, "slopes", 2), numbers(entry(part, "slopes", 1), len(r))
        if not earned or of_reference is None or not of_reference.any():
            return "This counts only where the loss has a gradient of its reference term."
        if of_m is not None and numbers(of_m, 1) is None:
            return "The gradient with respect to m is not a number."
        if of_m is not None and numbers(of_m, 1).any():
            return "A gradient flows through m: the loss must treat m as a constant, m.detach()."
        if near(of_reference * len(r), np.exp(r)) and not near(m, 1.0):
            return "m does not enter the loss, so it cannot show that it is held fixed."
    return ""
