"""From chapters to assignments: what students get runs, and holds no answer."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbgrader.utils import is_grade, is_locked, is_solution
from nbgrader.validator import Validator

import grading_course
from chapters.jupyter import environment
from chapters.source import BOOK, ROOT, read
from grading.assignments import declared
from grading.errors import CourseError
from grading.release.release import make, refuse_contradictions, secret_lines
from grading.release.sheets import sheet_of
from grading.verdict.registry import exercises
from grading_course import ALL, released, solved

SHEETS = [(assignment, name) for assignment, names in ALL.items() for name in names]


@pytest.fixture(scope="module")
def root() -> Path:
    return grading_course.template()


def test_the_book_has_two_assignments_with_a_sheet_for_each_chapter():
    assert ALL == {
        "foundations": ["formulation.ipynb", "donsker-varadhan.ipynb", "training.ipynb"],
        "mutual-information": ["resampling.ipynb", "smoothing.ipynb", "mine.ipynb", "claims.ipynb", "mi-nee.ipynb"],
    }


def test_every_graded_cell_of_the_book_is_in_one_sheet_with_its_points():
    def graded(notebooks):
        return sorted(
            (cell.metadata.nbgrader.grade_id, cell.metadata.nbgrader.points)
            for notebook in notebooks
            for cell in notebook.cells
            if is_grade(cell)
        )

    chapters = graded(read(path) for path in BOOK.glob("*.md"))
    assert graded(released(name, of) for of, name in SHEETS) == chapters
    assert len(chapters) == len(set(chapters)) > 20
    assert set(exercises(declared().exercises)) <= {name for name, _ in chapters}


@pytest.mark.parametrize(("assignment", "name"), SHEETS)
def test_release_holds_no_answer_and_no_hidden_test(root, assignment, name):
    text = (root / "release" / assignment / name).read_text(encoding="utf-8")
    shown = "\n".join(cell.source for cell in released(name, assignment).cells)
    source = nbformat.read(root / "source" / assignment / name, as_version=4)
    hidden = secret_lines(source)
    assert len(hidden) >= 3  # a sheet of one written exercise has no more
    assert [line for line in hidden if line in shown] == []
    for word in ("BEGIN", "SOLUTION", "HIDDEN", "jupytext", "SEED =", "probe+json"):
        assert word not in text
    assert [path.name for path in (root / "release" / assignment).iterdir() if path.suffix != ".ipynb"] == []


@pytest.mark.parametrize(("assignment", "name"), SHEETS)
def test_everything_in_a_sheet_is_locked_but_the_answers(assignment, name):
    notebook = released(name, assignment)
    assert {cell.metadata.nbgrader.grade_id for cell in notebook.cells} == {cell.id for cell in notebook.cells}
    for cell in notebook.cells:
        assert is_locked(cell) or is_solution(cell)
        assert set(cell.metadata) <= {"nbgrader", "deletable", "editable"}


@pytest.mark.parametrize(("assignment", "name"), SHEETS)
def test_text_is_plain_markdown_without_directives_roles_and_macros(assignment, name):
    for cell in released(name, assignment).cells:
        if cell.cell_type == "markdown":
            for mark in ("{eq}", "{prf:", "{ref}", "{numref}", "{cite", "```{", ":::", "$$ (", r"\R{", r"\KL"):
                assert mark not in cell.source, (cell.id, mark)


def test_no_demonstration_is_in_a_sheet():
    for assignment, name in SHEETS:
        code = "\n".join(cell.source for cell in released(name, assignment).cells if cell.cell_type == "code")
        for word in ("plt.show", "tqdm(", "interact", "running_example", "use_style", "%load_ext"):
            assert word not in code


@pytest.mark.costly
@pytest.mark.parametrize(("assignment", "name"), SHEETS)
def test_validate_passes_on_the_solution(assignment, name, tmp_path):
    path = tmp_path / name
    nbformat.write(solved(name, assignment), path)
    assert Validator().validate(str(path)) == {}


@pytest.mark.costly
@pytest.mark.parametrize(("assignment", "name"), SHEETS)
def test_validate_invert_passes_on_the_stub(assignment, name, tmp_path):
    path = tmp_path / name
    nbformat.write(released(name, assignment), path)
    assert Validator(invert=True).validate(str(path)) == {}


@pytest.mark.costly
def test_deriving_again_changes_nothing(tmp_path):
    course = grading_course.course(tmp_path)
    files = [*(course.root / "source").rglob("*.ipynb"), *(course.root / "release").rglob("*.ipynb")]
    files += (course.root / "handout").glob("*.zip")
    before = {path: path.read_bytes() for path in files}
    make(course)
    assert {path.name for path in files if path.read_bytes() != before[path]} == set()


@pytest.fixture(scope="module")
def handout(root, tmp_path_factory) -> Path:
    """The second assignment as a student unpacks it outside the clone, with an environment of its own.

    Installing torch anew would take minutes: the environment sees the packages of this one, but not its links to the
    clone, and nothing of the user's.
    """
    folder = tmp_path_factory.mktemp("student")
    with zipfile.ZipFile(root / "handout" / "mutual-information.zip") as archive:
        archive.extractall(folder)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    (site,) = folder.glob("venv/lib/python*/site-packages")
    # The files in there that name other folders, the clone's among them, are not read from here.
    (site / "others.pth").write_text(str(Path(nbformat.__file__).parent.parent))
    return folder


def in_handout(handout: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run the student's Python in the unpacked folder, without any variable of this process."""
    command = [str(handout / "venv" / "bin" / "python"), *arguments]
    where = {"cwd": handout / "mutual-information", "env": {"PATH": "/usr/bin:/bin", "HOME": str(handout)}}
    return subprocess.run(command, capture_output=True, text=True, **where)


