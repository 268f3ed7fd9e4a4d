"""A class of hostile and broken submissions, graded whole by the real command, with honest students between them.

The submissions are in tests/grading/hostile. None harms the machine, the course or another submission, none earns what
its code does not, none keeps the others from being graded, and each ends with a recorded reason.
"""

from __future__ import annotations

import csv
import hashlib
import html
import importlib
import json
import os
import re
import secrets
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

import pytest

import gradebooks
import grading_course
from chapters.source import ROOT
from grading import pipeline
from grading.course import Course
from grading.doctor import examine
from grading.gradebook import audit
from grading_course import ASSIGNMENT, GOOD, NOTEBOOK, SAME, answered, hand_in, solved
from hostile import Entry

FAMILIES = ("uploads", "metadata", "machine", "verdicts", "protocol", "pages", "mistakes", "training")
CORPUS = {entry.id: entry for name in FAMILIES for entry in importlib.import_module(f"hostile.{name}").CORPUS}
TRAINING = next(entry.of for entry in CORPUS.values() if entry.of != ASSIGNMENT)
# Honest students, whose names put them between the others, and what their code earns.
HONEST = {"a-ada": (GOOD, 2), "h-honest": (SAME, 1.5), "n-noor": (GOOD, 2), "z-zoe": (SAME, 1.5)}
OURS = ("source", "release", "handout", "submitted", "secret", "nbgrader_config.py")
LIMITS = """
import os
c.Execute.timeout = int(os.environ.get("HOSTILE_SECONDS", "60"))
c.BubblewrapProvisioner.memory = 1 << 30
c.BubblewrapProvisioner.disk = 32 << 20
"""
# Most of what hangs is in the first, whose kernels start without torch: there little time is enough.
SECONDS = {ASSIGNMENT: "8", TRAINING: "60"}
PLACES = ("/", "/home", "/run", "/tmp", "/var/tmp", "/dev/shm", "~")
# An attack that ends like this was never tried.
UNTRIED = {"NameError", "SyntaxError", "IndentationError", "TypeError", "AttributeError", "ModuleNotFoundError"}


class Live(HTMLParser):
    """Finds what runs, loads or moves a page, as a browser's parser would see it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: (value or "").strip().lower() for name, value in attributes}
        live = tag in ("script", "iframe", "object", "embed", "base", "form", "link")
        live |= values.get("http-equiv", "content-security-policy") != "content-security-policy"
        live |= any(name.startswith("on") for name in values)
        live |= not values.get("src", "data:").startswith("data:")
        live |= re.sub(r"[^a-z:]", "", values.get("href", "")).startswith(("javascript:", "data:", "vbscript:"))
        if live:
            self.found.append(f"<{tag} {values}>"[:200])


class Aims(examine.Targets):
    """What the doctor's attacks aim at, and whether anything was hit."""

    servers: tuple[socket.socket, ...] = ()

    def _serve(self, family: int, address) -> socket.socket:
        self.servers += (super()._serve(family, address),)
        return self.servers[-1]

    def hit(self) -> list[str]:
        """What was reached, killed, left behind or still runs."""
        found = []
        for server in self.servers:
            server.setblocking(False)
            try:
                server.accept()
                found.append(f"a connection to {server.getsockname()}")
            except BlockingIOError:
                pass
        if not examine._running(self.values["victim_name"]):
            found.append("the victim is dead")
        found += [f"left in {place}" for place in PLACES if Path(place).expanduser().joinpath(self.marker).exists()]
        return found + [f"process {pid} lives on" for pid in examine._running(self.values["survivor"])]


class Graded(NamedTuple):
    """The class after the run."""

    course: Course
    rows: dict[tuple[str, str], pipeline.Row]
    printed: str
    hit: list[str]
    before: dict[str, str]  # the hashes of the course's own files
    folder: Path  # where all temporary files went
    words: tuple[str, ...]  # that nobody's code may ever have read


