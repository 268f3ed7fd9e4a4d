"""What a page says of a submission: points, checks with their reasons, notes; and which outputs it shows."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC
from pathlib import Path

from nbconvert.preprocessors import Preprocessor
from nbgrader.api import Gradebook
from nbgrader.preprocessors import GetGrades
from nbgrader.utils import is_grade, is_solution
from traitlets import Bool, Unicode

from grading.gradebook import audit
from grading.gradebook.policy import lateness, penalise, policy_of
from grading.intake.collected import TimeFrom
from grading.intake.times import course_zone, spoken
from grading.record import METADATA, checks_of
from grading.verdict.hidden import shown

TITLE = re.compile(r"\A#+ (.+)\n*")
LONGEST = 50_000  # characters of one source or one output
MOST_SHOWN = 2_000_000  # characters of all outputs on a page
CUT = "\n\n… (the rest of this cell is too long to be shown)"
PNG = b"\x89PNG\r\n\x1a\n"
LARGEST_PICTURE = 16 << 20  # characters of its base64


class ShowGrades(GetGrades):
    """nbgrader's scores and comments, with what it leaves out: what is still to mark, and the whole assignment.

    The late penalty is a part of the earned points, and a person may have marked since it was set: so it is set anew.
    """

    def preprocess(self, nb, resources):
        who = resources["nbgrader"]
        with Gradebook(who["db_url"]) as book:
            penalise(book, who["assignment"], who["student"], policy_of(self.config))
            submission = book.find_submission(who["assignment"], who["student"])
            here = Path(resources["metadata"]["path"])  # root/autograded/student/assignment
            late = lateness(submission, here.parents[2])
            handed_in = {path.stem for path in here.glob("*.ipynb")}
            resources["no_time"] = late.unknown
            resources["late"] = _duration(late.seconds) if late.seconds > 0 else ""
            if late.seconds > 0:
                when = spoken(submission.timestamp.replace(tzinfo=UTC), course_zone(self.config))
                resources["handed_in"] = f"{when}, as {late.time_from or TimeFrom.HAND} says"
            resources["in_all"] = {
                "score": submission.score - submission.late_submission_penalty,
                "max_score": submission.max_score,
                "notebooks": [
                    (n.name, n.score - (n.late_submission_penalty or 0), n.max_score, n.name in handed_in)
                    for n in submission.notebooks
                ],
            }
        return super().preprocess(nb, resources)

    def _get_score(self, cell, resources):
        super()._get_score(cell, resources)
        where = (resources["nbgrader"][name] for name in ("notebook", "assignment", "student"))
        grade = self.gradebook.find_grade(cell.metadata.nbgrader["grade_id"], *where)
        cell.metadata.nbgrader["to_mark"] = grade.needs_manual_grade
        cell.metadata.nbgrader["by_hand"] = grade.manual_score is not None


def _duration(seconds: float) -> str:
    """A time in the largest unit of which it has at least two, rounded up."""
    units = {"days": 86400, "hours": 3600, "minutes": 60}
    unit = next((unit for unit, length in units.items() if seconds >= 2 * length), "minutes")
    count = -(-round(seconds) // units[unit])
    return f"{count} {unit if count > 1 else unit[:-1]}"


class ShowChecks(Preprocessor):
    """Give the page its order: a title, exercises with their points, and of each cell the part that it plays.

    The hidden tests' source goes; what was noticed in the submission goes above all.
    """

    enabled = Bool(True).tag(config=True)
    root = Unicode("", help="The course's folder.").tag(config=True)

    def preprocess(self, nb, resources):
        resources["title"], resources["noticed"] = "", self._noticed(resources["nbgrader"])
        exercises = resources["exercises"] = []
        kept = []
        for cell in nb.cells:
            part, checks = part_of(cell), checks_of(cell)
            if part in ("own", "answer", "written") and len(cell.source) > LONGEST:
                cell.source = cell.source[:LONGEST] + CUT
            cell.metadata[METADATA] = {"part": part, "checks": [check._asdict() for check in checks]}
            if part == "about":
                resources["title"] = _take_title(cell)
                continue  # how to work on the sheet is no news to who has
            if part == "statement":
                title = cell.metadata[METADATA]["title"] = _take_title(cell)
                exercises.append({"title": title, "id": cell.metadata.nbgrader["grade_id"], "cells": []})
            if is_grade(cell) and exercises:
                exercises[-1]["cells"].append(cell)
            if part == "test":
                cell.source = shown(cell.source)
                cell.outputs = [output for output in cell.outputs if output.output_type != "execute_result"]
            kept.append(cell)
        nb.cells = kept
        return nb, resources

    def _noticed(self, who: dict) -> list[str]:
        record = audit.latest(Path(self.root), who["assignment"], who["student"]) if self.root else None
        return [note.text for note in record.notes] if record else []


def part_of(cell) -> str:
    """What a cell is to the reader: about, statement, given, answer, written, test, or the student's own."""
    known = cell.metadata.get("nbgrader")
    if not known:
        return "own"
    if is_solution(cell):
        return "written" if is_grade(cell) else "answer"
    if is_grade(cell):
        return "test"
    if cell.cell_type == "code":
        return "given"
    return "about" if known["grade_id"].endswith("-about") else "statement"


def _take_title(cell) -> str:
    """Take the heading off a text cell; return its words."""
    match = TITLE.match(cell.source)
    if match is None:
        return ""
    cell.source = cell.source[match.end() :]
    return match[1]


class ShowOutputs(Preprocessor):
    """Keep of each output what is shown: printed text, plain text and PNG, all of bounded length."""

    enabled = Bool(True).tag(config=True)

    def preprocess(self, nb, resources):
        self.room = MOST_SHOWN
        return super().preprocess(nb, resources)

    def preprocess_cell(self, cell, resources, index):
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                output.text = self._fit(output.text)
            elif output.output_type == "error":
                output.traceback = [self._fit("\n".join(output.traceback))]
            else:
                output.data = self._kept(output.data)
                # nbconvert writes an output's metadata into the page as it is: a width may be a whole attribute.
                output.metadata = {}
        return cell, resources

    def _kept(self, data: dict) -> dict:
        if picture := _png(data.get("image/png")):
            return {"image/png": picture}
        return {"text/plain": self._fit(str(data.get("text/plain", "")))}

    def _fit(self, text: str) -> str:
        kept = text[: min(LONGEST, self.room)]
        self.room -= len(kept)
        return kept if kept == text else kept + CUT


def _png(payload: object) -> str:
    """A picture's base64 on one line, if it is one and not too large; else nothing."""
    text = "".join(payload.split()) if isinstance(payload, str) and len(payload) <= LARGEST_PICTURE else ""
    try:
        return text if base64.b64decode(text, validate=True).startswith(PNG) else ""
    except (binascii.Error, ValueError):
        return ""


PREPROCESSORS = [ShowGrades, ShowChecks, ShowOutputs]