def test_handout_holds_what_a_student_needs_and_no_more(root, handout):
    files = {path.name for path in (handout / "mutual-information").iterdir()}
    assert files == {*ALL["mutual-information"], "README.md", "requirements.txt"}
    lines = (handout / "mutual-information" / "requirements.txt").read_text().splitlines()
    locked = (ROOT / "requirements.txt").read_text().splitlines()
    assert set(lines) <= set(locked)
    assert {"torch", "numpy", "jupyterlab", "nbgrader"} <= {line.split("==")[0] for line in lines}


@pytest.mark.parametrize("test_id", exercises(declared().exercises))
def test_no_exercise_can_be_solved_by_calling_what_students_receive(root, test_id):
    """The book's package estimates by itself, and draws samples: no zip with an exercise holds it or asks for it."""
    (of, name) = next((of, name) for of, name in SHEETS if test_id in {cell.id for cell in released(name, of).cells})
    with zipfile.ZipFile(root / "handout" / f"{of}.zip") as archive:
        assert not [entry for entry in archive.namelist() if Path(entry).suffix not in (".ipynb", ".md", ".txt")]
        assert "mibook" not in archive.read(f"{of}/requirements.txt").decode()
    code = [cell.source for cell in released(name, of).cells if cell.cell_type == "code"]
    assert not [source for source in code if "mibook" in source]


HIDDEN = {f"@jupyter/nbgrader:{name}" for name in ("assignment-list", "course-list", "create-assignment", "menu")}
ASK = "from jupyterlab_server.config import get_page_config; print(get_page_config([], '')['disabledExtensions'])"


def test_a_students_jupyterlab_validates_sheets_and_makes_none(handout):
    """By the line of the README that says so."""
    text = (handout / "mutual-information" / "README.md").read_text(encoding="utf-8")
    (line,) = (line for line in text.splitlines() if "labextension" in line)
    assert in_handout(handout, *line.split("(")[0].split()[1:]).returncode == 0
    run = in_handout(handout, "-c", ASK)
    assert set(ast.literal_eval(run.stdout)) == HIDDEN, run.stderr


def test_the_lab_of_the_book_hides_the_same():
    run = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, env=environment())
    assert set(ast.literal_eval(run.stdout)) == HIDDEN, run.stderr


@pytest.mark.costly
def test_handout_runs_outside_the_clone(handout):
    """Nothing of the project is there, and the visible tests see the model answers pass and the stubs fail."""
    for name in ("mibook", "grading", "sitebuild"):
        assert f"No module named '{name}'" in in_handout(handout, "-c", f"import {name}").stderr
    where = handout / "mutual-information"
    invert = in_handout(handout, "-m", "nbgrader", "validate", "--invert", "mine.ipynb")
    assert "Success" in invert.stdout, invert.stdout + invert.stderr
    nbformat.write(solved("mine.ipynb", "mutual-information"), where / "solved.ipynb")
    done = in_handout(handout, "-m", "nbgrader", "validate", "solved.ipynb")
    assert "Success" in done.stdout, done.stdout + done.stderr


def test_zip_entries_have_a_fixed_date_and_stay_in_one_folder(root):
    with zipfile.ZipFile(io.BytesIO((root / "handout" / "foundations.zip").read_bytes())) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(2020, 1, 1, 0, 0, 0)}
        assert all(name.startswith("foundations/") for name in archive.namelist())


