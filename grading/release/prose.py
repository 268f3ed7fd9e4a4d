"""Chapter text as plain Markdown that reads the same in any notebook program.

An assignment is opened in JupyterLab, on a hosted service, in an editor, and once more as an HTML page of
feedback. Few of these know MyST. So an assignment's text has no directives, roles or macros: exercises are
headings, hints are folded with ``<details>``, references are words, macros are written out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache
from typing import NamedTuple

import yaml
from markdown_it import MarkdownIt
from mdit_py_plugins.colon_fence import colon_fence_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.myst_blocks import myst_block_plugin

from chapters.source import ROOT

DIRECTIVE = re.compile(r"^\{([\w:-]+)\}\s*(.*)$")
OPTION = re.compile(r"^:([\w-]+):\s*(.*)$")
ROLE = re.compile(r"\{([\w:]+)\}`([^`]+)`")
EQUATION_LABEL = re.compile(r"\$\$\s*\(([\w:.-]+)\)[ \t]*$", re.MULTILINE)
NAMED = re.compile(r"^(.*?)\s*<([^<>]+)>$", re.DOTALL)
BIB_ENTRY = re.compile(r"^@\w+\{([^,\s]+),(.*?)^\}", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A top-level piece of Markdown: its kind, its lines as written, and what a directive says of itself."""

    kind: str  # "paragraph", "heading", "math", "directive", "fence", "other"
    text: str
    name: str = ""  # the directive's, such as "exercise"
    title: str = ""
    label: str = ""
    body: str = ""  # a directive's content without its options


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark").use(dollarmath_plugin, allow_labels=True)
    return parser.use(colon_fence_plugin).use(myst_block_plugin).enable("table")


def blocks(source: str) -> list[Block]:
    """The top-level blocks of a markdown cell, in order."""
    lines = source.split("\n")
    found = []
    for token in _parser().parse(source):
        if token.level == 0 and token.map and token.nesting >= 0:
            text = "\n".join(lines[slice(*token.map)]).rstrip()
            directive = DIRECTIVE.match(token.info.strip()) if "fence" in token.type else None
            if directive:
                found.append(_directive(text, *directive.groups(), token.content))
            elif token.type.startswith("math_block"):
                found.append(Block("math", text, label=token.info))
            else:
                kind = token.type.removesuffix("_open")
                found.append(Block(kind if kind in ("paragraph", "heading", "fence") else "other", text))
    return found


def _directive(text: str, name: str, title: str, content: str) -> Block:
    lines, options = content.split("\n"), {}
    while lines and (option := OPTION.match(lines[0])):
        options[option[1]] = option[2]
        lines.pop(0)
    label = options.get("label", options.get("name", ""))
    return Block("directive", text, name, title, label, "\n".join(lines).strip("\n"))


def references(text: str) -> Iterable[tuple[str, str, str]]:
    """Role, words and label of each reference in a text; the words are empty where it has only a label."""
    for role, content in ROLE.findall(text):
        named = NAMED.match(content)
        yield (role, named[1], named[2]) if named else (role, "", content)


def plain(block: Block, words: Callable[[str, str], str]) -> str:
    """A block as plain Markdown; ``words(role, label)`` says how to name what a reference without words means."""
    if block.kind == "fence":
        return block.text
    if block.kind != "directive":
        return expand(_roles(EQUATION_LABEL.sub(lambda label: _tag(words("tag", label[1])), block.text), words))
    body = "\n\n".join(plain(inner, words) for inner in blocks(block.body))
    title = expand(_roles(block.title, words))
    if block.name == "exercise":
        return f"### Exercise: {title}\n\n{body}"
    if block.name == "dropdown" and title.lower() in ("answer", "solution"):
        return body
    if block.name == "dropdown":
        return f"<details>\n<summary>{title}</summary>\n\n{body}\n\n</details>"
    if block.name.startswith("prf:"):
        kind = block.name.removeprefix("prf:").capitalize()
        return f"**{kind}{f' ({title})' if title else ''}.**\n\n{body}"
    return body


def equations(block: Block) -> list[str]:
    """The labels of the displayed equations in a block, at any depth."""
    return EQUATION_LABEL.findall(block.text)


def _tag(number: str) -> str:
    return f"\\tag{{{number}}} $$" if number else "$$"


def _roles(text: str, words: Callable[[str, str], str]) -> str:
    def named(match: re.Match) -> str:
        role, own, label = next(iter(references(match[0])))
        if role.startswith("cite"):
            return ", ".join(citation(key.strip(), role) for key in match[2].split(","))
        said = own or words(role, label)
        begins = not text[: match.start()].strip() or text[: match.start()].rstrip()[-1] in ".?!"
        return said[0].upper() + said[1:] if begins and not own else said

    return ROLE.sub(named, text)


@cache
def _bibliography() -> dict[str, tuple[str, str]]:
    """Key to first author's family name (with "et al." where there are more) and year."""
    entries = {}
    for key, fields in BIB_ENTRY.findall((ROOT / "references.bib").read_text(encoding="utf-8")):
        author = re.search(r"author\s*=\s*[{\"](.+?)[}\"]\s*,?\s*$", fields, re.MULTILINE | re.DOTALL)
        year = re.search(r"year\s*=\s*[{\"]?(\d{4})", fields)
        names = _letters(author[1]).split(" and ") if author else [key]
        family = names[0].split(",")[0] if "," in names[0] else names[0].split()[-1]
        entries[key] = (family + (" et al." if len(names) > 1 else ""), year[1] if year else "n.d.")
    return entries


def _letters(text: str) -> str:
    """BibTeX's accents as letters."""
    marks = {"'": "\u0301", "`": "\u0300", '"': "\u0308", "^": "\u0302", "~": "\u0303"}
    text = text.replace("{", "").replace("}", "")
    return unicodedata.normalize("NFC", re.sub(r"\\([\'`\"^~])\s*(\w)", lambda m: m[2] + marks[m[1]], text))


def citation(key: str, role: str) -> str:
    """Author and year in the way of the role: ``cite:t`` as a name in the sentence, ``cite:p`` in brackets."""
    author, year = _bibliography().get(key, (key, ""))
    return f"{author} ({year})" if role == "cite:t" else f"({author}, {year})"


@cache
def _macros() -> dict[str, tuple[str, int]]:
    """Macro name to its text and its number of arguments."""
    macros = yaml.safe_load((ROOT / "book" / "macros.yml").read_text(encoding="utf-8"))
    return {
        name[1:]: (text, max((int(n) for n in re.findall(r"#(\d)", text)), default=0)) for name, text in macros.items()
    }


def expand(text: str) -> str:
    """Write out the book's TeX macros, so that no renderer has to know them."""
    pattern = re.compile(r"\\(" + "|".join(map(re.escape, _macros())) + r")(?![A-Za-z])")
    while match := pattern.search(text):
        replacement, count = _macros()[match[1]]
        end = match.end()
        for number in range(1, count + 1):
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
