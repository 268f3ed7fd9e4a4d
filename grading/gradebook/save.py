"""nbgrader's step that writes the automatic points of a submission that it graded by itself."""

from __future__ import annotations

from pathlib import Path

from nbgrader.preprocessors import SaveAutoGrades
from traitlets import Unicode

from grading.gradebook import audit, marks


class SaveGrades(SaveAutoGrades):
    """What a person has marked is not to mark again as long as it is for the same text and maximum."""

    root = Unicode("", help="The course's folder.").tag(config=True)

    def preprocess(self, nb, resources):
        who = resources["nbgrader"]
        before = audit.latest(Path(self.root), who["assignment"], who["student"])
        was, now = before.bases if before else {}, marks.bases(nb)
        self.same = {name for name, word in now.items() if was.get(name) == word}
        return super().preprocess(nb, resources)

    def _add_score(self, cell, resources):
        name = cell.metadata.nbgrader["grade_id"]
        grade = self.gradebook.find_grade(name, self.notebook_id, self.assignment_id, self.student_id)
        kept = marks.keeps(grade, name in self.same)
        super()._add_score(cell, resources)
        if kept:
            grade.needs_manual_grade = False
            self.gradebook.db.commit()
