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
    "grading.report",
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
TOPS = ("grading", "sitebuild", "chapters", "mibook")
NEVER = {  # beyond the order
    "grading": ("sitebuild", "mibook"),
    "chapters": ("mibook",),
}
FOUND_BY_NAME = "grading.exercises"  # nothing imports it but itself


def room_of(module: str) -> str | None:
    """The room that a module is in, or None if it is none of ours."""
    parts = module.split(".")
    return next((name for n in (2, 1) if (name := ".".join(parts[:n])) in LEVELS), None)


def name_of(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def imported(path: Path, name: str) -> Iterator[str]:
    """The modules that a file imports, wherever in it."""
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            above = parts[: len(parts) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def wrong(name: str, module: str) -> bool:
    """Whether the module ``name`` may not import ``module``."""
    mine, theirs = room_of(name), room_of(module)
    if module in ("grading", "sitebuild"):  # as a whole
        return name.split(".")[0] != module
    if mine is None or theirs is None or theirs == mine:
        return False
    banned = module.startswith(NEVER.get(name.split(".")[0], ())) or theirs == FOUND_BY_NAME
    return banned or LEVELS[theirs] <= LEVELS[mine]


def faults(root: Path) -> list[str]:
    """What breaks the order below a folder, and what goes round in a circle."""
    files = {name_of(file, root): file for top in TOPS for file in sorted((root / top).rglob("*.py"))}
    found, arrows = [], {}
    for name, path in files.items():
        modules = list(imported(path, name))
        found += [f"{name} imports {module}" for module in modules if wrong(name, module)]
        # "from a import b" is an arrow to a.b where that is a module, else to a.
        arrows[name] = {m if m in files else m.rpartition(".")[0] for m in modules} & files.keys() - {name}
    return found + [f"{name} imports itself by way of others" for name in files if name in reached(name, arrows)]


def reached(start: str, arrows: dict[str, set[str]]) -> set[str]:
    """The modules that ``start`` imports, directly or not."""
    seen: set[str] = set()
    waiting = list(arrows[start])
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += arrows[name]
    return seen


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
        ("grading/feedback/said.py", "from grading.exercises import minetrainer"),
        ("chapters/source.py", "import grading"),
        ("grading/verdict/judge.py", "from ..run import execute"),
    ],
)
def test_a_wrong_arrow_is_found(tmp_path, file, line):
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(line)
    assert len(faults(tmp_path)) == 1


def test_a_circle_within_a_room_is_found(tmp_path):
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters" / "a.py").write_text("from chapters import b")
    (tmp_path / "chapters" / "b.py").write_text("from chapters.a import f")
    assert len(faults(tmp_path)) == 2
