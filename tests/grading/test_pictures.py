"""Pictures that students hand in: pasted into an answer, or beside the sheet; what of them reaches both pages."""

from __future__ import annotations

import base64
import io
import json
import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell
from PIL import Image
from traitlets.config import Config

from chapters.source import ROOT
from grading.feedback import marking
from grading.feedback import pictures as shown_pictures
from grading.intake import pictures
from grading.intake.normalise import Normalised, normalise
from grading.intake.rebuild import LOST
from grading.intake.receive import Submission, receive
from grading.nbgrader_config import configure
from grading.record import NoteKind
from grading_course import NOTEBOOK, cell, released

RELEASE = {NOTEBOOK: nbformat.writes(released()).encode()}
WRITTEN = next(
    c.metadata.nbgrader["grade_id"]
    for c in released().cells
    if c.metadata.nbgrader["grade"] and c.metadata.nbgrader["solution"] and c.cell_type == "markdown"
)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def picture(kind: str = "PNG", size: tuple[int, int] = (30, 20), colour: str = "red") -> bytes:
    content = io.BytesIO()
    Image.new("RGB", size, colour).save(content, format=kind)
    return content.getvalue()


def attached(content: bytes, kind: str = "image/png") -> dict:
    return {kind: base64.b64encode(content).decode()}


def answered(text: str, **attachments) -> nbformat.NotebookNode:
    """A sheet whose written answer is ``text``, with these attachments."""
    notebook = released()
    cell(notebook, WRITTEN).source = text
    cell(notebook, WRITTEN)["attachments"] = {name.replace("_", "."): forms for name, forms in attachments.items()}
    return notebook


def handed_in(notebook, **beside: bytes) -> tuple[Normalised, nbformat.NotebookNode]:
    files = {name.replace("_", "."): content for name, content in beside.items()}
    made = normalise(Submission({NOTEBOOK: json.dumps(notebook).encode()} | files), RELEASE)
    assert {note.kind for note in made.notes} <= {NoteKind.SLIP}
    return made, nbformat.reads(made.files[NOTEBOOK].decode(), as_version=4)


def page(sheet) -> str:
    """The marking page of a sheet."""
    names = {"assignment_id": "a", "student": "ada", "notebook_id": "n", "submission_id": "1", "base_url": ""}
    names |= {"index": 0, "total": 1, "notebook_path": "", "metadata": {"path": "."}}
    config = Config()
    configure(config, marking.Path("/nowhere"))
    return marking.MarkingExporter(config=config).from_notebook_node(sheet, names)[0]


def images(text: str) -> list[Image.Image]:
    """The pictures of a page, as a browser would decode them."""
    found = re.findall(r'<img [^>]*src="data:image/\w+;base64,([^"]+)"', text)
    return [Image.open(io.BytesIO(base64.b64decode(payload))) for payload in found]


def said(made: Normalised) -> str:
    return " ".join(note.text for note in made.notes)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_a_picture_pasted_into_an_answer_is_on_the_page_in_its_place(kind):
    notebook = answered("Before ![mine](attachment:a.png) after", a_png=attached(picture(kind)))
    made, sheet = handed_in(notebook)
    text = page(sheet)
    assert [image.size for image in images(text)] == [(30, 20)]
    assert re.search(r'Before <img [^>]*alt="mine"[^>]*> after', text)
    assert "left out" not in said(made)


def test_a_picture_that_the_answer_does_not_name_is_shown_below_it():
    _, sheet = handed_in(answered('<img src="attachment:a.png">', a_png=attached(picture())))
    assert len(images(page(sheet))) == 1


def test_a_picture_in_a_cell_of_the_students_own_is_shown():
    notebook = released()
    notebook.cells.append(new_markdown_cell("![x](attachment:a.png)", attachments={"a.png": attached(picture())}))
    assert len(images(page(handed_in(notebook)[1]))) == 1


@pytest.mark.parametrize("text", ["![](photo.jpg)", "![](./photo.jpg)", "See photo.jpg.", "No word of it."])
def test_a_picture_beside_the_sheet_is_shown_once(text):
    made, sheet = handed_in(answered(text), photo_jpg=picture("JPEG"))
    assert [image.size for image in images(page(sheet))] == [(30, 20)]
    assert made.files.keys() == {NOTEBOOK}
    assert "photo.jpg" not in said(made)


def test_a_picture_without_a_sheet_is_said_to_be_left_out():
    made = normalise(Submission({"photo.png": picture()}), RELEASE)
    assert "photo.png was left out: there is no sheet to show it in." in said(made)


def test_a_picture_that_is_a_data_file_stays_one():
    made = normalise(Submission({"photo.png": picture()}), RELEASE, data_files=["photo.png"])
    assert made.files == {"photo.png": picture()}


def with_comment() -> bytes:
    """A JPEG with a place, a comment and bytes behind its end."""
    content = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "<script>alert(1)</script>"
    Image.new("RGB", (30, 20)).save(content, format="JPEG", exif=exif, comment=b"<script>alert(1)</script>")
    return content.getvalue() + b"<script>alert(1)</script>"


def test_no_byte_of_a_students_file_reaches_the_page():
    _, sheet = handed_in(answered("![](attachment:a.png)", a_png=attached(with_comment(), "image/jpeg")))
    payload = next(iter(cell(sheet, WRITTEN).attachments["a.png"].values()))
    assert b"script" not in base64.b64decode(payload)
    assert len(images(page(sheet))) == 1


def huge() -> bytes:
    """A PNG of 64 million pixels in a few kilobytes."""
    content = io.BytesIO()
    Image.new("1", (8000, 8000)).save(content, format="PNG")
    return content.getvalue()


