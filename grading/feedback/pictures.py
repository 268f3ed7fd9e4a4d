"""Pictures in a student's texts on a page: attached ones, as the intake drew them, and those typed into the text."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from grading.text import one_line

PICTURE = re.compile(r"data:image/(?:png|jpeg|gif);base64,[A-Za-z0-9+/=]*\Z")
MOST_SHOWN = 50  # pictures on a page


class Pictures:
    """The pictures of a page, up to a number; of each other the words that stand for it."""

    def __init__(self) -> None:
        self.number = 0
        self.attached: dict[str, str] = {}
        self.seen: set[str] = set()

    def of_cell(self, cell: Mapping[str, Any]) -> None:
        """From here on, show the pictures that are attached to this cell."""
        self.seen = set()
        self.attached = {
            name: f"data:{kind};base64,{payload}"
            for name, forms in cell.get("attachments", {}).items()
            for kind, payload in list(forms.items())[:1]
        }

    def shown(self, source: str, words: str) -> str:
        """A picture that a text names, as HTML; ``source`` is what the text says it is."""
        name = one_line(unquote(source).removeprefix("attachment:").rpartition("/")[2])
        if name in self.attached:
            self.seen.add(name)
            return self._element(self.attached[name], words or name)
        if PICTURE.match(source):
            return self._element(source, words)
        return f"<em>[a picture that is not part of this page: {html.escape(words or source[:100])}]</em>"

    def rest(self) -> str:
        """The attached pictures that the text did not show, as HTML."""
        left = [name for name in self.attached if name not in self.seen]
        return "".join(f"<p>{html.escape(name)}</p><p>{self._element(self.attached[name], name)}</p>" for name in left)

    def _element(self, address: str, words: str) -> str:
        self.number += 1
        if self.number > MOST_SHOWN:
            return f"<em>[a page shows {MOST_SHOWN} pictures, and this is a further one: {html.escape(words)}]</em>"
        return f'<img src="{address}" alt="{html.escape(words)}">'
