"""A small class of honest, careless and hostile students, graded once by the real command."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
from copy import deepcopy

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

import grading_course
from chapters.source import ROOT
from grading import pipeline
from grading.__main__ import main
from grading.course import Course
from grading.files import sha256
from grading_course import (
    ANSWER,
    ASSIGNMENT,
    GOOD,
    NOTEBOOK,
    SAME,
    TEST,
    answered,
    as_bytes,
    cell,
    emptied_test,
    grade,
    hand_in,
    records,
    released,
    with_own,
)

pytestmark = pytest.mark.usefixtures("sandbox", "where_we_were")


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
    """The class after `mibook-course grade`, with what that printed."""
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
