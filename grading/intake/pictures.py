"""Pictures in answers and beside the sheets: read by a library, drawn anew, and bounded in bytes, pixels and number.

What reaches a page is what Pillow has drawn, so no byte of a student's file does. A file is opened as one of four
raster formats and as nothing else: never as SVG, which is a program.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from nbformat import NotebookNode
from PIL import Image, ImageOps

from grading.record import Note, NoteKind
from grading.text import one_line

FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
SUFFIXES = {".png", ".jpg", ".jpeg", ".gif", ".webp"}
MOST_PICTURES = 20  # of a submission
LARGEST_PICTURE = 10 << 20  # bytes of one file, as it is handed in
LARGEST_ALBUM = 40 << 20  # bytes of all files beside the sheets
MOST_PIXELS = 40_000_000  # which take 160 MB when they are drawn
LONGEST_SIDE = 1600  # pixels of what is shown
LARGEST_SHOWN = 1 << 20  # bytes of what is shown


class NoPictureError(Exception):
    """Bytes that are not shown, with the reason as the end of a sentence."""


def is_picture(path: str) -> bool:
    """Whether a file means to be a picture of a format that is shown, by its name."""
    return Path(path).suffix.lower() in SUFFIXES and not Path(path).name.startswith("._")


def drawn(content: bytes) -> dict[str, str]:
    """A picture as a notebook's attachment holds it, drawn anew; raise NoPictureError if it is none, or too large."""
    if len(content) > LARGEST_PICTURE:
        raise NoPictureError(f"it is larger than {LARGEST_PICTURE >> 20} MiB")
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as file:
            if file.width * file.height > MOST_PIXELS:
                raise NoPictureError(f"it has more than {MOST_PIXELS // 1_000_000} million pixels")
            picture = ImageOps.exif_transpose(file).convert("RGBA")
    except (OSError, ValueError, SyntaxError, EOFError, OverflowError, Image.DecompressionBombError):
        raise NoPictureError("it is not a PNG, JPEG, GIF or WebP that can be read") from None
    plain = Image.new("RGB", picture.size, "white")
    plain.paste(picture, mask=picture.getchannel("A"))
    for side in (LONGEST_SIDE, LONGEST_SIDE // 2, LONGEST_SIDE // 4):
        plain.thumbnail((side, side))
        kind, data = min((_as(plain, "PNG"), _as(plain, "JPEG")), key=lambda made: len(made[1]))
        if len(data) <= LARGEST_SHOWN:
            break
    return {f"image/{kind.lower()}": base64.b64encode(data).decode()}


def _as(picture: Image.Image, kind: str) -> tuple[str, bytes]:
    """A picture in a format, without anything beside its pixels."""
    content = io.BytesIO()
    picture.save(content, format=kind, quality=85)
    return kind, content.getvalue()


@dataclass
class Album:
    """The pictures of a submission: draws each as long as there is room, and notes why one is left out."""

    files: dict[str, bytes]  # handed in beside the sheets, by path
    notes: list[Note] = field(default_factory=list)
    shown: set[str] = field(default_factory=set)  # paths of the files that an answer refers to
    number: int = 0

    def hang(self, cell: NotebookNode, attachments: Iterable[tuple[str, str]]) -> None:
        """Attach to a text cell of a rebuilt sheet what was attached to it, and the files that it names."""
        mine = {name: _bytes(payload) for name, payload in attachments}
        words = unquote(cell.source)
        for path, content in self.files.items():
            name = Path(path).name
            if name not in mine and re.search(rf"(?<![\w-]){re.escape(name)}", words):
                mine[name] = content
                self.shown.add(path)
        for name, content in mine.items():
            self._add(cell, name, content)

    def rest(self, cell: NotebookNode) -> bool:
        """Attach to a cell the files that no answer names; return whether there are any to show."""
        for path, content in self.files.items():
            if path not in self.shown:
                self._add(cell, path, content)
        return bool(cell.get("attachments"))

    def _add(self, cell: NotebookNode, name: str, content: bytes) -> None:
        self.number += 1
        if self.number > MOST_PICTURES:
            if self.number == MOST_PICTURES + 1:
                text = f"Of all pictures the first {MOST_PICTURES} are shown, and the others were left out."
                self.notes.append(Note(NoteKind.SLIP, text))
            return
        try:
            picture = drawn(content)
        except NoPictureError as error:
            text = f"The picture {one_line(name)} was left out: {error}."
            self.notes.append(Note(NoteKind.SLIP, text, name))
        else:
            cell.setdefault("attachments", {})[one_line(name)] = picture


def _bytes(payload: str) -> bytes:
    try:
        return base64.b64decode(payload)
    except (binascii.Error, ValueError):
        return b""
