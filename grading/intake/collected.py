"""Where a submission came from: what a collector keeps of it beside the files as they came.

`raw/ASSIGNMENT/STUDENT/collected.json` says by what names the download knew the student and the files, so that grades
and feedback find their way back; which files are the collector's; when they were handed in, and who says so. What is
not said here is not known: a `timestamp.txt` that came in a folder may be the student's own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from grading.files import write
from grading.intake.times import stamp
from grading.record import Note, notes_from_json

NAME = "collected.json"


class TimeFrom(StrEnum):
    """Who says when something was handed in."""

    NOBODY = ""
    NAME = "its name in the download"
    WORKSHEET = "the worksheet"
    COURSE = "its name, by the course's own pattern"
    HAND = "a person of the course"


@dataclass
class Collected:
    """A student's work in the downloads that were collected for an assignment."""

    system: str = ""  # "moodle", "canvas", "blackboard", "brightspace"; "" for folders and files named after people
    number: str = ""  # by which the system tells the student: a participant's, a user's, or a name to log in
    name: str = ""  # of the student, as the download writes it
    called: list[str] = field(default_factory=list)  # the folders, or the beginnings of names, that are the student's
    files: dict[str, str] = field(default_factory=dict)  # path in the submission to sha256
    originals: dict[str, str] = field(default_factory=dict)  # path in the submission to the one in the download
    late: bool = False  # the system marked it late
    time: str = ""  # of submission, in UTC
    time_from: TimeFrom = TimeFrom.NOBODY
    notes: list[Note] = field(default_factory=list)


def raw(root: Path, assignment: str, student: str) -> Path:
    """Where a student's submissions to an assignment are kept as they were received."""
    return root / "raw" / assignment / student


def read(raw: Path) -> Collected | None:
    """What a collector kept in a submission's raw folder, or None if none brought it."""
    path = raw / NAME
    if not path.exists():
        return None
    found = json.loads(path.read_text(encoding="utf-8"))
    return Collected(**found | {"notes": notes_from_json(found["notes"]), "time_from": TimeFrom(found["time_from"])})


def keep(raw: Path, collected: Collected) -> None:
    write(raw / NAME, json.dumps(asdict(collected) | {"notes": collected.notes}, indent=1).encode())


def time_of(raw: Path, when: datetime) -> TimeFrom:
    """Who wrote the time that stands in the folder of a submission: the collector, or since then a person.

    In a folder that nobody collected it may be the student, so it is nobody's.
    """
    if not (found := read(raw)):
        return TimeFrom.NOBODY
    return found.time_from if found.time == stamp(when) else TimeFrom.HAND


def known(root: Path, assignment: str = "*") -> Iterator[tuple[str, str, Collected]]:
    """Assignment, student and origin of everything that was collected, for one assignment or for all."""
    for path in sorted((root / "raw").glob(f"{assignment}/*/{NAME}")):
        if found := read(path.parent):
            yield path.parent.parent.name, path.parent.name, found
