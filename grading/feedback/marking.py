"""The formgrader's page on which a person marks a submission: inert, offline, with the model answers beside.

nbgrader makes that page with nbconvert's exporter as it is, which cleans no text cell, loads MathJax from another
host, and shows neither the checks nor what an answer should be. `use_in_formgrader` puts this exporter in its place.
The names and classes in its template are those that nbgrader's own scripts look for.
"""

from __future__ import annotations

import secrets
from pathlib import Path

import nbformat
from nbconvert.preprocessors import Preprocessor
from traitlets import Bool, List, Unicode

from grading.feedback.said import ShowChecks, ShowOutputs
from grading.feedback.write import FeedbackExporter
from grading.record import METADATA

# What the page may do: nbgrader's scripts, named by a number that no submission can know, and their requests home.
POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'"
)


class ShowModelAnswers(Preprocessor):
    """Put the source's answer, with its rubric, beside each written answer."""

    enabled = Bool(True).tag(config=True)
    root = Unicode("", help="The course's folder.").tag(config=True)

    def preprocess(self, nb, resources):
        who = resources["nbgrader"]
        source = Path(self.root) / "source" / who["assignment"] / f"{who['notebook']}.ipynb"
        answers = {}
        if source.exists():
            answers = {cell.id: cell.source for cell in nbformat.read(source, as_version=4).cells}
        for cell in nb.cells:
            if cell.metadata[METADATA].part == "written":
                cell.metadata[METADATA]["model"] = answers.get(cell.metadata.nbgrader["grade_id"], "")
        return nb, resources


class MarkingExporter(FeedbackExporter):
    """The formgrader's page of a submission."""

    default_preprocessors: List = List([])
    preprocessors = List([ShowChecks, ShowModelAnswers, ShowOutputs])

    def from_notebook_node(self, nb, resources=None, **kwargs):
        resources = dict(resources or {})
        resources["nbgrader"] = {
            "assignment": resources["assignment_id"],
            "student": resources["student"],
            "notebook": resources["notebook_id"],
        }
        resources["nonce"] = nonce = secrets.token_urlsafe(16)
        resources["policy"] = POLICY.format(nonce=nonce)
        return super().from_notebook_node(nb, resources, **kwargs)


def use_in_formgrader() -> None:
    """Let the formgrader of this process, however it was started, show submissions with `MarkingExporter`."""
    from nbgrader.server_extensions.formgrader.handlers import SubmissionHandler

    def exporter(handler):
        # The course, and with it the configuration, may have changed since the server began.
        return MarkingExporter(config=handler.settings["nbgrader_formgrader"].config)

    SubmissionHandler.exporter = property(exporter)
