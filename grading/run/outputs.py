"""What a kernel sent, as outputs that nbformat, nbgrader and the gradebook take."""

from __future__ import annotations

import math

from nbformat import NotebookNode
from nbformat.v4 import new_output

INPUT = "input() waits for someone to type, and nobody does while grading: write the value into the code."
DEEPEST = 64  # levels of nesting that an output may have


def fault(name: str, sentence: str):
    """An error output that holds one sentence."""
    return new_output("error", ename=name, evalue=sentence, traceback=[f"{name}: {sentence}"])


def as_json(value, depth: int = 0):
    """A copy of ``value`` that any JSON writer and reader takes: no lone surrogates, no NaN, no bottomless nesting."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)  # as ipykernel writes them
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if depth >= DEEPEST:
        return "…"
    if isinstance(value, dict):
        return {as_json(str(key)): as_json(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(item, depth + 1) for item in value]
    return as_json(str(value))


def is_count(value) -> bool:
    return type(value) is int and value >= 0


def _text(value) -> str:
    return as_json("".join(map(str, value)) if isinstance(value, list) else str(value))


def _data(value) -> dict:
    """A MIME bundle: text for each type, or JSON where the type says so."""
    bundle = as_json(value) if isinstance(value, dict) else {}
    json_types = ("application/json", "+json")
    return {kind: item if kind.endswith(json_types) else _text(item) for kind, item in bundle.items()}


def tidied(outputs: list, graded: bool) -> list:
    """The outputs of a cell in order; `RobustExecute` says what ``graded`` changes."""
    kept: list[NotebookNode] = []
    for output in outputs:
        kind = output.get("output_type")
        if kind == "stream":
            name = "stderr" if output.get("name") == "stderr" and not graded else "stdout"
            if kept and kept[-1].output_type == "stream" and kept[-1].name == name:
                kept[-1].text += _text(output.get("text", ""))
            else:
                kept.append(new_output("stream", name=name, text=_text(output.get("text", ""))))
        elif kind == "error":
            name, sentence = _text(output.get("ename", "")), _text(output.get("evalue", ""))
            if name == "StdinNotImplementedError":
                kept.append(fault(name, INPUT))
                continue
            lines = output.get("traceback")
            traceback = [_text(line) for line in lines] if isinstance(lines, list) else []
            kept.append(
                new_output("error", ename=name, evalue=sentence, traceback=traceback or [f"{name}: {sentence}"])
            )
        elif kind in ("display_data", "execute_result"):
            metadata = as_json(output["metadata"]) if isinstance(output.get("metadata"), dict) else {}
            count = output.get("execution_count")
            if kind == "execute_result" and not graded and is_count(count):
                kept.append(new_output(kind, _data(output.get("data")), metadata=metadata, execution_count=count))
            else:
                kept.append(new_output("display_data", _data(output.get("data")), metadata=metadata))
    return kept
