"""The derived notebooks: what the chapters say, nothing lost on the way there and back, nothing told to students."""

import json
import os
import shutil
from pathlib import Path

import jupytext
import nbformat
import pytest
from jupytext.config import load_jupytext_config
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from chapters import editions, pairs
from chapters.shown import is_derived, plain, shown
from chapters.source import ROOT, read
from leaks import CHAPTERS, lines_of_answers

TEXT = "md:myst"
CONFIG = load_jupytext_config(str(ROOT / "book" / "any.md"))
SOLUTION = {"grade": False, "grade_id": "f", "locked": False, "schema_version": 3, "solution": True, "task": False}
TEST = SOLUTION | {"grade": True, "grade_id": "test-f", "locked": True, "points": 1, "solution": False}
WRITTEN = SOLUTION | {"grade": True, "grade_id": "why", "points": 2}


@pytest.fixture
def tree(tmp_path) -> Path:
    """A copy of the chapters with everything that is derived from them."""
    for folder in ("book", "notebooks", "student"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "_toc.yml", tmp_path)
    return tmp_path


def notebook(*cells) -> nbformat.NotebookNode:
    return new_notebook(cells=[new_markdown_cell("# A page"), *cells])


def code(source: str, nbgrader: dict | None = None, **metadata) -> nbformat.NotebookNode:
    outputs = [new_output("stream", name="stdout", text="printed")]
    return new_code_cell(
        source, metadata=metadata | ({"nbgrader": nbgrader} if nbgrader else {}), outputs=outputs, execution_count=1
    )


def test_everything_derived_is_what_its_source_says():
    assert pairs.drift() == []


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter_and_notebook_turn_into_each_other(name):
    text = (ROOT / "book" / f"{name}.md").read_text(encoding="utf-8")
    there = jupytext.reads(text, fmt=TEXT, config=CONFIG)
    assert jupytext.writes(there, fmt=TEXT, config=CONFIG) == text
    path = ROOT / "notebooks" / f"{name}.ipynb"
    paired = nbformat.read(path, as_version=4)
    assert jupytext.writes(plain(paired), fmt=TEXT, config=CONFIG) == text
    back = shown(jupytext.reads(text, fmt=TEXT, config=CONFIG))
    for cell, known in zip(back.cells, paired.cells, strict=True):
        cell["id"] = known.id  # the only thing that a text does not carry
    assert jupytext.writes(back, fmt="ipynb") == path.read_text(encoding="utf-8").rstrip("\n")


@pytest.mark.parametrize("folder", ["notebooks", "student"])
@pytest.mark.parametrize("name", CHAPTERS)
def test_committed_notebooks_are_clean(folder, name):
    page = nbformat.read(ROOT / folder / f"{name}.ipynb", as_version=4)
    nbformat.validate(page)
    assert all(not cell.outputs and cell.execution_count is None for cell in page.cells if cell.cell_type == "code")
    assert len({cell.id for cell in page.cells}) == len(page.cells)
    assert not {"widgets", "language_info"} & set(page.metadata)
    assert folder == "notebooks" or "jupytext" not in page.metadata


@pytest.mark.parametrize("name", CHAPTERS)
def test_students_get_no_line_of_an_answer(name):
    secret = lines_of_answers(read(ROOT / "book" / f"{name}.md"))
    assert secret
    student = nbformat.read(ROOT / "student" / f"{name}.ipynb", as_version=4)
    text = json.dumps(student, ensure_ascii=False)
    shown = {line.strip() for cell in student.cells for line in cell.source.split("\n")}
    assert secret & shown == set()
    for marker in ("BEGIN SOLUTION", "END SOLUTION", "HIDDEN TESTS", "Show the answer", "source_hidden"):
        assert marker not in text


def test_ids_do_not_depend_on_chance(tree):
    for folder in editions.FOLDERS.values():
        shutil.rmtree(tree / folder)
    first = pairs.derived(tree)
    assert pairs.derived(tree) == first


def test_an_edit_keeps_the_ids_of_all_cells(tree):
    target = tree / "notebooks" / f"{CHAPTERS[0]}.ipynb"
    before = [cell.id for cell in nbformat.read(target, as_version=4).cells]
    source = tree / "book" / f"{CHAPTERS[0]}.md"
    source.write_text(source.read_text(encoding="utf-8").rstrip() + " One more sentence.\n", encoding="utf-8")
    pairs.write(tree)
    assert [cell.id for cell in nbformat.read(target, as_version=4).cells] == before
    source.write_text(source.read_text(encoding="utf-8") + "\n+++\n\nOne more cell.\n", encoding="utf-8")
    pairs.write(tree)
    after = [cell.id for cell in nbformat.read(target, as_version=4).cells]
    assert [cell for cell in after if cell in before] == before
    assert len(after) == len(before) + 1


