"""The pages for students and instructors: their commands exist, and the facts they state are the program's."""

from __future__ import annotations

import re
import shlex

import nbgrader.apps
import pytest
from traitlets.config import Config

from chapters.editions import CODE_STUB, TEXT_STUB
from chapters.source import ROOT
from grading.__main__ import _parser
from grading.gradebook.policy import LatePolicy
from grading.nbgrader_config import configure
from grading.record import Status
from grading.run.execute import RobustExecute
from grading.sandbox.bubblewrap import GIB, MIB, Limits
from grading.sandbox.warm import SHEETS
from mibook.results import load

STUDENTS, INSTRUCTORS = (ROOT / "book" / f"for-{who}.md" for who in ("students", "instructors"))
BLOCK = re.compile(r"```bash\n(.*?)```", re.DOTALL)
INLINE = re.compile(r"`((?:make|python -m|nbgrader) [^`\n]+)`")


def commands() -> list[str]:
    """Every command that the guides and the README name, in a block or in a sentence."""
    found = []
    for path in (STUDENTS, INSTRUCTORS, ROOT / "README.md"):
        text = path.read_text(encoding="utf-8")
        lines = [line for block in BLOCK.findall(text) for line in block.splitlines()]
        found += [line.split("  #")[0].strip() for line in lines + INLINE.findall(text)]
    return sorted({line for line in found if line.split()[0] in ("make", "python", "nbgrader", "venv/bin/python")})


@pytest.mark.parametrize("command", commands())
def test_a_documented_command_exists(command):
    program, *words = [word for word in shlex.split(command) if not re.match(r"[A-Z]+=", word)]
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    if program == "make":
        assert words[0] in targets
    elif program == "nbgrader":
        assert any(words[0].replace("_", "") == name.lower().removesuffix("app") for name in nbgrader.apps.__all__)
    elif words[:2] == ["-m", "grading"]:
        _parser().parse_args(words[2:])  # exits, and so fails, on what it does not know
    else:
        module = words[1]
        tool = module in ("venv", "pip", "jupyterlab", "nbgrader", "pytest", "http.server")
        assert tool or (ROOT / f"{module.replace('.', '/')}.py").exists() or (ROOT / module.replace(".", "/")).is_dir()


def test_the_limits_that_the_guides_state_are_those_in_force(tmp_path):
    config, limits, late = Config(), Limits(), LatePolicy()
    configure(config, tmp_path)
    students, instructors = (path.read_text(encoding="utf-8") for path in (STUDENTS, INSTRUCTORS))
    seconds = f"{config.Execute.timeout} s and a sheet {RobustExecute().notebook_seconds} s"
    assert f"A cell may take {seconds}" in students
    assert f"longer than its {config.Execute.timeout} s" in instructors
    assert SHEETS == 200
    assert "After two hundred sheets another process is forked" in instructors
    memory, disk = limits.memory // GIB, limits.disk // MIB
    assert f"Memory ({memory} GiB), processes ({limits.processes}), private disk ({disk} MiB)" in instructors
    policy = f"{late.percent_a_day:g} % of the earned points for each day begun, after {late.grace_minutes:g} minutes"
    assert policy in instructors
    assert late.percent_at_most == 50
    assert "at most half" in instructors


def test_the_guides_name_every_status_and_every_stub():
    rows = re.findall(r"^\| ([a-z ]+) \|", INSTRUCTORS.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(Status) <= set(rows)
    students = STUDENTS.read_text(encoding="utf-8")
    assert TEXT_STUB in students
    assert CODE_STUB.split("(")[0] in students


def test_the_instructors_page_shows_what_the_benchmark_stored(reader_site):
    page = (reader_site / "book" / "for-instructors.html").read_text(encoding="utf-8")
    measured = load("autograding")
    assert measured.submissions[0] >= 300
    for rate in measured["a minute"]:
        assert f"<p>{rate:.1f}</p>" in page
