"""A class of 300 is graded unattended, beside stock `nbgrader autograde` on a part of it, in one run.

    python -m benchmarks.autograding

Every student hands in the notebook of the chapter on MINE: answers drawn from the tables in tests/grading/answers,
right and wrong, and for one in twelve something broken, now and then a loop without end. Stock nbgrader gets a sample
of the intact ones, since the broken ones would stop it, and runs them in bare kernels. The class is graded in two
halves with stock in between, so that a machine that gets busier treats both alike. Memory is the sum of the
proportional set sizes of the grader and all that it starts, sampled twice a second."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import psutil
from nbformat.v4 import new_code_cell
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from grading import pipeline
from grading.course import Course
from grading.feedback import write
from mibook.results import save

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "support"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "grading"))
import grading_course
from answers import fill, mine_net, minetrainer

ASSIGNMENT, NOTEBOOK = "mutual-information", "mine.ipynb"
STUDENTS, STOCK, PROCESSES = 300, 30, 2
KINDS = {"right": 0.46, "wrong": 0.46, "broken": 0.08}
FAULTS = {"cut off": 0.3, "import os; os._exit(1)": 0.3, "def f(:": 0.3, "while True:\n    pass": 0.1}


def regions(answer: str | tuple) -> tuple[str, ...]:
    """The texts of an answer's solution regions."""
    return (answer,) if isinstance(answer, str) else tuple(answer)


def submission(rng: np.random.Generator, kind: str) -> bytes:
    """A notebook with both code exercises answered, as a student would hand it in."""
    notebook = grading_course.solved(NOTEBOOK, ASSIGNMENT)
    source = nbformat.read(grading_course.template() / "source" / ASSIGNMENT / NOTEBOOK, as_version=4)
    for name, table in (("MINE-Net", mine_net), ("MINETrainer", minetrainer)):
        if kind == "wrong" and rng.random() < 0.7:
            answer = list(table.WRONG.values())[rng.integers(len(table.WRONG))][2:]
        else:
            answer = regions(list(table.RIGHT.values())[rng.integers(len(table.RIGHT))])
        given = grading_course.cell(source, name).source
        grading_course.cell(notebook, name).source = grading_course.without_markers(fill(given, *answer))
    if kind != "broken":
        return nbformat.writes(notebook).encode()
    fault = rng.choice(list(FAULTS), p=list(FAULTS.values()))
    if fault == "cut off":
        return nbformat.writes(notebook).encode()[:-200]
    notebook.cells.insert(0, new_code_cell(fault))
    return nbformat.writes(notebook).encode()


class Memory:
    """The largest memory in MB that this process and its descendants held at once, over all entries of the context."""

    def __init__(self) -> None:
        self.most, self.own = 0.0, 0.0

    def __enter__(self) -> None:
        self.done = threading.Event()
        self.sampler = threading.Thread(target=self._sample, daemon=True)
        self.sampler.start()

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.sampler.join()

    def _sample(self) -> None:
        here = psutil.Process()
        while not self.done.wait(0.5):
            total = 0.0
            for process in [here, *here.children(recursive=True)]:
                try:
                    held = process.memory_full_info().pss / 1e6
                except psutil.Error:
                    continue  # it has just ended
                total += held
                if process == here:
                    self.own = max(self.own, held)
            self.most = max(self.most, total)


def stock(folder: Path, submissions: list[bytes]) -> tuple[float, float]:
    """Grade intact submissions with nbgrader as it comes, in one process; return the seconds, and those of feedback."""
    shutil.copytree(grading_course.template() / "source", folder / "source")
    shutil.copytree(grading_course.template() / "release", folder / "release")
    shutil.copy(grading_course.template() / "gradebook.db", folder / "gradebook.db")
    course = Course(folder)
    for number, content in enumerate(submissions):
        grading_course.hand_in(course, f"student-{number:03}", content, NOTEBOOK, ASSIGNMENT)
    config = Config()
    config.CourseDirectory.root, config.CourseDirectory.course_id = str(folder), "mibook"
    config.CourseDirectory.assignment_id = ASSIGNMENT
    config.OverwriteCells.add_missing_cells = True
    seconds = []
    for kind in (Autograde, GenerateFeedback):
        converter = kind(coursedir=CourseDirectory(config=config), config=config)
        converter.log = logging.Logger("stock")
        start = time.perf_counter()
        converter.start()
        seconds.append(time.perf_counter() - start)
    return seconds[0], seconds[1]


