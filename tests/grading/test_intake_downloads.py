"""Bulk downloads: a file is the student's whom its outermost name says, and nobody can take another's name."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

import pytest
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config, Configurable

from grading.intake import roster
from grading.intake.collected import TimeFrom, raw, read
from grading.intake.downloads import BulkDownload
from grading.intake.roster import Person


def plugin_for(folder, zips=("all",), **settings) -> BulkDownload:
    """The plug-in as nbgrader makes it for an assignment whose downloads are these zips in `archive/`."""
    (folder / "archive").mkdir()
    for name in zips:
        (folder / "archive" / f"{name}.zip").touch()
    app = Configurable()
    app.config = Config(BulkDownload=settings, Normalise={"zone": "Asia/Hong_Kong"})
    app.coursedir = CourseDirectory(root=str(folder), assignment_id="sums")
    app.archive_directory, app.extracted_directory = "archive", "extracted"
    app.fail = sys.exit
    app._format_collect_path = lambda step: str(folder / step)
    app.log = logging.getLogger(__name__)
    return BulkDownload(parent=app)


def collected(folder, *paths: str, zips=("all",)) -> dict[str, str]:
    """Who handed in what, by the paths below `extracted/` that nbgrader makes of the zips in `archive/`."""
    plugin, found = plugin_for(folder, zips), {}
    for path in sorted(paths):
        if (info := plugin.collect(str(folder / "extracted" / path))) is not None:
            place = f"{info['student_id']}/{info['file_id']}"
            assert place not in found, "nbgrader stops at a second file of one name"
            found[place] = path
    return {path: place for place, path in found.items()}


MOODLE = "_assignsubmission_file_"
DOWNLOADS = {
    "Moodle": (f"all/Vic Tim_111{MOODLE}/mine.ipynb", "Vic-Tim_111/mine.ipynb"),
    "Moodle, without the last _": ("all/Vic Tim_111_assignsubmission_file/mine.ipynb", "Vic-Tim_111/mine.ipynb"),
    "Moodle, without folders": (f"all/Vic Tim_111{MOODLE}mine.ipynb", "Vic-Tim_111/mine.ipynb"),
    "Moodle, folders in a folder": (f"all/Vic Tim_111{MOODLE}/deep/er/mine.ipynb", "Vic-Tim_111/mine.ipynb"),
    "Canvas": ("submissions/doejane_111_901_mine.ipynb", "doejane_111/mine.ipynb"),
    "Canvas, late and again": ("submissions/doejane_LATE_111_901_mine-2.ipynb", "doejane_111/mine.ipynb"),
    "Blackboard": ("all/HW 1_al_attempt_2027-03-01-21-04-59_mine.ipynb", "al/mine.ipynb"),
    "Brightspace": ("all/4711-99 - Ada L. - Mar 1, 2027 904 PM/mine.ipynb", "Ada-L._4711/mine.ipynb"),
    "folders": ("all/ada/mine.ipynb", "ada/mine.ipynb"),
    "folders in folders": ("all/ada/homework/mine.ipynb", "ada/mine.ipynb"),
    "a zip for each student": ("ada/mine.ipynb", "ada/mine.ipynb"),
    "zipped with its folder": ("all/all/doejane_111_901_mine.ipynb", "doejane_111/mine.ipynb"),
    "Canvas's folder": ("x/submissions/doejane_111_901_mine.ipynb", "doejane_111/mine.ipynb"),
    "saved by a browser": (f"all/Vic Tim_111{MOODLE}/mine.ipynb.json", "Vic-Tim_111/mine.ipynb"),
    "a Mac's form of a name": (f"all/Zo\u0065\u0308_111{MOODLE}/mine.ipynb", "Zo\u00eb_111/mine.ipynb"),
    "marks above and below letters": (
        f"all/\u0930\u093e\u092e\u0941_111{MOODLE}/m.ipynb",
        "\u0930\u093e\u092e\u0941_111/m.ipynb",
    ),
    "a dot in the name": (f"all/Vic Tim_111{MOODLE}/mine.v2.ipynb", "Vic-Tim_111/mine.v2.ipynb"),
    "another's name in one's own folder": (f"all/Eve_222{MOODLE}/work/Vic Tim_111{MOODLE}/x.ipynb", "Eve_222/x.ipynb"),
    "another's name in one's own zip": (f"all/Eve_222{MOODLE}work/Vic Tim_111{MOODLE}/x.ipynb", "Eve_222/x.ipynb"),
    "another's name on Canvas": ("all/eve_222_902_work/doejane_111_901_x.ipynb", "eve_222/doejane_111_901_x.ipynb"),
    "another's name for a file": ("all/eve/doejane_111_901_x.ipynb", "eve/doejane_111_901_x.ipynb"),
}


@pytest.mark.parametrize("case", DOWNLOADS)
def test_a_file_of_a_bulk_download_is_the_students_whom_its_outermost_name_says(tmp_path, case):
    path, place = DOWNLOADS[case]
    assert collected(tmp_path, path, zips=[path.split("/")[0]]) == {path: place}


@pytest.mark.parametrize("path", ["all/__MACOSX/ada/._mine.ipynb", "__MACOSX/mine.ipynb", "all/ada/._mine.ipynb"])
def test_what_an_operating_system_keeps_beside_files_is_no_student(tmp_path, path):
    assert collected(tmp_path, path) == {}


def test_two_names_that_would_be_one_student_stop_with_both_named(tmp_path):
    with pytest.raises(SystemExit, match="'A!B_111' and 'A\\?B_111'"):
        collected(tmp_path, f"all/A!B_111{MOODLE}/x.ipynb", f"all/A?B_111{MOODLE}/x.ipynb")


def test_a_name_that_could_be_two_students_is_neithers(tmp_path):
    assert collected(tmp_path, f"all/Vic Tim_111{MOODLE}_222{MOODLE}mine.ipynb") == {}


def test_equal_names_of_files_and_of_students_stop_nobody(tmp_path):
    homework = [f"all/{name}{MOODLE}/homework/formulation.ipynb" for name in ("Ann_111", "Bob_222")]
    twice = [f"all/Ann_111{MOODLE}/{folder}/formulation.ipynb" for folder in ("a", "b")]
    same_name = ["all/leewei_333_901_formulation.ipynb", "all/leewei_444_902_formulation.ipynb"]
    found = collected(tmp_path, *homework, *twice, *same_name)
    assert sorted(found.values()) == [
        "Ann_111/formulation (2).ipynb",
        "Ann_111/formulation (3).ipynb",
        "Ann_111/formulation.ipynb",
        "Bob_222/formulation.ipynb",
        "leewei_333/formulation.ipynb",
        "leewei_444/formulation.ipynb",
    ]


def test_of_several_zips_one_that_is_named_after_a_student_holds_that_students_work_alone(tmp_path):
    paths = [f"Eve_222{MOODLE}/Vic Tim_111{MOODLE}/x.ipynb", f"Vic Tim_111{MOODLE}/x.ipynb"]
    found = collected(tmp_path, *paths, zips=[path.split("/")[0] for path in paths])
    assert list(found.values()) == ["Eve_222/x.ipynb", "Vic-Tim_111/x.ipynb"]


def test_what_a_system_says_beside_the_name_is_kept(tmp_path):
    collected(tmp_path, "all/doejane_LATE_111_901_mine.ipynb")
    found = read(raw(tmp_path, "sums", "doejane_111"))
    assert (found.system, found.number, found.late, found.time) == ("canvas", "111", True, "")
    assert found.originals == {"doejane_LATE_111_901_mine.ipynb": "doejane_LATE_111_901_mine.ipynb"}


PATTERN = r".*/(?P<student_id>\w+)_attempt_(?P<timestamp>.+?)_(?P<file_id>\w+)"


@pytest.mark.parametrize(
    ("name", "pattern", "when"),
    [
        ("al_attempt_2027-03-01-21-04-59_mine.ipynb", PATTERN, datetime(2027, 3, 1, 13, 4, 59, tzinfo=UTC)),
        ("al_attempt_2027-03-01 21.04 +0900_mine.ipynb", PATTERN, datetime(2027, 3, 1, 12, 4, tzinfo=UTC)),
        ("al_attempt_yesterday_mine.ipynb", PATTERN, None),
        ("HW_al_attempt_2027-03-01-21-04-59_mine.ipynb", "", datetime(2027, 3, 1, 13, 4, 59, tzinfo=UTC)),
    ],
)
def test_a_time_in_a_name_is_read_like_every_other(tmp_path, name, pattern, when):
    found = plugin_for(tmp_path, named_regexp=pattern).collect(str(tmp_path / "extracted" / "all" / name))
    assert (found["student_id"], found.get("timestamp")) == ("al", when)
    by = read(raw(tmp_path, "sums", "al")).time_from
    assert by == (TimeFrom.NOBODY if when is None else TimeFrom.COURSE if pattern else TimeFrom.NAME)


def test_whom_the_roster_knows_is_that_student(tmp_path):
    roster.keep(tmp_path, [Person("ada", "Ada Lovelace", ids={"canvas": "111"})])
    found = collected(
        tmp_path, f"all/Ada Lovelace_5{MOODLE}/x.ipynb", "all/lady_111_901_y.ipynb", "all/eve_112_902_z.ipynb"
    )
    assert sorted(found.values()) == ["ada/x.ipynb", "ada/y.ipynb", "eve_112/z.ipynb"]
