"""The course's commands: in any order, from any folder, with mistyped words, where nothing can be written."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbgrader.validator import Validator

import grading_course
from chapters.source import ROOT
from grading.__main__ import main
from grading.gradebook import marks
from grading_course import ASSIGNMENT, GOOD, NOTEBOOK, TEST, answered, hand_in, handed_in_at

COMMAND = [sys.executable, "-c", "import mibook_course, sys; sys.exit(mibook_course.main())"]
DUE = "2025-03-01 12:00 UTC"


def command(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess:
    """Run the console script's function in a folder."""
    return subprocess.run(
        [*COMMAND, *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT / "tools")} | variables,
        capture_output=True,
        text=True,
    )


def row(course, student: str) -> dict[str, str]:
    with (course.root / "grades.csv").open(newline="") as file:
        return next(row for row in csv.DictReader(file) if row["student_id"] == student)


def test_the_script_is_installed_and_names_itself():
    found = subprocess.run([Path(sys.executable).with_name("mibook-course"), "--help"], capture_output=True, text=True)
    assert "usage: mibook-course" in found.stdout


@pytest.mark.parametrize("inside", ["", "submitted", "submitted/ada"])
def test_a_command_given_inside_the_course_knows_it(tmp_path, inside):
    course = grading_course.course(tmp_path)
    (course.root / inside).mkdir(parents=True, exist_ok=True)
    run = command(course.root / inside, "due", ASSIGNMENT, DUE)
    assert run.stdout == f"{ASSIGNMENT} is due 2025-03-01 12:00 UTC.\n", run.stderr


def test_beside_the_course_and_by_a_name_with_a_tilde_it_is_found_too(tmp_path):
    grading_course.course(tmp_path)
    assert command(tmp_path, "due", ASSIGNMENT, DUE).returncode == 0
    run = command(ROOT, "due", ASSIGNMENT, DUE, "--course", "~/course", HOME=str(tmp_path))
    assert run.returncode == 0, run.stderr


@pytest.mark.usefixtures("sandbox")
def test_more_time_may_be_given_before_anything_has_come(tmp_path, capsys):
    course = grading_course.course(tmp_path)
    where = ["--course", str(course.root), ASSIGNMENT]
    assert main(["due", *where, DUE]) == 0
    assert main(["extend", *where, "ada", "48"]) == 0
    assert "2025-03-03 12:00 UTC for ada, of whom nothing has come yet." in capsys.readouterr().out
    assert main(["export", *where[:2]]) == 0
    assert row(course, "ada")["status"] == "missing"
    for student in ("ada", "bob"):
        hand_in(course, student, answered(GOOD))
        handed_in_at(course, student, "2025-03-03 11:00:00 UTC")
    assert main(["grade", *where, "--jobs", "1"]) == 0
    assert {name: float(row(course, name)["score"]) for name in ("ada", "bob")} == {"ada": 2.0, "bob": 1.6}


@pytest.mark.parametrize("words", [["mark", "adda", TEST, "1"], ["extend", "adda", "1"], ["extend", "ADA", "1"]])
def test_a_mistyped_student_is_asked_about(tmp_path, capsys, words):
    course = grading_course.course(tmp_path)
    hand_in(course, "ada", answered(GOOD))
    name, *rest = words
    assert main(["due", ASSIGNMENT, DUE, "--course", str(course.root)]) == 0
    assert main([name, ASSIGNMENT, *rest, "--course", str(course.root)]) == 1
    assert f"There is no student {rest[0]!r} here: did you mean 'ada'?" in capsys.readouterr().err
    if name == "extend":
        assert main([name, ASSIGNMENT, *rest, "--new", "--course", str(course.root)]) == 0


