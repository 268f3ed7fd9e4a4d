"""A class of three hundred, as it comes: each has one row, right work its points, each slip a note."""

from __future__ import annotations

import contextlib
import csv
import importlib
import io
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

import mixed_class
import sums
from grading import pipeline
from grading.__main__ import main
from grading.course import Course
from grading.gradebook.policy import LATE, NO_TIME
from grading.intake import collected, keep
from grading.intake.normalise import normalise
from grading.verdict import registry
from mixed_class import ABSENT, DUE, RIGHT, SLIPS, WHY, WRONG, ZONE, Student

MIDDLE, SMALL, LARGE = 60, 100, 300
STRICT = 'near(number(entry(record, "sum")), float(given["a"] + given["b"]))'


class Class:
    """A course, its class, and what its commands say."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self.course, self.students = folder, Course(folder / "course"), mixed_class.members(size)
        self("assignment")
        self("due", "sums", DUE)
        sheet = nbformat.read(self.course.root / "release" / "sums" / "sums.ipynb", as_version=4)
        self.downloads = mixed_class.write_downloads(folder, self.students, sheet)

    def __call__(self, *words: str) -> str:
        sys.modules.pop("judges_of_sums.add", None)
        importlib.invalidate_caches()
        registry.exercises.cache_clear()
        with contextlib.redirect_stdout(io.StringIO()) as said:
            assert main([*words, "--course", str(self.course.root)]) == 0
        return said.getvalue()

    def collect(self) -> str:
        tables = ["--roster", str(self.folder / "roster.csv"), "--worksheet", str(self.folder / "worksheet.csv")]
        return self("collect", "sums", *map(str, self.downloads), *tables)

    def grade(self) -> list[pipeline.Row]:
        rows = pipeline.grade(self.course, "sums", 2, progress=False)
        self("export")
        return rows

    def rows(self) -> dict[str, dict[str, str]]:
        with (self.course.root / "grades.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert max(Counter(row["student_id"] for row in rows).values()) == 1
        return {row["student_id"]: row for row in rows}


@contextlib.contextmanager
def course_of(folder: Path, size: int) -> Iterator[Class]:
    with pytest.MonkeyPatch.context() as patch:
        sums.lay_out(folder)
        settings = folder / "course" / "nbgrader_config.py"
        settings.write_text(settings.read_text() + f"\nget_config().Normalise.zone = {ZONE!r}\n")
        patch.syspath_prepend(folder)
        yield Class(folder, size)
        for name in [name for name in sys.modules if name.startswith("judges_of_sums")]:
            del sys.modules[name]
        registry.exercises.cache_clear()


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Iterator[tuple[Class, str]]:
    """A class of a hundred, collected: every slip in every system."""
    with course_of(tmp_path_factory.mktemp("small"), SMALL) as made:
        yield made, made.collect()


def answer(found, name: str) -> str:
    sheet = nbformat.reads(found.files["sums.ipynb"].decode(), as_version=4)
    return next(cell.source for cell in sheet.cells if cell.id == name)


def test_each_students_work_arrives_with_a_note_of_each_slip(small):
    ours, _ = small
    release = ours.course.release("sums")
    for student in ours.students:
        folder = ours.course.root / "submitted" / student.id / "sums"
        submission = keep.original(folder, collected.raw(ours.course.root, "sums", student.id))
        found = normalise(submission, release, ZONE)
        slip = SLIPS[student.slip]
        assert slip.note in " ".join(note.text for note in found.notes) or not found.files, (student, found.notes)
        if slip.points:
            assert (answer(found, "add"), answer(found, "why")) == (RIGHT, WHY), (student, found.notes)
        elif student.slip == "a wrong answer":
            assert answer(found, "add") == WRONG
        if slip.status == "needs marking" and not slip.note:
            assert [note.text for note in found.notes] == [], student


def test_who_is_not_known_is_asked_for_and_who_handed_in_nothing_is_named(small):
    ours, said = small
    strangers = [student for student in ours.students if student.stranger]
    assert said.count("Who is ") == len(strangers) > 1
    assert all(repr(student.id) in said for student in strangers)
    assert f"absent: {len(ABSENT)}\n    {', '.join(ABSENT)}" in said
    slow = [s.id for s in ours.students if s.late and s.system == "canvas"]
    assert f"late at an unknown time: {len(slow)}\n    {', '.join(sorted(slow))}" in said
    late = [s.id for s in ours.students if s.late and s.system in ("moodle", "blackboard", "brightspace")]
    assert f"late: {len(late)}\n    {', '.join(f'{name} (by 22 h 0 min)' for name in sorted(late))}" in said


def test_each_has_a_row_from_the_start(small):
    ours, _ = small
    ours("export")
    assert ours.rows().keys() == {student.id for student in ours.students} | set(ABSENT)


def test_what_was_collected_is_collected_again_without_a_change(small):
    ours, _ = small
    files = [path for path in (ours.course.root / "submitted").rglob("*") if path.is_file()]
    before = {path: path.stat().st_mtime_ns for path in files}
    said = ours.collect()
    assert f"{SMALL} collected, {SMALL} of them as they were" in said
    assert not {"  new:", "  changed:"} & set(said.split("\n"))
    assert {path: path.stat().st_mtime_ns for path in before} == before


# --- the whole class, graded -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def graded(sandbox, tmp_path_factory) -> Iterator[Class]:
    """A class of three hundred, collected and graded."""
    with course_of(tmp_path_factory.mktemp("large"), LARGE) as made:
        made.collect()
        made.grade()
        yield made


def expected(student: Student) -> tuple[float, str]:
    """A student's points and status: who is late by a known time loses a tenth."""
    slip = SLIPS[student.slip]
    known = student.system in ("moodle", "blackboard", "brightspace")
    return round(slip.points * (0.9 if student.late and known else 1), 6), slip.status


