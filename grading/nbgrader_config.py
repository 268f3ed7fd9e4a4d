"""nbgrader's settings for a course of this book; a course's own `nbgrader_config.py` calls `configure`.

With them every way to grade is the same: `mibook-course grade`, `nbgrader autograde` and the formgrader normalise
a submission first, execute it in the sandbox, and leave the verdict to the grader's own process.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

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
from grading.intake import keep
from grading.intake.collected import raw
from grading.intake.downloads import BulkDownload
from grading.intake.earlier import Earlier
from grading.intake.times import course_zone
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
    c.Execute.timeout = 25
    c.BubblewrapProvisioner.preload = ["torch._dynamo"]  # which the first optimiser imports
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
    c.ZipCollectApp.force = c.ExtractorPlugin.force = True  # a second download takes the place of the first
    c.Normalise.data_files = []
    c.Normalise.zone = ""


def before_autograde(assignment: str, student: str, notebooks: list[str]) -> None:
    """Normalise one submission where it lies, before nbgrader reads it."""
    root, student, assignment = _place(notebooks[0])
    folder = Path(notebooks[0]).parent
    try:
        release, settings = _of_course(root, assignment)
        result = keep.prepare_in_place(folder, release, raw(root, assignment, student), **settings)
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


def _of_course(root: Path, assignment: str) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The released sheets, and what else the course says of what arrives, as `keep.prepare_in_place` takes it."""
    from grading.course import Course

    course = Course(root)
    config = course.config
    said = {"data_files": config.Normalise.get("data_files", []), "zone": course_zone(config)}
    return course.release(assignment), said | {"earlier": Earlier.of(course.earlier(assignment))}
