"""The course: a folder of its own, with nbgrader's layout and what the grader adds to it.

source/ release/ submitted/ autograded/ feedback/ gradebook.db   as nbgrader knows them
nbgrader_config.py    the settings: yours to change, made on first use
releases/             every release that was ever made
handout/              one zip an assignment, for any learning management system
raw/                  submissions as they were received, named by their sha256
audit/                what was graded when, with which versions, and what came of it
report/               what a class misunderstood, without names and with them
secret                from which each student's hidden inputs are drawn; keep it, and keep it to yourself
"""

from __future__ import annotations

import contextlib
import difflib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config, PyFileConfigLoader

from chapters.source import ROOT
from grading import seeds
from grading.assignments import DEFAULT, Declaration, declared
from grading.errors import CourseError
from grading.files import mend, write
from grading.stock import find_tools

SETTINGS = "nbgrader_config.py"
# What commands write to in a course that is there.
WRITTEN = [
    "gradebook.db",
    "source",
    "release",
    "releases",
    "handout",
    "submitted",
    "autograded",
    "feedback",
    "raw",
    "audit",
    "report",
]
CONFIGURATION = '''\
"""The course's settings for nbgrader, its formgrader and `mibook-course`: yours to change."""

import sys
from pathlib import Path

if {root!r} not in sys.path:  # where the book is
    sys.path.insert(0, {root!r})
from grading.nbgrader_config import configure

c = get_config()  # noqa: F821 - nbgrader provides it
configure(c, Path(__file__).resolve().parent)

# Your own settings, for example:
# c.CourseDirectory.db_url = "postgresql+psycopg2://grader@localhost/course"  # several people mark at once
# c.LatePolicy.percent_a_day = 10
# c.Normalise.data_files = ["data.csv"]  # files that students hand in beside their notebooks
# c.Report.book = "https://example.org/book"  # where the report's links lead; else to `make book` on this machine
# c.Normalise.zone = "Asia/Hong_Kong"  # of times that are written without a zone; they are refused without it
'''


class Course:
    """A course's folder, its settings and its gradebook."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).expanduser().resolve()
        find_tools()

    @classmethod
    def here(cls) -> Course:
        """The course that the current folder is in; else the one in its folder `course`."""
        here = Path.cwd()
        found = (
            place for place in (here, *here.parents) if (place / "secret").exists() and (place / SETTINGS).exists()
        )
        return cls(next(found, here / "course"))

    def refuse_read_only(self) -> None:
        """Raise CourseError, with the path, where the course's files can't be written by who runs this."""
        there = next(place for place in (self.root, *self.root.parents) if place.exists())
        for path in (there, *(self.root / name for name in WRITTEN)):
            if path.exists() and not os.access(path, os.W_OK):
                raise CourseError(f"{path} can't be written: run 'chmod -R u+w {self.root}', or move the course.")

    def prepare(self) -> None:
        """Make the folder, its settings and its secret where they do not exist."""
        self.root.mkdir(parents=True, exist_ok=True)
        if not (settings := self.root / SETTINGS).exists():
            write(settings, CONFIGURATION.format(root=str(ROOT)).encode())
        seeds.secret(self.root / "secret")

    @property
    def config(self) -> Config:
        """The settings as nbgrader reads them."""
        if not (self.root / SETTINGS).exists():
            raise CourseError(f"{self.root} is no course yet: run `mibook-course assignment --course {self.root}`.")
        return PyFileConfigLoader(SETTINGS, path=str(self.root)).load_config()

    @property
    def declaration(self) -> Declaration:
        """The assignments that the course is made of."""
        return declared(Path(self.config.Course.get("declaration", DEFAULT)))

    @property
    def directory(self) -> CourseDirectory:
        return CourseDirectory(config=self.config)

    @contextlib.contextmanager
    def gradebook(self) -> Iterator[Gradebook]:
        """The gradebook, open until the block ends."""
        directory = self.directory  # reads the settings anew
        with Gradebook(directory.db_url, directory.course_id) as gradebook:
            yield gradebook

    def assignments(self) -> list[str]:
        """The names of the released assignments."""
        return sorted(path.name for path in (self.root / "release").glob("*") if any(path.glob("*.ipynb")))

    def release(self, assignment: str) -> dict[str, bytes]:
        """The released notebooks of an assignment by file name."""
        mend(self.root / "release" / assignment)
        found = sheets_in(self.root / "release" / assignment)
        if not found:
            known = ", ".join(self.assignments()) or "none yet: run `mibook-course assignment`"
            raise CourseError(f"There is no released assignment {assignment!r}; there are: {known}.")
        return found

    def earlier(self, assignment: str) -> list[dict[str, bytes]]:
        """Every release of an assignment that was ever made, but the one of now."""
        made = [sheets_in(folder) for folder in sorted((self.root / "releases" / assignment).glob("*/"))]
        now = self.release(assignment)
        return [sheets for sheets in made if sheets != now]

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """One grading or release at a time; the lock goes with the process, however it ends."""
        import fcntl

        with (self.root / ".grading.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CourseError(f"Another run is grading in {self.root}: wait for it, or stop it.") from None
            yield

    def seed(self, assignment: str, student: str) -> int:
        return seeds.seed(seeds.secret(self.root / "secret"), assignment, student)

    def students(self, assignment: str, gradebook: Gradebook) -> set[str]:
        """Everybody whom the gradebook knows, or who has handed in something for an assignment."""
        folders = (self.root / "submitted").glob(f"*/{assignment}")
        return {student.id for student in gradebook.students} | {folder.parent.name for folder in folders}


def sheets_in(folder: Path) -> dict[str, bytes]:
    """The notebooks of a folder by file name."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.ipynb"))}


def near(word: str, known: Iterable[str]) -> str:
    """What a mistyped word may have been meant to be, as the end of a sentence, or nothing."""
    found = difflib.get_close_matches(word.casefold(), {name.casefold(): name for name in known}, 1)
    names = [name for name in known if found and name.casefold() == found[0]]
    return f": did you mean {names[0]!r}?" if names else ""
