"""What breaks without any ill will: loops, typing errors, missing modules, cells that undo others."""

from __future__ import annotations

from nbformat.v4 import new_code_cell

from grading_course import ANSWER, GOOD, answered, cell
from hostile import Entry, answer, files, own_cell


def own(source: str, last: bool = False):
    return files(notebook=own_cell(source, last=last))


def after_the_answer(source: str):
    notebook = answered(GOOD)
    notebook.cells.insert(notebook.cells.index(cell(notebook, ANSWER)) + 1, new_code_cell(source))
    return files(notebook=notebook)


ENDLESS = "def reference_sample(n_ref, rng):\n    while True: pass"
DEEP = "def reference_sample(n_ref, rng):\n    return reference_sample(n_ref, rng)"
ASKS = """
def reference_sample(n_ref, rng):
    input("n? ")
    return rng.normal(size=(n_ref, 1)), rng.normal(size=(n_ref, 1))
"""

CORPUS = [
    Entry("h-loop", "A loop without an end in an own cell.", own("while True: pass"), 2),
    Entry("h-endless", "A loop without an end in the answer.", answer(ENDLESS), 0, says="ran for more than"),
    Entry("h-deep", "A function that calls itself.", answer(DEEP), 0, says="RecursionError"),
    Entry(
        "h-missing", "A module that is not there.", answer(f"import pandas_of_mine\n{GOOD}"), 0, says="does not define"
    ),
    Entry("h-syntax", "A bracket too few.", answer(GOOD.replace("))", ")", 1)), 0, says="does not define"),
    Entry(
        "h-tabs",
        "Tabs and blanks mixed.",
        answer("def reference_sample(n_ref, rng):\n\tx = 1\n        return x"),
        0,
        says="does not define",
    ),
    Entry(
        "h-none",
        "A forgotten return.",
        answer("def reference_sample(n_ref, rng):\n    rng.standard_normal(3)"),
        0,
        says="TypeError",
    ),
    Entry("h-input", "Waits for input in the answer.", answer(ASKS), 0, says="StdinNotImplementedError"),
    Entry("h-exit", "exit() and quit in an own cell.", own("exit()\nquit"), 2),
    Entry("h-reset", "Forgets everything after the answer.", after_the_answer("%reset -f"), 0, says="does not define"),
    Entry(
        "h-delete",
        "Deletes the function after the answer.",
        after_the_answer("del reference_sample"),
        0,
        says="does not define",
    ),
    Entry("h-overwrites", "Gives np another meaning.", after_the_answer("np = 3"), 2),
    Entry("h-raises", "An assertion of one's own that fails.", own("assert 1 == 2, 'mine'"), 2),
    Entry(
        "h-magic",
        "Shell commands and a magic that does not exist.",
        own("!pip install numpy\n%no_such_magic\n%%bash"),
        2,
    ),
    Entry(
        "h-plots",
        "Draws, and waits for a window.",
        own("import matplotlib; matplotlib.use('TkAgg')\nimport matplotlib.pyplot as plt; plt.show(block=True)"),
        2,
    ),
    Entry("h-sleeps", "Sleeps for an hour after the test.", own("import time; time.sleep(3600)", last=True), 2),
    Entry("h-shapes", "Rows in place of columns.", answer(GOOD.replace("(n_ref, 1)", "n_ref")), 1.75, says="shape"),
    Entry("h-names", "SEED, list and the test's names in use.", own("SEED = 'mine'; list = A = B = r = stream = 3"), 2),
]
