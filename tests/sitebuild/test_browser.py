"""Every page in a real browser: light, dark, on a phone, without a network, by keyboard and for a screen reader."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from browser import in_scheme
from page_checks import PAGES, UNSET, VIEWS


@pytest.fixture(scope="module", params=VIEWS)
def view(request, chromium, served):
    """A page in one view that refuses and notes every request that leaves the site."""
    context = chromium.new_context(**VIEWS[request.param])
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.left, page.said, page.missing = [], [], []

    def guard(route):
        if route.request.url.startswith(served):
            route.continue_()
        else:
            page.left.append(route.request.url)
            route.abort()

    context.route("**/*", guard)
    page.on("console", lambda m: page.said.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("response", lambda r: page.missing.append(r.url) if r.status >= 400 else None)
    yield page
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_page_is_sound_and_accessible(view, served, name):
    view.left.clear(), view.said.clear(), view.missing.clear()
    view.goto(f"{served}/{name}", wait_until="networkidle")
    assert view.left == [], "these requests left the site"
    assert view.missing == [], "these files are missing"
    assert view.said == [], "the console must stay silent"
    assert view.locator(".katex-error, merror").count() == 0, "a formula is wrong"
    raw = view.evaluate(UNSET)
    assert raw == [], "these formulas are not typeset"
    wide = view.evaluate("document.scrollingElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 1, f"the page is {wide} px wider than the screen"
    if view.viewport_size["width"] < 400:
        return  # the same elements in the same colours, which axe has judged in the wide view
    view.evaluate("document.querySelectorAll('article details').forEach(d => d.open = true)")
    for scheme in ("dark", "light"):
        in_scheme(view, scheme)
        found = Axe().run(view, options={"resultTypes": ["violations"]}).response["violations"]
        serious = [
            f"{v['id']}: {v['help']} ({', '.join(n['html'][:90] for n in v['nodes'][:3])})"
            for v in found
            if v["impact"] in ("serious", "critical")
        ]
        assert serious == [], f"accessibility, {scheme}"


def test_answers_are_folded_and_open_by_keyboard(chromium, served):
    page = chromium.new_page()
    page.goto(f"{served}/book/resampling.html")
    fold = page.locator("details", has=page.locator(".solution")).first
    assert not fold.evaluate("e => e.open")
    fold.locator("summary").first.focus()
    page.keyboard.press("Enter")
    assert fold.evaluate("e => e.open")
    page.close()


def test_search_finds_a_statement(chromium, served):
    page = chromium.new_page()
    page.goto(f"{served}/search.html?q=derangement")
    page.locator("#search-results li").first.wait_for()
    assert "resampling" in page.locator("#search-results").inner_html()
    page.close()
