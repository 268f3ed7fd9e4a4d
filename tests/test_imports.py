"""The rooms and their order: a module imports from its own room and from those below it; nothing goes round."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from chapters.source import ROOT

# From the top down. Rooms of one line know nothing of each other.
ORDER = [
    "grading.__main__",
    "grading.nbgrader_config grading.pipeline grading.doctor",
    "grading.feedback",
    "grading.run grading.release",
    "grading.gradebook",
    "grading.intake",
    "grading.exercises",
    "grading.verdict",
    "grading.course",
    "grading.assignments grading.seeds grading.stock",
    "grading.sandbox",
    "grading.record grading.files grading.text grading.errors",
    "sitebuild",
    "chapters",
    "mibook",
]
LEVELS = {room: level for level, line in enumerate(ORDER) for room in line.split()}
NEVER = {  # beyond the order
    "grading": ("sitebuild", "mibook"),
    "chapters": ("mibook",),
}


def room_of(module: str) -> str | None:
    """The room that a module is in, or None if it is none of ours."""
    parts = module.split(".")
    return next((name for n in (2, 1) if (name := ".".join(parts[:n])) in LEVELS), None)


def imported(path: Path) -> Iterator[str]:
    """The modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def faults(root: Path) -> list[str]:
    """What breaks the order below a folder."""
    found = []
    for path in sorted(
        file for top in ("grading", "sitebuild", "chapters", "mibook") for file in (root / top).rglob("*.py")
    ):
        name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        mine = room_of(name)
        for module in imported(path):
            theirs = room_of(module)
            if mine is None or theirs is None or theirs == mine:
                continue
            banned = module.startswith(NEVER.get(name.split(".")[0], ()))
            if banned or LEVELS[theirs] <= LEVELS[mine]:
                found.append(f"{path.relative_to(root)} imports {module}")
    return found


def test_every_module_has_a_room():
    files = [file for top in ("grading", "sitebuild", "chapters", "mibook") for file in (ROOT / top).glob("*.py")]
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files if file.stem != "__init__"]
    assert [name for name in names if room_of(name) is None] == []


def test_arrows_point_down():
    assert faults(ROOT) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("grading/verdict/judge.py", "from grading.run import execute"),
        ("grading/run/worker.py", "import grading.pipeline"),
        ("grading/release/sheets.py", "from sitebuild import build"),
        ("grading/pipeline.py", "from mibook import samples"),
        ("chapters/source.py", "def read():\n    from grading import course"),
        ("mibook/samples.py", "from chapters.source import ROOT"),
    ],
)
def test_a_wrong_arrow_is_found(tmp_path, file, line):
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(line)
    assert len(faults(tmp_path)) == 1