def test_each_of_three_hundred_has_a_row_with_its_points_and_its_reasons(sandbox, graded):
    rows, ours = graded.rows(), graded
    assert rows.keys() == {student.id for student in ours.students} | set(ABSENT)
    found = {s.id: (float(rows[s.id]["score"]), rows[s.id]["status"]) for s in ours.students}
    assert found == {student.id: expected(student) for student in ours.students}
    for student in ours.students:
        row = rows[student.id]
        assert SLIPS[student.slip].note in row["notes"], (student, row)
        unknown = {"canvas": LATE if student.late else NO_TIME, "": NO_TIME}.get(student.system, "")
        assert [text in row["notes"] for text in (LATE, NO_TIME)] == [unknown == LATE, unknown == NO_TIME], student
        of = {"moodle": "the worksheet", "canvas": "", "": ""}.get(student.system, "its name in the download")
        assert row["time_from"] == of
    assert {rows[who]["status"] for who in ABSENT} == {"missing"}


def gave_up(rows: dict[str, dict[str, str]]) -> set[str]:
    """Those whom the grader tries again each time: nothing that they handed in could be run."""
    return {who for who, row in rows.items() if "Nothing that was handed in is a notebook" in row["notes"]}


def test_a_class_that_is_collected_again_is_not_graded_again(sandbox, graded):
    before = graded.rows()
    assert f"{LARGE} collected, {LARGE} of them as they were" in graded.collect()
    assert {row.student for row in graded.grade() if row.fresh} == gave_up(before)
    assert graded.rows() == before


def test_a_corrected_test_changes_only_what_it_should(sandbox, tmp_path):
    with course_of(tmp_path, MIDDLE) as ours:
        ours.collect()
        ours.grade()
        before = ours.rows()
        assert STRICT in sums.JUDGE
        judge = ours.folder / "judges_of_sums" / "add.py"
        judge.write_text(sums.JUDGE.replace(STRICT, f"{STRICT} or {STRICT[:-2]} + 1))"))
        (ours.folder / "chapters" / "sums.md").write_text(sums.chapter().replace("1 and 2 are 3", "1 and 2 make 3"))
        ours("assignment")
        changes = {row.student: row.changes for row in ours.grade() if row.changes}
        wrong = {student.id for student in ours.students if student.slip == "a wrong answer"}
        assert changes == {who: ["test-add 0 of 2 → 2 of 2"] for who in wrong}
        after = ours.rows()
        assert {who for who in after if after[who] != before[who]} == wrong
        assert {after[who]["raw_score"] for who in wrong} == {"2.0"}
