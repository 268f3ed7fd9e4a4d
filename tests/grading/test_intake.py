"""Normalising: honest slips cost nothing, a changed test is put back, and what can't be read is said."""

from __future__ import annotations

import json
import os
from copy import deepcopy

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell
from traitlets.config import Configurable

from grading.intake import normalise
from grading.intake.normalise import Cell, Note, UnreadableError
from grading.nbgrader_config import BulkDownload
from grading_course import ANSWER, NOTEBOOK, TEST, cell, released, solved

RELEASE = {NOTEBOOK: nbformat.writes(released()).encode()}
MINE = "def reference_sample(n_ref, rng):\n    return rng.standard_normal((n_ref, 1)), rng.standard_normal((n_ref, 1))"


def mine():
    notebook = released()
    cell(notebook, ANSWER).source = MINE
    return notebook


def content(notebook) -> bytes:
    return json.dumps(notebook).encode()


def result(submission: bytes, name: str = NOTEBOOK):
    """The normalised notebook and the notes on it."""
    found = normalise.normalise({name: submission}, RELEASE)
    assert not found.unreadable, found.notes
    return nbformat.reads(found.files[NOTEBOOK].decode(), as_version=4), found.notes


def sources(notebook) -> list[str]:
    return [c.source for c in notebook.cells]


EXPECTED = sources(mine())


def as_format_3(notebook) -> bytes:
    return nbformat.writes(nbformat.convert(deepcopy(notebook), 3), version=3).encode()


def without_metadata(notebook):
    for c in notebook.cells:
        c.metadata = {}
    return notebook


def reordered(notebook):
    notebook.cells.reverse()
    return notebook


def copied(notebook):
    place = notebook.cells.index(cell(notebook, ANSWER))
    notebook.cells.insert(place, deepcopy(cell(released(), ANSWER)))
    notebook.cells.append(deepcopy(cell(released(), ANSWER)))
    notebook.cells.append(deepcopy(cell(released(), TEST)))
    return notebook


def other_schema(notebook):
    for c in notebook.cells:
        c.metadata.nbgrader.schema_version = 99
    return notebook


HONEST = {
    "as it is": lambda n: content(n),
    "a byte order mark": lambda n: b"\xef\xbb\xbf" + content(n),
    "UTF-16": lambda n: json.dumps(n, ensure_ascii=False).encode("utf-16"),
    "UTF-16 without a mark": lambda n: json.dumps(n, ensure_ascii=False).encode("utf-16-le"),
    "line ends of Windows": lambda n: nbformat.writes(n).replace("\n", "\r\n").encode(),
    "line ends in the sources": lambda n: content(json.loads(json.dumps(n).replace("\\n", "\\r\\n"))),
    "format 3": as_format_3,
    "no cell metadata": lambda n: content(without_metadata(n)),
    "another order": lambda n: content(reordered(n)),
    "copied cells": lambda n: content(copied(n)),
    "another schema": lambda n: content(other_schema(n)),
    "sources as lists": lambda n: nbformat.writes(n).encode(),
}


@pytest.mark.parametrize("slip", HONEST)
def test_honest_slips_leave_the_same_notebook(slip):
    notebook, notes = result(HONEST[slip](mine()))
    assert sources(notebook) == EXPECTED
    assert {note.kind for note in notes} <= {"slip"}


@pytest.mark.parametrize(
    "name",
    ["formulation (1).ipynb", "Formulation-Copy1.ipynb", "doe_jane_42_my homework.ipynb", "deep/er/formulation.ipynb"],
)
def test_a_renamed_file_is_found_by_its_cells(name):
    notebook, notes = result(content(mine()), name)
    assert sources(notebook) == EXPECTED
    assert any(name in note.text for note in notes)


def test_of_two_versions_the_one_with_answers_counts():
    files = {NOTEBOOK: content(released()), "formulation (1).ipynb": content(mine())}
    found = normalise.normalise(files, RELEASE)
    assert sources(nbformat.reads(found.files[NOTEBOOK].decode(), as_version=4)) == EXPECTED
    assert any("another version" in note.text for note in found.notes)


def test_of_several_copies_the_last_changed_one_is_the_answer_and_the_others_run_before_it():
    notebook = mine()
    place = notebook.cells.index(cell(notebook, ANSWER))
    first = deepcopy(cell(notebook, ANSWER))
    first.source = "import scipy  # the first half of a cell that was split"
    notebook.cells.insert(place, first)
    rebuilt, notes = result(content(notebook))
    assert cell(rebuilt, ANSWER).source == MINE
    assert sources(rebuilt).index(first.source) < sources(rebuilt).index(MINE)
    assert any("occurs 2 times" in note.text for note in notes)


