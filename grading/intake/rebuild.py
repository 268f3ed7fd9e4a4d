"""One released sheet with a student's sources in it: the answers in their cells, the student's own cells between them.

Of several cells with one name the last changed one is the answer; other changed ones run before it, since a cell that
was split has parts with one name. A given cell that is missing is put back, before the student's own cells at its place
if it is for an answer: an answer may stand in one of them.
"""

from __future__ import annotations

from collections.abc import Collection
from copy import deepcopy
from dataclasses import dataclass, field

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell
from nbgrader.utils import is_grade, is_solution

from grading.intake.identify import differs, given_cells, identify, lost
from grading.intake.notebooks import Cell
from grading.intake.pictures import Album
from grading.record import Note, NoteKind

MOST_OWN_CELLS = 500
LOST = "Cells had lost their names, as some editors do to them: they were told by their texts and their order."
NEW = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}


@dataclass
class Rebuilt:
    """A sheet that can be graded, and what was noticed in it."""

    sheet: NotebookNode
    notes: list[Note] = field(default_factory=list)


def rebuild(released: NotebookNode, submitted: list[Cell], album: Album, later: Collection[str] = ()) -> Rebuilt:
    """The released sheet with what was submitted for it; its texts show the pictures of the album that they name.

    Cells that came ``later`` may be missing without a word.
    """
    given = given_cells(released)
    made = Rebuilt(deepcopy(released))
    if lost(submitted, given):
        made.notes.append(Note(NoteKind.SLIP, LOST))
    submitted = identify(submitted, given)
    chosen = _chosen(submitted, given, made.notes)
    own = _own_cells(submitted, given, chosen, made.notes)
    order = [name for name in given if name in chosen]
    if order != sorted(order, key=lambda name: chosen[name]):
        made.notes.append(Note(NoteKind.SLIP, "The given cells were put back into their order."))
    cells: list[NotebookNode] = []
    waiting = own.pop("", [])
    for cell in made.sheet.cells:
        name = cell.metadata.nbgrader["grade_id"]
        if name not in chosen:
            made.notes += [] if name in later else [_altered(cell, "missing")]
        elif is_solution(cell):
            cell.source = submitted[chosen[name]].source
            _hang(album, cell, submitted[chosen[name]])
        if _is_written(cell) and not differs(cell.source, given[name].source):
            near = own.get(name, []) if name in chosen else waiting
            near[:] = _take_answer(cell, near, album, made.notes)
        if name in chosen or not is_solution(cell):
            cells += _new(waiting, len(cells), album)
            waiting = []
        cells.append(cell)
        waiting += own.get(name, [])
    made.sheet.cells = cells + _new(waiting, len(cells), album)
    return made


def _is_written(cell: NotebookNode) -> bool:
    return cell.cell_type == "markdown" and is_grade(cell) and is_solution(cell)


def _take_answer(cell: NotebookNode, near: list[Cell], album: Album, notes: list[Note]) -> list[Cell]:
    """Make the texts in the place of an empty written answer the answer, for a person to read; return the rest."""
    stub = cell.source
    texts = [own for own in near if own.kind == "markdown" and own.source.strip() and differs(own.source, stub)]
    if not texts:
        return near
    cell.source = "\n\n".join(text.source for text in texts)
    for text in texts:
        _hang(album, cell, text)
    name = cell.metadata.nbgrader["grade_id"]
    notes.append(Note(NoteKind.SLIP, f"The answer {name} was taken from the text in its place."))
    return [own for own in near if own not in texts]


def _hang(album: Album, cell: NotebookNode, submitted: Cell) -> None:
    if cell.cell_type == "markdown":
        album.hang(cell, submitted.pictures)


def _chosen(submitted: list[Cell], given: dict[str, NotebookNode], notes: list[Note]) -> dict[str, int]:
    """For each given cell that was handed in, the place of the submitted cell that counts."""
    copies: dict[str, list[int]] = {}
    for place, cell in enumerate(submitted):
        if cell.grade_id:
            copies.setdefault(cell.grade_id, []).append(place)
    chosen = {}
    for name, places in copies.items():
        changed = [place for place in places if differs(submitted[place].source, given[name].source)]
        chosen[name] = (changed or places)[-1]
        if is_solution(given[name]):
            if len(places) > 1:
                text = f"Cell {name} occurs {len(places)} times; the last changed one counts."
                notes.append(Note(NoteKind.SLIP, text))
            if submitted[chosen[name]].kind != given[name].cell_type:
                notes.append(Note(NoteKind.SLIP, f"Cell {name} was of another type and was changed back."))
        elif changed:
            notes.append(_altered(given[name], "changed"))
        elif len(places) > 1:
            notes.append(Note(NoteKind.SLIP, f"The given cell {name} occurs {len(places)} times and is used once."))
    return chosen


def _own_cells(
    submitted: list[Cell], given: dict[str, NotebookNode], chosen: dict[str, int], notes: list[Note]
) -> dict[str, list[Cell]]:
    """The student's own cells by the given cell that they follow ("" for the start), up to a bound.

    A spare copy of an answer is one of them if it was changed.
    """
    own: dict[str, list[Cell]] = {}
    after, number = "", 0
    for place, cell in enumerate(submitted):
        answer = bool(cell.grade_id) and is_solution(given[cell.grade_id])
        spare = answer and place != chosen[cell.grade_id]
        if cell.grade_id and not spare:
            after = cell.grade_id
        elif not spare or differs(cell.source, given[cell.grade_id].source):
            number += 1
            if number <= MOST_OWN_CELLS:
                own.setdefault(after, []).append(cell)
    if number > MOST_OWN_CELLS:
        text = f"Of {number} cells of the student's own the first {MOST_OWN_CELLS} are kept."
        notes.append(Note(NoteKind.SLIP, text))
    return own


def _altered(cell: NotebookNode, what: str) -> Note:
    name = cell.metadata.nbgrader["grade_id"]
    if is_grade(cell) and not is_solution(cell):
        return Note(NoteKind.TAMPERED, f"The test {name} was {what} and has been restored.")
    return Note(NoteKind.SLIP, f"The cell {name} was {what} and has been restored.")


def _new(cells: list[Cell], place: int, album: Album) -> list[NotebookNode]:
    made = [NEW[cell.kind](cell.source, id=f"own-{place}-{number}") for number, cell in enumerate(cells)]
    for new, cell in zip(made, cells, strict=True):
        _hang(album, new, cell)
    return made
