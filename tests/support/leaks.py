"""The chapters with code, and what of them no student may find anywhere."""

from __future__ import annotations

import nbformat

from chapters import editions
from chapters.source import pages, read

CHAPTERS = [path.stem for path in pages() if any(cell.cell_type == "code" for cell in read(path).cells)]


def lines_of_answers(page: nbformat.NotebookNode) -> set[str]:
    """The lines that stand in an answer or a hidden test of a page and nowhere else on it."""
    secret, open_ = set(), set()
    for cell in page.cells:
        whole = editions.holds_answer(cell) and not editions.SOLUTION_MARKER.search(cell.source)
        inside = whole
        for line in cell.source.split("\n"):
            if editions.SOLUTION_MARKER.search(line) or editions.HIDDEN_MARKER.search(line):
                inside = "BEGIN" in line
            else:
                (secret if inside else open_).add(line.strip())
    return {line for line in secret - open_ if len(line) > 12}
