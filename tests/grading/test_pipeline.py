"""Runs of the grader: again, interrupted, with wrong words, in strange folders."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest

import grading_course
from benchmarks.autograding import submission
from chapters.source import ROOT
from grading import pipeline
from grading.__main__ import main
from grading.course import Course
from grading.errors import CourseError
from grading.gradebook import audit, marks, writer
from grading.gradebook.policy import NO_TIME
from grading.run import worker
from grading.sandbox import bubblewrap
from grading.sandbox.watch import tree
from grading_course import (
    ASSIGNMENT,
    GOOD,
    SAME,
    TEST,
    answered,
    contents,
    grade,
    hand_in,
    handed_in_at,
    records,
    with_own,
)

pytestmark = pytest.mark.usefixtures("sandbox", "where_we_were")


@cache
def undisturbed() -> list[tuple]:
    """The gradebook of the small class after a run that nobody disturbed."""
    folder = Path(grading_course.tempfile.mkdtemp(prefix="mibook-test-"))
    try:
        course = small_class(folder)
        grade(course)
        return contents(course)
    finally:
        shutil.rmtree(folder)


def small_class(folder: Path) -> Course:
    course = grading_course.course(folder)
    for number, source in enumerate((GOOD, SAME, GOOD, "1/0")):
        hand_in(course, f"student{number}", answered(source))
        handed_in_at(course, f"student{number}", "2025-03-02 12:00:00 UTC")
    with course.gradebook() as book:
        marks.due(book, ASSIGNMENT, datetime(2025, 3, 1, 12, tzinfo=UTC))
    return course


def test_regrading_changes_nothing_and_marks_survive_it(tmp_path):
    course = small_class(tmp_path)
    grade(course)
    assert contents(course) == undisturbed()
    grade(course, force=True)
    assert contents(course) == undisturbed()
    where = ["--course", str(course.root), ASSIGNMENT, "student1"]
    assert main(["mark", *where, TEST, "1.75", "--comment", "nearly"]) == 0
    assert main(["mark", *where, "sampling-law", "0.5", "--extra", "0.25"]) == 0
    marked = contents(course)
    assert marked != undisturbed()
    row = grade(course, force=True)["student1"]
    assert contents(course) == marked
    # 1.75 + 0.5 + 0.25, a day late: ten percent off
    assert row.score == pytest.approx(0.9 * 2.5)
    assert len(records(course, "student1")) == 3
    # New work is graded anew; what a person marked in the old one asks to be looked at again.
    hand_in(course, "student1", answered(GOOD))
    row = grade(course)["student1"]
    with course.gradebook() as book:
        again = book.find_grade(TEST, "formulation", ASSIGNMENT, "student1")
        assert (again.auto_score, again.manual_score, again.needs_manual_grade) == (2.0, 1.75, True)
    assert main(["mark", *where, TEST, "auto"]) == 0
    assert main(["extend", *where, "48"]) == 0
    assert grade(course)["student1"].score == pytest.approx(2 + 0.75)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["mark", ASSIGNMENT, "nobody", TEST, "1"], "There is no student 'nobody' here."),
        (["mark", ASSIGNMENT, "nobody", TEST, "much"], "neither a number"),
        (["mark", "foundation", "nobody", TEST, "1"], "no released assignment 'foundation'; there are: foundations"),
        (["extend", "foundation", "nobody", "1"], "no released assignment 'foundation'; there are: foundations"),
        (["extend", ASSIGNMENT, "nobody", "1"], "no due date to extend"),
        (["extend", ASSIGNMENT, "nobody", "nan"], "no number of hours"),
        (["extend", ASSIGNMENT, "nobody", "1e300"], "no number of hours"),
        (["due", ASSIGNMENT, "soon"], "no date"),
        (["due", ASSIGNMENT, "2027-03-01 23:59"], "no zone"),
        (["due", ASSIGNMENT, "2027-03-01 23:59 CST"], "'CST' is no zone that is one everywhere"),
        (["due", "unheard-of", "2025-03-01"], "no released assignment"),
        (["grade", "unheard-of"], "no released assignment"),
        (["grade"], "nothing to grade"),
        (["grade", ASSIGNMENT, "--scheduler", "tcp://127.0.0.1:1"], "Dask"),
    ],
)
def test_a_wrong_command_gets_one_sentence(tmp_path, capsys, arguments, sentence):
    course = grading_course.course(tmp_path)
    assert main([arguments[0], "--course", str(course.root), *arguments[1:]]) == 1
    said = capsys.readouterr().err
    assert sentence in said
    assert "Traceback" not in said


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_a_number_of_jobs_below_one_is_refused(capsys, number):
    with pytest.raises(SystemExit):
        main(["grade", ASSIGNMENT, f"--jobs={number}"])
    assert "is not a whole number from 1 on" in capsys.readouterr().err


def test_the_search_path_does_not_grow(tmp_path):
    course = grading_course.course(tmp_path)
    before = os.environ["PATH"]
    for _ in range(3):
        assert Course(course.root).config
    assert os.environ["PATH"] == before


def test_a_folder_that_is_no_course_gets_one_sentence(tmp_path, capsys):
    assert main(["grade", "--course", str(tmp_path / "nowhere")]) == 1
    assert "mibook-course assignment" in capsys.readouterr().err


MOMENTS = {
    "before the first kernel": lambda root: (root / ".grading.lock").exists(),
    "while the first submissions run": lambda root: any(root.glob("raw/*/*/received.json")),
    "at the first notebook in place": lambda root: any(root.glob("autograded/*/*")),
    "at the second record": lambda root: len(list(root.glob("audit/*/*.jsonl"))) >= 2,
    "at the first page of feedback": lambda root: any(root.glob("feedback/*/*/*.html")),
}


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A temporary folder with a name as short as sockets need it."""
    with tempfile.TemporaryDirectory(prefix="t-") as folder:
        yield Path(folder)


