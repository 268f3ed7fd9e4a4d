"""What decides that a submission is graded again."""

from __future__ import annotations

import pytest
from traitlets.config import Config

from grading.gradebook import key

FILES = {"a.ipynb": "0" * 64}


def settings(**sections) -> Config:
    return Config({"Execute": {"timeout": 60}, "Judge": {"secret_file": "/here/secret"}} | sections)


def word(config: Config, received=FILES, release=FILES, seed=1) -> str:
    return key.key_of(received, release, seed, config)


def test_the_same_inputs_have_the_same_key():
    assert word(settings()) == word(settings())


@pytest.mark.parametrize(
    "change",
    [
        {"config": settings(BubblewrapProvisioner={"memory": 1 << 31})},
        {"config": settings(Execute={"timeout": 61})},
        {"config": settings(RobustExecute={"notebook_seconds": 601})},
        {"config": settings(Normalise={"data_files": ["data.csv"]})},
        {"config": settings(Autograde={"autograde_preprocessors": ["a.b.Step"]})},
        {"received": {"a.ipynb": "1" * 64}},
        {"release": {"a.ipynb": "1" * 64}},
        {"seed": 2},
    ],
    ids=["memory", "a cell's time", "a sheet's time", "data files", "steps", "submission", "release", "seed"],
)
def test_what_can_change_a_grade_changes_the_key(change):
    assert word(**({"config": settings()} | change)) != word(settings())


@pytest.mark.parametrize(
    "sections",
    [
        {"FeedbackExporter": {"template_name": "other"}},
        {"Judge": {"secret_file": "/elsewhere/secret"}},
        {"LatePolicy": {"percent_a_day": 20}},
    ],
    ids=["feedback", "where the secret is", "what lateness costs"],
)
def test_what_can_not_change_a_grade_leaves_the_key(sections):
    assert word(settings(**sections)) == word(settings())


def test_the_weaker_mode_has_a_key_of_its_own(monkeypatch):
    before = word(settings())
    monkeypatch.setenv(key.WEAK, "none")
    assert word(settings()) != before


def test_files_on_the_way_to_a_grade_count_and_those_of_the_feedback_do_not():
    names = {str(path.relative_to(key.HERE)) for path in key.grading_files()}
    on_the_way = (
        "run/execute.py",
        "verdict/judge.py",
        "sandbox/seccomp.py",
        "sandbox/launch.py",
        "record.py",
        "seeds.py",
    )
    assert names >= {*on_the_way, "gradebook/save.py", "exercises/minetrainer.py", "nbgrader_config.py"}
    assert any(name.startswith("intake/") for name in names)
    assert not [name for name in names if name.startswith(("feedback/", "release/", "doctor/"))]
