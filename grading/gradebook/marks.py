"""What a person decides: marks, comments, due dates, more time. A regrade changes none of it."""

from __future__ import annotations

import datetime
import json
import math

from nbformat import NotebookNode
from nbgrader.api import Comment, Grade, Gradebook
from nbgrader.utils import is_grade, is_locked

from grading.errors import CourseError
from grading.files import sha256


def keeps(grade: Grade, same: bool) -> bool:
    """Whether a person's mark stays settled through a regrade: it was, and is for the ``same`` text and maximum."""
    return same and grade.manual_score is not None and not grade.needs_manual_grade


def bases(sheet: NotebookNode) -> dict[str, str]:
    """What a mark of each graded cell of an executed sheet belongs to, as a word: a text, and the most points.

    The text is all that the student wrote from the exercise's statement to the next one.
    """
    written: list[str] = []
    graded: dict[str, tuple[list[str], float]] = {}
    for cell in sheet.cells:
        if is_locked(cell) and not is_grade(cell) and cell.cell_type == "markdown":
            written = []
        elif not is_locked(cell):
            written.append(cell.source)
        if is_grade(cell):
            graded[cell.metadata.nbgrader["grade_id"]] = written, float(cell.metadata.nbgrader["points"])
    return {name: sha256(json.dumps(found).encode())[:16] for name, found in graded.items()}


def mark(
    gradebook: Gradebook,
    assignment: str,
    student: str,
    cell: str,
    points: float | None,
    extra: float | None = None,
    comment: str | None = None,
) -> Grade:
    """Give a cell a person's points in place of the automatic ones, or take them back (None); return its grade.

    They survive a regrade.
    """
    for number in (points, extra):
        if number is not None and not math.isfinite(number):
            raise CourseError(f"{number} is no number of points.")
    grade = _grade(gradebook, assignment, student, cell)
    if points is not None and not 0 <= points <= grade.max_score:
        raise CourseError(f"{cell} is worth 0 to {grade.max_score:g} points, so it cannot get {points:g}: see --extra.")
    try:
        grade.manual_score = points
        grade.needs_manual_grade = points is None and grade.auto_score is None
        if extra is not None:
            grade.extra_credit = extra
        if comment is not None:
            _comment_near(grade).manual_comment = comment
        gradebook.db.commit()
    except BaseException:
        gradebook.db.rollback()
        raise
    return grade


def _grade(gradebook: Gradebook, assignment: str, student: str, cell: str) -> Grade:
    submission = gradebook.find_submission(assignment, student)
    grades = {grade.name: grade for notebook in submission.notebooks for grade in notebook.grades}
    if cell not in grades:
        raise CourseError(f"{assignment} has no graded cell {cell!r}; it has: {', '.join(sorted(grades))}.")
    return grades[cell]


def _comment_near(grade: Grade) -> Comment:
    """The comment field of the answer that a grade is for: its own cell's, or that of the solution before the test."""
    comments = {comment.name: comment for comment in grade.notebook.comments}
    name = grade.name if grade.name in comments else grade.name.removeprefix("test-")
    if name not in comments:
        raise CourseError(f"{grade.name} has no field for a comment: comment on one of {', '.join(sorted(comments))}.")
    return comments[name]


def due(gradebook: Gradebook, assignment: str, when: datetime.datetime) -> None:
    """Set when an assignment is due."""
    gradebook.update_or_create_assignment(assignment, duedate=when.astimezone(datetime.UTC).replace(tzinfo=None))


def extend(gradebook: Gradebook, assignment: str, student: str, hours: float) -> datetime.datetime:
    """Give a student so many hours more than the others, graded or not; return when it is due then."""
    if not abs(hours) < 100_000:  # no number, or more than a date can be moved
        raise CourseError(f"{hours} is no number of hours that an assignment can be extended by.")
    if gradebook.find_assignment(assignment).duedate is None:
        raise CourseError(f"{assignment} has no due date to extend: set one with 'mibook-course due'.")
    gradebook.update_or_create_student(student)
    with gradebook.db.no_autoflush:
        submission = gradebook.update_or_create_submission(assignment, student)
    submission.extension = datetime.timedelta(hours=hours)
    gradebook.db.commit()
    return submission.duedate.replace(tzinfo=datetime.UTC)
