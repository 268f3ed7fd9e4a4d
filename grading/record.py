"""What the stages of a grading say to each other. A kind is an enum; texts are for people, and nothing branches on one.

- A *sheet* is one released notebook of an assignment; a *submission* is what a student handed in for the assignment.
- A *run* is one execution of a sheet in a sandbox, and a *stop* is why a run was ended before its last cell.
- A *check* is one behaviour of an answer with its points; the checks of a test cell are its *verdict*.
- A *note* is something that was noticed about a submission.
- An *outcome* is what a worker returns for a submission: scores and executed sheets, or a *failure*.
- A *record* is the line that the audit keeps of one grading.

Runs, checks and notes travel in the metadata of executed sheets; the functions at the end read and write them there.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from nbformat import NotebookNode

METADATA = "mibook"  # the key of a notebook's or a cell's metadata under which all of this stands


class NoteKind(StrEnum):
    """What a note means for the submission's status, from the mildest on."""

    SLIP = "slip"  # an honest one; costs nothing
    TAMPERED = "tampered"  # a test was changed, removed or imitated
    UNREADABLE = "unreadable"  # a file could not be read
    FAILED = "failed"  # a run was stopped, or the submission could not be graded


class Note(NamedTuple):
    """Something noticed about a submission, or about one file or sheet of it."""

    kind: NoteKind
    text: str
    about: str = ""  # the path of a file, or the name of a sheet; "" for the whole submission


class Check(NamedTuple):
    """One behaviour of an answer: what it is worth, what was earned, and why not all ("" if all)."""

    behaviour: str
    points: float
    earned: float
    reason: str


class StopKind(StrEnum):
    """Why a run was stopped."""

    TIME = "time"  # a cell that could not be interrupted, or the whole sheet, took too long
    SILENCE = "silence"  # the end of a cell's outputs never came, which a busy machine may hold back
    MEMORY = "memory"
    OUTPUT = "output"  # too many outputs, or too long ones
    DEATH = "death"  # the process ended from inside
    PROTOCOL = "protocol"  # what came was not Jupyter's language


class Stop(NamedTuple):
    kind: StopKind
    text: str


@dataclass
class Run:
    """One execution of a sheet."""

    isolation: str = "unknown"  # "bubblewrap", or "none" by the explicit word
    seconds: float = 0.0
    memory: int = 0  # the most bytes that it held
    stop: Stop | None = None
    stopped_at: int | None = None  # the index of the cell


class FailureKind(StrEnum):
    """Why a submission has no scores."""

    NO_SHEET = "no sheet"  # nothing that was handed in is a sheet of the assignment
    GRADER = "grader"  # the grader itself met an error
    WORKER = "worker"  # the process that graded was lost, more than once


class Failure(NamedTuple):
    kind: FailureKind
    text: str


class Score(NamedTuple):
    """What nbgrader's autograder says of one graded cell: its points, or None if a person must mark it."""

    auto: float | None
    to_mark: bool


class Scores(NamedTuple):
    """The scores of a sheet by cell, and the automatic comments on its answers."""

    grades: dict[str, Score]
    comments: dict[str, str | None]


@dataclass
class Outcome:
    """What came of grading a submission: scores by sheet and executed sheets by file name, or why there are none."""

    student: str
    scores: dict[str, Scores] = field(default_factory=dict)
    sheets: dict[str, bytes] = field(default_factory=dict)
    failure: Failure | None = None


class Status(StrEnum):
    """The one word for a submission: the worst that is true of it."""

    GRADED = "graded"
    NEEDS_MARKING = "needs marking"
    TAMPERED = "tampered"
    FAILED = "failed to run"
    MISSING = "missing"


WORTH_SAYING = (Status.FAILED, Status.TAMPERED)  # as soon as it is known


@dataclass
class Record:
    """One grading: from what, with what, and what came of it."""

    when: str  # ISO 8601, UTC
    key: str  # what decided the grade, as one word; "" where the next run is to try again
    received: dict[str, str]  # path of a file to its sha256
    release: dict[str, str]  # name of a sheet to its sha256
    seed: int
    versions: dict[str, str]
    isolation: list[str]
    seconds: float
    checks: dict[str, list[Check]]  # by test cell
    notes: list[Note]
    bases: dict[str, str]  # by graded cell, what a person's mark of it belongs to, as one word

    def changed_since(self, before: Record) -> list[str]:
        """What a person should know of a regrade: the tests whose points are others than in the record before."""
        said = []
        for name in dict.fromkeys([*before.checks, *self.checks]):
            old, new = (_points(record.checks.get(name, [])) for record in (before, self))
            if old != new:
                said.append(f"{name} {_said(old)} → {_said(new)}")
        return said

    def status(self, to_mark: int) -> Status:
        """The submission's status, with so many answers that wait for a mark."""
        kinds = {note.kind for note in self.notes}
        if kinds & {NoteKind.UNREADABLE, NoteKind.FAILED}:
            return Status.FAILED
        if NoteKind.TAMPERED in kinds:
            return Status.TAMPERED
        return Status.NEEDS_MARKING if to_mark else Status.GRADED

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"checks": self.checks, "notes": self.notes}  # tuples, which JSON writes as lists

    @classmethod
    def from_json(cls, line: dict[str, Any]) -> Record:
        checks = {name: [Check(*check) for check in found] for name, found in line["checks"].items()}
        return cls(**line | {"checks": checks, "notes": notes_from_json(line["notes"])})


def _points(checks: list[Check]) -> tuple[float, float]:
    """What was earned of how much."""
    return round(sum(check.earned for check in checks), 6), round(sum(check.points for check in checks), 6)


def _said(points: tuple[float, float]) -> str:
    return f"{points[0]:g} of {points[1]:g}" if points[1] else "not there"


def notes_from_json(entries: list[list[str]]) -> list[Note]:
    return [Note(NoteKind(kind), *rest) for kind, *rest in entries]


# --- in the metadata of an executed sheet ----------------------------------------------------------------------


def write_checks(cell: NotebookNode, checks: list[Check]) -> None:
    cell.metadata[METADATA] = {"checks": [list(check) for check in checks]}


def checks_of(cell: NotebookNode) -> list[Check]:
    """The verdict of a test cell; empty for any other cell."""
    return [Check(*check) for check in cell.metadata.get(METADATA, {}).get("checks", [])]


def write_run(sheet: NotebookNode, run: Run, notes: list[Note]) -> None:
    sheet.metadata[METADATA] = {"run": asdict(run) | {"stop": run.stop}, "notes": [list(note) for note in notes]}


def run_of(sheet: NotebookNode) -> tuple[Run, list[Note]]:
    """How a sheet was executed, and what was noticed on the way."""
    known = sheet.metadata.get(METADATA, {})
    run = Run(**known.get("run", {}))
    if run.stop:
        run.stop = Stop(StopKind(run.stop[0]), run.stop[1])
    return run, notes_from_json(known.get("notes", []))