def test_own_cells_stay_where_they_were_without_what_makes_them_graded():
    notebook = mine()
    place = notebook.cells.index(cell(notebook, ANSWER))
    own = new_code_cell("helper = 1", metadata={"nbgrader": {"grade_id": "forged", "grade": True, "points": 100}})
    notebook.cells.insert(place, own)
    notebook.cells.insert(0, new_markdown_cell("my notes"))
    rebuilt, _ = result(content(notebook))
    found = sources(rebuilt)
    assert found[0] == "my notes"
    assert found[found.index("helper = 1") + 1] == MINE
    assert all("nbgrader" not in c.metadata for c in rebuilt.cells if c.source in ("helper = 1", "my notes"))


def test_an_answer_in_a_new_cell_runs_after_the_stub_that_it_replaces():
    notebook = mine()
    place = notebook.cells.index(cell(notebook, ANSWER))
    notebook.cells[place] = new_code_cell(MINE)
    found = sources(result(content(notebook))[0])
    assert found.index(cell(released(), ANSWER).source) < found.index(MINE) < found.index(cell(released(), TEST).source)


@pytest.mark.parametrize("how", ["changed", "missing"])
def test_a_changed_or_missing_test_is_put_back_and_recorded_as_tampering(how):
    notebook = mine()
    if how == "changed":
        cell(notebook, TEST).source = "pass"
    else:
        notebook.cells.remove(cell(notebook, TEST))
    rebuilt, notes = result(content(notebook))
    assert sources(rebuilt) == EXPECTED
    assert [note for note in notes if note.kind == "tampered"] == [
        Note("tampered", f"{NOTEBOOK}: The test {TEST} was {how} and has been restored.")
    ]


def test_tags_points_kernel_and_outputs_come_from_the_release():
    notebook = mine()
    notebook.metadata["kernelspec"] = {"name": "evil", "display_name": "evil", "language": "evil"}
    test = cell(notebook, TEST)
    test.metadata["tags"] = ["skip-execution"]
    test.metadata.nbgrader["points"] = 1000
    test["outputs"] = [nbformat.v4.new_output("stream", text="10/10")]
    rebuilt, _ = result(content(notebook))
    assert rebuilt.metadata == released().metadata
    assert cell(rebuilt, TEST) == cell(released(), TEST)


UNREADABLE = {
    b"": "not a notebook",
    b"PK\x03\x04 a zip": "not a notebook",
    b"\xff\xfe\xfd": "not text in UTF-8 or UTF-16",
    b"[1, 2]": "not a notebook",
    b"{}": "no notebook cells",
    b'{"cells": "none"}': "no notebook cells",
    b"[" * 100_000: "nested too deeply",
    b'{"cells": [' + b"1" * 5000 + b"]}": "not a notebook",
    b'{"cells": [' + b"{}," * 6000 + b"{}]}": "has 6001 cells",
    b'{"cells": [{"source": "' + b"x" * (normalise.LONGEST_CELL + 1) + b'"}]}': "more than 1,048,576 characters",
}


@pytest.mark.parametrize("submission", UNREADABLE, ids=lambda s: s[:12].decode(errors="replace"))
def test_what_is_no_notebook_is_graded_as_released_with_the_reason(submission):
    found = normalise.normalise({NOTEBOOK: submission}, RELEASE)
    assert found.unreadable == [NOTEBOOK]
    assert found.files == RELEASE
    (note,) = [note for note in found.notes if note.kind == "unreadable"]
    assert UNREADABLE[submission] in note.text


STRANGE = {
    "cells of no kind": [1, None, "text", [], {}],
    "sources of no kind": [{"cell_type": "code", "source": {"a": 1}}, {"cell_type": "code", "source": [1, "x"]}],
    "metadata of no kind": [{"cell_type": "code", "source": "x", "metadata": [1]}],
    "names of no kind": [
        {"cell_type": "code", "source": "x", "metadata": {"nbgrader": {"grade_id": [ANSWER]}}, "id": 3}
    ],
    "half a character": [{"cell_type": "code", "source": "\ud800"}],
}


