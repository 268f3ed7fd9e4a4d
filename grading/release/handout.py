"""What students get of an assignment: one zip that holds its sheets and all that running them takes."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from packaging.requirements import Requirement

from chapters.source import ROOT
from grading.assignments import Assignment
from grading.errors import CourseError

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


def wheel(package: str) -> tuple[str, bytes]:
    """A package of the project as a wheel: its name and content."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
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


def requirements(wheel: str | None) -> str:
    """The lock's lines for what students need directly, and the wheel beside the file."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {*TOOLS, *(Requirement(line).name.lower() for line in project["dependencies"] if wheel)}
    locked = {}
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            locked[Requirement(line).name.lower()] = line
    if missing := wanted - locked.keys():
        raise CourseError(f"requirements.txt does not name {', '.join(sorted(missing))}: run `make lock`.")
    lines = [line for name, line in locked.items() if name in wanted]
    return "\n".join(lines + ([f"./{wheel}"] if wheel else [])) + "\n"


def handout(assignment: Assignment, released: dict[str, NotebookNode], package: tuple[str, bytes] | None) -> bytes:
    """The released notebooks with all that running them takes, the same bytes for the same content."""
    points = {name: sum(c.metadata.nbgrader.get("points", 0) for c in nb.cells) for name, nb in released.items()}
    said = ", ".join(f"{Path(name).stem} {value:g}" for name, value in points.items())
    files = {name: (nbformat.writes(notebook) + "\n").encode() for name, notebook in released.items()}
    files |= {
        "README.md": README.format(title=assignment.title, points=said).encode(),
        "requirements.txt": requirements(package[0] if package else None).encode(),
    }
    if package:
        files[package[0]] = package[1]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{assignment.name}/{name}", LONG_AGO)
            entry.external_attr, entry.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return content.getvalue()
