"""The verdicts: every plausible wrong answer loses points with its reason named, and no correct variant loses any.

An answer goes the way that it goes in a course, in one warm process: the chapter's definition cells with the
answer in place of the solution, then the probe, then the judge, with the record passed as text between them.
The answers are in tests/grading/answers. One test takes the way through a real kernel.
"""

from __future__ import annotations

import json

import IPython.display
import nbformat
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from answers import REGION
from grading import seeds
from grading.errors import CourseError
from grading.verdict import judge, registry
from grading.verdict.probe import MIME
from verdicts import (
    ANSWERS,
    EXERCISES,
    PACKAGE,
    TABLES,
    context,
    hidden_test,
    load,
    marks,
    pages,
    parts,
    published,
    record,
    show,
    solved,
    stubbed,
    total,
)

# The exercises


def test_every_graded_code_cell_has_one_exercise_whose_points_are_the_cells():
    points = {}
    for page in pages().values():
        for cell in page.cells:
            facts = cell.metadata.get("nbgrader", {})
            if cell.cell_type == "code" and facts.get("grade"):
                points[facts["grade_id"]] = facts["points"]
    assert {
        exercise.TEST_ID: sum(exercise.POINTS.values()) for exercise in registry.exercises(PACKAGE).values()
    } == points
    for exercise in registry.exercises(PACKAGE).values():
        assert REGION.search(parts(exercise.GRADE_ID)[0]), exercise.GRADE_ID


def test_an_unknown_test_cell_is_named_with_the_known_ones():
    with pytest.raises(CourseError, match=r"'test-nothing', only test-avg-DV, "):
        load("test-nothing")


@pytest.mark.parametrize(
    ("test_id", "words"),
    [
        ("test-MINE-Net", ["elu", "expm1"]),
        ("test-MINETrainer", ["exp(", "logsumexp", "log("]),
        ("test-MINEETrainer", ["exp(", "logsumexp", "dv("]),
        ("test-avg-DV", ["exp(", "logsumexp"]),
        ("test-DVTrainer", ["exp(", "logsumexp", "logmeanexp"]),
        ("test-moving-average", ["* m +", "1 - beta", "lerp"]),
        ("test-resample", ["randint", "choice", "len(X), size"]),
        ("test-reference-sample", ["normal(", "randn"]),
    ],
)
def test_the_probe_holds_no_answer(test_id, words):
    probe = load(test_id).PROBE.split("def probe(")[1]  # before it come the inputs, which draw random numbers
    assert not [word for word in words if word in probe]


def test_the_probe_leaves_no_name_behind_and_shadowed_names_do_it_no_harm():
    namespace = dict(context("MINE-Net"))
    exec(solved("MINE-Net"), namespace)
    namespace.update(list=[1], len=3, x="kept", plain=None, attempt=4, SEED="the chapter's")
    before = dict(namespace)
    outputs: list = []
    original, IPython.display.publish_display_data = IPython.display.publish_display_data, outputs.append
    try:
        exec(hidden_test("test-MINE-Net", 1), namespace)
    finally:
        IPython.display.publish_display_data = original
    assert total(load("test-MINE-Net").judge(outputs[0][MIME], 1)) == 5
    assert {name for name in namespace if namespace[name] is not before.get(name, namespace)} == set()


# Wrong answers and correct variants


def rows(kind: str) -> list:
    return [
        pytest.param(name, title, number, id=f"{name}: {title}")
        for name, answers in ANSWERS.items()
        for number, title in enumerate(getattr(answers, kind))
    ]


@pytest.mark.parametrize("name", TABLES)
def test_the_tables_are_as_long_as_promised_and_lose_each_behaviour(name):
    table = ANSWERS[name]
    assert len(table.WRONG) >= table.LEAST_WRONG >= 10, table.__file__
    assert len(table.RIGHT) >= table.LEAST_RIGHT >= 6, table.__file__
    behaviours = {behaviour for test_id in TABLES[name] for behaviour in load(test_id).POINTS}
    assert {behaviour for behaviour, *_ in ANSWERS[name].WRONG.values()} == behaviours


@pytest.mark.parametrize(("name", "title", "number"), rows("WRONG"))
def test_wrong_answer_loses_points_and_the_reason_is_named(name, title, number):
    behaviour, words, *answer = ANSWERS[name].WRONG[title]
    tests, seed = TABLES[name], 100 + number % 7
    checks = {}
    for test_id in tests:
        checks |= marks(test_id, solved(load(test_id).GRADE_ID, *answer), seed)
    assert checks[behaviour].earned == 0, show(checks)
    assert words in checks[behaviour].reason, show(checks)
    for check in checks.values():
        assert (check.reason == "") == (check.earned == check.points), show(checks)
        assert not check.reason or check.reason[-1] in ".?!…", show(checks)


