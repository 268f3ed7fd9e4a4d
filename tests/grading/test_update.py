"""A course goes on while its chapters change: releases, regrades, and what persons have marked meanwhile."""

from __future__ import annotations

import csv
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

import sums
from grading.__main__ import main
from grading.course import Course
from grading.verdict import registry
from grading_course import handed_in_at

pytestmark = pytest.mark.usefixtures("sandbox", "where_we_were")
RIGHT, WRONG = "def add(a, b):\n    return a + b", "def add(a, b):\n    return a - b"
SECOND = """
+++

```{exercise} Whence
:label: ex-whence
Who found it?
```

"""


class Class:
    """A course of sums, its students, and what its commands say."""

    def __init__(self, folder: Path, capsys) -> None:
        self.folder, self.capsys = folder, capsys
        self.course = Course(folder / "course")

    def __call__(self, *words: str, fails: bool = False) -> str:
        sys.modules.pop("judges_of_sums.add", None)
        importlib.invalidate_caches()
        registry.exercises.cache_clear()
        self.capsys.readouterr()
        assert main([*words, "--course", str(self.course.root)]) == int(fails)
        said = self.capsys.readouterr()
        return said.err if fails else said.out

    def grade(self) -> str:
        return self("grade", "sums", "--jobs", "1")

    def hand_in(self, student: str, code: str, why: str, sheet: nbformat.NotebookNode | None = None) -> None:
        sheet = sheet or self.sheet()
        for cell in sheet.cells:
            cell.source = {"add": code, "why": why}.get(cell.id, cell.source)
        path = self.course.root / "submitted" / student / "sums" / "sums.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(sheet, path)

    def sheet(self) -> nbformat.NotebookNode:
        return nbformat.read(self.course.root / "release" / "sums" / "sums.ipynb", as_version=4)

    def chapter(self, *changes: tuple[str, str], **written) -> None:
        text = sums.chapter(**written)
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (self.folder / "chapters" / "sums.md").write_text(text)

    def judge(self, *change: str) -> None:
        (self.folder / "judges_of_sums" / "add.py").write_text(sums.JUDGE.replace(*change) if change else sums.JUDGE)

    def marks(self) -> dict[tuple[str, str], tuple[float | None, bool]]:
        """Each person's mark by student and cell: the points, and whether they are to be looked at."""
        with self.course.gradebook() as book:
            grades = [g for s in book.assignment_submissions("sums") for n in s.notebooks for g in n.grades]
            return {(g.student.id, g.name): (g.manual_score, g.needs_manual_grade) for g in grades}

    def rows(self) -> dict[str, dict[str, str]]:
        with (self.course.root / "grades.csv").open(newline="") as file:
            return {row["student_id"]: row for row in csv.DictReader(file)}

    def contents(self) -> dict[str, bytes]:
        """Everything that a release writes."""
        folders = ("source", "release", "releases", "handout")
        files = (path for name in folders for path in (self.course.root / name).rglob("*") if path.is_file())
        return {str(path): path.read_bytes() for path in files}


