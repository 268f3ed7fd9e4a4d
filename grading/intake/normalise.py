"""A submission made into what is graded: the released sheets, each rebuilt with the student's sources.

What was noticed on the way becomes notes: slips, which cost nothing; tests that were changed; files that can't be read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import nbformat
from nbgrader.utils import parse_utc

from grading.intake.match import match, named
from grading.intake.rebuild import rebuild
from grading.intake.receive import LONGEST_TIME, TIMESTAMP, Submission, is_notebook
from grading.record import Note, NoteKind

# A number or a name after the time is its zone. Of other text the reader of dates would take a path for the file of a
# zone, and open it.
TIME = re.compile(r"[\d\-:. T+Z]+( [A-Za-z]{1,5})?", re.ASCII)


@dataclass
class Normalised:
    """What will be graded, by file name, and everything that was noticed."""

    files: dict[str, bytes] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)


def normalise(submission: Submission, release: dict[str, bytes]) -> Normalised:
    """What is graded of a submission. ``release`` holds the sheets of the assignment by file name.

    A sheet whose file can't be read is graded as it was released, which earns nothing and keeps the reason beside it.
    So is every missing sheet where a file can't be read and its name is no sheet's: it may have been any of them. A
    sheet that is missing otherwise stays missing.
    """
    made = Normalised(notes=list(submission.notes))
    released = {name: nbformat.reads(content.decode("utf-8"), as_version=4) for name, content in release.items()}
    notebooks = {path: content for path, content in submission.files.items() if is_notebook(path)}
    made.files = {path: content for path, content in submission.files.items() if path not in notebooks}
    matched = match(notebooks, released)
    made.notes += matched.notes
    if TIMESTAMP in made.files and not _is_time(made.files[TIMESTAMP]):
        made.notes.append(Note(NoteKind.SLIP, "The time of submission can't be read and was left out.", TIMESTAMP))
        del made.files[TIMESTAMP]
    for name, cells in matched.sheets.items():
        rebuilt = rebuild(released[name], cells)
        made.notes += [note._replace(text=f"{name}: {note.text}", about=name) for note in rebuilt.notes]
        made.files[name] = (nbformat.writes(rebuilt.sheet) + "\n").encode()
    _fill_in(made, release)
    return made


def _fill_in(made: Normalised, release: dict[str, bytes]) -> None:
    """Put the released sheet where the student's can't be read, and say which sheets are missing."""
    missing = [name for name in release if name not in made.files]
    broken, unknown = set(), False
    for place, note in enumerate(made.notes):
        if note.kind != NoteKind.UNREADABLE:
            continue
        if sheet := named(note.about, release):
            broken.add(sheet)
        else:
            unknown = True
            if note.about:
                text = f"{note.text} Which sheet it was can't be told from its name."
                made.notes[place] = note._replace(text=text)
    for name in missing:
        if unknown or name in broken:
            made.files[name] = release[name]
        if name not in broken:
            what = "may be among what can't be read, and is graded as released" if unknown else "was not handed in"
            made.notes.append(Note(NoteKind.SLIP, f"{name} {what}.", name))


def _is_time(content: bytes) -> bool:
    try:
        text = content.decode("utf-8").strip()
        if len(content) > LONGEST_TIME or not TIME.fullmatch(text):
            return False
        parse_utc(text).isoformat()
    except Exception:  # dateutil raises errors of many kinds on what is no date
        return False
    return True
