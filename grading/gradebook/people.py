"""The students in the gradebook: those on the roster, and those who were found to be others than they seemed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry, Student

from grading.errors import CourseError
from grading.gradebook import audit
from grading.intake import collected
from grading.intake.roster import Person


def enter(gradebook: Gradebook, people: Iterable[Person], others: Iterable[str] = ()) -> None:
    """Enter the people of a roster, with their names, and others by their id alone: each has a row of grades then."""
    known = {student.id: student for student in gradebook.students}
    try:
        for person in people:
            first, last = person.names
            said = {"first_name": first, "last_name": last, "email": person.email}
            if person.id not in known:
                gradebook.db.add(Student(id=person.id, lms_user_id=None, **said))
            elif any(getattr(known[person.id], name) != value for name, value in said.items()):
                for name, value in said.items():
                    setattr(known[person.id], name, value)
        for student in set(others) - known.keys() - {person.id for person in people}:
            gradebook.db.add(Student(id=student))
        gradebook.db.commit()
    except BaseException:
        gradebook.db.rollback()
        raise


def move(gradebook: Gradebook, root: Path, assignment: str, old: str, new: str) -> None:
    """Make a submission another student's, with all that is kept of it and all that a person gave for it.

    It is to be graded again: the hidden inputs are each student's own.
    """
    rooms = [root / room / old / assignment for room in ("submitted", "autograded", "feedback")]
    pairs = [(path, path.parents[1] / new / assignment) for path in rooms]
    pairs += [(path(root, assignment, old), path(root, assignment, new)) for path in (collected.raw, audit.path)]
    if taken := next((there for here, there in pairs if here.exists() and there.exists()), None):
        raise CourseError(f"{old!r} is {new!r}, but {taken} is there already: take one of the two away.")
    _give(gradebook, assignment, old, new)
    for here, there in pairs:
        if here.exists():
            there.parent.mkdir(parents=True, exist_ok=True)
            here.rename(there)


def _give(gradebook: Gradebook, assignment: str, old: str, new: str) -> None:
    try:
        submission = gradebook.find_submission(assignment, old)
    except MissingEntry:
        submission = None
    try:
        if submission is not None:
            submission.student = gradebook.find_student(new)
            gradebook.db.flush()
        student = next((student for student in gradebook.students if student.id == old), None)
        if student is not None:
            gradebook.db.expire(student)
            if not student.submissions:
                gradebook.db.delete(student)
        gradebook.db.commit()
    except BaseException:
        gradebook.db.rollback()
        raise


def late_by(gradebook: Gradebook, assignment: str, student: str, when: datetime) -> float:
    """The seconds by which work that was handed in at a time is late; 0 if it is not, or if nothing is due."""
    try:
        due = gradebook.find_submission(assignment, student).duedate
    except MissingEntry:
        due = gradebook.find_assignment(assignment).duedate
    return max((when - due.replace(tzinfo=UTC)).total_seconds(), 0.0) if due else 0.0
