"""The icons of the pages: two small fonts with the dozens that are used, cut out of the theme's Font Awesome.

The theme loads all two thousand with a script of half a megabyte; a page of this book shows about twenty.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pydata_sphinx_theme
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

THEME = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"

BY_SCRIPT = {"xmark"}
"""Icons that no page names, because a script of the theme puts them there."""

RULE = re.compile(r'((?:\.fa-[\w-]+:before,?)+)\{content:"\\([0-9a-f]+)"\}')
NAME = re.compile(r"\bfa-([a-z0-9-]+)\b")
THEME_ICON = re.compile(r"--pst-icon-[\w-]+: ?\"\\?([0-9a-f]{4}|.)\"")

STYLE = """/* Icons: Font Awesome Free (https://fontawesome.com), CC BY 4.0; fonts: SIL OFL 1.1. Only those in use. */
:root {
  --fa-font-solid: normal 900 1em/1 "Font Awesome 6 Free";
  --fa-font-brands: normal 400 1em/1 "Font Awesome 6 Brands";
}
@font-face {
  font-family: "Font Awesome 6 Free";
  font-weight: 900;
  font-display: block;
  src: url("icons-solid.woff2") format("woff2");
}
@font-face {
  font-family: "Font Awesome 6 Brands";
  font-weight: 400;
  font-display: block;
  src: url("icons-brands.woff2") format("woff2");
}
.fa-solid, .fas, .fa-brands, .fab {
  display: inline-block;
  font: var(--fa-font-solid);
  font-size: inherit;
  -webkit-font-smoothing: antialiased;
  text-rendering: auto;
}
.fa-brands, .fab {
  font: var(--fa-font-brands);
  font-size: inherit;
}
.fa-lg {
  font-size: 1.25em;
  line-height: 0.05em;
  vertical-align: -0.075em;
}
"""


def _cut(source: Path, target: Path, characters: set[str]) -> None:
    options = Options()
    options.flavor, options.notdef_outline = "woff2", True
    font = TTFont(source, recalcTimestamp=False)
    subsetter = Subsetter(options)
    subsetter.populate(text="".join(sorted(characters)))
    subsetter.subset(font)
    font.flavor = "woff2"
    font.save(target)


def write(site: Path) -> None:
    """Write the style sheet and fonts that the finished pages of ``site`` need; drop the theme's copy."""
    static = site / "_static"
    (vendor,) = (THEME / "vendor" / "fontawesome").glob("*.*.*")
    pages = [page.read_text(encoding="utf-8") for page in site.rglob("*.html")]
    used = BY_SCRIPT.union(*map(NAME.findall, pages))
    rules = RULE.findall((vendor / "css" / "all.min.css").read_text(encoding="utf-8"))
    theme = (THEME / "styles" / "pydata-sphinx-theme.css").read_text(encoding="utf-8")
    characters = {icon if len(icon) == 1 else chr(int(icon, 16)) for icon in THEME_ICON.findall(theme)} | {"\uf107"}
    style = STYLE
    for selectors, code in rules:
        shown = [s for s in selectors.split(",") if s.removeprefix(".fa-").removesuffix(":before") in used]
        if shown:
            style += f'{", ".join(shown)} {{ content: "\\{code}"; }}\n'
            characters.add(chr(int(code, 16)))
    for kind, font in (("solid", "fa-solid-900.ttf"), ("brands", "fa-brands-400.ttf")):
        _cut(vendor / "webfonts" / font, static / f"icons-{kind}.woff2", characters)
    (static / "icons.css").write_text(style, encoding="utf-8")
    for folder in ("css", "js", "webfonts"):
        shutil.rmtree(static / vendor.relative_to(THEME) / folder, ignore_errors=True)  # gone, if built before
