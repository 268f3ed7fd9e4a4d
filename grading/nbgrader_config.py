"""nbgrader's settings for a course of this book; a course's own `nbgrader_config.py` calls `configure`.

With them every way to grade is the same: `python -m grading grade`, `nbgrader autograde` and the formgrader normalise
a submission first, execute it in the sandbox, and leave the verdict to the grader's own process.
"""

from __future__ import annotations

import logging
import re
import sys
from pathlib import Path

from nbgrader.plugins import FileNameCollectorPlugin
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    IgnorePattern,
    LimitOutput,
)
from traitlets.config import Config

from chapters.editions import CODE_STUB, TEXT_STUB
from grading.assignments import DEFAULT, declared
from grading.feedback import marking
from grading.feedback.said import PREPROCESSORS
from grading.feedback.write import TEMPLATES, FeedbackExporter
from grading.gradebook import audit
from grading.gradebook.export import StatusExport
from grading.gradebook.policy import LatePolicy
from grading.gradebook.save import SaveGrades
from grading.intake import normalise
from grading.run.execute import RobustExecute
from grading.stock import find_tools
from grading.verdict.preprocessors import Judge, PlaceSeed

AUTOGRADE = [
    PlaceSeed,
    RobustExecute,
    Judge,
    IgnorePattern,
    LimitOutput,
    SaveGrades,
    AssignLatePenalties,
    CheckCellMetadata,
]
FORMGRADER = "nbgrader.server_extensions.formgrader.handlers"
log = logging.getLogger(__name__)


def configure(c: Config, root: Path, declaration: Path = DEFAULT) -> None:
    """Set up nbgrader for the course in ``root`` with the assignments that are declared in a file."""
    find_tools()
    c.CourseDirectory.root = str(root)
    c.CourseDirectory.course_id = "mibook"  # PostgreSQL wants every assignment to be of a course that exists
    # SQLite waits for another writer instead of giving up after five seconds.
    c.CourseDirectory.db_url = f"sqlite:///{root / 'gradebook.db'}?timeout=60"
    c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback", "*.md"]
    c.ClearSolutions.code_stub = {"python": CODE_STUB}
    c.ClearSolutions.text_stub = TEXT_STUB
    c.OverwriteCells.add_missing_cells = True
    c.Execute.timeout = 60
    c.Autograde.pre_convert_hook = before_autograde
    c.Autograde.post_convert_hook = after_autograde
    c.Autograde.autograde_preprocessors = AUTOGRADE
    c.Course.declaration = str(declaration)
    c.PlaceSeed.exercises = c.Judge.exercises = declared(declaration).exercises
    c.PlaceSeed.secret_file = c.Judge.secret_file = str(root / "secret")
    c.AssignLatePenalties.plugin_class = LatePolicy
    c.GenerateFeedback.preprocessors = PREPROCESSORS
    c.GenerateFeedback.exporter_class = FeedbackExporter
    # nbgrader configures every HTMLExporter for pages of its own; these sections are nearer.
    c.FeedbackExporter.template_name, c.MarkingExporter.template_name = "feedback", "marking"
    c.FeedbackExporter.extra_template_basedirs = c.FeedbackExporter.extra_template_paths = [str(TEMPLATES)]
    c.ShowChecks.root = c.ShowModelAnswers.root = c.SaveGrades.root = c.StatusExport.root = str(root)
    c.FormgradeExtension.debug = False  # else it shows the settings, the gradebook's password among them
    if FORMGRADER in sys.modules:  # this process serves it, in JupyterLab or by itself
        marking.use_in_formgrader()
    c.ExportApp.plugin_class = StatusExport
    c.ZipCollectApp.collector_plugin = BulkDownload
    c.Normalise.data_files = []


def before_autograde(assignment: str, student: str, notebooks: list[str]) -> None:
    """Normalise one submission where it lies, before nbgrader reads it."""
    root, student, assignment = _place(notebooks[0])
    folder = Path(notebooks[0]).parent
    try:
        release = {p.name: p.read_bytes() for p in sorted((root / "release" / assignment).glob("*.ipynb"))}
        result = normalise.in_place(folder, release, audit.raw(root, assignment, student), _data_files(root))
        # nbgrader goes on with this very list.
        notebooks[:] = [str(folder / name) for name in sorted(result.files) if name in release]
    except BaseException:
        # nbgrader would log this and go on with what the student wrote: leave it nothing to go on with.
        notebooks.clear()
        log.exception("The submission of %s could not be prepared, and is not graded.", student)
        raise


