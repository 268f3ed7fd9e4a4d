"""A submission becomes sheets: honest slips cost nothing, a changed test is put back, what can't be read is said."""

from __future__ import annotations

import json
from copy import deepcopy

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from grading.intake import notebooks, rebuild
from grading.intake.match import named
from grading.intake.normalise import Normalised, normalise
from grading.intake.notebooks import Cell
from grading.intake.receive import Submission
from grading.record import Note, NoteKind
from grading_course import ALL, ANSWER, NOTEBOOK, TEST, cell, released, solved

RELEASE = {NOTEBOOK: nbformat.writes(released()).encode()}
MINE = "def reference_sample(n_ref, rng):\n    return rng.standard_normal((n_ref, 1)), rng.standard_normal((n_ref, 1))"


def mine():
    notebook = released()
    cell(notebook, ANSWER).source = MINE
    return notebook


def content(notebook) -> bytes:
    return json.dumps(notebook).encode()


def handed_in(files: dict[str, bytes], release: dict[str, bytes] = RELEASE) -> Normalised:
    """What is graded when these files are handed in."""
    return normalise(Submission(files), release)


def result(submission: bytes, name: str = NOTEBOOK):
    """The normalised notebook and the notes on it."""
    found = handed_in({name: submission})
    assert NoteKind.UNREADABLE not in {note.kind for note in found.notes}, found.notes
    return nbformat.reads(found.files[NOTEBOOK].decode(), as_version=4), found.notes


def sources(notebook) -> list[str]:
    return [c.source for c in notebook.cells]


EXPECTED = sources(mine())


def as_format_3(notebook) -> bytes:
    return nbformat.writes(nbformat.convert(deepcopy(notebook), 3), version=3).encode()


def without_metadata(notebook):
    for c in notebook.cells:
        c.metadata = {}
    return notebook


def reordered(notebook):
    notebook.cells.reverse()
    return notebook


def copied(notebook):
    place = notebook.cells.index(cell(notebook, ANSWER))
    notebook.cells.insert(place, deepcopy(cell(released(), ANSWER)))
    notebook.cells.append(deepcopy(cell(released(), ANSWER)))
    notebook.cells.append(deepcopy(cell(released(), TEST)))
    return notebook


def other_schema(notebook):
    for c in notebook.cells:
        c.metadata.nbgrader.schema_version = 99
    return notebook


HONEST = {
    "as it is": lambda n: content(n),
    "a byte order mark": lambda n: b"\xef\xbb\xbf" + content(n),
    "UTF-16": lambda n: json.dumps(n, ensure_ascii=False).encode("utf-16"),
    "UTF-16 without a mark": lambda n: json.dumps(n, ensure_ascii=False).encode("utf-16-le"),
    "line ends of Windows": lambda n: nbformat.writes(n).replace("\n", "\r\n").encode(),
    "line ends in the sources": lambda n: content(json.loads(json.dumps(n).replace("\\n", "\\r\\n"))),
    "format 3": as_format_3,
    "no cell metadata": lambda n: content(without_metadata(n)),
    "another order": lambda n: content(reordered(n)),
    "copied cells": lambda n: content(copied(n)),
    "another schema": lambda n: content(other_schema(n)),
    "sources as lists": lambda n: nbformat.writes(n).encode(),
}


@pytest.mark.parametrize("slip", HONEST)
def test_honest_slips_leave_the_same_notebook(slip):
    notebook, notes = result(HONEST[slip](mine()))
    assert sources(notebook) == EXPECTED
    assert {note.kind for note in notes} <= {NoteKind.SLIP}


@pytest.mark.parametrize(
    "name",
    ["formulation (1).ipynb", "Formulation-Copy1.ipynb", "doe_jane_42_my homework.ipynb", "deep/er/formulation.ipynb"],
)
def test_a_renamed_file_is_found_by_its_cells(name):
    notebook, notes = result(content(mine()), name)
    assert sources(notebook) == EXPECTED
    assert any(name in note.text for note in notes)


def test_of_two_versions_the_one_with_answers_counts():
    files = {NOTEBOOK: content(released()), "formulation (1).ipynb": content(mine())}
    found = handed_in(files)
    assert sources(nbformat.reads(found.files[NOTEBOOK].decode(), as_version=4)) == EXPECTED
    assert any("another version" in note.text for note in found.notes)