def test_a_run_killed_at_five_moments_ends_like_an_undisturbed_one(tmp_path, temporary, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(temporary))
    course = small_class(tmp_path)
    command = [sys.executable, "-m", "grading", "grade", ASSIGNMENT, "--course", str(course.root), "--jobs", "2"]
    quiet = {"cwd": ROOT, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "start_new_session": True}
    for name, reached in MOMENTS.items():
        run = subprocess.Popen(command, **quiet)
        deadline = time.monotonic() + 120
        while not reached(course.root) and run.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        assert run.poll() is None, f"The run ended before it could be killed {name}: {run.stderr.read()!r}"
        os.kill(run.pid, signal.SIGKILL)  # the owner alone: its workers must end by themselves
        run.wait()
        run.stderr.close()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert contents(course) == undisturbed()
    for number in range(4):
        assert len(records(course, f"student{number}")) == 1
    assert len(list((course.root / "feedback").rglob("*.html"))) == 4
    assert [path.name for path in course.root.rglob(".*") if path.name != ".grading.lock"] == []
    assert list(temporary.glob("mibook-*-*-*")) == []  # nothing of students' work is left lying about


def test_a_stop_between_any_two_steps_of_the_writer_loses_and_doubles_nothing(tmp_path, monkeypatch):
    """The outcomes are computed once; the writer is stopped at every step of every submission in turn."""
    course = small_class(tmp_path)
    outcomes = {}

    def once(jobs, processes):
        for job in jobs:
            if job.student not in outcomes:
                outcomes[job.student] = worker.grade_one(job)
            yield outcomes[job.student]

    monkeypatch.setattr(pipeline, "run_here", once)
    steps = [
        (pipeline.Grading, "_place"),
        (writer, "_submission"),
        (writer, "penalise_rows"),
        (audit, "record"),
        (audit, "add"),
    ]
    for owner, name in steps:
        real = getattr(owner, name)
        for before in (True, False):

            def stop(*arguments, real=real, before=before, **named):
                if not before:
                    real(*arguments, **named)
                raise KeyboardInterrupt

            with monkeypatch.context() as patch:
                patch.setattr(owner, name, stop)
                with pytest.raises(KeyboardInterrupt):
                    grade(course)
            # One submission gets further each time.
    grade(course)
    assert contents(course) == undisturbed()
    assert [len(records(course, f"student{number}")) for number in range(4)] == [1, 1, 1, 1]


