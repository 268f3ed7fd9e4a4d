"""A student's folder, read safely: plain files up to bounds, no links, and nothing that was not asked for.

Whatever is left out has a note that says why.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from grading.files import sha256
from grading.intake.pictures import LARGEST_ALBUM, LARGEST_PICTURE, is_picture
from grading.record import Note, NoteKind
from grading.text import one_line

LARGEST = 20 << 20  # bytes of one file
LARGEST_IN_ALL = 60 << 20  # bytes of a submission
MOST_FILES = 200  # files and folders looked at in one submission
DEEPEST_FOLDER = 20
NOBODYS = {".ipynb_checkpoints", "__pycache__", "__MACOSX"}  # folders that programs leave behind
ENDINGS = (".ipynb", ".ipynb.json")  # some browsers save a notebook under the second, for JSON is what it is
TIMESTAMP = "timestamp.txt"  # the time of submission, as nbgrader keeps it
LONGEST_TIME = 100  # bytes


class UnreadableError(Exception):
    """A file that can't be graded, with the reason in one sentence."""


@dataclass
class Submission:
    """What a student handed in for an assignment: files by their path inside its folder, and what was noticed."""

    files: dict[str, bytes] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Whether anything was handed in at all; an empty folder is no submission."""
        return bool(self.files or self.notes)

    @cached_property
    def hashes(self) -> dict[str, str]:
        """The files' sha256 by their path."""
        return {path: sha256(content) for path, content in self.files.items()}


def is_notebook(path: str) -> bool:
    """Whether a file means to be a notebook, by its name; `._NAME` is what macOS keeps beside a file."""
    name = Path(path).name
    return name.lower().endswith(ENDINGS) and not name.startswith("._")


def receive(folder: Path, data_files: Iterable[str] = ()) -> Submission:
    """The notebooks, pictures, listed data files and the time of submission in a folder; nothing else is read.

    Pictures have bounds of their own, so that none takes the room of a notebook.
    """
    if folder.is_symlink():
        return Submission(notes=[Note(NoteKind.UNREADABLE, f"{folder.name} is a link, and links are not followed.")])
    found, size, album, data_files = Submission(), 0, 0, set(data_files)
    for path in _files(folder, found.notes):
        inside = str(path.relative_to(folder))
        shown = is_picture(inside) and inside not in data_files
        if not (is_notebook(inside) or inside in data_files or inside == TIMESTAMP or shown):
            text = f"{one_line(inside)} is not part of the assignment and was left out."
            found.notes.append(Note(NoteKind.SLIP, text, inside))
            continue
        try:
            content = fetch(path, LONGEST_TIME if inside == TIMESTAMP else LARGEST_PICTURE if shown else LARGEST)
        except UnreadableError as error:
            kind = NoteKind.UNREADABLE if is_notebook(inside) else NoteKind.SLIP
            found.notes.append(Note(kind, one_line(str(error)), inside))
            continue
        if shown:
            album += len(content)
            if album > LARGEST_ALBUM:
                most = f"{LARGEST_ALBUM >> 20} MiB"
                text = f"{one_line(inside)} was left out: the pictures before it take all of {most}."
                found.notes.append(Note(NoteKind.SLIP, text, inside))
            else:
                found.files[inside] = content
            continue
        size += len(content)
        if size > LARGEST_IN_ALL:
            most = f"{LARGEST_IN_ALL >> 20} MiB"
            found.notes.append(Note(NoteKind.SLIP, f"Only the first {most} of the submission were looked at."))
            break
        found.files[inside] = content
    return found


def _files(folder: Path, notes: list[Note]) -> Iterator[Path]:
    """The files below a folder, up to the bounds; what is passed over is added to ``notes``."""
    seen = 0
    for place, folders, names in os.walk(folder):
        here = Path(place)
        links = [name for name in folders if (here / name).is_symlink()]
        for name in links:
            text = f"{one_line(name)} is a link to a folder and was left out."
            notes.append(Note(NoteKind.SLIP, text, str((here / name).relative_to(folder))))
        folders[:] = sorted(set(folders) - NOBODYS - set(links))
        if folders and len(here.relative_to(folder).parts) >= DEEPEST_FOLDER:
            notes.append(Note(NoteKind.SLIP, f"Folders more than {DEEPEST_FOLDER} deep were left out."))
            folders.clear()
        seen += 1
        for name in sorted(names)[: max(MOST_FILES - seen, 0)]:
            yield here / name
        seen += len(names)
        if seen > MOST_FILES:
            notes.append(Note(NoteKind.SLIP, f"Only the first {MOST_FILES} files and folders were looked at."))
            return


def fetch(path: Path, largest: int = LARGEST) -> bytes:
    """The content of a plain file of moderate size; raise UnreadableError for links, devices and giants."""
    try:
        # Neither follow a link nor wait for a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        what = "is a link, and links are not followed" if path.is_symlink() else f"can't be opened ({error.strerror})"
        raise UnreadableError(f"{path.name} {what}.") from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableError(f"{path.name} is not a plain file.")
        # It may grow while it is read.
        content = b"" if status.st_size > largest else file.read(largest + 1)
    if max(len(content), status.st_size) > largest:
        raise UnreadableError(f"{path.name} is larger than {_size(largest)}.")
    return content


def _size(number: int) -> str:
    return f"{number >> 20} MiB" if number >= 1 << 20 else f"{number} bytes"