CHAPTER = """\
---
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# Words

```{exercise} One
:label: ex-one
Write one.
```

```{code-cell} ipython3
---
nbgrader: {grade: true, grade_id: one, locked: false, points: 1, schema_version: 3, solution: true, task: false}
---
one = 1
```
"""
TEST = """
```{code-cell} ipython3
---
nbgrader: {grade: true, grade_id: test-one, locked: true, points: 2, schema_version: 3, solution: false, task: false}
---
assert one == 1
```
"""
JUDGE = 'GRADE_ID, TEST_ID, POINTS, PROBE, judge = "one", "test-one", {"value": 3}, "", None\n'
DECLARED = """\
chapters: {folder}
exercises: {package}
assignments:
  first: {{title: First, sheets: {{{sheets}}}}}
"""


@pytest.fixture
def derive(tmp_path, monkeypatch):
    """Derives the sheets of a small book: chapters and judges by file name, and what is declared."""
    package = f"judges_{tmp_path.name}"
    monkeypatch.syspath_prepend(tmp_path)

    def book(chapters: dict[str, str], sheets: str, judges: dict[str, str], package: str = package) -> None:
        (tmp_path / package).mkdir()
        for name, text in ({"__init__": ""} | judges).items():
            (tmp_path / package / f"{name}.py").write_text(text)
        for name, text in chapters.items():
            (tmp_path / f"{name}.md").write_text(text)
        path = tmp_path / "a.yml"
        path.write_text(DECLARED.format(folder=tmp_path, package=package, sheets=sheets))
        declaration = declared(path)
        refuse_contradictions(declaration)
        for sheet in declaration.sheets:
            sheet_of(sheet, declaration, {})

    return book


ONE = "words: {exercises: [one]}"
WORDS = {"words": CHAPTER}
TESTED = {"words": CHAPTER.replace("grade: true", "grade: false").replace("points: 1, ", "") + TEST}


@pytest.mark.parametrize(
    ("chapters", "sheets", "judges", "says"),
    [
        (WORDS, "words: {exercises: [one, two]}", {}, "asks for two, which .*words.md does not have"),
        (WORDS, "words: {exercises: []}", {}, "words.md has the graded one, but .*a.yml does not ask for it"),
        (WORDS, "", {}, "words.md has the graded one, but .*a.yml has no sheet for it"),
        ({"other": ""}, ONE, {}, "names the sheet 'words', but there is no .*words.md"),
        (
            WORDS | {"more": CHAPTER},
            f"{ONE}, more: {{exercises: [one]}}",
            {},
            "more.md and .*words.md both have a cell 'one': rename one",
        ),
        (WORDS, f"{ONE}}}}}\n  second: {{title: Second, sheets: {{{ONE}", {}, "a.yml names the sheet 'words' twice"),
        (WORDS, ONE, {"one": JUDGE}, "one.py judges 'test-one', which no chapter has"),
        (WORDS, ONE, {"one": 'TEST_ID = "test-one"\n'}, "one.py judges nothing: it lacks GRADE_ID, POINTS"),
        (TESTED, ONE, {}, "No exercise judges the test cell 'test-one', .*add a module to judges_"),
        (TESTED, ONE, {"one": JUDGE}, "test-one has 2 points in the chapter, but .*one.py .* of 3"),
        (TESTED, ONE, {"one": JUDGE, "two": JUDGE}, "one.py and .*two.py both judge"),
    ],
)
def test_declaration_chapters_and_judges_that_contradict_each_other_name_the_file(
    derive, chapters, sheets, judges, says
):
    with pytest.raises(CourseError, match=says):
        derive(chapters, sheets, judges)


def test_declaration_chapters_and_judges_that_fit_are_derived(derive):
    derive(TESTED, ONE, {"one": JUDGE.replace("3", "2")})


def test_a_package_of_exercises_that_is_not_there_is_named():
    with pytest.raises(CourseError, match="no package of exercises 'judges_of_nothing'"):
        exercises("judges_of_nothing")


def test_a_declaration_that_can_not_be_read_names_the_file(tmp_path):
    (tmp_path / "a.yml").write_text("chapters: book\n")
    with pytest.raises(CourseError, match=r"a\.yml declares no assignments that can be read"):
        declared(tmp_path / "a.yml")


def test_set_up_cells_are_code_that_parses():
    for assignment, name in SHEETS:
        for cell in released(name, assignment).cells:
            if cell.cell_type == "code":
                ast.parse(cell.source)
