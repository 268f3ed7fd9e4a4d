"""From two sides of a table to a report: the order of the book's last section on your own data, in one call."""

from __future__ import annotations

import time as clock
from dataclasses import replace
from typing import Any

import numpy as np
from tqdm import tqdm

from mibook.practice import copula, critics, findings, rule
from mibook.practice.design import Design, grouped, in_time, independent
from mibook.practice.drawing import Report
from mibook.practice.findings import Finding, Reason
from mibook.practice.neighbours import ksg
from mibook.practice.table import Column, Kind, Side, TableError, read

FOLDS = 5


def estimate(
    X: Any,
    Y: Any,
    *,
    groups: Any = None,
    time: bool | None = None,
    stretch: int | None = None,
    level: float = 0.9,
    permutations: int = 999,
    seed: int = 0,
    progress: bool = True,
) -> Report:
    """Estimate I(X; Y) in nats and say what may be claimed, or refuse and say why.

    X, Y: arrays or lists of shape (n,) or (n, d), Series or DataFrames, row by row; columns of numbers, True and False,
    or categories.
    groups: a label for each row, shape (n,), where rows of one label belong together (repeated measures, copies).
    time: True if the rows are a record in time, False if their order means nothing; None looks, and refuses or warns
    where neighbours resemble each other. stretch: rows of a stretch of time that is kept whole; None chooses it.
    level: of the intervals. permutations: of each of the two tests of independence.
    seed: of folds, networks and permutations: the same gives the same report on the same machine.

    Raises TableError for missing and infinite values, columns that cannot be used, and shapes that do not fit.
    """
    began = clock.perf_counter()
    x_side, y_side = read("X", X), read("Y", Y)
    n = len(x_side.raw)
    if len(y_side.raw) != n:
        raise TableError(f"X and Y must have as many rows as each other, not {n} and {len(y_side.raw)}.")
    if not 0 < level < 1 or permutations < 19:
        raise ValueError("level must lie strictly between 0 and 1, and permutations be at least 19.")
    design = _design(x_side, y_side, groups, time, stretch)
    found = findings.look(x_side, y_side, design, in_order=time is None)
    report = Report(x_side, y_side, design, level, seed, found)
    if any(finding.refuses for finding in found):
        return report
    x, y = x_side.encoded(), y_side.encoded()
    if 0 in (x.shape[1], y.shape[1]):
        return _constant(report)
    with tqdm(total=5, desc="mibook.estimate", disable=None if progress else True) as bar:
        _baselines(report, x, y)
        bar.update()
        main, longer, halves = _critics(report, x, y, bar)
        _test(report, halves, x, y, permutations)
        bar.update()
    report.evidence = rule.Evidence(
        units=design.number,
        main=rule.seen(main, design),
        longer=rule.seen(longer, design),
        halves=rule.seen(halves, design),
        optimism=critics.in_sample(x, y, design) - main.estimate(0.0),
        copula=report.copula,
        ksg=report.ksg,
        columns=x.shape[1] + y.shape[1],
        departure=None if report.copula is None else copula.departure(x, y),
        detected=report.detected,
    )
    _conclude(report)
    report.seconds = clock.perf_counter() - began
    return report


def _design(x: Side, y: Side, groups: Any, time: bool | None, stretch: int | None) -> Design:
    n = len(x.raw)
    if groups is not None and time:
        raise ValueError("Give groups or time=True, not both: name the stretches of time as groups.")
    if groups is not None:
        labels = np.asarray(groups)
        if labels.shape != (n,):
            raise TableError(f"groups must hold a label for each of the {n} rows, but has shape {labels.shape}.")
        return grouped(labels)
    if not time:
        return independent(n)
    if stretch is not None and not 1 <= stretch <= n:
        raise ValueError(f"stretch must lie between 1 and the number of rows, {n}, but is {stretch}.")
    return in_time(n, stretch or findings.memory(x.columns + y.columns))


def _constant(report: Report) -> Report:
    side = next(side for side in (report.x, report.y) if side.encoded().shape[1] == 0)
    text = f"{side.name} has the same value in every row, so that nothing can depend on it in this table."
    report.findings.append(Finding(Reason.NOT_DETECTED, text, "Leave it out, or collect rows in which it varies."))
    report.p = 1.0
    return report


def _without_density(column: Column) -> bool:
    return column.kind is Kind.CATEGORICAL or findings.discrete(column)


def _baselines(report: Report, x: np.ndarray, y: np.ndarray) -> None:
    """The two estimates that assume densities, where nothing speaks against one."""
    seen = {finding.reason for finding in report.findings}
    if Reason.ATOMS in seen or any(map(_without_density, report.x.columns + report.y.columns)):
        return
    report.copula = copula.baseline(x, y)
    if Reason.TIES not in seen:
        report.ksg = ksg(x, y, report.seed)


def _critics(report: Report, x: np.ndarray, y: np.ndarray, bar: tqdm) -> list[critics.CrossFitted]:
    """Three cross-fittings, on folds of their own: the critics, longer trained ones, and critics of half of the rows.

    The first fold of the last is judged by a critic of the other half alone: the test needs it.
    """
    design, fitted = report.design, []
    rng = np.random.default_rng([report.seed, 0])
    for k, (folds, how) in enumerate(((FOLDS, rule.MAIN), (FOLDS, rule.LONGER), (2, rule.MAIN))):
        settings = replace(how, first_seed=report.seed + k * FOLDS)
        fitted.append(critics.cross_fit(x, y, design, design.folds(folds, rng), settings))
        bar.update()
    return fitted


def _test(report: Report, halves: critics.CrossFitted, x: np.ndarray, y: np.ndarray, permutations: int) -> None:
    """Two permutation tests, each exact for independent rows: of the copula baseline, and of a critic of one half."""
    design, everything = report.design, np.arange(len(x))
    rng = np.random.default_rng([report.seed, 1])
    report.copula_null = copula.permuted(x, y, lambda: design.order(everything, rng), permutations)
    chunks = [(c.t(1.0), c.rows, np.arange(len(c.rows))) for c in halves.folds[0]]
    size = sum(len(rows) for _, rows, _ in chunks)
    observed = sum(float(np.trace(t)) for t, _, _ in chunks) / size
    null = [sum(t[at, design.order(rows, rng)].sum() for t, rows, at in chunks) / size for _ in range(permutations)]
    report.critic_null = (observed, np.array(null))
    smallest = min(int((null >= seen - 1e-12).sum()) for seen, null in (report.copula_null, report.critic_null))
    report.p = min(1.0, 2 * (1 + smallest) / (1 + permutations))


def _conclude(report: Report) -> None:
    assert report.evidence is not None, "the critics come first"
    report.critic, report.certified, report.estimate, report.interval, found = rule.conclude(
        report.evidence, report.level
    )
    report.findings += found
    if not report.detected:
        text = f"Two permutation tests do not reject independence (p = {report.p:.3f})."
        report.findings.append(Finding(Reason.NOT_DETECTED, text, "Report it as not detected, and not as absent."))