def test_what_cannot_be_marked_yet_says_why(tmp_path, capsys):
    course = grading_course.course(tmp_path)
    where = ["--course", str(course.root), ASSIGNMENT]
    hand_in(course, "ada", answered(GOOD))
    assert main(["mark", *where, "ada", TEST, "1"]) == 1
    assert f"{ASSIGNMENT} of ada is not graded yet: run `mibook-course grade" in capsys.readouterr().err
    with course.gradebook() as book:
        book.add_student("bob")
    assert main(["mark", *where, "bob", TEST, "1"]) == 1
    assert f"{ASSIGNMENT} of bob was not handed in." in capsys.readouterr().err


@pytest.mark.parametrize("number", ["nan", "inf"])
def test_a_mark_is_a_number(tmp_path, number):
    course = grading_course.course(tmp_path)
    with course.gradebook() as book, pytest.raises(marks.CourseError, match="no number of points"):
        marks.mark(book, ASSIGNMENT, "ada", TEST, float(number))


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="nothing makes a folder read-only for root")
@pytest.mark.parametrize(
    "words", [["grade"], ["due", ASSIGNMENT, DUE], ["export"], ["assignment"], ["feedback"]], ids=lambda words: words[0]
)
def test_a_course_that_can_not_be_written_gets_one_sentence(tmp_path, words):
    course = grading_course.course(tmp_path)
    inside = ["bwrap", "--dev-bind", "/", "/", "--ro-bind", str(course.root), str(course.root)]
    run = subprocess.run(
        [*inside, sys.executable, "-m", "grading", *words, "--course", str(course.root)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    assert f"{course.root} can't be written" in run.stderr
    assert "Traceback" not in run.stderr


def test_make_takes_a_course_whose_name_has_blanks_and_accents(tmp_path):
    name = "Kurs Übung 2027's"
    (tmp_path / "mibook-course").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "mibook-course").chmod(0o755)
    made = ["-o", ".venv/.ready", "-o", "node_modules/.ready"]
    for target in ("assignment", "grade", "report", "formgrader"):
        run = subprocess.run(
            ["make", "-s", *made, f"BIN={tmp_path}", f"COURSE={name}", target],
            cwd=ROOT,
            capture_output=True,
            text=True,
            # Not a child of the make that runs the tests: it would say which folder it enters and leaves.
            env={k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL")}
            | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        )
        assert run.stdout.splitlines() == [target, "--course", name], run.stdout + run.stderr


def test_a_second_collection_adds_and_keeps_the_time_that_stands_there(tmp_path):
    course = grading_course.course(tmp_path)
    archive = course.root / "downloaded" / ASSIGNMENT / "archive"
    archive.mkdir(parents=True)
    for number, student in enumerate(("ada", "bob"), 1):
        with zipfile.ZipFile(archive / f"class{number}.zip", "w") as bulk:
            for name in ("ada", "bob")[:number]:
                text = nbformat.writes(answered(f"# {number} by {name}"))
                bulk.writestr(f"{name}_1234{len(name)}_assignsubmission_file_/{NOTEBOOK}", text)
        if number == 2:
            (archive / "class1.zip").unlink()
        collect = [sys.executable, "-m", "nbgrader", "zip_collect", ASSIGNMENT]
        run = subprocess.run(collect, cwd=course.root, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        folder = course.root / "submitted" / f"{student}_12343" / ASSIGNMENT
        assert f"# {number} by {student}" in (folder / NOTEBOOK).read_text()
        (folder / "timestamp.txt").write_text("2025-03-01 12:00 +0800")
    first = course.root / "submitted" / "ada_12343" / ASSIGNMENT
    assert "# 2 by ada" in (first / NOTEBOOK).read_text()
    assert (first / "timestamp.txt").read_text() == "2025-03-01 04:00:00+00:00"


@pytest.mark.costly
def test_validate_does_not_blame_a_written_answer_that_is_not_there_yet(tmp_path):
    nbformat.write(answered(GOOD), tmp_path / NOTEBOOK)
    assert Validator().validate(str(tmp_path / NOTEBOOK)) == {}
