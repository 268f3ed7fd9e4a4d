"""A chapter as its notebook shows it, where no Sphinx has been: the caption below each figure of a cell, citations as
author and year, and at the end a list of the works that are cited.

`shown` adds these and `plain` takes them away, so that a chapter and its notebook stay one text. Statements, equations,
exercises and figures are counted by JupyterLab; `numbering` lets its numbers begin as the site's do.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import yaml
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from chapters.citations import citation, entry
from chapters.source import tags

CAPTION, WORKS = "caption", "works-cited"
DERIVED = {CAPTION, WORKS}
ROLE = re.compile(r"\{cite:([tp])\}`([^`<>]+)`")
TARGET = r"\(#cite-[\w-]+\)"
IN_BRACKETS = re.compile(rf"\((?:(?:; )?\[[^\]()]*\]{TARGET})+\)")
IN_SENTENCE = re.compile(rf"\[[^\]]*\]{TARGET}(?: \[and [^\]]*\]{TARGET})*")
WORK = re.compile(r"([\w-]+)(?:\{([^}]*)\})?")  # a key, and in braces which part of the work
CITED = re.compile(r"\[(?:and )?([^\]]*)\]\(#cite-([\w-]+)\)")


def shown(notebook: NotebookNode) -> NotebookNode:
    """The notebook with captions, citations in words and the works cited, whether it had them or not."""
    notebook = plain(notebook)
    keys: set[str] = set()
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        if figure := cell.metadata.get("mystnb", {}).get("figure", {}) if cell.cell_type == "code" else None:
            label = f":label: {figure['name']}\n" if "name" in figure else ""
            cells.append(_derived(CAPTION, f":::{{figure}}\n{label}\n{figure.get('caption', '').strip()}\n:::"))
    for cell in cells:
        if cell.cell_type == "markdown":
            keys.update(key for found in ROLE.finditer(cell.source) for key, _ in WORK.findall(found[2]))
            cell.source = ROLE.sub(_linked, cell.source)
    if keys:
        works = "\n\n".join(f"(cite-{key})=\n{entry(key)}" for key in sorted(keys))
        cells.append(_derived(WORKS, f"**Works cited**\n\n{works}"))
    notebook.cells = cells
    return notebook


def plain(notebook: NotebookNode) -> NotebookNode:
    """The notebook as the chapter has it: nothing that `shown` adds."""
    notebook = deepcopy(notebook)
    notebook.cells = [cell for cell in notebook.cells if not is_derived(cell)]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = IN_SENTENCE.sub(_role("t"), IN_BRACKETS.sub(_role("p"), cell.source))
    return notebook


def is_derived(cell: NotebookNode) -> bool:
    """Whether a cell is one that `shown` adds."""
    return cell.cell_type == "markdown" and bool(DERIVED & set(tags(cell)))


def _derived(tag: str, source: str) -> NotebookNode:
    cell = new_markdown_cell(source, metadata={"deletable": False, "editable": False, "tags": [tag]})
    cell["id"] = ""  # the pair names it
    return cell


def _linked(found: re.Match[str]) -> str:
    kind = found[1]
    links: list[str] = []
    for key, part in WORK.findall(found[2]):
        words = _words(key, kind) + (f", {part}" if part else "")
        links.append(f"[{'and ' if kind == 't' and links else ''}{words}](#cite-{key})")
    return " ".join(links) if kind == "t" else f"({'; '.join(links)})"


def _words(key: str, kind: str) -> str:
    """Author and year; without the brackets that a list of works shares."""
    words = citation(key, f"cite:{kind}")
    return words if kind == "t" else words[1:-1]


def _role(kind: str) -> Callable[[re.Match[str]], str]:
    """What takes links back to the role of this kind."""

    def role(found: re.Match[str]) -> str:
        works = []
        for words, key in CITED.findall(found[0]):
            part = (
                words.removeprefix(_words(key, kind)).removeprefix(", ") if words.startswith(_words(key, kind)) else ""
            )
            works.append(f"{key}{{{part}}}" if part else key)
        return f"{{cite:{kind}}}`{','.join(works)}`"

    return role


def numbering(root: Path, name: str) -> str:
    """What the front matter of chapter ``name`` says of its numbers; nothing where the book gives it none."""
    contents = root / "_toc.yml"
    parts = yaml.safe_load(contents.read_text(encoding="utf-8")).get("parts", []) if contents.exists() else []
    files = [Path(one["file"]).name for part in parts if part.get("numbered") for one in part["chapters"]]
    return f"numbering:\n  enumerator: {files.index(name) + 1}.%s\n" if name in files else ""
