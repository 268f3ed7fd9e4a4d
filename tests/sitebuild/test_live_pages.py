"""Live figures on the built page, in a real browser and without a kernel."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from browser import in_scheme
from sitebuild import build
from visits import PAGES, Visit, frames, status


@pytest.fixture(scope="module", params=PAGES)
def opened(request, chromium, served):
    """Each page with figures, opened once, and its name."""
    view = Visit(chromium, served)
    view.open(request.param)
    yield view, request.param
    view.context.close()


def test_figures_live_without_a_request_or_an_error(opened):
    (view, name), page = opened, opened[0].page
    for index in range(PAGES[name]):
        figure = view.figure(index)
        assert figure.locator("canvas").first.evaluate("c => c.width > 300 && c.getAttribute('aria-label').length > 40")
        assert not figure.locator("xpath=..").locator("xpath=..").locator("img").is_visible()
    assert view.left == []
    assert view.said == []
    assert page.locator(".live-note").count() == 0
    assert page.locator("script[src*='require'], script[src*='embed-amd']").count() == 0


def test_slider_answers_by_its_label_and_by_keyboard(visit):
    view = visit()
    view.open("resampling")
    figure = view.figure()
    assert status(figure).startswith("1000 pairs")
    slider = figure.get_by_label("Pairs n′")
    slider.fill("50")
    expect(figure.locator(".live-status")).to_contain_text("50 pairs")
    slider.focus()
    view.page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("^51 "))
    expect(figure.locator(".live-status")).to_contain_text("51 pairs")
    figure.get_by_label("Choose pairs").select_option("with")
    slider.fill("10000")
    expect(figure.locator(".live-status")).to_contain_text("10000 pairs")
    figure.get_by_label("Choose pairs").select_option("all")
    expect(slider).to_be_disabled()
    expect(figure.locator(".live-status")).to_contain_text("999000 pairs")
    expect(figure.locator(".live-status")).to_contain_text("Spread of the reference term")
    assert view.said == []


def test_density_of_few_pairs_is_far_from_the_law(visit):
    view = visit()
    view.open("formulation")
    figure = view.figure()

    def wrong() -> int:
        return int(re.search(r"wrong by up to (\d+) %", status(figure)).group(1))

    slider = figure.get_by_label("Pairs n")
    slider.fill("10")
    expect(figure.locator(".live-status")).to_contain_text("from 10 pairs")
    few = wrong()
    slider.fill("1000")
    expect(figure.locator(".live-status")).to_contain_text("from 1000 pairs")
    assert wrong() < few
    figure.get_by_role("button", name="Another sample").click()
    expect(figure.locator(".live-status")).to_contain_text("Fresh sample 1: from 1000 pairs")
    slider.fill("2")
    expect(figure.locator(".live-status")).to_contain_text("2 pairs are too few")
    assert view.said == []


def test_two_figures_do_not_disturb_each_other(visit):
    view = visit()
    view.open("resampling")
    expect(view.figure(0).locator(".live-status")).to_contain_text("Spread")
    first = status(view.figure(0))
    second = view.figure(1)
    assert status(second).startswith("3000 pairs")
    second.get_by_label("Pairs n′").fill("77")
    expect(second.locator(".live-status")).to_contain_text("77 pairs")
    assert status(view.figure(0)) == first


def test_critic_follows_the_mouse_and_the_keys(visit):
    view = visit()
    page = view.open("donsker-varadhan")
    figure = view.figure()
    before = status(figure)
    knot = figure.get_by_label("critic at z = 1.06")
    box = knot.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.3)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.05, steps=4)
    page.mouse.up()
    expect(figure.locator(".live-status")).not_to_have_text(before)
    assert float(knot.input_value()) > 3
    moved = status(figure)
    knot.focus()
    page.keyboard.press("ArrowDown")
    expect(figure.locator(".live-status")).not_to_have_text(moved)
    assert knot.get_attribute("aria-valuetext").endswith(" nats")


def worth(figure) -> tuple[float, float]:
    """What the critic is worth in population and on the sample, from the status line."""
    population, sample = re.search(r"worth ([−\d.]+) of .* on this sample ([−\d.]+\d)", status(figure)).groups()
    return float(population.replace("−", "-")), float(sample.replace("−", "-"))


def test_critic_climbs_to_the_divergence_and_overshoots_on_a_sample(visit):
    view = visit(reduced_motion="reduce")
    view.open("donsker-varadhan")
    figure = view.figure()
    figure.get_by_role("button", name="Climb in population").click()
    expect(figure.locator(".live-status")).to_contain_text("worth 0.69")
    figure.get_by_role("button", name="Climb on the sample").click()
    expect(figure.locator(".live-status")).not_to_contain_text("worth 0.69")
    population, sample = worth(figure)
    assert sample > 0.9 > 0.691 > population
    assert frames(view.page) <= 1, "with reduced motion nothing moves by itself"


def test_without_javascript_the_picture_is_shown(visit):
    view = visit(java_script_enabled=False)
    view.page.goto(f"{view.served}/book/donsker-varadhan.html")
    picture = view.page.locator(".live-still img")
    expect(picture).to_be_visible()
    assert len(picture.get_attribute("alt")) > 60
    assert picture.bounding_box()["height"] > 200


def test_paper_shows_the_picture(visit):
    view = visit()
    page = view.open("donsker-varadhan")
    page.emulate_media(media="print")
    expect(page.locator(".live-still img")).to_be_visible()
    expect(page.locator(".live")).to_be_hidden()


def test_a_broken_module_says_so_beside_its_picture(visit):
    view = visit()

    def spoil(route):
        body = route.fetch().text()
        at = body.index("export default")
        route.fulfill(body=body[:at] + "throw new Error('it is broken'); " + body[at:], content_type="text/javascript")

    view.page.route("**/live-resampling.js*", spoil)
    page = view.open("resampling", figures=0)
    note = page.locator(".live-note")
    expect(note.first).to_contain_text("could not be brought to life (it is broken)")
    expect(page.locator(".live-still", has=note.first).locator("img").first).to_be_visible()


def test_a_missing_host_leaves_the_pictures(visit):
    view = visit()
    view.page.route("**/afm-host.mjs*", lambda route: route.abort())
    page = view.open("resampling", figures=0)
    expect(page.locator(".live-still img").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_have_no_accessibility_finding(opened, scheme):
    (view, name), page = opened, opened[0].page
    for index in range(PAGES[name]):
        view.figure(index)
    in_scheme(page, scheme)
    found = Axe().run(page, context=".live-still", options={"resultTypes": ["violations"]}).response["violations"]
    assert [f"{v['id']}: {v['help']} {[n['html'][:90] for n in v['nodes'][:3]]}" for v in found] == []


@pytest.mark.parametrize("name", PAGES)
def test_figures_fit_a_phone(visit, name):
    view = visit(viewport={"width": 390, "height": 844}, is_mobile=True, device_scale_factor=2)
    page = view.open(name)
    for index in range(PAGES[name]):
        figure = view.figure(index)
        box = figure.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 391
        assert figure.locator("canvas").first.evaluate("c => c.width === Math.round(2 * c.clientWidth)"), "sharp"
        small = figure.locator(":is(input, select, button):not(.live-knot)").evaluate_all(
            "all => all.filter(e => e.offsetParent && e.offsetHeight < 24).map(e => e.outerHTML)"
        )
        assert small == []
    assert page.evaluate("document.scrollingElement.scrollWidth - document.documentElement.clientWidth") <= 1


def test_colours_follow_the_theme_at_once(visit):
    view = visit(color_scheme="light")
    page = view.open("training")
    figure = view.figure()

    def look():
        page.wait_for_timeout(300)
        drawn = figure.locator("canvas").first.evaluate("c => c.toDataURL()")
        return figure.evaluate("e => getComputedStyle(e).color"), drawn

    (ink, drawn), _ = look(), page.evaluate("document.documentElement.dataset.theme = 'dark'")
    dark_ink, dark_drawn = look()
    assert sum(map(int, re.findall(r"\d+", ink)[:3])) < 150 < 500 < sum(map(int, re.findall(r"\d+", dark_ink)[:3]))
    assert drawn != dark_drawn
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    assert look()[1] == drawn


def test_pages_without_figures_do_not_load_the_host(served, chromium):
    page = chromium.new_page()
    page.goto(f"{served}/book/notation.html")
    assert page.locator("script[src*='afm-host'], script[type*='widget-state']").count() == 0
    page.close()


def opened_as_file(chromium, reader_site, name: str):
    """A page of the site as a double click opens it, with what it says on the console."""
    page = chromium.new_page()
    said = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto((reader_site / "book" / f"{name}.html").as_uri())
    return page, said


@pytest.mark.parametrize("name", PAGES)
def test_figures_of_a_page_that_is_opened_as_a_file_answer(chromium, reader_site, name):
    page, said = opened_as_file(chromium, reader_site, name)
    expect(page.locator("[data-live]")).to_have_count(PAGES[name])
    page.evaluate("document.querySelectorAll('details:has(.live)').forEach((fold) => (fold.open = true))")
    expect(page.locator(".live canvas").first).to_be_visible()
    assert page.locator(".live-note").count() == 0
    assert said == []
    page.close()


def test_a_file_says_that_it_cannot_train_and_what_to_run(chromium, reader_site):
    page, _ = opened_as_file(chromium, reader_site, "mine")
    page.get_by_role("button", name="Train").first.click()
    expect(page.locator(".live-status").first).to_contain_text("run make serve")
    page.close()


def test_the_build_says_how_to_serve(monkeypatch, capsys):
    monkeypatch.setattr(build, "build", build.site)
    assert build.main(["student"]) == 0
    assert "make serve EDITION=student" in capsys.readouterr().out
    assert build.main(["reader"]) == 0
    assert "`make serve`" in capsys.readouterr().out
