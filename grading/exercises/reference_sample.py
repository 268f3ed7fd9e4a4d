"""`reference_sample`: two standard normal columns, independent, from the given generator."""

from __future__ import annotations

import numpy as np

from grading.exercises._chance import columns_fault, normal_fault
from grading.record import Check
from grading.verdict.probe import decoys, plain, probe_source
from grading.verdict.reading import Sheet, entry, error, integers, numbers, stopped

GRADE_ID = "reference-sample"
TEST_ID = "test-reference-sample"
POINTS = {"shapes": 0.25, "law of each column": 0.75, "independent columns": 0.5, "the given generator": 0.5}


def inputs(seed):
    """Sizes and seeds of generators."""
    import numpy

    rng = numpy.random.default_rng([seed, 7])
    return {"n": int(rng.integers(4000, 4500)), "small": int(rng.integers(9, 40)), "draws": rng.integers(2**31, size=3)}


def probe(student, attempt, n, small, draws):
    """A large sample, and small ones from generators with the same and with other seeds."""
    import numpy

    def stream(k):
        return numpy.random.default_rng(int(draws[k]))

    def sample(size, rng):
        X_ref, Y_ref = student["reference_sample"](size, rng)
        shapes = [list(X_ref.shape), list(Y_ref.shape)]
        digits = 5 if size > 1000 else 17  # a large record is kept short
        return {
            "shapes": shapes,
            "X": plain(X_ref.round(digits).reshape(-1)),
            "Y": plain(Y_ref.round(digits).reshape(-1)),
        }

    def twice():
        rng = stream(1)
        return [sample(small, rng), sample(small, rng)]

    with decoys(student, {"n_ref": 3, "n": 3, "rng": stream(2)}):
        attempt("large", lambda: sample(n, stream(0)))
        attempt("one", lambda: sample(1, stream(0)))
        attempt("twice", twice)
        attempt("again", lambda: sample(small, stream(1)))
        attempt("other", lambda: sample(small, stream(2)))


PROBE = probe_source(inputs, probe)


def judge(record: object, seed: int) -> list[Check]:
    """The marks for a record of `PROBE`."""
    sheet = Sheet(POINTS)
    asked = inputs(seed)
    large, n = entry(record, "large"), asked["n"]
    x, y = (numbers(entry(large, name), n) for name in "XY")
    sheet.mark("shapes", _shape_fault(record, asked))
    if x is None or y is None:
        reason = (
            stopped(error(large), "reference_sample") if error(large) else f"There are not {n} values in each column."
        )
        for behaviour in ("law of each column", "independent columns", "the given generator"):
            sheet.mark(behaviour, reason)
        return sheet.checks()
    sheet.mark("law of each column", normal_fault(x, "X_ref") or normal_fault(y, "Y_ref"))
    random = min(x.std(), y.std()) > 1e-9
    sheet.mark("independent columns", columns_fault(x, y) if random else "A column that does not vary is not drawn.")
    sheet.mark("the given generator", _generator_fault(record, asked["small"]))
    return sheet.checks()


def _shape_fault(record: object, asked: dict) -> str:
    for part, n in (("large", asked["n"]), ("one", 1), ("again", asked["small"])):
        failure = error(entry(record, part))
        if failure:
            return stopped(failure, "reference_sample")
        for k, name in enumerate("XY"):
            shape = integers(entry(record, part, "shapes", k), 0, 10**9, 8)
            if shape != [n, 1]:
                found = "nothing" if shape is None else f"shape {tuple(shape)}"
                return f"{name}_ref should have shape ({n}, 1) for n_ref = {n}, and has {found}."
            if numbers(entry(record, part, name), n) is None:
                return f"{name}_ref does not hold {n} finite numbers."
    return ""


def _generator_fault(record: object, n: int) -> str:
    parts = [entry(record, "twice", 0), entry(record, "twice", 1), entry(record, "again"), entry(record, "other")]
    columns = []
    for name in "XY":
        found = [numbers(entry(part, name), n) for part in parts]
        if any(column is None for column in found):
            return "The small samples are not there."
        columns.append(found)
    if all(np.array_equal(found[0], found[3]) for found in columns):
        return "The sample is the same for every seed: draw from the generator that you are given, and make none."
    for name, (first, second, again, _) in zip("XY", columns, strict=True):
        if np.array_equal(first, second):
            return (
                f"A second call gives the same {name}_ref: draw from the generator that you are given, and make none."
            )
        if not np.array_equal(first, again):
            return (
                f"The same seed gives another {name}_ref: there is another source of chance than the given generator."
            )
        if np.intersect1d(first, second).size:
            return f"A second call repeats values of {name}_ref: each call goes on where the last one stopped."
    return ""