def hashes(root: Path) -> dict[str, str]:
    """What must not change in a course, by path; of links and devices, their kind alone."""
    paths = [path for name in OURS for path in (root / name, *(root / name).rglob("*"))]
    return {
        os.fsencode(path).decode("latin-1"): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file() and not path.is_symlink() and path.stat().st_size < 1 << 30
        else oct(path.lstat().st_mode)
        for path in paths
    }


def contents(course: Course) -> list[tuple]:
    with course.gradebook() as book:
        return gradebooks.contents(book)


def prepare(folder: Path, private: str = "") -> Course:
    """A course with the honest students in it."""
    course = grading_course.course(folder)
    settings = course.root / "nbgrader_config.py"
    settings.write_text(settings.read_text() + LIMITS)
    for student, (source, _) in HONEST.items():
        hand_in(course, student, answered(f"{source}\n# {private}" if student == "a-ada" else source))
    hand_in(course, "t-honest", solved("mine.ipynb", TRAINING), "mine.ipynb", TRAINING)
    return course


@pytest.fixture(scope="module")
def graded(sandbox, tmp_path_factory) -> Iterator[Graded]:
    """The class after `mibook-course grade`."""
    here = Path.cwd()
    private = f"only-ada-knows-{secrets.token_hex(8)}"
    course = prepare(tmp_path_factory.mktemp("class"), private)
    folder = Path(tempfile.mkdtemp(prefix="hostile-", dir="/tmp"))
    with Aims() as aims:
        values = aims.values | {
            "course": str(course.root),
            "course_files": [str(path) for path in course.root.rglob("*") if path.is_file()],
            "secret_file": str(course.root / "secret"),
            "secret_hash": hashlib.sha256((course.root / "secret").read_bytes()).hexdigest(),
            "others_notebook": str(course.root / "submitted" / "a-ada" / ASSIGNMENT / NOTEBOOK),
        }
        for entry in CORPUS.values():
            entry.put(course.root / "submitted" / entry.id / entry.of, values)
        before = hashes(course.root)
        printed = ""
        for of, seconds in SECONDS.items():
            command = [sys.executable, "-m", "grading", "grade", of, "--course", str(course.root), "--jobs", "3"]
            variables = os.environ | {"TMPDIR": str(folder), "HOSTILE_SECONDS": seconds}
            run = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
            assert run.returncode == 0, (run.stdout + run.stderr)[-3000:]
            printed += run.stdout + run.stderr
        hit = aims.hit()
    rows = {}
    for of, seconds in SECONDS.items():
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("HOSTILE_SECONDS", seconds)
            rows |= {(of, row.student): row for row in pipeline.grade(course, of, processes=2, progress=False)}
    # With the same settings only what has no score is tried again.
    assert {row.status for row in rows.values() if row.fresh} <= {"failed to run"}
    words = (private, (course.root / "secret").read_text())
    yield Graded(course, rows, printed, hit, before, folder, words)
    os.chdir(here)
    shutil.rmtree(folder, ignore_errors=True)


def outputs(graded: Graded, student: str) -> list[dict]:
    """All outputs in the executed notebooks of a student."""
    paths = (graded.course.root / "autograded" / student).rglob("*.ipynb")
    cells = [cell for path in paths for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]
    return [output for cell in cells for output in cell.get("outputs", [])]


def test_the_corpus_is_as_large_as_promised():
    assert len(CORPUS) >= 100
    assert all(entry.tries.endswith((".", ")")) for entry in CORPUS.values())


@pytest.mark.parametrize("entry", [pytest.param(entry, id=entry.id) for entry in CORPUS.values()])
def test_each_earns_what_its_code_earns_and_ends_with_a_recorded_reason(graded, entry: Entry):
    row = graded.rows[entry.of, entry.id]
    record = audit.latest(graded.course.root, entry.of, entry.id)
    checks = [check for of_cell in record.checks.values() for check in of_cell]
    reasons = " ".join([*row.reasons, *(reason for *_, reason in checks)])
    assert row.score == entry.points, (entry.tries, reasons)
    assert row.status in (entry.status or row.status), (entry.tries, reasons)
    assert entry.says in reasons, entry.tries
    assert all(reason for _, points, earned, reason in checks if earned < points), checks
    assert checks or row.status == "failed to run"


