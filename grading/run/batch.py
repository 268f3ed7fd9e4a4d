"""Grade a class: many submissions at once, each in a course of its own; one writer for the gradebook.

A worker gets one submission and what nbgrader needs to grade it, in memory: the released notebooks, the assignment's
definition, the student's seed. It makes a private course folder of them, lets stock `nbgrader autograde` do its
work there, and returns scores and executed notebooks. It sees no other student, no answer, no secret. So it may run
in a process here or on a cluster; only this process writes, one submission after the other.

A submission that lost points as its time ran out may have had a neighbour that took the processor: it is graded once
more, alone, after all others.

A run may be stopped at any moment and started again. What counts as done is a line in the audit record, which is
written last; what is done again before that is written over with the same content.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import hashlib
import json
import os
import shutil
import signal
import stat
import sys
import tempfile
import threading
import traceback
from asyncio import CancelledError
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.utils import parse_utc
from tqdm import tqdm
from traitlets.config import Config

from grading.course import Course, CourseError, Listener, write
from grading.gradebook import audit, writer
from grading.gradebook.writer import Scores
from grading.intake import normalise
from grading.run import workers
from grading.run.execute import TOO_LONG, RobustExecute
from grading.verdict.preprocessors import check_test

# How `RobustExecute` and `judge` say that time ran out. The last is also said when the end of a cell's outputs, which a
# busy machine holds back, did not come.
OUT_OF_TIME = ("could not be interrupted", "This cell ran for more than", "ran for too long", TOO_LONG)
NOT_GRADED = "The grader could not grade this submission"
ATTEMPTS = 2  # of a submission whose worker was lost, before that is its result
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


@dataclass
class Outcome:
    """What came of a job: scores and executed notebooks, or why there are none."""

    student: str
    scores: dict[str, Scores] = field(default_factory=dict)
    notebooks: dict[str, bytes] = field(default_factory=dict)
    error: str = ""

    @property
    def starved(self) -> bool:
        """Whether points were lost, and time ran out: the code may be slow, or another submission took its time."""
        if self.error.startswith(NOT_GRADED):  # perhaps no kernel started in time
            return True
        found = [nbformat.reads(content.decode("utf-8"), as_version=4) for content in self.notebooks.values()]
        cells = [cell for notebook in found for cell in notebook.cells]
        checks = [check for cell in cells for check in cell.metadata.get("mibook", {}).get("checks", [])]
        if all(earned >= points for _, points, earned, _ in checks):
            return False
        # Whatever a student's code publishes to look like this buys a second run, and no second chance: the first
        # result is gone then.
        stopped = [notebook.metadata.get("mibook", {}).get("run", {}).get("stopped", "") for notebook in found]
        said = " ".join([*stopped, *(reason for *_, reason in checks)])
        errors = {output.get("ename") for cell in cells for output in cell.get("outputs", [])}
        return "CellTimeoutError" in errors or any(word in said for word in OUT_OF_TIME)


@dataclass
class Row:
    """One line of the summary at the end of a run."""

    student: str
    status: str
    score: float
    max_score: float
    reasons: list[str]
    fresh: bool  # graded in this run


# --- in a worker -----------------------------------------------------------------------------------------------


def grade_one(job: Job) -> Outcome:
    """Grade a submission in a private course folder with stock nbgrader; whatever happens is in the outcome."""
    if not any(name in job.files for name in job.release):
        return Outcome(job.student, error="Nothing that was handed in is a notebook of this assignment.")
    try:
        with _one_at_a_time, _private_folder() as root:
            return _grade_in(root, job)
    except Exception as error:
        detail = traceback.format_exception_only(error)[-1].strip()
        return Outcome(job.student, error=f"{NOT_GRADED}: {normalise.clean(detail, 400)}")


@contextlib.contextmanager
def _private_folder() -> Iterator[Path]:
    before = Path.cwd()
    root = Path(tempfile.mkdtemp(prefix="mibook-course-"))
    try:
        yield root
    finally:
        os.chdir(before)
        for path in root.rglob("*"):  # nbgrader takes away the right to write
            if path.is_dir():
                path.chmod(stat.S_IRWXU)
        shutil.rmtree(root, ignore_errors=True)


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


def _in_time(grade_one: Callable[[Job], Outcome], job: Job) -> Outcome:
    """Grade in a process that ends if the grader itself hangs: its notebooks have limits of their own by far below."""
    seconds = (job.config or Config()).RobustExecute.get(
        "notebook_seconds", RobustExecute.notebook_seconds.default_value
    )
    signal.alarm((int(seconds) + 120) * max(len(job.release), 1))
    try:
        return grade_one(job)
    finally:
        signal.alarm(0)


# --- where they run --------------------------------------------------------------------------------------------


def fairly(jobs: Iterator[Job], run: Callable[[Iterator[Job], bool], Iterator[Outcome]]) -> Iterator[Outcome]:
    """The outcomes of ``run(jobs, False)``, but of a starved submission that of ``run(…, True)``, which runs it alone.

    It comes last, when no other submission is at work, and once: what it says then counts.
    """
    under_way: dict[str, Job] = {}
    starved: list[Job] = []

    def watched() -> Iterator[Job]:
        for job in jobs:
            under_way[job.student] = job
            yield job

    with contextlib.closing(run(watched(), False)) as outcomes:
        for outcome in outcomes:
            job = under_way.pop(outcome.student)
            if outcome.starved:
                starved.append(job)
            else:
                yield outcome
    if starved:
        with contextlib.closing(run(iter(starved), True)) as outcomes:
            yield from outcomes


def run_here(jobs: Iterator[Job], processes: int) -> Iterator[Outcome]:
    """Grade in processes of this machine, as many at once as asked; a process that is lost is replaced."""
    waiting, attempts, alone = iter(jobs), {}, []
    exhausted = False
    pool, running = None, {}
    try:
        while True:
            if pool is None:
                pool = workers.pool(processes)
            # One more than there are workers, so that none waits for the writer. After a loss its suspects run one at a
            # time, so that the next loss names the one to blame.
            while len(running) < (1 if alone else processes + 1) and not (exhausted and not alone):
                job = alone.pop(0) if alone else next(waiting, None)
                if job is None:
                    exhausted = True
                    break
                attempts[job.student] = attempts.get(job.student, 0) + 1
                running[pool.submit(_in_time, grade_one, job)] = job
                if attempts[job.student] > 1:
                    break
            if not running:
                return
            done, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            lost = []
            for future in done:
                job = running.pop(future)
                try:
                    yield future.result()
                except concurrent.futures.process.BrokenProcessPool:
                    lost.append(job)
            if lost:
                lost += running.values()
                running.clear()
                pool.shutdown(wait=True, cancel_futures=True)
                pool = None
                for job in lost:
                    if attempts[job.student] >= ATTEMPTS:
                        yield Outcome(job.student, error="The process that graded this submission was ended twice.")
                    else:
                        alone.append(job)
    finally:
        if pool is not None:
            workers.stop(pool)  # whoever stops the run does not wait for the kernels that are at work


def run_on(jobs: Iterator[Job], address: str, alone: bool = False) -> Iterator[Outcome]:
    """Grade on the workers of a Dask cluster, or ``alone``, one after the other; a task whose worker is lost goes to
    another one."""
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise CourseError("--scheduler needs Dask: run 'python -m pip install distributed'.") from None
    try:
        client = Client(address, timeout=10)
    except (OSError, TimeoutError, ValueError) as error:
        raise CourseError(
            f"There is no Dask scheduler at {address}: start it, or correct the address ({error})."
        ) from None
    with client:
        if not client.scheduler_info()["workers"]:
            raise CourseError(
                f"The scheduler at {address} has no workers yet: start some, as in 'dask worker {address}'."
            )
        # A few jobs ahead of the workers: the submissions of a large class need not be in memory at once.
        ahead = 1 if alone else 2 * sum(worker["nthreads"] for worker in client.scheduler_info()["workers"].values())
        students = {}

        def submit(job: Job):
            future = client.submit(grade_one, job, pure=False, retries=ATTEMPTS)
            students[future.key] = job.student
            return future

        first = [submit(job) for _, job in zip(range(ahead), jobs, strict=False)]
        pending = as_completed(first)
        for future in pending:
            student = students.pop(future.key)
            try:  # a result whose worker was lost before it was fetched is computed again
                outcome = future.result()
            except (Exception, CancelledError) as error:
                why = normalise.clean(f"{type(error).__name__}: {error}", 300)
                outcome = Outcome(student, error=f"No worker could grade this submission ({why}).")
            yield outcome
            future.release()
            if (job := next(jobs, None)) is not None:
                pending.add(submit(job))


# --- here, in one process --------------------------------------------------------------------------------------


def key_of(received: dict[str, str], release: dict[str, str], seed: int) -> str:
    """What a grade depends on, as one word: the same word, the same grade."""
    parts = [received, release, seed, audit.versions()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass
class Prepared:
    """A submission as the coordinator keeps it while it is graded."""

    student: str
    received: dict[str, str]
    normalised: normalise.Normalised
    key: str
    seed: int


class Run:
    """One run over the submissions of an assignment."""

    def __init__(self, course: Course, assignment: str) -> None:
        self.course, self.assignment, self.config = course, assignment, course.config
        self.release = course.release(assignment)
        self.release_hashes = {name: normalise.sha256(content) for name, content in self.release.items()}
        self.policy = writer.policy(self.config)
        self.prepared: dict[str, Prepared] = {}
        self.handed_in: set[str] = set()
        self.fresh: set[str] = set()
        self.known: set[str] = set()  # students whose submission the gradebook has
        self.set_aside: dict[str, str] = {}  # why, by a name that is no student's

    def students(self) -> list[str]:
        """Everyone with a folder for this assignment under `submitted/`, but those whom no record could name."""
        found = sorted((self.course.root / "submitted").glob(f"*/{self.assignment}"))
        names = [path.parent.name for path in found if path.is_dir() or path.is_symlink()]
        for name in names:
            if wrong := _unfit(name):
                self.set_aside[normalise.clean(name)] = f"Not graded, for its folder in submitted/ {wrong}: rename it."
        return [name for name in names if not _unfit(name)]

    def tidy(self) -> None:
        """Put back the notebooks that a run was replacing when it was killed, and take away what it left."""
        for path in list((self.course.root / "autograded").glob(f"*/.{self.assignment}.old")):
            if not (there := path.with_name(self.assignment)).exists():
                path.rename(there)
        for word in ("old", "new"):
            for path in list((self.course.root / "autograded").glob(f"*/.{self.assignment}.{word}")):
                shutil.rmtree(path, ignore_errors=True)

    def jobs(
        self, definition: bytes, students: list[str], force: bool, skipped: Callable[[str], None]
    ) -> Iterator[Job]:
        """A job for each submission that is not graded as it is; ``skipped`` hears of the others."""
        config = deepcopy(self.config)
        data_files = list(self.config.Normalise.get("data_files", []))
        for student in students:
            where = self.course.root, self.assignment, student
            folder = self.course.root / "submitted" / student / self.assignment
            try:
                files, notes = normalise.receive(folder, audit.raw(*where), data_files)
            except Exception as error:  # one submission must not keep the others from being graded
                files, notes = {}, [_unreadable(error)]
            if not files and not notes:
                skipped(student)  # an empty folder is no submission
                continue
            self.handed_in.add(student)
            received = {path: normalise.sha256(content) for path, content in files.items()}
            seed = self.course.seed(self.assignment, student)
            key = key_of(received, self.release_hashes, seed)
            before = audit.latest(*where)
            # A record without its submission in the gradebook speaks of a gradebook that is gone; one without its
            # notebooks, of notebooks that somebody took away.
            there = (self.course.root / "autograded" / student / self.assignment).exists()
            if before and before["key"] == key and not force and student in self.known and there:
                skipped(student)
                continue
            try:
                ready = normalise.normalise(files, self.release, notes)
            except Exception as error:
                ready = normalise.Normalised({}, [*notes, _unreadable(error)], [])
            self.prepared[student] = Prepared(student, received, ready, key, seed)
            yield Job(self.assignment, student, ready.files, self.release, definition, seed, config)

    def finish(self, book: Gradebook, outcome: Outcome) -> None:
        """Put an outcome in place: notebooks, gradebook, and last the line that says it is done."""
        prepared = self.prepared.pop(outcome.student)
        where = self.course.root, self.assignment, outcome.student
        notes = [tuple(note) for note in prepared.normalised.notes]
        key = prepared.key
        if outcome.error:
            notes.append(("failed", outcome.error))
            key = ""  # the grader may be at fault: the next run tries again
        self._place(outcome, prepared)
        before = audit.latest(*where)
        time = prepared.normalised.files.get(normalise.TIMESTAMP)
        writer.apply(
            book,
            self.assignment,
            outcome.student,
            parse_utc(time.decode().strip()) if time else None,
            outcome.scores,
            unchanged=bool(before) and before["received"] == prepared.received,
            policy=self.policy,
        )
        self.known.add(outcome.student)
        line = audit.line(prepared.received, self.release_hashes, outcome.notebooks, notes, prepared.seed, key)
        audit.add(*where, line)
        self.fresh.add(outcome.student)

    def _place(self, outcome: Outcome, prepared: Prepared) -> None:
        """Replace a student's folder under `autograded/` by the notebooks that were executed now."""
        folder = self.course.root / "autograded" / outcome.student / self.assignment
        new, old = (folder.with_name(f".{self.assignment}.{word}") for word in ("new", "old"))
        for path in (new, old):
            shutil.rmtree(path, ignore_errors=True)
        new.mkdir(parents=True)
        for name, content in outcome.notebooks.items():
            write(new / name, content)
        if time := prepared.normalised.files.get(normalise.TIMESTAMP):
            write(new / normalise.TIMESTAMP, time)
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
        shutil.rmtree(old, ignore_errors=True)

    def row(self, book: Gradebook, student: str) -> Row:
        """What the gradebook and the record say of a student now."""
        record = audit.latest(self.course.root, self.assignment, student)
        return row_of(book, self.assignment, student, record, student in self.fresh)


