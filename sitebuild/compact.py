"""Formulas in fewer bytes: what KaTeX writes for whatever style there may be, cut to what its own sheet uses.

A chapter has some hundred formulas of a hundred elements each, and every element says its size in its own words. Here

- a class that no rule of KaTeX's sheet names is dropped; an element that then says nothing gives way to its content;
- a length becomes a class of a few letters, and the classes that remain get short names;
- a strut is part of the element that it opens; an index is one raised or lowered element instead of a table of eight;
- the spaces on both sides of a sign are its margins;
- MathML loses what only a drawing would use, and the TeX becomes an attribute, `data-tex`.

A formula looks as before, to a thousandth of its size. `rules` is the sheet that goes with it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from functools import cache
from xml.etree.ElementTree import Element, fromstring, tostring

from chapters.source import ROOT

SHEET = ROOT / "node_modules" / "katex" / "dist" / "katex.css"
PUBLIC = {"katex", "katex-display", "katex-html", "katex-mathml", "katex-version", "fleqn", "leqno"}
"""Classes by which scripts, other sheets and readers know a formula."""

LENGTHS = {
    "height": "y",
    "vertical-align": "v",
    "top": "t",
    "margin-left": "l",
    "margin-right": "r",
    "padding-left": "p",
    "min-width": "w",
    "border-bottom-width": "b",
    "margin": "m",
    "font-size": "z",
}
"""Properties whose lengths become classes: `y2.7` is 2.7 em high, `t_3` lies 3 em above, `z70` has 70 % of the size."""

STRUT = {"height": "H", "vertical-align": "V"}
"""The same of a strut, which is an element's `::before`."""

INDEX, PAIR = "ki", "kp"
SIZES = [0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.44, 1.728, 2.074, 2.488]  # of KaTeX's size1, size2, …

FACE = re.compile(r"@font-face\s*\{.*?\}\s*", re.DOTALL)
NAME = re.compile(r"\.(-?[a-zA-Z_][\w-]*)(?=[^{}]*\{)")
EM = re.compile(r"-?\d*\.?\d+em")
LENGTH = re.compile(rf"([{''.join(LENGTHS.values())}HV])(_?)(\d*\.?\d+)")
BY_PLACE = {"vlist", "mfrac", "delimsizing", "clap"}
"""Elements whose children and grandchildren the sheet names by their place alone."""

SPACED = re.compile(r"<span class=r([\d.]+)></span>([^<>]+)<span class=r\1></span>")
ANNOTATED = re.compile(r"<semantics>(.*?)<annotation[^>]*>(.*?)</annotation></semantics>", re.DOTALL)
DRAWING = re.compile(
    r' (?:mathvariant="(?:normal|sans-serif)"'
    r'|(?:stretchy|separator|fence|lspace|rspace|minsize|maxsize|scriptlevel|displaystyle)="[^"]*")'
)


@cache
def names() -> dict[str, str]:
    """Each class of KaTeX's sheet and the short name that it has on our pages."""
    found = sorted(set(NAME.findall(_sheet())) - PUBLIC)
    return {name: f"k{number:x}" for number, name in enumerate(found)} | {name: name for name in PUBLIC}


@cache
def _sheet() -> str:
    """KaTeX's sheet without its fonts."""
    return FACE.sub("", SHEET.read_text(encoding="utf-8"))


def compact(formula: str) -> str:
    """A formula as KaTeX wrote it, smaller."""
    start = formula.index('<span class="katex-html"')
    drawn = formula[start:].replace(' xmlns="http://www.w3.org/2000/svg"', "")
    end = _end(drawn)
    return _spoken(formula[:start]) + _written(fromstring(drawn[:end]), ()) + drawn[end:]


def _spoken(before: str) -> str:
    """What stands before the drawing: MathML as small as its words allow, the TeX as an attribute."""
    before = DRAWING.sub("", before).replace('class="katex"', "class=katex")
    before = before.replace('<span class="katex-mathml"><math', "<math class=katex-mathml").removesuffix("</span>")
    if found := ANNOTATED.search(before):
        math, tex = found[1], found[2].replace('"', "&quot;")
        if math.startswith("<mrow>") and _end(math, "mrow") == len(math):  # a formula is a row itself
            math = math[len("<mrow>") : -len("</mrow>")]
        before = before[: found.start()] + math + before[found.end() :]
        before = before.replace("<span class=katex>", f'<span class=katex data-tex="{tex}">', 1)
    return before


def _end(text: str, name: str = "span") -> int:
    """Where the element that opens a text ends."""
    depth = 0
    for tag in re.finditer(rf"<(/?){name}\b[^>]*>", text):
        depth += -1 if tag[1] else 1
        if depth == 0:
            return tag.end()
    raise ValueError("an element of a formula is not closed")


def _classes(element: Element) -> list[str]:
    return element.get("class", "").split()


def _style(element: Element) -> dict[str, str]:
    """The style of an element, property by property, without the margins that are none."""
    parts = [part.partition(":") for part in element.get("style", "").split(";") if part]
    return {name: value for name, _, value in parts if not (value == "0em" and name.startswith("margin"))}