LEFT_OUT = {
    "a drawing": (SVG, "not a PNG"),
    "a drawing named raster": (b"<?xml version='1.0'?>" + SVG, "not a PNG"),
    "no picture": (b"text", "not a PNG"),
    "cut off": (picture("JPEG", (500, 500))[:700], "not a PNG"),
    "an icon": (picture("ICO"), "not a PNG"),
    "too many pixels": (huge(), "40 million pixels"),
    "too many bytes": (b"\x89PNG\r\n\x1a\n" + bytes(pictures.LARGEST_PICTURE), "10 MiB"),
}


@pytest.mark.parametrize("case", LEFT_OUT)
def test_what_is_left_out_is_said_with_the_reason(case):
    content, reason = LEFT_OUT[case]
    made, sheet = handed_in(answered("Text ![](attachment:a.png) ![](b.png)", a_png=attached(content)), b_png=content)
    assert images(page(sheet)) == []
    for name in ("a.png", "b.png"):
        assert re.search(rf"The picture {name} was left out: [^.]*{reason}", said(made))
        assert f"a picture that is not part of this page: {'attachment:' * (name == 'a.png')}{name}" in page(sheet)


def test_what_is_shown_is_small(tmp_path):
    noise = io.BytesIO()
    Image.effect_noise((2000, 1500), 100).save(noise, format="PNG")
    made = pictures.drawn(noise.getvalue())
    data = base64.b64decode(next(iter(made.values())))
    assert len(data) <= pictures.LARGEST_SHOWN
    assert max(Image.open(io.BytesIO(data)).size) <= pictures.LONGEST_SIDE


def test_a_submission_has_room_for_so_many_pictures_and_says_so_once():
    many = {f"a{k}_png": attached(picture()) for k in range(pictures.MOST_PICTURES + 5)}
    made, sheet = handed_in(answered("Text", **many))
    assert len(images(page(sheet))) == pictures.MOST_PICTURES
    assert said(made).count(f"the first {pictures.MOST_PICTURES} are shown") == 1


def test_a_page_shows_so_many_pictures_however_they_came_into_it():
    tiny = base64.b64encode(picture()).decode()
    text = page(handed_in(answered(f"![](data:image/png;base64,{tiny}) " * 100))[1])
    assert len(images(text)) == shown_pictures.MOST_SHOWN


def test_pictures_take_no_room_of_a_notebook(tmp_path, monkeypatch):
    monkeypatch.setattr("grading.intake.receive.LARGEST_ALBUM", 1000)
    monkeypatch.setattr("grading.intake.receive.LARGEST_IN_ALL", len(RELEASE[NOTEBOOK]))
    for number in range(3):
        (tmp_path / f"a{number}.PNG").write_bytes(bytes(600))
    (tmp_path / NOTEBOOK).write_bytes(RELEASE[NOTEBOOK])
    found = receive(tmp_path)
    assert found.files.keys() == {"a0.PNG", NOTEBOOK}
    assert [note.about for note in found.notes] == ["a1.PNG", "a2.PNG"]


# --- a written answer without its name ----------------------------------------------------------------------------


def unnamed(notebook, text: str):
    """The sheet with ``text`` in the written answer's cell, whose name and metadata are lost."""
    at = notebook.cells.index(cell(notebook, WRITTEN))
    notebook.cells[at] = new_markdown_cell(text, id="lost", attachments={"a.png": attached(picture())})
    return notebook


def test_a_written_answer_that_lost_its_name_is_the_answer_with_its_pictures():
    made, sheet = handed_in(unnamed(released(), "The law is known. ![](attachment:a.png)"))
    assert cell(sheet, WRITTEN).source == "The law is known. ![](attachment:a.png)"
    assert len(images(page(sheet))) == 1
    assert LOST in said(made)
    assert sheet.cells == [c for c in sheet.cells if "nbgrader" in c.metadata], "no second copy of it"


def test_a_text_behind_an_untouched_answer_cell_is_the_answer():
    notebook = released()
    at = notebook.cells.index(cell(notebook, WRITTEN))
    notebook.cells[at + 1 : at + 1] = [new_markdown_cell("The law is"), new_code_cell("1"), new_markdown_cell("known.")]
    _, sheet = handed_in(notebook)
    assert cell(sheet, WRITTEN).source == "The law is\n\nknown."
    assert "1" in [c.source for c in sheet.cells]


def test_a_text_beside_an_answer_stays_the_students_own():
    notebook = answered("It is unknown.")
    at = notebook.cells.index(cell(notebook, WRITTEN))
    notebook.cells.insert(at + 1, new_markdown_cell("A remark."))
    made, sheet = handed_in(notebook)
    assert cell(sheet, WRITTEN).source == "It is unknown."
    assert "A remark." in [c.source for c in sheet.cells]
    assert not made.notes


def test_an_unnamed_cell_with_nothing_in_it_is_no_answer():
    stub = cell(released(), WRITTEN).source
    for text in ("", stub + " \n"):
        _, sheet = handed_in(unnamed(released(), text))
        assert cell(sheet, WRITTEN).source == stub


def test_the_students_guide_says_the_bounds():
    text = (ROOT / "book" / "for-students.md").read_text(encoding="utf-8")
    pixels = pictures.MOST_PIXELS // 1_000_000
    assert f"room for {pictures.MOST_PICTURES} pictures" in text
    assert f"at most {pictures.LARGEST_PICTURE >> 20} MiB and {pixels} million pixels" in text
