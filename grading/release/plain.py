"""Chapter text as plain Markdown that reads the same in any notebook program.

A sheet is opened in JupyterLab, on a hosted service, in an editor, and once more as an HTML page of feedback. Few of
these know MyST. So a sheet's text has no directives, roles or macros: exercises are headings, hints are folded with
``<details>``, references are words, macros are written out.
"""

from __future__ import annotations

from collections.abc import Callable

from chapters.citations import citation
from chapters.macros import expand
from chapters.myst import Block, Role, blocks, equations, roles

Words = Callable[[str, str], str]  # (role, label): how to name what a reference without words means


def plain(block: Block, words: Words) -> str:
    """A block as plain Markdown."""
    if block.kind == "fence":
        return block.text
    if block.kind != "directive":
        return expand(_without_roles(_tagged(block.text, words), words))
    body = "\n\n".join(plain(inner, words) for inner in blocks(block.body))
    title = expand(_without_roles(block.title, words))
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


def _tagged(text: str, words: Words) -> str:
    """A text in which the label of each equation is its number, if it has one here."""
    for label in equations(text):
        number = words("tag", label)
        text = text.replace(f"$$ ({label})", f"\\tag{{{number}}} $$" if number else "$$")
    return text


def _without_roles(text: str, words: Words) -> str:
    pieces, at = [], 0
    for role in roles(text):
        pieces += [text[at : role.start], _said(role, text[: role.start].rstrip(), words)]
        at = role.end
    return "".join([*pieces, text[at:]])


def _said(role: Role, before: str, words: Words) -> str:
    if role.name.startswith("cite"):
        return ", ".join(citation(key.strip(), role.name) for key in role.target.split(","))
    said = role.words or words(role.name, role.target)
    begins = not before or before[-1] in ".?!"
    return said[0].upper() + said[1:] if begins and not role.words else said
