"""`mibook-course collect`: downloads as each system makes them become the right students' submissions."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

import grading_course
from grading.__main__ import main
from grading.course import Course
from grading.intake import collected
from grading_course import ASSIGNMENT, GOOD, SAME, answered, as_bytes

ROSTER = """id,name,email,tutor,moodle,canvas,blackboard,brightspace
ada,Ada Lovelace,ada@x.org,Tom,,111,al_1,
zoe,Zo\u00eb M\u00fcller,zoe@x.org,Tom,,112,,
ramu,\u0930\u093e\u092e\u0941 Singh,ramu@x.org,Una,,,,
lee1,Lee Wei,lee1@x.org,Una,,333,,
lee2,Lee Wei,lee2@x.org,Una,,444,,
gone,Gone Girl,gone@x.org,Una,,,,
"""
MOODLE = "_assignsubmission_file_"
WORK, OTHER = as_bytes(answered(GOOD)), as_bytes(answered(SAME))


def packed(path: Path, files: dict[str, bytes]) -> Path:
    """A zip of these files."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def inner(files: dict[str, bytes]) -> bytes:
    with zipfile.ZipFile(made := io.BytesIO(), "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


@pytest.fixture
def course(tmp_path) -> Course:
    made = grading_course.course(tmp_path)
    settings = made.root / "nbgrader_config.py"
    settings.write_text(settings.read_text() + '\nc.Normalise.zone = "Asia/Hong_Kong"\n')
    (tmp_path / "roster.csv").write_text(ROSTER, encoding="utf-8")
    return made


def collect(course: Course, *files, worksheet=None, known=True) -> int:
    more = ["--roster", str(course.root.parent / "roster.csv")] if known else []
    more += ["--worksheet", str(worksheet)] if worksheet else []
    return main(["collect", ASSIGNMENT, *map(str, files), *more, "--course", str(course.root)])


def there(course: Course) -> dict[str, dict[str, bytes]]:
    """The submissions' files by student, without the times."""
    found: dict[str, dict[str, bytes]] = {}
    for path in (course.root / "submitted").rglob("*"):
        if path.is_file() and path.name != "timestamp.txt":
            student, _, *inside = path.relative_to(course.root / "submitted").parts
            found.setdefault(student, {})["/".join(inside)] = path.read_bytes()
    return found


def time(course: Course, student: str) -> str:
    path = course.root / "submitted" / student / ASSIGNMENT / "timestamp.txt"
    return path.read_text()[:16] if path.exists() else ""


DOWNLOADS = {  # the download, and of each file in it the student on the roster and the name in the submission
    "Moodle": {
        f"Ada Lovelace_77{MOODLE}/mine.ipynb": "ada/mine.ipynb",
        f"Zo\u0065\u0308 Mu\u0308ller_78{MOODLE}/a/b/mine.ipynb": "zoe/a/b/mine.ipynb",
        f"\u0930\u093e\u092e\u0941 Singh_79{MOODLE}/mine.ipynb.json": "ramu/mine.ipynb.json",
    },
    "Moodle, without folders": {f"Ada Lovelace_77{MOODLE}mine.ipynb": "ada/mine.ipynb"},
    "Moodle, of a group": {"Group A-Ada Lovelace_77_assignsubmission_file/mine.ipynb": "ada/mine.ipynb"},
    "Moodle, a text": {"Ada Lovelace_77_assignsubmission_onlinetext_/onlinetext.html": "ada/onlinetext.html"},
    "Canvas": {
        "lovelaceada_111_901_mine.ipynb": "ada/mine.ipynb",
        "lovelaceada_111_902_plot-1.png": "ada/plot-1.png",
        "müllerzoë_LATE_112_903_mine-2.ipynb": "zoe/mine.ipynb",
        "weilee_333_904_mine.ipynb": "lee1/mine.ipynb",
        "weilee_444_905_mine.ipynb": "lee2/mine.ipynb",
        "singhरामु_666_text.html": "ramu/text.html",
    },
    "Canvas, two of one stem": {
        "lovelaceada_111_901_part-1.ipynb": "ada/part.ipynb",
        "lovelaceada_111_902_part-2.ipynb": "ada/part (2).ipynb",
    },
    "Canvas, in its folder": {"submissions/lovelaceada_111_901_mine.ipynb": "ada/mine.ipynb"},
    "Blackboard": {
        "Homework 1_al_1_attempt_2027-03-01-21-04-59_mine.ipynb": "ada/mine.ipynb",
        "Homework 1_al_1_attempt_2027-03-01-21-04-59.txt": "",
        "Homework_1_zoe_attempt_2027-03-01-21-05-00_my_work.ipynb": "zoe/my_work.ipynb",
    },
    "Brightspace": {
        "index.html": "",
        "4711-99 - Ada Lovelace - Mar 1, 2027 904 PM/mine.ipynb": "ada/mine.ipynb",
        "4711-99 - Zoë Müller - Mar 1, 2027 904 PM/mine.ipynb": "zoe/mine.ipynb",
        "4713-99 - x1 Gone Girl - Mar 2, 2027 1204 AM - mine.ipynb": "gone/mine.ipynb",
    },
    "a folder for each": {
        "ada/mine.ipynb": "ada/mine.ipynb",
        "Zoë Müller/home work/mine.ipynb": "zoe/home work/mine.ipynb",
        "ramu@x.org/mine.ipynb": "ramu/mine.ipynb",
        "__MACOSX/ada/._mine.ipynb": "",
    },
    "a folder for each, in a folder": {"class/ada/mine.ipynb": "ada/mine.ipynb", "class/zoe/x.ipynb": "zoe/x.ipynb"},
    "files named after people": {
        "ada.ipynb": "ada/ada.ipynb",
        "formulation-zoe.ipynb": "zoe/formulation-zoe.ipynb",
        "Girl, Gone_formulation.ipynb": "gone/Girl, Gone_formulation.ipynb",
    },
    "another's name within one's own": {f"zoe/Ada Lovelace_77{MOODLE}/x.ipynb": f"zoe/Ada Lovelace_77{MOODLE}/x.ipynb"},
}


@pytest.mark.parametrize("kind", ["zip", "folder"])
@pytest.mark.parametrize("case", DOWNLOADS)
def test_a_download_of_any_system_becomes_the_right_students_submissions(course, tmp_path, case, kind):
    files = {path: f"{n} ".encode() + WORK for n, path in enumerate(DOWNLOADS[case])}
    download = packed(tmp_path / "download.zip", files)
    if kind == "folder":
        zipfile.ZipFile(download).extractall(tmp_path / "download")
        download = tmp_path / "download"
    assert collect(course, download) == 0
    want: dict[str, dict[str, bytes]] = {}
    for path, place in DOWNLOADS[case].items():
        if place:
            student, _, inside = place.partition("/")
            want.setdefault(student, {})[inside] = files[path]
    assert there(course) == want
    for student, theirs in want.items():
        origin = collected.read(collected.raw(course.root, ASSIGNMENT, student))
        assert {files[path] for path in origin.originals.values()} == set(theirs.values())
