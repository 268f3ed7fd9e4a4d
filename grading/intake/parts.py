"""Whose each file of a download is: the parts of a download, each what one student handed in at one time."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from grading.errors import CourseError
from grading.intake import names
from grading.intake.match import COPY
from grading.intake.names import Handed
from grading.intake.people import People
from grading.intake.receive import TIMESTAMP, is_notebook
from grading.intake.unpack import ZIP, Piece, Unpacked
from grading.record import Note, NoteKind
from grading.text import one_line

ABOUT = re.compile(
    r"[^:\n]{1,40}: *(?P<name>.+) \((?P<login>[^()\s]+)\)\s*"
)  # Blackboard's first line: Name: … (login)
LONGEST_PATH = 1000  # bytes of a path in a submission
TABLES = (".csv", ".xlsx")


def clashes(path: str, files: Iterable[str]) -> bool:
    """Whether a path is among others, or is a folder where another is a file, or the reverse."""
    above = {str(parent) for parent in PurePosixPath(path).parents}
    return any(other == path or other in above or other.startswith(f"{path}/") for other in files)


@dataclass
class Part:
    """What one student handed in at one time."""

    handed: Handed
    files: dict[str, Piece] = field(default_factory=dict)  # by their path in the submission
    originals: dict[str, str] = field(default_factory=dict)  # the same, as the download calls them
    aside: list[Piece] = field(default_factory=list)  # what is kept, and nothing more
    notes: list[Note] = field(default_factory=list)

    def add(self, path: str, piece: Piece) -> None:
        """Put a file into its place; none takes another's."""
        if path == TIMESTAMP:
            text = f"{TIMESTAMP} is the student's own file, and says nothing of the time of submission."
            self.notes.append(Note(NoteKind.SLIP, text, path))
            self.aside.append(piece)
            return
        place = PurePosixPath(path if len(path.encode()) <= LONGEST_PATH else PurePosixPath(path).name)
        free, number = str(place), 1
        while clashes(free, self.files):
            number += 1
            free = f"{place.stem[:50]} ({number}){place.suffix}"  # in no folder: a file may have that name
        self.files[free], self.originals[free] = piece, piece.path

    def leave_out(self, path: str, why: str) -> None:
        lost = is_notebook(path) or path.lower().endswith(ZIP)  # it may have held an answer
        kind = NoteKind.UNREADABLE if lost else NoteKind.SLIP
        self.notes.append(Note(kind, f"{one_line(path)} {why}.", path if is_notebook(path) else ""))
        for name in [name for name, piece in self.files.items() if name == path and lost]:
            self.aside.append(self.files.pop(name))
            self.originals.pop(name)


@dataclass
class Shared:
    """A download, shared out: the students' parts, and the names of which nobody can say whose they are."""

    parts: list[Part] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def share_out(download: Path, found: Unpacked, people: People, sheets: list[str], pattern: str = "") -> Shared:
    """Whose the files of a download are. ``sheets`` are the names of the released ones.

    ``pattern`` is the course's own, as nbgrader documents it. Raises CourseError where a name could be a student's or
    a wrapping.
    """
    whose = _Names(download, people, sheets, pattern)
    paths = [piece.path for piece in found.pieces]
    owners = whose.owners(list(dict.fromkeys([*paths, *(path for path, _ in found.left_out)])))
    shared = Shared()
    by_part: dict[tuple[str, str, str], list[tuple[Handed, Piece]]] = {}
    for piece in found.pieces:
        handed = owners[piece.path]
        if handed is None:
            shared.unknown.append(piece.path)
        elif handed.file:
            by_part.setdefault((*handed.who, handed.time), []).append((handed, piece))
    parts = {key: _part(pieces) for key, pieces in by_part.items()}
    for path, why in found.left_out:
        handed = owners[path]
        if handed is None:
            shared.unknown.append(path)
        else:
            key = *handed.who, handed.time
            parts.setdefault(key, Part(replace(handed, file=""))).leave_out(handed.file or path, why)
    shared.parts = list(parts.values())
    shared.unknown = [name for name in names.tops(shared.unknown) if not _of_no_student(name)]
    return shared


def _of_no_student(name: str) -> bool:
    """What a system puts beside the students' files, or a table that was downloaded with them."""
    return name in names.SYSTEMS_OWN or name.lower().endswith(TABLES)


