"""`resample_pairs`, its law: shapes, whole rows, with replacement, two independent indices."""

from __future__ import annotations

import numpy as np

from grading.exercises._chance import dependence_fault, repeats_too_rarely, uniform_fault
from grading.record import Check
from grading.verdict.probe import decoys, plain, probe_source
from grading.verdict.reading import Sheet, entry, error, integers, near, numbers, stopped

GRADE_ID = "resample"
TEST_ID = "test-resample"
POINTS = {
    "shapes": 0.5,
    "whole rows": 0.5,
    "each row equally likely, with replacement": 1.0,
    "two independent indices": 1.0,
}
ROWS, COLUMNS, CALLS, FEWER = 9, (2, 1), 12, 5


def inputs(seed):
    """Nine pairs whose entries all differ, so that an entry shows its row; a size; the seeds of generators."""
    import numpy

    rng = numpy.random.default_rng([seed, 8])
    entries = rng.permutation(9999)[:27].astype(float)
    X, Y = entries[:18].reshape(9, 2), entries[18:].reshape(9, 1)
    return {"X": X, "Y": Y, "size": int(rng.integers(2400, 2800)), "draws": rng.integers(2**31, size=4)}


def probe(student, attempt, X, Y, size, draws):
    """One large draw, a single pair, and several draws of as many rows as there are, and of fewer."""
    import numpy

    def draw(size, rng):
        A, B = student["resample_pairs"](X.copy(), Y.copy(), size, rng)
        shapes = [list(A.shape), list(B.shape)]
        if max(A.size, B.size) > 20000:  # a shape that was broadcast by mistake is said, not sent
            return {"shapes": shapes}
        return {"shapes": shapes, "X": plain(A), "Y": plain(B)}

    def several(size, calls):
        rng = numpy.random.default_rng(int(draws[2]))
        return [draw(size, rng) for _ in range(calls)]

    wrong = {"X": X + 0.5, "Y": Y + 0.5, "n": 4, "size": 3, "rng": numpy.random.default_rng(int(draws[3]))}
    with decoys(student, wrong):
        attempt("large", lambda: draw(size, numpy.random.default_rng(int(draws[0]))))
        attempt("one", lambda: draw(1, numpy.random.default_rng(int(draws[1]))))
        attempt("several", lambda: several(len(X), 12))
        attempt("fewer", lambda: several(5, 30))


PROBE = probe_source(inputs, probe)


def index_of(value: object, rows: np.ndarray, size: int) -> tuple[np.ndarray | None, str]:
    """Which row of ``rows`` each row of a recorded result is, and whether they are whole; None if that is unknown.

    The text is "" where all entries of each row belong together. The entries of ``rows`` are integers, so that a row is
    known in spite of a little noise.
    """
    found = numbers(value, size, rows.shape[1])
    if found is None:
        found = numbers(value, size)  # a column that was flattened still shows its rows, if it is one column
        if found is None or rows.shape[1] != 1:
            return None, f"The result does not hold {size} rows of {rows.shape[1]} numbers."
        found = found.reshape(-1, 1)
    place = {entry: row for row, line in enumerate(rows) for entry in line}
    first = found[:, 0]
    index = [place.get(entry) for entry in np.where(np.abs(first - np.rint(first)) < 0.2, np.rint(first), first)]
    if any(row is None for row in index):
        return None, "Some entries are none of the data's: return rows of X and of Y as they are."
    index = np.array(index, dtype=int)
    if np.array_equal(found, rows[index]):
        return index, ""
    if np.array_equal(first, rows[index, 0]):
        return index, "Some rows are no row of the data: index whole rows."
    return index, "Some entries are none of the data's: return rows of X and of Y as they are."


def _length(value: object, size: int) -> int:
    """How many rows came, if they are enough to judge their law, and else how many were asked for."""
    return len(value) if isinstance(value, list) and 1000 <= len(value) <= 9999 else size