def test_the_released_name_counts_beside_a_copy_with_more_in_it_unless_it_is_untouched():
    draft = mine()
    cell(draft, ANSWER).source += "\n1 / 0  # tried, and given up"
    draft.cells.append(nbformat.v4.new_code_cell("more"))
    found = handed_in({NOTEBOOK: content(mine()), "formulation-Copy1.ipynb": content(draft)})
    assert sources(nbformat.reads(found.files[NOTEBOOK].decode(), as_version=4)) == EXPECTED
    assert any(f"left out: {NOTEBOOK} counts" in note.text for note in found.notes)


def nameless(notebook, kept=()):
    """As editors and converters leave it: of the cells nothing but their kinds and sources."""
    cells = [
        dict(c)
        if c.metadata.nbgrader.grade_id in kept
        else {"cell_type": c.cell_type, "source": c.source, "metadata": {}}
        for c in notebook.cells
    ]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}


@pytest.mark.parametrize(("of", "name"), [(of, name) for of, names in ALL.items() for name in names])
@pytest.mark.parametrize("case", ["all", "half", "blanks", "own cells", "split answers", "renamed"])
def test_a_notebook_that_lost_all_names_is_graded_as_if_it_had_them(of, name, case):
    notebook, release = solved(name, of), {name: nbformat.writes(released(name, of)).encode()}
    expected = sources(nbformat.reads(handed_in({name: content(notebook)}, release).files[name].decode(), as_version=4))
    kept = [c.metadata.nbgrader.grade_id for c in notebook.cells][::2] if case == "half" else ()
    left = nameless(notebook, kept)
    if case == "blanks":
        for each, given in zip(left["cells"], notebook.cells, strict=True):
            if not given.metadata.nbgrader.solution:
                each["source"] = "\n\n" + each["source"].replace("\n", "  \n\n") + "\n"
    if case == "own cells":
        left["cells"] = [c for each in left["cells"] for c in (each, {"cell_type": "code", "source": "own = 1"})]
    if case == "split answers":
        solutions = [n for n, c in enumerate(notebook.cells) if c.metadata.nbgrader.solution and c.cell_type == "code"]
        for place in solutions[::-1]:
            left["cells"].insert(place, {"cell_type": "code", "source": "import math"})
    found = handed_in({"my work.ipynb" if case == "renamed" else name: content(left)}, release)
    got = [
        s
        for s in sources(nbformat.reads(found.files[name].decode(), as_version=4))
        if s not in ("own = 1", "import math")
    ]
    assert got == expected
    notes = [note for note in found.notes if "was taken for" not in note.text]
    assert [(note.kind, note.text) for note in notes] == [(NoteKind.SLIP, f"{name}: {rebuild.LOST}")]


def test_a_notebook_without_names_and_a_test_is_tampered_as_with_names():
    left = nameless(mine())
    left["cells"] = [c for c in left["cells"] if c["source"] != cell(released(), TEST).source]
    notebook, notes = result(content(left))
    assert sources(notebook) == EXPECTED
    assert [note.text for note in notes if note.kind == NoteKind.TAMPERED] == [
        f"{NOTEBOOK}: The test {TEST} was missing and has been restored."
    ]


def test_a_notebook_that_shares_a_cell_with_a_sheet_is_not_that_sheet():
    essay = {"cells": [{"cell_type": "markdown", "source": released().cells[0].source}], "nbformat": 4}
    found = handed_in({"essay.ipynb": content(essay), NOTEBOOK: content(mine())})
    assert any(note.text.startswith("essay.ipynb belongs to no notebook") for note in found.notes)


def test_a_notebook_that_a_browser_saved_as_json_is_one():
    found = handed_in({f"{NOTEBOOK}.json": content(mine())})
    assert sources(nbformat.reads(found.files[NOTEBOOK].decode(), as_version=4)) == EXPECTED


def test_of_several_copies_the_last_changed_one_is_the_answer_and_the_others_run_before_it():
    notebook = mine()
    place = notebook.cells.index(cell(notebook, ANSWER))
    first = deepcopy(cell(notebook, ANSWER))
    first.source = "import scipy  # the first half of a cell that was split"
    notebook.cells.insert(place, first)
    rebuilt, notes = result(content(notebook))
    assert cell(rebuilt, ANSWER).source == MINE
    assert sources(rebuilt).index(first.source) < sources(rebuilt).index(MINE)
    assert any("occurs 2 times" in note.text for note in notes)


