"""The book's TeX macros, `book/macros.yml`: their names, their arguments, and text in which they are written out."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import yaml

from chapters.source import BOOK


class Macro(NamedTuple):
    text: str  # with #1, #2, … for the arguments
    arguments: int


@cache
def macros(path: Path = BOOK / "macros.yml") -> dict[str, Macro]:
    """The macros by name, without its backslash."""
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {
        name.removeprefix("\\"): Macro(text, max((n for n in range(1, 10) if f"#{n}" in text), default=0))
        for name, text in found.items()
    }


def expand(text: str) -> str:
    """Write out the macros in a text, so that no renderer has to know them."""
    known = macros()
    pattern = re.compile(r"\\(" + "|".join(map(re.escape, known)) + r")(?![A-Za-z])")
    while match := pattern.search(text):
        macro, end = known[match[1]], match.end()
        replacement = macro.text
        for number in range(1, macro.arguments + 1):
            argument, end = _argument(text, end)
            replacement = replacement.replace(f"#{number}", argument)
        before = text[: match.start()]
        if replacement[0].isalpha() and re.search(r"\\[A-Za-z]+$", before):
            before += " "  # or the command before it would swallow the letter
        text = before + replacement + text[end:]
    return text


def _argument(text: str, start: int) -> tuple[str, int]:
    """A macro's argument from ``start``: what the braces hold, or the next sign; and where it ends."""
    while text[start].isspace():
        start += 1
    if text[start] != "{":
        return text[start], start + 1
    depth, end = 0, start
    while True:
        depth += {"{": 1, "}": -1}.get(text[end], 0) if text[end - 1] != "\\" else 0
        end += 1
        if depth == 0:
            return text[start + 1 : end - 1], end