def sheet_seconds() -> dict[str, float]:
    """Processor seconds that each solved sheet takes from its first cell to its last, beyond importing torch."""

    def seconds(sources: list[str]) -> float:
        lines = ["import torch", "from IPython.core.interactiveshell import InteractiveShell"]
        lines += ["run = InteractiveShell.instance().run_cell"]
        lines += [f"run({source!r}).raise_error()" for source in sources]
        before = psutil.Process().cpu_times()
        subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True, env=os.environ | {"MPLBACKEND": "agg"})
        after = psutil.Process().cpu_times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    start, found = seconds([]), {}
    for assignment, names in grading_course.ALL.items():
        for name in names:
            cells = grading_course.solved(name, assignment).cells
            found[name] = seconds([cell.source for cell in cells if cell.cell_type == "code"]) - start
    return found


def main() -> None:
    """Grade the class; print and store what it took."""
    os.environ["OMP_NUM_THREADS"] = "1"
    logging.getLogger("traitlets").setLevel(logging.CRITICAL)  # stock's warnings for each submission
    rng = np.random.default_rng(0)
    kinds = rng.choice(list(KINDS), STUDENTS, p=list(KINDS.values()))
    contents = [submission(rng, kind) for kind in kinds]
    with tempfile.TemporaryDirectory(prefix="mibook-benchmark-") as name:
        course = grading_course.course(Path(name))
        memory, stock_memory, seconds, feedback_seconds = Memory(), Memory(), 0.0, 0.0
        for half in range(2):
            for number in range(half, STUDENTS, 2):
                grading_course.hand_in(course, f"student-{number:03}", contents[number], NOTEBOOK, ASSIGNMENT)
            start = time.perf_counter()
            with memory:
                rows = pipeline.grade(course, ASSIGNMENT, PROCESSES)
            seconds += time.perf_counter() - start
            start = time.perf_counter()
            write.generate(course, ASSIGNMENT, PROCESSES)
            feedback_seconds += time.perf_counter() - start  # each time of the pages that are new
            if half == 0:
                intact = [content for content, kind in zip(contents, kinds, strict=True) if kind != "broken"]
                with stock_memory:
                    stock_seconds, stock_feedback_seconds = stock(Path(name) / "stock", intact[:STOCK])
        status = Counter(row.status for row in rows)
    assert len(rows) == STUDENTS
    for sheet, spent in sheet_seconds().items():
        print(f"{sheet}, solved: {max(spent, 0):.1f} s beyond torch's start")
    frame = pd.DataFrame(
        {
            "grader": ["this book's", "stock nbgrader"],
            "submissions": [STUDENTS, STOCK],
            "processes": [PROCESSES, 1],
            "a minute": [60 * STUDENTS / seconds, 60 * STOCK / stock_seconds],
            "a minute, with feedback": [
                60 * STUDENTS / (seconds + feedback_seconds),
                60 * STOCK / (stock_seconds + stock_feedback_seconds),
            ],
            "failed to run": [status["failed to run"], 0],
        }
    )
    frame["of a core"] = frame["a minute"] / frame["processes"] / frame["a minute"].iloc[1]
    frame["of a core, with feedback"] = (
        frame["a minute, with feedback"] / frame["processes"] / frame["a minute, with feedback"].iloc[1]
    )
    frame["memory in MB"] = [memory.most, stock_memory.most]
    print(frame.to_string(index=False))
    print(dict(status), f"the coordinator alone: {memory.own:.0f} MB")
    note = f"A synthetic class handing in {NOTEBOOK}; stock on a sample of the intact ones, in between. Two cores."
    save("autograding", frame, "python -m benchmarks.autograding", note)


if __name__ == "__main__":
    main()