def _written(element: Element, above: tuple[list[str], ...], extra: tuple[str, ...] = ()) -> str:
    """The element as text; ``above`` are the classes of what holds it, the nearest first."""
    if element.tag != "span":
        element.tail, tail = None, element.tail
        text = tostring(element, encoding="unicode").replace(" />", "/>")
        element.tail = tail
        return text
    own = _classes(element)
    if "msupsub" in own and (indices := _indices(element)) is not None:
        return indices
    children, sizes = list(element), list(extra)
    if children and _classes(children[0]) == ["katex-strut"]:
        strut, *children = children
        sizes += [_size(STRUT[name], value) for name, value in _style(strut).items()]
    inside = html.escape(element.text or "", quote=False)
    for child in children:
        inside += _written(child, (own, *above)) + html.escape(child.tail or "", quote=False)
    rest = ""
    for name, value in _style(element).items():
        if name in LENGTHS and EM.fullmatch(value):
            sizes.append(_size(LENGTHS[name], value))
        else:
            rest += f"{name}:{value};"
    if own == ["mspace"] and len(sizes) == 1 and not rest:
        own = []  # a margin alone needs no box
    if "katex-sizing" in own:
        sizes.insert(0, f"z{round(100 * _scale(own))}")
        own = [name for name in own if not name.startswith(("katex-sizing", "size", "reset-size"))]
    words = " ".join([*(names()[name] for name in own if name in names()), *sizes])
    attributes = "".join(f" {k}={v}" for k, v in element.items() if k not in ("class", "style"))
    attributes += f' style="{html.escape(rest)}"' if rest else ""
    if not words and not attributes and not BY_PLACE & set().union(*above[:2]):
        return inside
    if words:
        attributes = (f' class="{words}"' if " " in words else f" class={words}") + attributes
    inside = SPACED.sub(r"<span class=m\1>\2</span>", inside)
    return f"<span{attributes}>{inside}</span>"


def _size(letter: str, length: str | float) -> str:
    number = _em(length) if isinstance(length, str) else length
    text = f"{abs(number):.3f}".rstrip("0").rstrip(".").removeprefix("0") or "0"
    return f"{letter}{'_' if number < 0 else ''}{text}"


def _em(length: str) -> float:
    return float(length.removesuffix("em"))


def _scale(classes: list[str]) -> float:
    """How much smaller an element is than what it stands in, as `reset-size6 size3` says."""
    size, base = (
        next(int(name.removeprefix(kind)) for name in classes if name.startswith(kind))
        for kind in ("size", "reset-size")
    )
    return SIZES[size - 1] / SIZES[base - 1]


def _indices(element: Element) -> str | None:
    """An index, an exponent, or both above each other, each as one element on its height; None if they say more."""
    rows = [row for table in element for row in table if "vlist-r" in _classes(row)]
    entries = [entry for cell in rows[:1] for vlist in cell if "vlist" in _classes(vlist) for entry in vlist]
    if len(element) != 1 or not 1 <= len(entries) <= 2:
        return None
    texts = [text for entry in entries if (text := _index(entry, alone=len(entries) == 1)) is not None]
    if len(texts) < len(entries):
        return None
    return texts[0] if len(texts) == 1 else f"<span class={PAIR}>{''.join(texts)}</span>"


def _index(entry: Element, alone: bool) -> str | None:
    """One of the indices: its baseline is raised where it stands alone, its place where it has a partner."""
    style = _style(entry)
    if len(entry) != 2 or set(style) - {"top", "margin-left", "margin-right"} or entry[1].get("style"):
        return None
    strut, shown = entry
    if "pstrut" not in _classes(strut):
        return None
    ratio = _scale(_classes(shown)) if "katex-sizing" in _classes(shown) else 1.0
    raised = (-_em(style.get("top", "0em")) - _em(_style(strut).get("height", "0em"))) / ratio
    extra = [INDEX, _size("v", raised) if alone else _size("t", -raised)]
    extra += [_size(LENGTHS[name], _em(value) / ratio) for name, value in style.items() if name != "top"]
    return _written(shown, (), tuple(extra))


def rules(used: Iterable[str]) -> str:
    """KaTeX's sheet, without fonts, for the classes of the pages: its own under their short names, and the lengths."""
    text = NAME.sub(lambda found: f".{names()[found[1]]}", _sheet())
    text += f".katex .{INDEX}{{display:inline-block;line-height:0}}\n"
    text += f".katex .{PAIR}{{display:inline-grid;line-height:0;align-items:baseline;justify-items:start}}\n"
    text += f".katex .{PAIR}>.{INDEX}{{grid-area:1/1;position:relative}}\n"
    text += f".katex .{names()['katex-base']}::before{{content:'';display:inline-block}}\n"
    properties = {letter: name for table in (LENGTHS, STRUT) for name, letter in table.items()}
    for name in sorted(set(used)):
        if size := LENGTH.fullmatch(name):
            letter, negative, number = size.groups()
            selector = f".{name.replace('.', chr(92) + '.')}{'::before' if letter in STRUT.values() else ''}"
            length = f"{float(number) / 100:g}em" if letter == "z" else f"{'-' if negative else ''}{number}em"
            text += f"{selector}{{{properties[letter]}:{'0 ' if letter == 'm' else ''}{length}}}\n"
    return text
