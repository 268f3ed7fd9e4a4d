"""What a name in a download says: whose a file is, what the student called it, and when it came.

The outermost name says it, which the learning management system gave. What lies below it is the student's own, folders
and zips with the names of other students among it, so it is never asked.

The forms are those of Moodle's and Canvas's sources, and of what instructors of Blackboard and Brightspace show of
their downloads; no live system was asked.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from grading.intake.receive import NOBODYS
from grading.intake.roster import student_id

NOTEBOOK = r"(?P<stem>.+?)(?:-\d+)?(?P<end>\.ipynb(?:\.json)?)"  # Canvas counts what is handed in again
DAY = r"\w+\.? \d{1,2}, \d{4} \d{1,2}:?\d\d(?: ?[AP]M)?"
PATTERNS = {
    # Full Name_1234567_assignsubmission_file_, with or without the last _, a folder or the beginning of a file's name
    "moodle": (r"(?P<name>.+?)_(?P<number>\d+)_assignsubmission_(?:file|onlinetext)(?:_(?P<file>.*))?",),
    # familyname_LATE_12345_678901_mine-1.ipynb: the first number is the student's, and names may repeat
    "canvas": (
        r"(?:(?P<late>LATE)_)?(?P<anonymous>anon)_(?P<number>[^\W_]+)_(?:\d+_(?P<file>.+)|(?P<text>(?:text|link)\.html))",
        r"(?P<name>[^_]+)_(?:(?P<late>LATE)_)?(?P<number>\d+)_(?:\d+_(?P<file>.+)|(?P<text>(?:text|link)\.html))",
    ),
    # Homework 1_login_attempt_2027-03-01-21-04-59_mine.ipynb, and beside it the same without a file: .txt
    "blackboard": (
        r"(?P<head>.+?)_attempt_(?P<time>\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d)(?:_(?P<file>.+)|(?P<about>\.txt))",
    ),
    # 123456-654321 - Given Family - Mar 1, 2027 904 PM, a folder or the beginning of a file's name
    "brightspace": (rf"(?P<number>\d+)-\d+ - (?P<name>.+?) - (?P<time>{DAY})(?: - (?P<file>.+))?",),
}
KNOWN = [(system, re.compile(pattern, re.DOTALL)) for system, patterns in PATTERNS.items() for pattern in patterns]
SYSTEMS_OWN = {"index.html"}  # what a system puts beside the students' files


@dataclass(frozen=True)
class Handed:
    """One file in a download: whose it is, as the system or a folder says, and what it is called within."""

    system: str  # "" for a folder or a file that is named after a person
    called: str  # the folder, or the beginning of the name, that is the student's, as it was
    name: str  # of the student, as it is written; "" where the system hides it
    number: str  # by which the system tells the student; "" if it says none
    file: str = ""  # the path of the file within the student's part; "" for the part itself
    late: bool = False
    time: str = ""  # as it is written
    own: bool = False  # the system's own words about the submission

    @property
    def id(self) -> str:
        """The student's id where no roster knows one: two students of one name are told apart by their numbers."""
        if self.system == "blackboard":
            return student_id(self.number)
        name = self.name or self.called
        return student_id(f"{name}_{self.number}" if self.name and self.number else name)

    @property
    def who(self) -> tuple[str, str]:
        """What is the same for all files of one student in one download."""
        # Moodle's number is of one assignment alone, and of Brightspace's it is not known whose it is.
        number = f"{self.number} {self.name}" if self.system in ("moodle", "brightspace") else self.number
        return self.system, number or self.called


def two(name: str) -> bool:
    """Whether a name was chosen to be taken for another's: it cannot be told whose it is."""
    return name.count("_assignsubmission_") > 1


def said(name: str) -> Handed | None:
    """What the outermost name in a download says, if it is one that a system gives; else None."""
    name = unicodedata.normalize("NFC", name)
    if two(name):
        return None
    for system, pattern in KNOWN:
        if match := pattern.fullmatch(name):
            return _handed(system, name, match)
    return None


def _handed(system: str, name: str, match: re.Match[str]) -> Handed:
    found = {key: value or "" for key, value in match.groupdict().items()}
    file = found.get("file", "") or found.get("text", "")
    called = name[: len(name) - len(file)] if file else name
    number = found.get("number", "")
    if system == "blackboard":  # the assignment's name is before the last _, and both may hold one
        called, number = f"{found['head']}_attempt_{found['time']}", found["head"].rpartition("_")[2]
        file = file or f"about{found['about']}" * bool(found["about"])
    elif found.get("anonymous"):
        called = f"anon_{number}"
    late, about = bool(found.get("late")), bool(found.get("about"))
    return Handed(system, called, found.get("name", ""), number, file, late, found.get("time", ""), about)


def given(path: str) -> Handed | None:
    """What a path says whose outermost name is a system's, or None. Canvas's count is taken off a notebook's name."""
    top, _, rest = path.partition("/")
    if not (found := said(top)):
        return None
    if not rest and found.system == "canvas" and (match := re.fullmatch(NOTEBOOK, found.file, re.IGNORECASE)):
        return replace(found, file=match["stem"] + match["end"])
    if not rest:
        return found
    return replace(found, file="/".join(filter(None, (found.file, rest))))


def nobodys(path: str) -> bool:
    """Whether a file is one that an operating system or a program keeps beside others."""
    parts = PurePosixPath(path).parts
    return bool(NOBODYS & set(parts)) or parts[-1].startswith(("._", ".DS_Store", "Thumbs.db"))


def tops(paths: Iterable[str]) -> list[str]:
    """The outermost names of some paths, each once, in their order."""
    return list(dict.fromkeys(path.partition("/")[0] for path in paths))
