"""What a notebook says of itself: tags, points, names, kernels, outputs, marks."""

from __future__ import annotations

from copy import deepcopy

from nbformat.v4 import new_code_cell, new_output

from grading_course import ANSWER, GOOD, SAME, TEST, answered, cell, released
from hostile import MIME, Entry, files

STUB = "stub is still in place"
RESTORED = "has been restored"


def changed(change, source: str = GOOD):
    """A submission with this answer, after a change to its notebook."""
    notebook = answered(source) if source else released()
    change(notebook)
    return files(notebook=notebook)


def test_of(notebook):
    return cell(notebook, TEST)


def skip(notebook):
    test_of(notebook).metadata["tags"] = ["skip-execution", "raises-exception", "remove-cell"]
    test_of(notebook).metadata.nbgrader["points"] = 100


def rich(notebook):
    for each in notebook.cells:
        each.metadata.nbgrader["points"] = 1e9


def unpaid(notebook):
    test_of(notebook).metadata.nbgrader["points"] = -5


def schema(notebook):
    for each in notebook.cells:
        each.metadata.nbgrader |= {"schema_version": 99, "checksum": "0" * 32}


def schema_of_no_kind(notebook):
    for each in notebook.cells:
        each.metadata["nbgrader"] = {"schema_version": [None], "grade_id": {"a": 1}, "grade": "yes"}


def swapped(notebook):
    solution, test = cell(notebook, ANSWER), test_of(notebook)
    solution.metadata.nbgrader["grade_id"], test.metadata.nbgrader["grade_id"] = TEST, ANSWER


def to_markdown(notebook):
    notebook.cells[notebook.cells.index(test_of(notebook))]["cell_type"] = "markdown"


def emptied(notebook):
    test_of(notebook).source = "1000"
    test_of(notebook)["outputs"] = [new_output("execute_result", {"text/plain": "1000"}, execution_count=1)]


def opened(notebook):
    test_of(notebook).metadata.nbgrader |= {"solution": True, "locked": False}
    test_of(notebook).source = "pass"


def own_grades(notebook):
    facts = {"grade": True, "solution": False, "locked": False, "points": 100, "grade_id": "bonus", "schema_version": 3}
    notebook.cells.append(new_code_cell("100", metadata={"nbgrader": facts | {"cell_type": "code"}}))


def kernel(notebook):
    notebook.metadata["kernelspec"] = {"name": "../../bash", "display_name": "x", "language": "bash", "argv": ["sh"]}
    notebook.metadata["language_info"] = {"name": "bash", "codemirror_mode": {"name": "<script>"}}


def replayed(notebook):
    shown = {"data": {MIME: {"large": {"shapes": [[4100, 1], [4100, 1]]}}, "text/plain": "2"}, "metadata": {}}
    test_of(notebook)["outputs"] = [{"output_type": "display_data", **shown}]


def ids(notebook):
    for each in notebook.cells:
        each["id"] = "x" * 65 + "/../ <b>"


def attachments(notebook):
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": "x" * 100_000}}
    for each in notebook.cells:
        each["attachments"] = {"a.png": {"image/png": "x" * 10_000}}


def own_checks(notebook):
    test_of(notebook).metadata["mibook"] = {"checks": [["everything", 2, 2, ""]]}
    notebook.metadata["mibook"] = {"notes": [["graded", "full marks"]], "run": {"isolation": "none"}}


def cells_gone(notebook):
    notebook.cells[:] = [new_code_cell(f"import numpy as np\n{GOOD}")]


def no_metadata(notebook):
    for each in notebook.cells:
        each.metadata = {}


def fifty_tests(notebook):
    notebook.cells += [deepcopy(test_of(notebook)) for _ in range(50)]


def second_answer(notebook):
    """A right answer for the eyes, a wrong one of the same name for the grader."""
    later = deepcopy(cell(notebook, ANSWER))
    later.source = SAME
    notebook.cells.append(later)


def test_before(notebook):
    notebook.cells.insert(0, notebook.cells.pop(notebook.cells.index(test_of(notebook))))


CORPUS = [
    Entry("k-skip", "Tags that keep the test from running, on a stub.", changed(skip, ""), 0, says=STUB),
    Entry("k-rich", "A billion points for each cell.", changed(rich, SAME), 1.5, says="same"),
    Entry("k-negative", "Points below zero.", changed(unpaid), 2),
    Entry("k-schema", "Another schema and a checksum that is none.", changed(schema), 2),
    Entry("k-no-schema", "Metadata that nbgrader can't read.", changed(schema_of_no_kind), 2),
    Entry("k-swapped", "The names of answer and test exchanged.", changed(swapped), 0, "tampered", RESTORED),
    Entry("k-markdown", "The test made a text.", changed(to_markdown, SAME), 1.5, says="same"),
    Entry(
        "k-emptied",
        "The test replaced by a number, with that number as its result.",
        changed(emptied, SAME),
        1.5,
        "tampered",
        RESTORED,
    ),
    Entry("k-opened", "The test declared an answer, and emptied.", changed(opened, SAME), 1.5, "tampered", RESTORED),
    Entry("k-bonus", "A graded cell of one's own, worth 100.", changed(own_grades, SAME), 1.5, says="same"),
    Entry("k-kernel", "Another kernel, with a command line.", changed(kernel), 2),
    Entry("k-replayed", "A stored record in the outputs of the test, on a stub.", changed(replayed, ""), 0, says=STUB),
    Entry("k-ids", "Cell ids that are no ids, all alike.", changed(ids), 2),
    Entry("k-attachments", "Attachments and the state of widgets.", changed(attachments), 2),
    Entry("k-checks", "The grader's own marks, written by hand, on a stub.", changed(own_checks, ""), 0, says=STUB),
    Entry("k-gone", "All cells deleted but the answer.", changed(cells_gone), 0, "tampered", "was missing"),
    Entry("k-bare", "No metadata at all.", changed(no_metadata), 2),
    Entry("k-fifty", "The test fifty times.", changed(fifty_tests), 2, says="occurs 51 times"),
    Entry(
        "k-second", "A second answer at the end, of the same name.", changed(second_answer), 1.5, says="occurs 2 times"
    ),
    Entry("k-before", "The test before the answer.", changed(test_before), 2, says="put back into their order"),
]
