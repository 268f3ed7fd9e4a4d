"""Attacks on Jupyter's own language: messages that no kernel sends, sent by a kernel."""

from __future__ import annotations

from grading_course import SAME
from hostile import MIME, Entry, attack

FAILED = "failed to run"
SPEAK = """
from IPython import get_ipython
kernel = get_ipython().kernel
def say(kind, content, parent=None, socket=None):
    kernel.session.send(socket or kernel.iopub_socket, kind, content, parent=parent or kernel.get_parent(), ident=b"x")
"""
# In the test, before its probe has run.
IN_TEST = """
def look(lines):
    if any("<probe>" in line for line in lines): speak()
    return lines
get_ipython().input_transformers_cleanup.append(look)
"""
NOISE = """
import os
for descriptor in range(3, 64):
    try: os.write(descriptor, b"\\xff\\x00 no message at all " * 9)
    except OSError: pass
"""
NESTED = """
x = []
for _ in range(900): x = [x]
say("display_data", {"data": {"application/json": x}, "metadata": {}})
"""
# The reply of a cell that has ended, for one that has not.
REPLY = """
def reply():
    parent, content = kernel.get_parent(), {"status": "ok", "execution_count": 1, "payload": [{"source": "ask_exit"}]}
    socket = getattr(kernel, "shell_stream", None) or kernel.shell_socket
    kernel.session.send(socket, "execute_reply", content, parent=parent, ident=parent["header"]["session"].encode())
"""
CLOSE = "import os\nfor descriptor in range(3, 64):\n    try: os.close(descriptor)\n    except OSError: pass"
WIRE = "kernel.iopub_socket.send_multipart"


def says(lie: str):
    return attack(SPEAK + lie)


def in_test(lie: str, before: str = ""):
    """A wrong answer with a lie in the name of the test."""
    return attack(f"{SPEAK}{before}def speak():\n    {lie}\n{IN_TEST}", SAME)


CORPUS = [
    Entry(
        "p-display",
        "Display data that is no bundle.",
        says("say('display_data', {'data': 5, 'metadata': []})"),
        0,
        FAILED,
        "no Jupyter kernel sends",
    ),
    Entry(
        "p-stream",
        "A stream of objects.",
        says("say('stream', {'name': ['stdout'], 'text': {'a': 1}})"),
        0,
        FAILED,
        "no Jupyter kernel sends",
    ),
    Entry(
        "p-error",
        "An error of numbers.",
        says("say('error', {'ename': 1, 'evalue': None, 'traceback': 'x'})"),
        0,
        FAILED,
        "no Jupyter kernel sends",
    ),
    Entry("p-status", "A status without a state.", says("say('status', {})"), 0, FAILED, "no Jupyter kernel sends"),
    Entry("p-unknown", "A message of no known kind.", says("say('no_such_message', {})"), 2),
    Entry(
        "p-comm",
        "A widget that nobody knows.",
        says("say('comm_open', {'comm_id': 'c', 'target_name': 'x', 'data': {}})\nsay('comm_msg', {'comm_id': 9})"),
        2,
    ),
    Entry(
        "p-unsigned",
        "A message without a signature.",
        says(f"{WIRE}([b'x', b'<IDS|MSG>', b'no', b'{{}}', b'{{}}', b'{{}}', b'{{}}'])"),
        0,
        FAILED,
        "no Jupyter kernel sends",
    ),
    Entry(
        "p-frames", "A message without its frames.", says(f"{WIRE}([b'nothing'])"), 0, FAILED, "no Jupyter kernel sends"
    ),
    Entry(
        "p-signature",
        "Signs with another key.",
        says("kernel.session.sign = lambda parts: b'forged'; print(1)"),
        0,
        FAILED,
        "",
    ),
    Entry("p-noise", "Writes noise to every open descriptor.", attack(NOISE), 0, FAILED, ""),
    Entry("p-close", "Closes every open descriptor.", attack(CLOSE), 0, FAILED, ""),
    Entry(
        "p-flood",
        "Messages without a pause.",
        says("while True: say('stream', {'name': 'stdout', 'text': 'x' * 20_000})"),
        0,
        FAILED,
        "output",
    ),
    Entry("p-long", "One message of 60 MB.", attack("print('x' * 60_000_000)"), 0, FAILED, "output"),
    Entry(
        "p-nested",
        "A message nested a thousand deep.",
        says(NESTED),
        0,
        FAILED,
        "no Jupyter kernel sends",
    ),
    Entry(
        "p-result",
        "1000 as the test's result, said twice.",
        in_test("say('execute_result', {'data': {'text/plain': '1000'}, 'metadata': {}, 'execution_count': 1})"),
        1.5,
        says="same",
    ),
    Entry(
        "p-idle",
        "Says that the test is done before it is.",
        in_test("say('status', {'execution_state': 'idle'})"),
        0,
        says="The test",
    ),
    Entry(
        "p-reply",
        "Replies for the test, with payloads, before it has run.",
        in_test("reply()", REPLY),
        1.5,
        says="same",
    ),
    Entry(
        "p-clear",
        "Clears the test's outputs once it waits for more.",
        in_test("say('clear_output', {'wait': True})"),
        1.5,
        says="same",
    ),
    Entry(
        "p-record",
        "A record in the test's name, by message.",
        in_test(f"say('display_data', {{'data': {{{MIME!r}: {{}}}}, 'metadata': {{}}}})"),
        0,
        "tampered",
        "several records",
    ),
    Entry(
        "p-update",
        "Changes an output of the test after it has run.",
        attack(
            "from IPython.display import update_display\n"
            "update_display({'text/plain': '1000'}, display_id='x', raw=True)",
            SAME,
            last=True,
        ),
        1.5,
        says="same",
    ),
    Entry(
        "p-input",
        "Asks for input where nobody is.",
        attack("kernel = get_ipython().kernel\nkernel._allow_stdin = True\nkernel.raw_input('password: ')"),
        2,
    ),
    Entry(
        "p-shutdown",
        "Says that the kernel is shutting down.",
        says("say('shutdown_reply', {'status': 'ok', 'restart': True})"),
        2,
    ),
]
