"""Grade a class: many submissions at once, and one writer for the gradebook.

A run of the grader may be stopped at any moment and started again. What counts as done is a line in the audit, which is
written last; what is done again before that is written over with the same content.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path

from nbgrader.api import Assignment, Gradebook, MissingEntry
from nbgrader.utils import parse_utc
from tqdm import tqdm
from traitlets.config import Config

from grading.course import Course
from grading.errors import CourseError
from grading.files import remove_left, sha256, write
from grading.gradebook import audit, writer
from grading.gradebook.key import key_of
from grading.gradebook.policy import lateness, penalise_all, policy_of
from grading.intake import keep
from grading.intake.collected import raw
from grading.intake.earlier import Earlier
from grading.intake.normalise import Normalised, normalise
from grading.intake.receive import TIMESTAMP, Submission
from grading.intake.times import course_zone
from grading.record import WORTH_SAYING, Note, NoteKind, Outcome, Record, Status
from grading.run.cluster import run_on
from grading.run.schedule import run_here
from grading.run.worker import Job
from grading.sandbox.bubblewrap import SandboxError, refuse_visible
from grading.sandbox.provisioner import BubblewrapProvisioner
from grading.text import one_line
from grading.verdict.preprocessors import check_test


@dataclass
class Row:
    """One line of the summary at the end of a run."""

    student: str
    status: Status
    score: float
    max_score: float
    reasons: list[str]
    fresh: bool  # graded in this run
    changes: list[str] = field(default_factory=list)  # what grading the same files again changed


@dataclass
class Prepared:
    """A submission as the coordinator keeps it while it is graded."""

    student: str
    received: dict[str, str]
    normalised: Normalised
    key: str
    seed: int


class Grading:
    """The grading of an assignment: what is to do, and what was done."""

    def __init__(self, course: Course, assignment: str) -> None:
        self.course, self.assignment, self.config = course, assignment, course.config
        self.release = course.release(assignment)
        self.earlier = Earlier.of(course.earlier(assignment))
        self.release_hashes = {name: sha256(content) for name, content in self.release.items()}
        self.policy = policy_of(self.config)
        self.zone = course_zone(self.config)
        self.prepared: dict[str, Prepared] = {}
        self.handed_in: set[str] = set()
        self.fresh: set[str] = set()
        self.changes: dict[str, list[str]] = {}  # what grading the same files again changed, by student
        self.known: set[str] = set()  # students whose submission the gradebook has
        self.set_aside: dict[str, str] = {}  # why, by a name that is no student's

    def students(self) -> list[str]:
        """Everyone with a folder for this assignment under `submitted/`, but those whom no record could name."""
        found = sorted((self.course.root / "submitted").glob(f"*/{self.assignment}"))
        names = [path.parent.name for path in found if path.is_dir() or path.is_symlink()]
        for name in names:
            if wrong := _unfit(name):
                self.set_aside[one_line(name)] = f"Not graded, for its folder in submitted/ {wrong}: rename it."
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
                submission = keep.original(folder, raw(*where), data_files)
            except Exception as error:  # one submission must not keep the others from being graded
                submission = Submission(notes=[_unreadable(error)])
            if not submission:
                skipped(student)  # an empty folder is no submission
                continue
            self.handed_in.add(student)
            seed = self.course.seed(self.assignment, student)
            key = key_of(submission.hashes, self.release_hashes, seed, self.config)
            before = audit.latest(*where)
            # A record without its submission in the gradebook speaks of a gradebook that is gone; one without its
            # notebooks, of notebooks that somebody took away.
            there = (self.course.root / "autograded" / student / self.assignment).exists()
            if before and before.key == key and not force and student in self.known and there:
                skipped(student)
                continue
            try:
                ready = normalise(submission, self.release, self.zone, data_files, earlier=self.earlier)
            except Exception as error:
                ready = Normalised(notes=[*submission.notes, _unreadable(error)])
            self.prepared[student] = Prepared(student, submission.hashes, ready, key, seed)
            yield Job(self.assignment, student, ready.files, self.release, definition, seed, config)

    def finish(self, book: Gradebook, outcome: Outcome) -> None:
        """Put an outcome in place: notebooks, gradebook, and last the line that says it is done."""
        prepared = self.prepared.pop(outcome.student)
        where = self.course.root, self.assignment, outcome.student
        notes, key = list(prepared.normalised.notes), prepared.key
        if outcome.failure:
            notes.append(Note(NoteKind.FAILED, outcome.failure.text))
            key = ""  # the grader may be at fault: the next run tries again
        before = audit.latest(*where)
        record = audit.record(prepared.received, self.release_hashes, outcome.sheets, notes, prepared.seed, key)
        if before and before.received == prepared.received:
            self.changes[outcome.student] = record.changed_since(before)
            if outcome.failure:  # of the same files: what persons marked is what it was
                record.bases = before.bases
        self._place(outcome, prepared)
        time = prepared.normalised.files.get(TIMESTAMP)
        writer.apply(
            book,
            self.assignment,
            outcome.student,
            parse_utc(time.decode().strip()) if time else None,
            outcome.scores,
            same=lambda name: before is not None and before.bases.get(name) == record.bases.get(name),
            policy=self.policy,
        )
        self.known.add(outcome.student)
        audit.add(*where, record)
        self.fresh.add(outcome.student)

    def _place(self, outcome: Outcome, prepared: Prepared) -> None:
        """Replace a student's folder under `autograded/` by the notebooks that were executed now."""
        folder = self.course.root / "autograded" / outcome.student / self.assignment
        new, old = (folder.with_name(f".{self.assignment}.{word}") for word in ("new", "old"))
        for path in (new, old):
            shutil.rmtree(path, ignore_errors=True)
        new.mkdir(parents=True)
        for name, content in outcome.sheets.items():
            write(new / name, content)
        if time := prepared.normalised.files.get(TIMESTAMP):
            write(new / TIMESTAMP, time)
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
        shutil.rmtree(old, ignore_errors=True)

    def row(self, book: Gradebook, student: str) -> Row:
        """What the gradebook and the record say of a student now."""
        record = audit.latest(self.course.root, self.assignment, student)
        row = row_of(book, self.course.root, self.assignment, student, record, student in self.fresh)
        return replace(row, changes=self.changes.get(student, []))


