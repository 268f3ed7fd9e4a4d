"""What stands around the execution of a submission: the student's seed before it, the verdict after it.

nbgrader runs these between its own steps, whoever started it: `mibook-course grade`, `nbgrader autograde`, or a
button of the formgrader.
"""

from __future__ import annotations

from pathlib import Path

from nbformat.v4 import new_output
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution
from traitlets import Integer, Unicode

from grading import seeds
from grading.errors import CourseError
from grading.record import METADATA, Note, NoteKind, Run, write_checks, write_run
from grading.verdict import judge
from grading.verdict.hidden import shown_traceback
from grading.verdict.probe import MIME, seeded
from grading.verdict.registry import load


def tests(notebook):
    """The test cells of a notebook with their names: graded code that is not an answer."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and is_grade(cell) and not is_solution(cell):
            yield cell.metadata.nbgrader["grade_id"], cell


def check_test(package: str, name: str, source: str) -> None:
    """Raise CourseError if a course's test is not the one that this grader judges, for it would find everyone wrong."""
    if load(package, name).PROBE.rstrip("\n") not in source:
        raise CourseError(f"{name} was made by another version of the grader: run `make assignment`, then grade again.")


class OfCourse(NbGraderPreprocessor):
    """A preprocessor that knows the exercises, and the student's seed: given, or drawn from the course's secret."""

    exercises = Unicode(help="The Python package of the modules that judge.").tag(config=True)
    secret_file = Unicode("", help="The file with the course's secret.").tag(config=True)
    seed = Integer(-1, help="The student's seed, where the secret is not at hand; -1: draw it.").tag(config=True)

    def seed_of(self, resources) -> int:
        if self.seed >= 0:
            return self.seed
        who = resources["nbgrader"]
        return seeds.seed(seeds.secret(Path(self.secret_file)), who["assignment"], who["student"])


class PlaceSeed(OfCourse):
    """Put the student's seed into the hidden tests."""

    def preprocess(self, nb, resources):
        for name, cell in tests(nb):
            check_test(self.exercises, name, cell.source)
            cell.source = seeded(cell.source, self.seed_of(resources))
        return nb, resources


class Judge(OfCourse):
    """Judge what the test cells published, and hand the points to nbgrader as partial credit.

    nbgrader takes points from the one ``execute_result`` of a test cell, and none if there is an error. So an error
    becomes printed text here, and the only result is ours. The checks, with their reasons, are kept in the
    cell's metadata for the feedback, and what was noticed in the notebook's for the audit.
    """

    def preprocess(self, nb, resources):
        seed, notes = self.seed_of(resources), []
        run = resources.get(METADATA, Run())
        for name, cell in tests(nb):
            cell.source = seeded(cell.source, 0, before=seed)
            checks = judge.verdict(cell.outputs, load(self.exercises, name), seed)
            if sum(MIME in output.get("data", {}) for output in cell.outputs) > 1:
                several = f"{name}: several records were published where the test publishes one."
                notes.append(Note(NoteKind.TAMPERED, several, name))
            most = float(cell.metadata.nbgrader["points"])
            points = min(max(round(sum(check.earned for check in checks), 6), 0.0), most)
            cell.outputs = [_tame(output) for output in cell.outputs if MIME not in output.get("data", {})]
            cell.outputs.append(new_output("execute_result", {"text/plain": repr(points)}, execution_count=None))
            write_checks(cell, checks)
        if run.stop:
            notes.append(Note(NoteKind.FAILED, run.stop.text))
        write_run(nb, run, notes)
        return nb, resources


def _tame(output):
    """An output that says the same and that nbgrader does not take for a mark."""
    if output.output_type == "error":
        return new_output("stream", name="stdout", text=shown_traceback("\n".join(output.traceback)) + "\n")
    if output.output_type == "execute_result":
        return new_output("display_data", output.data)
    if output.output_type == "stream":
        output.name = "stdout"
    return output
