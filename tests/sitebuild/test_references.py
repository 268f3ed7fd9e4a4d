"""How a chapter is read: references that show what they refer to, the search, the first screen, a phone, paper."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from browser import in_scheme

CARD = ".reference-card"


@pytest.fixture(scope="module")
def page(chromium, served):
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.said = []
    page.on("console", lambda m: page.said.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: page.said.append(str(error)))
    yield page
    context.close()


def reference(page, href: str):
    return page.locator(f".bd-article a.reference.internal[href$='{href}']:visible").first


def test_a_reference_shows_what_it_refers_to_by_mouse_and_keyboard(page, served):
    page.goto(f"{served}/book/formulation.html", wait_until="networkidle")
    hrefs = page.locator(".bd-article a.reference.internal:visible").evaluate_all(
        "all => all.map(a => a.getAttribute('href'))"
    )
    wanted = {
        "equation": next(h for h in hrefs if h.startswith("#equation")),
        "statement": next(h for h in hrefs if re.search(r"#(def|thm|DV|MI-|D-|mi-)", h)),
        "figure": next(h for h in hrefs if h.startswith("#fig")),
        "citation": next(h for h in hrefs if "bibliography.html#" in h),
        "chapter": next(h for h in hrefs if "resampling.html" in h or "donsker-varadhan.html#ch" in h),
    }
    inside = {
        "equation": ".math",
        "statement": ".admonition-title",
        "figure": "img",
        "citation": "p",
        "chapter": "strong",
    }
    for kind, href in wanted.items():
        link = page.locator(f'.bd-article a.reference.internal[href="{href}"]:visible').first
        link.scroll_into_view_if_needed()
        link.hover()
        expect(page.locator(f"{CARD} {inside[kind]}").first, kind).to_be_visible()
        assert page.locator(f"{CARD} :is(a, button, input, [id])").count() == 0, "a card holds nothing to press"
        page.keyboard.press("Escape")
        expect(page.locator(CARD)).to_have_count(0)
        page.mouse.move(2, 2)
    link.evaluate("a => a.blur()")
    link.scroll_into_view_if_needed()
    link.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    expect(page.locator(CARD)).to_be_visible()
    assert link.get_attribute("aria-describedby") == page.locator(CARD).get_attribute("id")
    for scheme in ("dark", "light"):
        in_scheme(page, scheme)
        found = Axe().run(page, context=CARD, options={"resultTypes": ["violations"]}).response["violations"]
        assert [f"{v['id']}: {[n['html'][:90] for n in v['nodes'][:3]]}" for v in found] == []
    page.keyboard.press("Escape")
    expect(page.locator(CARD)).to_have_count(0)
    assert page.said == []


def test_after_a_reference_there_is_a_way_back(page, served):
    page.goto(f"{served}/book/formulation.html", wait_until="networkidle")
    expect(page.locator(".way-back")).to_have_count(0)
    link = page.locator(".bd-article a.reference.internal[href^='#equation']:visible").last
    link.scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    link.click()
    back = page.get_by_role("button", name="Back to where you were")
    expect(back).to_be_visible()
    back.click()
    expect(page.locator(".way-back")).to_have_count(0)
    page.wait_for_function("y => Math.abs(scrollY - y) < 60", arg=before)
    away = page.locator(".bd-article a.reference.internal[href*='donsker-varadhan.html#']:visible").first
    away.click()
    page.wait_for_url("**/donsker-varadhan.html*")
    page.get_by_role("button", name="Back to where you were").click()
    page.wait_for_url("**/formulation.html*")
    assert page.said == []


@pytest.mark.parametrize(
    ("query", "found"),
    [("Jensen", "Jensen"), ("DV", "Donsker–Varadhan"), ("log-sum-exp", "log"), ("theorem 2.1", "Theorem 2.1")],
)
def test_search_names_chapter_and_section_in_readable_words(page, served, query, found):
    page.goto(f"{served}/search.html?q={query}")
    page.locator("#search-results li").first.wait_for()
    results = page.locator("#search-results li").all_inner_texts()
    assert found.lower() in " ".join(results[:3]).lower()
    assert not [text for text in results if "\\(" in text or "\\R" in text]
    assert page.locator("#search-results li:first-child .search-where").inner_text()
    target = page.locator("#search-results a").first.get_attribute("href")
    page.locator("#search-results a").first.click()
    page.wait_for_url("**/book/*.html#*")
    assert page.locator(f"[id='{target.split('#')[1]}']").count() == 1
    assert page.said == []


def test_search_that_finds_nothing_says_so(page, served):
    page.goto(f"{served}/search.html?q=qqqzzz")
    expect(page.locator("#search-results .search-summary")).to_contain_text("No place holds")


def test_index_of_statements_has_number_name_and_chapter(page, served):
    page.goto(f"{served}/prf-prf.html")
    row = page.locator(
        "tr", has=page.get_by_role("link", name=re.compile(r"^Corollary \d+\.\d+ \(Donsker–Varadhan\)$"))
    )
    expect(row).to_contain_text("Divergence as a supremum")
    assert page.locator(".indextable a", has_text="thm-").count() == 0


def test_set_up_is_folded_under_one_line_and_opens(page, served):
    page.goto(f"{served}/book/formulation.html")
    summary = page.locator("summary", has_text=re.compile(r"Set-up: \d+ lines")).first
    fold = page.locator("details", has=summary).first
    assert not fold.evaluate("e => e.open")
    summary.focus()
    page.keyboard.press("Enter")
    assert fold.evaluate("e => e.open")
    expect(fold.locator("pre").first).to_contain_text("import")


def test_what_to_try_stands_above_the_controls(page, served):
    page.goto(f"{served}/book/training.html", wait_until="networkidle")
    figure = page.locator("#fig-live-descent")
    expect(figure.locator(".live")).to_be_visible()
    trial, controls = figure.locator(".live-try").bounding_box(), figure.locator(".live-controls").first.bounding_box()
    assert trial["y"] + trial["height"] <= controls["y"] + 1
    caption = figure.locator("figcaption")
    assert "Try this" not in caption.inner_text()
    ink, weight = caption.locator("p").evaluate("p => [getComputedStyle(p).color, getComputedStyle(p).fontWeight]")
    assert (ink, weight) == (
        page.locator(".bd-article > section > p").first.evaluate("p => getComputedStyle(p).color"),
        "400",
    )


def test_static_plots_are_dark_in_the_dark(page, served):
    page.goto(f"{served}/book/training.html", wait_until="networkidle")
    plot = page.locator(".cell_output img:visible").first
    filters = {}
    for scheme in ("light", "dark"):
        in_scheme(page, scheme)
        filters[scheme] = plot.evaluate("e => getComputedStyle(e).filter")
    assert filters["light"] == "none"
    assert "invert" in filters["dark"]
    in_scheme(page, "light")


def test_paper_has_no_answer_no_plotting_code_and_nothing_cut(page, served):
    page.goto(f"{served}/book/training.html", wait_until="networkidle")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.locator(".solution:visible").count() == 0
    assert page.locator(".tag_hide-input > details:visible").count() == 0
    assert page.locator(".live-try:visible").count() == 0
    assert page.locator("div.proof:visible").count() > 3, "proofs are open"
    cut = page.locator(".highlight pre:visible").evaluate_all(
        "all => all.filter(e => e.scrollWidth > e.clientWidth + 1).length"
    )
    assert cut == 0
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")


def test_on_a_phone_a_tap_shows_code_wraps_and_targets_are_large(chromium, served):
    view = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
    context = chromium.new_context(**view)
    page = context.new_page()
    said = []
    page.on("pageerror", lambda error: said.append(str(error)))
    try:
        page.goto(f"{served}/book/training.html", wait_until="networkidle")
        link = page.locator(".bd-article a.reference.internal[href^='#equation']:visible").first
        link.scroll_into_view_if_needed()
        link.tap()
        expect(page.locator(CARD)).to_contain_text("Tap the reference again")
        assert "#equation" not in page.url
        box = page.locator(CARD).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 391
        link.tap()
        page.wait_for_url("**#equation*")
        wide = page.locator(".highlight pre:visible").evaluate_all(
            "all => all.filter(e => e.scrollWidth > e.clientWidth + 1).length"
        )
        assert wide == 0, "code wraps"
        assert page.locator(".code-line.wrapped").count() > 0, "and says so"
        small = page.locator(".bd-article summary:visible, .header-article__inner .btn:visible").evaluate_all(
            "all => all.filter(e => e.getBoundingClientRect().height < 43.5).map(e => e.outerHTML.slice(0, 90))"
        )
        assert small == []
        assert said == []
    finally:
        context.close()


def test_the_landing_page_races_and_leads_on(page, served):
    weights = []
    page.on("response", lambda a: weights.append(a.url))
    page.goto(f"{served}/book/index.html", wait_until="networkidle")
    figure = page.locator("#fig-target")
    status = figure.locator(".live-status")
    expect(status).to_contain_text("The truth is 0.511 nats")
    assert figure.locator("canvas").first.bounding_box()["y"] < 900, "it is on the first screen"
    figure.get_by_label("Correlation ρ").fill("0.9")
    expect(status).to_contain_text("The truth is 0.830 nats")
    figure.get_by_role("button", name="Race").click()
    expect(status).to_contain_text("After 1000 iterations the network says", timeout=120_000)
    for name, target in (
        ("Start reading", "formulation"),
        ("Open the notebooks", "for-students"),
        ("Teach with it", "for-instructors"),
    ):
        assert target in page.get_by_role("link", name=name).first.get_attribute("href")
    assert not [url for url in weights if "onnx" in url], "it trains with its own few lines"
    assert page.said == []
