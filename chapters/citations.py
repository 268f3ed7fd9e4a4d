"""Citations as words, for readers of a notebook that no Sphinx has seen."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pybtex.database import Entry, parse_file

from chapters.source import ROOT


def citation(key: str, role: str) -> str:
    """Author and year in the way of the role: ``cite:t`` as a name in the sentence, ``cite:p`` in brackets."""
    entry = _entries().get(key)
    author, year = (_author(entry), entry.fields.get("year", "n.d.")) if entry else (key, "")
    return f"{author} ({year})" if role == "cite:t" else f"({author}, {year})"


@cache
def _entries(path: Path = ROOT / "references.bib") -> dict[str, Entry]:
    return dict(parse_file(path, bib_format="bibtex").entries)


def _author(entry: Entry) -> str:
    """The first author's family name, with "et al." where there are more."""
    persons = entry.persons.get("author", [])
    if not persons:
        return entry.key
    names = [*persons[0].rich_prelast_names, *persons[0].rich_last_names]
    return " ".join(map(str, names)) + (" et al." if len(persons) > 1 else "")
