"""What a page need not load or hold: scripts that nothing on it uses, marks on code that change no colour, one sign
drawn again and again, pictures of live figures that a reader may never come to.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
from pathlib import Path
from typing import Any

from PIL import Image
from sphinx.application import Sphinx

from sitebuild import figures

PLAIN = re.compile(r'<span class="(?:n|nn|nx|p|w|o)">([^<]*)</span>')
"""Names, operators, brackets and spaces are in the colour of code."""

CHEVRON = re.compile(r'(<svg [^>]*class="sd-octicon sd-octicon-chevron-right"[^>]*>)<path (d="[^"]*")></path></svg>')
STATE = re.compile(rf'(<script type="{re.escape(figures.STATE)}">)(.*?)(</script>)', re.DOTALL)
STILL = re.compile(r'(<div class="live-still"[^>]*>\s*<img )src="data:image/webp;base64,([^"]*)"')

REPLACED = ("scripts/bootstrap.js", "scripts/bootstrap.js.LICENSE.txt")
UNUSED = ("design-tabs.js",)
OF_THE_SEARCH = ("doctools.js", "sphinx_highlight.js")


def lighten(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree) -> None:
    """Take out of a page what it does not need, and let it load what its live figures share."""
    body = PLAIN.sub(r"\1", context.get("body", ""))
    body = _drawn_once(body)
    away = UNUSED if pagename == "search" else UNUSED + OF_THE_SEARCH
    scripts = context["script_files"]
    scripts[:] = [one for one in scripts if not str(one.filename).endswith(away)]  # the builder's own list
    if "data-live-model" in body:
        modules: list[str] = []
        for one in scripts:
            if one.attributes.get("type") == figures.STATE:
                one.attributes["body"], names = figures.slim(one.attributes["body"])
                modules += names
        body, names = _slimmed(body)
        for name in [figures.COMMON, *modules, *names]:
            app.add_js_file(figures.file(name), priority=390, loading_method="defer")
        app.add_js_file("afm-host.mjs", priority=400, loading_method="defer")
        body = STILL.sub(lambda found: found[1] + _picture(found[2], Path(app.outdir), context["pathto"]), body)
    context["body"] = body


def _drawn_once(body: str) -> str:
    """The page with the sign of a fold drawn at the first one, and used at the others."""
    drawn = CHEVRON.sub(r'\1<path id="fold-sign" \2></path></svg>', body, count=1)
    return CHEVRON.sub(r'\1<use href="#fold-sign"/></svg>', drawn)


def _slimmed(body: str) -> tuple[str, list[str]]:
    """The body with a slim state in it, as a page without code has one, and the modules' names."""
    names: list[str] = []

    def slimmed(found: re.Match[str]) -> str:
        text, found_names = figures.slim(found[2])
        names.extend(found_names)
        return found[1] + text + found[3]

    return STATE.sub(slimmed, body), names


def _picture(data: str, site: Path, pathto) -> str:
    """A live figure's picture as a file of the site: the attributes of an image that loads when it is near."""
    picture = base64.b64decode(data)
    with Image.open(io.BytesIO(picture)) as image:
        width, height = image.size
    file = site / "_images" / f"live-{hashlib.sha256(picture).hexdigest()[:12]}.webp"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(picture)
    address = pathto(f"_images/{file.name}", 1)
    return f'src="{address}" loading="lazy" style="aspect-ratio: {width} / {height}"'


def remove(site: Path) -> None:
    """Take the theme's scripts that no page loads out of a site, before their words keep rules in its style sheet."""
    for name in REPLACED:
        (site / "_static" / name).unlink(missing_ok=True)
