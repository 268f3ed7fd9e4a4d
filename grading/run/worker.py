"""Grade one submission: in memory, in a private course folder, with stock nbgrader.

A worker gets what nbgrader needs to grade a submission: the released sheets, the assignment's definition, the student's
seed. It sees no other student, no answer, no secret. So it may run in a process here or on a cluster.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook
from traitlets.config import Config

from grading.files import private_folder, remove
from grading.gradebook import writer
from grading.record import Failure, FailureKind, Outcome
from grading.run.execute import RobustExecute
from grading.sandbox import warm
from grading.sandbox.provisioner import BubblewrapProvisioner
from grading.sandbox.watch import PATIENCE
from grading.stock import Listener
from grading.text import one_line

_one_at_a_time = threading.Lock()  # nbgrader changes the process's working folder


@dataclass
class Job:
    """One submission with all that grading it needs."""

    assignment: str
    student: str
    files: dict[str, bytes]  # normalised
    release: dict[str, bytes]
    definition: bytes  # a gradebook that knows the assignment and no student
    seed: int
    config: Config


def grade_one(job: Job) -> Outcome:
    """Grade a submission in a private course folder with stock nbgrader; whatever happens is in the outcome."""
    if not any(name in job.files for name in job.release):
        nothing = "Nothing that was handed in is a notebook of this assignment."
        return Outcome(job.student, failure=Failure(FailureKind.NO_SHEET, nothing))
    try:
        with _one_at_a_time, _private_folder() as root:
            return _grade_in(root, job)
    except Exception as error:
        detail = traceback.format_exception_only(error)[-1].strip()
        said = f"The grader could not grade this submission: {one_line(detail, 400)}"
        return Outcome(job.student, failure=Failure(FailureKind.GRADER, said))


@contextlib.contextmanager
def _private_folder() -> Iterator[Path]:
    before = Path.cwd()
    root = private_folder()
    try:
        yield root
    finally:
        os.chdir(before)
        remove(root)  # with its folders, from which nbgrader takes away the right to write


@functools.lru_cache(maxsize=8)
def imported(sheets: tuple[bytes, ...]) -> list[str]:
    """The modules that the code cells of released sheets import, in order."""
    found: dict[str, None] = {}
    for content in sheets:
        for cell in nbformat.reads(content.decode("utf-8"), as_version=4).cells:
            with contextlib.suppress(SyntaxError):  # a magic command
                nodes = list(ast.walk(ast.parse(cell.source))) if cell.cell_type == "code" else []
                for node in nodes:
                    if isinstance(node, ast.Import):
                        found |= dict.fromkeys(alias.name for alias in node.names)
                    elif isinstance(node, ast.ImportFrom) and node.module:
                        found |= dict.fromkeys([node.module, *(f"{node.module}.{alias.name}" for alias in node.names)])
    return list(found)


def modules(job: Job) -> list[str]:
    """What the job's kernels are forked with."""
    settings = job.config or Config()
    return [*settings.BubblewrapProvisioner.get("preload", []), *imported(tuple(job.release.values()))]


def start_zygote(job: Job) -> tuple[str, tuple[str, ...], warm.Zygote] | None:
    """One process for all workers of a run to fork kernels from, and its key; None where kernels start cold."""
    settings, names = BubblewrapProvisioner(config=job.config), tuple(modules(job))
    if not (names and settings.warm and settings.check() == "bubblewrap"):
        return None
    return settings.python, names, warm.start_zygote(settings.python, names)


def _grade_in(root: Path, job: Job) -> Outcome:
    from nbgrader.converters import Autograde
    from nbgrader.coursedir import CourseDirectory

    url = f"sqlite:///{root / 'gradebook.db'}"
    (root / "gradebook.db").write_bytes(job.definition)
    folder = root / "submitted" / job.student / job.assignment
    for name, content in job.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (root / "source" / job.assignment).mkdir(parents=True)
    config = deepcopy(job.config)
    config.CourseDirectory.root = str(root)
    config.CourseDirectory.db_url = url
    config.CourseDirectory.assignment_id, config.CourseDirectory.student_id = job.assignment, job.student
    config.BubblewrapProvisioner.preload = modules(job)
    config.PlaceSeed.seed = config.Judge.seed = job.seed
    # The submission is normalised already, and the record is written where all of them are.
    config.Autograde.pop("pre_convert_hook", None)
    config.Autograde.pop("post_convert_hook", None)
    said = Listener()
    converter = Autograde(coursedir=CourseDirectory(config=config), config=config)
    converter.log = said.logger
    try:
        converter.start()
    except Exception as error:
        raise RuntimeError(said.worst or str(error)) from error
    with Gradebook(url) as private:
        found = writer.scores(private, job.assignment, job.student)
    executed = {p.name: p.read_bytes() for p in (root / "autograded" / job.student / job.assignment).glob("*.ipynb")}
    return Outcome(job.student, found, executed)


def grade_in_time(grade: Callable[[Job], Outcome], job: Job) -> Outcome:
    """Grade in a process that ends if the grader itself hangs: its notebooks have limits of their own by far below."""
    seconds = (job.config or Config()).RobustExecute.get(
        "notebook_seconds", RobustExecute.notebook_seconds.default_value
    )
    signal.alarm((int(PATIENCE * seconds) + 120) * max(len(job.release), 1))
    try:
        return grade(job)
    finally:
        signal.alarm(0)