def test_a_course_where_students_code_could_read_it_is_refused(tmp_path, monkeypatch):
    course = small_class(tmp_path)
    real = bubblewrap.visible
    monkeypatch.setattr(bubblewrap, "visible", lambda python: [*real(python), str(tmp_path)])
    with pytest.raises(CourseError, match="Move the course"):
        grade(course)


def test_two_runs_at_once_are_refused(tmp_path):
    course = small_class(tmp_path)
    with course.alone(), pytest.raises(CourseError, match="Another run"):
        grade(course)


def test_a_run_killed_while_it_replaces_notebooks_loses_none(tmp_path, monkeypatch):
    course = grading_course.course(tmp_path)
    hand_in(course, "ada", answered(GOOD))
    monkeypatch.setattr(pipeline, "run_here", lambda jobs, processes: (worker.grade_one(job) for job in jobs))
    grade(course)
    folder = course.root / "autograded" / "ada"
    before = {path: path.read_bytes() for path in folder.rglob("*.ipynb")}
    real = Path.rename

    def stop(path, target):
        real(path, target)
        if str(target).endswith(".old"):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", stop)
        with pytest.raises(KeyboardInterrupt):
            grade(course, force=True)
    assert not (folder / ASSIGNMENT).exists()
    assert not grade(course)["ada"].fresh
    assert {path: path.read_bytes() for path in folder.rglob("*.ipynb")} == before
    assert [path.name for path in folder.iterdir()] == [ASSIGNMENT]
    shutil.rmtree(folder)
    assert grade(course)["ada"].fresh
    assert set(folder.rglob("*.ipynb")) == set(before)


def test_a_folder_whose_name_no_student_can_have_stops_nobody(tmp_path, capsys):
    course = grading_course.course(tmp_path)
    hand_in(course, "ada", b"no notebook")
    for name in (b"caf\xe9", b"x" * 245, "é".encode() * 101, b"two\nlines"):
        hand_in(course, os.fsdecode(name), b"no notebook")
    assert main(["grade", ASSIGNMENT, "--course", str(course.root), "--jobs", "1"]) == 0
    said = capsys.readouterr()
    for text in (said.out, said.err):
        assert "caf?: " in text or "caf? (" in text
        assert "has a name that is not in UTF-8: rename it." in text
        assert text.count("has a name of more than 200 bytes: rename it.") == 2
        assert "Not graded, for its folder in submitted/ has a name with a line break" in text
        assert "ada" in text
    assert {path.name for path in (course.root / "autograded").iterdir()} == {"ada"}


def test_a_higher_limit_grades_again_and_a_colour_of_the_feedback_does_not(tmp_path):
    course = grading_course.course(tmp_path)
    hand_in(course, "ada", answered(GOOD))
    settings = course.root / "nbgrader_config.py"
    assert grade(course)["ada"].fresh
    settings.write_text(settings.read_text() + "\nc.FeedbackExporter.anchor_link_text = '#'\n")
    assert not grade(course)["ada"].fresh
    settings.write_text(settings.read_text() + "\nc.BubblewrapProvisioner.memory = 3 << 30\n")
    assert grade(course)["ada"].fresh


def test_a_run_tells_a_program_of_each_submission_as_it_ends(tmp_path):
    course = grading_course.course(tmp_path)
    hand_in(course, "ada", answered(GOOD))
    hand_in(course, "bob", answered("1 / 0"))
    command = [sys.executable, "-m", "grading", "grade", "--json", "--course", str(course.root)]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert found.returncode == 0, found.stderr
    told = {line["student"]: line for line in map(json.loads, found.stdout.splitlines())}
    assert {student: line["score"] for student, line in told.items()} == {"ada": 2, "bob": 0}
    assert all(line["fresh"] and line["assignment"] == ASSIGNMENT for line in told.values())
    assert "2 students, 2 graded now" in found.stderr


