"""`dv`, the sample Donsker-Varadhan bound: value, gradient, large and small critics, shapes and float type."""

from __future__ import annotations

import numpy as np
import torch

from grading.exercises._bound import bound, exact, explain, gradients, uses_both
from grading.record import Check
from grading.verdict.probe import decoys, plain, probe_source, tensor_facts
from grading.verdict.reading import SINGLE, Sheet, entry, error, integers, near, number, numbers, stopped, text

GRADE_ID = "avg-DV"
TEST_ID = "test-avg-DV"
POINTS = {
    "value of the bound": 1.5,
    "gradient": 1.5,
    "no overflow": 0.5,
    "any shape and float type": 0.25,
    "full precision": 0.25,
}


def inputs(seed):
    """Critic values of several shapes and sizes, at the data and at the reference; some large, some huge.

    Ordinary values lie in (-2, 2), so that what clips there is seen for every seed; those of "up" and "down" reach
    36 and -36, and those of "deep" are all below -30, where a clip that spares the ordinary ones shows; "too" confirms
    what the first of its kind suggests.
    """
    import numpy

    rng = numpy.random.default_rng([seed, 3])
    shapes = {
        "columns": ((7, 1), (9, 1)),
        "vectors": ((64,), (300,)),
        "one": ((1, 1), (6, 1)),
        "one reference": ((5, 1), (1, 1)),
        "tables": ((3, 2), (2, 5)),
        "single": ((8, 1), (11, 1)),
        "up": ((6, 1), (8, 1)),
        "down": ((8, 1), (6, 1)),
        "deep": ((6, 1), (7, 1)),
        "up too": ((5, 1), (9, 1)),
        "deep too": ((9, 1), (5, 1)),
        "high": ((6, 1), (8, 1)),
        "low": ((6, 1), (8, 1)),
    }

    def spread(shape, low, high):
        size = int(numpy.prod(shape))
        even = (rng.permutation(size) + rng.uniform(0.25, 0.75, size)) / size
        return (low + (high - low) * even).reshape(shape)

    ranges = {
        "up": (3, 36),
        "up too": (5, 30),
        "down": (-36, -3),
        "deep": (-34, -30),
        "deep too": (-44, -40),
        "high": (998, 1002),
        "low": (-1002, -998),
    }
    cases = {name: tuple(spread(shape, *ranges.get(name, (-2, 2))) for shape in pair) for name, pair in shapes.items()}
    return {"cases": cases}


def probe(student, attempt, cases):
    """Call the student's bound on each case, once more on the same tensors, and differentiate it."""
    import torch

    def pair(name, dtype=torch.float64):
        return [torch.tensor(values, dtype=dtype) for values in cases[name]]

    def value(name, dtype):
        given = pair(name, dtype)
        return {**tensor_facts(student["dv"](*given)), "again": plain(student["dv"](*given))}

    def slopes(name, dtype):
        leaves = [t.requires_grad_() for t in pair(name, dtype)]
        student["dv"](*leaves).backward()
        return [None if t.grad is None else plain(t.grad.reshape(-1)) for t in leaves]

    with decoys(student, {"t": torch.ones(3, 1), "t_ref": torch.ones(3, 1), "n": 3}):
        for name in cases:
            dtype = torch.float32 if name == "single" else torch.float64
            attempt("value " + name, lambda name=name, dtype=dtype: value(name, dtype))
            attempt("slopes " + name, lambda name=name, dtype=dtype: slopes(name, dtype))
        attempt("meta", lambda: tensor_facts(student["dv"](*(t.to("meta") for t in pair("columns")))))


PROBE = probe_source(inputs, probe)

ORDINARY = ("columns", "vectors", "one", "one reference", "tables")
USUAL = (*ORDINARY, "up", "down", "deep", "up too", "deep too")


def judge(record: object, seed: int) -> list[Check]:
    """The marks for a record of `PROBE`."""
    sheet = Sheet(POINTS)
    cases = {name: tuple(a.reshape(-1) for a in pair) for name, pair in inputs(seed)["cases"].items()}
    values = {name: _scalar(entry(record, f"value {name}")) for name in cases}
    seen = {name: (*cases[name], values[name]) for name in USUAL if values[name] is not None}
    mistake, of = explain(seen.values())
    if of is None:  # what is right for ordinary values alone is judged there
        ordinary = {name: case for name, case in seen.items() if name in ORDINARY}
        fault, of = explain(ordinary.values())
        if of is not None:
            seen, mistake = (
                ordinary,
                fault or "The bound is right for ordinary values of t, and wrong for larger ones.",
            )
    failure = error(entry(record, "value columns"))
    if not seen:
        mistake = stopped(failure, "dv") if failure else _scalar_fault(entry(record, "value columns"))
    elif not mistake and len(seen) < 2:
        mistake, of = "The bound came out for one shape of input only.", None
    sheet.mark("value of the bound", mistake or _number_fault(record, cases))
    slopes = gradients(of, *cases[next(iter(seen))]) if of else ()
    of = of if any(slope.any() for slope in slopes) else None  # zeros are the bound of nothing
    both = of if of and uses_both(of, *cases[next(iter(seen))]) else None
    sheet.mark("gradient", _gradient_fault(record, cases, list(seen), both))
    sheet.mark("no overflow", _overflow_fault(record, cases, values, both))
    sheet.mark("any shape and float type", _form_fault(record, cases, values, of, mistake))
    sheet.mark("full precision", _precision_fault(record, seen, of))
    return sheet.checks()


