"""A submission made into what is graded: the released sheets, each rebuilt with the student's sources.

What was noticed on the way becomes notes: slips, which cost nothing; tests that were changed; files that can't be read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from grading.intake.earlier import Earlier
from grading.intake.match import match, named
from grading.intake.pictures import Album, is_picture
from grading.intake.rebuild import rebuild
from grading.intake.receive import TIMESTAMP, Submission, is_notebook
from grading.intake.times import UnclearTimeError, moment, stamp
from grading.record import Note, NoteKind
from grading.text import one_line


@dataclass
class Normalised:
    """What will be graded, by file name, and everything that was noticed."""

    files: dict[str, bytes] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)


def normalise(
    submission: Submission,
    release: dict[str, bytes],
    zone: str = "",
    data_files: Iterable[str] = (),
    earlier: Earlier | None = None,
) -> Normalised:
    """What is graded of a submission. ``release`` holds the sheets of the assignment by file name.

    ``zone`` is the course's, for a time of submission that is written without one. A picture is one of the student's,
    and is shown in a sheet, unless it is among the ``data_files`` of the assignment. ``earlier`` knows the
    texts of earlier releases.

    A sheet whose file can't be read is graded as it was released, which earns nothing and keeps the reason beside it.
    So is every missing sheet where a file can't be read and its name is no sheet's: it may have been any of them. A
    sheet that is missing otherwise stays missing.
    """
    made = Normalised(notes=list(submission.notes))
    released = {name: nbformat.reads(content.decode("utf-8"), as_version=4) for name, content in release.items()}
    notebooks = {path: content for path, content in submission.files.items() if is_notebook(path)}
    album = Album({path: content for path, content in submission.files.items() if _beside(path, data_files)})
    kept = submission.files.keys() - notebooks.keys() - album.files.keys()
    made.files = {path: content for path, content in submission.files.items() if path in kept}
    earlier = earlier or Earlier()
    matched = match(notebooks, released, earlier)
    made.notes += matched.notes
    if TIMESTAMP in made.files:
        _read_time(made, zone)
    sheets = {
        name: rebuild(released[name], cells, album, earlier.later(released[name]))
        for name, cells in matched.sheets.items()
    }
    _show_rest(album, next((sheets[name].sheet for name in release if name in sheets), None))
    for name, rebuilt in sheets.items():
        made.notes += [note._replace(text=f"{name}: {note.text}", about=name) for note in rebuilt.notes]
        made.files[name] = (nbformat.writes(rebuilt.sheet) + "\n").encode()
    made.notes += album.notes
    _fill_in(made, release)
    return made


def _beside(path: str, data_files: Iterable[str]) -> bool:
    """Whether a file is a picture that a student put beside the sheets."""
    return is_picture(path) and path not in set(data_files)


def _show_rest(album: Album, sheet: NotebookNode | None) -> None:
    """Put the pictures that no answer names at the end of the first sheet, or say that there is none to show them."""
    if sheet is None:
        text = "{} was left out: there is no sheet to show it in."
        album.notes += [Note(NoteKind.SLIP, text.format(one_line(path)), path) for path in album.files]
        return
    cell = new_markdown_cell("Pictures that were handed in beside the sheets:", id="own-pictures")
    if album.rest(cell):
        sheet.cells.append(cell)


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


def _read_time(made: Normalised, zone: str) -> None:
    """Write the time of submission as nbgrader reads it rightly, or leave it out and say why."""
    try:
        when = moment(made.files[TIMESTAMP].decode("utf-8-sig", "replace"), zone)
    except UnclearTimeError as error:
        del made.files[TIMESTAMP]
        text = f"The time of submission can't be read and was left out: {error}"
        made.notes.append(Note(NoteKind.SLIP, text, TIMESTAMP))
    else:
        made.files[TIMESTAMP] = stamp(when).encode()
