"""A download as its files: a folder, a zip, or one file; zips within are opened, up to bounds.

What is left out has a note. Nothing is written but into the folder for it, and no link is followed.
"""

from __future__ import annotations

import contextlib
import shutil
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from grading.errors import CourseError
from grading.intake.names import nobodys, said
from grading.intake.receive import LARGEST, LARGEST_IN_ALL, MOST_FILES

ZIP = ".zip"
DEEPEST = 3  # zips in zips in zips
MOST_IN_ALL = 100_000  # files of a download
LARGEST_DOWNLOAD = 8 << 30  # bytes of it, unpacked
DEEPEST_PATH = 30
LONGEST_PART = 200  # bytes of a folder's or a file's name


@dataclass(frozen=True)
class Piece:
    """One file of a download."""

    path: str  # in the download; a zip within is a folder of its name without the ending
    file: Path  # where its content lies


@dataclass
class Unpacked:
    """The files of a download, and what was left out of it: a path, and why."""

    pieces: list[Piece] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Room:
    """What may still be unpacked."""

    files: int
    size: int


def unpack(download: Path, into: Path) -> Unpacked:
    """The files of a download; what is packed is unpacked into a folder. Raises CourseError if it can't be read."""
    found, room = Unpacked(), Room(MOST_IN_ALL, LARGEST_DOWNLOAD)
    if download.is_dir():
        for path in _walk(download, found):
            _add(str(path.relative_to(download)), path, into, found, room, 1)
    elif zipfile.is_zipfile(download):
        _open(download, "", into, found, room, 1)
    elif download.is_file():
        if download.name.lower().endswith(ZIP):
            raise CourseError(f"{download} is no zip that can be opened: download it again.")
        found.pieces.append(Piece(download.name, download))
    else:
        raise CourseError(f"{download} is not there.")
    if len(found.pieces) > MOST_IN_ALL:
        raise CourseError(f"{download} has more than {MOST_IN_ALL} files: is it a download of one assignment?")
    return found


def _walk(folder: Path, found: Unpacked) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        inside = str(path.relative_to(folder))
        if path.is_symlink():
            found.left_out.append((inside, "is a link, and links are not followed"))
        elif path.is_file():
            yield path


def _add(path: str, file: Path, into: Path, found: Unpacked, room: Room, depth: int) -> None:
    """A file of the download; if it is a zip, what is in it."""
    if nobodys(path):
        return
    if not path.lower().endswith(ZIP):
        found.pieces.append(Piece(path, file))
        return
    # At the top of a download lies perhaps a part of the class; below it, or under a system's name, one student's work.
    if "/" in path or said(path):
        room = Room(min(MOST_FILES, room.files), min(LARGEST_IN_ALL, room.size))
    why = "is no zip that can be opened"
    if depth > DEEPEST:
        why = f"lies in more than {DEEPEST} zips, and was not opened"
    elif zipfile.is_zipfile(file):
        _open(file, path[: -len(ZIP)], into, found, room, depth)
        return
    found.left_out.append((path, why))
    found.pieces.append(Piece(path, file))


def _open(file: Path, path: str, into: Path, found: Unpacked, room: Room, depth: int) -> None:
    """What is in a zip at a path of the download."""
    into.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(file) as archive:
            for number, entry in enumerate(archive.infolist()):
                if entry.is_dir():
                    continue
                inside = "/".join(filter(None, (path, _inside(entry))))
                if nobodys(inside):
                    continue
                if not room.files:
                    found.left_out.append((path or file.name, "has more files than are looked at"))
                    return
                room.files -= 1
                target = into / f"{len(found.pieces)}-{number}-{depth}"
                if why := _copy(archive, entry, target, room):
                    found.left_out.append((inside, why))
                else:
                    _add(inside, target, into, found, room, depth + 1)
    except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError, ValueError) as error:
        if not path:
            raise CourseError(f"{file} is no zip that can be opened ({error}): download it again.") from None
        found.left_out.append((path + ZIP, "is no zip that can be opened"))
        found.pieces.append(Piece(path + ZIP, file))


def _copy(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, room: Room) -> str:
    """Unpack one file; return why it was left out, or nothing."""
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "is a link, and links are not followed"
    if entry.flag_bits & 1:
        return "is locked with a password"
    most = min(LARGEST if not entry.filename.lower().endswith(ZIP) else LARGEST_DOWNLOAD, room.size)
    if entry.file_size > most:
        return f"is larger than {LARGEST >> 20} MiB, or more than there is room for"
    with archive.open(entry) as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy)  # zipfile reads no more than the size that it says
    room.size -= entry.file_size
    return ""


def _inside(entry: zipfile.ZipInfo) -> str:
    """The path of a file in a zip, without anything that leads out of it."""
    name = entry.filename
    if not entry.flag_bits & 0x800:  # it does not say that its name is UTF-8, which most write all the same
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    short = [_short(part) for part in parts[:DEEPEST_PATH]]
    return "/".join(short) or "unnamed"


def _short(part: str) -> str:
    """A name that a file system takes: the end is kept, which says what a file is."""
    part = "".join(c if c.isprintable() else "?" for c in part)
    if len(part.encode()) <= LONGEST_PART:
        return part
    stem, dot, end = part.rpartition(".")
    stem, end = (stem, dot + end) if dot and len(end) < 20 else (part, "")
    return stem.encode()[: LONGEST_PART - len(end)].decode(errors="ignore") + end
