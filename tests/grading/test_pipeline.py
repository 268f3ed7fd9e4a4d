"""From submissions to grades through the real pipeline: sandboxed kernels, nbgrader, one writer, any interruption."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from copy import deepcopy
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from traitlets.config import Config

import gradebooks
import grading_course
import verdicts as warm
from answers import fill
from chapters.source import ROOT
from grading import pipeline
from grading.__main__ import main
from grading.course import Course
from grading.errors import CourseError
from grading.files import sha256
from grading.gradebook import audit, marks, writer
from grading.gradebook.policy import LatePolicy
from grading.intake import keep
from grading.record import Check, Failure, FailureKind, Outcome, Run, Stop, StopKind, write_checks, write_run
from grading.run import schedule, worker
from grading.run.worker import Job
from grading.sandbox import bubblewrap
from grading.verdict.preprocessors import PlaceSeed
from grading_course import (
    ALL,
    ANSWER,
    ASSIGNMENT,
    GOOD,
    NOTEBOOK,
    SAME,
    TEST,
    answered,
    cell,
    hand_in,
    released,
    solved,
)

pytestmark = pytest.mark.usefixtures("sandbox")


@pytest.fixture(autouse=True)
def _where_we_were():
    before = Path.cwd()
    yield
    os.chdir(before)


def grade(course: Course, **options) -> dict[str, pipeline.Row]:
    rows = pipeline.grade(course, ASSIGNMENT, processes=2, progress=False, **options)
    return {row.student: row for row in rows}


def contents(course: Course) -> list[tuple]:
    with course.gradebook() as book:
        return gradebooks.contents(book)


def records(course: Course, student: str) -> list[dict]:
    return [json.loads(line) for line in audit.path(course.root, ASSIGNMENT, student).read_text().splitlines()]


# --- a class, graded once ----------------------------------------------------------------------------------------


def with_own(source: str, at: int = 0):
    notebook = answered(GOOD)
    notebook.cells.insert(at, new_code_cell(source))
    return notebook


def chatty():
    notebook = answered(f"import sys, warnings\nprint('hello')\n{GOOD}\nwarnings.warn('old')\nsys.stderr.write('note')")
    notebook.cells.insert(0, new_code_cell("input('your name? ')"))
    return notebook


def noisy_function():
    return answered(GOOD.replace("\n", "\n    import sys; print('called', file=sys.stderr)\n", 1))


def skipping_tag():
    notebook = released()
    cell(notebook, TEST).metadata["tags"] = ["skip-execution"]
    cell(notebook, TEST).metadata.nbgrader["points"] = 100
    return notebook


def emptied_test():
    notebook = answered(SAME)
    cell(notebook, TEST).source = "1000"
    cell(notebook, TEST)["outputs"] = [new_output("execute_result", {"text/plain": "1000"}, execution_count=1)]
    return notebook


def forged_record():
    mime = "application/vnd.mibook.probe+json"
    body = f"    from IPython.display import publish_display_data as p\n    p({{{mime!r}: {{}}}})\n"
    return answered(GOOD.replace("\n", "\n" + body, 1))


def copied_cells():
    notebook = answered(GOOD)
    notebook.cells.append(deepcopy(cell(released(), ANSWER)))
    notebook.cells.append(deepcopy(cell(released(), TEST)))
    return notebook


def hostile_text():
    notebook = answered(GOOD)
    written = [c for c in notebook.cells if c.metadata.nbgrader.get("grade") and c.cell_type == "markdown"]
    written[0].source = "<script>document.title='owned'</script><img src=x onerror=alert(1)> $a < b$ and $\\mathsf{X}$"
    notebook.cells.insert(0, new_code_cell("from IPython.display import HTML\nHTML('<script>alert(2)</script>')"))
    notebook.cells.insert(0, new_code_cell("from IPython.display import Latex\nLatex('<script>alert(3)</script>')"))
    notebook.cells.insert(0, new_markdown_cell("[click](javascript:alert(4)) <iframe src='//example.org'></iframe>"))
    return notebook


def as_bytes(notebook, encoding="utf-8") -> bytes:
    return nbformat.writes(notebook).encode(encoding)


# name: what is handed in, under which file name, points of the test cell, status, a word of the reason
CLASS = {
    "solver": (lambda: answered(GOOD), NOTEBOOK, 2, "graded", ""),
    "stub": (released, NOTEBOOK, 0, "graded", ""),
    "wrong": (lambda: answered(SAME), NOTEBOOK, 1.5, "graded", ""),
    "renamed": (lambda: answered(GOOD), "formulation (1).ipynb", 2, "graded", "was taken for"),
    "utf16": (lambda: as_bytes(answered(GOOD), "utf-16"), NOTEBOOK, 2, "graded", ""),
    "chatty": (chatty, NOTEBOOK, 2, "graded", ""),
    "noisy-function": (noisy_function, NOTEBOOK, 2, "graded", ""),
    "copied": (copied_cells, NOTEBOOK, 2, "graded", "occurs 2 times"),
    "dead-late": (lambda: with_own("import os; os._exit(1)", 99), NOTEBOOK, 2, "failed to run", "kernel died"),
    "dead-early": (lambda: with_own("import os; os._exit(1)"), NOTEBOOK, 0, "failed to run", "kernel died"),
    "hang": (lambda: with_own("while True: pass"), NOTEBOOK, 2, "graded", ""),
    "skipping": (skipping_tag, NOTEBOOK, 0, "graded", ""),
    "emptied": (emptied_test, NOTEBOOK, 1.5, "tampered", "was changed and has been restored"),
    "forged": (forged_record, NOTEBOOK, 0, "tampered", "several records"),
    "unreadable": (lambda: b"no notebook at all", NOTEBOOK, 0, "failed to run", "not a notebook"),
    "nothing": (lambda: b"x", "essay.txt", 0, "failed to run", "Nothing that was handed in is a notebook"),
    "hostile": (hostile_text, NOTEBOOK, 2, "needs marking", "1 answer"),
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> tuple[Course, dict[str, pipeline.Row], str]:
    """The class after `python -m grading grade`, with what that printed."""
    course = grading_course.course(tmp_path_factory.mktemp("class"))
    settings = course.root / "nbgrader_config.py"
    settings.write_text(settings.read_text() + "\nc.Execute.timeout = 8\n")
    for student, (make, name, *_) in CLASS.items():
        hand_in(course, student, make(), name)
    with course.gradebook() as book:
        book.add_student("absent", first_name="=1+1")
    command = [sys.executable, "-m", "grading", "grade", "--course", str(course.root), "--jobs", "2"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return course, grade(course), run.stdout + run.stderr


@pytest.mark.parametrize("student", CLASS)
def test_each_submission_gets_its_points_its_status_and_its_reason(graded, student):
    _, rows, printed = graded
    _, _, points, status, reason = CLASS[student]
    row = rows[student]
    assert (row.score, row.status) == (points, status), row.reasons
    assert reason in " ".join(row.reasons)
    if status in ("failed to run", "tampered"):
        assert re.search(rf"{student}: {status}\. .*{re.escape(reason)}", printed)


def test_points_earned_before_the_kernel_died_are_kept_and_the_class_goes_on(graded):
    _, rows, _ = graded
    assert rows["dead-late"].score == 2
    assert len(rows) == len(CLASS) + 1
    assert rows["absent"].status == "missing"


def test_a_run_over_graded_submissions_grades_nothing(graded):
    course, rows, _ = graded
    # Those for whom the grader gave up are tried again, all others stay.
    assert {student for student, row in rows.items() if row.fresh} <= {"nothing"}
    assert all(len(records(course, student)) == 1 for student in CLASS if student != "nothing")


def test_the_record_says_what_was_graded_from_what(graded):
    course, _, _ = graded
    (line,) = records(course, "wrong")
    content = (course.root / "submitted" / "wrong" / ASSIGNMENT / NOTEBOOK).read_bytes()
    assert line["received"] == {NOTEBOOK: sha256(content)}
    assert (course.root / "raw" / ASSIGNMENT / "wrong" / line["received"][NOTEBOOK]).read_bytes() == content
    assert line["seed"] == course.seed(ASSIGNMENT, "wrong")
    assert line["isolation"] == ["bubblewrap"]
    assert line["versions"]["nbgrader"]
    assert line["seconds"] > 0
    checks = {behaviour: (points, earned, reason) for behaviour, points, earned, reason in line["checks"][TEST]}
    points, earned, reason = checks["independent columns"]
    assert (points, earned) == (0.5, 0.0)
    assert reason
    assert sum(points for points, _, _ in checks.values()) == 2


def test_the_export_has_a_status_and_no_formula(graded):
    course, rows, _ = graded
    with (course.root / "grades.csv").open() as file:
        table = {row["student_id"]: row for row in csv.DictReader(file) if row["assignment"] == ASSIGNMENT}
    assert {student: row["status"] for student, row in table.items()} == {s: row.status for s, row in rows.items()}
    assert float(table["wrong"]["score"]) == 1.5
    assert table["absent"]["first_name"] == "'=1+1"


def test_the_feedback_shows_the_checks_and_nothing_live(graded):
    course, _, _ = graded
    page = (course.root / "feedback" / "wrong" / ASSIGNMENT / "formulation.html").read_text(encoding="utf-8")
    (line,) = records(course, "wrong")
    for behaviour, *_ in line["checks"][TEST]:
        assert behaviour in page
    assert "0 of 0.5" in page
    assert "<math" in page or not (ROOT / "node_modules" / "mathjax").exists()
    for word in ("run_probe", "BEGIN HIDDEN", "SEED = "):
        assert word not in page
    for path in (course.root / "feedback").rglob("*.html"):
        text = re.sub(r"<style.*?</style>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        live = r"<(script|iframe|object|embed)|<[^<>]*\s(on\w+=|src=[\"']?(?!data:)\S|href=[\"']?javascript:)"
        assert not re.search(live, text), path


def test_hostile_feedback_is_inert_in_a_browser(graded, chromium):
    course, _, _ = graded
    page = chromium.new_page()
    dialogs, requests = [], []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: requests.append(request.url))
    page.goto((course.root / "feedback" / "hostile" / ASSIGNMENT / "formulation.html").as_uri())
    page.wait_for_timeout(500)
    assert (dialogs, "owned" in page.title()) == ([], False)
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    page.close()


def test_a_page_of_feedback_that_cannot_be_written_costs_no_other_and_is_said(graded, tmp_path, capsys):
    course = Course(shutil.copytree(graded[0].root, tmp_path / "course"))
    shutil.rmtree(course.root / "feedback")
    broken = course.root / "autograded" / "wrong" / ASSIGNMENT / NOTEBOOK
    broken.chmod(0o644)
    broken.write_text("no notebook")
    assert main(["feedback", "--course", str(course.root)]) == 1
    said = capsys.readouterr().err
    assert "Not all feedback for foundations could be written" in said
    assert "'wrong'" in said
    pages = {path.parent.parent.name for path in (course.root / "feedback").rglob("*.html")}
    assert {path.parent.parent.name for path in (course.root / "autograded").rglob("*.ipynb")} - pages == {"wrong"}


def test_an_unreadable_submission_is_kept_and_its_owner_told(graded):
    course, _, _ = graded
    content = b"no notebook at all"
    assert (course.root / "raw" / ASSIGNMENT / "unreadable" / sha256(content)).read_bytes() == content
    page = (course.root / "feedback" / "unreadable" / ASSIGNMENT / "formulation.html").read_text(encoding="utf-8")
    assert "About your submission" in page


def test_the_secret_is_the_owners_alone_and_in_no_file_that_is_handed_out(graded):
    course, _, _ = graded
    secret = (course.root / "secret").read_bytes()
    assert (course.root / "secret").stat().st_mode & 0o077 == 0
    for folder in ("release", "feedback", "autograded", "handout", "audit"):
        for path in (course.root / folder).rglob("*"):
            assert path.is_dir() or secret not in path.read_bytes()


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
        path = hand_in(course, f"student{number}", answered(source))
        (path.parent / "timestamp.txt").write_text("2025-03-02 12:00:00 UTC")
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
        (["mark", ASSIGNMENT, "nobody", TEST, "1"], "no graded submission"),
        (["mark", ASSIGNMENT, "nobody", TEST, "much"], "neither a number"),
        (["mark", ASSIGNMENT, "nobody", TEST, "nan"], "no number of points"),
        (["mark", ASSIGNMENT, "nobody", TEST, "1", "--extra", "inf"], "no number of points"),
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
    assert "python -m grading assignment" in capsys.readouterr().err


# --- interrupted runs ------------------------------------------------------------------------------------------

MOMENTS = {
    "before the first kernel": lambda root: (root / ".grading.lock").exists(),
    "while the first submissions run": lambda root: any(root.glob("raw/*/*/received.json")),
    "at the first notebook in place": lambda root: any(root.glob("autograded/*/*")),
    "at the second record": lambda root: len(list(root.glob("audit/*/*.jsonl"))) >= 2,
    "at the first page of feedback": lambda root: any(root.glob("feedback/*/*/*.html")),
}


def test_a_run_killed_at_five_moments_ends_like_an_undisturbed_one(tmp_path):
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
    with pipeline._alone(course), pytest.raises(CourseError, match="Another run"):
        grade(course)


def test_a_run_killed_while_it_replaces_notebooks_loses_none(tmp_path, monkeypatch):
    course = grading_course.course(tmp_path)
    hand_in(course, "ada", answered(GOOD))
    monkeypatch.setattr(pipeline, "fairly", lambda jobs, run: (worker.grade_one(job) for job in jobs))
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
    for name in (b"caf\xe9", b"x" * 245, "é".encode() * 101):
        hand_in(course, os.fsdecode(name), b"no notebook")
    assert main(["grade", ASSIGNMENT, "--course", str(course.root), "--jobs", "1"]) == 0
    said = capsys.readouterr()
    for text in (said.out, said.err):
        assert "caf?: " in text or "caf? (" in text
        assert "has a name that is not in UTF-8: rename it." in text
        assert text.count("has a name of more than 200 bytes: rename it.") == 2
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


# --- workers ---------------------------------------------------------------------------------------------------


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


# --- stock nbgrader --------------------------------------------------------------------------------------------


def nbgrader(course: Course, *arguments: str) -> str:
    command = [str(Path(sys.executable).with_name("nbgrader")), *arguments]
    run = subprocess.run(command, cwd=course.root, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout + run.stderr


def test_nbgrader_itself_grades_a_bulk_download_in_the_same_way(tmp_path):
    """zip_collect, autograde, export and generate_feedback, as an instructor without our command would call them."""
    course = grading_course.course(tmp_path)
    downloaded = course.root / "downloaded" / ASSIGNMENT / "archive"
    downloaded.mkdir(parents=True)
    tampered = emptied_test()
    with zipfile.ZipFile(downloaded / "all.zip", "w") as archive:
        archive.writestr("Ada Love_123_assignsubmission_file_/formulation (1).ipynb", as_bytes(answered(GOOD)))
        archive.writestr("Bob Ray_124_assignsubmission_file_/formulation.ipynb", as_bytes(tampered, "utf-16"))
    nbgrader(course, "zip_collect", ASSIGNMENT)
    assert {path.name for path in (course.root / "submitted").iterdir()} == {"Ada-Love_123", "Bob-Ray_124"}
    nbgrader(course, "autograde", ASSIGNMENT)
    with course.gradebook() as book:
        scores = {s.student_id: s.code_score for s in book.find_assignment(ASSIGNMENT).submissions}
    assert scores == {"Ada-Love_123": 2.0, "Bob-Ray_124": 1.5}
    assert any(kind == "tampered" for kind, *_ in records(course, "Bob-Ray_124")[-1]["notes"])
    assert records(course, "Bob-Ray_124")[-1]["isolation"] == ["bubblewrap"]
    before = contents(course)
    assert not any(row.fresh for row in grade(course).values())
    grade(course, force=True)
    assert contents(course) == before
    nbgrader(course, "export", "--to", str(tmp_path / "out.csv"))
    assert "Bob-Ray_124" in (tmp_path / "out.csv").read_text()
    nbgrader(course, "generate_feedback", ASSIGNMENT)
    page = (course.root / "feedback" / "Bob-Ray_124" / ASSIGNMENT / "formulation.html").read_text(encoding="utf-8")
    assert "has been restored" in page


def test_a_test_of_another_version_of_the_grader_is_refused_before_anything_is_graded(tmp_path, monkeypatch):
    course = grading_course.course(tmp_path)
    hand_in(course, "ada", answered(GOOD))
    source = nbformat.read(course.root / "source" / ASSIGNMENT / NOTEBOOK, as_version=4)
    exercise = warm.load(TEST)
    monkeypatch.setattr(exercise, "PROBE", exercise.PROBE.replace("publish", "announce"))
    with pytest.raises(CourseError, match="make assignment"):
        grade(course)
    assert contents(course) == []
    # `nbgrader autograde` and the formgrader's button run this step.
    with pytest.raises(CourseError, match="make assignment"):
        PlaceSeed(seed=1).preprocess(source, {})


def test_nbgrader_grades_nothing_that_could_not_be_normalised(tmp_path, monkeypatch):
    from grading import nbgrader_config

    course = grading_course.course(tmp_path)
    path = hand_in(course, "ada", answered(GOOD))
    monkeypatch.setattr(keep, "prepare_in_place", lambda *arguments, **settings: 1 / 0)
    notebooks = [str(path)]
    with pytest.raises(ZeroDivisionError):
        nbgrader_config.before_autograde(ASSIGNMENT, "*", notebooks)
    assert notebooks == []


# --- the second assignment, and the late policy -----------------------------------------------------------------


EXERCISES_OF = {
    "foundations": ("reference_sample", "avg_dv", "dvtrainer"),
    "mutual-information": ("resample", "moving_average", "mine_net", "minetrainer", "mineetrainer"),
}


def test_every_table_of_answers_is_sampled_below():
    assert {name for names in EXERCISES_OF.values() for name in names} == set(warm.TABLES)


def sampled(name: str, kind: str, part: float) -> tuple:
    """An answer from a table, at this part of its length."""
    answers = list(getattr(warm.ANSWERS[name], kind).values())
    answer = answers[int(part * len(answers))]
    return answer[2:] if kind == "WRONG" else answer if isinstance(answer, tuple) else (answer,)


@pytest.mark.parametrize("of", ALL)
def test_model_answers_stubs_and_a_sample_of_others_get_what_they_get_in_one_process(tmp_path, of):
    """The solution has full marks, the stub none, and wrong and right answers what the verdicts' own tests give."""
    course = grading_course.course(tmp_path)
    samples = {"wrong-early": ("WRONG", 0.3), "wrong-late": ("WRONG", 0.8), "right": ("RIGHT", 0.6)}
    chosen = {student: {name: sampled(name, *which) for name in EXERCISES_OF[of]} for student, which in samples.items()}
    for name in ALL[of]:
        hand_in(course, "solver", solved(name, of), name, of)
        hand_in(course, "stub", released(name, of), name, of)
        source = nbformat.read(course.root / "source" / of / name, as_version=4)
        for student, answers in chosen.items():
            notebook = released(name, of)
            for table, answer in answers.items():
                grade_id = warm.load(warm.TABLES[table][0]).GRADE_ID
                if any(c.id == grade_id for c in source.cells):
                    cell(notebook, grade_id).source = fill(cell(source, grade_id).source, *answer)
            hand_in(course, student, notebook, name, of)
    rows = {row.student: row for row in pipeline.grade(course, of, processes=2, progress=False)}
    with course.gradebook() as book:
        most = book.find_assignment(of).max_code_score
        found = book.find_submission(of, "solver")
        assert (found.code_score, rows["stub"].score, rows["right"].score) == (most, 0, most)
        written = [g for n in found.notebooks for g in n.grades if g.cell.cell_type == "markdown"]
        assert written
        assert all(grade.needs_manual_grade and grade.score == 0 for grade in written)
    assert rows["solver"].status == "needs marking"
    for student, answers in chosen.items():
        record, seed = audit.latest(course.root, of, student), course.seed(of, student)
        for table, answer in answers.items():
            for test_id in warm.TABLES[table]:
                expected = warm.marks(test_id, warm.solved(warm.load(test_id).GRADE_ID, *answer), seed)
                assert record.checks[test_id] == list(expected.values()), (student, test_id)


@pytest.mark.parametrize(
    ("minutes", "penalty"),
    [(10, None), (15, None), (16, 1.0), (15 + 1440, 1.0), (16 + 1440, 2.0), (16 + 4 * 1440, 5.0), (100 * 1440, 5.0)],
)
def test_lateness_costs_a_tenth_for_each_day_begun_and_half_at_most(minutes, penalty):
    assert LatePolicy().late_submission_penalty("ada", 10.0, 60 * minutes) == penalty
