"""Who a student of a download is: by the roster, by the worksheet of the download, by what was collected before.

A system's own number or name counts before an e-mail address, that before a person's name. Where two persons would do,
nobody is taken.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from grading.errors import CourseError
from grading.intake.collected import Collected
from grading.intake.names import Handed
from grading.intake.roster import CALLED, SYSTEMS, Person, table

TIMES = (
    "last modified (submission)",
    "submitted",
    "submitted at",
    "submission time",
    "date submitted",
    "timestamp",
    "time",
)


GROUP = re.compile(r"(?:.* )?(?:\w*\d|\w)-(.+)")  # "Group 3-Given Family", "Class B-Given Family"
LOGIN = re.compile(r"(\w*\d\w*) (.+)")  # "abc01 Given Family"
NUMBERS = {  # as what the number in a name may be on the roster
    "moodle": ("moodle",),
    "canvas": ("canvas",),
    "blackboard": ("blackboard", "login", "id"),
    "brightspace": ("brightspace",),
    "": (),
}


@dataclass(frozen=True)
class Line:
    """A student in a worksheet: a system's table of one assignment."""

    number: str  # Moodle's, of a participant in this assignment
    name: str
    email: str
    ids: Mapping[str, str]  # by the column's name
    time: str  # as it is written; "" if the student handed in nothing
    place: int  # in the file


@dataclass
class People:
    """Everybody who is known, to be asked about a student of a download."""

    roster: list[Person]
    worksheet: list[Line] = field(default_factory=list)
    before: list[tuple[str, str, Collected]] = field(default_factory=list)  # assignment, student, origin
    assignment: str = ""

    def __post_init__(self) -> None:
        self.by_word: dict[str, set[str]] = defaultdict(set)
        self.by_name: dict[str, set[str]] = defaultdict(set)
        self.people = {person.id: person for person in self.roster}
        for person in self.roster:
            words = [("id", person.id), ("email", person.email)]
            words += [(system, word) for system in SYSTEMS for word in person.called(system)]
            for kind, word in words:
                if word:
                    self.by_word[_word(kind, word)].add(person.id)
            for name in orders(person.name):
                self.by_name[name].add(person.id)
                self.by_name[plain(name)].add(person.id)
        self.lines = {line.number: line for line in self.worksheet if line.number}
        self.here: dict[tuple[str, str], set[str]] = defaultdict(set)  # who was collected for this assignment
        self.of_moodle: dict[str, set[tuple[str, str]]] = defaultdict(set)  # assignments and students, by name
        for assignment, student, origin in self.before:
            if assignment == self.assignment:
                self.here[Handed(origin.system, origin.name, origin.name, origin.number).who].add(student)
            if origin.system == "moodle":
                self.of_moodle[origin.name].add((assignment, student))

    def person(self, handed: Handed) -> Person | None:
        """The one on the roster whose part this is, or None."""
        line, words, names = self.line(handed), [], [handed.name]
        if line:
            words = [*((kind, line.ids.get(kind, "")) for kind in (*SYSTEMS, "id")), ("email", line.email)]
            names = [line.name, handed.name]
        words += [(kind, handed.number) for kind in NUMBERS[handed.system]]
        if not handed.system:  # a folder or a file that is named after a person, in whatever way
            words = [(kind, handed.name) for kind in ("id", "email", *SYSTEMS)]
        if handed.system == "moodle" and (of_group := GROUP.fullmatch(handed.name)):
            names.append(of_group[1])
        if handed.system == "brightspace" and (with_login := LOGIN.fullmatch(handed.name)):
            words.append(("login", with_login[1]))
            names.append(with_login[2])
        for kind, word in words:
            found = self._one(self.by_word.get(_word(kind, word), ())) if word else None
            # A participant of Moodle has another number in each assignment, so a number alone may be another's.
            if found and (kind != "moodle" or self._bears(found, names)):
                return found
        found = next(filter(None, (self.named(name) for name in names if name)), None)
        # Whom the system tells by another number is another person of that name.
        other = found and handed.system != "moodle" and found.called(handed.system)
        return None if other else found

    def _bears(self, person: Person, names: Iterable[str]) -> bool:
        """Whether a person on the roster has one of some names."""
        keys = {key for name in names if name for key in (squeezed(name), plain(squeezed(name)))}
        return any(person.id in self.by_name.get(key, ()) for key in keys)

    def named(self, name: str) -> Person | None:
        """The only one on the roster who has this name, in whatever order of its words and with or without accents."""
        for key in (squeezed(name), plain(squeezed(name))):
            if key and (found := self.by_name.get(key)):
                return self._one(found)
        return None

    def anyone(self, word: str) -> Person | None:
        """The one on the roster whom a word means: an id, a name, an e-mail address."""
        return self.person(Handed("", word, word, ""))

    def login_at_end(self, text: str) -> str:
        """The longest name to log in that a text ends with, after a _; "" if the roster has none."""
        known = {word for person in self.roster for kind in ("blackboard", "login") for word in person.called(kind)}
        known |= {person.id for person in self.roster}
        return max((word for word in known if text.endswith(f"_{word}")), key=len, default="")

    def line(self, handed: Handed) -> Line | None:
        """The worksheet's line of a student of the download; by Moodle's number, if the download is Moodle's."""
        return self.lines.get(handed.number) if handed.system == "moodle" else None

    def line_of(self, person: Person) -> Line | None:
        """The worksheet's line of someone, who need not be on the roster."""
        if person.id in self.people:
            return next((line for line in self.worksheet if self._is(line, person)), None)
        return next((line for line in self.worksheet if person.id in (*line.ids.values(), line.email, line.name)), None)

    def _is(self, line: Line, person: Person) -> bool:
        for kind, word in [*line.ids.items(), ("email", line.email)]:
            if word and (found := self._one(self.by_word.get(_word(kind, word), set()))):
                return found is person
        return bool(line.name) and self.named(line.name) is person

    def earlier(self, handed: Handed) -> str:
        """The student as whom this part was collected before, or ""; Moodle's number is another in each assignment."""
        same = self.here.get(handed.who, set())
        if len(same) == 1:
            return next(iter(same))
        if handed.system == "moodle" and handed.name:
            others = self.of_moodle.get(handed.name, set())
            students = {student for assignment, student in others if assignment != self.assignment}
            taken = any(assignment == self.assignment for assignment, _ in others)
            return students.pop() if len(students) == 1 and not taken else ""
        return ""

    def _one(self, ids: Iterable[str]) -> Person | None:
        found = list(ids)
        return self.people[found[0]] if len(found) == 1 else None