@pytest.mark.parametrize(("name", "title", "number"), rows("RIGHT"))
def test_correct_variant_has_full_marks(name, title, number):
    answer = ANSWERS[name].RIGHT[title]
    answer = answer if isinstance(answer, tuple) else (answer,)
    for test_id in TABLES[name]:
        cell = solved(load(test_id).GRADE_ID, *answer)
        for seed in (200 + number % 20, 200 + (number + 7) % 20):  # all seeds of twenty, over the variants
            checks = marks(test_id, cell, seed)
            assert not [check for check in checks.values() if check.reason], show(checks)


@pytest.mark.parametrize("test_id", EXERCISES)
def test_the_chapters_solution_has_full_marks_over_twenty_seeds_and_the_stub_none(test_id):
    grade_id = load(test_id).GRADE_ID
    for seed in [*range(19), 2**63 - 1]:
        checks = marks(test_id, solved(grade_id), seed)
        assert not [check for check in checks.values() if check.reason], show(checks)
    checks = marks(test_id, stubbed(grade_id), 5)
    assert total(checks.values()) == 0, show(checks)
    assert any("stub" in check.reason for check in checks.values()), show(checks)


def test_layers_held_in_a_list_and_named_besides_lose_nothing():
    given = """        self.fc1 = nn.Linear(input_size, hidden_size)
        self.fc2 = nn.Linear(hidden_size, hidden_size)
        self.fc3 = nn.Linear(hidden_size, 1)
"""
    listed = """        sizes = [input_size, hidden_size, hidden_size, 1]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.fc1, self.fc2, self.fc3 = self.layers
"""
    cell = solved("MINE-Net")
    assert given in cell
    checks = marks("test-MINE-Net", cell.replace(given, listed), 3)
    assert not [check for check in checks.values() if check.reason], show(checks)


@pytest.mark.parametrize("name", TABLES)
def test_correct_variants_pass_the_visible_tests_too(name):
    """A test that a student sees must not refuse what the grade accepts."""
    for title, answer in ANSWERS[name].RIGHT.items():
        for test_id in TABLES[name]:
            namespace = dict(context(load(test_id).GRADE_ID))
            answer = answer if isinstance(answer, tuple) else (answer,)
            exec(solved(load(test_id).GRADE_ID, *answer), namespace)
            try:
                exec(parts(test_id)[0], namespace)
            except AssertionError as error:
                pytest.fail(f"{title}: {error}")


# Records that nobody should trust


def deep(depth: int) -> list:
    nest: list = []
    for _ in range(depth):
        nest = [nest]
    return nest


GARBAGE = [
    None, True, 0, -1, 3.5, float("nan"), float("inf"), 1e308, 10**400, "", "x" * 10_000, [], {}, [[]], [None],
    [1, [2, [3]]], {"error": 5}, {"error": "\x1b[31m" * 999}, {"values": "0.5"}, {"values": [True]}, deep(3000), {1: 2},
]  # fmt: skip


@pytest.mark.parametrize("test_id", EXERCISES)
def test_garbage_earns_nothing_and_never_stops_the_judge(test_id):
    exercise = load(test_id)
    keys = list(json.loads(record(test_id)))
    for thing in GARBAGE:
        for whole in (thing, dict.fromkeys(keys, thing), [thing] * 9):
            checks = exercise.judge(whole, 1)
            assert [check.behaviour for check in checks] == list(exercise.POINTS)
            assert total(checks) == 0
            assert all(check.reason for check in checks)


