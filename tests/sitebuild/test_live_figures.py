"""What every live figure does in a browser, on a page of figures alone: reset, address, covers, predictions."""

import http.server
import re
import threading
from functools import partial

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from torch import nn

import figure_page
from mibook.live.bound import DonskerVaradhan
from mibook.live.descent import GradientDescent
from mibook.live.mine import MINE
from mibook.live.minee import ThreeDivergences
from mibook.live.pairs import FirstPairs
from mibook.live.race import Race
from mibook.live.resampling import Resampling
from mibook.live.smoothing import Smoothing
from mibook.samples import running_example

EXAMPLE = running_example()
NAMES = ["pairs", "bound", "descent", "resampling", "smoothing", "mine", "divergences", "race"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("figures")
    X, Y = EXAMPLE.X, EXAMPLE.Y
    made = [
        FirstPairs(X, Y, EXAMPLE.rho),
        DonskerVaradhan(),
        GradientDescent(X * Y, EXAMPLE.X_ref * EXAMPLE.Y_ref, EXAMPLE.rho),
        Resampling(X, Y, rho=EXAMPLE.rho),
        Smoothing(EXAMPLE.rho),
        MINE(nn.Module, object),
        ThreeDivergences(),
        Race(),
    ]
    figure_page.write(folder, dict(zip(NAMES, made, strict=True)))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/index.html"
    server.shutdown()


def opened(chromium, address, **options):
    options = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"} | options
    page = chromium.new_context(**options).new_page()
    page.said = []
    page.on("console", lambda m: page.said.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.set_default_timeout(30_000)
    page.goto(address)
    expect(page.locator(".live")).to_have_count(len(NAMES))
    return page


@pytest.fixture(scope="module")
def page(chromium, address):
    page = opened(chromium, address)
    yield page
    page.context.close()


def seen(page, name):
    figure = page.locator(f"#{name}")
    figure.scroll_into_view_if_needed()
    expect(figure.locator(".live-status")).not_to_be_empty()
    return figure


def said(figure) -> str:
    return figure.locator(".live-status").inner_text()


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_shows_three_controls_and_reset_brings_all_back(page, name):
    figure = seen(page, name)
    dials = figure.locator(".live-control :is(input, select)")
    in_sight = [dial for dial in dials.all() if dial.is_visible()]
    assert 1 <= len(in_sight) <= 3
    values = dials.evaluate_all("all => all.map(one => one.value)")
    slider = figure.locator(".live-control input").first
    slider.fill(slider.get_attribute("max" if slider.input_value() != slider.get_attribute("max") else "min"))
    assert dials.evaluate_all("all => all.map(one => one.value)") != values
    page.wait_for_function("name => location.search.includes(name + '.')", arg=name)
    assert page.url.endswith(f"#{name}"), "a shared address leads to the figure"
    figure.get_by_role("button", name="Reset").click()
    assert dials.evaluate_all("all => all.map(one => one.value)") == values
    page.wait_for_function("name => !location.search.includes(name + '.')", arg=name)
    assert page.said == []


def test_an_address_shows_what_was_shared_and_the_common_settings_go_along(chromium, address):
    page = opened(chromium, f"{address}?pairs.n=77&descent.eta=1.5&descent.steps=lots&bound.n=31#descent")
    try:
        expect(page.locator("#pairs .live-status")).to_contain_text("from 77 pairs")
        expect(page.locator("#descent .live-status")).to_contain_text("steps of size 1.5")
        assert page.locator("#bound").get_by_label("Points in each sample").input_value() == "10", "31 is no choice"
        page.locator("#pairs").get_by_label("Correlation ρ").fill("0.5")
        page.wait_for_function("location.search.includes('pairs.rho=0.5')")
        page.goto(address)
        mine = seen(page, "mine")
        expect(mine.locator(".live-status")).to_contain_text("The truth is 0.144")
        mine.get_by_role("button", name="Reset").click()
        expect(mine.locator(".live-status")).to_contain_text("The truth is 0.830")
        page.goto(f"{address}?again")
        expect(seen(page, "mine").locator(".live-status")).to_contain_text("The truth is 0.830")
        assert page.said == []
    finally:
        page.context.close()


def test_what_is_said_of_the_critic_stays_true_when_it_is_dragged(page):
    figure = seen(page, "bound")
    shown = figure.locator("label", has_text="Critic s").locator("output")
    expect(shown).to_contain_text("s = ")
    figure.get_by_label("critic at z = 1.06").fill("4")
    expect(shown).to_have_text("the critic is your own")
    page.wait_for_function("location.search.includes('bound.t=')")
    figure.get_by_label("Critic s").fill("1")
    expect(shown).to_have_text("s = 1.00")
    page.wait_for_function("!location.search.includes('bound.t=') && location.search.includes('bound.s=1')")
    figure.get_by_role("button", name="Climb on the sample").click()
    expect(shown).to_have_text("the critic is your own")
    figure.get_by_role("button", name="Reset").click()
    expect(shown).not_to_have_text("the critic is your own")


VERDICT = re.compile(r"You said ([−\d.]+).*; it is ([−\d.]+).*: (as close|[\d.]+.* too (high|low))")


@pytest.mark.parametrize("name", ["bound", "descent", "resampling"])
def test_a_prediction_is_compared_with_what_comes(page, name):
    figure = seen(page, name)
    expect(figure.locator(".live-status")).to_contain_text(re.compile("loss|Spread|worth"))
    figure.get_by_role("button", name="Predict first").click()
    expect(figure.locator(".live-status")).to_have_text("Covered until you reveal it.")
    dial = figure.locator(".live-predict input")
    before = dial.input_value()
    page.keyboard.press("ArrowRight")
    assert dial.input_value() != before, "the slider has the focus"
    marked = figure.locator("canvas.live-marked")
    marked.scroll_into_view_if_needed()
    box = marked.bounding_box()
    page.mouse.click(box["x"] + 0.7 * box["width"], box["y"] + 0.5 * box["height"])
    value = float(dial.input_value())
    figure.get_by_role("button", name="Reveal").click()
    verdict = figure.locator(".live-verdict")
    expect(verdict).to_contain_text(VERDICT)
    mine, found = (float(v.replace("−", "-")) for v in VERDICT.search(verdict.inner_text()).groups()[:2])
    assert mine == pytest.approx(value, abs=0.006)
    word = "too high" if mine > found else "too low"
    assert word in verdict.inner_text() or "as close" in verdict.inner_text()
    assert "Covered" not in said(figure)
    figure.get_by_role("button", name="Reset").click()
    expect(verdict).to_be_empty()
    assert page.said == []


def test_a_finger_marks_a_prediction_and_targets_are_wide_on_a_phone(chromium, address):
    view = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
    page = opened(chromium, address, **view)
    try:
        small = page.locator(".live :is(input:not(.live-knot), select, button, summary)").evaluate_all(
            "all => all.filter(e => e.offsetHeight && e.offsetHeight < 44).map(e => e.outerHTML)"
        )
        assert small == []
        figure = seen(page, "descent")
        figure.get_by_role("button", name="Predict first").tap()
        box = figure.locator("canvas").bounding_box()
        figure.locator("canvas").tap(position={"x": 0.3 * box["width"], "y": 0.5 * box["height"]})
        assert float(figure.locator(".live-predict input").input_value()) < 0.4
        figure.get_by_role("button", name="Reveal").tap()
        expect(figure.locator(".live-verdict")).to_contain_text("too low")
        assert page.said == []
    finally:
        page.context.close()


def test_more_and_predictions_have_no_accessibility_finding(page):
    page.evaluate("document.querySelectorAll('.live-more').forEach(one => (one.open = true))")
    page.locator("#mine").get_by_role("button", name="Predict first").click()
    found = Axe().run(page, context=".live", options={"resultTypes": ["violations"]}).response["violations"]
    assert [f"{v['id']}: {[n['html'][:90] for n in v['nodes'][:3]]}" for v in found] == []
