"""The files of the lab: a chapter is opened as its notebook shows it, and saved as it is kept."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

from chapters import pairs
from chapters.source import BOOK


class Chapters(AsyncLargeFileManager):
    """What lies under jupytext, which pairs the files: it finds more in a chapter than the file holds."""

    async def get(self, path: str, *arguments: Any, **options: Any) -> dict[str, Any]:
        model = await super().get(path, *arguments, **options)
        if _is_chapter(path) and model["type"] == "file" and model["content"]:
            model["content"] = pairs.as_shown(model["content"])
        return model

    async def save(self, model: dict[str, Any], path: str = "") -> dict[str, Any]:
        if _is_chapter(path) and model["type"] == "file" and model.get("content") and "chunk" not in model:
            model = model | {"content": pairs.as_kept(model["content"])}
        return await super().save(model, path)


def _is_chapter(path: str) -> bool:
    place = PurePosixPath(path.strip("/"))
    return place.parent == PurePosixPath(BOOK.name) and place.suffix == ".md"
