"""A class as it comes: several systems, every slip that was ever reported, strangers, namesakes and absentees.

The course is that of `sums`, whose sheet takes a moment to grade. Each student has one slip and one system.
"""

from __future__ import annotations

import io
import json
import unicodedata
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell

Files = dict[str, bytes]
RIGHT, WRONG = "def add(a, b):\n    return a + b", "def add(a, b):\n    return a + b + 1"
WHY = "It commutes."
ZONE, DUE = "Asia/Hong_Kong", "2027-03-01 20:00 +0800"
IN_TIME, LATE = (1, "18"), (2, "18")  # day of March and hour, on the course's clocks
FIRST = ("Zoë", "Anna-Lena", "José", "रामु", "Lê", "Mary Ann", "O'Neil", "Søren", "Ада", "Wei")
LAST = ("Müller", "van der Berg", "Nguyễn", "Singh", "Lee", "D'Arcy", "Ångström", "Иванова", "García Lorca", "Smith")


def zipped(files: Files) -> bytes:
    with zipfile.ZipFile(made := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def answered(sheet: nbformat.NotebookNode, code: str = RIGHT) -> nbformat.NotebookNode:
    made = nbformat.from_dict(json.loads(json.dumps(sheet)))
    for cell in made.cells:
        cell.source = {"add": code, "why": WHY}.get(cell.id, cell.source)
    return made


def text(sheet: nbformat.NotebookNode) -> bytes:
    return nbformat.writes(sheet).encode()


def nameless(sheet: nbformat.NotebookNode) -> bytes:
    cells = [{"cell_type": c.cell_type, "source": c.source, "metadata": {}} for c in sheet.cells]
    return json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 4, "metadata": {}}).encode()


def changed_test(sheet: nbformat.NotebookNode) -> bytes:
    next(cell for cell in sheet.cells if cell.id == "test-add").source = "assert True"
    return text(sheet)


def new_cell(sheet: nbformat.NotebookNode) -> bytes:
    place = next(n for n, cell in enumerate(sheet.cells) if cell.id == "add")
    sheet.cells[place] = new_code_cell(sheet.cells[place].source)
    return text(sheet)


@dataclass(frozen=True)
class Slip:
    """What a student did, and what comes of it."""

    files: Callable[[nbformat.NotebookNode], Files]  # from the released sheet
    points: float = 2
    note: str = ""  # words of it
    status: str = "needs marking"


def of(content: Callable[[nbformat.NotebookNode], bytes], name: str = "sums.ipynb") -> Callable:
    return lambda sheet: {name: content(answered(sheet))}


def beside(**files: bytes) -> Callable:
    return lambda sheet: {"sums.ipynb": text(answered(sheet))} | {k.replace("__", "."): v for k, v in files.items()}


BROKEN = "failed to run"
SLIPS = {
    "as it should be": Slip(of(text)),
    "another name": Slip(of(text, "my work (1).ipynb"), note="was taken for sums.ipynb"),
    "saved as JSON": Slip(of(text, "sums.ipynb.json"), note="was taken for sums.ipynb"),
    "UTF-16": Slip(of(lambda s: nbformat.writes(s).encode("utf-16"))),
    "a mark, and line ends of Windows": Slip(of(lambda s: b"\xef\xbb\xbf" + text(s).replace(b"\n", b"\r\n"))),
    "no names of cells": Slip(of(nameless), note="lost their names"),
    "format 3": Slip(of(lambda s: nbformat.writes(nbformat.convert(s, 3), version=3).encode())),
    "a zip": Slip(
        lambda s: {"work.zip": zipped({"a/b/sums.ipynb": text(answered(s)), "__MACOSX/._sums.ipynb": b"x"})},
        note="work/a/b/sums.ipynb was taken for sums.ipynb",
    ),
    "a zip in a zip": Slip(
        lambda s: {"all.zip": zipped({"in.zip": zipped({"sums.ipynb": text(answered(s))})})},
        note="all/in/sums.ipynb was taken for sums.ipynb",
    ),
    "drafts beside it": Slip(
        lambda s: {"sums.ipynb": text(answered(s)), "sums-Copy1.ipynb": text(answered(s, WRONG))},
        note="is another version of sums.ipynb",
    ),
    "a time of one's own": Slip(beside(timestamp__txt=b"1999-01-01 00:00 UTC"), note="says nothing of the time"),
    "an essay beside it": Slip(beside(essay__docx=b"PK"), note="essay.docx is not part of the assignment"),
    "a cell made anew": Slip(of(new_cell), note="lost their names"),
    "an essay alone": Slip(lambda s: {"essay.docx": b"PK"}, 0, "essay.docx is not part of the assignment", BROKEN),
    "no notebook": Slip(lambda s: {"sums.ipynb": b"my answers"}, 0, "is not a notebook", BROKEN),
    "a broken zip": Slip(lambda s: {"work.zip": b"PK\x03\x04"}, 0, "work.zip is no zip that can be opened", BROKEN),
    "another test": Slip(of(changed_test), note="The test test-add was changed", status="tampered"),
    "a wrong answer": Slip(lambda s: {"sums.ipynb": text(answered(s, WRONG))}, 0),
    "nothing written": Slip(lambda s: {"sums.ipynb": text(s)}, 0, status="graded"),
    "two sheets": Slip(
        lambda s: {"part-1.ipynb": text(answered(s)), "part-2.ipynb": text(s)}, note="is another version of sums.ipynb"
    ),
}
SYSTEMS = ("moodle", "canvas", "blackboard", "brightspace", "")


