"""Where the time of one submission goes, from its file to its feedback, with a cold kernel and with a forked one.

    python -m benchmarks.grading_stages

A small class hands in the solved sheet of MINE, and this process grades it alone. Of each stage the mean is told;
what a run does once is shared by all."""

from __future__ import annotations

import functools
import logging
import os
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from benchmarks.autograding import ASSIGNMENT, NOTEBOOK, grading_course
from grading import pipeline
from grading.feedback import write
from grading.run import worker
from grading.run.execute import RobustExecute
from grading.verdict.preprocessors import Judge
from mibook.results import save

STUDENTS = 12
Spent = dict[str, list[float]]


def watched(function: Callable, stage: str, spent: Spent) -> Callable:
    """The function, with the seconds of each call kept."""

    @functools.wraps(function)
    def call(*arguments, **named):
        start = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            spent[stage].append(time.perf_counter() - start)

    return call


def measure(warm: bool, spent: Spent) -> None:
    """Grade a class of `STUDENTS` twice, the first time to start what is kept; keep what each stage took then."""

    def one_by_one(jobs: Iterator[worker.Job], processes: int) -> Iterator:
        return (watched(worker.grade_one, "grade_one", spent)(job) for job in jobs)

    with tempfile.TemporaryDirectory(prefix="mibook-benchmark-") as name:
        course = grading_course.course(Path(name))
        settings = course.root / "nbgrader_config.py"
        settings.write_text(f"{settings.read_text()}\nc.BubblewrapProvisioner.warm = {warm}\n")
        sheet = grading_course.solved(NOTEBOOK, ASSIGNMENT)
        for number in range(STUDENTS):
            grading_course.hand_in(course, f"student-{number}", sheet, NOTEBOOK, ASSIGNMENT)
        pipeline.run_here = one_by_one
        for _ in range(2):
            spent.clear()
            watched(pipeline.grade, "grade", spent)(course, ASSIGNMENT, 1, force=True, progress=False)
            watched(write.generate, "generate", spent)(course, ASSIGNMENT)


def main() -> None:
    """Measure both ways; print and store the table."""
    os.environ["OMP_NUM_THREADS"] = "1"
    logging.getLogger("traitlets").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore")
    stages = {"_execute_all": RobustExecute, "_execute_one": RobustExecute, "preprocess": Judge}
    real = {name: getattr(owner, name) for name, owner in stages.items()}
    rows: dict[str, dict[str, float]] = defaultdict(dict)
    for way, warm in (("cold", False), ("forked", True)):
        spent: Spent = defaultdict(list)
        for name, owner in stages.items():
            setattr(owner, name, watched(real[name], name, spent))
        measure(warm, spent)
        took = {stage: sum(seconds) / STUDENTS for stage, seconds in spent.items()}
        for stage, seconds in {
            "the kernel's start and end": took["_execute_all"] - took["_execute_one"],
            "the sheet's cells": took["_execute_one"],
            "verdict": took["preprocess"],
            "nbgrader's converter, with a private gradebook": took["grade_one"]
            - took["_execute_all"]
            - took["preprocess"],
            "intake, gradebook and record": took["grade"] - took["grade_one"],
            "feedback page": took["generate"],
        }.items():
            rows[stage][f"{way}, s"] = seconds
    frame = pd.DataFrame(rows).T.rename_axis("stage").reset_index()
    frame.loc[len(frame)] = ["all", *frame.iloc[:, 1:].sum()]
    frame["share, %"] = 100 * frame["forked, s"] / frame["forked, s"].iloc[-1]
    print(frame.to_string(index=False))
    save(
        "grading_stages",
        frame,
        "python -m benchmarks.grading_stages",
        f"{NOTEBOOK}, solved; means of {STUDENTS}, one after the other.",
    )


if __name__ == "__main__":
    main()
