"""Executing submissions: whatever a student's code does is recorded, costs what it must, and stops nobody else."""

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from textwrap import dedent

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from nbgrader.api import Gradebook
from nbgrader.apps.api import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import determine_grade
from traitlets.config import Config

from chapters.source import ROOT
from grading.record import METADATA, StopKind
from grading.run.execute import RobustExecute
from grading.run.outputs import INPUT, tidied

pytestmark = pytest.mark.usefixtures("sandbox")


def graded(source):
    """A test cell of two points."""
    metadata = {"grade": True, "solution": False, "locked": True, "points": 2, "grade_id": "t"}
    return new_code_cell(source, metadata={"nbgrader": metadata | {"schema_version": 3}})


def execute(*cells, config=None, **options):
    """Execute cells; return what each gave as (kind, text) pairs, the notebook, and what is recorded."""
    cells = [new_code_cell(dedent(cell)) if isinstance(cell, str) else cell for cell in cells]
    notebook = new_notebook(cells=cells, metadata={"kernelspec": {"name": "no-such-kernel", "display_name": "x"}})
    options = {"timeout": 30} | options
    _, resources = RobustExecute(config=config or Config(), **options).preprocess(notebook, {})
    nbformat.validate(notebook)
    nbformat.writes(notebook).encode("utf-8")
    return [[summary(output) for output in cell.outputs] for cell in notebook.cells], notebook, resources[METADATA]


def summary(output):
    if output.output_type == "stream":
        return output.name, output.text
    if output.output_type == "error":
        return output.ename, output.evalue
    return output.output_type, output.data.get("text/plain")


def test_an_honest_notebook():
    """What it prints, shows and gets wrong is kept; input(), warnings and a result in a test cost no points."""
    (first, second, asked, after, warned, result), notebook, record = execute(
        "x = 40\nprint('one')\nprint('two')",
        "x + 2",
        "name = input('your name? ')",
        "import sys; print('to stderr', file=sys.stderr)\n1/0",
        graded("import warnings; warnings.warn('careful'); assert x == 40"),
        graded("7"),
    )
    assert first == [("stdout", "one\ntwo\n")]
    assert second == [("execute_result", "42")]
    assert asked == [("StdinNotImplementedError", INPUT)]
    assert after == [("stderr", "to stderr\n"), ("ZeroDivisionError", "division by zero")]
    assert warned[0][0] == "stdout"
    assert "careful" in warned[0][1]
    assert determine_grade(notebook.cells[4]) == (2, 2)
    assert result == [("display_data", "7")]
    assert determine_grade(notebook.cells[5]) == (2, 2)  # and not 7, which would abort the class
    assert record.isolation == "bubblewrap"
    assert (record.stop, record.stopped_at) == (None, None)
    assert 20 << 20 < record.memory < 1 << 30


def test_a_kernel_that_dies_keeps_what_came_before():
    (before, last, after), notebook, record = execute(
        "print('earned')",
        "print('last words', flush=True)\nimport os, time; time.sleep(0.5); os._exit(3)",
        graded("assert True"),
    )
    assert before == [("stdout", "earned\n")]
    assert last[0] == ("stdout", "last words\n")
    assert last[1][0] == "KernelLost"
    assert after == [("NotRun", f"This cell was not run. {record.stop.text}")]
    assert determine_grade(notebook.cells[2])[0] == 0
    assert record.stopped_at == 1


def test_an_endless_loop_costs_its_own_cell():
    (loop, after), _, record = execute("while True: pass", "print('still here')", timeout=2)
    assert [name for name, _ in loop] == ["KeyboardInterrupt", "CellTimeoutError"]
    assert loop[1][1] == "This cell ran for more than 2 s."
    assert after == [("stdout", "still here\n")]
    assert record.stop is None


DEAF = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"


def test_a_loop_that_can_not_be_interrupted_ends_the_kernel(monkeypatch):
    monkeypatch.setattr("grading.run.execute.INTERRUPT_SECONDS", 1)
    (loop, after), _, record = execute(DEAF, "print(1)", timeout=2)
    assert loop[-1] == ("KernelLost", "This cell ran for more than 2 s and could not be interrupted.")
    assert after[0][0] == "NotRun"
    assert record.stopped_at == 0


def test_a_notebook_has_a_time_of_its_own():
    (slow, after), _, record = execute(DEAF, "print(1)", timeout=60, notebook_seconds=3)
    assert slow[-1] == ("KernelLost", "The whole notebook ran for too long and was stopped.")
    assert after[0][0] == "NotRun"
    assert record.stopped_at == 0


