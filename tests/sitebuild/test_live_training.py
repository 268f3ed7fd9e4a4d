"""Live figures that train on the page, with what the site itself serves."""

import re

import pytest
from playwright.sync_api import expect

from visits import frames, status

TRAINING = 120_000  # milliseconds in which a training ends, however busy the machine


RUNTIME = ["ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm", "ort.wasm.min.mjs"]


def test_training_plays_pauses_steps_and_resets(visit):
    view = visit()
    view.open("smoothing")
    figure = view.figure()
    assert status(figure).startswith("2000 iterations")
    figure.get_by_role("button", name="Play").click()
    figure.get_by_role("button", name="Pause").click()
    played = int(status(figure).split()[0])
    assert played > 2000
    figure.get_by_role("button", name="Step").click()
    expect(figure.locator(".live-status")).to_contain_text(f"{played + 1} iterations")
    figure.get_by_role("button", name="Reset").click()
    expect(figure.locator(".live-status")).to_contain_text("0 iterations")
    figure.get_by_label("Batch size b").select_option("10")
    expect(figure.get_by_role("button", name="Pause")).to_be_visible()


def test_references_are_compared_while_critics_train(visit):
    view = visit()
    view.open("mi-nee")
    figure = view.figure()
    assert status(figure).startswith("In population: 1.045 − 0.318 − 0.318 = 0.408 nats")
    slider = figure.get_by_role("slider", name="Width of the reference")
    slider.fill("1")
    expect(slider).to_have_attribute("aria-valuetext", "s = 1.00")
    expect(figure.locator(".live-status")).to_contain_text("0.408 − 0.000 − 0.000 = 0.408 nats")
    figure.get_by_role("combobox", name="Reference").select_option("box")
    slider.fill("2")
    expect(figure.locator(".live-status")).to_contain_text("Given that the pair stays in the box")
    assert figure.locator("option").count() == 2, "without a kernel there is no function of the reader's"
    figure.get_by_role("button", name="Step").click()
    expect(figure.locator(".live-status")).to_contain_text("1 iterations on sample 1")
    figure.get_by_role("button", name="Play").click()
    view.page.wait_for_timeout(1000)
    figure.get_by_role("button", name="Pause").click()
    expect(figure.locator(".live-status")).to_contain_text(
        re.compile(r"(\d\d|[2-9]) iterations on sample|On \d+ samples")
    )
    figure.get_by_role("button", name="Reset").click()
    expect(figure.locator(".live-status")).to_contain_text("0 iterations on sample 1")
    assert view.said == []


def test_work_stops_out_of_sight_and_on_leaving(visit):
    view = visit()
    page = view.open("smoothing")
    figure = view.figure()
    figure.get_by_label("Batch size b").select_option("1000")
    assert frames(page) > 3, "it runs while it is seen"
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(500)
    assert frames(page) == 0, "nobody looks"
    view.figure()
    page.wait_for_timeout(300)
    assert frames(page) > 3, "it goes on when it is seen again"
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: false }))")
    assert page.locator(".live").count() == 0
    assert frames(page) == 0


def runtime_files(view) -> list[str]:
    return [a.url.rsplit("/", 1)[1] for a in view.answers if "/onnxruntime/" in a.url]


