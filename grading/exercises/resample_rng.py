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
SIZES = (24, 40)  # fewer rows than there are, and as many


def inputs(seed):
    """Forty pairs whose entries all differ, and the seeds of generators."""
    import numpy

    rng = numpy.random.default_rng([seed, 9])
    entries = rng.permutation(9999)[:200].astype(float)
    X, Y = entries[:80].reshape(40, 2), entries[80:].reshape(40, 3)
    return {"X": X, "Y": Y, "draws": rng.integers(2**31, size=6)}


def probe(student, attempt, X, Y, draws):
    """Draws from generators with the same and with other seeds, and from arrays that an earlier call has touched.

    What a call does to its inputs shows in what the next call draws from them, and what it returns in what the next
    call draws after something was written there. The other sources of chance start alike, so that this is seen of
    answers that use them too.
    """
    import random

    import numpy

    def stream(k):
        random.seed(5)
        numpy.random.seed(5)
        return numpy.random.default_rng(int(draws[k]))

    def draw(rng, X=X, Y=Y):
        return shown(*student["resample_pairs"](X.copy(), Y.copy(), 24, rng))

    def shown(A, B):
        return {"X": plain(A), "Y": plain(B)}

    def calls():
        rng = numpy.random.default_rng(int(draws[0]))
        return [draw(rng) for _ in range(5)]

    def others():
        return [draw(numpy.random.default_rng(int(seed))) for seed in draws[1:]]

    def after(size):
        X_in, Y_in = X.copy(), Y.copy()
        A, B = student["resample_pairs"](X_in, Y_in, size, stream(2))
        before = shown(A, B)
        drawn = draw(stream(1), X_in, Y_in)
        return {"before": before, "inputs": shown(X_in, Y_in), "drawn": drawn, "later": shown(A, B)}

    def written(size):
        X_in, Y_in = X.copy(), Y.copy()
        A, B = student["resample_pairs"](X_in, Y_in, size, stream(2))
        before = plain(A)
        B[...] = -1.0
        apart = plain(A)
        A[...] = -1.0
        return {"before": before, "apart": apart, "drawn": draw(stream(1), X_in, Y_in)}

    states = random.getstate(), numpy.random.get_state()
    with decoys(student, {"X": X + 0.5, "Y": Y + 0.5, "n": 4, "size": 3, "rng": numpy.random.default_rng(0)}):
        attempt("calls", calls)
        attempt("again", lambda: draw(numpy.random.default_rng(int(draws[0]))))
        attempt("others", others)
        attempt("alike", lambda: [draw(stream(1)), draw(stream(1))])
        for size in (24, len(X)):
            attempt(f"after {size}", lambda size=size: after(size))
            attempt(f"written {size}", lambda size=size: written(size))
    random.setstate(states[0])
    numpy.random.set_state(states[1])


PROBE = probe_source(inputs, probe)


def judge(record: object, seed: int) -> list[Check]:
    """The marks for a record of `PROBE`."""
    sheet = Sheet(POINTS)
    asked = inputs(seed)
    data = {"X": asked["X"], "Y": asked["Y"]}  # by the name under which its rows came
    if all(_index(entry(record, "again"), a, asked[b]) is not None for a, b in ("XY", "YX")):
        data = {"X": asked["Y"], "Y": asked["X"]}
    parts = [entry(record, "calls", k) for k in range(5)] + [entry(record, "others", k) for k in range(5)]
    parts.append(entry(record, "again"))
    draws = {name: [_index(part, name, rows) for part in parts] for name, rows in data.items()}
    if any(index is None for name in data for index in draws[name]):
        failure = next(
            filter(None, (error(entry(record, part)) for part in ("calls", "again", "others", "stopped"))), ""
        )
        reason = stopped(failure, "resample_pairs") if failure else "The results are not rows of X and of Y."
        for behaviour in POINTS:
            sheet.mark(behaviour, reason)
        return sheet.checks()
    sheet.mark("only the given generator", _generator_fault(draws))
    sheet.mark("fresh numbers at each call", _fresh_fault(draws))
    idle = not any(_vary(draws[name]) for name in data)
    nothing = "Nothing is drawn, so this cannot be told." if idle else ""
    sheet.mark("inputs stay as they are", _inputs_fault(record, data, asked) or nothing)
    sheet.mark("results are new arrays", _results_fault(record, data) or nothing)
    return sheet.checks()