@pytest.mark.parametrize("cells", STRANGE)
def test_strange_cells_are_survived(cells):
    rebuilt, _ = result(json.dumps({"cells": STRANGE[cells]}).encode())
    nbformat.validate(rebuilt)
    assert {c.metadata.nbgrader.grade_id for c in rebuilt.cells if "nbgrader" in c.metadata} == {
        c.metadata.nbgrader.grade_id for c in released().cells
    }


def test_more_cells_than_anyone_writes_are_cut_with_a_note():
    notebook = mine()
    notebook.cells += [new_code_cell(f"x = {i}") for i in range(600)]
    rebuilt, notes = result(content(notebook))
    assert len(rebuilt.cells) == len(released().cells) + normalise.MOST_FREE_CELLS
    assert any("600" in note.text for note in notes)


def test_a_missing_notebook_stays_missing_and_a_strange_one_is_left_out():
    found = normalise.normalise({"other.ipynb": b'{"cells": []}'}, RELEASE)
    assert found.files == {}
    assert [note.text for note in found.notes] == [
        "other.ipynb belongs to no notebook of this assignment and was left out.",
        f"{NOTEBOOK} was not handed in.",
    ]


# --- files -----------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "submitted" / "ada" / "foundations"
    made.mkdir(parents=True)
    return made


def test_links_devices_and_giants_are_refused_with_the_reason(folder, tmp_path):
    (tmp_path / "target.ipynb").write_bytes(content(mine()))
    (folder / "link.ipynb").symlink_to(tmp_path / "target.ipynb")
    os.mkfifo(folder / "pipe.ipynb")
    with (folder / "giant.ipynb").open("wb") as file:
        file.truncate(normalise.LARGEST + 1)
    (folder / "away").symlink_to("/etc")
    files, notes = normalise.collect(folder)
    assert files == {}
    said = {note.text for note in notes}
    assert said == {
        "link.ipynb is a link, and links are not followed.",
        "pipe.ipynb is not a plain file.",
        "giant.ipynb is larger than 20 MiB.",
        "away is a link to a folder and was left out.",
    }
    with pytest.raises(UnreadableError, match="link"):
        normalise.fetch(folder / "link.ipynb")


def test_a_submission_is_read_up_to_its_bounds(folder, monkeypatch):
    monkeypatch.setattr(normalise, "LARGEST_IN_ALL", 250)
    deep = folder.joinpath(*["d"] * 30)
    deep.mkdir(parents=True)
    (deep / NOTEBOOK).write_bytes(b"x")
    for number in range(3):
        (folder / f"{number}.ipynb").write_bytes(b"x" * 100)
    files, notes = normalise.collect(folder)
    assert list(files) == ["0.ipynb", "1.ipynb"]
    assert "Only the first 0 MiB of the submission were looked at." in {note.text for note in notes}
    (folder / "2.ipynb").unlink()
    files, notes = normalise.collect(folder)
    assert [note.text for note in notes] == ["Folders more than 20 deep were left out."]
    for number in range(normalise.MOST_FILES):
        (folder / f"empty-{number}").mkdir()
    files, notes = normalise.collect(folder)
    assert list(files) == ["0.ipynb", "1.ipynb"]
    assert notes[-1].text == "Only the first 200 files and folders were looked at."


def test_only_listed_data_files_are_taken(folder):
    for name in ("torch.py", "data.csv", NOTEBOOK, "timestamp.txt"):
        (folder / name).write_bytes(b"x")
    files, notes = normalise.collect(folder, ["data.csv"])
    assert set(files) == {"data.csv", NOTEBOOK, "timestamp.txt"}
    assert [note.text for note in notes] == ["torch.py is not part of the assignment and was left out."]


def test_in_place_keeps_what_was_received_and_can_be_repeated(folder, tmp_path):
    raw = tmp_path / "raw"
    received = content(mine())
    (folder / "my formulation.ipynb").write_bytes(received)
    (folder / "torch.py").write_text("evil")
    (folder / "link.ipynb").symlink_to("/etc/passwd")
    first = normalise.in_place(folder, RELEASE, raw)
    assert {path.name for path in folder.rglob("*")} == {NOTEBOOK}
    assert (raw / normalise.sha256(received)).read_bytes() == received
    assert (raw / "left-out" / "torch.py").read_text() == "evil"
    assert (raw / "left-out" / "link.ipynb").is_symlink()
    again = normalise.in_place(folder, RELEASE, raw)
    assert again.files == first.files
    assert again.notes == first.notes


