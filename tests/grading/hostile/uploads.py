"""Files that are broken, strange, too large, or no files at all; and names with a purpose."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import nbformat
from nbformat.v4 import new_markdown_cell

from grading_course import GOOD, NOTEBOOK, SAME, answered
from hostile import Entry, files

FINE = answered(GOOD)
TEXT = nbformat.writes(FINE)
FAILED = "failed to run"


def raw(content: bytes | str):
    return files(notebook=content)


def beside(name: bytes | str, content: bytes | str = b"x"):
    """The right notebook, and another file beside it."""

    def put(folder: Path, aims: dict) -> None:
        files(notebook=FINE)(folder, aims)
        path = os.path.join(os.fsencode(folder), os.fsencode(name))
        Path(os.fsdecode(path)).write_bytes(content if isinstance(content, bytes) else content.encode())

    return put


def named(name: bytes | str):
    """The right notebook under another name."""

    def put(folder: Path, aims: dict) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with open(os.path.join(os.fsencode(folder), os.fsencode(name)), "wb") as file:
            file.write(TEXT.encode())

    return put


def link(target: str):
    """A link in place of the notebook; ``target`` may name one of the aims."""

    def put(folder: Path, aims: dict) -> None:
        folder.mkdir(parents=True)
        (folder / NOTEBOOK).symlink_to(aims.get(target, target))

    return put


def linked_folder(folder: Path, aims: dict) -> None:
    files(notebook=FINE)(folder, aims)
    (folder / "data").symlink_to(aims["course"])


def folder_is_a_link(folder: Path, aims: dict) -> None:
    folder.parent.mkdir(parents=True)
    folder.symlink_to(Path(aims["others_notebook"]).parent)


def fifo(folder: Path, aims: dict) -> None:
    folder.mkdir(parents=True)
    os.mkfifo(folder / NOTEBOOK)


def unix_socket(folder: Path, aims: dict) -> None:
    folder.mkdir(parents=True)
    here = os.open(folder, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(f"/proc/self/fd/{here}/{NOTEBOOK}")  # the path itself may be too long
    os.close(here)


def sparse(folder: Path, aims: dict) -> None:
    folder.mkdir(parents=True)
    with (folder / NOTEBOOK).open("wb") as file:
        file.truncate(10 << 30)


def folder_for_file(folder: Path, aims: dict) -> None:
    (folder / NOTEBOOK).mkdir(parents=True)
    (folder / NOTEBOOK / "notes.txt").write_text("x")


def deep_folders(folder: Path, aims: dict) -> None:
    deep = folder.joinpath(*["d"] * 300)
    deep.mkdir(parents=True)
    files(notebook=FINE)(deep, aims)


def crowd(folder: Path, aims: dict) -> None:
    files(notebook=FINE)(folder, aims)
    for number in range(400):
        (folder / f"x{number:03}.txt").write_text("x")


def linked_time(folder: Path, aims: dict) -> None:
    files(notebook=FINE)(folder, aims)
    (folder / "timestamp.txt").symlink_to("/etc/hostname")


def many_cells() -> str:
    data = json.loads(TEXT)
    data["cells"] += [{}] * 6000
    return json.dumps(data)


def long_cell() -> str:
    data = json.loads(TEXT)
    data["cells"].append({"cell_type": "code", "source": "#" * (2 << 20)})
    return json.dumps(data)


def many_own_cells():
    notebook = answered(GOOD)
    notebook.cells += [new_markdown_cell(f"note {number}") for number in range(700)]
    return notebook


def deep_metadata() -> str:
    return TEXT.replace('"metadata": {', '"metadata": {"x": ' + "[" * 60_000 + "]" * 60_000 + ", ", 1)


def format_3() -> str:
    return nbformat.writes(nbformat.convert(answered(GOOD), 3), version=3)


def twice_cells() -> str:
    return TEXT.replace('"cells":', '"cells": [{"cell_type": "code", "source": "1/0"}], "cells":', 1)


CORPUS = [
    Entry("f-empty", "An empty file.", raw(b""), 0, FAILED, "not a notebook"),
    Entry("f-cut", "Half a notebook, as after a broken upload.", raw(TEXT[: len(TEXT) // 2]), 0, FAILED, "not a note"),
    Entry("f-html", "The page that a portal shows in place of a file.", raw("<html>Log in</html>"), 0, FAILED, "not a"),
    Entry("f-object", "JSON, but without cells.", raw("{}"), 0, FAILED, "no notebook cells"),
    Entry("f-brackets", "A bomb of brackets for the JSON reader.", raw(b"[" * 10**6), 0, FAILED, "nested too deeply"),
    Entry("f-deep", "The same, hidden in the metadata.", raw(deep_metadata()), 0, FAILED, "nested too deeply"),
    Entry("f-digits", "A number of 9000 digits.", raw('{"cells": [' + "1" * 9000 + "]}"), 0, FAILED, "not a notebook"),
    Entry(
        "f-nan",
        "NaN and Infinity, which are no JSON.",
        raw(TEXT.replace('"metadata": {', '"nan": [NaN, -Infinity], "metadata": {', 1)),
        2,
    ),
    Entry("f-twice", "Two lists of cells under one key.", raw(twice_cells()), 2),
    Entry(
        "f-latin",
        "Latin-1.",
        raw(TEXT.replace("def ref", "# caf\xe9\\ndef ref").encode("latin-1", "replace")),
        0,
        FAILED,
        "not text",
    ),
    Entry("f-utf16", "UTF-16 without a mark.", raw(TEXT.encode("utf-16-le")), 2),
    Entry("f-utf32", "UTF-32.", raw(TEXT.encode("utf-32")), 2),
    Entry("f-giant", "Ten gibibytes, all of them holes.", sparse, 0, FAILED, "larger than 20 MiB"),
    Entry("f-many-cells", "Six thousand cells.", raw(many_cells()), 0, FAILED, "cells, and at most"),
    Entry("f-long-cell", "A cell of two million characters.", raw(long_cell()), 0, FAILED, "more than 1,048,576"),
    Entry(
        "f-own-cells",
        "Seven hundred own cells; those beside an empty written answer are read by a person.",
        files(notebook=many_own_cells()),
        2,
        "needs marking",
        "the first 500 are kept",
    ),
    Entry("f-format-3", "A notebook of format 3.", raw(format_3()), 2),
    Entry(
        "f-format-99",
        "A notebook that claims to be of format 99.",
        raw(TEXT.replace('"nbformat": 4', '"nbformat": 99')),
        2,
    ),
    Entry("f-link", "A link to the list of users.", link("/etc/passwd"), 0, FAILED, "is a link"),
    Entry("f-link-secret", "A link to the course's secret.", link("secret_file"), 0, FAILED, "is a link"),
    Entry("f-link-other", "A link to another student's notebook.", link("others_notebook"), 0, FAILED, "is a link"),
    Entry("f-link-folder", "A link to the course as a folder of data.", linked_folder, 2, says="link to a folder"),
    Entry("f-link-whole", "The whole submission is a link to another's.", folder_is_a_link, 0, FAILED, "is a link"),
    Entry("f-fifo", "A pipe that nobody writes to.", fifo, 0, FAILED, "not a plain file"),
    Entry("f-socket", "A socket.", unix_socket, 0, FAILED, "can't be opened"),
    Entry("f-folder", "A folder under a notebook's name.", folder_for_file, 0, FAILED, "Nothing that was handed in"),
    Entry("f-deep-folders", "A notebook three hundred folders down.", deep_folders, 0, FAILED, "more than 20 deep"),
    Entry("f-crowd", "Four hundred other files.", crowd, 2, says="first 200 files"),
    Entry("f-no-text-name", "A name that is no text.", named(b"caf\xe9 \xff.ipynb"), 2, says="was taken for"),
    Entry(
        "f-lines-name", "A name with a line end and colours.", named("a\nb\x1b[31m\x07.ipynb"), 2, says="was taken for"
    ),
    Entry(
        "f-formula-name", "A name that a spreadsheet would run.", beside('=HYPERLINK("h:||x","y")'), 2, says="left out"
    ),
    Entry("f-dots-name", "A name that leads out on Windows.", named("..\\..\\secret.ipynb"), 2, says="was taken for"),
    Entry("f-html-name", "A name with a script.", beside("<img src=x onerror=alert(9)>.txt"), 2, says="left out"),
    Entry(
        "f-tex-name", "A name with a formula of TeX.", beside("$\\href{javascript:alert(9)}{x}$.md"), 2, says="left out"
    ),
    Entry("f-shadow", "A module in place of NumPy.", beside("numpy.py", "raise SystemExit"), 2, says="left out"),
    Entry("f-config", "Settings for nbgrader.", beside("nbgrader_config.py", "1/0"), 2, says="left out"),
    Entry("f-gradebook", "A gradebook.", beside("gradebook.db", b"SQLite format 3\0"), 2, says="left out"),
    Entry(
        "f-only-zip",
        "The right notebook, in a zip.",
        files(**{"formulation.zip": b"PK\x05\x06" + bytes(18)}),
        0,
        FAILED,
        "Nothing",
    ),
    Entry(
        "f-time",
        "A time of submission that is none.",
        beside("timestamp.txt", "9999999-99-99 \0"),
        2,
        says="was not collected",
    ),
    Entry(
        "f-time-own",
        "A time of submission that the student wrote.",
        beside("timestamp.txt", "1999-01-01 00:00 UTC"),
        2,
        says="was not collected",
    ),
    Entry(
        "f-time-digits",
        "A time of two hundred thousand digits.",
        beside("timestamp.txt", "1" * 200_000),
        2,
        says="larger than 100 bytes",
    ),
    Entry("f-time-link", "A link as time of submission.", linked_time, 2, says="is a link"),
    Entry(
        "f-versions",
        "A wrong answer under the right name, and the right one beside it.",
        files(notebook=answered(SAME), **{"final.ipynb": FINE}),
        1.5,
        says="another version",
    ),
]