def worksheet(path: Path) -> list[Line]:
    """The lines of a worksheet: Moodle's for grading, or any table that says who handed in when."""
    rows = table(path)
    head = rows[0].keys() if rows else ()
    when = next((name for name in TIMES if name in head), "")
    if not when:
        raise CourseError(f"{path} has no column of times: one must be called {', '.join(TIMES)}.")
    return [_line(row, when, place) for place, row in enumerate(rows, 2)]


def _line(row: Mapping[str, str], when: str, place: int) -> Line:
    said = {CALLED.get(name, name): value for name, value in row.items() if value}
    name = said.get("name") or f"{said.get('first name', '')} {said.get('last name', '')}".strip()
    number = re.search(r"\d+$", said.get("identifier", ""))
    ids = {kind: said[kind].lstrip("#") for kind in (*SYSTEMS, "id") if kind in said}
    time = row[when] if row[when] != "-" else ""
    return Line(number[0] if number else "", name, said.get("email", ""), ids, time, place)


def squeezed(name: str) -> str:
    """A name's letters alone, small."""
    return "".join(c for c in unicodedata.normalize("NFC", name.casefold()) if unicodedata.category(c)[0] in "LMN")


def plain(name: str) -> str:
    """A name without accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", name) if unicodedata.category(c) != "Mn")


def orders(name: str) -> set[str]:
    """A name's letters in each order that begins with one of its words: systems begin with any."""
    words = name.replace(",", " ").split()
    return {squeezed("".join(words[n:] + words[:n])) for n in range(len(words))}


def _word(kind: str, word: str) -> str:
    return f"{kind}:{unicodedata.normalize('NFC', word).casefold()}"
