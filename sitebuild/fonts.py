"""The style of the formulas: KaTeX's sheet with the fonts that the pages use, cut to their characters, inside it.

One file that comes before the first paint, so that no formula is drawn twice and nothing moves when a font arrives.
"""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

from sitebuild import compact

KATEX = compact.SHEET.parent
STYLE = "formulas.css"

FILE = re.compile(r"fonts/(KaTeX_[\w-]+)\.ttf")
CLASSES = re.compile(r'class=(?:"([^"]*)"|([\w.]+))')
ALWAYS = {"KaTeX_Main-Regular", "KaTeX_Math-Italic", "KaTeX_Size1-Regular", "KaTeX_Size2-Regular"}
BY_CLASS = {
    "mathsf": "KaTeX_SansSerif-Regular",
    "textsf": "KaTeX_SansSerif-Regular",
    "mathcal": "KaTeX_Caligraphic-Regular",
    "mathbb": "KaTeX_AMS-Regular",
    "amsrm": "KaTeX_AMS-Regular",
    "textbf": "KaTeX_Main-Bold",
    "mathbf": "KaTeX_Main-Bold",
    "boldsymbol": "KaTeX_Math-BoldItalic",
    "textit": "KaTeX_Main-Italic",
    "mathit": "KaTeX_Main-Italic",
    "mathtt": "KaTeX_Typewriter-Regular",
    "texttt": "KaTeX_Typewriter-Regular",
    "mathfrak": "KaTeX_Fraktur-Regular",
    "mathscr": "KaTeX_Script-Regular",
    "size3": "KaTeX_Size3-Regular",
    "delimsizing": "KaTeX_Size4-Regular",
    "delim-size4": "KaTeX_Size4-Regular",
}
"""Which font the style sheet gives to a class."""


def _cut(name: str, characters: str) -> str:
    """A font of KaTeX's with these characters alone, as a data address."""
    options = Options()
    options.flavor, options.layout_features = "woff2", []
    font = TTFont(KATEX / "fonts" / f"{name}.ttf", recalcTimestamp=False)
    subsetter = Subsetter(options)
    subsetter.populate(text=characters)
    subsetter.subset(font)
    font.flavor, file = "woff2", io.BytesIO()
    font.save(file)
    return f"data:font/woff2;base64,{base64.b64encode(file.getvalue()).decode()}"


def write(site: Path) -> None:
    """Write the style sheet that the formulas on the finished pages of ``site`` need."""
    pages = [page.read_text(encoding="utf-8") for page in sorted(site.rglob("*.html"))]
    characters = "".join(sorted(set().union(*pages)))
    classes = {name for page in pages for found in CLASSES.findall(page) for name in "".join(found).split()}
    used = ALWAYS | {font for name, font in BY_CLASS.items() if compact.names().get(name) in classes}
    style = compact.rules(classes)
    for face in compact.FACE.findall(compact.SHEET.read_text(encoding="utf-8")):
        name = FILE.search(face)[1]  # type: ignore[index]
        if name in used:
            before, _, after = face.partition("src:")
            style += f'{before}src: url("{_cut(name, characters)}") format("woff2");{after.partition(";")[2]}'
    (site / "_static" / STYLE).write_text(style, encoding="utf-8")
