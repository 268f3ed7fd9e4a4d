"""The report on a class: planted faults are named, examples are anonymous and inert, names stand in their own file."""

from __future__ import annotations

import re

import pytest

import grading_course
from grading.__main__ import main
from grading.record import Check, Note, NoteKind
from grading.report.answers import klass
from grading.report.study import FEW, first_mistake, kind, misunderstandings, study
from grading_course import ANSWER, ASSIGNMENT, GOOD, TEST
from synthetic import enter, planted
from verdicts import load

LIVE = "def reference_sample(n_ref, rng):\n    return '<script>alert(1)</script>', 1  # by Ada"


def lost(*reasons: str) -> list[Check]:
    """A verdict: a behaviour with a reason is lost."""
    names = load(TEST).POINTS.items()
    return [
        Check(name, most, 0.0 if reason else most, reason) for (name, most), reason in zip(names, reasons, strict=True)
    ]


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """A class of 300 with faults from the table of wrong answers."""
    course = grading_course.course(tmp_path_factory.mktemp("report"))
    students = list(planted(TEST, 300))
    with course.gradebook() as book:
        for one in students:
            enter(course, ASSIGNMENT, TEST, one.student, one.answer, one.checks, book=book)
    return course, students


@pytest.mark.costly
def test_of_three_hundred_planted_faults_at_least_19_of_20_are_named_rightly(faulty):
    course, students = faulty
    found = klass(course, ASSIGNMENT)
    task = next(task for task in found.exercises if task.name == ANSWER)
    named = {student: m for m in misunderstandings(found, task) for student in m.students}
    right = 0
    for one in students:
        mistake = named.get(one.student)
        if one.behaviour:
            right += mistake is not None and mistake.behaviour == one.behaviour and one.words in mistake.reason
        else:
            right += mistake is None
    assert len({one.words for one in students}) > 8
    assert right >= 0.95 * len(students), f"{right} of {len(students)}"
    blank = {answer.student for answer in found.answers[ANSWER] if answer.blank}
    assert blank == {one.student for one in students if one.blank}


@pytest.mark.costly
def test_the_counts_are_the_class_s(faulty):
    course, students = faulty
    figures = next(entry for entry in study(klass(course, ASSIGNMENT)).figures if entry.exercise.name == ANSWER)
    assert sum(count for _, count in figures.bars) == len(students)
    assert figures.blank == sum(one.blank for one in students)
    earned = [sum(check.earned for check in one.checks) for one in students]
    assert figures.mean == pytest.approx(sum(earned) / len(earned))
    for behaviour in figures.behaviours:
        mine = [c for one in students for c in one.checks if c.behaviour == behaviour.name and not one.blank]
        assert behaviour.lost == sum(check.earned < check.points for check in mine)
        assert sum(len(m.students) for m in behaviour.mistakes) == behaviour.lost


def test_reasons_that_differ_in_the_student_s_own_words_are_one_mistake():
    assert kind("7 pairs gave t of shape (7,)") == kind("12 pairs gave t of shape (12,)")
    assert kind("name 'foo' is not defined") == kind("name 'bar' is not defined")
    assert kind("The sign of L is reversed") != kind("L is halved")


@pytest.fixture
def small(tmp_path):
    course = grading_course.course(tmp_path)
    fine, shape = lost("", "", "", ""), lost("a <b>shape</b> of 3", "", "", "")
    enter(course, ASSIGNMENT, TEST, "ada", GOOD, fine, names={"first_name": "Ada", "last_name": "Lovelace"})
    enter(course, ASSIGNMENT, TEST, "bob", LIVE, shape)
    signed = GOOD.replace("n_ref, rng", "lovelace, rng", 1)
    enter(course, ASSIGNMENT, TEST, "eve", signed, lost("a <b>shape</b> of 5", "", "", ""))
    tampered = [Note(NoteKind.TAMPERED, "A test was changed.")]
    enter(course, ASSIGNMENT, TEST, "mal", GOOD, fine, notes=tampered)
    with course.gradebook() as book:
        book.add_student("zoe", first_name="Zoe", last_name="<i>Late</i>")
    return course


def test_the_pages_are_inert_and_names_stand_in_their_own(small, capsys):
    assert main(["report", ASSIGNMENT, "--course", str(small.root)]) == 0
    assert "report/foundations.html" in capsys.readouterr().out
    page = (small.root / "report" / f"{ASSIGNMENT}.html").read_text()
    names = (small.root / "report" / f"{ASSIGNMENT}-names.html").read_text()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script" not in page + names
    assert "2 of 4</strong>" in page
    for secret in ("Lovelace", "lovelace", "Zoe", "bob", "by Ada"):
        assert secret not in page
    assert "Zoe &lt;i&gt;Late&lt;/i&gt; (zoe)" in names
    assert "<strong>mal</strong>: A test was changed." in names
    assert not re.search(r'(?:src|href)="(?!file:|#)', page), "nothing is loaded, and links lead to the book alone"
    assert "formulation.html#" in page
    assert not re.search(r"[.:][A-Z]\w+ ", re.sub(r"<style>.*?</style>|<[^>]*>", "", page, flags=re.DOTALL)), (
        "a blank is lost"
    )


def test_blank_answers_are_no_mistake(small):
    stub = grading_course.cell(grading_course.released(), ANSWER).source
    enter(small, ASSIGNMENT, TEST, "nil", stub, lost("x", "x", "x", "x"))
    found = klass(small, ASSIGNMENT)
    (nil,) = [answer for answer in found.answers[ANSWER] if answer.student == "nil"]
    assert nil.blank
    assert first_mistake(nil) is None


def test_a_check_that_separates_is_told_from_one_that_does_not(tmp_path):
    course = grading_course.course(tmp_path)
    for number in range(2 * FEW):
        strong = number % 2
        checks = lost("" if strong else "wrong", "" if strong else "bad", "" if number % 4 < 2 else "odd", "")
        enter(course, ASSIGNMENT, TEST, f"s{number}", GOOD, checks)
    figures = next(entry for entry in study(klass(course, ASSIGNMENT)).figures if entry.exercise.name == ANSWER)
    separates = [behaviour.discrimination for behaviour in figures.behaviours]
    assert separates[0] > 0.8
    assert abs(separates[2]) < 0.2
    assert separates[3] is None


def test_what_is_not_graded_has_no_report(tmp_path, capsys):
    course = grading_course.course(tmp_path)
    assert main(["report", ASSIGNMENT, "--course", str(course.root)]) == 1
    assert f"Nothing of '{ASSIGNMENT}' is graded yet" in capsys.readouterr().err
