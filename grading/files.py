"""Files and folders that are wholly there or not at all, files' names by content, and folders for one process."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import stat
import tempfile
from pathlib import Path

PRIVATE = re.compile(r"mibook-(\d+)-(\d+)-\w+")  # the space of process numbers, and the process that made it


def write(path: Path, content: bytes) -> None:
    """Write a file so that whoever looks, even after a crash, finds the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def swap(new: Path, place: Path) -> None:
    """Put a file or folder in the place of another; a kill in between leaves what `mend` puts back."""
    old = place.with_name(f".{place.name}.old")
    remove(old)
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.exists():
        place.rename(old)
    new.rename(place)
    remove(old)


def mend(place: Path) -> None:
    """Put back what a kill in the middle of `swap` left aside."""
    old = place.with_name(f".{place.name}.old")
    if old.exists() and not place.exists():
        old.rename(place)


def remove(path: Path) -> None:
    """Take away a file, or a folder with all that is in it, read-only folders too."""
    if path.is_dir() and not path.is_symlink():
        for place, _, _ in os.walk(path):
            with contextlib.suppress(OSError):
                os.chmod(place, stat.S_IRWXU)
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def private_folder() -> Path:
    """A new folder for this process alone, with a path short enough for sockets (Linux allows 107 bytes).

    Its name says who made it: what a killed process leaves is taken away by `remove_left`.
    """
    base = tempfile.gettempdir()
    place = base if len(base) < 60 else "/tmp"
    return Path(tempfile.mkdtemp(prefix=f"mibook-{_processes()}-{os.getpid()}-", dir=place))


def remove_left() -> None:
    """Take away the private folders of this user's processes that have ended without doing so."""
    for base in {tempfile.gettempdir(), "/tmp"}:
        for path in Path(base).glob("mibook-*-*-*"):
            with contextlib.suppress(OSError):
                found = PRIVATE.fullmatch(path.name)
                # Another container may share this folder: its processes have other numbers, and may be alive.
                here = found and int(found[1]) == _processes() and path.lstat().st_uid == os.getuid()
                if found and here and not Path(f"/proc/{found[2]}").exists():
                    remove(path)


def _processes() -> int:
    """The space in which this process has its number."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:  # not Linux
        return 0
