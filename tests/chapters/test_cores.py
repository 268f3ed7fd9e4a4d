"""The core of each chapter: short enough to be finished, said at its top, and complete without what is folded."""

from __future__ import annotations

import ast
import builtins
import math
import re
from collections.abc import Iterator

import nbformat
import pytest

from chapters.myst import blocks
from chapters.source import BOOK, DEEPER, pages, read, tags

CHAPTERS = [path.stem for path in pages() if any(cell.cell_type == "code" for cell in read(path).cells)]
WORDS, STATEMENTS, WORDS_A_MINUTE = 3000, 9, 67
"""What a core may hold; and how fast such a page is read, so that 3000 words take 45 minutes."""

FOLDED = {"dropdown", "figure", "solution"}
STATED = {f"prf:{kind}" for kind in ("definition", "proposition", "theorem", "corollary", "lemma", "remark", "example")}


def parted(name: str) -> Iterator[tuple[bool, nbformat.NotebookNode]]:
    """The cells of a chapter in order, each with whether it belongs to a section that the core does not need."""
    deeper_at, marked = None, False  # the level of the folded section that we are in; a label was just seen
    for cell in read(BOOK / f"{name}.md").cells:
        if cell.cell_type == "markdown":
            for block in blocks(cell.source):
                if block.text.startswith(f"({DEEPER}"):
                    marked = True
                elif block.kind == "heading":
                    level = len(block.text.split()[0])
                    if deeper_at is not None and level <= deeper_at:
                        deeper_at = None
                    deeper_at, marked = (level if marked else deeper_at), False
        yield deeper_at is not None, cell


def core(name: str) -> list[nbformat.NotebookNode]:
    return [cell for deeper, cell in parted(name) if not deeper]


def words(source: str) -> int:
    """The words of a text that stand open: no displayed formula, nothing folded."""
    total = 0
    for block in blocks(source):
        if block.kind == "directive":
            total += 0 if block.name in FOLDED else words(block.body)
        elif block.kind not in ("math", "fence") and not re.match(r"\(\S+\)=$", block.text):
            total += len(re.sub(r"\$\$.*?\$\$", "", block.text, flags=re.DOTALL).split())
    return total


def open_words(name: str) -> int:
    return sum(words(c.source) for c in core(name) if c.cell_type == "markdown" and "answer" not in tags(c))


def statements(source: str) -> int:
    return sum(block.name in STATED for block in blocks(source))


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_core_can_be_finished_in_one_sitting(name):
    assert open_words(name) <= WORDS
    assert sum(statements(cell.source) for cell in core(name) if cell.cell_type == "markdown") <= STATEMENTS


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_top_of_a_chapter_says_how_long_its_core_takes(name):
    minutes = 5 * math.ceil(open_words(name) / WORDS_A_MINUTE / 5)
    top = read(BOOK / f"{name}.md").cells[0].source + read(BOOK / f"{name}.md").cells[1].source
    assert f"takes about {minutes} minutes to read" in top


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_folded_section_is_marked_in_its_heading_and_in_the_lab(name):
    cells = read(BOOK / f"{name}.md").cells
    headings = 0
    for cell in cells:
        if cell.cell_type != "markdown":
            continue
        found = [block.text for block in blocks(cell.source)]
        label = any(text.startswith(f"({DEEPER}") for text in found)
        # JupyterLab hides the cells below a collapsed heading, not the heading's own.
        assert label == cell.metadata.get("jp-MarkdownHeadingCollapsed", False)
        if label:
            assert re.fullmatch(r"(\(\S+\)=\n)+#{2,3} Deeper: .+", cell.source)
            headings += 1
    assert headings, "a chapter without anything to fold needs no such line at its top"


def names(source: str) -> tuple[set[str], set[str]]:
    """The names that a cell needs from elsewhere, and those that it binds."""
    lines = [line for line in source.split("\n") if not line.lstrip().startswith("%")]
    tree = ast.parse("\n".join(lines))
    used, bound = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
    return used, bound


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_code_of_a_core_needs_nothing_from_a_folded_section(name):
    bound_in_core, bound_deeper = set(dir(builtins)), set()
    for deeper, cell in parted(name):
        if cell.cell_type == "code" and "skip-execution" not in tags(cell):
            used, bound = names(cell.source)
            if deeper:
                bound_deeper |= bound
            else:
                assert not (used - bound - bound_in_core) & bound_deeper
                bound_in_core |= bound
