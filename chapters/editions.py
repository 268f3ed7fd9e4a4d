"""The two editions of a chapter, made from its notebook with or without outputs.

`reader` keeps the answers, tidied and folded; `student` keeps none. Both refuse a chapter in which an answer
stands where the student edition would not find it.
"""

from __future__ import annotations

import json
import re
from copy import deepcopy

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from nbgrader.preprocessors import ClearHiddenTests, ClearSolutions
from nbgrader.utils import is_grade, is_solution

from chapters import myst
from chapters.source import tags

STUB = "Replace this line with your own code."
CODE_STUB = f'raise NotImplementedError("{STUB}")'
TEXT_STUB = "*Write your answer here.*"
FOLDERS = {"reader": "notebooks", "student": "student"}  # of each edition's notebooks
FOLDED = "hide-input"
ANSWERS = ("solution", "solution-start")  # directives
NOT_SHOWN = {"remove-output", "remove-cell"}
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
MODEL = re.compile(r"IPY_MODEL_(\w+)")

SOLUTION_MARKER = re.compile(r"\b(BEGIN|END) SOLUTION\b")
HIDDEN_MARKER = re.compile(r"\b(BEGIN|END) HIDDEN TESTS\b")


def reader(notebook: NotebookNode) -> NotebookNode:
    """The reader's edition: each code answer folded behind its stub, no markers, no hidden tests."""
    refuse_misplaced(notebook)
    notebook = deepcopy(notebook)
    cells = []
    for cell in notebook.cells:
        if cell.cell_type == "code" and is_solution(cell):
            cells.append(_stub(cell))
        if holds_answer(cell):
            _without_marker_lines(cell)
            _fold(cell)
        cells.append(cell)
    notebook.cells = cells
    return keep_shown_widgets(_without_hidden_tests(notebook))


def student(notebook: NotebookNode) -> NotebookNode:
    """The students' edition: answers left out, solution cells reduced to their stubs, no hidden tests."""
    refuse_misplaced(notebook)
    _refuse_lost_references(notebook)
    notebook = deepcopy(notebook)
    notebook.cells = [_cleared(cell) for cell in notebook.cells if not _dropped(cell)]
    return keep_shown_widgets(_without_hidden_tests(notebook))


def keep_shown_widgets(notebook: NotebookNode) -> NotebookNode:
    """Leave out the stored state of every widget that no shown output needs; returns the notebook itself."""
    stored = notebook.metadata.get("widgets", {}).get(WIDGET_STATE)
    if stored is None:
        return notebook
    waiting = {
        output.data[WIDGET_VIEW]["model_id"]
        for cell in notebook.cells
        if cell.cell_type == "code" and not NOT_SHOWN & set(tags(cell))
        for output in cell.outputs
        if WIDGET_VIEW in output.get("data", {})
    }
    kept: dict = {}
    while waiting:
        model = waiting.pop()
        if model in stored["state"] and model not in kept:
            kept[model] = stored["state"][model]
            waiting |= set(MODEL.findall(json.dumps(kept[model]["state"])))
    if kept:
        notebook.metadata["widgets"][WIDGET_STATE]["state"] = kept
    else:
        del notebook.metadata["widgets"]
    return notebook


def holds_answers(notebook: NotebookNode) -> bool:
    """Whether the students' edition of a page differs from the reader's."""
    return any(holds_answer(cell) or HIDDEN_MARKER.search(cell.source) for cell in notebook.cells)


def refuse_without_code(notebook: NotebookNode) -> None:
    """Raise ValueError for an answer on a page without a code cell: such a page is the same in both editions."""
    if holds_answers(notebook):
        raise ValueError("a page with an answer needs a code cell, or it has no student edition.")


def holds_answer(cell: NotebookNode) -> bool:
    """Whether a cell is an answer, in whole or between its solution markers."""
    return "answer" in tags(cell) or is_solution(cell)