def test_a_new_version_replaces_one_that_was_normalised(folder, tmp_path):
    (folder / NOTEBOOK).write_bytes(content(mine()))
    normalise.in_place(folder, RELEASE, tmp_path / "raw")
    newer = mine()
    cell(newer, ANSWER).source = "def reference_sample(n_ref, rng):\n    return 1"
    (folder / NOTEBOOK).write_bytes(content(newer))
    found = normalise.in_place(folder, RELEASE, tmp_path / "raw")
    assert cell(nbformat.reads(found.files[NOTEBOOK].decode(), as_version=4), ANSWER).source.endswith("return 1")
    kept = [path for path in (tmp_path / "raw").iterdir() if len(path.name) == 64]
    assert len(kept) == 2


def test_a_time_that_is_none_is_left_out_with_a_note():
    files = {NOTEBOOK: content(mine()), "timestamp.txt": b"yesterday, perhaps"}
    found = normalise.normalise(files, RELEASE)
    assert set(found.files) == {NOTEBOOK}
    assert any("time" in note.text for note in found.notes)
    files["timestamp.txt"] = b"2025-03-01 12:00:00 UTC"
    assert set(normalise.normalise(files, RELEASE).files) == {NOTEBOOK, "timestamp.txt"}


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("2025-03-01 12:00:00.123456 UTC", True),
        ("2025-03-01T12:00:00Z", True),
        ("2025-03-01 12:00 +0800", True),
        ("2025-03-01 12:00 /etc/hostname", False),
        ("2025-03-01 12:00 /etc/nothing", False),
        ("2025-03-01 12:00 UTC" + " " * 100, False),
        ("1" * 5_000_000, False),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_time_is_a_short_text_of_digits_and_a_zone(folder, text, good):
    (folder / NOTEBOOK).write_bytes(content(mine()))
    (folder / "timestamp.txt").write_text(text)
    files, notes = normalise.collect(folder)
    found = normalise.normalise(files, RELEASE, notes)
    assert ("timestamp.txt" in found.files) == good
    assert bool(found.notes) != good


def test_a_submission_without_a_file_that_came_before_is_a_new_one(folder, tmp_path):
    raw, better = tmp_path / "raw", content(mine())
    (folder / NOTEBOOK).write_bytes(content(released()))
    (folder / "final.ipynb").write_bytes(better)
    both, _ = normalise.receive(folder, raw)
    assert normalise.receive(folder, raw)[0] == both
    # As `in_place` leaves it when it is stopped, before and after it takes away what it does not make.
    made = normalise.in_place(folder, RELEASE, raw).files
    assert normalise.receive(folder, raw)[0] == both
    (folder / "final.ipynb").write_bytes(better)
    assert normalise.receive(folder, raw)[0] == both
    (folder / NOTEBOOK).write_bytes(content(released()))
    assert normalise.receive(folder, raw)[0] == both
    (folder / "final.ipynb").unlink()
    assert normalise.receive(folder, raw)[0] == {NOTEBOOK: content(released())}
    assert made[NOTEBOOK] != content(released())


def test_a_cell_keeps_its_solution_when_only_its_type_was_changed():
    notebook = mine()
    changed = cell(notebook, ANSWER)
    changed.cell_type = "markdown"
    rebuilt, notes = result(content(notebook))
    assert sources(rebuilt) == EXPECTED
    assert any("another type" in note.text for note in notes)


def test_written_answers_are_taken_as_they_are():
    notebook = solved()
    rebuilt, notes = result(content(notebook))
    assert sources(rebuilt) == sources(notebook)
    assert notes == []


def test_reading_takes_source_kind_and_name_alone():
    (found,) = normalise.cells(content({"cells": [{"cell_type": "code", "source": ["a\n", "b"], "outputs": [1]}]}))
    assert found == Cell("code", "a\nb", "", "")


# --- bulk downloads --------------------------------------------------------------------------------------------


def collected(folder, *paths: str, zips=("all",)) -> dict[str, str]:
    """Who handed in what, by the paths below `extracted/` that nbgrader makes of the zips in `archive/`."""
    (folder / "archive").mkdir()
    for name in zips:
        (folder / "archive" / f"{name}.zip").touch()
    app = Configurable()
    app.archive_directory, app.extracted_directory = "archive", "extracted"
    app._format_collect_path = lambda step: str(folder / step)
    plugin = BulkDownload(parent=app)
    found = {}
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
    "folders": ("all/ada/mine.ipynb", "ada/mine.ipynb"),
    "folders in folders": ("all/ada/homework/mine.ipynb", "ada/mine.ipynb"),
    "a zip for each student": ("ada/mine.ipynb", "ada/mine.ipynb"),
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
