"""The hidden part of a test cell: how it is marked, and how no student sees it."""

from __future__ import annotations

import re

from nbconvert.filters import strip_ansi

BEGIN, END = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
HIDDEN = re.compile(rf"{BEGIN}\n.*?{END}\n?", re.DOTALL)
SOURCE_LINE = re.compile(r"\s*(?:-+>\s*)?\d+(?:\s|\Z)")  # of a traceback: its number, then code


def hidden(probe: str) -> str:
    """A probe as the hidden part of a test cell."""
    return f"{BEGIN}\n{probe.rstrip()}\n{END}\n"


def shown(source: str) -> str:
    """The source of a test cell as a student may see it."""
    return HIDDEN.sub("# (other tests, which are not shown)\n", source)


def shown_traceback(text: str) -> str:
    """A traceback without the lines of the hidden tests, and without the frames of the probe."""
    kept: list[str] = []
    inside = False
    for line in text.split("\n"):
        bare = strip_ansi(line)
        if END in bare:  # what stands before it, around a visible line that failed, is hidden too
            while kept and SOURCE_LINE.match(strip_ansi(kept[-1])):
                kept.pop()
        elif BEGIN in bare or bare.startswith("File <probe>"):
            inside = True
        elif not (inside and (not bare.strip() or SOURCE_LINE.match(bare))):
            inside = False
            kept.append(line)
    return "\n".join(kept)
