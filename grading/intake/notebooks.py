"""The cells of a notebook of any format and encoding: of each its kind, source, name and pictures, and nothing else.

The rest of a file is never looked at, so it may hold anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from grading.intake.receive import UnreadableError
from grading.text import one_line

MOST_CELLS = 5000
LONGEST_CELL = 1 << 20  # characters
MARKS = {  # the longer first: a mark of UTF-32 begins with one of UTF-16
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    b"\xef\xbb\xbf": "utf-8-sig",
}


@dataclass(frozen=True)
class Cell:
    """All that is taken from a submitted cell."""

    kind: str  # "code", "markdown", "raw"
    source: str
    grade_id: str = ""  # as the submission says; "" if it says none
    id: str = ""
    pictures: tuple[tuple[str, str], ...] = ()  # attached to a text: the name and the base64 of each


def read(content: bytes) -> list[Cell]:
    """The cells of a notebook; raise UnreadableError, with the reason, if it is none."""
    try:
        data = json.loads(decode(content))
    except UnicodeDecodeError:
        raise UnreadableError("The file is not text in UTF-8 or UTF-16.") from None
    except RecursionError:
        raise UnreadableError("The file is nested too deeply to be a notebook.") from None
    except ValueError as error:
        raise UnreadableError(f"The file is not a notebook: {one_line(str(error))}.") from None
    if not isinstance(data, dict):
        raise UnreadableError("The file is JSON, but not a notebook.")
    lists = [found for found in _lists_of_cells(data) if isinstance(found, list)]
    if not lists:
        raise UnreadableError("The file is JSON, but holds no notebook cells.")
    if (number := sum(map(len, lists))) > MOST_CELLS:
        raise UnreadableError(f"The notebook has {number} cells, and at most {MOST_CELLS} are read.")
    cells = [_cell(cell) for found in lists for cell in found if isinstance(cell, dict)]
    if any(len(cell.source) > LONGEST_CELL for cell in cells):
        raise UnreadableError(f"A cell has more than {LONGEST_CELL:,} characters: hand in data as a file.")
    return cells


def decode(content: bytes) -> str:
    """The text of a file in UTF-8, with or without its mark, or in UTF-16 or UTF-32 with theirs."""
    for mark, encoding in MARKS.items():
        if content.startswith(mark):
            return content.decode(encoding)
    if content[:1] == b"\x00" or content[1:2] == b"\x00":  # UTF-16 without a mark: every other byte of "{" is zero
        return content.decode("utf-16-be" if content[:1] == b"\x00" else "utf-16-le")
    return content.decode("utf-8")


def _lists_of_cells(data: dict) -> list:
    """What stands where a notebook has its cells; format 3 and older keep them in worksheets."""
    if isinstance(data.get("cells"), list):
        return [data["cells"]]
    worksheets = data.get("worksheets")
    return (
        [sheet.get("cells") for sheet in worksheets if isinstance(sheet, dict)] if isinstance(worksheets, list) else []
    )


def _cell(cell: dict) -> Cell:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    if not isinstance(source, str):
        source = ""
    kind = cell.get("cell_type")
    if kind == "heading":
        kind, source = "markdown", f"## {source}"
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else ""
    name = cell.get("id")
    return Cell(
        kind if kind in ("markdown", "raw") else "code",
        _text(source),
        grade_id if isinstance(grade_id, str) else "",
        name if isinstance(name, str) else "",
        tuple(_attached(cell)) if kind == "markdown" else (),
    )


def _attached(cell: dict) -> Iterator[tuple[str, str]]:
    """The pictures that are attached to a cell: of each the first of its forms, a raster before a drawing."""
    attachments = cell.get("attachments")
    for name, forms in attachments.items() if isinstance(attachments, dict) else ():
        found = sorted(forms.items(), key=lambda form: "svg" in form[0]) if isinstance(forms, dict) else []
        for kind, payload in found[:1]:
            if isinstance(payload, list):
                payload = "".join(part for part in payload if isinstance(part, str))
            if kind.startswith("image/") and isinstance(payload, str):
                yield _text(name), payload


def _text(source: str) -> str:
    """A source with the line ends of notebooks and without half characters, which no file can hold."""
    return source.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode("utf-8")
