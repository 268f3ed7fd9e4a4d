"""From chapters to what students get: nbgrader's source, its release, and one zip an assignment.

source/ASSIGNMENT/CHAPTER.ipynb    with answers and hidden tests: for the grader
release/ASSIGNMENT/CHAPTER.ipynb   made by nbgrader: without them
handout/ASSIGNMENT.zip             the released notebooks and what they need
"""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import is_grade

from chapters.editions import HIDDEN_MARKER, SOLUTION_MARKER
from chapters.source import read
from grading.assignments import Declaration
from grading.course import Course
from grading.errors import CourseError
from grading.files import write
from grading.release.handout import handout
from grading.release.labels import index_of
from grading.release.sheets import sheet_of
from grading.stock import Listener
from grading.verdict.registry import exercises


def make(course: Course) -> dict[str, Path]:
    """Derive every declared assignment into the course; return each one's zip."""
    course.prepare()
    declaration = course.declaration
    refuse_contradictions(declaration)
    index = index_of([sheet.chapter for sheet in declaration.sheets])
    made = {}
    for assignment in declaration.assignments.values():
        folder = course.root / "source" / assignment.name
        notebooks = {f"{sheet.name}.ipynb": sheet_of(sheet, declaration, index) for sheet in assignment.sheets}
        for name, notebook in notebooks.items():
            write(folder / name, (nbformat.writes(notebook) + "\n").encode())
        for stale in folder.iterdir():
            if stale.name not in notebooks:
                stale.unlink()
        released = _release(course, assignment.name)
        _refuse_leaks(released, notebooks)
        made[assignment.name] = course.root / "handout" / f"{assignment.name}.zip"
        write(made[assignment.name], handout(assignment, released))
    return made


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


def _release(course: Course, assignment: str) -> dict[str, NotebookNode]:
    """Let nbgrader make the release and enter it into the gradebook."""
    config = course.config
    config.CourseDirectory.assignment_id = assignment
    converter = GenerateAssignment(coursedir=CourseDirectory(config=config), config=config, force=True)
    said = Listener()
    converter.log = said.logger
    try:
        converter.start()
    except NbGraderException:
        raise CourseError(f"nbgrader could not release {assignment}: {said.worst}") from None
    folder = course.root / "release" / assignment
    return {path.name: nbformat.read(path, as_version=4) for path in sorted(folder.glob("*.ipynb"))}


def _refuse_leaks(released: dict[str, NotebookNode], sources: dict[str, NotebookNode]) -> None:
    """Raise CourseError if a released notebook holds a line that only an answer or a hidden test has."""
    if set(released) != set(sources):
        raise CourseError("nbgrader released other notebooks than were derived: empty the course's release folder.")
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