def test_outputs_of_a_run_in_the_lab_are_taken_out(tree):
    target = tree / "notebooks" / f"{CHAPTERS[0]}.ipynb"
    before = target.read_text(encoding="utf-8")
    page = nbformat.reads(before, as_version=4)
    cell = next(cell for cell in page.cells if cell.cell_type == "code")
    cell.outputs, cell.execution_count = [new_output("stream", text="hello")], 3
    nbformat.write(page, target)
    assert [sentence.split()[0] for sentence in pairs.drift(tree)] == [f"notebooks/{CHAPTERS[0]}.ipynb"]
    assert pairs.write(tree) == [target]
    assert target.read_text(encoding="utf-8") == before


def test_an_edit_of_the_notebook_alone_is_not_overwritten(tree):
    target = tree / "notebooks" / f"{CHAPTERS[0]}.ipynb"
    page = nbformat.read(target, as_version=4)
    next(cell for cell in reversed(page.cells) if not is_derived(cell)).source += " Written elsewhere."
    nbformat.write(page, target)
    later = (tree / "book" / f"{CHAPTERS[0]}.md").stat().st_mtime + 60
    os.utime(target, (later, later))
    with pytest.raises(ValueError, match="was edited after"):
        pairs.write(tree)
    assert "Written elsewhere." in target.read_text(encoding="utf-8")


def test_check_names_each_file_that_drifted(tree):
    (tree / "student" / f"{CHAPTERS[0]}.ipynb").unlink()
    (tree / "notebooks" / "gone.ipynb").write_text("{}")
    assert [sentence.split()[0] for sentence in pairs.drift(tree)] == [
        f"student/{CHAPTERS[0]}.ipynb",
        "notebooks/gone.ipynb",
    ]


def test_macros_are_written_once_and_replaced():
    block = pairs.macro_block("# a comment\n'\\R': '\\mathsf{#1}'\n")
    assert block == "```yaml\nmath:\n  '\\R': '\\mathsf{#1}'\n```\n"
    for header in ("", "---\nkernelspec:\n  name: python3\n---\n\n"):
        page = pairs.with_macros(f"{header}# Title\n\n```yaml\nmath:\n```\n", block)
        assert page == f"{header}{block}\n# Title\n\n```yaml\nmath:\n```\n"
        assert pairs.with_macros(page, block) == page
        assert pairs.with_macros(page.replace("mathsf", "mathbf"), block) == page


SOLVED = "def f(x):\n    ### BEGIN SOLUTION\n    return x**2\n    ### END SOLUTION\n\n\nf(2)"
TESTED = "assert f(1) == 1\n### BEGIN HIDDEN TESTS\nassert f(3) == 9\n### END HIDDEN TESTS"


def test_student_edition_clears_what_is_graded_and_drops_the_rest():
    page = notebook(
        code(SOLVED, SOLUTION, tags=["definition", "hide-input"], mystnb={"code_prompt_show": "Show the answer"}),
        code(TESTED, TEST),
        code("### BEGIN HIDDEN TESTS\nassert f(4) == 16\n### END HIDDEN TESTS", TEST | {"grade_id": "test-g"}),
        new_markdown_cell("A graded answer.", metadata={"nbgrader": WRITTEN, "tags": ["answer"]}),
        new_markdown_cell("An answer.", metadata={"tags": ["answer"]}),
        code("f(5)"),
    )
    _, stub, test, written, use = editions.student(page).cells
    assert stub.source == f"def f(x):\n    {editions.CODE_STUB}\n\n\nf(2)"
    assert stub.outputs == []
    assert dict(stub.metadata) == {"tags": ["definition"], "nbgrader": SOLUTION}
    assert test.source == "assert f(1) == 1"
    assert written.source == editions.TEXT_STUB
    assert use.outputs, "what an open cell printed stays"


def test_reader_edition_shows_the_stub_and_folds_the_answer():
    page = notebook(
        code(SOLVED, SOLUTION), code(TESTED, TEST), new_markdown_cell("It is.", metadata={"tags": ["answer"]})
    )
    _, stub, answer, test, written = editions.reader(page).cells
    assert dict(stub.metadata) == {"tags": ["stub"]}
    assert editions.CODE_STUB in stub.source
    assert stub.outputs == []
    assert answer.source == "def f(x):\n    return x**2\n\n\nf(2)"
    assert "hide-input" in answer.metadata["tags"]
    assert answer.outputs
    assert test.source == "assert f(1) == 1"
    assert written.source == "It is."
    assert editions.SOLUTION_MARKER.search(page.cells[1].source), "the page that was given is left as it was"


ANSWER = "````{dropdown} Answer\n```{solution} ex-a\n:label: sol-a\n\nIt is {eq}`eq-a`.\n\n$$ x $$ (eq-a)\n```\n````"