@dataclass
class Student:
    """One of the class, and what is known of the work."""

    number: int
    slip: str
    system: str
    late: bool
    id: str = ""
    stranger: bool = False  # not on the roster
    name: str = field(init=False)

    def __post_init__(self) -> None:
        first, last = FIRST[self.number % 10], LAST[self.number // 10 % 10]
        self.name = f"{first} {last}{'' if self.number < 100 else ' ' + 'ABCDEFGH'[self.number // 100]}"
        self.id = self.id or f"s{self.number:03}"

    @property
    def row(self) -> str:
        """A line of the roster."""
        canvas = str(5000 + self.number) if self.system == "canvas" else ""
        blackboard = f"bb_{self.number}" if self.system == "blackboard" else ""
        return ",".join([self.id, self.name, f"{self.id}@x.org", "Tom", canvas, blackboard])

    @property
    def when(self) -> tuple[int, str]:
        return LATE if self.late else IN_TIME


def members(size: int) -> list[Student]:
    """So many students: every slip in every system, as far as they go; some are on no roster, two have one name."""
    names = list(SLIPS)
    made = [Student(n, names[n % len(names)], SYSTEMS[n // len(names) % len(SYSTEMS)], n % 7 == 3) for n in range(size)]
    for student in made[5::83]:
        student.stranger, student.id = True, _id_of_stranger(student)
    canvas = [student for student in made if student.system == "canvas" and not student.stranger]
    if len(canvas) > 1:
        canvas[-1].name = canvas[0].name
    return made


def _id_of_stranger(student: Student) -> str:
    """As whom someone is collected whom the roster does not know."""
    name = "-".join(student.name.replace("'", " ").split())
    return {
        "moodle": f"{name}_{900 + student.number}",
        "canvas": f"{_sortable(student)}_{5000 + student.number}",
        "blackboard": f"{student.number}",  # what follows the last _ of the name
        "brightspace": f"{name}_{700 + student.number}",
        "": name,
    }[student.system]


def _sortable(student: Student) -> str:
    """A name as Canvas puts it before a file: the family name first, small letters and nothing between."""
    first, _, last = student.name.partition(" ")
    return "".join(c for c in f"{last}{first}".lower() if unicodedata.category(c)[0] in "LMN")


def download(student: Student, files: Files) -> Files:
    """A student's work as it stands in the system's download."""
    day, hour = student.when
    name, number = student.name, student.number
    if student.system == "moodle":
        name = unicodedata.normalize("NFD", name) if number % 2 else name  # as from a Mac
        return {f"{name}_{900 + number}_assignsubmission_file_/{path}": content for path, content in files.items()}
    if student.system == "canvas":
        start = f"submissions/{_sortable(student)}_{'LATE_' * student.late}{5000 + number}"
        return {f"{start}_{7000 + 10 * number + n}_{path}": files[path] for n, path in enumerate(files)}
    if student.system == "blackboard":
        start = f"Home_work 1_bb_{number}_attempt_2027-03-{day:02}-{hour}-00-00"
        about = f"Name: {name} (bb_{number})\nAssignment: Home_work 1\nDate Submitted: …\n" * (not student.stranger)
        return {f"{start}_{path}": content for path, content in files.items()} | {f"{start}.txt": about.encode()}
    if student.system == "brightspace":
        start = f"{700 + number}-99 - {name} - Mar {day}, 2027 {int(hour) - 12}00 PM"
        return {f"{start}/{path}": content for path, content in files.items()}
    start = (student.id, name, f"{student.id}@x.org")[number % 3] if not student.stranger else name
    return {f"{start}/{path}": content for path, content in files.items()}


ABSENT = ("absent1", "absent2", "absent3")


def write_downloads(folder: Path, students: list[Student], sheet: nbformat.NotebookNode) -> list[Path]:
    """Write the class's downloads, `roster.csv` and `worksheet.csv` into a folder; return the downloads."""
    packed: dict[str, Files] = {}
    for student in students:
        packed.setdefault(student.system, {}).update(download(student, SLIPS[student.slip].files(sheet)))
    packed.get("brightspace", {})["index.html"] = b"<html>"
    made = []
    for system, files in packed.items():
        made.append(folder / f"{system or 'by mail'}.zip")
        made[-1].write_bytes(zipped(files))
    rows = [student.row for student in students if not student.stranger] + [f"{who},{who},,,," for who in ABSENT]
    (folder / "roster.csv").write_text("\n".join(["id,name,email,tutor,canvas,blackboard", *rows]), encoding="utf-8")
    lines = ["Identifier,Full name,Email address,Status,Last modified (submission)"]
    for student in students:
        if student.system == "moodle":
            day, hour = student.when
            when = f'"Monday, {day} March 2027, {int(hour) - 12}:00 PM"'
            lines.append(f"Participant {900 + student.number},{student.name},{student.id}@x.org,Submitted,{when}")
    (folder / "worksheet.csv").write_text("\n".join(lines), encoding="utf-8-sig")
    return made
