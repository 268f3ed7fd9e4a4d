"""What a sheet's text refers to in the chapters: where it stands, and how a sheet names it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chapters.macros import expand
from chapters.myst import Block, blocks, equations
from chapters.source import read


@dataclass
class Labelled:
    """What a label names: its block, the words for it, and the blocks that make it readable elsewhere."""

    block: Block
    title: str
    context: list[Block]


Index = dict[str, Labelled]  # by label, in lower case


def index_of(chapters: list[Path]) -> Index:
    """Every labelled statement, exercise and equation of some chapters."""
    found: Index = {}
    for path in chapters:
        for cell in read(path).cells:
            if cell.cell_type == "markdown":
                for label, entry in _labelled(blocks(cell.source)):
                    found.setdefault(label.lower(), entry)
    return found


def _labelled(found: list[Block]) -> Iterator[tuple[str, Labelled]]:
    for place, block in enumerate(found):
        if block.kind == "math" and block.label:
            # An equation is read with the sentence that leads to it and the one that explains its letters.
            before = found[place - 1 : place] if place and found[place - 1].kind == "paragraph" else []
            after = [
                b
                for b in found[place + 1 : place + 2]
                if b.kind == "paragraph" and (b.text[:1] == "(" or "a" <= b.text[:1] <= "z")
            ]
            yield block.label, Labelled(block, "", [*before, block, *after])
        elif block.kind == "directive":
            kind = block.name.removeprefix("prf:")
            title = f"the {kind} “{block.title}”" if block.title else f"the {kind} in the chapter"
            if block.label:
                yield block.label, Labelled(block, title, [block])
            for equation in equations(block.text):
                yield equation, Labelled(block, "", [block])


class Words:
    """How a sheet names what its text refers to: equations that it shows by number, the rest in words."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.shown: list[Block] = []
        self.numbers: dict[str, int] = {}

    def show(self, context: list[Block]) -> None:
        """Number the equations in blocks that the sheet is about to show."""
        for block in context:
            self.shown.append(block)
            for equation in equations(block.text):
                self.numbers.setdefault(equation.lower(), len(self.numbers) + 1)

    def __call__(self, role: str, label: str) -> str:
        number = self.numbers.get(label.lower())
        if role == "tag":
            return str(number) if number else ""
        if role == "eq" and number:
            return f"({number})"
        if role == "numref":
            return "the figure in the chapter"
        if role == "eq":
            return "(in the chapter)"
        known = self.index.get(label.lower())
        return expand(known.title) if known else "the chapter"