@pytest.mark.parametrize("entry", [pytest.param(entry, id=entry.id) for entry in CORPUS.values()])
def test_each_attack_was_tried_and_achieved_nothing(graded, entry: Entry):
    found = outputs(graded, entry.id)
    printed = "".join("".join(output.get("text", "")) for output in found if output["output_type"] == "stream")
    achieved = [line for line in printed.splitlines() if line.startswith("got:") and line != 'got:""']
    assert achieved == [], entry.tries
    everything = json.dumps(found)
    assert [word for word in graded.words if word in everything] == []
    if entry.id.startswith(("m-", "v-", "p-")):
        names = {output["ename"] for output in found if output["output_type"] == "error"}
        assert not names & UNTRIED, "the attack could not be tried"


def test_no_honest_students_grade_is_changed(graded, tmp_path):
    """The same students in a class of their own have the same rows in the gradebook."""
    alone = prepare(tmp_path)
    for of in (ASSIGNMENT, TRAINING):
        pipeline.grade(alone, of, processes=2, progress=False)
    mine = [row for row in contents(graded.course) if row[1] in (*HONEST, "t-honest")]
    assert mine == contents(alone)
    assert {student: graded.rows[ASSIGNMENT, student].score for student in HONEST} == {
        student: points for student, (_, points) in HONEST.items()
    }
    assert graded.rows[TRAINING, "t-honest"].status == "needs marking"


def test_the_machine_is_as_it_was(graded):
    assert graded.hit == []
    assert examine._running(str(graded.folder)) == []
    assert list(graded.folder.iterdir()) == []


def test_the_course_is_as_it_was(graded):
    after = hashes(graded.course.root)
    assert {path for path in graded.before.keys() | after if graded.before.get(path) != after.get(path)} == set()


def test_the_gradebook_is_whole_and_agrees_with_the_records(graded):
    with sqlite3.connect(graded.course.root / "gradebook.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    known = {*CORPUS, *HONEST, "t-honest"}
    with graded.course.gradebook() as book:
        assert {student.id for student in book.students} == known
        for of in (ASSIGNMENT, TRAINING):
            for submission in book.find_assignment(of).submissions:
                record = audit.latest(graded.course.root, of, submission.student_id)
                earned = sum(earned for checks in record.checks.values() for _, _, earned, _ in checks)
                assert submission.score == pytest.approx(earned)
                assert set(record.isolation) <= {"bubblewrap"}


def test_what_is_printed_and_exported_runs_nowhere(graded):
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", graded.printed.replace("\r", ""))
    with (graded.course.root / "grades.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert {row["student_id"]: row["status"] for row in table if row["assignment"] == ASSIGNMENT} == {
        student: row.status for (of, student), row in graded.rows.items() if of == ASSIGNMENT
    }
    for row in table:
        for value in row.values():
            assert not value.startswith(("=", "+", "@", "\t", "\r")), row
            assert not re.match(r"-(?!\d)", value), row


def test_every_page_of_feedback_is_there_and_inert(graded):
    for path in (graded.course.root / "autograded").rglob("*.ipynb"):
        student, of = path.parent.parent.name, path.parent.name
        page = graded.course.root / "feedback" / student / of / f"{path.stem}.html"
        text, parser = page.read_text(encoding="utf-8"), Live()
        parser.feed(text)
        assert parser.found == [], student
        source = html.unescape(re.sub(r"<[^>]*>", "", text))
        assert "def run_probe(" not in source, student
        assert [word for word in graded.words if word in text] == [] or student == "a-ada"


def test_hostile_pages_do_nothing_in_a_browser(graded, chromium):
    page = chromium.new_page()
    dialogs, requests = [], []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: requests.append(request.url))
    for student in (entry.id for entry in CORPUS.values() if entry.id.startswith(("w-", "o-"))):
        page.goto((graded.course.root / "feedback" / student / ASSIGNMENT / "formulation.html").as_uri())
        page.wait_for_timeout(50)
        assert (dialogs, "owned" in page.title()) == ([], False), student
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    page.close()
