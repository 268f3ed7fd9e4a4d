"""Larger classes: the same grading on a Dask cluster, and with PostgreSQL as gradebook."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

import grading_course
from chapters.source import ROOT
from gradebooks import contents
from grading import pipeline
from grading.course import Course
from grading_course import ASSIGNMENT, GOOD, SAME, answered, hand_in

pytestmark = pytest.mark.usefixtures("sandbox")
STUDENTS = {f"student{number}": (GOOD, SAME)[number % 2] for number in range(4)}


@pytest.fixture
def course(tmp_path) -> Course:
    made = grading_course.course(tmp_path)
    for student, source in STUDENTS.items():
        hand_in(made, student, answered(source))
    return made


def needs(module: str, package: str) -> None:
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{package} is not installed: run 'python -m pip install {package}'.")


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def scores(course: Course) -> dict[str, float]:
    with course.gradebook() as book:
        return {s.student_id: s.score for s in book.find_assignment(ASSIGNMENT).submissions}


EXPECTED = {student: 2.0 if source is GOOD else 1.5 for student, source in STUDENTS.items()}


@pytest.fixture
def cluster(tmp_path):
    """A scheduler and two workers, each a process of its own; the address and the workers."""
    needs("distributed", "distributed")
    address = f"tcp://127.0.0.1:{free_port()}"
    env = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    log = (tmp_path / "cluster.log").open("w")

    def start(*arguments: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]]
        return subprocess.Popen(command, env=env, cwd=tmp_path, stdout=log, stderr=log, start_new_session=True)

    port = address.rsplit(":", 1)[1]
    processes = [start("dask_scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard")]
    worker = ("dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard")
    processes += [start(*worker, "--local-directory", str(tmp_path)) for _ in range(2)]
    from distributed import Client

    with Client(address, timeout=60) as client:
        client.wait_for_workers(2, timeout=60)
    yield address, processes[1:]
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    log.close()


@pytest.mark.parametrize("moment", ["at work", "before its results are fetched"])
def test_a_cluster_that_loses_a_worker_gives_the_same_grades(course, cluster, monkeypatch, moment):
    from distributed import Client, get_client

    address, workers = cluster
    finish, lost = pipeline.Grading.finish, []

    def killing(run, book, outcome):
        while moment != "at work" and any(get_client().processing().values()):
            time.sleep(0.1)
        if not lost:
            lost.append(workers[0].pid)
            os.kill(workers[0].pid, signal.SIGKILL)
        finish(run, book, outcome)

    monkeypatch.setattr(pipeline.Grading, "finish", killing)
    rows = pipeline.grade(course, ASSIGNMENT, scheduler=address, progress=False)
    assert lost
    assert workers[0].wait(timeout=10) == -signal.SIGKILL
    assert {row.student: (row.score, row.status) for row in rows} == {s: (p, "graded") for s, p in EXPECTED.items()}

    def kernels_forked() -> bool:
        from grading.sandbox import warm

        return any(isinstance(found, warm.Zygote) for found in warm._zygotes.values())

    with Client(address, timeout=60) as client:
        assert list(client.run(kernels_forked).values()) == [True]  # by the worker that is left


@pytest.fixture
def postgres():
    """The address of a PostgreSQL server of this test's own."""
    needs("psycopg2", "psycopg2-binary")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = str(found[-1]) if found else shutil.which("initdb")
    if initdb is None:
        pytest.skip("PostgreSQL is not installed: run 'apt-get install postgresql'.")
    bin_folder = Path(initdb).parent
    folder = Path(tempfile.mkdtemp(prefix="mibook-pg-", dir="/tmp"))
    as_owner = []
    if os.geteuid() == 0:  # the server refuses to run as root
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        as_owner = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
    run = {"check": True, "cwd": folder, "stdout": subprocess.DEVNULL}
    subprocess.run([*as_owner, initdb, "-D", f"{folder}/data", "-U", "grader", "-A", "trust", "--no-sync"], **run)
    port = free_port()
    command = [*as_owner, str(bin_folder / "postgres"), "-D", f"{folder}/data", "-p", str(port), "-k", str(folder)]
    server = subprocess.Popen([*command, "-c", "fsync=off"], cwd=folder, stderr=subprocess.DEVNULL)
    import psycopg2

    for _ in range(300):
        try:
            psycopg2.connect(host="127.0.0.1", port=port, user="grader", dbname="postgres").close()
            break
        except psycopg2.OperationalError:
            time.sleep(0.1)
    yield f"postgresql+psycopg2://grader@127.0.0.1:{port}/postgres"
    server.terminate()
    server.wait()
    shutil.rmtree(folder)


def test_the_gradebook_may_be_postgresql(course, postgres):
    settings = course.root / "nbgrader_config.py"
    settings.write_text(settings.read_text() + f"\nc.CourseDirectory.db_url = {postgres!r}\n")
    from grading.release.release import make

    make(course)
    pipeline.grade(course, ASSIGNMENT, processes=2, progress=False)
    assert scores(course) == EXPECTED
    with course.gradebook() as book:
        before = contents(book)
    pipeline.grade(course, ASSIGNMENT, processes=2, progress=False, force=True)
    with course.gradebook() as book:
        assert contents(book) == before
    assert (course.root / "gradebook.db").stat().st_size == (grading_course.template() / "gradebook.db").stat().st_size