@pytest.fixture
def ours(tmp_path, monkeypatch, capsys) -> Iterator[Class]:
    sums.lay_out(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    made = Class(tmp_path, capsys)
    made("assignment")
    yield made
    for name in [name for name in sys.modules if name.startswith("judges_of_sums")]:
        del sys.modules[name]
    registry.exercises.cache_clear()


TYPO = ("Write a function", "Write one function"), ("1 and 2 are 3", "1 and 2 make 3")


def test_a_corrected_release_blames_nobody_and_says_what_it_changed(ours):
    ours.judge('given["a"] + given["b"]', 'given["a"] + given["b"] + 1')
    first = ours.sheet()
    for student, code in {"ada": RIGHT, "bob": WRONG}.items():
        ours.hand_in(student, code, "It commutes.")
    assert "other points" not in ours.grade()
    for student in ("ada", "bob"):
        ours("mark", "sums", student, "why", "0.5")
    ours.judge()
    ours.chapter(*TYPO)
    ours("assignment")
    ours.hand_in("cy", RIGHT, "It commutes.", first)  # who began with the first release
    said = ours.grade()
    assert "other points than before, from the same files: 1\n    ada: test-add 0 of 2 → 2 of 2" in said
    rows = ours.rows()
    assert {name: (float(row["score"]), row["status"], row["notes"]) for name, row in rows.items()} == {
        "ada": (2.5, "graded", ""),
        "bob": (0.5, "graded", ""),
        "cy": (2.0, "needs marking", ""),
    }
    assert ours.marks()["ada", "why"] == (0.5, False)
    assert "0 graded now" in ours.grade()


def test_a_stub_of_an_earlier_release_is_no_answer(ours):
    first = ours.sheet()
    stub = next(cell.source for cell in first.cells if cell.id == "why")
    ours.chapter(*TYPO)
    settings = ours.course.root / "nbgrader_config.py"
    settings.write_text(settings.read_text() + "\nget_config().ClearSolutions.text_stub = 'Your answer:'\n")
    ours("assignment")
    ours.hand_in("ada", RIGHT, stub, first)
    ours.grade()
    assert (ours.rows()["ada"]["status"], ours.rows()["ada"]["score"]) == ("graded", "2.0")


def test_a_mark_is_asked_about_again_exactly_when_its_text_or_its_maximum_changed(ours):
    for student in ("ada", "bob"):
        ours.hand_in(student, WRONG, "It commutes.")
    ours.grade()
    for cell in ("why", "test-add"):
        ours("mark", "sums", "ada", cell, "1")
    ours("mark", "sums", "bob", "why", "0.5")
    ours.hand_in("ada", RIGHT, "It commutes.")  # another function, the same reason
    ours.grade()
    before = {("ada", "why"): (1, False), ("ada", "test-add"): (1, True), ("bob", "why"): (0.5, False)}
    assert {key: mark for key, mark in ours.marks().items() if mark[0] is not None} == before
    ours("mark", "sums", "ada", "test-add", "2")
    ours.chapter(points=2)
    assert "why is worth 2, not 1; 2 marks to look at again." in ours("assignment")
    assert ours.marks()["ada", "why"] == (1, True)
    ours.grade()
    assert {key: mark for key, mark in ours.marks().items() if mark[0] is not None} == {
        ("ada", "why"): (1, True),
        ("ada", "test-add"): (2, False),
        ("bob", "why"): (0.5, True),
    }
    ours("mark", "sums", "ada", "why", "2")
    ours.chapter(points=1)
    ours("assignment")
    ours("export")
    row = ours.rows()["ada"]
    assert (float(row["score"]), float(row["max_score"]), row["to_mark"]) == (3, 3, "1")
    (kept,) = (ours.course.root / "releases" / "sums").glob("marks-*.csv")
    assert kept.read_text().splitlines()[1:] == ["ada,sums,why,2.0,2.0,,"]


def test_an_exercise_that_is_taken_out_takes_no_mark_along_unasked(ours):
    ours.hand_in("ada", RIGHT, "It commutes.")
    ours.grade()
    ours("mark", "sums", "ada", "why", "0.5", "--comment", "Why so short?")
    before = ours.contents(), ours.marks()
    text = sums.CHAPTER[: sums.CHAPTER.index("```{exercise} Why")]
    (ours.folder / "chapters" / "sums.md").write_text(text)
    declared = ours.folder / "sums.yml"
    declared.write_text(declared.read_text().replace("[add, why]", "[add]"))
    said = ours("assignment", fails=True)
    assert "persons have marked why, which the chapters no longer have" in said
    assert (ours.contents(), ours.marks()) == before
    assert "0 graded now" in ours.grade()
    assert "why is withdrawn." in ours("assignment", "--withdraw")
    assert "1 graded now" in ours.grade()
    row = ours.rows()["ada"]
    assert (row["score"], row["max_score"], row["status"], row["notes"]) == ("2.0", "2.0", "graded", "")
    (kept,) = (ours.course.root / "releases" / "sums").glob("marks-*.csv")
    assert kept.read_text().splitlines()[1:] == ["ada,sums,why,0.5,,,", "ada,sums,why,,,,Why so short?"]


def test_an_exercise_that_comes_later_is_empty_for_who_has_handed_in(ours):
    first = ours.sheet()
    ours.hand_in("ada", RIGHT, "It commutes.")
    ours.grade()
    ours("mark", "sums", "ada", "why", "1")
    added = sums.chapter(SECOND + "+++ WRITTEN\n\nNobody knows.\n", grade_id="whence")
    path = ours.folder / "chapters" / "sums.md"
    path.write_text(path.read_text() + added)
    declared = ours.folder / "sums.yml"
    declared.write_text(declared.read_text().replace("[add, why]", "[add, why, whence]"))
    assert "whence is new." in ours("assignment")
    ours.hand_in("bob", RIGHT, "It commutes.", first)
    ours.grade()
    assert ours.marks()["ada", "why"] == (1, False)
    found = {name: (row["score"], row["max_score"], row["status"], row["notes"]) for name, row in ours.rows().items()}
    assert found == {"ada": ("3.0", "4.0", "graded", ""), "bob": ("2.0", "4.0", "needs marking", "")}


@pytest.mark.parametrize("fault", ["a sheet without its chapter", "a judge of other points", "a leak", "an interrupt"])
def test_a_release_that_fails_leaves_the_course_as_it_was(ours, monkeypatch, fault):
    ours.hand_in("ada", RIGHT, "It commutes.")
    ours.grade()
    before = ours.contents(), ours.marks()
    ours.chapter(*TYPO)
    if fault == "a sheet without its chapter":
        (ours.folder / "chapters" / "sums.md").unlink()
    elif fault == "a judge of other points":
        ours.judge('"sum": 2', '"sum": 3')
    elif fault == "a leak":
        ours.chapter(("Write a function", "MARK SCHEME: a function"))
    if fault == "an interrupt":
        with monkeypatch.context() as patch:
            patch.setattr("grading.release.release.swap", lambda *places: sys.exit(1))
            with pytest.raises(SystemExit):
                ours("assignment")
    else:
        ours("assignment", fails=True)
    releases = {name: content for name, content in ours.contents().items() if "/releases/" not in name}
    assert releases == {name: content for name, content in before[0].items() if "/releases/" not in name}
    assert ours.marks() == before[1]
    ours.judge()
    assert "0 graded now" in ours.grade()


def test_a_page_of_feedback_is_written_anew_exactly_when_what_it_shows_has_changed(ours):
    for student in ("ada", "bob"):
        ours.hand_in(student, RIGHT, "It commutes.")
        handed_in_at(ours.course, student, "2025-03-03 12:00 UTC", "sums")
    ours.grade()
    pages = {name: ours.course.root / "feedback" / name / "sums" / "sums.html" for name in ("ada", "bob")}

    def written_by(*words: str) -> set[str]:
        before = {name: path.stat().st_mtime_ns if path.exists() else 0 for name, path in pages.items()}
        ours(*words)
        return {name for name, path in pages.items() if path.stat().st_mtime_ns != before[name]}

    assert written_by("grade", "sums", "--jobs", "1") == set()
    ours("mark", "sums", "ada", "why", "1")
    assert written_by("feedback") == {"ada"}
    ours("mark", "sums", "bob", "why", "1", "--comment", "Yes.")
    ours("due", "sums", "2025-03-01 12:00 UTC")
    ours("extend", "sums", "ada", "72")
    assert written_by("feedback", "sums") == {"bob"}
    assert "Yes." in pages["bob"].read_text()
    pages["ada"].unlink()
    assert written_by("feedback") == {"ada"}
    settings = ours.course.root / "nbgrader_config.py"
    settings.write_text(settings.read_text() + "\nget_config().FeedbackExporter.anchor_link_text = '#'\n")
    assert written_by("feedback") == {"ada", "bob"}