def _scalar(part: object) -> float | None:
    found = numbers(entry(part, "values"), 1)
    return None if found is None else float(found[0])


def _scalar_fault(part: object) -> str:
    shape = integers(entry(part, "shape"), 0, 10**9, 8)
    found = "did not return one number" if not shape else f"returned a tensor of shape {tuple(shape)}, not one number"
    return f"dv {found}: the bound is a scalar."


def _number_fault(record, cases) -> str:
    """Whether a result that is one entry is no finite number, as a standard deviation of one value is not."""
    for name in USUAL:
        failure = error(entry(record, f"value {name}"))
        if failure and name not in ORDINARY:
            return stopped(failure, "For values of t from -44 to 36, dv")
        found = entry(record, f"value {name}", "values")
        if isinstance(found, list) and len(found) == 1 and numbers(found, 1) is None:
            n, n_ref = (len(t) for t in cases[name])
            return f"With {n} data and {n_ref} reference values the bound is {text(found[0])}, no finite number."
    return ""


def _gradient_fault(record, cases, there, of) -> str:
    known = of or bound  # a gradient may be right where no mistake explains the value
    fault = _slopes_fault(record, cases, there or ORDINARY, known)
    return fault if of or not fault else "The gradient cannot be judged while the value is wrong."


def _slopes_fault(record, cases, there, of) -> str:
    for name in there:
        part = entry(record, f"slopes {name}")
        if error(part):
            return stopped(error(part), "The gradient of the bound")
        for index, (place, expected) in enumerate(zip(("data", "reference"), gradients(of, *cases[name]), strict=True)):
            slope = entry(part, index)
            if slope is None and expected.any():
                return f"No gradient reaches the critic's values at the {place}: is something detached?"
            if slope is not None and not near(numbers(slope, len(expected)), expected, 10 * SINGLE):
                return f"The gradient at the {place} is wrong although the value is right: is something detached?"
    return ""


def _overflow_fault(record, cases, values, of) -> str:
    if of is None:
        return "Large critic values count only where ordinary ones give a bound."
    for name, size in (("high", "1000"), ("low", "-1000")):
        if not near(values[name], _value(of, *cases[name]), 1000 * SINGLE):
            what = "exp overflows" if size == "1000" else "exp underflows and the log is minus infinity"
            return f"At t about {size} the bound is not a correct number: {what}; use torch.logsumexp."
        part = entry(record, f"slopes {name}")
        for index, slope in enumerate(gradients(of, *cases[name])):
            if slope.any() and not near(numbers(entry(part, index), len(slope)), slope, 100 * SINGLE):
                return f"At t about {size} the gradient is not a correct number: use torch.logsumexp."
    return ""


def _value(of, t: np.ndarray, t_ref: np.ndarray) -> float:
    return of(torch.tensor(t), torch.tensor(t_ref)).item()


def _form_fault(record, cases, values, of, mistake) -> str:
    if of is None:
        return "Shape and float type count only where the value is the bound's."
    for name in (*ORDINARY, "single"):
        if name == "one reference" and mistake:  # a wrong count may divide by zero there
            continue
        part = entry(record, f"value {name}")
        if error(part):
            return stopped(error(part), "dv")
        if entry(part, "shape") != []:
            return "The bound is not a scalar tensor, of shape (), for every shape of the inputs."
        dtype = "torch.float32" if name == "single" else "torch.float64"
        if text(entry(part, "dtype")) != dtype:
            return f"The bound of {dtype} values came out as {text(entry(part, 'dtype')) or 'something else'}."
        if values[name] is not None and not near(number(entry(part, "again")), values[name], 1e-12):
            return "The same tensors gave another bound the second time: dv changed its inputs in place, or draws."
    if values["single"] is None or not near(values["single"], _value(of, *cases["single"]), 1e-5):
        return "With float32 the bound differs from its value with float64."
    meta = entry(record, "meta")
    if error(meta) and "item" not in error(meta):
        return stopped(error(meta), "On another device, dv")
    if not error(meta) and entry(meta, "device") != "meta":
        return "The bound is on another device than its inputs: make no tensor without device=."
    return ""


def _precision_fault(record, seen, of) -> str:
    if of is None:
        return "Precision counts only where the value is the bound's."
    if not exact(of, seen.values()):
        return (
            "The bound is right to float32 only: something in it, say torch.tensor(n), has that type. "
            "Use math.log(n), or dtype=t_reference.dtype."
        )
    for name, case in seen.items():
        for index, slope in enumerate(gradients(of, *case[:2])):
            found = numbers(entry(record, f"slopes {name}", index), len(slope))
            if found is not None and near(found, slope, 10 * SINGLE) and not near(found, slope):
                return "The gradient is right to float32 only: something is turned into that type on the way."
    return ""
