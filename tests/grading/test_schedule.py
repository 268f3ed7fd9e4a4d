"""Where submissions are graded, and in which order: workers that are lost, and second runs."""

from __future__ import annotations

import os
import signal
import time

import pytest
from traitlets.config import Config

from grading.record import Outcome
from grading.run import schedule
from grading.run.worker import Job
from grading_course import (
    ASSIGNMENT,
)

pytestmark = pytest.mark.usefixtures("sandbox", "where_we_were")


def _fatal(job):
    if job.student == "student1":
        os.kill(os.getpid(), signal.SIGKILL)
    return Outcome(job.student)


def test_a_worker_that_is_killed_costs_its_own_submission_alone(monkeypatch):
    monkeypatch.setattr(schedule, "grade_one", _fatal)
    jobs = [Job(ASSIGNMENT, f"student{n}", {}, {}, b"", 1, None) for n in range(5)]
    outcomes = {outcome.student: outcome.failure for outcome in schedule.run_here(iter(jobs), 2)}
    assert set(outcomes) == {job.student for job in jobs}
    assert {student for student, error in outcomes.items() if error} == {"student1"}


def _hangs(job):
    if job.student == "student1":
        time.sleep(600)
    return Outcome(job.student)


def test_a_worker_that_hangs_costs_its_own_submission_alone(monkeypatch):
    monkeypatch.setattr(schedule, "grade_one", _hangs)
    config = Config()
    config.RobustExecute.notebook_seconds = -11.8
    jobs = [Job(ASSIGNMENT, f"student{n}", {}, {}, b"", 1, config) for n in range(3)]
    outcomes = {outcome.student: outcome.failure for outcome in schedule.run_here(iter(jobs), 2)}
    assert {student: bool(error) for student, error in outcomes.items()} == {
        "student0": False,
        "student1": True,
        "student2": False,
    }
