"""Formulas on students' pages as MathML, which needs no script: MathJax sets them, an allow-list lets them through."""

from __future__ import annotations

import html
import json
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from chapters.source import ROOT

ALPHABETS = {
    "sans-serif": "SANS-SERIF",
    "script": "SCRIPT",
    "-tex-calligraphic": "SCRIPT",
    "double-struck": "DOUBLE-STRUCK",
    "bold": "BOLD",
    "fraktur": "FRAKTUR",
}
# All that a formula may consist of: presentation, and no way to name, style or link an element.
MATHML = {
    *("math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "ms", "mfrac", "msqrt", "mroot", "mstyle", "merror"),
    *("mpadded", "mphantom", "menclose", "msub", "msup", "msubsup", "munder", "mover", "munderover", "mmultiscripts"),
    *("mprescripts", "none", "mtable", "mtr", "mlabeledtr", "mtd"),
}
MATHML_ATTRIBUTES = {
    *("display", "displaystyle", "scriptlevel", "mathvariant", "mathsize", "mathcolor", "dir", "form", "fence"),
    *("separator", "stretchy", "symmetric", "largeop", "movablelimits", "accent", "accentunder", "minsize", "maxsize"),
    *("lspace", "rspace", "width", "height", "depth", "voffset", "linethickness", "bevelled", "numalign", "denomalign"),
    *("notation", "align", "columnalign", "rowalign", "columnspacing", "rowspacing", "columnlines", "rowlines"),
    *("columnspan", "rowspan", "columnwidth", "frame", "framespacing", "equalrows", "equalcolumns", "side"),
    *("minlabelspacing", "linebreak"),
}


def mathml(formulas: list[tuple[str, bool]]) -> list[str]:
    """Each formula as MathML; an empty text where MathJax has nothing for it, or is not here."""
    missing = [formula for formula in dict.fromkeys(formulas) if formula not in _made]
    _made.update((formula, text) for formula, text in zip(missing, _converted(missing), strict=True) if text)
    return [_made.get(formula, "") for formula in formulas]


_made: dict[tuple[str, bool], str] = {}  # what was asked has the same formulas on every student's page


def _converted(formulas: list[tuple[str, bool]]) -> list[str]:
    node = shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")
    modules = ROOT / "node_modules"
    if not formulas or node is None or not (modules / "mathjax").exists():
        return [""] * len(formulas)
    command = [node, str(Path(__file__).with_name("formulas.cjs")), str(modules)]
    try:
        run = subprocess.run(
            command, input=json.dumps(formulas), capture_output=True, text=True, timeout=60, check=True
        )
        found = json.loads(run.stdout)
    except (subprocess.SubprocessError, ValueError):
        return [""] * len(formulas)
    return [_only_presentation(text) for text in found] if len(found) == len(formulas) else [""] * len(formulas)


def _only_presentation(text: str) -> str:
    """MathJax's answer, written anew with nothing but `MATHML` in it; an empty text if it has another element."""
    try:
        return "".join(_pieces(ElementTree.fromstring(text)))
    except (ElementTree.ParseError, ValueError, RecursionError):
        return ""


def _pieces(element: ElementTree.Element) -> Iterator[str]:
    tag, attributes = element.tag.rpartition("}")[2], element.attrib
    text = (element.text or "").strip(" \n")  # and not the spaces of a \text, which do not break
    if tag not in MATHML:
        raise ValueError(tag)
    # A letter of another alphabet is its own character: browsers no longer read MathML's `mathvariant`.
    if tag == "mi" and (alphabet := ALPHABETS.get(attributes.get("mathvariant", ""))):
        attributes, text = {}, "".join(_letter(alphabet, letter) for letter in text)
    kept = [f' {name}="{html.escape(attributes[name])}"' for name in attributes if name in MATHML_ATTRIBUTES]
    yield f"<{tag}{''.join(kept)}>{html.escape(text)}"
    for child in element:
        yield from _pieces(child)
    yield f"</{tag}>"


def _letter(alphabet: str, letter: str) -> str:
    if not (letter.isascii() and letter.isalpha()):
        return letter
    case = "CAPITAL" if letter.isupper() else "SMALL"
    for name in (f"MATHEMATICAL {alphabet} {case} {letter.upper()}", f"{alphabet} {case} {letter.upper()}"):
        try:
            return unicodedata.lookup(name)
        except KeyError:
            continue  # the oldest of these letters have shorter names
    return letter
