"""Texts that an assignment's cells had in earlier releases, and what a submission made from one of them means now.

A student who started from an earlier release has its statements, tests and stubs. They are no changes of the student's:
before a submission is compared with the release of now, each of them becomes the text that the cell has now.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import nbformat
from nbformat import NotebookNode

from grading.intake.notebooks import Cell

Lines = tuple[str, ...]


@dataclass
class Earlier:
    """The texts of earlier releases, by the name of the cell, and the names of the cells that had a text."""

    texts: dict[str, set[Lines]] = field(default_factory=dict)
    names: dict[Lines, set[str]] = field(default_factory=dict)
    always: set[str] | None = None  # the cells that every one of them had; None if there was none

    @classmethod
    def of(cls, releases: Iterable[dict[str, bytes]]) -> Earlier:
        """Those of some releases, each its sheets by file name."""
        found = cls()
        for release in releases:
            had = set()
            for content in release.values():
                for cell in nbformat.reads(content.decode("utf-8"), as_version=4).cells:
                    name, lines = cell.metadata.nbgrader["grade_id"], lines_of(cell.source)
                    found.texts.setdefault(name, set()).add(lines)
                    found.names.setdefault(lines, set()).add(name)
                    had.add(name)
            found.always = had if found.always is None else found.always & had
        return found

    def later(self, sheet: NotebookNode) -> set[str]:
        """The cells of a released sheet that not every earlier release had, so that a submission may lack them."""
        names = {cell.metadata.nbgrader["grade_id"] for cell in sheet.cells}
        return set() if self.always is None else names - self.always

    def brought_up(self, cells: list[Cell], released: dict[str, NotebookNode]) -> list[Cell]:
        """Submitted cells, those of an earlier release with the text of now; without those that no longer exist."""
        if not self.texts:
            return cells
        now = {cell.metadata.nbgrader["grade_id"]: cell.source for sheet in released.values() for cell in sheet.cells}
        found = []
        for cell in cells:
            name = self._given(cell, now)
            if name in now:
                found.append(replace(cell, source=now[name]))
            elif not name:
                found.append(cell)
        return found

    def _given(self, cell: Cell, now: dict[str, str]) -> str:
        """The given cell that a submitted one is, with a text of an earlier release; else nothing."""
        lines, claimed = lines_of(cell.source), cell.grade_id or cell.id
        if claimed in self.texts:
            return claimed if lines in self.texts[claimed] else ""
        # It lost its name: then the text must say which one it is, and no cell must have it now.
        names = self.names.get(lines, set())
        known = claimed in now or any(lines_of(source) == lines for source in now.values())
        return next(iter(names)) if len(names) == 1 and any(lines) and not known else ""


def lines_of(source: str) -> Lines:
    """A text without the blanks that programs add or take away when they save it."""
    return tuple(line.rstrip() for line in source.strip().split("\n"))
