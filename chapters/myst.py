"""The text of a chapter's cell as the parser that Sphinx uses sees it: blocks, labels and references."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import yaml
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser
from myst_parser.parsers.options import options_to_items
from nbformat import NotebookNode

from chapters.source import ROOT

FENCES = ("fence", "colon_fence")
REFERENCES = {"ref", "numref", "eq", "prf:ref"}


class Block(NamedTuple):
    """A top-level piece of Markdown: its kind, its lines as written, and what a directive says of itself."""

    kind: str  # "paragraph", "heading", "math", "directive", "fence", "other"
    text: str
    name: str = ""  # the directive's, such as "exercise"
    title: str = ""
    label: str = ""
    body: str = ""  # a directive's content without its options


class Role(NamedTuple):
    """A role in a text: ``{name}`words <target>` ``; the words are empty where it has only a target."""

    name: str
    words: str
    target: str
    start: int
    end: int


@cache
def _parser() -> MarkdownIt:
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    extensions = set(config["parse"]["myst_enable_extensions"])
    return create_md_parser(MdParserConfig(enable_extensions=extensions), RendererHTML)


def blocks(source: str) -> list[Block]:
    """The top-level blocks of a markdown cell, in order."""
    lines = source.split("\n")
    found = []
    for token in _parser().parse(source):
        if token.level == 0 and token.map and token.nesting >= 0:
            text = "\n".join(lines[slice(*token.map)]).rstrip()
            if directive := _directive(token, text):
                found.append(directive)
            elif token.type.startswith("math_block"):
                found.append(Block("math", text, label=token.info))
            else:
                kind = token.type.removesuffix("_open")
                found.append(Block(kind if kind in ("paragraph", "heading", "fence") else "other", text))
    return found


def _directive(token: Token, text: str = "") -> Block | None:
    """The directive that a fence is, or None."""
    name, closed, title = token.info.strip().removeprefix("{").partition("}")
    if token.type not in FENCES or not token.info.strip().startswith("{") or not closed:
        return None
    given, body = _parted(token.content.split("\n"))
    options = dict(options_to_items("\n".join(given))[0])
    label = options.get("label", options.get("name", ""))
    return Block("directive", text, name, title.strip(), label, "\n".join(body).strip("\n"))


def _parted(lines: list[str]) -> tuple[list[str], list[str]]:
    """A directive's options, in either way to write them, and its content."""
    if lines[0] == "---" and "---" in lines[1:]:
        end = lines.index("---", 1)
        return lines[1:end], lines[end + 1 :]
    end = 0
    while end < len(lines) and lines[end].startswith(":") and ":" in lines[end][1:] and lines[end][1] != ":":
        end += 1
    return [line[1:] for line in lines[:end]], lines[end:]


def walk(source: str) -> Iterator[Token | Block]:
    """Every token of a text, and every directive before what it holds, at any depth."""
    for token in _parser().parse(source):
        if directive := _directive(token):
            yield directive
            yield from walk(directive.body)
        else:
            yield token
            yield from token.children or []


def equations(source: str) -> list[str]:
    """The labels of the displayed equations in a text, at any depth."""
    return [found.info for found in walk(source) if isinstance(found, Token) and found.type == "math_block_label"]


def labels(source: str) -> list[str]:
    """Every label that a text defines: of directives, targets and equations."""
    found = []
    for piece in walk(source):
        if isinstance(piece, Block):
            found.append(piece.label)
        elif piece.type == "math_block_label":
            found.append(piece.info)
        elif piece.type == "myst_target":
            found.append(piece.content)
    return [label for label in found if label]


def targets(source: str) -> list[str]:
    """Every label that a text refers to, by a role or by a link."""
    found = []
    for piece in walk(source):
        if isinstance(piece, Token) and piece.type == "myst_role" and piece.meta["name"] in REFERENCES:
            found.append(_named(piece.content)[1])
        elif isinstance(piece, Token) and piece.type == "link_open":
            found.append(str(piece.attrs["href"]).removeprefix("#"))
    return found


def roles(text: str) -> list[Role]:
    """The roles in a text outside of directives and code, in order, with their places in it."""
    found, at = [], 0
    for token in _parser().parse(text):
        for child in token.children or []:
            if child.type == "code_inline":  # what looks like a role in there is none
                at = [run.end() for run in re.finditer(f"(?<!`){child.markup}(?!`)", text[at:])][1] + at
            elif child.type == "myst_role":
                opening = f"{{{child.meta['name']}}}`"
                start = text.index(opening, at)
                at = text.index("`", start + len(opening)) + 1
                found.append(Role(child.meta["name"], *_named(child.content), start, at))
    return found


def _named(content: str) -> tuple[str, str]:
    """The words and the target of what stands in a role's quotes."""
    words, opened, target = content.rpartition("<")
    return (words.strip(), target[:-1]) if opened and target.endswith(">") else ("", content)


def title(notebook: NotebookNode) -> str:
    """The first heading of a page, or nothing."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for block in blocks(cell.source):
                if block.kind == "heading" and block.text.startswith("# "):
                    return block.text.removeprefix("# ")
    return ""
