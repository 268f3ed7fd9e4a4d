"""What students get of an assignment: one zip that holds its sheets and all that running them takes."""

from __future__ import annotations

import io
import tomllib
import zipfile
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from packaging.requirements import Requirement

from chapters.source import ROOT
from grading.assignments import Assignment
from grading.errors import CourseError

# What the sheets need besides what the book's code depends on: to open them, and to check oneself.
TOOLS = ("jupyterlab", "ipykernel", "nbgrader")
# What of nbgrader's is of no use to students, and how to hide it in their own environment.
TEACHERS = ("menu", "create-assignment", "assignment-list", "course-list")
HIDDEN = " ".join(f"@jupyter/nbgrader:{name}" for name in TEACHERS)
HIDE = f"venv/bin/python -m jupyterlab.labextensions disable --level=sys_prefix {HIDDEN}"
LONG_AGO = (2020, 1, 1, 0, 0, 0)  # so that the same content makes the same zip
README = """\
# {title}

The exercises of one part of the book, a notebook for each chapter.

1. Install Python 3.11 or newer, then in this folder:

       python -m venv venv
       venv/bin/python -m pip install -r requirements.txt      (Windows: venv\\Scripts\\python)
       {hide}
       venv/bin/python -m jupyterlab

   The line before the last hides what nbgrader has for teachers.
   PyTorch has no build for Macs with an Intel processor, and none for Windows on ARM: the book's guide for students
   says what to use there.

2. Open a notebook, and follow what it says at the top.
3. To check yourself before you submit: `venv/bin/python -m nbgrader validate NAME.ipynb`, or the button *Validate* in
   JupyterLab. It runs the visible tests. The grade also depends on tests that you do not see.
4. Submit the notebooks under their own names. Points: {points}.
"""


def requirements() -> str:
    """The lock's lines for what the sheets run on; the book's package is not among it, for it estimates by itself."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {*TOOLS, *(Requirement(line).name.lower() for line in project["dependencies"])}
    locked: dict[str, list[str]] = {}  # a package has a line for each range of Pythons
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            locked.setdefault(Requirement(line).name.lower(), []).append(line)
    if missing := wanted - locked.keys():
        raise CourseError(f"requirements.txt does not name {', '.join(sorted(missing))}: run `make lock`.")
    return "".join(f"{line}\n" for name, lines in locked.items() if name in wanted for line in lines)


def handout(assignment: Assignment, released: dict[str, NotebookNode]) -> bytes:
    """The released notebooks with all that running them takes, the same bytes for the same content."""
    points = {name: sum(c.metadata.nbgrader.get("points", 0) for c in nb.cells) for name, nb in released.items()}
    said = ", ".join(f"{Path(name).stem} {value:g}" for name, value in points.items())
    files = {name: (nbformat.writes(notebook) + "\n").encode() for name, notebook in released.items()}
    files |= {
        "README.md": README.format(title=assignment.title, points=said, hide=HIDE).encode(),
        "requirements.txt": requirements().encode(),
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{assignment.name}/{name}", LONG_AGO)
            entry.external_attr, entry.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return content.getvalue()
