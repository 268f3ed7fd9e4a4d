"""A student's folder: what is read of it, what is kept, and what is put in its place."""

from __future__ import annotations

import os

import nbformat
import pytest

from grading.files import sha256
from grading.intake import collected, keep, receive
from grading.intake.normalise import normalise
from grading.record import Note, NoteKind
from grading_course import ANSWER, GOOD, NOTEBOOK, answered, cell, released

STUB, MINE = (nbformat.writes(notebook).encode() for notebook in (released(), answered(GOOD)))
RELEASE = {NOTEBOOK: STUB}


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "submitted" / "ada" / "foundations"
    made.mkdir(parents=True)
    return made


def test_links_devices_and_giants_are_refused_with_the_reason(folder, tmp_path):
    (tmp_path / "target.ipynb").write_bytes(MINE)
    (folder / "link.ipynb").symlink_to(tmp_path / "target.ipynb")
    os.mkfifo(folder / "pipe.ipynb")
    with (folder / "giant.ipynb").open("wb") as file:
        file.truncate(receive.LARGEST + 1)
    (folder / "away").symlink_to("/etc")
    found = receive.receive(folder)
    assert found.files == {}
    assert sorted(found.notes, key=lambda note: note.about) == [
        Note(NoteKind.SLIP, "away is a link to a folder and was left out.", "away"),
        Note(NoteKind.UNREADABLE, "giant.ipynb is larger than 20 MiB.", "giant.ipynb"),
        Note(NoteKind.UNREADABLE, "link.ipynb is a link, and links are not followed.", "link.ipynb"),
        Note(NoteKind.UNREADABLE, "pipe.ipynb is not a plain file.", "pipe.ipynb"),
    ]


def test_a_submission_is_read_up_to_its_bounds(folder, monkeypatch):
    monkeypatch.setattr(receive, "LARGEST_IN_ALL", 250)
    deep = folder.joinpath(*["d"] * 30)
    deep.mkdir(parents=True)
    (deep / NOTEBOOK).write_bytes(b"x")
    for number in range(3):
        (folder / f"{number}.ipynb").write_bytes(b"x" * 100)
    found = receive.receive(folder)
    assert list(found.files) == ["0.ipynb", "1.ipynb"]
    assert "Only the first 0 MiB of the submission were looked at." in {note.text for note in found.notes}
    (folder / "2.ipynb").unlink()
    assert [note.text for note in receive.receive(folder).notes] == ["Folders more than 20 deep were left out."]
    for number in range(receive.MOST_FILES):
        (folder / f"empty-{number}").mkdir()
    found = receive.receive(folder)
    assert list(found.files) == ["0.ipynb", "1.ipynb"]
    assert found.notes[-1].text == "Only the first 200 files and folders were looked at."


def test_only_listed_data_files_are_taken(folder):
    for name in ("torch.py", "data.csv", NOTEBOOK, "timestamp.txt"):
        (folder / name).write_bytes(b"x")
    found = receive.receive(folder, ["data.csv"])
    assert set(found.files) == {"data.csv", NOTEBOOK, "timestamp.txt"}
    assert [note.text for note in found.notes] == ["torch.py is not part of the assignment and was left out."]


def test_in_place_keeps_what_was_received_and_can_be_repeated(folder, tmp_path):
    raw = tmp_path / "raw"
    (folder / "my formulation.ipynb").write_bytes(MINE)
    (folder / "torch.py").write_text("evil")
    (folder / "link.ipynb").symlink_to("/etc/passwd")
    first = keep.prepare_in_place(folder, RELEASE, raw)
    assert {path.name for path in folder.rglob("*")} == {NOTEBOOK}
    assert (raw / sha256(MINE)).read_bytes() == MINE
    assert (raw / "left-out" / "torch.py").read_text() == "evil"
    assert (raw / "left-out" / "link.ipynb").is_symlink()
    again = keep.prepare_in_place(folder, RELEASE, raw)
    assert again == first


