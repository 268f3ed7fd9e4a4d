"""How a reader finds something: the index of statements, and what the search page searches.

The search reads the finished pages: a section, a statement, an exercise or a figure is one entry, with the chapter and
the section that it stands in, and its text as a reader sees it. Numbers are part of it, which Sphinx's own index of
words has not: "theorem 4.5" is found.
"""

from __future__ import annotations

import json
from pathlib import Path

from bs4 import BeautifulSoup, Tag
from docutils import nodes
from sphinx.domains import IndexEntry
from sphinx_proof.domain import ProofIndex

FILE = "sections.js"
HEADINGS = ["h1", "h2", "h3", "h4"]
BLOCKS = "div.proof[id], div.exercise[id], figure[id]"


class Statements(ProofIndex):
    """The index of definitions, theorems and the like: kind by kind, with number, name and chapter."""

    localname = "Definitions and theorems"
    shortname = "Statements"

    def generate(self, docnames=None) -> tuple[list[tuple[str, list[IndexEntry]]], bool]:
        env = self.domain.env
        kinds: dict[str, list[tuple[tuple[int, ...], IndexEntry]]] = {}
        for label, told in getattr(env, "proof_list", {}).items():
            page = told["docname"]
            number = env.toc_fignumbers.get(page, {}).get(told["countertype"], {}).get(label, ())
            if told["nonumber"] or not number:
                continue
            kind = told["realtype"].title()
            name = f"{kind} {'.'.join(map(str, number))}{self._title(page, label)}"
            entry = IndexEntry(name, 0, page, label, "", "", env.titles[page].astext())
            kinds.setdefault(kind, []).append((tuple(number), entry))
        return [(kind, [entry for _, entry in sorted(found)]) for kind, found in sorted(kinds.items())], False

    def _title(self, page: str, label: str) -> str:
        """What stands in brackets behind the number, formulas as they are written."""
        for node in self.domain.env.get_doctree(page).findall(nodes.Element):
            if node.get("label") == label and node.children and isinstance(node[0], nodes.title):
                return node[0].astext()
        return ""


def _text(part: Tag) -> str:
    """The words of a part of a page. A formula is what its MathML shows; where it has none, it is left out."""
    for formula in part.select(".math"):
        shown = formula.find("math")
        formula.replace_with(f" {shown.get_text()} " if shown else " … ")
    return " ".join(part.get_text(" ").split()).replace(" #", "").strip()


def _heading(section: Tag) -> Tag | None:
    return section.find(HEADINGS, recursive=False)


def entries(page: str, html: str) -> list[dict[str, str]]:
    """What can be found on a page: kind, title, chapter, section, url, text and the words of its label."""
    article = BeautifulSoup(html, "html.parser").select_one("article")
    top = article.find("h1") if article else None
    if article is None or top is None:
        return []
    for away in article.select("script, style, a.headerlink, .highlight, .live-still, .live-try, template"):
        away.extract()
    chapter = _text(top)
    found: list[dict[str, str]] = []

    def add(part: Tag, title: str, section: str, label: str) -> None:
        text = _text(part)
        entry = {"title": title, "chapter": chapter, "section": section, "url": f"{page}#{label}", "label": label}
        found.append(entry | {"text": text.removeprefix(title).strip()})

    for part in article.select(BLOCKS):
        number = part.select_one(".caption-number")
        if number is None:
            continue  # a proof
        name = number.find_parent(class_="admonition-title") or number
        heads = [h for s in part.find_parents("section") if (h := _heading(s)) and h.name != "h1"]
        add(part, _text(name), _text(heads[0]) if heads else "", str(part["id"]))
        part.extract()
    for section in reversed(article.select("section[id]")):  # inner ones first, so that each text is in one entry
        if head := _heading(section):
            title = _text(head)
            add(section, title, "" if head.name == "h1" else title, str(section["id"]))
            section.extract()
    return found


def write(site: Path) -> None:
    """Write the entries of all pages beside the site's scripts, as a script: it loads from a folder too."""
    found: list[dict[str, str]] = []
    for page in sorted((site / "book").glob("*.html")):
        found += entries(f"book/{page.name}", page.read_text(encoding="utf-8"))
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    (site / "_static" / FILE).write_text(f"window.bookSections = {text};\n", encoding="utf-8")
