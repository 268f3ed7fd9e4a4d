"""The assignments as they are declared in one file, by default `grading/assignments.yml`: no title decides anything."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from chapters.source import ROOT
from grading.errors import CourseError

DEFAULT = Path(__file__).with_suffix(".yml")


@dataclass(frozen=True)
class Sheet:
    """One notebook of an assignment: a chapter, what its kernel starts with, its exercises in order."""

    name: str
    chapter: Path
    exercises: tuple[str, ...]  # each by the id of the cell for its answer
    setup: str


@dataclass(frozen=True)
class Assignment:
    name: str
    title: str
    sheets: tuple[Sheet, ...]


@dataclass(frozen=True)
class Declaration:
    """What a course consists of besides students."""

    path: Path
    chapters: Path  # the folder of all chapters, those without a sheet among them
    exercises: str  # the Python package of the modules that judge
    assignments: dict[str, Assignment]

    @property
    def sheets(self) -> list[Sheet]:
        return [sheet for assignment in self.assignments.values() for sheet in assignment.sheets]


def declared(path: Path = DEFAULT) -> Declaration:
    """Read a declaration; raises CourseError, with the file, for one that says too little."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        folder = ROOT / found["chapters"]
        assignments = {
            name: Assignment(name, entry["title"], tuple(_sheet(folder, *item) for item in entry["sheets"].items()))
            for name, entry in found["assignments"].items()
        }
        return Declaration(path, folder, found["exercises"], assignments)
    except (OSError, yaml.YAMLError, KeyError, AttributeError, TypeError) as error:
        raise CourseError(
            f"{path} declares no assignments that can be read ({type(error).__name__}: {error})."
        ) from None


def _sheet(folder: Path, name: str, entry: dict) -> Sheet:
    return Sheet(name, folder / f"{name}.md", tuple(entry["exercises"]), entry.get("setup", "").rstrip("\n"))
