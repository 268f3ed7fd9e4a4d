"""The built sites, read as files: nothing from outside, every figure described, no answer where none belongs."""

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest

from chapters.execution import code_cells
from chapters.source import ROOT, pages, read
from leaks import lines_of_answers
from site_of import build

CHAPTERS = [path.stem for path in pages() if code_cells(read(path))]
LOADS = {
    "script": ["src"], "img": ["src", "srcset"], "iframe": ["src"], "source": ["src", "srcset"],
    "video": ["src"], "audio": ["src"], "embed": ["src"], "object": ["data"], "link": ["href"],
}  # fmt: skip
NOT_LOADED = {"canonical", "next", "prev", "author", "license", "index", "search", "alternate"}


class Elements(HTMLParser):
    """Every start tag of a page, as (tag, attributes)."""

    def __init__(self, text: str):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def html_pages(site: Path) -> list[Path]:
    return [p for p in sorted(site.rglob("*.html")) if "_static" not in p.parts]


@pytest.fixture(params=["reader", "student"])
def any_site(request, reader_site, student_site):
    return {"reader": reader_site, "student": student_site}[request.param]


def test_every_page_of_the_contents_is_there(any_site):
    for path in pages():
        assert (any_site / "book" / f"{path.stem}.html").exists()


def test_nothing_that_a_page_loads_comes_from_elsewhere(any_site):
    outside = re.compile(r"^(https?:)?//")
    for page in html_pages(any_site):
        for tag, attributes in Elements(page.read_text(encoding="utf-8")).found:
            if set((attributes.get("rel") or "").split()) & NOT_LOADED:
                continue
            for name in LOADS.get(tag, []):
                assert not outside.match(attributes.get(name) or ""), f"{page.name}: <{tag} {name}={attributes[name]}>"
    for sheet in any_site.rglob("*.css"):
        urls = re.findall(r"(?:url\(|@import\s+)['\"]?([^'\")]+)", sheet.read_text(encoding="utf-8"))
        assert not [url for url in urls if outside.match(url)], sheet


def test_every_image_says_what_it_shows(any_site):
    for page in html_pages(any_site):
        for tag, attributes in Elements(page.read_text(encoding="utf-8")).found:
            if tag == "img" and "logo" not in attributes.get("class", ""):
                alt = attributes.get("alt") or ""
                launch_icon = "_static/images/logo_" in attributes["src"]
                assert launch_icon or len(alt) > 15, f"{page.name}: {attributes['src']} has alt text {alt!r}"


def test_every_picture_of_a_page_has_its_size(any_site):
    for page in html_pages(any_site):
        for tag, attributes in Elements(page.read_text(encoding="utf-8")).found:
            if tag == "img" and "_images/" in attributes["src"]:
                style, wide = attributes.get("style", ""), attributes.get("width", "").isdigit()
                sized = wide and (attributes.get("height", "").isdigit() or "aspect-ratio:" in style)
                assert sized or "width:" in style, f"{page.name}: {attributes['src']}"


def test_no_reference_is_left_open(any_site):
    for page in html_pages(any_site):
        text = page.read_text(encoding="utf-8")
        assert "problematic" not in text, page.name
        assert not re.search(r"\{(prf:ref|eq|ref|numref|cite(:[a-z]+)?|doc)\}`", text), page.name


def letters(text: str) -> str:
    """A text without its markup, spaces and signs: what is left of a line however it is rendered."""
    return re.sub(r"[\W_]+", "", text)


def test_student_site_holds_no_line_of_an_answer(student_site):
    given = [nbformat.read(ROOT / "student" / f"{name}.ipynb", as_version=4) for name in CHAPTERS]
    known = letters("".join(cell.source for notebook in given for cell in notebook.cells))
    lines = set().union(*(lines_of_answers(read(ROOT / "book" / f"{name}.md")) for name in CHAPTERS))
    secret = {line for line in map(letters, lines) if len(line) > 25 and line not in known}
    assert len(secret) > 100, "the answers were not found, so nothing would be looked for"
    for file in student_site.rglob("*"):
        if file.suffix in {".html", ".ipynb", ".txt", ".js", ".json", ".md"}:
            text = file.read_text(encoding="utf-8")
            assert "END SOLUTION" not in text, file
            assert "HIDDEN TESTS" not in text, file
            if file.suffix == ".html":
                text = html.unescape(re.sub(r"<[^>]+>", "", text))
            elif file.suffix == ".ipynb":
                text = "".join(cell.source for cell in nbformat.reads(text, as_version=4).cells)
            found = [line for line in secret if line in letters(text)] if file.suffix != ".js" else []
            assert found == [], f"{file.name} holds {found[:3]}"


def test_every_statement_and_equation_is_referred_to():
    text = "\n".join(path.read_text(encoding="utf-8") for path in pages())
    named = re.findall(r"```\{prf:(?!proof)\w+\}[^\n]*\n:label: (\S+)", text) + re.findall(r"\$\$ \(([^()\s]+)\)", text)
    used = re.findall(r"\{(?:prf:ref|eq)\}`(?:[^`<]*<)?([^`<>]+)>?`", text)
    assert len(named) > 50
    assert set(map(str.lower, named)) - set(map(str.lower, used)) == set()


def test_launch_buttons_open_the_notebook_of_the_pair(reader_site, student_site):
    for site, folder in ((reader_site, "notebooks"), (student_site, "student")):
        for name in CHAPTERS:
            links = {
                attributes["href"]
                for tag, attributes in Elements((site / "book" / f"{name}.html").read_text(encoding="utf-8")).found
                if tag == "a" and re.search("binder|colab", attributes.get("href") or "")
            }
            assert len(links) == 2, f"{name}: {links}"
            assert all(link.endswith(f"/{folder}/{name}.ipynb") for link in links), links
            assert (ROOT / folder / f"{name}.ipynb").exists()


def test_execution_status_lists_every_chapter(reader_site):
    text = (reader_site / "book" / "execution.html").read_text(encoding="utf-8")
    for name in CHAPTERS:
        assert f"{name}.html" in text.split("<article", 1)[1]


def test_download_of_a_page_is_its_executed_notebook(reader_site):
    for name in CHAPTERS:
        notebook = json.loads((reader_site / "_sources" / "book" / f"{name}.ipynb").read_text(encoding="utf-8"))
        assert any(cell.get("outputs") for cell in notebook["cells"])
        assert "jupytext" not in notebook["metadata"]


def test_second_build_executes_nothing_and_changes_nothing(reader_site):
    def fingerprint():
        executed = ROOT / "_build" / "stage" / "reader" / "execution.json"  # holds when each page was executed
        return {p: p.read_bytes() for p in [executed, *html_pages(reader_site)]}

    before = fingerprint()
    build("reader")
    assert fingerprint() == before
