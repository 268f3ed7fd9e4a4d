"""`dv`, the sample Donsker-Varadhan bound: value, gradient, large and small critics, shapes and float type."""

from __future__ import annotations

import numpy as np
import torch

from grading.exercises._bound import explain, gradients, uses_both
from grading.record import Check
from grading.verdict.probe import decoys, plain, probe_source, tensor_facts
from grading.verdict.reading import Sheet, entry, error, near, numbers, stopped, text

GRADE_ID = "avg-DV"
TEST_ID = "test-avg-DV"
POINTS = {"value of the bound": 1.5, "gradient": 1.5, "no overflow": 0.5, "any shape and float type": 0.5}


def inputs(seed):
    """Critic values of several shapes and sizes, at the data and at the reference; some of them huge."""
    import numpy

    rng = numpy.random.default_rng([seed, 3])
    shapes = {
        "columns": ((7, 1), (9, 1)),
        "vectors": ((64,), (5,)),
        "one": ((1, 1), (6, 1)),
        "tables": ((3, 2), (2, 5)),
        "single": ((8, 1), (11, 1)),
    }
    cases = {name: tuple(rng.standard_normal(shape) * 1.5 for shape in pair) for name, pair in shapes.items()}
    for name, shift in (("high", 1000.0), ("low", -1000.0)):
        cases[name] = tuple(rng.standard_normal((n, 1)) + shift for n in (6, 8))
    return {"cases": cases}


def probe(student, attempt, cases):
    """Call the student's bound on each case and differentiate it."""
    import torch

    def pair(name, dtype=torch.float64):
        return [torch.tensor(values, dtype=dtype) for values in cases[name]]

    def value(name, dtype):
        before = pair(name, dtype)
        facts = tensor_facts(student["dv"](*before))
        return {**facts, "inputs": [plain(t.reshape(-1)) for t in before]}

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

USUAL = ("columns", "vectors", "one", "tables")


def judge(record: object, seed: int) -> list[Check]:
    """The marks for a record of `PROBE`."""
    sheet = Sheet(POINTS)
    cases = {name: tuple(a.reshape(-1) for a in pair) for name, pair in inputs(seed)["cases"].items()}
    values = {name: _scalar(entry(record, f"value {name}")) for name in cases}
    there = [name for name in USUAL if values[name] is not None]
    failure = error(entry(record, "value columns"))
    mistake, of = explain([(*cases[name], values[name]) for name in there])
    if not there:
        mistake = stopped(failure, "dv") if failure else "dv did not return one number: the bound is a scalar."
    elif not mistake and len(there) < 2:
        mistake, of = "The bound came out for one shape of input only.", None
    sheet.mark("value of the bound", mistake)
    bound = of if of and uses_both(of, *cases[there[0]]) else None
    sheet.mark("gradient", _gradient_fault(record, cases, there, bound))
    sheet.mark("no overflow", _overflow_fault(record, cases, values, bound))
    sheet.mark("any shape and float type", _form_fault(record, cases, values, of))
    return sheet.checks()


def _scalar(part: object) -> float | None:
    found = numbers(entry(part, "values"), 1)
    return None if found is None else float(found[0])


def _gradient_fault(record, cases, there, of) -> str:
    if of is None:
        return "The gradient cannot be judged while the value is wrong."
    for name in there:
        part = entry(record, f"slopes {name}")
        if error(part):
            return stopped(error(part), "The gradient of the bound")
        for index, (place, expected) in enumerate(zip(("data", "reference"), gradients(of, *cases[name]), strict=True)):
            slope = entry(part, index)
            if slope is None and expected.any():
                return f"No gradient reaches the critic's values at the {place}: is something detached?"
            if slope is not None and not near(numbers(slope, len(expected)), expected):
                return f"The gradient at the {place} is wrong although the value is right: is something detached?"
    return ""


def _overflow_fault(record, cases, values, of) -> str:
    if of is None:
        return "Large critic values count only where ordinary ones give a bound."
    for name, size in (("high", "1000"), ("low", "-1000")):
        if not near(values[name], _value(of, *cases[name])):
            what = "exp overflows" if size == "1000" else "exp underflows and the log is minus infinity"
            return f"At t about {size} the bound is not a correct number: {what}; use torch.logsumexp."
        part = entry(record, f"slopes {name}")
        for index, slope in enumerate(gradients(of, *cases[name])):
            if slope.any() and not near(numbers(entry(part, index), len(slope)), slope, 1e-8):
                return f"At t about {size} the gradient is not a correct number: use torch.logsumexp."
    return ""


def _value(of, t: np.ndarray, t_ref: np.ndarray) -> float:
    return of(torch.tensor(t), torch.tensor(t_ref)).item()


def _form_fault(record, cases, values, of) -> str:
    if of is None:
        return "Shape and float type count only where the value is the bound's."
    for name in (*USUAL, "single"):
        part = entry(record, f"value {name}")
        if error(part):
            return stopped(error(part), "dv")
        if entry(part, "shape") != []:
            return "The bound is not a scalar tensor, of shape (), for every shape of the inputs."
        dtype = "torch.float32" if name == "single" else "torch.float64"
        if text(entry(part, "dtype")) != dtype:
            return f"The bound of {dtype} values came out as {text(entry(part, 'dtype')) or 'something else'}."
        for index, given in enumerate(cases[name]):
            if not near(numbers(entry(part, "inputs", index), len(given)), given, 1e-6):
                return "dv changed its inputs in place: make new tensors."
    if values["single"] is None or not near(values["single"], _value(of, *cases["single"]), 1e-5):
        return "With float32 the bound differs from its value with float64."
    meta = entry(record, "meta")
    if error(meta) and "item" not in error(meta):
        return stopped(error(meta), "On another device, dv")
    if not error(meta) and entry(meta, "device") != "meta":
        return "The bound is on another device than its inputs: make no tensor without device=."
    return ""
