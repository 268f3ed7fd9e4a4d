"""What lateness costs."""

from __future__ import annotations

import math
from datetime import UTC
from pathlib import Path
from typing import NamedTuple

from nbgrader.api import Gradebook, SubmittedAssignment
from nbgrader.plugins import LateSubmissionPlugin
from traitlets import Float
from traitlets.config import Config

from grading.intake import collected
from grading.intake.collected import TimeFrom


class LatePolicy(LateSubmissionPlugin):
    """A part of the earned points for each day that has begun, after a time of grace and up to a limit.

    By default 10 % a day, 15 minutes of grace, at most half. A submission without a time, or an assignment
    without a due date, is never late.
    """

    percent_a_day = Float(10, min=0, max=100, help="Percent of the earned points for each day begun.").tag(config=True)
    grace_minutes = Float(15, min=0, help="Minutes after the due date that cost nothing.").tag(config=True)
    percent_at_most = Float(50, min=0, max=100, help="Percent of the points that lateness costs at most.").tag(
        config=True
    )

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:
        """The points that a notebook with ``score`` points loses, or None if it is in time."""
        late = total_seconds_late - 60 * self.grace_minutes
        if late <= 0:
            return None
        percent = min(self.percent_a_day * math.ceil(late / 86400), self.percent_at_most)
        return round(score * percent / 100, 6)


NO_TIME = "No time of submission is known, so nothing was taken off for lateness."
LATE = "It was marked late where it was handed in, but no time is known, so nothing was taken off: a person decides."


class Lateness(NamedTuple):
    """When work was handed in, and what is to say of it."""

    seconds: float  # after it was due; 0 if in time, or not known to be late
    time_from: TimeFrom  # who says when it was handed in
    unknown: str  # what must be said where nothing says when; "" if there is nothing to say


def lateness(submission: SubmittedAssignment, root: Path) -> Lateness:
    """How late a submission to a course in ``root`` is, and how one knows."""
    raw = collected.raw(root, submission.assignment.name, submission.student_id)
    if submission.timestamp is None:
        brought = collected.read(raw)
        said = LATE if brought and brought.late else NO_TIME if submission.duedate is not None else ""
        return Lateness(0, TimeFrom.NOBODY, said)
    return Lateness(submission.total_seconds_late, collected.time_of(raw, submission.timestamp.replace(tzinfo=UTC)), "")


def penalise_rows(session, submission: SubmittedAssignment, policy: LatePolicy) -> None:
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
        penalise_rows(gradebook.db, gradebook.find_submission(assignment, student), policy)
        gradebook.db.commit()
    except BaseException:
        gradebook.db.rollback()
        raise


def penalise_all(gradebook: Gradebook, assignment: str, policy: LatePolicy) -> None:
    """Bring the late penalties up to date: marks, due dates and extensions may have changed since the grading."""
    try:
        for submission in gradebook.find_assignment(assignment).submissions:
            penalise_rows(gradebook.db, submission, policy)
        gradebook.db.commit()
    except BaseException:
        gradebook.db.rollback()
        raise


def policy_of(config: Config) -> LatePolicy:
    """The course's late policy: its own plugin class, or `LatePolicy`."""
    plugin = config.AssignLatePenalties.get("plugin_class", LatePolicy)
    return plugin(config=config)
