"""From chapters to what students get: nbgrader's source, its release, and one zip an assignment.

source/ASSIGNMENT/CHAPTER.ipynb    with answers and hidden tests: for the grader
release/ASSIGNMENT/CHAPTER.ipynb   made by nbgrader: without them
releases/ASSIGNMENT/WORD/          every release that was ever made: what comes back may be made from any of them
handout/ASSIGNMENT.zip             the released notebooks and what they need
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import is_grade, is_solution

from chapters.editions import HIDDEN_MARKER, SOLUTION_MARKER
from chapters.source import read
from grading.assignments import Declaration
from grading.course import Course, sheets_in
from grading.errors import CourseError
from grading.files import remove, sha256, swap, write
from grading.gradebook import writer
from grading.gradebook.definition import update
from grading.release.handout import handout
from grading.release.labels import index_of
from grading.release.sheets import sheet_of
from grading.stock import Listener
from grading.verdict.registry import exercises


@dataclass
class Made:
    """A release: the zip for students, and what it changed of the one before, for people."""

    handout: Path
    news: list[str]


def make(course: Course, withdraw: bool = False) -> dict[str, Made]:
    """Derive every declared assignment into the course; ``withdraw`` lets persons' marks go with their exercises.

    All is made and checked in a folder aside first. So a CourseError leaves the course as it was.
    """
    course.prepare()
    declaration = course.declaration
    refuse_contradictions(declaration)
    index = index_of([sheet.chapter for sheet in declaration.sheets])
    aside = course.root / ".new"
    with course.alone():
        remove(aside)
        try:
            for assignment in declaration.assignments.values():
                notebooks = {f"{sheet.name}.ipynb": sheet_of(sheet, declaration, index) for sheet in assignment.sheets}
                for name, notebook in notebooks.items():
                    write(aside / "source" / assignment.name / name, (nbformat.writes(notebook) + "\n").encode())
                released = _release(course, aside, assignment.name)
                _refuse_leaks(released, notebooks)
                write(aside / "handout" / f"{assignment.name}.zip", handout(assignment, released))
            return _put_in_place(course, aside, list(declaration.assignments), withdraw)
        finally:
            remove(aside)


def _put_in_place(course: Course, aside: Path, names: list[str], withdraw: bool) -> dict[str, Made]:
    """Bring gradebook and folders of the course up to what was made aside: all of it, or nothing."""
    made = {}
    with course.gradebook() as book, Gradebook(_definitions(aside), book.course_id) as new:
        try:
            updates = {name: update(book, new, name, withdraw) for name in names}
            for name in names:
                _keep_release(course, sheets_in(course.root / "release" / name), name)
                kept = _keep_release(course, sheets_in(aside / "release" / name), name)
                if updates[name].marks:
                    write(kept.with_name(f"marks-{kept.name}.csv"), updates[name].table().encode())
                for place in (f"source/{name}", f"release/{name}", f"handout/{name}.zip"):
                    swap(aside / place, course.root / place)
                made[name] = Made(course.root / "handout" / f"{name}.zip", updates[name].news)
            book.db.commit()
        except BaseException:
            book.db.rollback()
            raise
    return made


def _keep_release(course: Course, sheets: dict[str, bytes], assignment: str) -> Path:
    """Keep a release for good, under a name that its content gives; return its folder."""
    word = sha256(b"".join(name.encode() + sha256(content).encode() for name, content in sheets.items()))[:12]
    folder = course.root / "releases" / assignment / word
    for name, content in sheets.items():
        if not (folder / name).exists():
            write(folder / name, content)
    return folder


def _definitions(aside: Path) -> str:
    """The address of a gradebook that knows the assignments in a folder, and no student."""
    return f"sqlite:///{aside / 'definitions.db'}"


def refuse_contradictions(declaration: Declaration) -> None:
    """Raise CourseError, with the file, where declaration, chapters and exercises do not fit together."""
    sheets = {sheet.chapter: sheet for sheet in declaration.sheets}
    for sheet in declaration.sheets:
        if not sheet.chapter.exists():
            raise CourseError(f"{declaration.path} names the sheet {sheet.name!r}, but there is no {sheet.chapter}.")
        if sheets[sheet.chapter] is not sheet:
            raise CourseError(f"{declaration.path} names the sheet {sheet.name!r} twice: remove one.")
    where: dict[str, Path] = {}
    for chapter in sorted(declaration.chapters.glob("*.md")):
        for cell in read(chapter).cells:
            if not (name := cell.metadata.get("nbgrader", {}).get("grade_id")):
                continue
            if name in where:
                raise CourseError(f"{where[name]} and {chapter} both have a cell {name!r}: rename one.")
            if is_grade(cell) and chapter not in sheets:
                raise CourseError(f"{chapter} has the graded {name}, but {declaration.path} has no sheet for it.")
            where[name] = chapter
    for test_id, module in exercises(declaration.exercises).items():
        for name in (module.GRADE_ID, test_id):
            if name not in where:
                raise CourseError(f"{module.__file__} judges {name!r}, which no chapter has: rename or remove it.")


def _release(course: Course, aside: Path, assignment: str) -> dict[str, NotebookNode]:
    """Let nbgrader make the release in a folder aside, and enter it into the gradebook there."""
    writer.empty(_definitions(aside))
    config = course.config
    config.CourseDirectory.root, config.CourseDirectory.db_url = str(aside), _definitions(aside)
    config.CourseDirectory.assignment_id = assignment
    converter = GenerateAssignment(coursedir=CourseDirectory(config=config), config=config, force=True)
    said = Listener()
    converter.log = said.logger
    try:
        converter.start()
    except NbGraderException:
        raise CourseError(f"nbgrader could not release {assignment}: {said.worst}") from None
    released = {}
    for path in sorted((aside / "release" / assignment).glob("*.ipynb")):
        released[path.name] = notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if is_solution(cell) and cell.cell_type == "markdown":
                # By it `nbgrader validate` takes a written answer that is still to come for a test that fails.
                cell.metadata.nbgrader.pop("checksum", None)
        write(path, (nbformat.writes(notebook) + "\n").encode())
    return released


def _refuse_leaks(released: dict[str, NotebookNode], sources: dict[str, NotebookNode]) -> None:
    """Raise CourseError if a released notebook holds a line that only an answer or a hidden test has."""
    if set(released) != set(sources):
        raise CourseError("nbgrader released other notebooks than were derived: is `GenerateAssignment` set up anew?")
    for name, notebook in released.items():
        text = nbformat.writes(notebook)
        if SOLUTION_MARKER.search(text) or HIDDEN_MARKER.search(text) or "MARK SCHEME" in text or "jupytext" in text:
            raise CourseError(
                f"The released {name} holds a marker or pairing metadata: this is a fault of the chapter."
            )
        given = "\n".join(cell.source for cell in notebook.cells)
        for line in secret_lines(sources[name]):
            if line in given:
                raise CourseError(f"The released {name} shows a line of an answer: {line!r}.")


def secret_lines(source: NotebookNode) -> list[str]:
    """The lines of answers and hidden tests that nothing else in a sheet has, if they are long enough to tell."""
    inside: list[str] = []
    outside: list[str] = []
    for cell in source.cells:
        known = cell.metadata.nbgrader
        if cell.cell_type == "markdown":
            (inside if known.get("solution") else outside).extend(cell.source.split("\n"))
            continue
        kept = outside
        for line in cell.source.split("\n"):
            if marker := SOLUTION_MARKER.search(line) or HIDDEN_MARKER.search(line):
                kept = inside if marker[1] == "BEGIN" else outside
            else:
                kept.append(line)
    # A hint may show a part of an answer on purpose; a whole line with more than a name in it is none.
    rest = "\n".join(outside)
    return [line.strip() for line in inside if len(line.strip()) > 12 and line.strip() not in rest]
