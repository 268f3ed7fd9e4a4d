"""Both assignments through real kernels: model answers, stubs and a sample of the tables."""

from __future__ import annotations

import nbformat
import pytest

import grading_course
import verdicts as warm
from answers import fill
from grading import pipeline
from grading.gradebook import audit
from grading_course import (
    ALL,
    cell,
    hand_in,
    released,
    solved,
)

pytestmark = pytest.mark.usefixtures("sandbox", "where_we_were")


EXERCISES_OF = {
    "foundations": ("reference_sample", "avg_dv", "dvtrainer"),
    "mutual-information": ("resample", "moving_average", "mine_net", "minetrainer", "mineetrainer"),
}


def test_every_table_of_answers_is_sampled_below():
    assert {name for names in EXERCISES_OF.values() for name in names} == set(warm.TABLES)


def sampled(name: str, kind: str, part: float) -> tuple:
    """An answer from a table, at this part of its length."""
    answers = list(getattr(warm.ANSWERS[name], kind).values())
    answer = answers[int(part * len(answers))]
    return answer[2:] if kind == "WRONG" else answer if isinstance(answer, tuple) else (answer,)


@pytest.mark.parametrize("of", ALL)
def test_model_answers_stubs_and_a_sample_of_others_get_what_they_get_in_one_process(tmp_path, of):
    """The solution has full marks, the stub none, and wrong and right answers what the verdicts' own tests give."""
    course = grading_course.course(tmp_path)
    samples = {"wrong-early": ("WRONG", 0.3), "wrong-late": ("WRONG", 0.8), "right": ("RIGHT", 0.6)}
    chosen = {student: {name: sampled(name, *which) for name in EXERCISES_OF[of]} for student, which in samples.items()}
    for name in ALL[of]:
        hand_in(course, "solver", solved(name, of), name, of)
        hand_in(course, "stub", released(name, of), name, of)
        source = nbformat.read(course.root / "source" / of / name, as_version=4)
        for student, answers in chosen.items():
            notebook = released(name, of)
            for table, answer in answers.items():
                grade_id = warm.load(warm.TABLES[table][0]).GRADE_ID
                if any(c.id == grade_id for c in source.cells):
                    cell(notebook, grade_id).source = fill(cell(source, grade_id).source, *answer)
            hand_in(course, student, notebook, name, of)
    rows = {row.student: row for row in pipeline.grade(course, of, processes=2, progress=False)}
    with course.gradebook() as book:
        most = book.find_assignment(of).max_code_score
        found = book.find_submission(of, "solver")
        assert (found.code_score, rows["stub"].score, rows["right"].score) == (most, 0, most)
        written = [g for n in found.notebooks for g in n.grades if g.cell.cell_type == "markdown"]
        assert written
        assert all(grade.needs_manual_grade and grade.score == 0 for grade in written)
    assert rows["solver"].status == "needs marking"
    for student, answers in chosen.items():
        record, seed = audit.latest(course.root, of, student), course.seed(of, student)
        for table, answer in answers.items():
            for test_id in warm.TABLES[table]:
                expected = warm.marks(test_id, warm.solved(warm.load(test_id).GRADE_ID, *answer), seed)
                assert record.checks[test_id] == list(expected.values()), (student, test_id)
