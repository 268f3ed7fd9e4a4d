"""The modules of the live figures on the site: loaded by its pages, not carried by each figure.

A widget travels as one string, its module with all that it imports. On the site what many figures import is one file,
the rest of each another, and the state in a page names them. They are plain scripts that hold text, since browsers load
no module from a file; `assets/afm-host.mjs` puts the two together.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from functools import cache
from pathlib import Path

from mibook.live.base import JS, imported, joined

STATE = "application/vnd.jupyter.widget-state+json"
MANY = 3
COMMON = "common"
AWAY = ("_css", "tabbable", "tooltip")
PLACE = "IPY_MODEL_"  # how a widget names the widget of its layout


@cache
def _modules() -> dict[str, list[str]]:
    """Each figure's module with the files that it is made of, in their order."""
    names = [path.name for path in JS.glob("*.mjs") if "export default" in path.read_text(encoding="utf-8")]
    return {name: imported(name) for name in sorted(names)}


@cache
def _common() -> list[str]:
    """The files that many figures are made of, in an order in which each comes after what it imports."""
    counts = Counter(file for files in _modules().values() for file in files)
    found = dict.fromkeys(file for files in _modules().values() for file in files)
    return [file for file in found if counts[file] >= MANY]


def texts() -> dict[str, str]:
    """What the site serves: the common files, and for each figure's module the others, as text."""
    own = {name: [file for file in files if file not in _common()] for name, files in _modules().items()}
    return {COMMON: joined(_common())} | {name: joined(files) for name, files in own.items()}


def file(name: str) -> str:
    """The file below `_static` that holds a text."""
    return f"live-{Path(name).stem}.js"


def write(static: Path) -> None:
    """Write a script for each text; the common one brings the style sheet of all figures."""
    static.mkdir(parents=True, exist_ok=True)
    for name, text in texts().items():
        style = {"style": (JS / "figure.css").read_text(encoding="utf-8")} if name == COMMON else {}
        given = json.dumps({name: text} | style, ensure_ascii=False, separators=(",", ":"))
        script = f"window.liveParts = {{ ...window.liveParts, ...{given} }};\n"
        (static / file(name)).write_text(script, encoding="utf-8")


@cache
def _known() -> dict[str, str]:
    """The name of each module, by a digest of what its figures carry."""
    return {_digest(joined(files)): name for name, files in _modules().items()}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def slim(state: str) -> tuple[str, list[str]]:
    """A page's widget state with modules by name, without their style and layouts; and the modules' names.

    Raises ValueError where a figure carries another module than this site has: its page was executed before.
    """
    stored = json.loads(state)
    stored["state"] = {key: one for key, one in stored["state"].items() if "_esm" in one["state"]}
    names = []
    for one in stored["state"].values():
        name = _known().get(_digest(one["state"]["_esm"]))
        if name is None:
            raise ValueError("A live figure carries a module that is none of mibook/live/js: execute its page again.")
        names.append(name)
        kept = {key: v for key, v in one["state"].items() if key not in AWAY and not str(v).startswith(PLACE)}
        one["state"] = kept | {"_esm": name}
    text = json.dumps(stored, separators=(",", ":")).replace("</", "<\\/")
    return text, list(dict.fromkeys(names))
