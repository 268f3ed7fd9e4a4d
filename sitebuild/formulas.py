"""Formulas as HTML, set by KaTeX in one node process when the pages are written: a reader's browser only shows them.

Each formula is there three times, all of them small (`sitebuild.compact`): drawn, as MathML with its words
(`sitebuild.speech`) for a screen reader, and as TeX for whoever copies it. The numbers of equations and the references
to them are Sphinx's own.
"""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NoReturn
from xml.etree import ElementTree

from docutils import nodes
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

from chapters.macros import expand
from chapters.source import ROOT
from sitebuild import compact, speech

logger = logging.getLogger(__name__)

MODULES = ROOT / "node_modules"
SET = re.compile(r"<math .*?</math>", re.DOTALL)
ALIGNED = re.compile(r"\\begin\{aligned\}(.*)\\end\{aligned\}", re.DOTALL)


class FormulaError(ValueError):
    """A formula that KaTeX does not understand, and why."""


class _Setter:
    """A node process that sets one formula after the other."""

    def __init__(self) -> None:
        node = shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")
        if node is None or not (MODULES / "katex").is_dir():
            raise FileNotFoundError("KaTeX or node is missing: run `npm ci --ignore-scripts` (make book does).")
        command = [node, str(Path(__file__).with_name("katex.cjs")), str(MODULES)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def set(self, tex: str, display: bool) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([tex, display]) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise FormulaError(answer["error"])
        return answer["html"]


@cache
def _setter(process: int) -> _Setter:
    """The setter of this process: Sphinx may write pages in several, and two must not share a pipe."""
    return _Setter()


@cache
def typeset(tex: str, display: bool = False) -> str:
    """A formula in the book's TeX as HTML; raises `FormulaError` if it has a mistake."""
    made = _setter(os.getpid()).set(prepared(tex, display), display)
    math = SET.search(made)
    assert math is not None, "KaTeX's answer has no MathML"
    words = speech.words(ElementTree.fromstring(math[0]))
    plain = math[0].replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "", 1)
    spoken = plain.replace("<math", f'<math aria-label="{html.escape(words)}"', 1)
    return compact.compact(made[: math.start()] + spoken + made[math.end() :])


def prepared(tex: str, display: bool) -> str:
    """The formula without the book's macros; a display of one line without alignment, so that it can break."""
    tex = expand(tex).strip()
    found = ALIGNED.fullmatch(tex) if display else None
    if found and r"\\" not in found[1] and len(re.findall(r"(?<!\\)&", found[1])) <= 1:
        return re.sub(r"(?<!\\)&", "", found[1]).strip()
    parts = [part for part in tex.split("\n\n") if part.strip()]
    if len(parts) > 1 or (r"\\" in tex and not tex.startswith(r"\begin")):
        return r"\begin{aligned}" + r"\\".join(parts) + r"\end{aligned}"
    return tex


def _checked(writer, node: nodes.Element, display: bool) -> str:
    try:
        return typeset(node.astext(), display)
    except FormulaError as error:
        logger.warning("a formula is wrong: %s", error, location=node, type="book", subtype="formula")
        return html.escape(node.astext())


def _joined(node: nodes.math) -> str:
    """A sign that keeps the line from breaking between a formula and what ends the phrase."""
    after = node.next_node(descend=False, siblings=True)
    return "\u2060" if isinstance(after, nodes.Text) and after.startswith((".", ",", ";", ":", ")", "?", "!")) else ""


def visit_math(self, node: nodes.math) -> NoReturn:
    self.body.append(self.starttag(node, "span", "", CLASS="math notranslate"))
    self.body.append(_checked(self, node, display=False) + "</span>" + _joined(node))
    raise nodes.SkipNode


def visit_display(self, node: nodes.math_block) -> NoReturn:
    self.body.append(self.starttag(node, "div", CLASS="math notranslate nohighlight"))
    self.body.append(f'<div class="math-scroll">{_checked(self, node, display=True)}</div>')
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise nodes.SkipNode