@pytest.mark.parametrize(
    ("cell", "complaint"),
    [
        (new_markdown_cell(ANSWER), "not tagged `answer`"),
        (new_markdown_cell("```{solution} ex-a\nIt is.\n```"), "not tagged `answer`"),
        (new_markdown_cell(":::{dropdown} Solution\nIt is.\n:::"), "not tagged `answer`"),
        (code(SOLVED), "does not know as a solution"),
        (code(SOLVED, TEST), "does not know as a solution"),
        (code(TESTED), "nbgrader does not grade"),
        (code("### BEGIN SOLUTION\n1", SOLUTION), "needs one END"),
        (code("### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION\n### END SOLUTION", SOLUTION), "needs one END"),
        (code("### BEGIN HIDDEN TESTS\n1", TEST), "needs one END"),
    ],
)
@pytest.mark.parametrize("made", [editions.reader, editions.student])
def test_an_answer_in_the_wrong_place_is_refused(made, cell, complaint):
    with pytest.raises(ValueError, match=complaint) as refusal:
        made(notebook(cell))
    assert str(refusal.value).startswith("A page, cell 1")


@pytest.mark.parametrize(
    "text",
    ["See {ref}`sol-a`.", "See {ref}`the answer <sol-a>`.", "See {eq}`eq-a`.", "See [it](#eq-a).", "See {ref}`sol-b`."],
)
def test_a_reference_to_what_students_do_not_get_is_refused(text):
    answer = new_markdown_cell(ANSWER, metadata={"tags": ["answer"]})
    with pytest.raises(ValueError, match="that the student edition leaves out"):
        editions.student(notebook(answer, new_markdown_cell(text)))
    editions.reader(notebook(answer, new_markdown_cell(text)))
    editions.student(notebook(answer, new_markdown_cell(text, metadata={"tags": ["answer"]})))


def test_an_answer_on_a_page_without_code_is_refused(tmp_path):
    (tmp_path / "book").mkdir()
    shutil.copy(ROOT / "book" / "macros.yml", tmp_path / "book")
    (tmp_path / "book" / "words.md").write_text('# Words\n\n+++ {"tags": ["answer"]}\n\nIt is.\n')
    with pytest.raises(ValueError, match=r"book/words\.md: .* needs a code cell"):
        pairs.derived(tmp_path)


def widget_output(model: str) -> nbformat.NotebookNode:
    data = {editions.WIDGET_VIEW: {"model_id": model}, "text/html": f'<div data-live-model="{model}"></div>'}
    return nbformat.v4.new_output("display_data", data=data)


@pytest.mark.parametrize(
    ("made", "kept"), [(editions.reader, {"a", "layout", "b"}), (editions.student, {"a", "layout"})]
)
def test_stored_widgets_are_those_that_are_shown(made, kept):
    shown, hidden, answer = code("figure()"), code("slider()", tags=["remove-output"]), code(SOLVED, SOLUTION)
    for cell, model in ((shown, "a"), (hidden, "c"), (answer, "b")):
        cell.outputs = [widget_output(model)]
    page = notebook(shown, hidden, answer)
    models = {"a": {"layout": "IPY_MODEL_layout"}, "layout": {}, "b": {"text": "the answer"}, "c": {}}
    state = {name: {"model_name": "AnyModel", "state": values} for name, values in models.items()}
    page.metadata["widgets"] = nbformat.from_dict({editions.WIDGET_STATE: {"version_major": 2, "state": state}})
    assert set(made(page).metadata["widgets"][editions.WIDGET_STATE]["state"]) == kept
    assert set(page.metadata["widgets"][editions.WIDGET_STATE]["state"]) == set(models), "the page given is as it was"
    shown.outputs = answer.outputs = []
    assert "widgets" not in made(notebook(shown, hidden, answer)).metadata


@pytest.mark.parametrize("age", [3600, 0, -3600], ids=["an old chapter", "a new one", "one from the future"])
def test_a_derived_notebook_is_never_newer_than_its_chapter(tree, age):
    source, target = tree / "book" / f"{CHAPTERS[0]}.md", tree / "notebooks" / f"{CHAPTERS[0]}.ipynb"
    source.write_text(source.read_text(encoding="utf-8").rstrip() + " One more sentence.\n", encoding="utf-8")
    date = source.stat().st_mtime - age
    os.utime(source, (date, date))
    os.utime(target, (date - 60, date - 60))
    pairs.write(tree)
    assert target.stat().st_mtime <= source.stat().st_mtime


def test_a_notebook_that_was_edited_keeps_its_date(tree):
    target = tree / "notebooks" / f"{CHAPTERS[0]}.ipynb"
    page = nbformat.read(target, as_version=4)
    next(cell for cell in reversed(page.cells) if not is_derived(cell)).source += " Written elsewhere."
    nbformat.write(page, target)
    later = (tree / "book" / f"{CHAPTERS[0]}.md").stat().st_mtime + 60
    os.utime(target, (later, later))
    pairs.let_open(tree)
    assert target.stat().st_mtime == later
