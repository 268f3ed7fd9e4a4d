"""Citations as words, for readers of a notebook that no Sphinx has seen."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pybtex.database import Entry, parse_file
from pybtex.plugin import find_plugin

from chapters.source import ROOT


def citation(key: str, role: str) -> str:
    """Author and year in the way of the role: ``cite:t`` as a name in the sentence, ``cite:p`` in brackets."""
    entry = _entries().get(key)
    author, year = (_author(entry), entry.fields.get("year", "n.d.")) if entry else (key, "")
    return f"{author} ({year})" if role == "cite:t" else f"({author}, {year})"


@cache
def entry(key: str) -> str:
    """A work as a list of references has it, in Markdown; the key where it is not known."""
    known = _entries().get(key)
    if known is None:
        return key
    (formatted,) = find_plugin("pybtex.style.formatting", "unsrt")().format_entries([known])
    return str(formatted.text.render_as("markdown"))


@cache
def _entries(path: Path = ROOT / "references.bib") -> dict[str, Entry]:
    return dict(parse_file(path, bib_format="bibtex").entries)


def _author(entry: Entry) -> str:
    """The authors' family names: both of two, the first "et al." of more."""
    persons = entry.persons.get("author", [])
    if not persons:
        return entry.key
    names = [" ".join(map(str, [*one.rich_prelast_names, *one.rich_last_names])) for one in persons]
    return " and ".join(names) if len(names) < 3 else f"{names[0]} et al."