def test_a_new_version_replaces_one_that_was_normalised(folder, tmp_path):
    (folder / NOTEBOOK).write_bytes(MINE)
    keep.prepare_in_place(folder, RELEASE, tmp_path / "raw")
    newer = answered("def reference_sample(n_ref, rng):\n    return 1")
    (folder / NOTEBOOK).write_bytes(nbformat.writes(newer).encode())
    found = keep.prepare_in_place(folder, RELEASE, tmp_path / "raw")
    assert cell(nbformat.reads(found.files[NOTEBOOK].decode(), as_version=4), ANSWER).source.endswith("return 1")
    kept = [path for path in (tmp_path / "raw").iterdir() if len(path.name) == 64]
    assert len(kept) == 2


@pytest.mark.parametrize(
    ("text", "stamped"),
    [
        ("2025-03-01 12:00:00.123456 UTC", "2025-03-01 12:00:00.123456 UTC"),
        ("2025-03-01 12:00 +0800", "2025-03-01 04:00:00.000000 UTC"),
        ("\ufeff2025-03-01 12:00 Asia/Hong_Kong\r\n", "2025-03-01 04:00:00.000000 UTC"),  # Notepad marks its files
        ("2025-03-01 12:00", "2025-03-01 11:00:00.000000 UTC"),  # the course is in Berlin
    ],
)
def test_a_time_of_submission_is_put_in_place_in_utc(folder, tmp_path, text, stamped):
    (folder / NOTEBOOK).write_bytes(MINE)
    (folder / "timestamp.txt").write_text(text, encoding="utf-8")
    collected.keep(tmp_path / "raw", collected.Collected())
    for _ in range(2):  # what was put in place is not read again as what came
        made = keep.prepare_in_place(folder, RELEASE, tmp_path / "raw", zone="Europe/Berlin")
        assert made.notes == []
        assert (folder / "timestamp.txt").read_text() == stamped


def test_a_time_in_a_folder_that_nobody_collected_is_not_believed(folder, tmp_path):
    (folder / NOTEBOOK).write_bytes(MINE)
    (folder / "timestamp.txt").write_text("1999-01-01 00:00 UTC")
    made = keep.prepare_in_place(folder, RELEASE, tmp_path / "raw")
    assert set(made.files) == {NOTEBOOK}
    assert [(note.kind, note.about) for note in made.notes] == [(NoteKind.SLIP, "timestamp.txt")]
    assert keep.prepare_in_place(folder, RELEASE, tmp_path / "raw") == made
    assert not (folder / "timestamp.txt").exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("yesterday, perhaps", "no date and time"),
        ("2025-03-01 12:00", "has no zone"),
        ("2025-03-01 12:00 CST", "'CST' is no zone"),
        ("2025-03-01 12:00 /etc/hostname", "'/etc/hostname' is no zone"),
        ("2025-03-01 12:00 UTC" + " " * 100, "larger than 100 bytes"),
        ("1" * 5_000_000, "larger than 100 bytes"),
    ],
    ids=lambda value: value[:40],
)
def test_a_time_that_says_no_moment_is_left_out_with_the_reason(folder, text, reason):
    (folder / NOTEBOOK).write_bytes(MINE)
    (folder / "timestamp.txt").write_text(text)
    made = normalise(receive.receive(folder), RELEASE)
    assert set(made.files) == {NOTEBOOK}
    (note,) = made.notes
    assert (note.kind, note.about) == (NoteKind.SLIP, "timestamp.txt")
    assert reason in note.text


def test_a_submission_without_a_file_that_came_before_is_a_new_one(folder, tmp_path):
    raw, better = tmp_path / "raw", MINE
    (folder / NOTEBOOK).write_bytes(STUB)
    (folder / "final.ipynb").write_bytes(better)
    both = keep.original(folder, raw)
    assert keep.original(folder, raw) == both
    # As `prepare_in_place` leaves it when it is stopped, before and after it takes away what it does not make.
    made = keep.prepare_in_place(folder, RELEASE, raw).files
    assert keep.original(folder, raw) == both
    (folder / "final.ipynb").write_bytes(better)
    assert keep.original(folder, raw) == both
    (folder / NOTEBOOK).write_bytes(STUB)
    assert keep.original(folder, raw) == both
    (folder / "final.ipynb").unlink()
    assert keep.original(folder, raw).files == {NOTEBOOK: STUB}
    assert made[NOTEBOOK] != STUB
