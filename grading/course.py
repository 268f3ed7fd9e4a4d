"""The course: a folder of its own, with nbgrader's layout and what the grader adds to it.

source/ release/ submitted/ autograded/ feedback/ gradebook.db   as nbgrader knows them
nbgrader_config.py    the settings: yours to change, made on first use
handout/              one zip an assignment, for any learning management system
raw/                  submissions as they were received, named by their sha256
audit/                what was graded when, with which versions, and what came of it
secret                from which each student's hidden inputs are drawn; keep it, and keep it to yourself
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import LateSubmissionPlugin
from traitlets import Float
from traitlets.config import Config, PyFileConfigLoader

from chapters.source import ROOT
from grading.verdict import judge

CONFIGURATION = '''\
"""The course's settings for nbgrader, its formgrader and `python -m grading`: yours to change."""

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
'''


class CourseError(Exception):
    """What keeps a command from doing its work, in one sentence that says what to do."""


class Course:
    """A course's folder, its settings and its gradebook."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).resolve()
        find_tools()

    def prepare(self) -> None:
        """Make the folder, its settings and its secret where they do not exist."""
        self.root.mkdir(parents=True, exist_ok=True)
        if not (settings := self.root / "nbgrader_config.py").exists():
            write(settings, CONFIGURATION.format(root=str(ROOT)).encode())
        secret(self.root / "secret")

    @property
    def config(self) -> Config:
        """The settings as nbgrader reads them."""
        if not (self.root / "nbgrader_config.py").exists():
            raise CourseError(f"{self.root} is no course yet: run `python -m grading assignment --course {self.root}`.")
        return PyFileConfigLoader("nbgrader_config.py", path=str(self.root)).load_config()

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
        found = {path.name: path.read_bytes() for path in sorted((self.root / "release" / assignment).glob("*.ipynb"))}
        if not found:
            known = ", ".join(self.assignments()) or "none yet: run `python -m grading assignment`"
            raise CourseError(f"There is no released assignment {assignment!r}; there are: {known}.")
        return found

    def seed(self, assignment: str, student: str) -> int:
        return judge.seed(secret(self.root / "secret"), assignment, student)


def find_tools() -> None:
    """Let nbgrader find the programs beside this Python: it calls alembic by name when it makes a gradebook."""
    ours, path = str(Path(sys.executable).parent), os.environ.get("PATH", "")
    if path.split(os.pathsep)[0] != ours:
        os.environ["PATH"] = f"{ours}{os.pathsep}{path}"


def secret(path: Path) -> bytes:
    """The course's secret, made on first use and readable to its owner alone."""
    if not path.exists():
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_hex(32).encode())
            file.flush()
            os.fsync(file.fileno())
        # A link fails where another process was first, so that no secret ever replaces one in use.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    found = path.read_bytes()
    if len(found) < 32:
        raise CourseError(f"{path} is damaged: put back your copy of it, or all hidden inputs will change.")
    return found


def write(path: Path, content: bytes) -> None:
    """Write a file so that whoever looks, even after a crash, finds the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


class Listener(logging.Handler):
    """Keeps the last line of the worst that nbgrader logged: it logs what went wrong, and raises something vague."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.worst = ""
        self.logger = logging.Logger("grading")
        self.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage().strip()
        if "Traceback" in message or not self.worst:
            self.worst = message.splitlines()[-1] if message else self.worst


class LatePolicy(LateSubmissionPlugin):
    """A part of the earned points for each day that has begun, after a time of grace and up to a limit.

    By default 10 % a day, 15 minutes of grace, at most half. A submission without a time, or an assignment
    without a due date, is never late.
    """

    percent_a_day = Float(10, min=0, max=100, help="Percent of the earned points for each day begun.").tag(config=True)
    grace_minutes = Float(15, min=0, help="Minutes after the due date that cost nothing.").tag(config=True)
    percent_at_most = Float(50, min=0, max=100, help="Percent of the points that lateness costs at most.").tag(
        config=True
    )

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:
        """The points that a notebook with ``score`` points loses, or None if it is in time."""
        late = total_seconds_late - 60 * self.grace_minutes
        if late <= 0:
            return None
        percent = min(self.percent_a_day * math.ceil(late / 86400), self.percent_at_most)
        return round(score * percent / 100, 6)
