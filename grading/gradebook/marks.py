"""What a person decides: marks, comments, due dates, more time. A regrade changes none of it."""

from __future__ import annotations

import datetime
import math

from nbgrader.api import Comment, Grade, Gradebook

from grading.errors import CourseError


def keeps(grade: Grade, unchanged: bool) -> bool:
    """Whether a person's mark stays settled through a regrade: it was, and the submission is ``unchanged`` since."""
    return unchanged and grade.manual_score is not None and not grade.needs_manual_grade


def mark(
    gradebook: Gradebook,
    assignment: str,
    student: str,
    cell: str,
    points: float | None,
    extra: float | None = None,
    comment: str | None = None,
) -> None:
    """Give a cell a person's points in place of the automatic ones, or take them back (None).

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
