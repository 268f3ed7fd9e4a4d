"""`reference_sample`: two standard normal columns, independent, from the given generator."""

from __future__ import annotations

import numpy as np

from grading.exercises._chance import columns_fault, new_values, normal_fault, rows_fault
from grading.record import Check
from grading.verdict.probe import decoys, plain, probe_source
from grading.verdict.reading import Sheet, entry, error, integers, numbers, stopped

GRADE_ID = "reference-sample"
TEST_ID = "test-reference-sample"
POINTS = {"shapes": 0.25, "law of each column": 0.75, "independent columns": 0.5, "the given generator": 0.5}


def inputs(seed):
    """Sizes and seeds of generators; the large size is odd, so that no shift of the rows is half of it."""
    import numpy

    rng = numpy.random.default_rng([seed, 7])
    n = 2 * int(rng.integers(2350, 2480)) + 1
    return {"n": n, "small": int(rng.integers(9, 40)), "draws": rng.integers(2**31, size=3)}


def probe(student, attempt, n, small, draws):
    """Two large samples, and small ones from generators with the same and with other seeds; one after a later call."""
    import numpy

    def stream(k):
        return numpy.random.default_rng(int(draws[k]))

    def sample(size, rng):
        return facts(*student["reference_sample"](size, rng))

    def facts(X_ref, Y_ref):
        shapes = [list(X_ref.shape), list(Y_ref.shape)]
        if max(X_ref.size, Y_ref.size) > 20000:  # a shape that was broadcast by mistake is said, not sent
            return {"shapes": shapes}
        digits = 9 if X_ref.size > 1000 else 17  # a large record is kept short
        return {
            "shapes": shapes,
            "X": plain(X_ref.round(digits).reshape(-1)),
            "Y": plain(Y_ref.round(digits).reshape(-1)),
        }

    def twice():
        rng = stream(1)
        first = student["reference_sample"](small, rng)
        before, second = facts(*first), sample(small, rng)
        return [before, second, facts(*first)]

    def large():
        rng = stream(0)
        return [sample(n, rng), sample(n, rng)]

    with decoys(student, {"n_ref": 3, "n": 3, "rng": stream(2)}):
        attempt("large", large)
        attempt("one", lambda: sample(1, stream(0)))
        attempt("twice", twice)
        attempt("again", lambda: sample(small, stream(1)))
        attempt("other", lambda: sample(small, stream(2)))


PROBE = probe_source(inputs, probe)


def judge(record: object, seed: int) -> list[Check]:
    """The marks for a record of `PROBE`."""
    sheet = Sheet(POINTS)
    asked = inputs(seed)
    n = asked["n"]
    pairs = [[numbers(entry(record, "large", k, name), n) for name in "XY"] for k in (0, 1)]
    sheet.mark("shapes", _shape_fault(record, asked))
    if any(column is None for pair in pairs for column in pair):
        failure = error(entry(record, "large"))
        untold = f"There are not {n} finite numbers in each column, so this cannot be told."
        for behaviour in ("law of each column", "independent columns", "the given generator"):
            sheet.mark(behaviour, stopped(failure, "reference_sample") if failure else untold)
        return sheet.checks()
    sheet.mark("law of each column", _law_fault(pairs))
    x, y = pairs[0]
    random = min(x.std(), y.std()) > 1e-9
    sheet.mark("independent columns", columns_fault(x, y) if random else "A column that does not vary is not drawn.")
    fresh = new_values(x) and new_values(y)
    sheet.mark("the given generator", _generator_fault(record, asked["small"], fresh))
    return sheet.checks()


def _law_fault(pairs: list) -> str:
    """The law of both samples together, then the rows of each and across the two."""
    for name, first, second in zip(("X_ref", "Y_ref"), *pairs, strict=True):
        if fault := normal_fault(np.concatenate([first, second]), name):
            return fault
        if fault := rows_fault(first, name) or rows_fault(second, name):
            return fault
    return ""


def _shape_fault(record: object, asked: dict) -> str:
    for path, n in ((("large", 0), asked["n"]), (("one",), 1), (("again",), asked["small"])):
        failure = error(entry(record, path[0]))
        if failure:
            return stopped(failure, "reference_sample")
        for k, name in enumerate("XY"):
            shape = integers(entry(record, *path, "shapes", k), 0, 10**9, 8)
            if shape != [n, 1]:
                found = "nothing" if shape is None else f"shape {tuple(shape)}"
                return f"{name}_ref should have shape ({n}, 1) for n_ref = {n}, and has {found}."
        for name in "XY":
            if numbers(entry(record, *path, name), n) is None:
                return f"{name}_ref does not hold {n} finite numbers."
    return ""


def _generator_fault(record: object, n: int, fresh: bool) -> str:
    """``fresh`` says that values do not come twice within a sample, so that they should not across two."""
    twice = [entry(record, "twice", k) for k in range(3)]
    columns = []
    for name in "XY":
        found = [numbers(entry(part, name), n) for part in (*twice, entry(record, "again"), entry(record, "other"))]
        if any(column is None for column in found):
            return "The small samples are not there."
        columns.append(found)
    if all(np.array_equal(first, other) for first, *_, other in columns):
        return "The sample is the same for every seed: draw from the generator that you are given, and make none."
    for name, (first, second, later, again, _) in zip("XY", columns, strict=True):
        if np.array_equal(first, second):
            return (
                f"A second call gives the same {name}_ref: draw from the generator that you are given, and make none."
            )
        if not np.array_equal(first, again):
            return (
                f"The same seed gives another {name}_ref: there is another source of chance than the given generator."
            )
        if fresh and np.intersect1d(first, second).size > 1:  # float32 may repeat one by chance
            return f"A second call repeats values of {name}_ref: each call goes on where the last one stopped."
        if not np.array_equal(first, later):
            return f"A second call changes the {name}_ref of the first: return new arrays, not one that is kept."
    return ""