def refuse_misplaced(notebook: NotebookNode) -> None:
    """Raise ValueError, naming page and cell, where an answer or a hidden test would slip into `student`."""
    for index, cell in enumerate(notebook.cells):
        where = _place(notebook, index)
        if _opens_answer(cell) and not holds_answer(cell):
            raise ValueError(f"{where}: an answer stands in a cell that is not tagged `answer`.")
        if SOLUTION_MARKER.search(cell.source) and not is_solution(cell):
            raise ValueError(f"{where}: a solution marker stands in a cell that nbgrader does not know as a solution.")
        if HIDDEN_MARKER.search(cell.source) and not is_grade(cell):
            raise ValueError(f"{where}: hidden tests stand in a cell that nbgrader does not grade.")
        for marker in (SOLUTION_MARKER, HIDDEN_MARKER):
            found = marker.findall(cell.source)
            if found != ["BEGIN", "END"] * (len(found) // 2):
                raise ValueError(f"{where}: each BEGIN marker needs one END marker after it.")


def _refuse_lost_references(notebook: NotebookNode) -> None:
    """Raise ValueError if a student would read a reference to something that only an answer holds."""
    kept: set[str] = set()
    lost: set[str] = set()
    for cell in notebook.cells:
        (lost if holds_answer(cell) else kept).update(_labels(cell))
    for index, cell in enumerate(notebook.cells):
        if holds_answer(cell):
            continue
        for label in _references(cell):
            if label.startswith("sol-") or label in lost - kept:
                raise ValueError(
                    f"{_place(notebook, index)}: refers to `{label}`, which stands in an answer "
                    "that the student edition leaves out."
                )


def _dropped(cell: NotebookNode) -> bool:
    """An answer without a place in the gradebook goes; a graded one stays as the place to write it."""
    return "answer" in tags(cell) and not is_solution(cell)


def _cleared(cell: NotebookNode) -> NotebookNode:
    """A cell as a student gets it: a solution is its stub, in the open, without what its answer printed."""
    if not is_solution(cell):
        return cell
    clear = ClearSolutions(code_stub={"python": CODE_STUB}, text_stub=TEXT_STUB)
    cell, _ = clear.preprocess_cell(cell, {"language": "python"}, 0)
    _forget_outputs(cell)
    for unfolded in ("mystnb", "jupyter"):
        cell.metadata.pop(unfolded, None)
    _set_tags(cell, [tag for tag in tags(cell) if tag not in ("answer", FOLDED)])
    return cell


def _stub(cell: NotebookNode) -> NotebookNode:
    """The cleared copy that stands before a folded answer; it is shown, never graded."""
    stub = new_code_cell(_cleared(deepcopy(cell)).source, metadata={"tags": ["stub"]})
    stub["id"] = f"{cell.get('id', 'cell')}-stub"[-64:]
    return stub


def _without_marker_lines(cell: NotebookNode) -> None:
    cell.source = "\n".join(line for line in cell.source.split("\n") if not SOLUTION_MARKER.search(line))


def _fold(cell: NotebookNode) -> None:
    """Written answers are folded by their own dropdown, code by its tag."""
    if cell.cell_type == "code" and FOLDED not in tags(cell):
        _set_tags(cell, [*tags(cell), FOLDED])


def _without_hidden_tests(notebook: NotebookNode) -> NotebookNode:
    """Remove the hidden tests, what they printed, and each cell that held nothing else."""
    clear = ClearHiddenTests()
    kept = []
    for cell in notebook.cells:
        if HIDDEN_MARKER.search(cell.source):
            cell, _ = clear.preprocess_cell(cell, {}, 0)
            _forget_outputs(cell)
            if not cell.source.strip():
                continue
        kept.append(cell)
    notebook.cells = kept
    return notebook


def _forget_outputs(cell: NotebookNode) -> None:
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None


def _set_tags(cell: NotebookNode, names: list[str]) -> None:
    if names:
        cell.metadata["tags"] = names
    else:
        cell.metadata.pop("tags", None)


def _labels(cell: NotebookNode) -> set[str]:
    """The labels that a cell defines, in lower case, as Sphinx and JupyterLab compare them."""
    found = myst.labels(cell.source) if cell.cell_type == "markdown" else []
    name = cell.metadata.get("mystnb", {}).get("figure", {}).get("name")
    return {label.lower() for label in [*found, *([name] if name else [])]}


def _references(cell: NotebookNode) -> list[str]:
    """The labels that a cell's text or caption refers to, in lower case."""
    caption = cell.metadata.get("mystnb", {}).get("figure", {}).get("caption", "")
    return [label.lower() for label in myst.targets(caption if cell.cell_type == "code" else cell.source)]


def _opens_answer(cell: NotebookNode) -> bool:
    """Whether a text holds a directive in which an answer stands."""
    pieces = myst.walk(cell.source) if cell.cell_type == "markdown" else ()
    return any(
        isinstance(piece, myst.Block)
        and (
            piece.name in ANSWERS
            or (piece.name == "dropdown" and piece.title.lower().startswith(("answer", "solution")))
        )
        for piece in pieces
    )


def _place(notebook: NotebookNode, index: int) -> str:
    """Name a cell as an author finds it: the page's title, the cell's number and name or first line."""
    title = myst.title(notebook)
    cell = notebook.cells[index]
    name = cell.metadata.get("nbgrader", {}).get("grade_id") or cell.source.strip().split("\n")[0][:60]
    return f"{title or 'page without a title'}, cell {index} ({name})"
