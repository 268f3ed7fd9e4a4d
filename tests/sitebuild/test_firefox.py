"""The pages in Firefox: silent, within the screen by day, by night and on a phone; links, previews and figures work."""

import json

import pytest

from chapters.source import pages
from firefox import Firefox, program
from page_checks import CHAPTERS, ENTRIES, NEAR, OFF, PAGES, STILL, UNSET
from visits import PAGES as WITH_FIGURES

WIDE, PHONE = (1280, 900), (390, 844)
ESCAPE, ARROW = "\ue00c", "\ue014"
# Firefox lays out what has come of a page, and says so of a formula that is cut there; whole, it must be right.
WHILE_LOADING = "Invalid markup: Incorrect number of children"
INCOMPLETE = """[...document.querySelectorAll("msub, msup, mfrac, mover, munder, msubsup, munderover")]
  .filter((e) => e.children.length !== (/^(msubsup|munderover)$/.test(e.localName) ? 3 : 2)).map((e) => e.outerHTML)"""
SLIDER = '.live input[type="range"]'


@pytest.fixture(scope="module")
def firefox(served):
    if program() is None:
        pytest.skip("Firefox is not installed: run 'apt-get install firefox-esr'.")
    browser = Firefox()
    yield browser
    browser.close()


def complaints(firefox) -> list[str]:
    return [words for words in firefox.said if not words.startswith(WHILE_LOADING)]


def test_the_pages_are_those_of_the_book():
    assert len(PAGES) > len(pages()) >= len(WITH_FIGURES)


@pytest.mark.parametrize("name", PAGES)
def test_page_is_silent_and_fits(firefox, served, name):
    for (width, height), scheme in ((WIDE, "light"), (WIDE, "dark"), (PHONE, "light")):
        firefox.size(width, height)
        firefox.open(f"{served}/{name}")
        if firefox.run("document.documentElement.dataset.theme") != scheme:
            firefox.run(f"localStorage.setItem('mode', '{scheme}')")
            firefox.open(f"{served}/{name}")
        where = f"{name}, {width} px, {scheme}"
        assert firefox.run("document.documentElement.dataset.theme") == scheme
        wide = firefox.run("document.scrollingElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 1, f"{where}: {wide} px wider than the screen"
        assert firefox.run(UNSET) == [], f"{where}: formulas that are not set"
        assert firefox.run(INCOMPLETE) == [], where
        assert complaints(firefox) == [], where
        firefox.said.clear()


@pytest.mark.parametrize("name", CHAPTERS)
def test_contents_land(firefox, served, name):
    firefox.size(*WIDE)
    firefox.open(f"{served}/book/{name}.html")
    entries = firefox.run(ENTRIES)
    missed = {}
    for entry in entries[:: max(1, len(entries) // 4)]:
        firefox.run(f"""document.querySelector(`nav.bd-toc-nav a[href='#{entry}']`).click()""")
        firefox.run(f"({STILL})()")
        missed[f"click on {entry}"] = firefox.run(f"({OFF})('{entry}')")
    firefox.open("about:blank")
    firefox.open(f"{served}/book/{name}.html#{entries[-1]}")
    firefox.run(f"({STILL})()")
    missed[f"link to {entries[-1]}"] = firefox.run(f"({OFF})('{entries[-1]}')")
    assert {what: off for what, off in missed.items() if abs(off) > NEAR} == {}


def test_a_reference_shows_what_it_refers_to(firefox, served):
    firefox.size(*WIDE)
    firefox.open(f"{served}/book/formulation.html")
    link = ".bd-article a.reference.internal[href^='#equation']"
    firefox.run(f"""document.querySelector("{link}").scrollIntoView({{ block: "center" }})""")
    firefox.run(f"({STILL})()")
    firefox.point_at(link)
    firefox.wait("!!document.querySelector('.reference-card .math')")
    firefox.press(ESCAPE)
    firefox.wait("!document.querySelector('.reference-card')")


@pytest.mark.parametrize("name", WITH_FIGURES)
def test_a_live_figure_answers_to_a_key(firefox, served, name):
    firefox.size(*WIDE)
    firefox.open(f"{served}/book/{name}.html")
    firefox.wait("!!document.querySelector('.live-status')?.textContent")
    firefox.run("document.querySelectorAll('details').forEach((fold) => (fold.open = true))")
    seen = """(() => {
      const one = document.querySelector(".live");
      const said = [...one.querySelectorAll("canvas")].map((canvas) => canvas.ariaLabel);
      return one.querySelector("input").value + one.querySelector(".live-status").textContent + said;
    })()"""
    before = firefox.run(seen)
    firefox.run(f"document.querySelector('{SLIDER}').focus()")
    firefox.press(ARROW)
    firefox.wait(f"{seen} !== {json.dumps(before)}")
    assert complaints(firefox) == []
