"""The chapters as notebooks: where they are, how to read one, how to obtain what it defines."""

from __future__ import annotations

from pathlib import Path

import jupytext
import nbformat
import yaml

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "book"
DEEPER = "deeper-"
"""How the label of a section begins that the core of its chapter does not need; the site folds such a section."""


def pages() -> list[Path]:
    """The sources in the order of `_toc.yml`, the landing page first."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    names = [toc["root"]]
    for part in toc.get("parts", []):
        names += [chapter["file"] for chapter in part["chapters"]]
    return [ROOT / f"{name}.md" for name in names]


def read(path: Path) -> nbformat.NotebookNode:
    """Read one page as a notebook; a page without a header is one with markdown cells only."""
    return jupytext.read(path, fmt="md:myst")


def tags(cell: nbformat.NotebookNode) -> list[str]:
    """The tags of a cell in order; an empty list for a cell without any."""
    return cell.metadata.get("tags", [])


def definitions(name: str) -> dict:
    """Execute the cells of chapter ``name`` that are tagged ``definition`` and return their namespace.

    This is how tests and exports obtain a class that lives in a chapter alone.
    """
    path = BOOK / f"{name}.md"
    namespace: dict = {"__name__": f"book.{name}"}
    for index, cell in enumerate(read(path).cells):
        if cell.cell_type == "code" and "definition" in tags(cell):
            exec(compile(cell.source, f"{path.name}[cell {index}]", "exec"), namespace)
    return namespace
