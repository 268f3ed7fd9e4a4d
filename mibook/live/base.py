"""The base of every live figure: one cell, one class here, one module in `js/`.

A live figure is an anywidget. Its module computes and draws wherever the notebook is shown; on the site, where no
kernel runs, `sitebuild/assets/afm-host.mjs` gives it the state that was stored when the page was built. Until the
module runs, on paper, and without JavaScript, the reader sees the picture that the class draws.
"""

from __future__ import annotations

import base64
import html
import io
import re
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure as Picture

from mibook.plotting import STYLE

JS = Path(__file__).parent / "js"
IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+\.mjs)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


def inlined(name: str) -> str:
    """The text of module ``name`` with the modules that it imports put in front, each once: what a widget carries."""
    return joined(imported(name))


def imported(name: str) -> list[str]:
    """Module ``name`` and the files that it imports, each behind those that it needs."""
    order: list[str] = []

    def visit(file: str) -> None:
        if file not in order:
            for other in IMPORT.findall((JS / file).read_text(encoding="utf-8")):
                visit(other)
            order.append(file)

    visit(name)
    return order


def joined(files: list[str]) -> str:
    """The text of some files as one.

    What the modules import they import by name from a file beside them, and no two of them declare the same name at
    the top, so joining the files is all that there is to it.
    """
    texts = [(JS / file).read_text(encoding="utf-8") for file in files]
    return "\n".join(_code(EXPORT.sub("", IMPORT.sub("", text))) for text in texts)


def _code(text: str) -> str:
    """A module without indentation and the lines that are comments alone: a page need not carry them."""
    kept, inside = [], False
    for line in text.splitlines():
        bare = line.strip()
        inside = inside or bare.startswith("/**")
        if not inside or (bare.startswith("/**") and "*/" in bare and not bare.endswith("*/")):  # a cast before code
            if bare and not bare.startswith("//"):
                kept.append(bare)
            inside = False
        elif bare.endswith("*/"):
            inside = False
    return "\n".join(kept)


def packed(values: np.ndarray, kind: str = "<f4") -> bytes:
    """Numbers as the bytes that `floats` and `integers` of js/maths.mjs read: 4 each, little-endian."""
    return np.ascontiguousarray(np.ravel(values), dtype=kind).tobytes()


class Figure(anywidget.AnyWidget):
    """A figure that answers. A subclass names its module, draws its picture and says in words what that shows."""

    module: ClassVar[str]
    _css = (JS / "figure.css").read_text(encoding="utf-8")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if "module" in cls.__dict__:  # not so in the classes that traitlets derives for a widget's own traits
            cls._esm = inlined(cls.module)
        super().__init_subclass__(**kwargs)

    def picture(self) -> Picture:
        """The figure as it is before it is touched, drawn with matplotlib."""
        raise NotImplementedError

    def alt(self) -> str:
        """What the picture shows, for a reader who cannot see it."""
        raise NotImplementedError

    def still(self) -> str:
        """The picture as HTML: the site shows it until the module runs, JupyterLab never."""
        if not self.alt().strip():
            raise ValueError(f"{type(self).__name__}.alt() must say what the picture shows.")
        with plt.style.context(STYLE):
            picture, data = self.picture(), io.BytesIO()
            picture.savefig(data, format="webp", dpi=120, pil_kwargs={"quality": 75, "method": 6})
            width = round(picture.get_figwidth() * picture.dpi)
            plt.close(picture)
        source = f"data:image/webp;base64,{base64.b64encode(data.getvalue()).decode()}"
        image = f'<img src="{source}" alt="{html.escape(self.alt())}" width="{width}">'
        return f'<div class="live-still" data-live-model="{self.model_id}">{image}</div>'

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:
            bundle[0]["text/html"] = self.still()
        return bundle