def test_own_cells_stay_where_they_were_without_what_makes_them_graded():
    notebook = mine()
    place = notebook.cells.index(cell(notebook, ANSWER))
    own = new_code_cell("helper = 1", metadata={"nbgrader": {"grade_id": "forged", "grade": True, "points": 100}})
    notebook.cells.insert(place, own)
    notebook.cells.insert(0, new_markdown_cell("my notes"))
    rebuilt, _ = result(content(notebook))
    found = sources(rebuilt)
    assert found[0] == "my notes"
    assert found[found.index("helper = 1") + 1] == MINE
    assert all("nbgrader" not in c.metadata for c in rebuilt.cells if c.source in ("helper = 1", "my notes"))


def test_an_answer_in_a_new_cell_in_the_place_of_the_old_one_is_the_answer():
    notebook = mine()
    place = notebook.cells.index(cell(notebook, ANSWER))
    notebook.cells[place] = new_code_cell(MINE)
    assert sources(result(content(notebook))[0]) == EXPECTED


@pytest.mark.parametrize("how", ["changed", "missing"])
def test_a_changed_or_missing_test_is_put_back_and_recorded_as_tampering(how):
    notebook = mine()
    if how == "changed":
        cell(notebook, TEST).source = "pass"
    else:
        notebook.cells.remove(cell(notebook, TEST))
    rebuilt, notes = result(content(notebook))
    assert sources(rebuilt) == EXPECTED
    assert [note for note in notes if note.kind == NoteKind.TAMPERED] == [
        Note(NoteKind.TAMPERED, f"{NOTEBOOK}: The test {TEST} was {how} and has been restored.", NOTEBOOK)
    ]


def test_tags_points_kernel_and_outputs_come_from_the_release():
    notebook = mine()
    notebook.metadata["kernelspec"] = {"name": "evil", "display_name": "evil", "language": "evil"}
    test = cell(notebook, TEST)
    test.metadata["tags"] = ["skip-execution"]
    test.metadata.nbgrader["points"] = 1000
    test["outputs"] = [nbformat.v4.new_output("stream", text="10/10")]
    rebuilt, _ = result(content(notebook))
    assert rebuilt.metadata == released().metadata
    assert cell(rebuilt, TEST) == cell(released(), TEST)


UNREADABLE = {
    b"": "not a notebook",
    b"PK\x03\x04 a zip": "not a notebook",
    b"\xff\xfe\xfd": "not text in UTF-8 or UTF-16",
    b"[1, 2]": "not a notebook",
    b"{}": "no notebook cells",
    b'{"cells": "none"}': "no notebook cells",
    b"[" * 100_000: "nested too deeply",
    b'{"cells": [' + b"1" * 5000 + b"]}": "not a notebook",
    b'{"cells": [' + b"{}," * 6000 + b"{}]}": "has 6001 cells",
    b'{"cells": [{"source": "' + b"x" * (notebooks.LONGEST_CELL + 1) + b'"}]}': "more than 1,048,576 characters",
}


@pytest.mark.parametrize("submission", UNREADABLE, ids=lambda s: s[:12].decode(errors="replace"))
def test_what_is_no_notebook_is_graded_as_released_with_the_reason(submission):
    found = handed_in({NOTEBOOK: submission})
    assert found.files == RELEASE
    (note,) = found.notes
    assert (note.kind, note.about) == (NoteKind.UNREADABLE, NOTEBOOK)
    assert UNREADABLE[submission] in note.text


STRANGE = {
    "cells of no kind": [1, None, "text", [], {}],
    "sources of no kind": [{"cell_type": "code", "source": {"a": 1}}, {"cell_type": "code", "source": [1, "x"]}],
    "metadata of no kind": [{"cell_type": "code", "source": "x", "metadata": [1]}],
    "names of no kind": [
        {"cell_type": "code", "source": "x", "metadata": {"nbgrader": {"grade_id": [ANSWER]}}, "id": 3}
    ],
    "half a character": [{"cell_type": "code", "source": "\ud800"}],
}


@pytest.mark.parametrize("cells", STRANGE)
def test_strange_cells_are_survived(cells):
    rebuilt, _ = result(json.dumps({"cells": STRANGE[cells]}).encode())
    nbformat.validate(rebuilt)
    assert {c.metadata.nbgrader.grade_id for c in rebuilt.cells if "nbgrader" in c.metadata} == {
        c.metadata.nbgrader.grade_id for c in released().cells
    }


def test_more_cells_than_anyone_writes_are_cut_with_a_note():
    notebook = mine()
    notebook.cells += [new_code_cell(f"x = {i}") for i in range(600)]
    rebuilt, notes = result(content(notebook))
    assert len(rebuilt.cells) == len(released().cells) + rebuild.MOST_OWN_CELLS
    assert any("600" in note.text for note in notes)