def rows_of(record: object, *path: str) -> int:
    """How many rows a draw has, by its first column; a fault in their number is judged elsewhere."""
    found = entry(record, *path, "X")
    return len(found) if isinstance(found, list) and len(found) < 1000 else 0


def _index(part: object, name: str, rows: np.ndarray) -> np.ndarray | None:
    count = rows_of(part)
    return index_of(entry(part, name), rows, count)[0] if count > 9 else None


def _vary(draws: list) -> bool:
    """Whether some draw differs from the first, of five calls and five other seeds; one row may agree by chance."""
    return any(not np.array_equal(draws[0], other) for other in draws[1:])


def _generator_fault(draws: dict) -> str:
    for name, indices in draws.items():
        first, others, again = indices[0], indices[5:10], indices[10]
        if not np.array_equal(first, again):
            return f"The same seed gives other rows of {name}: there is another source of chance than `rng`."
        if not _vary([first, *others]):
            return f"The rows of {name} are the same for every seed: draw them from the `rng` that you are given."
    return ""


def _fresh_fault(draws: dict) -> str:
    for name, indices in draws.items():
        if not _vary(indices[:5]):
            return f"A second call gives the same rows of {name}: use the `rng` you are given, and seed no new one."
    return ""


def _inputs_fault(record: object, data: dict, inputs: dict) -> str:
    for size in SIZES:
        part = entry(record, f"after {size}")
        if error(part):
            return stopped(error(part), "resample_pairs")
        for name, rows in data.items():
            fresh, again, drawn = (
                numbers(entry(draw, name), rows_of(draw), rows.shape[1])
                for draw in (entry(record, "alike", 0), entry(record, "alike", 1), entry(part, "drawn"))
            )
            kept = numbers(entry(part, "inputs", name), *inputs[name].shape)
            if drawn is None or not near(kept, inputs[name], 0.0):
                return f"{name} was changed: index it, and do not shuffle it in place."
            if again is not None and near(fresh, again, 0.0):
                if not near(drawn, again, 0.0):
                    return f"A second call draws other rows of {name}: the first one changed it."
            elif index_of(entry(part, "drawn", name), rows, rows_of(part, "drawn"))[1]:
                return f"A second call draws what is no row of {name}: the first one changed it."
    return ""


def _results_fault(record: object, data: dict) -> str:
    columns = data["X"].shape[1]
    for size in SIZES:
        part, written = entry(record, f"after {size}"), entry(record, f"written {size}")
        if failure := error(part) or error(written):
            return stopped(failure, "Writing to the result" if "read-only" in failure else "resample_pairs")
        for name, rows in data.items():
            before, later = (
                numbers(entry(part, at, name), rows_of(part, "before"), rows.shape[1]) for at in ("before", "later")
            )
            drawn = numbers(entry(written, "drawn", name), rows_of(written, "drawn"), rows.shape[1])
            if before is None or drawn is None:
                return f"The results are not rows of {name}, so this cannot be told."
            if not near(later, before, 0.0):
                return f"A later call changes the {name}_ref of an earlier one: return new arrays, and keep none."
            if (drawn == -1.0).any():
                return f"Writing to {name}_ref changes {name}: return new arrays, not views."
        before, apart = (numbers(entry(written, at), rows_of(part, "before"), columns) for at in ("before", "apart"))
        if not near(apart, before if before is not None else np.nan, 0.0):
            return "Writing to Y_ref changes X_ref: return two arrays."
    return ""
