"""What came is kept for good, under its sha256; what is graded is put where nbgrader will look for it.

Both may be stopped at any moment and run again: a file that was made here is not taken for a new submission.
`received.json` says which files came (`received`), what was made of them (`made`), both by path and sha256, what was
noticed of the files that came (`notes`), and of all of it (`noticed`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from grading.files import sha256, write
from grading.intake import collected
from grading.intake.earlier import Earlier
from grading.intake.normalise import Normalised, normalise
from grading.intake.receive import TIMESTAMP, Submission, receive
from grading.record import Note, NoteKind, notes_from_json

RECORD = "received.json"
ANYBODYS = (
    f"{TIMESTAMP} was left out, for nobody vouches for it: it lay in a folder that was not collected. "
    "`mibook-course collect` brings folders, and times from a worksheet."
)


def original(folder: Path, raw: Path, data_files: Iterable[str] = ()) -> Submission:
    """A submission as it came, from its folder, or from ``raw`` if `prepare_in_place` has been at that folder.

    What is new is kept in ``raw``. A folder without one of the files that came, and without all that was made of
    them, is new: a file was taken away.
    """
    there = _as_collected(receive(folder, data_files), raw)
    if (record := raw / RECORD).exists():
        entry = json.loads(record.read_text(encoding="utf-8"))
        came, made, found = entry["received"], entry["made"], there.hashes
        # All that is made is written before the rest of what came is taken away, and it may be stopped between.
        whole = found.keys() >= came.keys() or (made and made.items() <= found.items())
        if found and whole and all(found[path] in (made.get(path), came.get(path)) for path in found):
            files = {path: (raw / name).read_bytes() for path, name in came.items()}
            return Submission(files, notes_from_json(entry["notes"]))
    _keep(raw, there)
    return there


def _as_collected(there: Submission, raw: Path) -> Submission:
    """What lies in a folder, with what its collector noted; a time that nobody vouches for is left out."""
    brought = collected.read(raw)
    if brought:
        there.notes += brought.notes
    elif there.files.pop(TIMESTAMP, None):
        there.notes.append(Note(NoteKind.SLIP, ANYBODYS, TIMESTAMP))
    return there


def prepare_in_place(
    folder: Path,
    release: dict[str, bytes],
    raw: Path,
    data_files: Iterable[str] = (),
    zone: str = "",
    earlier: Earlier | None = None,
) -> Normalised:
    """Normalise a submission where it lies; what was there is kept in ``raw`` first.

    ``release`` holds the sheets of the assignment by file name; ``zone`` is the course's; ``earlier`` knows the texts
    of earlier releases.
    """
    submission = original(folder, raw, data_files)
    made = normalise(submission, release, zone, data_files, earlier=earlier)
    _keep(raw, submission, made)
    for path, content in made.files.items():
        write(folder / path, content)
    _set_aside(folder, set(made.files), raw / "left-out")
    return made


def _keep(raw: Path, submission: Submission, made: Normalised | None = None) -> None:
    for path, name in submission.hashes.items():
        if not (target := raw / name).exists():
            write(target, submission.files[path])
            target.chmod(0o444)
    entry = {
        "received": submission.hashes,
        "made": {path: sha256(content) for path, content in made.files.items()} if made else {},
        "notes": submission.notes,
        "noticed": made.notes if made else submission.notes,
    }
    write(raw / RECORD, json.dumps(entry, indent=1).encode())


def _set_aside(folder: Path, wanted: set[str], aside: Path) -> None:
    """Move whatever will not be graded out of a submission's folder; links move, not what they point to."""
    for place, folders, names in os.walk(folder, topdown=False):
        for name in [*names, *(name for name in folders if (Path(place) / name).is_symlink())]:
            path = Path(place) / name
            inside = path.relative_to(folder)
            if str(inside) not in wanted:
                (aside / inside).parent.mkdir(parents=True, exist_ok=True)
                path.rename(aside / inside)
        for name in folders:
            path = Path(place) / name
            if not path.is_symlink() and not any(path.iterdir()):
                path.rmdir()
