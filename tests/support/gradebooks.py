"""To compare two gradebooks."""

from __future__ import annotations

from nbgrader.api import Gradebook, SubmittedAssignment


def contents(gradebook: Gradebook) -> list[tuple]:
    """Everything in the gradebook that a grading decides, in a fixed order."""
    rows = []
    for submission in gradebook.db.query(SubmittedAssignment):
        name, student = submission.assignment.name, submission.student_id
        for notebook in submission.notebooks:
            rows.append(
                (name, student, str(submission.timestamp), notebook.name, notebook.late_submission_penalty or 0)
            )
            for grade in notebook.grades:
                marks = (grade.auto_score, grade.manual_score, grade.extra_credit, grade.needs_manual_grade)
                rows.append((name, student, notebook.name, grade.name, *marks))
            for comment in notebook.comments:
                rows.append((name, student, notebook.name, comment.name, comment.auto_comment, comment.manual_comment))
    return sorted(rows, key=repr)
