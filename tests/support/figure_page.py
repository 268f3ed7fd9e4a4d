"""A page with live figures alone: what the site's host makes of them, without a build."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from ipywidgets.embed import embed_data

from chapters.source import ROOT
from mibook.live.base import Figure

HOST = ROOT / "sitebuild" / "assets" / "afm-host.mjs"


def write(folder: Path, figures: dict[str, Figure]) -> None:
    """Write index.html and the host into the folder; each figure stands in an element of its name."""
    shutil.copy(HOST, folder)
    state = embed_data(views=list(figures.values()), drop_defaults=False)["manager_state"]
    stored = json.dumps(state).replace("</", "<\\/")
    places = "".join(
        f'<figure id="{name}"><div class="live-still" data-live-model="{figure.model_id}"></div></figure>'
        for name, figure in figures.items()
    )
    kind = "application/vnd.jupyter.widget-state+json"
    script = f'<script type="{kind}">{stored}</script><script defer src="{HOST.name}"></script>'
    page = '<!doctype html><html lang="en"><meta charset="utf-8">'
    page += f'<link rel="icon" href="data:,"><title>Figures</title><main>{places}</main>{script}'
    (folder / "index.html").write_text(page, encoding="utf-8")