def judge(record: object, seed: int) -> list[Check]:
    """The marks for a record of `PROBE`."""
    sheet = Sheet(POINTS)
    asked = inputs(seed)
    data, size = {"X": asked["X"], "Y": asked["Y"]}, asked["size"]
    large = entry(record, "large")
    rows = {name: _length(entry(large, name), size) for name in "XY"}
    swapped = all(index_of(entry(large, a), data[b], rows[a])[0] is not None for a, b in ("XY", "YX"))
    where = dict(zip("XY", "YX" if swapped else "XY", strict=True))  # under which name the rows of each came
    (J, x_fault), (K, y_fault) = (index_of(entry(large, where[k]), data[k], rows[where[k]]) for k in "XY")
    x_fault = _whole_fault(large, data["X"], size) or x_fault
    if swapped:
        x_fault = "X_ref holds rows of Y, and Y_ref rows of X: return X_ref first."
    sheet.mark("shapes", _shape_fault(record, size))
    sheet.mark("whole rows", x_fault or y_fault)
    if J is None or K is None:
        untold = x_fault or y_fault
        sheet.mark("each row equally likely, with replacement", untold)
        sheet.mark("two independent indices", untold)
        return sheet.checks()
    law = next(filter(None, (_law_fault(record, i, data[k], where[k]) for k, i in (("X", J), ("Y", K)))), "")
    sheet.mark("each row equally likely, with replacement", law)
    random = min(np.ptp(J), np.ptp(K)) > 0
    J, K = (index[: min(len(J), len(K))] for index in (J, K))
    sheet.mark(
        "two independent indices", _independence_fault(J, K) if random else "An index that never changes is not drawn."
    )
    return sheet.checks()


def _whole_fault(large: object, X: np.ndarray, size: int) -> str:
    """Why no rows came, where the error or what came in their place says it."""
    failure = error(large)
    if failure:
        hint = ""
        if "larger sample than population" in failure:
            hint = " size may exceed the number of rows: draw with replacement."
        elif "out of bounds" in failure:
            hint = " The index runs from 0 to n - 1."
        return stopped(failure, "resample_pairs") + hint
    if numbers(entry(large, "X"), ROWS, COLUMNS[0]) is None:
        return ""
    if near(numbers(entry(large, "X"), ROWS, COLUMNS[0]), X, 0.0):
        return "X came back as it is: draw rows of it."
    return f"For size = {size} only {ROWS} rows came back, as many as X has: draw with replacement."


def _independence_fault(J: np.ndarray, K: np.ndarray) -> str:
    for index, name in ((J, "X"), (K, "Y")):
        if np.array_equal(index, np.arange(len(index)) % ROWS):
            return f"The rows of {name} are taken in their own order: draw an index for them too."
    return dependence_fault(J, K, ROWS)


def _shape_fault(record: object, size: int) -> str:
    parts = ((entry(record, "large"), size), (entry(record, "one"), 1), (entry(record, "several", 0), ROWS))
    for part, rows in parts:
        failure = error(part) or error(entry(record, "several"))
        if failure:
            return stopped(failure, "resample_pairs")
        for k, name in enumerate("XY"):
            shape = integers(entry(part, "shapes", k), 0, 10**9, 8)
            if shape != [rows, COLUMNS[k]]:
                found = "nothing" if shape is None else f"shape {tuple(shape)}"
                return f"{name}_ref should have shape ({rows}, {COLUMNS[k]}) for size = {rows}, and has {found}."
        for k, name in enumerate("XY"):
            if numbers(entry(part, name), rows, COLUMNS[k]) is None:
                return f"{name}_ref does not hold the numbers that its shape promises."
    return ""


def _law_fault(record: object, index: np.ndarray, rows: np.ndarray, name: str) -> str:
    return uniform_fault(index, ROWS, name) or _small_fault(record, rows, name)


def _small_fault(record: object, rows: np.ndarray, name: str) -> str:
    """Whether draws of as many rows as there are, and of fewer, hold repeats, as draws with replacement do."""
    for part, size, calls, said in (("several", ROWS, CALLS, "n"), ("fewer", FEWER, 30, f"{FEWER} of {ROWS} rows")):
        first = entry(record, part, 0, name)
        came = len(first) if isinstance(first, list) and 1 < len(first) < 100 else size
        draws = [index_of(entry(record, part, k, name), rows, came)[0] for k in range(calls)]
        if any(index is None for index in draws):
            failure = error(entry(record, part))
            said = f"With size = {said}"
            return stopped(failure, f"{said}, resample_pairs") if failure else f"{said} rows of {name} are missing."
        if any(np.array_equal(index, np.arange(ROWS)) for index in draws):
            return f"With size = n the rows of {name} came back as they are: draw them."
        if repeats_too_rarely(np.unique(draws, axis=0), ROWS):  # the same draw again is judged as that, elsewhere
            return f"With size = {said} all rows of {name} are different in each draw: draw with replacement."
    return ""
