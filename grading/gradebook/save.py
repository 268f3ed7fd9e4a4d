"""nbgrader's step that writes the automatic points of a submission that it graded by itself."""

from __future__ import annotations

from pathlib import Path

from nbgrader.preprocessors import SaveAutoGrades
from traitlets import Unicode

from grading.gradebook import audit, marks


class SaveGrades(SaveAutoGrades):
    """What a person has marked is not to mark again as long as the submission is the same."""

    root = Unicode("", help="The course's folder.").tag(config=True)

    def _add_score(self, cell, resources):
        name = cell.metadata.nbgrader["grade_id"]
        grade = self.gradebook.find_grade(name, self.notebook_id, self.assignment_id, self.student_id)
        kept = marks.keeps(grade, self._unchanged())
        super()._add_score(cell, resources)
        if kept:
            grade.needs_manual_grade = False
            self.gradebook.db.commit()

    def _unchanged(self) -> bool:
        where = Path(self.root), self.assignment_id, self.student_id
        return audit.unchanged(*where, audit.received(*where)["received"])
