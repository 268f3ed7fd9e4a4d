"""What the probes of all exercises share in the student's kernel.

The functions here never run in the grader: their source is sent to the kernel, by `probe_source`. They import
what they need themselves, because the kernel knows nothing of this package.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

MIME = "application/vnd.mibook.probe+json"
SEED = "'SEED': {}}}"  # how a probe ends: what it is called with


def probe_source(inputs: Callable, probe: Callable, *helpers: Callable) -> str:
    """The code of a probe: it calls ``probe(STUDENT, attempt, **inputs(SEED))`` and publishes one record.

    ``helpers`` are functions that the probe calls. The code runs in a namespace of its own, so that a student's
    ``list`` or ``SEED`` does it no harm and none of its names stays behind; ``STUDENT`` is the notebook's namespace.
    What starts it is taken from the module of builtins, so that a student's ``compile`` or ``globals`` stops nothing.
    The seed is 0 until `seeded` puts another.
    """
    pieces: tuple[Callable, ...] = (
        plain,
        tensor_facts,
        attempt_into,
        decoys,
        publish,
        *helpers,
        inputs,
        probe,
        run_probe,
    )
    source = "\n\n".join(inspect.getsource(piece) for piece in pieces)
    if "'''" in source or "\\" in source:
        raise ValueError("A probe's source must hold neither ''' nor a backslash: it is sent inside a raw string.")
    calls = f"run_probe({inputs.__name__}, {probe.__name__}, STUDENT, SEED)"
    code = f"MIME = {MIME!r}\n\n{source}\n\n{calls}\n"
    call = f"b.exec(b.compile(r'''\n{code}''', '<probe>', 'exec'), {{'STUDENT': b.globals(), {SEED.format(0)})"
    return f"(lambda b: {call})(__import__('builtins'))\n"


def seeded(source: str, seed: int, before: int = 0) -> str:
    """The source of a probe, or of a cell that holds one, with another seed in place of the one ``before``."""
    return source.replace(SEED.format(before), SEED.format(seed), 1)


def plain(value):
    """Tensors, arrays and numbers as lists and numbers that JSON knows; what is not finite as its name."""
    if hasattr(value, "detach"):
        value = value.detach().resolve_conj().tolist()
    elif hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if value is None or isinstance(value, (bool, int, str)):
        return value
    value = float(value)
    return value if value - value == 0 else str(value)


def tensor_facts(t):
    """What a result is: its shape, float type and device, and its values in one row, unless it is far too large."""
    facts = {"shape": list(t.shape), "dtype": str(t.dtype), "device": str(t.device)}
    if not t.is_meta and t.numel() <= 20000:  # a shape that was broadcast by mistake is said, not sent
        facts["values"] = plain(t.reshape(-1))
    return facts


def attempt_into(record):
    """A function that runs one part of the probe: its result, or the error it ended with, goes into the record."""

    def attempt(name, action):
        try:
            record[name] = action()
        except (Exception, SystemExit) as error:
            record[name] = {"error": (type(error).__name__ + ": " + str(error))[:400]}

    return attempt


class decoys:  # noqa: N801 - it is used like a function
    """While it is entered, data in the notebook under these names is something else: a function must use its arguments.

    Functions, classes and modules keep their names, for a student may have written helpers.
    """

    def __init__(self, student, values):
        import types

        kept = (types.FunctionType, types.BuiltinFunctionType, types.ModuleType, type)
        self.student = student
        self.values = {name: value for name, value in values.items() if not isinstance(student.get(name), kept)}

    def __enter__(self):
        self.before = {name: self.student[name] for name in self.values if name in self.student}
        self.student.update(self.values)

    def __exit__(self, *exception):
        for name in self.values:
            self.student.pop(name, None)
        self.student.update(self.before)


def publish(record):
    """Send the record, as display data, to whoever executes the notebook."""
    from IPython.display import publish_display_data

    publish_display_data({MIME: record})


def run_probe(inputs, probe, student, seed):
    """Run the probe's parts, each on its own, and publish what they found even if one stops the rest."""
    import warnings

    record = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a warning on the error stream would cost an honest student all points
            probe(student, attempt_into(record), **inputs(seed))
    except (Exception, SystemExit) as error:
        record["stopped"] = {"error": (type(error).__name__ + ": " + str(error))[:400]}
    publish(record)
