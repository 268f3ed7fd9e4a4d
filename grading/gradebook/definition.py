"""What the gradebook knows of an assignment: its sheets, cells and points, brought up to a new release.

Nothing that a person did is lost without a word. A cell that is withdrawn takes its marks along only if that is said;
a mark whose maximum changed asks to be looked at again, and is never more than the new maximum.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import Any

from nbgrader.api import (
    Assignment,
    Comment,
    Grade,
    Gradebook,
    GradeCell,
    Notebook,
    SolutionCell,
    SourceCell,
    SubmittedNotebook,
    TaskCell,
)

from grading.errors import CourseError

CELLS = {
    GradeCell: ("max_score", "cell_type"),
    SolutionCell: (),
    TaskCell: ("max_score", "cell_type"),
    SourceCell: ("cell_type", "locked", "source", "checksum"),
}
COLUMNS = ("student", "notebook", "cell", "mark", "of", "extra", "comment")


@dataclass
class Update:
    """What an update of a definition changed, for people, and the marks of persons that it took away or cut."""

    news: list[str] = field(default_factory=list)
    marks: list[dict] = field(default_factory=list)

    def table(self) -> str:
        """The marks as CSV."""
        file = io.StringIO()
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.marks)
        return file.getvalue()


def update(gradebook: Gradebook, new: Gradebook, assignment: str, withdraw: bool) -> Update:
    """Let ``gradebook`` know an assignment as ``new`` does; whoever calls this commits, or rolls back.

    Raises CourseError where cells with marks or comments of persons would go, unless told to ``withdraw`` them.
    """
    session, made = gradebook.db, Update()
    definition = session.query(Assignment).filter(Assignment.name == assignment).one_or_none()
    if definition is None:
        definition = Assignment(name=assignment, course_id=gradebook.course_id)
        session.add(definition)
    wanted = {notebook.name: notebook for notebook in new.find_assignment(assignment).notebooks}
    there = {notebook.name: notebook for notebook in definition.notebooks}
    for name in there.keys() - wanted.keys():
        for kind in CELLS:
            _withdraw(session, made, there[name], kind, set())
        for submitted in session.query(SubmittedNotebook).filter(SubmittedNotebook.notebook_id == there[name].id):
            session.delete(submitted)
        session.delete(there[name])
        made.news.append(f"{name} is withdrawn.")
    for name, notebook in wanted.items():
        if name not in there:
            there[name] = Notebook(name=name, assignment=definition)
            session.add(there[name])
        there[name].kernelspec = notebook.kernelspec
        session.flush()
        for kind in CELLS:
            _cells(session, made, there[name], notebook, kind)
    if made.marks and not withdraw and any("of" not in mark for mark in made.marks):
        gone = sorted({mark["cell"] for mark in made.marks if "of" not in mark})
        raise CourseError(
            f"{assignment} was not released anew, and is as it was: persons have marked {', '.join(gone)}, which the "
            "chapters no longer have. Put back what was taken out, or say --withdraw to take the marks out too."
        )
    session.flush()
    return made


def _of(session, notebook: Notebook, kind: Any) -> dict:
    """A sheet's cells of one kind by their names."""
    return {cell.name: cell for cell in session.query(kind).filter(kind.notebook_id == notebook.id)}


def _cells(session, made: Update, ours: Notebook, theirs: Notebook, kind: Any) -> None:
    wanted = _of(type(session).object_session(theirs), theirs, kind)
    _withdraw(session, made, ours, kind, set(wanted))
    there = _of(session, ours, kind)
    known = bool(there)
    for name, cell in wanted.items():
        values = {column: getattr(cell, column) for column in CELLS[kind]}
        if name not in there:
            session.add(kind(name=name, notebook_id=ours.id, **values))
            if known and kind is GradeCell:
                made.news.append(f"{name} is new.")
            continue
        if kind is GradeCell and there[name].max_score != values["max_score"]:
            _ask_again(session, made, there[name], values["max_score"])
        for column, value in values.items():
            setattr(there[name], column, value)
    session.flush()


def _withdraw(session, made: Update, notebook: Notebook, kind: Any, kept: set[str]) -> None:
    """Delete the cells of a sheet that are not ``kept``, with all that stands in the gradebook for them."""
    for name, cell in _of(session, notebook, kind).items():
        if name in kept:
            continue
        for grade in session.query(Grade).filter(Grade.cell_id == cell.id):
            if grade.manual_score is not None or grade.extra_credit:
                made.marks.append(_mark(grade) | {"mark": grade.manual_score, "extra": grade.extra_credit})
            session.delete(grade)
        for comment in session.query(Comment).filter(Comment.cell_id == cell.id):
            if comment.manual_comment:
                made.marks.append(_mark(comment) | {"comment": comment.manual_comment})
            session.delete(comment)
        session.flush()
        session.delete(cell)
        if kind is GradeCell:
            made.news.append(f"{name} is withdrawn.")
    session.flush()


def _mark(row: Grade | Comment) -> dict:
    return {"student": row.notebook.assignment.student_id, "notebook": row.notebook.name, "cell": row.cell.name}


def _ask_again(session, made: Update, cell: GradeCell, most: float) -> None:
    """Points of persons were given out of another maximum: they stand, up to the new one, and are to be looked at."""
    asked = 0
    for grade in session.query(Grade).filter(Grade.cell_id == cell.id):
        if grade.manual_score is not None:
            asked += 1
            grade.needs_manual_grade = True
            if grade.manual_score > most:
                made.marks.append(_mark(grade) | {"mark": grade.manual_score, "of": cell.max_score})
                grade.manual_score = most
        if grade.auto_score is not None:
            grade.auto_score = min(grade.auto_score, most)
    marks = f"; {asked} mark{'s' if asked > 1 else ''} to look at again" if asked else ""
    made.news.append(f"{cell.name} is worth {most:g}, not {cell.max_score:g}{marks}.")
