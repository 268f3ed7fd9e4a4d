"""`mibook-course collect`: downloads as each system makes them become the right students' submissions."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import pytest

import grading_course
from grading.__main__ import main
from grading.course import Course
from grading.files import sha256
from grading.intake import collected, keep, roster, unpack
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


def test_a_second_collection_changes_nothing_and_a_newer_download_adds(course, tmp_path, capsys):
    first = {f"Ada Lovelace_77{MOODLE}/mine.ipynb": OTHER, f"Zoë Müller_78{MOODLE}/mine.ipynb": WORK}
    assert collect(course, packed(tmp_path / "one.zip", first)) == 0
    assert "new: 2\n    ada, zoe" in capsys.readouterr().out
    assert collect(course, tmp_path / "one.zip") == 0
    before = contents(course)
    assert collect(course, tmp_path / "one.zip") == 0
    said = capsys.readouterr().out
    assert "2 collected, 2 of them as they were" in said
    assert "new:" not in said
    assert "absent: 4\n    gone, lee1, lee2, ramu" in said
    assert contents(course) == before
    second = {f"Ada Lovelace_77{MOODLE}/final.ipynb": WORK, f"रामु Singh_79{MOODLE}/mine.ipynb": WORK}
    assert collect(course, packed(tmp_path / "two.zip", second)) == 0
    said = capsys.readouterr().out
    assert "new: 1\n    ramu" in said
    assert "changed: 1\n    ada" in said
    # The same sheet came under another name: the newer one counts, and the older one is kept.
    assert there(course) == {"ada": {"final.ipynb": WORK}, "zoe": {"mine.ipynb": WORK}, "ramu": {"mine.ipynb": WORK}}
    assert (collected.raw(course.root, ASSIGNMENT, "ada") / sha256(OTHER)).read_bytes() == OTHER
    # The older download again: nothing goes back.
    before = contents(course)
    assert collect(course, tmp_path / "one.zip") == 0
    assert contents(course) == before


def test_of_several_attempts_the_newest_counts_whatever_their_order(course, tmp_path):
    name = "HW_al_1_attempt_2027-03-0{}-12-00-00_{}"
    files = {name.format(2, "mine.ipynb"): WORK, name.format(1, "mine.ipynb"): OTHER, name.format(1, "fig.png"): b"1"}
    assert collect(course, packed(tmp_path / "all.zip", files)) == 0
    assert there(course) == {"ada": {"mine.ipynb": WORK, "fig.png": b"1"}}
    assert time(course, "ada") == "2027-03-02 04:00"  # the course's clocks are in Hong Kong
    later = packed(tmp_path / "older.zip", {name.format(1, "mine.ipynb"): b"{}"})
    assert collect(course, later) == 0
    assert there(course)["ada"]["mine.ipynb"] == WORK
    assert time(course, "ada") == "2027-03-02 04:00"


WORKSHEET = """\
Identifier,Full name,Email address,Status,Grade,Maximum Grade,Last modified (submission)
Participant 77,Ada Lovelace,ada@x.org,Submitted,,5,"Monday, 1 March 2027, 9:04 PM"
Participant 78,,zoe@x.org,Submitted,,5,"Monday, March 1, 2027, 9:05 PM"
Participant 80,Gone Girl,gone@x.org,No submission,,5,-
"""


def test_the_worksheet_says_who_and_when_and_what_a_person_wrote_stays(course, tmp_path, capsys):
    sheet = tmp_path / "worksheet.csv"
    sheet.write_text(WORKSHEET, encoding="utf-8-sig")
    blind = {
        f"Participant_77{MOODLE}/mine.ipynb": WORK,
        f"Participant_78{MOODLE}/timestamp.txt": b"1999-01-01 00:00 UTC",
    }
    download = packed(tmp_path / "all.zip", blind)
    assert main(["due", ASSIGNMENT, "2027-03-01 20:00 +0800", "--course", str(course.root)]) == 0
    assert collect(course, download, worksheet=sheet) == 0
    assert there(course) == {"ada": {"mine.ipynb": WORK}}
    assert (time(course, "ada"), time(course, "zoe")) == ("2027-03-01 13:04", "2027-03-01 13:05")
    assert "late: 2\n    ada (by 1 h 4 min), zoe (by 1 h 5 min)" in capsys.readouterr().out
    (note,) = collected.read(collected.raw(course.root, ASSIGNMENT, "zoe")).notes
    assert "the student's own file" in note.text
    mine = course.root / "submitted" / "ada" / ASSIGNMENT / "timestamp.txt"
    mine.write_text("2027-03-01 19:00 +0800")
    for _ in range(2):
        assert collect(course, download, worksheet=sheet) == 0
        assert mine.read_text() == "2027-03-01 19:00 +0800"
    assert time(course, "zoe") == "2027-03-01 13:05"
    assert "late: 1\n    zoe" in capsys.readouterr().out
    # The worksheet may come later than the work, and alone.
    sheet.write_text(WORKSHEET.replace("9:05", "6:05"), encoding="utf-16")
    assert main(["collect", ASSIGNMENT, "--worksheet", str(sheet), "--course", str(course.root)]) == 0
    assert time(course, "zoe") == "2027-03-01 10:05"


def test_work_that_came_anew_at_no_known_time_has_not_the_old_time(course, tmp_path):
    sheet = tmp_path / "worksheet.csv"
    sheet.write_text(WORKSHEET, encoding="utf-8")
    assert (
        collect(course, packed(tmp_path / "1.zip", {f"Ada Lovelace_77{MOODLE}/m.ipynb": OTHER}), worksheet=sheet) == 0
    )
    assert collect(course, packed(tmp_path / "2.zip", {f"Ada Lovelace_77{MOODLE}/m.ipynb": WORK})) == 0
    assert time(course, "ada") == ""


def test_a_time_that_cannot_be_read_stops_before_anything_is_written(course, tmp_path, capsys):
    sheet = tmp_path / "worksheet.csv"
    sheet.write_text(WORKSHEET.replace("1 March", "1 Marzo"), encoding="utf-8")
    download = packed(tmp_path / "all.zip", {f"Ada Lovelace_77{MOODLE}/m.ipynb": OTHER})
    assert collect(course, download, worksheet=sheet) == 1
    assert "is no date and time" in capsys.readouterr().err
    assert there(course) == {}


def test_a_person_stays_one_when_moodles_number_is_another(course, tmp_path):
    for number, assignment in ((77, ASSIGNMENT), (99, "mutual-information")):
        download = packed(tmp_path / f"{number}.zip", {f"Ada Lovelace_{number}{MOODLE}/m.ipynb": WORK})
        assert main(["collect", assignment, str(download), "--course", str(course.root)]) == 0
    # Another's number of the assignment before is no reason to be taken for that person.
    download = packed(tmp_path / "x.zip", {f"Bob Day_77{MOODLE}/m.ipynb": WORK})
    assert main(["collect", "mutual-information", str(download), "--course", str(course.root)]) == 0
    found = {(path.parents[1].name, path.parent.name) for path in (course.root / "submitted").rglob("*.ipynb")}
    both = {("Ada-Lovelace_77", ASSIGNMENT), ("Ada-Lovelace_77", "mutual-information")}
    assert found == both | {("Bob-Day_77", "mutual-information")}


def test_who_is_not_sure_is_asked_for_and_has_a_row_all_the_same(course, tmp_path, capsys):
    files = {
        "stranger_999_901_m.ipynb": WORK,
        "LATE_anon_1a2B3_902_m.ipynb": WORK,
        "weilee_555_903_m.ipynb": WORK,  # two of this name are on the roster, with other numbers
        "whose.ipynb": WORK,
    }
    assert collect(course, packed(tmp_path / "all.zip", files)) == 0
    said = capsys.readouterr().out
    assert "unmatched: 3\n    anon_1a2B3, stranger_999, weilee_555" in said
    assert "late at an unknown time: 1\n    anon_1a2B3" in said
    assert "Whose is 'whose.ipynb' in all.zip?" in said
    assert said.count("Who is ") == 3
    assert main(["export", "--course", str(course.root)]) == 0
    rows = [row for row in csv.DictReader((course.root / "grades.csv").open()) if row["assignment"] == ASSIGNMENT]
    known = [person.id for person in roster.kept(course.root)]
    assert sorted(row["student_id"] for row in rows) == sorted([*known, "anon_1a2B3", "stranger_999", "weilee_555"])
    of_ada = next(row for row in rows if row["student_id"] == "ada")
    assert (of_ada["first_name"], of_ada["last_name"], of_ada["email"]) == ("Ada", "Lovelace", "ada@x.org")
    assert (of_ada["status"], of_ada["notes"]) == ("missing", "")


def test_two_who_would_be_one_person_by_their_name_alone_are_neither(course, tmp_path, capsys):
    files = {f"Ada Lovelace_77{MOODLE}/m.ipynb": WORK, f"Ada Lovelace_78{MOODLE}/m.ipynb": OTHER}
    assert collect(course, packed(tmp_path / "all.zip", files)) == 0
    assert there(course) == {"Ada-Lovelace_77": {"m.ipynb": WORK}, "Ada-Lovelace_78": {"m.ipynb": OTHER}}
    assert "unmatched: 2" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name",
    [
        "lovelaceada_999_901_m.ipynb",  # Canvas knows the one on the roster by another number
        f"Anna-Ada Lovelace_77{MOODLE}/m.ipynb",  # no group, but a name of one's own
        "4713-99 - Mary Ada Lovelace - Mar 2, 2027 1204 AM/m.ipynb",
        "4713-99 - ada Byron - Mar 2, 2027 1204 AM/m.ipynb",  # whose first name is another's id
        "HW_ada_byron_attempt_2027-03-01-21-04-59_m.ipynb",
    ],
)
def test_who_is_nearly_somebody_on_the_roster_is_not_taken_for_that_person(course, tmp_path, capsys, name):
    assert collect(course, packed(tmp_path / "all.zip", {name: WORK})) == 0
    assert "unmatched: 1" in capsys.readouterr().out
    assert "ada" not in there(course)


def test_two_names_that_would_be_one_id_stop_with_both_named(course, tmp_path, capsys):
    files = {"A!B/m.ipynb": WORK, "A?B/m.ipynb": WORK}
    assert collect(course, packed(tmp_path / "all.zip", files), known=False) == 1
    said = capsys.readouterr().err
    assert "'A!B' and 'A?B'" in said
    assert there(course) == {}


def test_a_stranger_whom_the_roster_knows_later_takes_the_work_along(course, tmp_path, capsys):
    download = packed(tmp_path / "all.zip", {"lovelaceada_555_901_m.ipynb": WORK, "x_5_9_m.ipynb": WORK})
    table = course.root.parent / "roster.csv"
    table.write_text(ROSTER.replace("ada,Ada Lovelace", "ada,A. L."), encoding="utf-8")
    assert collect(course, download) == 0
    assert set(there(course)) == {"lovelaceada_555", "x_5"}
    with course.gradebook() as book:
        book.update_or_create_submission(ASSIGNMENT, "lovelaceada_555")
    table.write_text(ROSTER.replace("Tom,,111", "Tom,,555").replace("Tom,,112", "Tom,,5"), encoding="utf-8")
    assert collect(course, download) == 0
    assert "lovelaceada_555 is now ada" in capsys.readouterr().out
    assert there(course) == {"ada": {"m.ipynb": WORK}, "zoe": {"m.ipynb": WORK}}
    with course.gradebook() as book:
        assert {student.id for student in book.students} == {"ada", "zoe", "ramu", "lee1", "lee2", "gone"}
        assert book.find_submission(ASSIGNMENT, "ada")


def test_a_folder_that_may_be_a_student_or_a_class_is_asked_about(course, tmp_path, capsys):
    download = packed(tmp_path / "all.zip", {"class/bob/m.ipynb": WORK, "class/eve/m.ipynb": WORK})
    assert collect(course, download, known=False) == 1
    assert "is 'class' one student, or are 'bob', 'eve' and so on?" in capsys.readouterr().err


def test_zips_in_zips_are_opened_within_bounds(course, tmp_path):
    bomb = inner({"zeros.ipynb": bytes(unpack.LARGEST + 1)})
    deep = inner({"1.zip": inner({"2.zip": inner({"3.zip": inner({"mine.ipynb": WORK})})})})
    files = {
        f"Ada Lovelace_77{MOODLE}/work.zip": inner({"../../up.ipynb": WORK, "/fig.png": b"1", "__MACOSX/._x": b""}),
        f"Zoë Müller_78{MOODLE}/deep.zip": deep,
        f"रामु Singh_79{MOODLE}/bomb.zip": bomb,
        f"Gone Girl_80{MOODLE}/broken.zip": b"PK\x03\x04 no zip",
    }
    one = packed(tmp_path / "one.zip", files)
    two = packed(tmp_path / "two.zip", {"part2.zip": inner({"weilee_333_901_m.ipynb": WORK})})
    assert collect(course, one, two) == 0
    assert there(course) == {
        "ada": {"work/up.ipynb": WORK, "work/fig.png": b"1"},
        "lee1": {"m.ipynb": WORK},
    }
    notes = {
        student: [
            (note.kind, note.text) for note in collected.read(collected.raw(course.root, ASSIGNMENT, student)).notes
        ]
        for student in ("zoe", "ramu", "gone")
    }
    assert notes == {
        "zoe": [("unreadable", "deep/1/2.zip lies in more than 3 zips, and was not opened.")],
        "ramu": [("unreadable", "bomb/zeros.ipynb is larger than 20 MiB, or more than there is room for.")],
        "gone": [("unreadable", "broken.zip is no zip that can be opened.")],
    }
    raw = collected.raw(course.root, ASSIGNMENT, "gone")
    assert (raw / sha256(b"PK\x03\x04 no zip")).exists()


def test_paths_that_no_folder_can_hold_together_are_all_kept(course, tmp_path):
    long = "/".join(["f" * 150] * 20)
    work = {"a": b"1", "a/b.ipynb": WORK, f"{long}/far.png": b"2", "x" * 300 + ".ipynb": OTHER, "c\n\x1b/d.png": b"3"}
    assert collect(course, packed(tmp_path / "1.zip", {f"Ada Lovelace_7{MOODLE}/w.zip": inner(work)})) == 0
    assert there(course)["ada"] == {
        "w/a": b"1",
        "b (2).ipynb": WORK,
        "far.png": b"2",
        f"w/{'x' * 194}.ipynb": OTHER,
        "w/c??/d.png": b"3",
    }
    # What comes later may need the place of what came before.
    assert collect(course, packed(tmp_path / "2.zip", {f"Ada Lovelace_7{MOODLE}/w/a/c.png": b"4"})) == 0
    found = there(course)["ada"]
    assert (found["w/a/c.png"], found["b (2).ipynb"], "w/a" in found) == (b"4", WORK, False)


def test_the_worksheet_says_when_work_came_that_was_copied_by_hand(course, tmp_path):
    for student in ("zoe", "bob"):
        grading_course.hand_in(course, student, WORK)
        (course.root / "submitted" / student / ASSIGNMENT / "timestamp.txt").write_text("1999-01-01 00:00 UTC")
    sheet = tmp_path / "times.csv"
    sheet.write_text("email,time\nzoe@x.org,2027-03-01 20:00\nbob,2027-03-01 21:00 UTC\n", encoding="utf-8")
    assert collect(course, worksheet=sheet) == 0
    assert (time(course, "zoe"), time(course, "bob")) == ("2027-03-01 12:00", "2027-03-01 21:00")


@pytest.mark.parametrize("name", ["nowhere.zip", "broken.zip"])
def test_a_download_that_cannot_be_opened_is_said_in_a_sentence(course, tmp_path, capsys, name):
    (tmp_path / "broken.zip").write_bytes(b"no zip")
    assert collect(course, tmp_path / name) == 1
    assert name in capsys.readouterr().err


def test_a_courses_own_pattern_says_whose_and_when(course, tmp_path):
    settings = course.root / "nbgrader_config.py"
    own = r".*/hw_(?P<student_id>\w+)_at_(?P<timestamp>[0-9-]+)_(?P<file_id>\w+)\.ipynb"
    settings.write_text(settings.read_text() + f"\nc.BulkDownload.named_regexp = r{own!r}\n".replace("\\\\", "\\"))
    assert collect(course, packed(tmp_path / "a.zip", {"hw_ada_at_2027-03-01-21-04_mine.ipynb": WORK})) == 0
    assert time(course, "ada") == "2027-03-01 13:04"


def test_what_was_put_there_by_hand_is_kept_and_counts_as_older(course, tmp_path):
    grading_course.hand_in(course, "ada", OTHER, "draft.ipynb")
    own = course.root / "submitted" / "ada" / ASSIGNMENT / "timestamp.txt"
    own.write_text("1999-01-01 00:00 UTC")
    assert collect(course, packed(tmp_path / "a.zip", {f"Ada Lovelace_7{MOODLE}/m.ipynb": WORK})) == 0
    assert there(course) == {"ada": {"m.ipynb": WORK}}
    assert not own.exists()
    assert (collected.raw(course.root, ASSIGNMENT, "ada") / sha256(OTHER)).exists()


def contents(course: Course) -> dict[str, tuple[int, bytes]]:
    """All files of the course that a collection may write, with when they were written."""
    paths = [path for room in ("submitted", "raw") for path in (course.root / room).rglob("*") if path.is_file()]
    return {str(p): (p.stat().st_mtime_ns, p.read_bytes()) for p in paths if p.name != keep.RECORD}
