"""Open JupyterLab at the first chapter of an edition.

    python -m sitebuild.lab reader     # notebooks/, paired with book/
    python -m sitebuild.lab student    # student/, without answers

Further arguments go to JupyterLab, such as `--no-browser` or `--port=8889`.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from chapters import pairs
from chapters.editions import FOLDERS
from chapters.jupyter import environment
from chapters.source import ROOT, pages


def first_notebook(folder: str) -> str:
    """The notebook of the first chapter, as the book's contents order them."""
    names = (f"{folder}/{page.stem}.ipynb" for page in pages())
    return next((name for name in names if (ROOT / name).exists()), folder)


def command(folder: str) -> list[str]:
    """The command line of JupyterLab; the project is its root, so that both files of a pair are within reach."""
    start = f"--LabApp.default_url=/lab/tree/{first_notebook(folder)}"
    return [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={ROOT}", start]


def main(arguments: list[str]) -> NoReturn:
    if not arguments or arguments[0] not in FOLDERS:
        raise SystemExit(f"Name one edition: {' or '.join(FOLDERS)}.")
    pairs.let_open()
    line = command(FOLDERS[arguments[0]]) + arguments[1:]
    os.chdir(ROOT)
    os.execve(line[0], line, environment())


if __name__ == "__main__":
    main(sys.argv[1:])