@pytest.mark.parametrize(
    "source",
    [
        "while True: print('x' * 1000)",
        "import os\nwhile True: os.write(1, b'x' * 65536)",
        "from IPython.display import display\nwhile True: display(1)",
        "print('x' * 50_000_000)",
    ],
)
def test_a_flood_of_output_ends_the_kernel(source):
    (before, flood, after), notebook, record = execute("print('earned')", source, "print(1)", output_messages=500)
    assert before == [("stdout", "earned\n")]
    assert flood[-1][0] == "KernelLost"
    assert "output" in flood[-1][1]
    assert after[0][0] == "NotRun"
    assert len(nbformat.writes(notebook)) < 2_000_000
    assert record.stopped_at == 1


def test_a_flood_from_a_thread_of_an_earlier_cell_is_stopped():
    source = (
        "import threading\ndef f():\n  while True: print('x' * 100_000, flush=True)\nthreading.Thread(target=f).start()"
    )
    _, _, record = execute(source, "import time; time.sleep(25)", "print(1)")
    assert record.stop.kind == StopKind.OUTPUT


def test_long_printing_is_cut_and_costs_nothing():
    (printed, after), _, record = execute(
        """
        from IPython.display import display
        for i in range(3000): print(i, flush=True)
        print('x' * 1_000_000)
        display(5)
        """,
        "print('fine')",
        printed_bytes=20_000,
    )
    numbers = printed[0][1].splitlines()[:3000]
    assert numbers == list(map(str, range(3000)))  # none is lost on the way
    assert len(printed[0][1]) < 21_000
    assert "left out" in printed[0][1]
    assert printed[-1] == ("display_data", "5")
    assert after == [("stdout", "fine\n")]
    assert record.stop is None


def test_many_large_outputs_are_kept_up_to_a_bound_and_the_tests_always():
    show = "from IPython.display import display, HTML\ndisplay(HTML('x' * 300_000))"
    kept, notebook, _ = execute(show, show, graded(show), show, notebook_bytes=700_000)
    assert [outputs[0][0] for outputs in kept] == ["display_data", "display_data", "display_data", "stdout"]
    assert "left out" in kept[3][0][1]
    assert len(nbformat.writes(notebook)) < 1_000_000


def test_memory_runs_out_in_its_own_cell():
    config = Config()
    config.BubblewrapProvisioner.memory = 1 << 29
    (greedy, after), _, _ = execute("x = bytearray(1 << 30)", "print('fine')", config=config)
    assert greedy[-1][0] == "MemoryError"
    assert after == [("stdout", "fine\n")]


def test_files_count_as_memory_even_when_they_are_empty():
    config = Config()
    config.BubblewrapProvisioner.memory = 200 << 20
    make = "for i in range(10**7): open(f'/tmp/{i}', 'w').close()"
    (_, after), _, record = execute(make, "print(1)", config=config, timeout=300)
    assert record.stop.text == "The notebook used more than 0.195 GiB of memory and was stopped."
    assert after[0][0] == "NotRun"


def test_a_tag_does_not_keep_a_test_from_running():
    cell = graded("assert False, 'it ran'")
    cell.metadata.tags = ["skip-execution", "raises-exception"]
    (outputs,), _, _ = execute(cell)
    assert outputs == [("AssertionError", "it ran")]


def test_a_later_cell_changes_no_earlier_output():
    (first, _), _, _ = execute(
        "from IPython.display import display, update_display\nshown = display('mine', display_id='d')",
        "update_display('forged', display_id='d')",
    )
    assert first == [("display_data", "'mine'")]


SPEAK = """
import json
from IPython import get_ipython
kernel = get_ipython().kernel
def say(kind, content):
    kernel.session.send(kernel.iopub_socket, kind, content, parent=kernel.get_parent(), ident=b'x')
"""


@pytest.mark.parametrize(
    "lie",
    [
        "say('display_data', {'data': 5, 'metadata': []})",
        "say('stream', {'name': ['stdout'], 'text': {'a': 1}})",
        "say('error', {'ename': 1, 'evalue': None, 'traceback': 'x'})",
        "say('execute_result', {'data': {'text/plain': {'a': [1]}}, 'metadata': {}, 'execution_count': -1})",
        "say('update_display_data', {'data': {}, 'metadata': {}, 'transient': {'display_id': 'd'}})",
        "say('comm_open', {'comm_id': 'c', 'target_name': 'jupyter.widget', 'data': {}})",
        "say('status', {})",
        "say('no_such_message', {})",
        "kernel.iopub_socket.send_multipart([b'x', b'<IDS|MSG>', b'not signed', b'{}', b'{}', b'{}', b'{}'])",
        "kernel.iopub_socket.send_multipart([b'nothing'])",
        "kernel.session.sign = lambda parts: b'forged'; print(1)",
        "import os\nfor fd in range(3, 64):\n  try: os.write(fd, b'no message at all ' * 9)\n  except OSError: pass",
    ],
)
def test_a_lying_kernel_raises_nothing(lie):
    """Whatever comes is either kept in a form that nbformat takes, or ends this kernel."""
    (before, *_), _, record = execute("print('earned')", SPEAK + lie, "print('after')", timeout=3, notebook_seconds=20)
    assert before == [("stdout", "earned\n")]
    assert record.stop is None or record.stopped_at in (1, 2)


