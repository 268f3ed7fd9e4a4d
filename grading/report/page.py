"""The report as files: one page without names, and one with the names that need a word."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from chapters.source import ROOT
from grading.course import Course
from grading.feedback.write import TEMPLATES, points
from grading.files import write
from grading.record import WORTH_SAYING
from grading.report.answers import Klass, klass
from grading.report.study import Study, study

SITE = ROOT / "_build" / "site"  # where `make book` leaves the book
WEAK = 0.4  # of the points: who earned less needs a word


def generate(course: Course, assignment: str) -> list[Path]:
    """Write the report on an assignment, and the page with names; return both files.

    Raises CourseError where nothing of it is graded.
    """
    found = klass(course, assignment)
    figures = study(found)
    shown = {
        "title": course.declaration.assignments[assignment].title,
        "book": str(course.config.Report.get("book", SITE.as_uri())).rstrip("/"),
        "found": found,
        "study": figures,
        "possible": sum(task.points for task in found.exercises),
        "style": (TEMPLATES / "feedback" / "feedback.css").read_text(encoding="utf-8"),
    }
    files = []
    for name, template, more in (
        (f"{assignment}.html", "report.html.j2", {}),
        (f"{assignment}-names.html", "names.html.j2", {"words": words(found, figures), "missing": missing(found)}),
    ):
        files.append(course.root / "report" / name)
        write(files[-1], _environment().get_template(template).render(shown | more).encode())
    return files


def _environment() -> Environment:
    loader = FileSystemLoader(Path(__file__).with_name("templates"))
    environment = Environment(
        autoescape=True, loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["points"] = points
    return environment


def missing(found: Klass) -> list[str]:
    """Who has not handed in, by name."""
    return [name for student, name in found.names.items() if student not in found.records]


def words(found: Klass, figures: Study) -> list[tuple[str, list[str]]]:
    """Who needs a word, by name, and why: the run failed or a test was changed, little was earned, much is blank."""
    most = sum(task.points for task in found.exercises)
    waits = {answer.student for entry in figures.figures for answer in entry.answers if answer.waits}
    listed = []
    for student, record in found.records.items():
        reasons = []
        if record.status(0) in WORTH_SAYING:
            reasons += [note.text for note in record.notes]
        if student not in waits and figures.totals[student] < WEAK * most:
            reasons.append(f"{points(figures.totals[student])} of {points(most)} points")
        blank = [
            entry.exercise.title for entry in figures.figures for a in entry.answers if a.student == student and a.blank
        ]
        if 2 * len(blank) > len(found.exercises):
            reasons.append(f"{len(blank)} of {len(found.exercises)} answers are blank")
        if reasons:
            listed.append((found.names[student], reasons))
    return listed
