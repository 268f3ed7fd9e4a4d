"""Which submitted file is which sheet.

A file is known by the given cells that it holds, whatever its name; without any, by its name as a whole. So is a file
that can't be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.utils import is_solution

from grading.intake.earlier import Earlier
from grading.intake.identify import by_name, differs, given_cells, identify
from grading.intake.notebooks import Cell, read
from grading.intake.receive import ENDINGS, UnreadableError
from grading.record import Note, NoteKind
from grading.text import one_line

# What programs put behind a name when they copy a file: "mine (1)", "mine-Copy1", "mine_copy".
COPY = re.compile(r"[ (]|[-_]copy", re.IGNORECASE)
FEW = 0.5  # of a sheet's cells: with fewer of them a notebook without any name of a cell is no sheet


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
    shared = {name: _shared(cells, sheet) for name, sheet in released.items()}
    best = max(shared, key=lambda name: (shared[name], name == right))
    return best if shared[best] else right


def _answers(cells: list[Cell], sheet: NotebookNode) -> int:
    """How many answers are there: the number of solution cells that differ from their stubs."""
    given = given_cells(sheet)
    known = [cell for cell in identify(cells, given) if cell.grade_id and is_solution(given[cell.grade_id])]
    return len({cell.grade_id for cell in known if differs(cell.source, given[cell.grade_id].source)})


def _shared(cells: list[Cell], sheet: NotebookNode) -> int:
    """How many of a sheet's cells are there. Where none bears its name, a few equal texts are no sign of a sheet."""
    given = given_cells(sheet)
    found = len({cell.grade_id for cell in identify(cells, given)} - {""})
    return found if found >= FEW * len(given) or any(cell.grade_id for cell in by_name(cells, given)) else 0
