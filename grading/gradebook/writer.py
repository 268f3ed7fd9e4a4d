"""The one writer: what a grading earned goes into nbgrader's gradebook in one transaction, or not at all.

Marks that people gave are theirs: nothing here changes `manual_score`, `extra_credit` or a comment. An automatic
score changes only with the code that it is for.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable

from nbgrader.api import (
    Assignment,
    Base,
    Comment,
    Grade,
    Gradebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from sqlalchemy import create_engine

from grading.gradebook import marks
from grading.gradebook.policy import LatePolicy, penalise_rows
from grading.record import Score, Scores


def empty(url: str) -> None:
    """Make the tables of a new gradebook at ``url``, which is not to last.

    With its tables there, nbgrader asks no alembic for a version: seconds for a gradebook that lives no longer.
    """
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    engine.dispose()


def template(gradebook: Gradebook, assignment: str, url: str) -> None:
    """Write an assignment's definition, and nothing of any student, into a new gradebook at ``url``."""
    definition = gradebook.find_assignment(assignment)
    empty(url)
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
    same: Callable[[str], bool],
    policy: LatePolicy,
) -> None:
    """Write one submission's scores. ``same`` says of a graded cell's name whether what a person marked in it is as it
    was when it was graded last, so that the mark need not be looked at again.
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
                kept = marks.keeps(grade, same(grade.name))
                grade.auto_score = score.auto
                grade.needs_manual_grade = not kept and (score.to_mark or grade.manual_score is not None)
            for comment in notebook.comments:
                comment.auto_comment = new.comments.get(comment.name) if new else None
        session.flush()
        penalise_rows(session, submission, policy)
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
