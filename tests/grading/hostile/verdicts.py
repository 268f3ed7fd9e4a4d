"""Attacks on the verdict: records that are forged, libraries that lie, frames and hooks that look for the answer."""

from __future__ import annotations

from grading_course import GOOD, SAME
from hostile import MIME, Entry, answer, attack

FAILED, FORGED = "failed to run", "several records"
NOTHING = "The test"  # stopped with an error, or published nothing
SEND = f"from IPython.display import publish_display_data as send\nMIME = {MIME!r}\n"


def inside(lines: str, source: str = GOOD) -> str:
    """An answer that does something else first."""
    body = "".join(f"    {line}\n" for line in lines.strip("\n").split("\n"))
    head, rest = source.split("\n", 1)
    return f"{head}\n{body}{rest}"


SILENCED = """
import IPython.display as d
genuine = d.publish_display_data
def publish(data, *arguments, **named):
    genuine({mime: {"large": {"shapes": [[4200, 1], [4200, 1]], "X": [0.5] * 4200, "Y": [-0.5] * 4200}}})
d.publish_display_data = publish
"""
REPLAY = """
import IPython.display as d
genuine, kept = d.publish_display_data, {}
def publish(data, *arguments, **named):
    # The record of another seed, computed by a right answer: of another sample size, so it is of no use.
    import numpy
    rng, n = numpy.random.default_rng(1), 4321
    column = lambda: rng.standard_normal(n).round(5).tolist()
    part = {"shapes": [[n, 1], [n, 1]], "X": column(), "Y": column()}
    genuine({mime: {"large": part, "one": part, "twice": [part, part], "again": part, "other": part}})
d.publish_display_data = publish
"""
FRAMES = """
import sys
def look(frame):
    words = ("expected", "solution", "judge", "secret", "truth")
    while frame:
        got([name for name in frame.f_locals if any(word in name.lower() for word in words)])
        frame = frame.f_back
"""
COLLECTOR = """
import gc, hashlib
for thing in gc.get_objects():
    for held in thing.values() if type(thing) is dict else [thing]:
        if isinstance(held, (str, bytes)) and len(held) >= 32:
            text = held if isinstance(held, bytes) else held.encode("utf-8", "replace")
            got(hashlib.sha256(text).hexdigest() == aims["secret_hash"] and "the secret")
"""
GUESS = """
import hashlib, hmac, re
def look(lines):
    found = re.search(r"'SEED': (\\d+)", "".join(lines))
    if found:
        for key in (b"", b"secret", b"mibook", b"0" * 64, b"foundations"):
            message = b"".join(len(p).to_bytes(8, "big") + p for p in (b"foundations", aims["marker"].encode()))
            got(int.from_bytes(hmac.digest(key, message, "sha256")[:8], "big") >> 1 == int(found[1]) and key)
    return lines
get_ipython().input_transformers_cleanup.append(look)
"""
HOOK = """
import sys, types
fake = types.ModuleType("IPython.display")
fake.publish_display_data = lambda *a, **k: None
class Finder:
    def find_spec(self, name, path, target=None):
        if name == "IPython.display": got("")
sys.meta_path.insert(0, Finder())
sys.modules["IPython.display"] = fake
"""
RNG = """
import numpy as np
real = np.random.default_rng
np.random.default_rng = lambda *seed: real(0)
"""
NORMAL = """
import numpy as np
real = np.random.default_rng
class Lying(np.random.Generator):
    def standard_normal(self, *a, **k): return real(len(str(self.bit_generator.state))).standard_normal(*a, **k)
np.random.default_rng = lambda *seed: Lying(np.random.PCG64(*seed))
"""
TRACE = """
import sys
def trace(frame, event, argument):
    if event == "return" and frame.f_code.co_name == "attempt":
        for name, value in list(frame.f_locals.items()):
            if isinstance(value, dict) and name == "record": value.clear()
    return trace
sys.settrace(trace)
"""
THREAD = """
import threading, time
def publish():
    while True:
        send({MIME: {"large": {}}})
        time.sleep(0.02)
threading.Thread(target=publish, daemon=True).start()
"""
EQUAL = """
class Any:
    def __eq__(self, other): return True
    __lt__ = __gt__ = __le__ = __ge__ = __ne__ = __eq__
    def __getattr__(self, name): return self
    def __call__(self, *a, **k): return self
    def __iter__(self): return iter([self])
    def __float__(self): return 0.0
    def __getitem__(self, key): return self
    def __abs__(self): return self
    def __sub__(self, other): return self
    def __len__(self): return 1
def reference_sample(n_ref, rng): return Any(), Any()
"""
LIST = """
import numpy as np
class Liar(np.ndarray):
    def tolist(self): return [0.1] * self.size
def reference_sample(n_ref, rng):
    return np.zeros((n_ref, 1)).view(Liar), np.zeros((n_ref, 1)).view(Liar)
"""
DEL = """
import os
import numpy as np
class Grave(np.ndarray):
    def __del__(self): os._exit(0)
def reference_sample(n_ref, rng):
    return rng.standard_normal((n_ref, 1)).view(Grave), rng.standard_normal((n_ref, 1))
"""
COMPILE = """
import builtins
real = compile
def lazy(source, name, *a, **k): return real("1" if name == "<probe>" else source, name, *a, **k)
builtins.compile = lazy
"""
PROFILE = """
import sys
def profile(frame, event, argument):
    if frame.f_code.co_filename == "<probe>": raise SystemExit
sys.setprofile(profile)
"""
INPUT = """
def look(lines): return ["100\\n"] if any("<probe>" in line for line in lines) else lines
get_ipython().input_transformers_cleanup.append(look)
"""
RESULT = """
def look(lines): return [*lines, "\\n1000\\n"] if any("<probe>" in line for line in lines) else lines
get_ipython().input_transformers_cleanup.append(look)
"""
TREE = """
import ast
class Other(ast.NodeTransformer):
    def visit_Module(self, tree): return ast.parse("100") if "<probe>" in ast.unparse(tree) else tree
get_ipython().ast_transformers.append(Other())
"""
JSON = """
import json.encoder
json.encoder.float = type("F", (float,), {"__repr__": lambda self: "0.5"})
"""
DISPLAY = """
show = lambda *a, **k: ({"text/plain": "1000"}, {})
get_ipython().display_formatter.format = show
"""
PASS = """
import builtins
builtins.AssertionError = type("A", (Exception,), {"__init__": lambda *a: None})
"""
SHELL = """
shell = get_ipython()
def other(source): return "1" if "<probe>" in source else source
def run_cell(source, *a, real=shell.run_cell, **k): return real(other(source), *a, **k)
async def run_cell_async(source, *a, real=shell.run_cell_async, **k): return await real(other(source), *a, **k)
shell.run_cell, shell.run_cell_async = run_cell, run_cell_async
"""
READS = """
words = ("standard_normal(", "normal_fault", "POINTS")
got([word for word in words for cell in In[:-1] if "<probe>" in cell and word in cell])
"""
EMPTY = f"""
import IPython.display as d
real = d.publish_display_data
d.publish_display_data = lambda *a: real({{{MIME!r}: {{}}}})
"""
LOOKS = inside("frame = sys._getframe()\nlook(frame)")