def replaced(value: object, new) -> object:
    """A record with each of its numbers replaced."""
    if isinstance(value, dict):
        return {key: replaced(item, new) for key, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, new) for item in value]
    return new(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


@pytest.mark.parametrize("test_id", EXERCISES)
def test_numbers_of_another_kind_earn_nothing(test_id):
    wrongs = [float("nan"), float("inf"), -float("inf"), 1e308, 10**400, True, None, "1.0", [1.0]]
    changes = [lambda _, wrong=wrong: wrong for wrong in wrongs] + [str, lambda number: [number]]
    for change in changes:
        checks = load(test_id).judge(replaced(json.loads(record(test_id)), change), 1)
        assert total(checks) == 0, (change, checks)


@pytest.mark.parametrize("test_id", EXERCISES)
def test_a_record_damaged_at_any_place_neither_stops_the_judge_nor_gains(test_id):
    exercise, rng = load(test_id), np.random.default_rng(3)
    for turn in range(60):
        damaged = json.loads(record(test_id))
        place = damaged
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = keys[int(rng.integers(len(keys)))]
            if not isinstance(place[key], (dict, list)) or not place[key] or rng.random() < 0.3:
                break
            place = place[key]
        place[key] = GARBAGE[turn % len(GARBAGE)]
        checks = exercise.judge(damaged, 1)
        assert total(checks) <= sum(exercise.POINTS.values())
        assert all((check.reason == "") == (check.earned == check.points) for check in checks)


@pytest.mark.parametrize("test_id", EXERCISES)
def test_a_record_copied_from_another_seed_earns_nothing(test_id):
    for seed in (2, 3, 4):
        checks = load(test_id).judge(json.loads(record(test_id, 1)), seed)
        assert total(checks) == 0, checks


# Attacks in the kernel


def test_a_second_record_makes_all_of_them_worthless():
    honest = published("test-MINE-Net", solved("MINE-Net"), 1)
    checks = judge.verdict(honest * 2, load("test-MINE-Net"), 1)
    assert total(checks) == 0
    assert all("2 records" in check.reason for check in checks)
    answer = (
        "import IPython.display\nIPython.display.publish_display_data({'" + MIME + "': {'t one': 1}})\n"
        "z = torch.cat([x, y], dim=-1)\nreturn self.fc3(F.elu(self.fc2(F.elu(self.fc1(z)))))"
    )
    checks = marks("test-MINE-Net", solved("MINE-Net", answer), 1)
    assert total(checks.values()) == 0
    assert "records were published" in checks["value of t"].reason


def test_patched_functions_of_torch_earn_only_what_is_right(monkeypatch):
    """The reference is computed outside, by clean functions: here the patches last for the probe alone."""

    def outputs_under(name: str, module, patch) -> list[dict]:
        with monkeypatch.context() as patched:
            patched.setattr(module, name, patch)
            return published("test-MINE-Net", solved("MINE-Net"), 1)

    elu = judge.verdict(outputs_under("elu", F, torch.relu), load("test-MINE-Net"), 1)
    assert elu[1].reason == "After fc1 and fc2 there is ReLU where ELU should be."
    same = judge.verdict(outputs_under("equal", torch, lambda *a: True), load("test-MINE-Net"), 1)
    assert total(same) == 5
    values = outputs_under("tolist", torch.Tensor, lambda tensor: [0.5] * tensor.numel())
    assert total(judge.verdict(values, load("test-MINE-Net"), 1)) <= 0.5
    fixed = outputs_under("default_rng", np.random, lambda *seed, g=np.random.default_rng: g(0))
    assert total(judge.verdict(fixed, load("test-MINE-Net"), 1)) == 0


# The verdict on a cell's outputs


def test_without_a_record_the_reason_is_the_cells_error():
    error = {"output_type": "error", "ename": "AssertionError", "evalue": "t(3, 1)\nshould be 1", "traceback": []}
    stream = {"output_type": "stream", "name": "stdout", "text": "hello"}
    for outputs, words in [
        ([stream, error], "The test stopped with AssertionError: t(3, 1) should be 1"),
        ([{"output_type": "error", "ename": "NotImplementedError", "evalue": "…"}], "stub is still in place"),
        ([stream], "did not run to its end"),
        ([], "did not run to its end"),
        (None, "did not run to its end"),
        ([None, 3, {"data": 5}, {"data": {MIME + "x": 1}}], "did not run to its end"),
    ]:
        checks = judge.verdict(outputs, load("test-MINE-Net"), 1)
        assert total(checks) == 0
        assert all(words in check.reason for check in checks)


def test_a_record_counts_beside_prints_and_a_failed_assert_after_it():
    outputs = published("test-MINE-Net", solved("MINE-Net"), 1)
    around = [{"output_type": "stream", "name": "stderr", "text": "warning"}, *outputs, {"output_type": "error"}]
    assert total(judge.verdict(around, load("test-MINE-Net"), 1)) == 5


def test_a_judge_that_fails_gives_no_points_and_does_not_raise(monkeypatch):
    outputs = published("test-MINE-Net", solved("MINE-Net"), 1)
    monkeypatch.setattr(load("test-MINE-Net"), "judge", lambda *_: 1 / 0)
    checks = judge.verdict(outputs, load("test-MINE-Net"), 1)
    assert total(checks) == 0
    assert "ZeroDivisionError" in checks[0].reason


def test_seeds_differ_by_secret_assignment_and_student_and_stay_the_same():
    found = [
        seeds.seed(secret, assignment, student)
        for secret in (b"a" * 32, b"b" * 32)
        for assignment, student in (("part1", "ann"), ("part1", "bob"), ("part2", "ann"), ("part1a", "nn"))
    ]
    assert len(set(found)) == len(found)
    assert all(0 <= seed < 2**63 for seed in found)
    assert seeds.seed(b"a" * 32, "part1", "ann") == found[0]


@pytest.mark.costly
def test_probes_and_verdicts_work_through_a_real_kernel():
    """Two exercises of one chapter: the records arrive as display data, and earn what they should."""
    context_cells = [new_code_cell(source) for source in parts("MINETrainer")[1]]
    answer = solved("MINETrainer")
    tests = [new_code_cell(hidden_test(test_id, 9)) for test_id in ("test-MINE-Net", "test-MINETrainer")]
    notebook = new_notebook(cells=[*context_cells, new_code_cell(answer), *tests])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    cells = json.loads(nbformat.writes(notebook))["cells"]
    for cell, test_id in zip(cells[-2:], ("test-MINE-Net", "test-MINETrainer"), strict=True):
        checks = judge.verdict(cell["outputs"], load(test_id), 9)
        assert not [check for check in checks if check.reason], checks
        assert not [output for output in cell["outputs"] if output["output_type"] == "stream"]
