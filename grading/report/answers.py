"""What a class handed in and earned, exercise by exercise: from the gradebook, the audit and the executed sheets."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from docutils.nodes import make_id
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.utils import is_grade, is_solution

from chapters.source import read
from grading.assignments import Sheet
from grading.course import Course, sheets_in
from grading.errors import CourseError
from grading.feedback.said import TITLE, part_of
from grading.gradebook import audit
from grading.record import Check, Record, run_of
from grading.verdict.registry import exercises as judged

HEADING = re.compile(r"^#{2,} (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Exercise:
    """One exercise of an assignment."""

    name: str  # the cell for the answer
    title: str
    sheet: str
    cells: tuple[str, ...]  # the graded ones
    points: float
    written: bool
    stub: str  # what the cell for the answer holds in the release
    section: str  # the section of the chapter that comes before it
    place: str  # its page and anchor in the book


@dataclass
class Answer:
    """What a student did in an exercise."""

    student: str
    points: float
    waits: bool  # for a person's mark
    blank: bool
    lines: list[str]  # the student's own, without comments
    checks: list[Check] = field(default_factory=list)


@dataclass
class Klass:
    """Everybody's work for an assignment; answers by exercise."""

    assignment: str
    exercises: list[Exercise]
    answers: dict[str, list[Answer]]
    records: dict[str, Record]
    names: dict[str, str]  # of everybody whom the gradebook knows
    memory: dict[str, int]  # the most bytes of a sheet, by student


def klass(course: Course, assignment: str) -> Klass:
    """Read all that a report says of an assignment; raises CourseError where nothing of it is graded."""
    tasks = list(_exercises(course, assignment))
    found = Klass(assignment, tasks, {task.name: [] for task in tasks}, {}, {}, {})
    with course.gradebook() as book:
        for student in sorted(book.students, key=lambda s: s.id):
            name = " ".join(filter(None, (student.first_name, student.last_name)))
            found.names[student.id] = f"{name} ({student.id})" if name else student.id
            record = audit.latest(course.root, assignment, student.id)
            if record and (grades := _grades(book, assignment, student.id)):
                found.records[student.id] = record
                _add(found, course.root, student.id, grades)
    if not found.records:
        raise CourseError(f"Nothing of {assignment!r} is graded yet: run 'mibook-course grade {assignment}' first.")
    return found


def _grades(book: Gradebook, assignment: str, student: str) -> dict:
    try:
        submission = book.find_submission(assignment, student)
    except MissingEntry:
        return {}
    return {grade.name: grade for notebook in submission.notebooks for grade in notebook.grades}


def _add(found: Klass, root: Path, student: str, grades: dict) -> None:
    cells: dict[str, str] = {}
    memory = 0
    for content in sheets_in(root / "autograded" / student / found.assignment).values():
        sheet = nbformat.v4.reads(content.decode("utf-8"))  # it is ours: not validated again
        memory = max(memory, run_of(sheet)[0].memory)
        cells |= {
            cell.metadata.nbgrader["grade_id"]: cell.source for cell in sheet.cells if "nbgrader" in cell.metadata
        }
    found.memory[student] = memory
    checks = found.records[student].checks
    for task in found.exercises:
        source = cells.get(task.name, task.stub)
        of_task = [grades[name] for name in task.cells if name in grades]
        answer = Answer(
            student,
            sum(grade.score for grade in of_task),
            any(grade.needs_manual_grade for grade in of_task),
            source.strip() == task.stub.strip(),
            own_lines(source, task.stub, code=not task.written),
            [check for name in task.cells for check in checks.get(name, [])],
        )
        found.answers[task.name].append(answer)


def own_lines(source: str, stub: str, code: bool) -> list[str]:
    """The lines that are not the stub's. Of code, without comments: people sign in them."""
    given = {line.strip() for line in (without_comments(stub) if code else stub).splitlines()}
    lines = (without_comments(source) if code else source).splitlines()
    return [line.rstrip() for line in lines if line.strip() and line.strip() not in given]


def without_comments(source: str) -> str:
    """Python without its comments; text that is no Python without the lines that begin as one."""
    lines = source.splitlines()
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                row, column = token.start
                lines[row - 1] = lines[row - 1][:column]
    except (tokenize.TokenError, SyntaxError):
        lines = [line for line in lines if not line.lstrip().startswith("#")]
    return "\n".join(lines)


def _exercises(course: Course, assignment: str) -> Iterator[Exercise]:
    """The exercises of an assignment in order, each with the graded cells of its answer."""
    declaration = course.declaration
    solves = {test: module.GRADE_ID for test, module in judged(declaration.exercises).items()}
    chapters = {sheet.name: sheet for sheet in declaration.sheets}
    for file, content in course.release(assignment).items():
        name = Path(file).stem
        where = _sections(chapters[name]) if name in chapters else {}
        title, graded = "", dict[str, dict]()
        for cell in nbformat.reads(content.decode("utf-8"), as_version=4).cells:
            if part_of(cell) == "statement" and (heading := TITLE.match(cell.source)):
                title = heading[1]
            if not (is_grade(cell) or is_solution(cell)):
                continue
            grade_id = cell.metadata.nbgrader["grade_id"]
            entry = graded.setdefault(solves.get(grade_id, grade_id), {"title": title, "cells": [], "points": 0.0})
            if is_solution(cell):
                entry |= {"stub": cell.source, "written": is_grade(cell)}
            if is_grade(cell):
                entry["cells"].append(grade_id)
                entry["points"] += float(cell.metadata.nbgrader["points"])
        for task, entry in graded.items():
            section, place = where.get(task, ("", f"{name}.html"))
            yield Exercise(
                task,
                entry["title"] or task,
                name,
                tuple(entry["cells"]),
                entry["points"],
                entry.get("written", False),
                entry.get("stub", ""),
                section,
                place,
            )


def _sections(sheet: Sheet) -> dict[str, tuple[str, str]]:
    """For the answers of a chapter, the section that each stands in, and the section's place in the book."""
    found, section = {}, ""
    for cell in read(sheet.chapter).cells:
        if is_solution(cell):
            place = f"{sheet.chapter.stem}.html"
            found[cell.metadata.nbgrader["grade_id"]] = section, f"{place}#{make_id(section)}" if section else place
        elif cell.cell_type == "markdown" and (titles := HEADING.findall(cell.source)):
            section = titles[-1]
    return found