def test_mine_trains_in_the_browser_from_the_sites_own_files(visit):
    view = visit()
    view.open("mine")
    figure = view.figure()
    assert "run when the page was built" in status(figure)
    figure.get_by_role("button", name="Predict first").click()
    expect(figure.locator(".live-status")).to_have_text("Covered until you reveal it.")
    figure.get_by_role("button", name="Reveal").click()
    expect(figure.locator(".live-verdict")).to_contain_text(
        re.compile(r"You said 1\.00 nats; it is 0\.\d\d nats: .* too high")
    )
    assert "run when the page was built" in status(figure)
    figure.get_by_label("Stop after").select_option("300")
    figure.get_by_label("Initial weights").select_option("he")
    expect(figure.locator(".live-status")).to_contain_text("Nothing trained yet")
    assert runtime_files(view) == [], "before Train nothing is loaded to train with"
    figure.get_by_role("button", name="Train").click()
    expect(figure.get_by_role("button", name="Pause")).to_be_visible()
    expect(figure.locator(".live-status")).to_contain_text("300 iterations.", timeout=TRAINING)
    expect(figure.locator(".live-progress")).to_contain_text("300 of 300 iterations")
    estimate, held, truth, gap = map(
        float,
        re.search(
            r"Estimate ([\d.]+) nats, on held-out pairs ([\d.]+)\. The truth is ([\d.]+),.* t is ([\d.]+) nats",
            status(figure),
        ).groups(),
    )
    assert truth == 0.830
    assert abs(estimate - truth) < 0.12
    assert abs(held - truth) < 0.2
    assert gap < 0.6
    assert sorted(runtime_files(view)) == RUNTIME
    assert len(view.page.workers) == 1
    figure.get_by_role("button", name="Step").click()
    expect(figure.locator(".live-status")).to_contain_text("10 iterations.", timeout=TRAINING)
    figure.get_by_role("button", name="Step").click()
    expect(figure.locator(".live-status")).to_contain_text("20 iterations.", timeout=TRAINING)
    figure.get_by_role("button", name="Reset").click()
    expect(figure.locator(".live-status")).to_contain_text("Nothing trained yet")
    figure.get_by_label("Training pairs n").select_option("200")
    figure.get_by_label("Batch size b").select_option("200")
    figure.get_by_label("Stop after").select_option("3000")
    figure.get_by_role("button", name="Train").click()
    expect(figure.locator(".live-status")).to_contain_text("Training in this browser", timeout=TRAINING)
    figure.get_by_label("Correlation ρ").fill("0.5")  # goes on, from the start
    expect(figure.get_by_role("button", name="Pause")).to_be_visible()
    figure.get_by_role("button", name="Pause").click()
    expect(figure.locator(".live-status")).to_contain_text("The truth is 0.144")
    view.page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: false }))")
    expect(view.page.locator(".live")).to_have_count(0)
    view.page.wait_for_timeout(300)
    assert view.page.workers == [], "leaving the page stops the training"
    assert view.left == []
    assert view.said == []


@pytest.mark.parametrize(
    ("address", "spoil", "said"),
    [
        ("**/*.wasm", lambda route: route.fulfill(status=404, body=""), "What trains in the browser did not load"),
        (
            "**/*.wasm",
            lambda route: route.fulfill(body="no WebAssembly", content_type="application/wasm"),
            "What trains in the browser did not load",
        ),
        ("**/ort.wasm.min.mjs", lambda route: route.abort(), "What trains in the browser did not load"),
        (
            "**/book/mine.html",
            lambda route: route.fulfill(
                body=re.sub(r'\["step"\]', '["lost"]', route.fetch().text()), content_type="text/html"
            ),
            "This page was built without the training step: build it with make book.",
        ),
    ],
    ids=["missing", "broken", "no runtime", "no step"],
)
def test_training_that_does_not_load_says_so_in_the_figure(visit, address, spoil, said):
    view = visit()
    view.context.route(address, spoil)
    view.open("mine")
    figure = view.figure()
    figure.get_by_role("button", name="Train").click()
    expect(figure.locator(".live-status")).to_contain_text(said, timeout=TRAINING)
    expect(figure.get_by_role("button", name="Train")).to_be_visible()
    assert figure.locator("canvas").first.is_visible()


def test_with_reduced_motion_the_curve_comes_when_training_stops(visit):
    view = visit(reduced_motion="reduce")
    view.open("mine")
    figure = view.figure()
    figure.get_by_label("Stop after").select_option("3000")
    figure.get_by_role("button", name="Train").click()
    expect(figure.locator(".live-status")).to_contain_text("Training in this browser", timeout=TRAINING)
    pictures = []
    for _ in range(3):
        view.page.wait_for_timeout(400)
        pictures.append(figure.locator("canvas").first.evaluate("c => c.toDataURL()"))
    assert len(set(pictures)) == 1
    figure.get_by_role("button", name="Pause").click()
    expect(figure.locator(".live-status")).to_contain_text("iterations. Estimate")
    view.page.wait_for_timeout(200)
    assert figure.locator("canvas").first.evaluate("c => c.toDataURL()") != pictures[0]
