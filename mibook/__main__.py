"""The command line: ``python -m mibook table.csv --x height --y weight,age``."""

from __future__ import annotations

import argparse
import sys

from mibook.practice.analysis import estimate
from mibook.practice.csvfile import choose, load
from mibook.practice.table import TableError


def parser() -> argparse.ArgumentParser:
    """The options, whose names are those of `mibook.estimate`."""
    of = argparse.ArgumentParser(
        prog="python -m mibook",
        description="Estimate the mutual information of two sets of columns, or say why not.",
    )
    of.add_argument("table", help="a text file with a row of names; separated by commas, semicolons, tabs or bars")
    of.add_argument("--x", required=True, help="the columns of X, separated by commas")
    of.add_argument("--y", required=True, help="the columns of Y, separated by commas")
    of.add_argument("--groups", help="the column whose equal values say which rows belong together")
    order = of.add_mutually_exclusive_group()
    order.add_argument("--time", action="store_true", default=None, help="the rows are a record in time")
    order.add_argument("--no-time", dest="time", action="store_false", help="the order of the rows means nothing")
    of.add_argument("--drop-missing", action="store_true", help="leave out rows with a missing value, and say how many")
    of.add_argument("--level", type=float, default=0.9, help="of the intervals (0.9)")
    of.add_argument("--seed", type=int, default=0, help="of folds, networks and permutations (0)")
    of.add_argument("--html", metavar="FILE", help="write the report as one page that needs no network")
    of.add_argument("--quiet", action="store_true", help="no progress bar")
    return of


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0 for an estimate, 1 for a refusal, 2 for a table that cannot be used."""
    options = parser().parse_args(arguments)
    try:
        frame = load(options.table)
        x, y = choose(frame, options.x), choose(frame, options.y)
        groups = None if options.groups is None else choose(frame, options.groups).iloc[:, 0]
        if options.drop_missing:
            kept = x.notna().all(axis=1) & y.notna().all(axis=1)
            if not kept.all():
                print(f"{(~kept).sum()} of {len(kept)} rows have a missing value and are left out.", file=sys.stderr)
            x, y, groups = x[kept], y[kept], groups if groups is None else groups[kept]
        report = estimate(
            x, y, groups=groups, time=options.time, level=options.level, seed=options.seed, progress=not options.quiet
        )
    except (TableError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print(report)
    if options.html:
        report.to_html(options.html)
    return 1 if report.refusal else 0


if __name__ == "__main__":
    sys.exit(main())