def _part(pieces: list[tuple[Handed, Piece]]) -> Part:
    first = pieces[0][0]
    about = [piece for handed, piece in pieces if handed.own]
    own = [(handed, piece) for handed, piece in pieces if not handed.own]
    part = Part(replace(first, file="", own=False, late=any(handed.late for handed, _ in pieces)))
    found = ABOUT.match(_head(about[0].file)) if about else None
    if found and first.called.partition("_attempt_")[0].endswith(f"_{found['login']}"):
        part.handed = replace(part.handed, name=found["name"], number=found["login"])
    if not own:  # the system's words are all that is there
        own, about = pieces, []
    for handed, piece in own:
        part.add(handed.file, piece)
    part.aside += about
    return part


def _head(file: Path) -> str:
    with file.open("rb") as opened:
        return opened.read(1000).decode("utf-8-sig", "replace")


@dataclass
class _Names:
    """What the names in one download say, all together."""

    download: Path
    people: People
    sheets: list[str]
    pattern: str

    def owners(self, paths: list[str]) -> dict[str, Handed | None]:
        """For each path, whose it is."""
        if self.pattern:
            return {path: self._by_pattern(path) for path in paths}
        holds, stem = self._holds()
        whole = names.said(stem) if holds else None
        if whole:
            return {path: replace(whole, file=path) for path in paths}
        inside = {path: unicodedata.normalize("NFC", path) for path in paths}
        while True:
            if any(names.said(top) for top in names.tops(inside.values())):
                return {path: self._with_login(names.given(name)) for path, name in inside.items()}
            if holds and self.people.anyone(stem):
                return {path: Handed("", stem, stem, "", name) for path, name in inside.items()}
            if not self._wraps(list(inside.values())):
                return self._by_person(inside, stem if holds else "")
            inside = {path: name.partition("/")[2] for path, name in inside.items()}

    def _holds(self) -> tuple[bool, str]:
        """Whether the download is a folder or a zip, and its name."""
        name = unicodedata.normalize("NFC", self.download.name)
        packed = name.lower().endswith(ZIP)
        return packed or self.download.is_dir(), name[: -len(ZIP)] if packed else name

    def _wraps(self, paths: list[str]) -> bool:
        """Whether all lies in one folder that is nobody's: the names below are a system's, or people's."""
        (top, *others), below = names.tops(paths), [path.partition("/")[2] for path in paths]
        if others or not all(below) or self.people.anyone(top):
            return False
        inner = names.tops(below)
        folders = [name for name in inner if any(path.startswith(f"{name}/") for path in below)]
        if any(names.said(name) for name in inner) or any(self.people.anyone(name) for name in folders):
            return True
        if len(folders) > 1 and not any(is_notebook(name) for name in inner):
            one, two, *_ = (one_line(name) for name in folders)
            raise CourseError(
                f"{self.download}: is {one_line(top)!r} one student, or are {one!r}, {two!r} and so on? "
                "Collect what is in that folder, or give a roster that knows them."
            )
        return False

    def _by_person(self, inside: dict[str, str], stem: str) -> dict[str, Handed | None]:
        """A folder for each student, or files that are named after them."""
        loose = {name: self._person_in(name) for name in inside.values() if "/" not in name and is_notebook(name)}
        if stem and loose and not all(loose.values()):  # a sheet under its own name: it is all one student's
            return {path: Handed("", stem, stem, "", name) for path, name in inside.items()}
        found: dict[str, Handed | None] = {}
        for path, name in inside.items():
            top, _, rest = name.partition("/")
            word = top if rest else loose.get(name, "")
            sure = rest or not stem or (word and self.people.anyone(word))
            found[path] = Handed("", word, word, "", rest or name) if word and sure else None
        return found

    def _person_in(self, name: str) -> str:
        """Whom a loose notebook is named after: its name without a sheet's; "" if that is all of it."""
        stem = re.sub(r"\.ipynb(\.json)?$", "", name, flags=re.IGNORECASE)
        for sheet in self.sheets:
            word = re.escape(PurePosixPath(sheet).stem)
            stem = re.sub(rf"^{word}(?=$|[-_ .(])|(?<=[-_ .]){word}(?=$|[ (])", "", stem, flags=re.IGNORECASE)
        if COPY.match(stem):
            return ""
        return stem.strip("-_ .")

    def _by_pattern(self, path: str) -> Handed | None:
        """What the course's own pattern says, which nbgrader tries on the whole path of an unpacked file."""
        match = re.match(self.pattern, f"/{self.download.stem}/{path}")
        found = match.groupdict() if match else {}
        if not (student := found.get("student_id")):
            return None
        return Handed("", student, student, "", PurePosixPath(path).name, time=found.get("timestamp") or "")

    def _with_login(self, handed: Handed | None) -> Handed | None:
        """With the login that the roster knows, where it holds a _ as the assignment's name may."""
        if handed and handed.system == "blackboard":
            known = self.people.login_at_end(handed.called.partition("_attempt_")[0])
            return replace(handed, number=known or handed.number)
        return handed