def _unfit(name: str) -> str:
    """Why a folder's name cannot be a student's, or nothing: a gradebook and the record's file must hold it."""
    try:
        return "has a name of more than 200 bytes" if len(name.encode()) > 200 else ""
    except UnicodeEncodeError:
        return "has a name that is not in UTF-8"


def _unreadable(error: Exception) -> normalise.Note:
    what = normalise.clean(f"{type(error).__name__}: {error}")
    return normalise.Note("unreadable", f"The submission could not be read ({what}).")


def row_of(book: Gradebook, assignment: str, student: str, record: dict | None, fresh: bool = False) -> Row:
    """A submission's status, score and what is to say about it."""
    most = book.find_assignment(assignment).max_score
    if record is None:
        return Row(student, "missing", 0.0, most, [], fresh)
    submission = book.find_submission(assignment, student)
    to_mark = sum(grade.needs_manual_grade for notebook in submission.notebooks for grade in notebook.grades)
    reasons = [text for _, text in record["notes"]]
    if to_mark:
        reasons.append(f"{to_mark} answer{'s' if to_mark > 1 else ''} to mark")
    score = max(submission.score - submission.late_submission_penalty, 0.0)
    return Row(student, audit.status(record, to_mark), score, most, reasons, fresh)


def grade(
    course: Course,
    assignment: str,
    processes: int | None = None,
    scheduler: str | None = None,
    force: bool = False,
    progress: bool = True,
) -> list[Row]:
    """Grade every submission of an assignment that is not graded yet; return a row for each student.

    ``force`` grades all of them again. Raises CourseError, before anything is graded, for what a person must mend.
    """
    run = Run(course, assignment)
    students = run.students()
    with _alone(course), course.gradebook() as book:
        try:
            definition = book.find_assignment(assignment)
        except MissingEntry:
            raise CourseError(
                f"The gradebook does not know {assignment!r}: run 'python -m grading assignment' for {course.root}."
            ) from None
        for notebook in definition.notebooks:
            sources = {cell.name: cell.source for cell in notebook.source_cells}
            for test in (cell for cell in notebook.grade_cells if cell.cell_type == "code"):
                check_test(test.name, sources[test.name])
        run.known = {submission.student_id for submission in definition.submissions}
        check_sandbox(run.config, course.root)
        run.tidy()
        bar = tqdm(total=len(students), unit="submission", disable=not progress, desc=assignment, file=sys.stderr)
        with bar:
            for name, why in run.set_aside.items():
                bar.write(f"{name}: {why}", file=sys.stderr)
            jobs = run.jobs(_definition(book, assignment), students, force, lambda student: bar.update())
            at_once = processes or os.cpu_count() or 1

            def run_jobs(jobs: Iterator[Job], alone: bool) -> Iterator[Outcome]:
                return run_on(jobs, scheduler, alone) if scheduler else run_here(jobs, 1 if alone else at_once)

            # Of submissions that run one by one, none can starve another.
            one_by_one = not scheduler and at_once == 1
            with contextlib.closing(run_jobs(jobs, True) if one_by_one else fairly(jobs, run_jobs)) as outcomes:
                for outcome in outcomes:
                    run.finish(book, outcome)
                    row = run.row(book, outcome.student)
                    bar.set_postfix_str(outcome.student, refresh=False)
                    bar.update()
                    if row.status in ("failed to run", "tampered"):
                        bar.write(f"{row.student}: {row.status}. {' '.join(row.reasons)}", file=sys.stderr)
        writer.penalise_all(book, assignment, run.policy)
        everyone = {student.id for student in book.students} | run.handed_in
        aside = [
            Row(name, "failed to run", 0.0, definition.max_score, [why], False) for name, why in run.set_aside.items()
        ]
        return [run.row(book, student) for student in sorted(everyone)] + aside


def check_sandbox(config: Config, root: Path) -> None:
    """Stop before the first submission if this machine cannot protect itself, or the course in ``root``."""
    from grading.sandbox.bubblewrap import SandboxError, refuse_visible
    from grading.sandbox.provisioner import BubblewrapProvisioner

    provisioner = BubblewrapProvisioner(config=config)
    try:
        if provisioner.check() == "bubblewrap":
            refuse_visible(root, provisioner.python)
    except SandboxError as error:
        raise CourseError(str(error)) from None


def _definition(book: Gradebook, assignment: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "definition.db"
        writer.template(book, assignment, f"sqlite:///{path}")
        return path.read_bytes()


@contextlib.contextmanager
def _alone(course: Course) -> Iterator[None]:
    """One run at a time in a course; the lock goes with the process, however it ends."""
    import fcntl

    with (course.root / ".grading.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CourseError(f"Another run is grading in {course.root}: wait for it, or stop it.") from None
        yield
