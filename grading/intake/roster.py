"""Who is in the course: the roster that an instructor gives, and the one that the course keeps.

A roster is a table of CSV with one person a line. `COLUMNS` are this grader's own; the exports of Moodle, Canvas,
Blackboard and Brightspace are read as they are, by the names that they give their columns.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from grading.errors import CourseError
from grading.files import write
from grading.text import one_line

KEPT = "roster.csv"  # in the course's folder
SYSTEMS = ("moodle", "canvas", "blackboard", "brightspace", "login")  # the last: a name that several systems share
COLUMNS = ("id", "name", "email", "tutor", *SYSTEMS)
LONGEST_ID = 100  # bytes; an id names folders and files
LARGEST = 20 << 20  # bytes of a table
# What the systems, and people, call a column.
CALLED = {
    "student_id": "id",
    "student id": "id",
    "full name": "name",
    "fullname": "name",
    "student": "name",
    "student name": "name",
    "first_name": "first name",
    "firstname": "first name",
    "given name": "first name",
    "last_name": "last name",
    "lastname": "last name",
    "surname": "last name",
    "family name": "last name",
    "e-mail": "email",
    "email address": "email",
    "e-mail address": "email",
    "mail": "email",
    "marker": "tutor",
    "ta": "tutor",
    "id number": "login",
    "canvas id": "canvas",
    "blackboard id": "blackboard",
    "orgdefinedid": "brightspace",
    "org defined id": "brightspace",
    "username": "login",
    "user name": "login",
    "login id": "login",
    "sis login id": "login",
}


@dataclass(frozen=True)
class Person:
    """Someone in the course. ``id`` is the student's in the gradebook, in folders and in the table of grades."""

    id: str
    name: str = ""  # as it is written, given name first
    email: str = ""
    tutor: str = ""
    ids: Mapping[str, str] = field(default_factory=dict)  # by system: what it calls the person; blanks between several

    @property
    def names(self) -> tuple[str, str]:
        """The given and the family name; a name of one word is a family name."""
        first, _, last = self.name.rpartition(" ")
        return first, last

    def called(self, system: str) -> list[str]:
        """What a system calls the person."""
        return self.ids.get(system, "").split()


def read(path: Path) -> list[Person]:
    """The people of a roster; raises CourseError, with the line, where it says too little or names someone twice."""
    rows = table(path)
    people: dict[str, Person] = {}
    for number, row in enumerate(rows, 2):
        if person := _person(row):
            if person.id in people:
                raise CourseError(f"{path}, line {number}: {person.id!r} stands in an earlier line too.")
            people[person.id] = person
        elif any(row.values()) and not _no_person(row):
            raise CourseError(f"{path}, line {number} has no id, no name and no e-mail address.")
    if not people:
        raise CourseError(f"{path} is no roster: its first line must name columns, such as {', '.join(COLUMNS)}.")
    return list(people.values())


def kept(root: Path) -> list[Person]:
    """The roster that the course in ``root`` keeps; empty if it knows none."""
    path = root / KEPT
    return read(path) if path.exists() else []


def keep(root: Path, people: Iterable[Person]) -> None:
    """Make these people the course's roster."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for person in people:
        own = {"id": person.id, "name": person.name, "email": person.email, "tutor": person.tutor}
        writer.writerow({**own, **person.ids})
    write(root / KEPT, file.getvalue().encode())


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file by its columns' names, in small letters; UTF-8 or UTF-16; commas, semicolons or tabs."""
    try:
        if path.stat().st_size > LARGEST:
            raise CourseError(f"{path} is larger than {LARGEST >> 20} MiB.")
        content = path.read_bytes()
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except OSError as error:
        raise CourseError(f"{path} can't be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise CourseError(f"{path} is not text in UTF-8 or UTF-16: save it so.") from None
    head = text.partition("\n")[0]
    mark = max(",;\t", key=head.count)
    try:
        found = csv.DictReader(io.StringIO(text, newline=""), delimiter=mark, restval="")
        found.fieldnames = [(name or "").strip().casefold() for name in found.fieldnames or []]
        return [{name: (row[name] or "").strip() for name in row if name is not None} for row in found]
    except csv.Error as error:
        raise CourseError(f"{path} can't be read ({error}).") from None


def student_id(text: str) -> str:
    """A text as an id: what names folders and is a key of the gradebook. Letters and marks of all scripts are kept."""
    text = unicodedata.normalize("NFC", text)
    kept = (c if unicodedata.category(c)[0] in "LMN" or c in "._@-" else " " for c in text)
    found = re.sub(" +", "-", "".join(kept).strip()).strip(".-")
    return found.encode()[:LONGEST_ID].decode(errors="ignore") or "unnamed"


def _person(row: Mapping[str, str]) -> Person | None:
    """Who stands in a row of a roster, or None."""
    if _no_person(row):
        return None
    # Canvas calls its own number "ID", which is ours elsewhere.
    own = {"id": "canvas"} if "sis login id" in row or "sis user id" in row else {}
    said: dict[str, str] = {}
    for column, value in row.items():
        name = own.get(column) or CALLED.get(column, column)
        value = unicodedata.normalize("NFC", value)
        if value and name in SYSTEMS:
            said[name] = f"{said.get(name, '')} {value.lstrip('#')}".strip()
        elif value:
            said.setdefault(name, value)
    name = " ".join(filter(None, (said.get("first name", ""), said.get("last name", ""))))
    name = _in_order(said.get("name", "")) or name
    email = said.get("email", "")
    ids = {system: said[system] for system in SYSTEMS if system in said}
    word = said.get("id") or ids.get("login", "").partition(" ")[0] or email.partition("@")[0] or name
    return Person(student_id(word), one_line(name), email, said.get("tutor", ""), ids) if word else None


def _no_person(row: Mapping[str, str]) -> bool:
    """Whether a row is one that a system puts into its tables: the points possible, and a student to try things."""
    name = row.get("student", "").strip().casefold()
    return name in ("points possible", "student, test", "test student")


def _in_order(name: str) -> str:
    """A name with the given name first, which some write after a comma."""
    last, comma, first = name.partition(",")
    return f"{first.strip()} {last.strip()}".strip() if comma else name