def test_a_missing_notebook_stays_missing_and_a_strange_one_is_left_out():
    found = handed_in({"other.ipynb": b'{"cells": []}'})
    assert found.files == {}
    assert [note.text for note in found.notes] == [
        "other.ipynb belongs to no notebook of this assignment and was left out.",
        f"{NOTEBOOK} was not handed in.",
    ]


BROKEN = b"no notebook"
OF_TWO = {name: nbformat.writes(released(name, "mutual-information")).encode() for name in ALL["mutual-information"]}


def said_of(found: Normalised, about: str) -> list[tuple[NoteKind, str]]:
    return [(note.kind, note.text) for note in found.notes if note.about == about]


@pytest.mark.parametrize(
    ("path", "sheet"),
    [
        ("mine.ipynb", "mine.ipynb"),
        ("homework/Mine.ipynb", "mine.ipynb"),
        ("mine (2).ipynb", "mine.ipynb"),
        ("mine-Copy1.ipynb", "mine.ipynb"),
        ("MINE_copy.ipynb", "mine.ipynb"),
        ("mi-nee.ipynb", "mi-nee.ipynb"),
        ("determined.ipynb", None),
        ("mine.ipynb/determined.ipynb", None),
        ("undermine.ipynb", None),
        ("mines.ipynb", None),
        ("not mine.ipynb", None),
        (".ipynb", None),
        ("", None),
    ],
)
def test_a_file_has_a_sheets_name_as_a_whole_or_not_at_all(path, sheet):
    assert named(path, OF_TWO) == sheet


def test_an_unreadable_file_is_no_sheet_whose_name_its_own_only_contains():
    found = handed_in({"determined.ipynb": BROKEN}, OF_TWO)
    assert found.files == OF_TWO
    ((kind, text),) = said_of(found, "determined.ipynb")
    assert kind == NoteKind.UNREADABLE
    assert "not a notebook" in text
    assert "Which sheet it was can't be told" in text
    for sheet in OF_TWO:
        assert said_of(found, sheet) == [
            (NoteKind.SLIP, f"{sheet} may be among what can't be read, and is graded as released.")
        ]


def test_a_sentence_about_a_file_never_says_which_sheet_it_was():
    """The reason may hold a sheet's name; the path of another sheet's copy may, too."""
    reason = Note(NoteKind.UNREADABLE, "mine.ipynb, smoothing.ipynb and resampling.ipynb can't be opened.", "x.ipynb")
    found = normalise(Submission({}, [reason]), OF_TWO)
    assert found.files == OF_TWO
    assert {note.about for note in found.notes} == {"x.ipynb", *OF_TWO}


def test_an_unreadable_file_with_a_sheets_name_is_that_sheet_and_no_other():
    found = handed_in({"mine (1).ipynb": BROKEN}, OF_TWO)
    assert set(found.files) == {"mine.ipynb"}
    ((kind, text),) = said_of(found, "mine (1).ipynb")
    assert kind == NoteKind.UNREADABLE
    assert "Which sheet" not in text
    assert said_of(found, "mine.ipynb") == []
    assert said_of(found, "mi-nee.ipynb") == [(NoteKind.SLIP, "mi-nee.ipynb was not handed in.")]


def test_a_sheet_that_could_be_read_is_no_unreadable_file_under_another_of_its_names():
    release = RELEASE | {"training.ipynb": nbformat.writes(released("training.ipynb")).encode()}
    found = handed_in({NOTEBOOK: BROKEN, "formulation (1).ipynb": content(mine())}, release)
    assert sources(nbformat.reads(found.files[NOTEBOOK].decode(), as_version=4)) == EXPECTED
    assert "training.ipynb" not in found.files
    assert said_of(found, "training.ipynb") == [(NoteKind.SLIP, "training.ipynb was not handed in.")]


def test_a_cell_keeps_its_solution_when_only_its_type_was_changed():
    notebook = mine()
    changed = cell(notebook, ANSWER)
    changed.cell_type = "markdown"
    rebuilt, notes = result(content(notebook))
    assert sources(rebuilt) == EXPECTED
    assert any("another type" in note.text for note in notes)


def test_written_answers_are_taken_as_they_are():
    notebook = solved()
    rebuilt, notes = result(content(notebook))
    assert sources(rebuilt) == sources(notebook)
    assert notes == []


def test_reading_takes_source_kind_and_name_alone():
    (found,) = notebooks.read(content({"cells": [{"cell_type": "code", "source": ["a\n", "b"], "outputs": [1]}]}))
    assert found == Cell("code", "a\nb")
