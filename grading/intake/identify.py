"""Which submitted cell is which given cell: by its name, else by its text, else by its place.

Editors and converters lose the names, metadata and ids, of one cell or of all. The texts of a sheet's own cells say
then where one is, and what stands between two of them is the answer that belongs there. Nothing is taken from a cell
but its source, so whoever makes a cell look like a given one has gained the given one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from difflib import SequenceMatcher

from nbformat import NotebookNode
from nbgrader.utils import is_solution

from grading.intake.earlier import lines_of
from grading.intake.notebooks import Cell

DEFINED = re.compile(r"^\s*(?:async +def|def|class) +(\w+)", re.MULTILINE)


def given_cells(sheet: NotebookNode) -> dict[str, NotebookNode]:
    """The cells of a released sheet by their names."""
    return {cell.metadata.nbgrader["grade_id"]: cell for cell in sheet.cells}


def differs(mine: str, theirs: str) -> bool:
    """Whether two sources differ in more than blanks at the ends of lines and of the cell."""
    return lines_of(mine) != lines_of(theirs)


def by_name(cells: list[Cell], given: dict[str, NotebookNode]) -> list[Cell]:
    """Submitted cells, each under the name that it bears, or under none.

    Some programs drop metadata but keep the cell's id, which in the release is its name.
    """

    def name(cell: Cell) -> str:
        claimed = cell.grade_id or cell.id
        return claimed if claimed in given else ""

    return [replace(cell, grade_id=name(cell)) for cell in cells]


def identify(cells: list[Cell], given: dict[str, NotebookNode]) -> list[Cell]:
    """Submitted cells, each under the name of the given cell that it is, or under none."""
    found = by_name(cells, given)
    if given.keys() <= {cell.grade_id for cell in found}:
        return found
    for place, name in _by_text(found, given):
        # It was told by its text, so blanks are no change of it; in code of an answer they may be.
        mine, theirs = found[place].source, given[name].source
        source = mine if is_solution(given[name]) and differs(mine, theirs) else theirs
        found[place] = replace(found[place], grade_id=name, source=source)
    for place, name in _by_place(found, given):
        found[place] = replace(found[place], grade_id=name)
    return found


def lost(cells: list[Cell], given: dict[str, NotebookNode]) -> bool:
    """Whether a cell is known that does not bear its name."""
    pairs = zip(by_name(cells, given), identify(cells, given), strict=True)
    return any(before.grade_id != after.grade_id for before, after in pairs)


def _by_text(cells: list[Cell], given: dict[str, NotebookNode]) -> list[tuple[int, str]]:
    """Cells without a name that hold the text of a given one which has none: in order first, then anywhere."""
    claimed, names = {cell.grade_id for cell in cells}, list(given)
    mine = [cell.grade_id or (cell.kind, _letters(cell.source)) for cell in cells]
    theirs = [name if name in claimed else (c.cell_type, _letters(c.source)) for name, c in given.items()]
    blocks = SequenceMatcher(None, mine, theirs, autojunk=False).get_matching_blocks()
    pairs = {block.b + n: block.a + n for block in blocks for n in range(block.size)}
    number = Counter(theirs)
    for place, text in enumerate(theirs):
        if place not in pairs and not isinstance(text, str) and number[text] == 1 and text in mine:
            pairs[place] = mine.index(text)
    return [(a, names[b]) for b, a in pairs.items() if not isinstance(theirs[b], str) and theirs[b][1]]


def _by_place(cells: list[Cell], given: dict[str, NotebookNode]) -> Iterator[tuple[int, str]]:
    """Answers that are told by the given cells around them: the one that defines what is asked for, or the only one."""
    known = {cell.grade_id: place for place, cell in enumerate(cells) if cell.grade_id}
    names = list(given)
    for number, name in enumerate(names):
        if name in known or not is_solution(given[name]):
            continue
        before = next((known[n] for n in names[number - 1 :: -1] if n in known), -1) if number else -1
        after = next((known[n] for n in names[number + 1 :] if n in known), len(cells))
        if before < 0 and after == len(cells):
            continue  # nothing says where the place is
        kind, stub = given[name].cell_type, given[name].source
        near = [
            place
            for place in range(before + 1, after)
            if not cells[place].grade_id and cells[place].kind == kind and cells[place].source.strip()
        ]
        asked = set(DEFINED.findall(stub)) if kind == "code" else set()
        answers = [place for place in near if asked & set(DEFINED.findall(cells[place].source))]
        for place in answers or (near if len(near) == 1 else []):
            yield place, name


def _letters(source: str) -> str:
    """A source without blanks, which formatters move."""
    return "".join(source.split())
