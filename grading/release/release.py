"""From chapters to what students get: nbgrader's source, its release, and one zip an assignment.

source/ASSIGNMENT/CHAPTER.ipynb    with answers and hidden tests: for the grader
release/ASSIGNMENT/CHAPTER.ipynb   made by nbgrader: without them
handout/ASSIGNMENT.zip             the released notebooks, the book's package, its requirements
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory

from chapters.source import ROOT
from grading.course import Course
from grading.errors import CourseError
from grading.files import write
from grading.release import sheets
from grading.stock import Listener

# What the sheets need besides the package's own dependencies: to open them, and to check oneself.
TOOLS = ("jupyterlab", "ipykernel", "nbgrader")
LONG_AGO = (2020, 1, 1, 0, 0, 0)  # so that the same content makes the same zip
README = """\
# {title}

The exercises of one part of the book, a notebook for each chapter.

1. Install Python 3.11 or newer, then in this folder:

       python -m venv venv
       venv/bin/python -m pip install -r requirements.txt      (Windows: venv\\Scripts\\python)
       venv/bin/python -m jupyterlab

2. Open a notebook, and follow what it says at the top.
3. To check yourself before you submit: `venv/bin/python -m nbgrader validate NAME.ipynb`, or the button *Validate* in
   JupyterLab. It runs the visible tests. The grade also depends on tests that you do not see.
4. Submit the notebooks under their own names. Points: {points}.
"""


def make(course: Course) -> dict[str, Path]:
    """Derive every assignment of the book into the course; return each one's zip."""
    course.prepare()
    made = {}
    package = wheel()
    for assignment, chapters in sheets.assignments().items():
        folder = course.root / "source" / assignment
        notebooks = {f"{path.stem}.ipynb": sheets.sheet(path) for path in chapters}
        for name, notebook in notebooks.items():
            write(folder / name, (nbformat.writes(notebook) + "\n").encode())
        for stale in folder.iterdir():
            if stale.name not in notebooks:
                stale.unlink()
        released = _release(course, assignment)
        _refuse_leaks(released, notebooks, chapters)
        made[assignment] = course.root / "handout" / f"{assignment}.zip"
        write(made[assignment], _zip(assignment, released, package))
    return made


def _release(course: Course, assignment: str) -> dict[str, NotebookNode]:
    """Let nbgrader make the release and enter it into the gradebook."""
    config = course.config
    config.CourseDirectory.assignment_id = assignment
    converter = GenerateAssignment(coursedir=CourseDirectory(config=config), config=config, force=True)
    said = Listener()
    converter.log = said.logger
    try:
        converter.start()
    except NbGraderException:
        raise CourseError(f"nbgrader could not release {assignment}: {said.worst}") from None
    folder = course.root / "release" / assignment
    return {path.name: nbformat.read(path, as_version=4) for path in sorted(folder.glob("*.ipynb"))}


def _refuse_leaks(released: dict[str, NotebookNode], sources: dict[str, NotebookNode], chapters: list[Path]) -> None:
    """Raise CourseError if a released notebook holds a line that only an answer or a hidden test has."""
    if set(released) != set(sources):
        raise CourseError("nbgrader released other notebooks than were derived: empty the course's release folder.")
    for name, notebook in released.items():
        text = nbformat.writes(notebook)
        if re.search(r"(BEGIN|END) (SOLUTION|HIDDEN TESTS|MARK SCHEME)|jupytext", text):
            raise CourseError(
                f"The released {name} holds a marker or pairing metadata: this is a fault of the chapter."
            )
        given = "\n".join(cell.source for cell in notebook.cells)
        for line in secret_lines(sources[name]):
            if line in given:
                raise CourseError(f"The released {name} shows a line of an answer: {line!r}.")


def secret_lines(source: NotebookNode) -> list[str]:
    """The lines of answers and hidden tests that nothing else in a sheet has, if they are long enough to tell."""
    inside, outside = [], []
    for cell in source.cells:
        known = cell.metadata.nbgrader
        if cell.cell_type == "markdown":
            (inside if known.get("solution") else outside).extend(cell.source.split("\n"))
            continue
        kept = outside
        for line in cell.source.split("\n"):
            if re.search(r"### BEGIN (SOLUTION|HIDDEN TESTS)", line):
                kept = inside
            elif re.search(r"### END (SOLUTION|HIDDEN TESTS)", line):
                kept = outside
            else:
                kept.append(line)
    # A hint may show a part of an answer on purpose; a whole line with more than a name in it is none.
    rest = "\n".join(outside)
    return [line.strip() for line in inside if len(line.strip()) > 12 and line.strip() not in rest]


def wheel() -> tuple[str, bytes]:
    """The book's package as a wheel: its name and content."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT / "mibook", tree / "mibook", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md", "LICENSE-CODE"):
            shutil.copy(ROOT / name, tree)
        build = "import setuptools.build_meta as b; print(b.build_wheel('..'))"
        run = subprocess.run(
            [sys.executable, "-c", build],
            cwd=tree,
            capture_output=True,
            text=True,
            env={"PATH": "", "SOURCE_DATE_EPOCH": "1577836800"},
        )
        if run.returncode:
            raise CourseError(f"The package cannot be built: {run.stderr.strip().splitlines()[-1]}")
        path = next(Path(folder).glob("*.whl"))
        return path.name, path.read_bytes()


def requirements(package: str) -> str:
    """The lock's lines for what students need directly, and the wheel beside the file."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {re.split(r"[<>=~ ;\[]", line)[0].lower() for line in project["dependencies"]} | set(TOOLS)
    locked = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    lines = [line for line in locked if re.split(r"[=\s;]", line)[0].lower() in wanted]
    missing = wanted - {re.split(r"[=\s;]", line)[0].lower() for line in lines}
    if missing:
        raise CourseError(f"requirements.txt does not name {', '.join(sorted(missing))}: run `make lock`.")
    return "\n".join([*lines, f"./{package}"]) + "\n"


def _zip(assignment: str, released: dict[str, NotebookNode], package: tuple[str, bytes]) -> bytes:
    """The released notebooks with all that running them takes, the same bytes for the same content."""
    points = {name: sum(c.metadata.nbgrader.get("points", 0) for c in nb.cells) for name, nb in released.items()}
    said = ", ".join(f"{Path(name).stem} {value:g}" for name, value in points.items())
    files = {name: (nbformat.writes(notebook) + "\n").encode() for name, notebook in released.items()}
    title = assignment.replace("-", " ").capitalize()
    files |= {
        "README.md": README.format(title=title, points=said).encode(),
        "requirements.txt": requirements(package[0]).encode(),
        package[0]: package[1],
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{assignment}/{name}", LONG_AGO)
            entry.external_attr, entry.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return content.getvalue()
