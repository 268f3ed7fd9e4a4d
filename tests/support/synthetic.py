"""A class that was never run: records, points and sheets put in place as a grading leaves them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import nbformat
import numpy as np

from grading.course import Course
from grading.files import write
from grading.gradebook import audit, writer
from grading.gradebook.policy import policy_of
from grading.record import Check, Note, Run, Score, Scores, write_checks, write_run
from grading_course import NOTEBOOK, cell, released, without_markers
from verdicts import ANSWERS, load, marks, solved, stubbed

SHEET = NOTEBOOK.removesuffix(".ipynb")


@dataclass
class Planted:
    """One student's answer and what is wrong with it."""

    student: str
    answer: str
    checks: list[Check]
    behaviour: str = ""  # what is lost, "" for a right or a blank answer
    words: str = ""  # of the reason
    blank: bool = False


def planted(test_id: str, size: int, seed: int = 0) -> Iterator[Planted]:
    """A class in which a third answers rightly, a tenth not at all, and the others with a fault from the tables."""
    module, rng = load(test_id), np.random.default_rng(seed)
    table = ANSWERS[module.__name__.rpartition(".")[2]]
    faults = list(table.WRONG.values())
    faults = faults[:: max(1, len(faults) // 12)]
    share = rng.dirichlet(np.full(len(faults), 0.7))
    judged: dict[str, list[Check]] = {}
    for number in range(size):
        draw = rng.random()
        behaviour = words = ""
        if draw < 0.1:
            source = stubbed(module.GRADE_ID)
        elif draw < 0.4:
            source = solved(module.GRADE_ID)
        else:
            behaviour, words, *texts = faults[rng.choice(len(faults), p=share)]
            source = solved(module.GRADE_ID, *texts)
        if source not in judged:
            judged[source] = list(marks(test_id, source, seed).values())
        yield Planted(f"s{number:03}", without_markers(source), judged[source], behaviour, words, draw < 0.1)


def enter(
    course: Course, assignment: str, test_id: str, student: str, answer: str, checks: list[Check], **said
) -> None:
    """Put a graded submission in place: the executed sheet, the gradebook, the audit's line.

    ``said`` may hold notes, the text of written answers by cell, names of the student, and an open gradebook.
    """
    notes: list[Note] = said.get("notes", [])
    sheet = released(NOTEBOOK, assignment)
    cell(sheet, load(test_id).GRADE_ID).source = answer
    for name, text in said.get("written", {}).items():
        cell(sheet, name).source = text
    write_checks(cell(sheet, test_id), checks)
    write_run(sheet, Run("bubblewrap", 3.5, 300 << 20), [])
    content = nbformat.writes(sheet).encode()
    write(course.root / "autograded" / student / assignment / NOTEBOOK, content)
    (course.root / "submitted" / student / assignment).mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        book = said.get("book") or stack.enter_context(course.gradebook())
        book.update_or_create_student(student, **said.get("names", {}))
        grades, comments = {}, {}
        for graded in sheet.cells:
            known = graded.metadata.get("nbgrader", {})
            if known.get("grade"):
                points = sum(check.earned for check in checks) if known["grade_id"] == test_id else None
                grades[known["grade_id"]] = Score(points if graded.cell_type == "code" else None, points is None)
            if known.get("solution"):
                comments[known["grade_id"]] = None
        scores = {SHEET: Scores(grades, comments)}
        writer.apply(book, assignment, student, None, scores, lambda _: True, policy_of(course.config))
    audit.add(course.root, assignment, student, audit.record({}, {}, {NOTEBOOK: content}, notes, 0, "key"))