def test_outputs_are_made_harmless():
    deep = value = []
    for _ in range(500):
        value.append([])
        value = value[0]
    outputs = [
        {"output_type": "stream", "name": "stderr", "text": "a\ud800"},
        {"output_type": "stream", "name": "other", "text": ["b", "c"]},
        {
            "output_type": "display_data",
            "data": {"application/x+json": {"v": [float("nan"), deep]}, 3: 4},
            "metadata": 1,
        },
        {"output_type": "execute_result", "data": {"text/plain": "99"}, "metadata": {}, "execution_count": 1},
        {"output_type": "error", "ename": None, "evalue": 7, "traceback": [1]},
        {"output_type": "unheard of"},
        {},
    ]
    kept = tidied(outputs, graded=True)
    assert [output.output_type for output in kept] == ["stream", "display_data", "display_data", "error"]
    assert kept[0] == new_output("stream", name="stdout", text="a?bc")
    assert kept[1].data["application/x+json"]["v"][0] == "nan"
    cells = [new_code_cell(outputs=kept), new_code_cell(outputs=tidied(outputs, graded=False))]
    assert [o.output_type for o in cells[1].outputs][-2:] == ["execute_result", "error"]
    notebook = new_notebook(cells=cells)
    nbformat.validate(notebook)
    nbformat.writes(notebook).encode("utf-8")


def test_it_works_inside_a_running_event_loop():
    """As in the formgrader, where the server's loop runs."""

    async def serve():
        return execute("print('hello')")[0]

    # In a thread of its own: Playwright, which the tests before this one use, keeps a loop in this one.
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(asyncio.run, serve()).result() == [[("stdout", "hello\n")]]


CONFIGURATION = f"""
import sys
from concurrent.futures import ThreadPoolExecutor
sys.path.insert(0, {str(ROOT)!r})
from nbgrader.preprocessors import SaveAutoGrades
from grading.run.execute import RobustExecute
c = get_config()
c.CourseDirectory.course_id = "test"
c.Autograde.autograde_preprocessors = [RobustExecute, SaveAutoGrades]
c.Execute.timeout = 20
"""


def test_stock_autograde_grades_in_the_sandbox(tmp_path, monkeypatch):
    """The stock command, one student whose kernel dies and one who is right: both are graded."""
    (tmp_path / "nbgrader_config.py").write_text(CONFIGURATION)
    solution = {"grade": False, "solution": True, "locked": False, "grade_id": "s", "schema_version": 3}
    stub = new_code_cell("### BEGIN SOLUTION\nx = 1\n### END SOLUTION", metadata={"nbgrader": solution})
    check = graded("assert x == 1\nimport socket; print(socket.gethostname(), file=__import__('sys').stderr)")
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = new_notebook(cells=[stub, check], metadata={"kernelspec": kernel})
    (tmp_path / "source/a").mkdir(parents=True)
    nbformat.write(notebook, tmp_path / "source/a/n.ipynb")
    monkeypatch.setenv("PATH", f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}")  # nbgrader calls alembic
    course = CourseDirectory(root=str(tmp_path), course_id="test")
    assert NbGraderAPI(course).generate_assignment("a")["success"]
    for student, answer in (("dies", "import os; os._exit(1)"), ("right", "x = 1")):
        submitted = nbformat.read(tmp_path / "release/a/n.ipynb", as_version=4)
        submitted.cells[0].source = answer
        folder = tmp_path / "submitted" / student / "a"
        folder.mkdir(parents=True)
        nbformat.write(submitted, folder / "n.ipynb")
    command = [sys.executable, "-m", "nbgrader", "autograde", "a"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    with Gradebook(f"sqlite:///{tmp_path}/gradebook.db") as gradebook:
        scores = {s.student.id: s.score for s in gradebook.assignment_submissions("a")}
    assert scores == {"dies": 0, "right": 2}
    executed = nbformat.read(tmp_path / "autograded/right/a/n.ipynb", as_version=4)
    assert executed.cells[1].outputs[0].text == "sandbox\n"
