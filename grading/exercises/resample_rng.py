"""`resample_pairs`, its manners: only the given generator, fresh numbers at each call, inputs and results apart."""

from __future__ import annotations

import numpy as np

from grading.exercises.resample import index_of
from grading.record import Check
from grading.verdict.probe import decoys, plain, probe_source
from grading.verdict.reading import Sheet, entry, error, near, numbers, stopped

GRADE_ID = "resample"
TEST_ID = "test-resample-rng"
POINTS = {
    "only the given generator": 0.75,
    "fresh numbers at each call": 0.5,
    "inputs stay as they are": 0.5,
    "results are new arrays": 0.25,
}
SIZE = 24


def inputs(seed):
    """Forty pairs whose entries all differ, and the seeds of generators."""
    import numpy

    rng = numpy.random.default_rng([seed, 9])
    entries = rng.permutation(9999)[:200].astype(float)
    X, Y = entries[:80].reshape(40, 2), entries[80:].reshape(40, 3)
    return {"X": X, "Y": Y, "draws": rng.integers(2**31, size=3)}


def probe(student, attempt, X, Y, draws):
    """Draws from generators with the same and with other seeds; the inputs after a draw and after writing to it."""
    import numpy

    def stream(k):
        return numpy.random.default_rng(int(draws[k]))

    def draw(rng, size=24):
        A, B = student["resample_pairs"](X.copy(), Y.copy(), size, rng)
        return {"X": plain(A), "Y": plain(B)}

    def twice():
        rng = stream(0)
        return [draw(rng), draw(rng)]

    def after(size):
        X_in, Y_in = X.copy(), Y.copy()
        A, B = student["resample_pairs"](X_in, Y_in, size, stream(1))
        kept = {"X": plain(X_in), "Y": plain(Y_in)}
        A[...] = -1.0
        B[...] = -1.0
        return {"kept": kept, "written": {"X": plain(X_in), "Y": plain(Y_in)}}

    with decoys(student, {"X": X + 0.5, "Y": Y + 0.5, "n": 4, "size": 3, "rng": stream(2)}):
        attempt("twice", twice)
        attempt("again", lambda: draw(stream(0)))
        attempt("other", lambda: draw(stream(1)))
        attempt("after", lambda: after(24))
        attempt("after n", lambda: after(len(X)))


PROBE = probe_source(inputs, probe)


def judge(record: object, seed: int) -> list[Check]:
    """The marks for a record of `PROBE`."""
    sheet = Sheet(POINTS)
    asked = inputs(seed)
    data = {"X": asked["X"], "Y": asked["Y"]}
    parts = (entry(record, "twice", 0), entry(record, "twice", 1), entry(record, "again"), entry(record, "other"))
    draws = {name: [index_of(entry(part, name), rows, SIZE)[0] for part in parts] for name, rows in data.items()}
    if any(index is None for name in data for index in draws[name]):
        failure = next(
            filter(None, (error(entry(record, part)) for part in ("twice", "again", "other", "stopped"))), ""
        )
        reason = stopped(failure, "resample_pairs") if failure else f"The results are not {SIZE} rows of X and of Y."
        for behaviour in POINTS:
            sheet.mark(behaviour, reason)
        return sheet.checks()
    sheet.mark("only the given generator", _generator_fault(draws))
    sheet.mark("fresh numbers at each call", _fresh_fault(draws))
    idle = all(np.array_equal(draws[name][0], draws[name][3]) for name in data)
    kept, written = (_array_fault(record, part, data) for part in ("kept", "written"))
    nothing = "Nothing is drawn, so this cannot be told." if idle else ""
    sheet.mark("inputs stay as they are", kept or nothing)
    sheet.mark("results are new arrays", kept or written or nothing)
    return sheet.checks()


def _generator_fault(draws: dict) -> str:
    for name, (first, _, again, other) in draws.items():
        if not np.array_equal(first, again):
            return f"The same seed gives other rows of {name}: there is another source of chance than `rng`."
        if np.array_equal(first, other):
            return f"The rows of {name} are the same for every seed: draw them from the `rng` that you are given."
    return ""


def _fresh_fault(draws: dict) -> str:
    for name, (first, second, again, _) in draws.items():
        if np.array_equal(first, second):
            return f"A second call gives the same rows of {name}: use the `rng` you are given, and seed no new one."
        if np.array_equal(second, again) and not np.array_equal(first, again):
            return f"The rows of {name} do not follow the generator."
    return ""


def _array_fault(record: object, part: str, data: dict) -> str:
    for size in ("after", "after n"):
        failure = error(entry(record, size))
        if failure:
            return stopped(failure, "Writing to the result" if "read-only" in failure else "resample_pairs")
        for name, rows in data.items():
            if not near(numbers(entry(record, size, part, name), *rows.shape), rows, 0.0):
                if part == "kept":
                    return f"{name} was changed: index it, and do not shuffle it in place."
                return f"Writing to {name}_ref changes {name}: return new arrays, not views."
    return ""