def _unfit(name: str) -> str:
    """Why a folder's name cannot be a student's, or nothing: a gradebook and the record's file must hold it."""
    try:
        if len(name.encode()) > 200:
            return "has a name of more than 200 bytes"
        return "" if name.isprintable() else "has a name with a line break, or with what can't be printed"
    except UnicodeEncodeError:
        return "has a name that is not in UTF-8"


def _unreadable(error: Exception) -> Note:
    what = one_line(f"{type(error).__name__}: {error}")
    return Note(NoteKind.UNREADABLE, f"The submission could not be read ({what}).")


def row_of(
    book: Gradebook, root: Path, assignment: str, student: str, record: Record | None, fresh: bool = False
) -> Row:
    """A submission's status, score and what is to say about it."""
    most = book.find_assignment(assignment).max_score
    if record is None:
        return Row(student, Status.MISSING, 0.0, most, [], fresh)
    submission = book.find_submission(assignment, student)
    to_mark = sum(grade.needs_manual_grade for notebook in submission.notebooks for grade in notebook.grades)
    reasons = list(filter(None, (*(note.text for note in record.notes), lateness(submission, root).unknown)))
    if to_mark:
        reasons.append(f"{to_mark} answer{'s' if to_mark > 1 else ''} to mark")
    score = max(submission.score - submission.late_submission_penalty, 0.0)
    return Row(student, record.status(to_mark), score, most, reasons, fresh)


def grade(
    course: Course,
    assignment: str,
    processes: int | None = None,
    scheduler: str | None = None,
    force: bool = False,
    progress: bool = True,
    told: Callable[[Row], None] = lambda row: None,
) -> list[Row]:
    """Grade every submission of an assignment that is not graded yet; return a row for each student.

    ``force`` grades all of them again; ``told`` hears of each submission as it ends. Raises CourseError, before
    anything is graded, for what a person must mend.
    """
    grading = Grading(course, assignment)
    students = grading.students()
    with course.alone(), course.gradebook() as book:
        definition = _known(book, course, assignment)
        grading.known = {submission.student_id for submission in definition.submissions}
        check_sandbox(grading.config, course.root)
        grading.tidy()
        remove_left()
        with tqdm(
            total=len(students), unit="submission", disable=not progress, desc=assignment, file=sys.stderr
        ) as bar:
            for name, why in grading.set_aside.items():
                bar.write(f"{name}: {why}", file=sys.stderr)
            jobs = grading.jobs(_definition(book, assignment), students, force, lambda student: _leave_out(bar))
            ended: Counter[str] = Counter()
            with contextlib.closing(_outcomes(jobs, processes, scheduler)) as outcomes:
                for outcome in outcomes:
                    grading.finish(book, outcome)
                    row = grading.row(book, outcome.student)
                    ended[row.status] += 1
                    _report(bar, row, ended)
                    told(row)
        penalise_all(book, assignment, grading.policy)
        everyone = {student.id for student in book.students} | grading.handed_in
        return [grading.row(book, student) for student in sorted(everyone)] + [
            Row(name, Status.FAILED, 0.0, definition.max_score, [why], False) for name, why in grading.set_aside.items()
        ]


def _known(book: Gradebook, course: Course, assignment: str) -> Assignment:
    """The assignment in the gradebook; raises CourseError if it is not there, or not this grader's."""
    try:
        definition = book.find_assignment(assignment)
    except MissingEntry:
        raise CourseError(
            f"The gradebook does not know {assignment!r}: run 'mibook-course assignment' for {course.root}."
        ) from None
    for notebook in definition.notebooks:
        sources = {cell.name: cell.source for cell in notebook.source_cells}
        for test in (cell for cell in notebook.grade_cells if cell.cell_type == "code"):
            check_test(course.config.Judge.exercises, test.name, sources[test.name])
    return definition


def _outcomes(jobs: Iterator[Job], processes: int | None, scheduler: str | None) -> Generator[Outcome, None, None]:
    """Grade the jobs where they are to run."""
    return run_on(jobs, scheduler) if scheduler else run_here(jobs, processes or os.cpu_count() or 1)


def _leave_out(bar: tqdm) -> None:
    """What is graded already is no part of the work that the bar foretells."""
    bar.total -= 1
    bar.refresh()


def _report(bar: tqdm, row: Row, ended: Counter[str]) -> None:
    bar.set_postfix_str(", ".join(f"{count} {status}" for status, count in sorted(ended.items())), refresh=False)
    bar.update()
    if row.status in WORTH_SAYING:
        bar.write(f"{row.student}: {row.status}. {' '.join(row.reasons)}", file=sys.stderr)


def check_sandbox(config: Config, root: Path) -> None:
    """Stop before the first submission if this machine cannot protect itself, or the course in ``root``."""
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
