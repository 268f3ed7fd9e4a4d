"""A chapter as it arrives: formulas set, nothing that moves, links that land, few and light answers."""

import gzip

import pytest

from chapters.source import pages
from page_checks import CHAPTERS, ENTRIES, NEAR, OFF, STILL, VIEWS

WEIGHT, SENT, REQUESTS = (
    900_000,
    250_000,
    25,
)  # bytes, bytes as a server compresses them, requests; nobody has pressed Train
OTHERS = [path.stem for path in pages() if path.stem not in CHAPTERS]
WITHOUT_FIGURES = (500_000, 200_000, 18)
MOVED = """
  window.moved = 0;
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) if (!one.hadRecentInput) window.moved += one.value;
  }).observe({ type: "layout-shift", buffered: true });
"""
CUT = """[...document.querySelectorAll("article .katex-html")].filter((formula) => {
  const column = formula.closest("p, li, td, dd, .math-scroll")?.getBoundingClientRect();
  const place = formula.closest(".math-scroll, .pst-scrollable-table-container");
  const right = Math.max(...[...formula.getClientRects()].map((box) => box.right));
  return formula.getClientRects().length && right > column.right + 1 && !place;
}).map((formula) => formula.textContent)"""


@pytest.fixture(params=VIEWS)
def page(request, chromium):
    context = chromium.new_context(**VIEWS[request.param])
    context.set_default_timeout(30_000)
    context.add_init_script(MOVED)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", CHAPTERS + OTHERS)
def test_first_visit_is_light_and_nothing_moves(page, served, name):
    answers = []
    page.on("response", lambda answer: answers.append(answer) if answer.url.startswith(served) else None)
    page.goto(f"{served}/book/{name}.html", wait_until="networkidle")
    bodies = {answer.url: answer.body() for answer in answers}
    weight, sent, requests = (WEIGHT, SENT, REQUESTS) if name in CHAPTERS else WITHOUT_FIGURES
    heaviest = sorted(((len(body), url) for url, body in bodies.items()), reverse=True)[:5]
    assert len(bodies) <= requests, list(bodies)
    assert sum(map(len, bodies.values())) <= weight, heaviest
    assert sum(len(gzip.compress(body, 6)) for body in bodies.values()) <= sent, heaviest
    assert page.evaluate("window.moved") < 0.02


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_entry_of_the_contents_lands(page, served, name):
    address = f"{served}/book/{name}.html"
    page.goto(address)
    entries = page.evaluate(ENTRIES)
    assert len(entries) > 3
    missed = {}
    for entry in entries:
        page.evaluate("id => document.querySelector(`nav.bd-toc-nav a[href='#${id}']`).click()", entry)
        page.evaluate(STILL)
        missed[f"click on {entry}"] = page.evaluate(OFF, entry)
    for entry in entries[:: len(entries) // 3]:
        page.goto("about:blank")
        page.goto(f"{address}#{entry}")
        page.evaluate(STILL)
        missed[f"link to {entry}"] = page.evaluate(OFF, entry)
    assert {what: off for what, off in missed.items() if abs(off) > NEAR} == {}


@pytest.mark.parametrize("name", CHAPTERS)
def test_back_and_forward_return_to_the_place(page, served, name):
    page.goto(f"{served}/book/{name}.html")
    first, *_, last = page.evaluate(ENTRIES)
    for entry in (first, last):
        page.evaluate("id => document.querySelector(`nav.bd-toc-nav a[href='#${id}']`).click()", entry)
        page.evaluate(STILL)
    for turn, entry in ((page.go_back, first), (page.go_forward, last)):
        turn()
        page.evaluate(STILL)
        assert abs(page.evaluate(OFF, entry)) <= NEAR


@pytest.mark.parametrize("name", CHAPTERS)
def test_no_formula_is_cut_without_a_sign(page, served, name):
    page.goto(f"{served}/book/{name}.html")
    page.evaluate("document.querySelectorAll('article details').forEach((fold) => (fold.open = true))")
    assert page.evaluate(CUT) == []
    scrolling = page.locator(".math-scroll").evaluate_all(
        "all => all.filter(e => e.scrollWidth > e.clientWidth).map(e => getComputedStyle(e).backgroundImage)"
    )
    assert all("gradient" in image for image in scrolling)


def test_page_is_complete_without_a_script(chromium, served):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{served}/book/donsker-varadhan.html")
    formulas = page.locator("article .math")
    assert (
        formulas.count() == page.locator("article .math > .katex, article .math > .math-scroll .katex-display").count()
    )
    assert "\\(" not in page.locator("article").inner_text()
    context.close()


def test_formula_is_copied_as_tex(chromium, served):
    context = chromium.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(f"{served}/book/donsker-varadhan.html")
    page.locator("article p", has=page.locator(".katex")).first.evaluate("p => getSelection().selectAllChildren(p)")
    page.keyboard.press("Control+c")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "$" in copied
    assert "\\mathsf{" in copied
    context.close()


def test_only_pages_with_figures_ask_for_their_script(chromium, served):
    page = chromium.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{served}/book/notation.html", wait_until="networkidle")
    assert not [url for url in asked if url.endswith(".mjs") or ".mjs?" in url or "/live-" in url or "onnx" in url]
    page.close()