def test_ctrl_c_waits_for_no_kernel_and_says_that_nothing_is_lost(tmp_path):
    course, said = grading_course.course(tmp_path), tmp_path / "said"
    hand_in(course, "ada", with_own("import time; time.sleep(600)"))
    with said.open("w") as log:
        command = [sys.executable, "-m", "grading", "grade", "--course", str(course.root)]
        # Whoever tests in the background ignores Ctrl-C, and so would the run.
        heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        run = subprocess.Popen(command, cwd=ROOT, stderr=log, stdout=log, start_new_session=True, preexec_fn=heard)
    deadline = time.monotonic() + 60
    while not kernel_runs(run.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(2)  # into the cell that sleeps
    os.killpg(run.pid, signal.SIGINT)
    assert run.wait(timeout=60) == 130  # the cell has four times as long, however busy the machine
    assert "Stopped. Nothing is lost" in said.read_text()


def kernel_runs(pid: int) -> bool:
    """Whether a sandbox for a forked kernel is among a process's descendants."""
    return any(bubblewrap.IDLE.encode() in attempt((path / "cmdline").read_bytes) for path in tree(pid))


def attempt(read) -> bytes:
    try:
        return read()
    except OSError:
        return b""  # it has just ended


def test_forked_kernels_give_the_same_grades_and_reasons_as_cold_ones(tmp_path):
    """Right and wrong answers of the sheet that uses most, and one that draws chance numbers without a seed."""
    rng = np.random.default_rng(1)
    sheets = {f"{kind}-{n}": submission(rng, kind) for kind in ("right", "wrong") for n in range(3)}
    found = {}
    for warm in (True, False):
        course = grading_course.course(tmp_path / str(warm))
        settings = course.root / "nbgrader_config.py"
        settings.write_text(f"{settings.read_text()}\nc.BubblewrapProvisioner.warm = {warm}\n")
        for student, content in sheets.items():
            hand_in(course, student, content, "mine.ipynb", "mutual-information")
        rows = {row.student: row for row in pipeline.grade(course, "mutual-information", 2, progress=False)}
        checks = {student: audit.latest(course.root, "mutual-information", student).checks for student in sheets}
        found[warm] = {student: (row.status, row.score, row.reasons, checks[student]) for student, row in rows.items()}
    assert found[True] == found[False]
    assert found[True]["right-0"][1] > found[True]["wrong-0"][1]


def test_a_time_that_nobody_knows_costs_nothing_and_is_said_everywhere(tmp_path):
    course = grading_course.course(tmp_path)
    hand_in(course, "ada", answered(GOOD))
    hand_in(course, "bob", answered(GOOD))
    handed_in_at(course, "bob", "2025-03-01 11:00:00 UTC")
    assert NO_TIME not in grade(course)["ada"].reasons  # nothing is due
    with course.gradebook() as book:
        marks.due(book, ASSIGNMENT, datetime(2025, 3, 1, 12, tzinfo=UTC))
    rows = grade(course)
    assert (rows["ada"].score, NO_TIME in rows["ada"].reasons) == (2, True)
    assert NO_TIME not in rows["bob"].reasons
    assert main(["export", "--course", str(course.root)]) == main(["feedback", "--course", str(course.root)]) == 0
    (of_ada,) = [
        line for line in (course.root / "grades.csv").read_text().splitlines() if ",ada," in line and ASSIGNMENT in line
    ]
    assert NO_TIME in of_ada
    pages = {s: next((course.root / "feedback" / s / ASSIGNMENT).glob("*.html")).read_text() for s in ("ada", "bob")}
    assert {student: NO_TIME in page for student, page in pages.items()} == {"ada": True, "bob": False}
