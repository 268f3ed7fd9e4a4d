"""One style sheet for the site: what the theme and the extensions bring, in their order, without what no page uses.

A browser paints nothing before it has every sheet, and the theme's and the extensions' are thirteen of half a megabyte.
"""

from __future__ import annotations

import base64
import posixpath
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

STYLE = "site.css"
THEME = ["styles/theme.css", "styles/bootstrap.css", "styles/pydata-sphinx-theme.css", "icons.css", "formulas.css"]
"""What comes first, whatever a page asks for."""

HEAD = "/* of "
SMALL = 20_000  # bytes: a file that is part of the sheet costs no request
KINDS = {".woff": "font/woff", ".woff2": "font/woff2", ".svg": "image/svg+xml", ".png": "image/png"}
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
IMPORT = re.compile(r"@import\s+(?:url\()?[\"']?([^\"')]+)[\"']?\)?\s*;")
ADDRESS = re.compile(r"url\(\s*[\"']?([^\"')]+?)[\"']?\s*\)")
NAMED = re.compile(r"[.#]((?:[\w-]|\\.)+)")
SPACE = re.compile(r"\s+")
WORD = re.compile(r"[a-zA-Z]_?\d*\.\d+|[\w-]+")
GIVEN = re.compile(r"""\b(?:class|id)=("[^"]*"|'[^']*'|[^\s>"']+)""")
PROPERTY = re.compile(r"--[\w-]+")
ASKED = re.compile(r"var\(\s*(--[\w-]+)")
DECLARED = re.compile(r"""(?<![\w-])(--[\w-]+)\s*:(?:"[^"]*"|'[^']*'|[^;{}"'])*;?""")
NESTED = ("@media", "@supports", "@layer", "@container")


def _text(file: Path, static: Path) -> str:
    """A sheet with what it imports, its addresses seen from ``static`` and its small files inside."""
    text = COMMENT.sub("", file.read_text(encoding="utf-8")).replace('@charset "UTF-8";', "")
    text = IMPORT.sub(lambda found: _text(file.parent / found[1], static), text)
    return ADDRESS.sub(lambda found: f'url("{_address(found[1], file, static)}")', text)


def _address(address: str, file: Path, static: Path) -> str:
    target = file.parent / address.partition("?")[0].partition("#")[0]
    if address.startswith(("data:", "#", "http:", "https:")) or not target.is_file():
        return address.replace('"', "'")
    if target.stat().st_size < SMALL and target.suffix in KINDS:
        return f"data:{KINDS[target.suffix]};base64,{base64.b64encode(target.read_bytes()).decode()}"
    return posixpath.relpath(target.as_posix(), static.as_posix())


def _rules(text: str) -> Iterator[tuple[str, str]]:
    """The rules of a sheet: what stands before the braces, and what inside; an empty inside for a statement."""
    start = index = 0
    while index < len(text):
        sign = text[index]
        if sign in "\"'":
            index = _string_end(text, index)
        elif sign == ";":
            yield text[start:index].strip(), ""
            start = index + 1
        elif sign == "{":
            end = _block_end(text, index)
            yield text[start:index].strip(), text[index + 1 : end]
            start, index = end + 1, end
        index += 1


def _string_end(text: str, index: int) -> int:
    quote, index = text[index], index + 1
    while text[index] != quote:
        index += 2 if text[index] == "\\" else 1
    return index


def _block_end(text: str, index: int) -> int:
    depth = 0
    while True:
        if text[index] in "\"'":
            index = _string_end(text, index)
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if depth == 0:
            return index
        index += 1


def _kept(text: str, names: set[str]) -> str:
    """The rules that may match something: every class and id in their selector is a word of a page or a script."""
    found = []
    for head, body in _rules(text):
        if head.startswith(NESTED):
            inside = _kept(body, names)
            found += [f"{head}{{{inside}}}"] if inside else []
        elif head.startswith("@") or not head:
            found.append(f"{head}{{{body.strip()}}}" if body else f"{head};" if head else "")
        else:
            parts, inside = [part for part in _selectors(head) if _known(part, names)], SPACE.sub(" ", body).strip()
            found += [f"{','.join(parts)}{{{inside}}}"] if parts else []
    return "\n".join(found)


def _selectors(head: str) -> list[str]:
    """The selectors of a rule, separated at the commas that stand in no bracket."""
    found, depth, start = [], 0, 0
    for index, sign in enumerate(head):
        depth += (sign in "([") - (sign in ")]")
        if sign == "," and depth == 0:
            found.append(head[start:index].strip())
            start = index + 1
    return [*found, head[start:].strip()]


def _known(selector: str, names: set[str]) -> bool:
    bare = re.sub(r":(?:not|is|where|has)\((?:[^()]|\([^()]*\))*\)|\[[^\]]*\]", "", selector)
    return all(name.replace("\\", "") in names for name in NAMED.findall(bare))


def _names(file: Path) -> Iterator[str]:
    """The classes and ids of a page; every word of a script."""
    text = file.read_text(encoding="utf-8")
    for found in GIVEN.findall(text) if file.suffix == ".html" else [text]:
        yield from WORD.findall(found)


def _without_unused(kept: list[str], files: list[Path]) -> str:
    """The rules without the custom properties that neither they nor a page or a script ask for."""
    text = "\n".join(kept)
    elsewhere = set().union(*(PROPERTY.findall(file.read_text(encoding="utf-8")) for file in files))
    while unused := set(DECLARED.findall(text)) - elsewhere - set(ASKED.findall(text)):
        text = DECLARED.sub(partial(_unless, unused), text)
    return text


def _unless(names: set[str], found: re.Match[str]) -> str:
    return "" if found[1] in names else found[0]


def write(site: Path, sheets: list[str]) -> None:
    """Write the one sheet of ``site``; ``sheets`` are those that its pages asked for, seen from `_static`.

    A build that writes some pages anew hears of the sheets of those alone, so the first line of the sheet keeps them.
    """
    static = site / "_static"
    former = (static / STYLE).read_text(encoding="utf-8").partition("\n")[0] if (static / STYLE).exists() else ""
    order = dict.fromkeys([*THEME, *former.removeprefix(HEAD).removesuffix(" */").split(), *sheets])
    files = [*site.rglob("*.html"), *static.glob("*.js"), *static.glob("*.mjs"), *static.glob("scripts/*.js")]
    names = set().union(*(_names(file) for file in files))
    kept = [_kept(_text(static / name, static), names) for name in order if (static / name).is_file()]
    text = "\n".join([f"{HEAD}{' '.join(list(order)[len(THEME) :])} */", _without_unused(kept, files)])
    (static / STYLE).write_text(text, encoding="utf-8")
