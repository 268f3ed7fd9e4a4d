"""Which submitted file is which sheet, and which submitted cell is which given cell.

A file is known by the given cells that it holds, whatever its name; without any, by its name as a whole. So is a file
that can't be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.utils import is_solution

from grading.intake.earlier import Earlier, lines_of
from grading.intake.notebooks import Cell, read
from grading.intake.receive import ENDINGS, UnreadableError
from grading.record import Note, NoteKind
from grading.text import one_line

# What programs put behind a name when they copy a file: "mine (1)", "mine-Copy1", "mine_copy".
COPY = re.compile(r"[ (]|[-_]copy", re.IGNORECASE)


@dataclass
class Matched:
    """The cells handed in for each sheet, and what was noticed of the files."""

    sheets: dict[str, list[Cell]] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)


@dataclass(frozen=True)
class Candidate:
    """One file that may be a sheet."""

    answers: int
    path: str
    cells: list[Cell]

    def rank(self, sheet: str) -> tuple[bool, bool, int]:
        """The greatest counts: one with answers, then the one with the sheet's name, then that with more of them."""
        return self.answers > 0, _stem(self.path) == Path(sheet).stem, self.answers


def match(notebooks: dict[str, bytes], released: dict[str, NotebookNode], earlier: Earlier) -> Matched:
    """The notebooks of a submission, by their path, each as the sheet that it is."""
    found, broken = Matched(), []
    candidates: dict[str, list[Candidate]] = {}
    for path, content in notebooks.items():
        try:
            cells = earlier.brought_up(read(content), released)
        except UnreadableError as error:
            broken.append(Note(NoteKind.UNREADABLE, f"{one_line(path)}: {error}", path))
            continue
        if sheet := _sheet_of(path, cells, released):
            candidates.setdefault(sheet, []).append(Candidate(_answers(cells, released[sheet]), path, cells))
        else:
            text = f"{one_line(path)} belongs to no notebook of this assignment and was left out."
            found.notes.append(Note(NoteKind.SLIP, text, path))
    for sheet, ranked in candidates.items():
        ranked.sort(key=lambda candidate: candidate.rank(sheet))  # of equals, the last
        *others, best = ranked
        found.sheets[sheet] = best.cells
        if best.path != sheet:
            found.notes.append(Note(NoteKind.SLIP, f"{one_line(best.path)} was taken for {sheet}.", best.path))
        for other in others:
            text = (
                f"{one_line(other.path)} is another version of {sheet} and was left out: {one_line(best.path)} counts."
            )
            found.notes.append(Note(NoteKind.SLIP, text, other.path))
    found.notes += broken
    return found


def named(path: str, sheets: Iterable[str]) -> str | None:
    """The sheet whose name a file has, all of it, in capitals or not, but for what marks a copy; else None."""
    by_name = {Path(sheet).stem.casefold(): sheet for sheet in sheets}
    stem = _stem(path)
    return by_name.get(stem.casefold()) or by_name.get(COPY.split(stem, maxsplit=1)[0].casefold())


def _stem(path: str) -> str:
    """A file's name without what says that it is a notebook."""
    name = Path(path).name
    return next((name[: -len(end)] for end in sorted(ENDINGS, key=len)[::-1] if name.lower().endswith(end)), name)


def _sheet_of(path: str, cells: list[Cell], released: dict[str, NotebookNode]) -> str | None:
    right = named(path, released)
    shared = {name: len(set(_names(cells, sheet)) - {""}) for name, sheet in released.items()}
    best = max(shared, key=lambda name: (shared[name], name == right))
    return best if shared[best] else right


def _answers(cells: list[Cell], sheet: NotebookNode) -> int:
    """How many answers are there: the number of solution cells that differ from their stubs."""
    given = given_cells(sheet)
    known = [cell for cell in identify(cells, given) if cell.grade_id and is_solution(given[cell.grade_id])]
    return len({cell.grade_id for cell in known if differs(cell.source, given[cell.grade_id].source)})


def _names(cells: list[Cell], sheet: NotebookNode) -> list[str]:
    return [cell.grade_id for cell in identify(cells, given_cells(sheet))]


# --- cells -----------------------------------------------------------------------------------------------------


def given_cells(sheet: NotebookNode) -> dict[str, NotebookNode]:
    """The cells of a released sheet by their names."""
    return {cell.metadata.nbgrader["grade_id"]: cell for cell in sheet.cells}


def identify(cells: list[Cell], given: dict[str, NotebookNode]) -> list[Cell]:
    """Submitted cells, each under the name of the given cell that it is, or under none.

    Some programs drop metadata but keep the cell's id, which in the release is its name.
    """

    def name(cell: Cell) -> str:
        claimed = cell.grade_id or cell.id
        return claimed if claimed in given else ""

    return [replace(cell, grade_id=name(cell)) for cell in cells]


def differs(mine: str, theirs: str) -> bool:
    """Whether two sources differ in more than blanks at the ends of lines and of the cell."""
    return lines_of(mine) != lines_of(theirs)
