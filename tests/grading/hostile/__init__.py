"""Hostile and broken submissions, by family, for tests/grading/test_hostile.py.

Each module has a `CORPUS`: entries that say what they try, how they are handed in, and what must come of it. What an
attack achieves it prints through `got`; nothing but an empty text may ever be found there. Nothing here is meant to be
run outside the sandbox. Large and binary files are made when they are handed in.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat.v4 import new_code_cell

from grading_course import ASSIGNMENT, GOOD, NOTEBOOK, answered

ANY = ""  # a status that depends on which of two things comes first
MIME = "application/vnd.mibook.probe+json"
GOT = "import json\ndef got(what): print('got:' + json.dumps(str(what)[:300] if what else ''))\n"
Put = Callable[[Path, dict], None]  # takes the submission's folder, and what there is to aim at


class Entry(NamedTuple):
    """One submission, and what must come of it."""

    id: str  # the student's name
    tries: str  # in one sentence
    put: Put
    points: float  # that its code earns
    status: str = "graded"
    says: str = ""  # in the reasons that are recorded
    of: str = ASSIGNMENT


def files(**contents: bytes | str | nbformat.NotebookNode) -> Put:
    """A submission of these files; ``notebook`` stands for the notebook under its own name."""

    def put(folder: Path, aims: dict) -> None:
        for name, content in contents.items():
            if isinstance(content, dict):
                content = json.dumps(content)
            path = folder / (NOTEBOOK if name == "notebook" else name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return put


def aimed(source: str, aims: dict) -> str:
    """Code of an attack, with what it aims at and with `got`."""
    return f"{GOT}aims = json.loads({json.dumps(aims)!r})\n{source}"


def own_cell(source: str, answer: str = GOOD, last: bool = False, found: dict | None = None) -> nbformat.NotebookNode:
    """A notebook with an answer, and an own cell before everything else, or after it."""
    notebook = answered(answer)
    code = source if found is None else aimed(source, found)
    notebook.cells.insert(len(notebook.cells) if last else 0, new_code_cell(code))
    return notebook


def attack(source: str, answer: str = GOOD, last: bool = False) -> Put:
    """A submission with `own_cell`, whose code knows ``aims`` and ``got``."""

    def put(folder: Path, aims: dict) -> None:
        files(notebook=own_cell(source, answer, last, aims))(folder, aims)

    return put


def answer(source: str) -> Put:
    """A submission whose answer is this code."""
    return files(notebook=answered(source))
