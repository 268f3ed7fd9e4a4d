"""A notebook says what the page says, and is the chapter still: what is shown besides can be taken away again."""

import re

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from chapters import pairs
from chapters.shown import CAPTION, WORKS, is_derived, numbering, plain, shown
from chapters.source import BOOK, ROOT, pages, read, tags

CHAPTERS = [path.stem for path in pages() if any(cell.cell_type == "code" for cell in read(path).cells)]
CITATIONS = {
    "{cite:t}`belghazi2018mine` say": "[Belghazi et al. (2018)](#cite-belghazi2018mine) say",
    "Adam {cite:p}`kingma2015`": "Adam ([Kingma and Ba, 2015](#cite-kingma2015))",
    "so {cite:p}`kingma2015,he2015`.": "so ([Kingma and Ba, 2015](#cite-kingma2015); [He et al., 2015](#cite-he2015)).",
    "{cite:t}`kingma2015,he2015`": "[Kingma and Ba (2015)](#cite-kingma2015) [and He et al. (2015)](#cite-he2015)",
    "({cite:t}`kingma2015`) and {cite:t}`he2015`": (
        "([Kingma and Ba (2015)](#cite-kingma2015)) and [He et al. (2015)](#cite-he2015)"
    ),
    "{cite:p}`kingma2015{Section 2}`": "([Kingma and Ba, 2015, Section 2](#cite-kingma2015))",
}


@pytest.mark.parametrize("source", CITATIONS)
def test_a_citation_is_words_in_the_notebook_and_a_role_in_the_chapter(source):
    made = shown(new_notebook(cells=[new_markdown_cell(source)]))
    assert made.cells[0].source == CITATIONS[source]
    assert tags(made.cells[-1]) == [WORKS]
    assert "Diederik" in made.cells[-1].source or "Belghazi" in made.cells[-1].source
    (cell,) = plain(made).cells
    assert cell.source == source


@pytest.mark.parametrize("name", CHAPTERS)
def test_what_is_shown_can_be_taken_away(name):
    text = (BOOK / f"{name}.md").read_text(encoding="utf-8")
    more = pairs.as_shown(text)
    assert len(more) > len(text)
    assert pairs.as_shown(more) == more
    assert pairs.as_kept(more) == text
    assert pairs.as_kept(text) == text


@pytest.mark.parametrize("name", CHAPTERS)
def test_each_figure_of_a_cell_has_its_caption_below(name):
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    figures = 0
    for cell, below in zip(notebook.cells, notebook.cells[1:], strict=False):
        if cell.cell_type == "code" and (figure := cell.metadata.get("mystnb", {}).get("figure")):
            figures += 1
            assert tags(below) == [CAPTION]
            assert f":label: {figure['name']}\n" in below.source
            assert (
                plain(new_notebook(cells=[new_markdown_cell(below.source)]))
                .cells[0]
                .source.endswith(f"{figure['caption'].strip()}\n:::")
            )
    assert figures == sum(CAPTION in tags(cell) for cell in notebook.cells if is_derived(cell)) > 0
    assert not re.search(r"\{cite:\w\}`", "".join(cell.source for cell in notebook.cells))
    assert numbering(ROOT, name) in notebook.cells[0].source


def test_an_edit_of_the_notebook_is_all_that_changes_in_the_chapter():
    path = BOOK / "mine.md"
    text = path.read_text(encoding="utf-8")
    notebook = pairs.pair(text, ROOT / "notebooks" / "mine.ipynb")
    edited = next(cell for cell in notebook.cells if "](#cite-" in cell.source and not is_derived(cell))
    edited.source += "\n\nA sentence more."
    before, after = text.splitlines(), pairs.canonical(notebook).splitlines()
    assert [line for line in after if line not in before] == ["A sentence more."]
    assert len(after) == len(before) + 2


def test_numbers_begin_with_the_number_of_the_chapter():
    numbered = [name for name in CHAPTERS if numbering(ROOT, name)]
    assert numbering(ROOT, numbered[0]) == "numbering:\n  enumerator: 1.%s\n"
    assert numbering(ROOT, "notation") == ""
