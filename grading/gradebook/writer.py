"""The one writer: what a grading earned goes into nbgrader's gradebook in one transaction, or not at all.

Marks that people gave are theirs: nothing here changes `manual_score`, `extra_credit` or a comment. An automatic
score changes only with the code that it is for.
"""

from __future__ import annotations

import datetime
import math
from typing import NamedTuple

from nbgrader.api import (
    Assignment,
    Base,
    Comment,
    Grade,
    Gradebook,
    MissingEntry,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from sqlalchemy import create_engine
from traitlets.config import Config

from grading.course import CourseError, LatePolicy


class Score(NamedTuple):
    """What nbgrader's autograder says of one graded cell: its points, or None if a person must mark it."""

    auto: float | None
    to_mark: bool


class Scores(NamedTuple):
    """The scores of a notebook by cell, and the automatic comments on its answers."""

    grades: dict[str, Score]
    comments: dict[str, str | None]


def template(gradebook: Gradebook, assignment: str, url: str) -> None:
    """Write an assignment's definition, and nothing of any student, into a new gradebook at ``url``."""
    definition = gradebook.find_assignment(assignment)
    # With its tables there, nbgrader asks no alembic for a version: seconds for a gradebook that lives no longer.
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    engine.dispose()
    with Gradebook(url) as copy:
        copy.add_assignment(assignment)
        for notebook in definition.notebooks:
            copy.add_notebook(notebook.name, assignment, kernelspec=notebook.kernelspec)
            where = (notebook.name, assignment)
            for cell in notebook.grade_cells:
                copy.add_grade_cell(cell.name, *where, max_score=cell.max_score, cell_type=cell.cell_type)
            for cell in notebook.solution_cells:
                copy.add_solution_cell(cell.name, *where)
            for cell in notebook.source_cells:
                given = {"cell_type": cell.cell_type, "locked": cell.locked, "source": cell.source}
                copy.add_source_cell(cell.name, *where, checksum=cell.checksum, **given)


def scores(gradebook: Gradebook, assignment: str, student: str) -> dict[str, Scores]:
    """A submission's scores by notebook."""
    found = {}
    for notebook in gradebook.find_submission(assignment, student).notebooks:
        grades = {grade.name: Score(grade.auto_score, grade.needs_manual_grade) for grade in notebook.grades}
        comments = {comment.name: comment.auto_comment for comment in notebook.comments}
        found[notebook.name] = Scores(grades, comments)
    return found


def apply(
    gradebook: Gradebook,
    assignment: str,
    student: str,
    timestamp: datetime.datetime | None,
    found: dict[str, Scores],
    unchanged: bool,
    policy: LatePolicy,
) -> None:
    """Write one submission's scores. ``unchanged``: it was graded before from the same files, so that what a
    person has marked since does not need marking again.
    """
    session = gradebook.db
    try:
        definition = session.query(Assignment).filter(Assignment.name == assignment).one()
        submission = _submission(session, definition, student)
        submission.timestamp = timestamp
        for notebook in submission.notebooks:
            new = found.get(notebook.name)
            for grade in notebook.grades:
                score = new.grades[grade.name] if new else Score(0.0, False)
                marked = grade.manual_score is not None and not grade.needs_manual_grade
                grade.auto_score = score.auto
                if grade.manual_score is None:
                    grade.needs_manual_grade = score.to_mark
                elif not (unchanged and marked):
                    grade.needs_manual_grade = True
            for comment in notebook.comments:
                comment.auto_comment = new.comments.get(comment.name) if new else None
        session.flush()
        _penalise(session, submission, policy)
        session.commit()
    except BaseException:
        session.rollback()
        raise


def _submission(session, definition: Assignment, student: str) -> SubmittedAssignment:
    """The submission's rows, made where they are missing; not yet committed."""
    if session.get(Student, student) is None:
        session.add(Student(id=student))
        session.flush()
    submission = (
        session.query(SubmittedAssignment)
        .filter(SubmittedAssignment.assignment_id == definition.id, SubmittedAssignment.student_id == student)
        .one_or_none()
    )
    if submission is None:
        submission = SubmittedAssignment(assignment_id=definition.id, student_id=student)
        session.add(submission)
    session.flush()
    there = {notebook.notebook_id: notebook for notebook in submission.notebooks}
    for notebook in definition.notebooks:
        ours = there.get(notebook.id)
        if ours is None:
            ours = SubmittedNotebook(notebook_id=notebook.id, assignment_id=submission.id)
            session.add(ours)
            session.flush()
        graded, commented = {grade.cell_id for grade in ours.grades}, {comment.cell_id for comment in ours.comments}
        session.add_all(Grade(cell_id=c.id, notebook_id=ours.id) for c in notebook.grade_cells if c.id not in graded)
        answers = (cell for cell in notebook.solution_cells if cell.id not in commented)
        session.add_all(Comment(cell_id=cell.id, notebook_id=ours.id) for cell in answers)
    session.flush()
    session.expire_all()
    return submission


def _penalise(session, submission: SubmittedAssignment, policy: LatePolicy) -> None:
    """Set the late penalty of each notebook by its score as it is now."""
    session.flush()  # what is forgotten next must be in the database first
    session.expire_all()
    late = submission.total_seconds_late
    for notebook in submission.notebooks:
        penalty = policy.late_submission_penalty(submission.student_id, notebook.score, late) if late > 0 else None
        notebook.late_submission_penalty = penalty


def penalise(gradebook: Gradebook, assignment: str, student: str, policy: LatePolicy) -> None:
    """Bring one submission's late penalty up to date."""
    try:
        _penalise(gradebook.db, gradebook.find_submission(assignment, student), policy)
        gradebook.db.commit()
    except BaseException:
        gradebook.db.rollback()
        raise


def penalise_all(gradebook: Gradebook, assignment: str, policy: LatePolicy) -> None:
    """Bring the late penalties up to date: marks, due dates and extensions may have changed since the grading."""
    try:
        for submission in gradebook.find_assignment(assignment).submissions:
            _penalise(gradebook.db, submission, policy)
        gradebook.db.commit()
    except BaseException:
        gradebook.db.rollback()
        raise


def policy(config: Config) -> LatePolicy:
    """The course's late policy: its own plugin class, or `LatePolicy`."""
    plugin = config.AssignLatePenalties.get("plugin_class", LatePolicy)
    return plugin(config=config)


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
    try:
        submission = gradebook.find_submission(assignment, student)
    except MissingEntry:
        raise CourseError(f"{student} has no graded submission of {assignment}: run `make grade` first.") from None
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


def due(gradebook: Gradebook, assignment: str, when: str) -> None:
    """Set when an assignment is due, in a form that dateutil reads; a time without a zone is UTC."""
    try:
        gradebook.update_or_create_assignment(assignment, duedate=when)
    except (ValueError, OverflowError):
        raise CourseError(f"{when!r} is no date and time: write it as in '2025-03-01 23:59 UTC'.") from None


def extend(gradebook: Gradebook, assignment: str, student: str, hours: float) -> None:
    """Give a student so many hours more than the others."""
    if not abs(hours) < 100_000:  # no number, or more than a date can be moved
        raise CourseError(f"{hours} is no number of hours that an assignment can be extended by.")
    try:
        submission = gradebook.find_submission(assignment, student)
    except MissingEntry:
        raise CourseError(f"{student} has no graded submission of {assignment}: run `make grade` first.") from None
    if submission.assignment.duedate is None:
        raise CourseError(f"{assignment} has no due date to extend: set one with 'python -m grading due'.")
    submission.extension = datetime.timedelta(hours=hours)
    gradebook.db.commit()


def contents(gradebook: Gradebook) -> list[tuple]:
    """Everything in the gradebook that a grading decides, in a fixed order: to compare two gradebooks."""
    rows = []
    for submission in gradebook.db.query(SubmittedAssignment):
        name, student = submission.assignment.name, submission.student_id
        for notebook in submission.notebooks:
            rows.append(
                (name, student, str(submission.timestamp), notebook.name, notebook.late_submission_penalty or 0)
            )
            for grade in notebook.grades:
                marks = (grade.auto_score, grade.manual_score, grade.extra_credit, grade.needs_manual_grade)
                rows.append((name, student, notebook.name, grade.name, *marks))
            for comment in notebook.comments:
                rows.append((name, student, notebook.name, comment.name, comment.auto_comment, comment.manual_comment))
    return sorted(rows, key=repr)