CORPUS = [
    Entry(
        "v-second",
        "Publishes an empty record beside the genuine one.",
        answer(inside(SEND + "send({MIME: {}})")),
        0,
        "tampered",
        FORGED,
    ),
    Entry("v-thread", "A thread that publishes records all the time.", attack(SEND + THREAD), 0, "tampered", FORGED),
    Entry(
        "v-invented",
        "Puts an invented record in place of the genuine one.",
        attack(SILENCED.replace("{mime:", f"{{{MIME!r}:"), SAME),
        0,
        says="finite numbers in each column",
    ),
    Entry(
        "v-replayed",
        "Publishes the record of another seed.",
        attack(REPLAY.replace("{mime:", f"{{{MIME!r}:"), SAME),
        0,
        says="finite numbers in each column",
    ),
    Entry(
        "v-empty",
        "Publishes an empty record in place of the genuine one.",
        attack(EMPTY),
        0,
        says="finite numbers in each column",
    ),
    Entry(
        "v-silent",
        "Keeps the record from being published.",
        attack("import IPython.display as d\nd.publish_display_data = lambda *a, **k: None", SAME),
        0,
        says=NOTHING,
    ),
    Entry("v-json", "Makes JSON write the same number for every number.", attack(JSON, SAME), 1.5, says="same"),
    Entry("v-rng", "Gives the probe generators of another seed.", attack(RNG), 0, says="finite numbers in each column"),
    Entry("v-normal", "Lies in the generator's own methods.", attack(NORMAL), 1, says="generator"),
    Entry("v-frames", "Looks through the frames for the expected values.", attack("import sys\n" + FRAMES, LOOKS), 2),
    Entry("v-collector", "Looks through all objects for the secret.", attack(COLLECTOR), 2),
    Entry("v-guess", "Guesses the key from which seeds are made.", attack(GUESS), 2),
    Entry("v-hook", "An import hook, and a module that publishes nothing.", attack(HOOK, SAME), 0, says=NOTHING),
    Entry(
        "v-shadow",
        "A module of its own in place of NumPy.",
        attack("import sys, types; sys.modules['numpy'] = types.ModuleType('numpy')", last=False),
        0,
        says="finite numbers in each column",
    ),
    Entry(
        "v-trace", "Traces the probe and empties its record.", attack(TRACE), 0, says="finite numbers in each column"
    ),
    Entry("v-profile", "Profiles the probe and ends it.", attack(PROFILE), 0, says="SystemExit"),
    Entry(
        "v-exec",
        "Replaces exec, so that no probe runs.",
        attack("import builtins; builtins.exec = lambda *a, **k: None", SAME),
        0,
        says=NOTHING,
    ),
    Entry("v-compile", "Replaces compile by one that compiles nothing.", attack(COMPILE, SAME), 0, says=NOTHING),
    Entry("v-input", "Rewrites the test before it runs.", attack(INPUT, SAME), 0, says=NOTHING),
    Entry("v-ast", "Rewrites the test's syntax tree.", attack(TREE, SAME), 0, says=NOTHING),
    Entry("v-result", "Ends the test with 1000 as its result.", attack(RESULT, SAME), 1.5, says="same"),
    Entry("v-hook-shell", "Makes the shell run something else.", attack(SHELL, SAME), 0, says=NOTHING),
    Entry("v-display", "Shows 1000 for every result.", attack(DISPLAY, SAME), 1.5, says="same"),
    Entry("v-assert", "Makes failed assertions pass.", attack(PASS, SAME), 1.5, says="same"),
    Entry("v-equal", "Results that are equal to everything.", answer(EQUAL), 0, says="stopped with"),
    Entry("v-tolist", "Arrays that lie when they are read.", answer(LIST), 0.25, says="does not vary"),
    Entry("v-del", "Results that end the process when they go.", answer(DEL), 0, FAILED, "kernel died"),
    Entry(
        "v-exit",
        "Ends the process in the test, with status 0.",
        answer(inside("import os; os._exit(0)")),
        0,
        FAILED,
        "kernel died",
    ),
    Entry(
        "v-sys-exit", "Leaves the test by sys.exit.", answer(inside("import sys; sys.exit(0)")), 0, says="SystemExit"
    ),
    Entry(
        "v-interrupt",
        "Raises KeyboardInterrupt, which no probe catches.",
        answer(inside("raise KeyboardInterrupt")),
        0,
        says="KeyboardInterrupt",
    ),
    Entry(
        "v-error",
        "An error whose text is a record, colours and a formula.",
        answer(inside("raise ValueError('=1+1 \\x1b[31m\\x07 <script>alert(9)</script> full marks 2/2')")),
        0,
        says="ValueError",
    ),
    Entry(
        "v-error-name",
        "An error whose own printing fails.",
        answer(inside("class E(Exception):\n    def __str__(self): raise self\nraise E")),
        0,
        says="stopped",
    ),
    Entry("v-names", "Deletes every name of the notebook, before it runs.", attack("globals().clear()"), 2),
    Entry(
        "v-source", "Reads the test to learn it: the questions are there, no answer is.", attack(READS, last=True), 2
    ),
]
