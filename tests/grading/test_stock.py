"""Stock nbgrader on a course: the same grades as by the grader, and nothing that was not prepared."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

import grading_course
import verdicts as warm
from grading.course import Course
from grading.errors import CourseError
from grading.intake import keep
from grading.verdict.preprocessors import PlaceSeed
from grading_course import (
    ASSIGNMENT,
    GOOD,
    NOTEBOOK,
    TEST,
    answered,
    as_bytes,
    contents,
    emptied_test,
    grade,
    hand_in,
    records,
)

pytestmark = pytest.mark.usefixtures("sandbox", "where_we_were")


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
        PlaceSeed(seed=1, exercises=warm.PACKAGE).preprocess(source, {})


def test_nbgrader_grades_nothing_that_could_not_be_normalised(tmp_path, monkeypatch):
    from grading import nbgrader_config

    course = grading_course.course(tmp_path)
    path = hand_in(course, "ada", answered(GOOD))
    monkeypatch.setattr(keep, "prepare_in_place", lambda *arguments, **settings: 1 / 0)
    notebooks = [str(path)]
    with pytest.raises(ZeroDivisionError):
        nbgrader_config.before_autograde(ASSIGNMENT, "*", notebooks)
    assert notebooks == []
