"""A live figure on a page without code: the landing page opens with one.

A page that is executed gets its figures from its notebook; this one is drawn while Sphinx reads the page, and its state
stands beside it, where `assets/afm-host.mjs` looks for it.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from ipywidgets.embed import embed_data
from sphinx.util.docutils import SphinxDirective

from mibook.live.base import Figure
from mibook.live.race import Race
from sitebuild.figures import STATE

FIGURES: dict[str, type[Figure]] = {"race": Race}


class LiveFigure(SphinxDirective):
    """``{live-figure} NAME``: the figure, with the caption as content and its label as option ``name``."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {"name": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        if self.arguments[0] not in FIGURES:
            raise self.error(f"There is no live figure {self.arguments[0]}; there is {', '.join(sorted(FIGURES))}.")
        figure = FIGURES[self.arguments[0]]()
        state = json.dumps(embed_data(views=[figure], drop_defaults=False)["manager_state"]).replace("</", "<\\/")
        made = nodes.figure(classes=["live-figure"])
        made += nodes.raw("", f'{figure.still()}<script type="{STATE}">{state}</script>', format="html")
        made += nodes.caption("", "", *self.parse_inline(" ".join(self.content))[0])
        self.set_source_info(made)
        self.add_name(made)
        return [made]