def after_autograde(assignment: str, student: str, notebooks: list[str]) -> None:
    """Record what nbgrader has just graded."""
    if notebooks:
        root, student, assignment = _place(notebooks[0])
        audit.record_graded_in_place(root, assignment, student)


def _place(notebook: str) -> tuple[Path, str, str]:
    """Root, student and assignment of a path like `root/submitted/student/assignment/name.ipynb`."""
    folder = Path(notebook).parent
    return folder.parents[2], folder.parent.name, folder.name


def _data_files(root: Path) -> list[str]:
    from grading.course import Course

    return list(Course(root).config.Normalise.get("data_files", []))


class BulkDownload(FileNameCollectorPlugin):
    """Who handed in what, from the file names in the bulk downloads of Moodle and Canvas, or `STUDENT/name.ipynb`.

    Who somebody is stands in the outermost name, which the learning management system gave. What lies below it is the
    student's own, folders and zips with the names of other students among it.

    A `named_regexp` of your own, as nbgrader documents it, takes precedence.
    """

    known = (
        # Moodle: Full Name_1234567_assignsubmission_file_/mine.ipynb, with or without the last _
        r"(?P<student_id>[^/]+_\d+)_assignsubmission_file_?/(?:.*/)?(?P<file_id>[^/]+)\.ipynb$",
        # the same without folders: Full Name_1234567_assignsubmission_file_mine.ipynb
        r"(?P<student_id>[^/]+?_\d+)_assignsubmission_file_(?:[^/]+/(?:.*/)?)?(?P<file_id>[^/]+)\.ipynb$",
        # Canvas: familyname_LATE_12345_678901_mine-1.ipynb; the first number is the student's, and names may repeat
        r"(?P<name>[^/_]+)_(?:LATE_)?(?P<number>\d+)_\d+_(?:[^/]+/(?:.*/)?)?(?P<file_id>[^/]+?)(?:-\d+)?\.ipynb$",
        # Folders: student/mine.ipynb
        r"(?P<student_id>[^/]+)/(?:.*/)?(?P<file_id>[^/]+)\.ipynb$",
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seen: set[tuple[str, str]] = set()

    def collect(self, submitted_file: str) -> dict | None:
        """The student and the notebook that a file belongs to, or None if its name says neither."""
        if self.named_regexp:
            return super().collect(submitted_file)
        name = self._given(submitted_file)
        if name.partition("/")[0].count("_assignsubmission_file") > 1:
            return None  # a name that was chosen to be taken for another's: it cannot be told whose it is
        for pattern in self.known:
            if match := re.match(pattern, name, re.DOTALL):
                found = match.groupdict()
                student = found.get("student_id") or f"{found['name']}_{found['number']}"
                # An id becomes a folder's name and a key of the gradebook.
                student = re.sub(r"[^\w.@-]+", "-", student).strip(".-") or "unnamed"
                return {"student_id": student, "file_id": self._unused(student, found["file_id"])}
        return None

    def _given(self, submitted_file: str) -> str:
        """The path of a file from the name on that says whose it is."""
        app = self.parent
        extracted = Path(app._format_collect_path(app.extracted_directory))
        archive = Path(app._format_collect_path(app.archive_directory))
        first, *rest = Path(submitted_file).relative_to(extracted).parts
        # A zip of the whole class becomes a folder around the students'. Folders and single files are copied as they
        # are, and what lies beside others and is named after one student holds that student's work alone.
        copied = (archive / first).exists()
        of_one = self._of_one(f"{first}/x.ipynb") and len(list(archive.iterdir())) > 1
        if copied or of_one or (len(rest) == 1 and not self._of_one(rest[0])):
            return "/".join([first, *rest])
        return "/".join(rest)

    def _of_one(self, name: str) -> bool:
        """Whether a name is one that Moodle or Canvas gives, so that it says whose it is."""
        return any(re.match(pattern, name) for pattern in self.known[:-1])

    def _unused(self, student: str, stem: str) -> str:
        """A name that no other file of the student has: nbgrader stops at a second one of the same name."""
        name, number = f"{stem}.ipynb", 1
        while (student, name) in self.seen:
            number += 1
            name = f"{stem[:50]} ({number}).ipynb"
        self.seen.add((student, name))
        return name
