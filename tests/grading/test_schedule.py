"""Where submissions are graded, and in which order: workers that are lost, and second runs."""

from __future__ import annotations

import os
import signal
import time

import pytest
from traitlets.config import Config

import grading_course
from grading import pipeline
from grading.record import Check, Failure, FailureKind, Outcome, Run, Stop, StopKind, write_checks, write_run
from grading.run import schedule, worker
from grading.run.worker import Job
from grading_course import (
    ASSIGNMENT,
    GOOD,
    NOTEBOOK,
    TEST,
    answered,
    as_bytes,
    cell,
    grade,
    hand_in,
    records,
    with_own,
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
    config.RobustExecute.notebook_seconds = -118
    jobs = [Job(ASSIGNMENT, f"student{n}", {}, {}, b"", 1, config) for n in range(3)]
    outcomes = {outcome.student: outcome.failure for outcome in schedule.run_here(iter(jobs), 2)}
    assert {student: bool(error) for student, error in outcomes.items()} == {
        "student0": False,
        "student1": True,
        "student2": False,
    }


SLOW = f"import time; time.sleep(4)\n{GOOD}"


def test_a_submission_whose_time_ran_out_beside_others_is_graded_again_alone_and_last(tmp_path, monkeypatch):
    """The first time there is too little time for it, as when a neighbour takes the processor."""
    course, tried = grading_course.course(tmp_path), []
    for student, source in {"a-slow": SLOW, "b-endless": "while True: pass", "c-quick": GOOD}.items():
        hand_in(course, student, answered(source))
    hand_in(course, "e-own-loop", with_own("while True: pass"))

    def in_turn(jobs, processes):
        for job in jobs:
            job.config.Execute.timeout = 2 if processes == 2 or job.student == "b-endless" else 20
            tried.append((job.student, processes))
            yield worker.grade_one(job)

    monkeypatch.setattr(pipeline, "run_here", in_turn)
    rows = grade(course)
    # A loop in a cell of one's own that costs no points is no reason to wait for it again.
    assert tried == [(name, 2) for name in sorted(rows)] + [("a-slow", 1), ("b-endless", 1)]
    assert {student: row.score for student, row in rows.items()} == {
        "a-slow": 2,
        "b-endless": 0,
        "c-quick": 2,
        "e-own-loop": 2,
    }
    assert all(len(records(course, student)) == 1 for student in rows)
    assert not any(row.fresh for row in grade(course).values())


def test_only_lost_points_and_a_lack_of_time_buy_a_second_run():
    def outcome(run: Run, earned: float) -> Outcome:
        sheet = answered(GOOD)
        write_checks(cell(sheet, TEST), [Check("it runs", 2.0, earned, "" if earned == 2 else "It did not run.")])
        write_run(sheet, run, [])
        return Outcome("ada", sheets={NOTEBOOK: as_bytes(sheet)})

    late = [Run(overdue=True), *(Run(stop=Stop(kind, "")) for kind in (StopKind.TIME, StopKind.SILENCE))]
    for run in late:
        assert schedule.starved(outcome(run, 0.0))
        assert not schedule.starved(outcome(run, 2.0))
    for kind in set(StopKind) - {StopKind.TIME, StopKind.SILENCE}:
        assert not schedule.starved(outcome(Run(stop=Stop(kind, "This cell ran for more than 60 s.")), 0.0))
    assert schedule.starved(Outcome("ada", failure=Failure(FailureKind.GRADER, "")))
    assert not schedule.starved(Outcome("ada", failure=Failure(FailureKind.NO_SHEET, "")))
