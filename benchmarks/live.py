"""How long a live figure works for one move of its slider, beside a redraw of the same picture by seaborn.

    python -m benchmarks.live

Both run here, one after the other, so the ratio says more than either time. The bar is one frame: 16 ms at the
median. If the site is built, it also says how soon after navigation the figures of a chapter answer. Nothing is
stored: the numbers belong to the machine.
"""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import tempfile
import threading
import time
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from ipywidgets.embed import embed_data
from playwright.sync_api import Browser, sync_playwright

from mibook.live.resampling import Resampling
from mibook.plotting import draw_pairs, use_style
from mibook.samples import running_example

ROOT = Path(__file__).resolve().parent.parent
HOST = ROOT / "sitebuild" / "assets" / "afm-host.mjs"
SIZES, MOVES, REDRAWS = (100, 1000, 10_000), 60, 5
WORKED = """
  window.worked = [];
  const request = window.requestAnimationFrame;
  window.requestAnimationFrame = (act) => request((now) => {
    const start = performance.now();
    act(now);
    window.worked.push(performance.now() - start);
  });
"""
MOVE = """async ([label, values]) => {
  const place = [...document.querySelectorAll("label")].find((one) => one.textContent.includes(label));
  const input = place.querySelector("input");
  const found = [];
  for (const value of values) {
    window.worked.length = 0;
    input.value = value;
    input.dispatchEvent(new Event("input"));
    while (window.worked.length === 0) await new Promise((done) => setTimeout(done, 4));
    found.push(window.worked[0]);
    await new Promise((done) => setTimeout(done, 30));
  }
  return found;
}"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


def serve(folder: Path) -> str:
    """Serve a folder; return its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def live(browser: Browser) -> dict[int, float]:
    """The median milliseconds of the frame that answers a move of the slider, for each number of pairs."""
    example = running_example()
    figure = Resampling(example.X, example.Y, rho=example.rho, method="with")
    state = json.dumps(embed_data(views=[figure], drop_defaults=False)["manager_state"]).replace("</", "<\\/")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(HOST, folder)
        kind = "application/vnd.jupyter.widget-state+json"
        place = f'<div class="live-still" data-live-model="{figure.model_id}"></div>'
        host = f'<script type="module" src="{HOST.name}"></script>'
        (folder / "index.html").write_text(
            f'<body>{place}<script type="{kind}">{state}</script>{host}', encoding="utf-8"
        )
        page = browser.new_page(viewport={"width": 1000, "height": 900})
        page.add_init_script(WORKED)
        page.goto(serve(folder))
        page.locator(".live-status:not(:empty)").wait_for()
        page.evaluate(MOVE, ["Pairs", list(range(9000, 9030))])  # warm, as after the reader's first moves
        moves = {size: [size - k % 2 for k in range(MOVES)] for size in SIZES}
        return {size: float(np.median(page.evaluate(MOVE, ["Pairs", values]))) for size, values in moves.items()}


def seaborn() -> dict[int, float]:
    """The median milliseconds of one redraw in a kernel."""
    matplotlib.use("agg")
    use_style()
    example, rng = running_example(), np.random.default_rng(0)
    found = {}
    for size in SIZES:
        times = []
        for _ in range(REDRAWS):
            start = time.perf_counter()
            columns = (column[rng.integers(len(column), size=size)] for column in (example.X, example.Y))
            draw_pairs(*columns).figure.canvas.draw()
            times.append(1000 * (time.perf_counter() - start))
            matplotlib.pyplot.close("all")
        found[size] = float(np.median(times))
    return found


def ready(browser: Browser) -> float | None:
    """Seconds from navigation to the first status line of a built chapter; None if there is no site."""
    site = ROOT / "_build" / "site"
    if not (site / "book" / "resampling.html").exists():
        return None
    address, times = f"{serve(site)}/book/resampling.html", []
    for _ in range(4):
        context = browser.new_context()
        page = context.new_page()
        start = time.perf_counter()
        page.goto(address, wait_until="commit")
        page.locator(".live-status:not(:empty)").first.wait_for(state="attached")
        times.append(time.perf_counter() - start)
        context.close()
    return float(np.median(times[1:]))


def main() -> None:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        ours, soon = live(browser), ready(browser)
        browser.close()
    theirs = seaborn()
    frame = pd.DataFrame({"pairs": SIZES, "live_ms": list(ours.values()), "seaborn_ms": list(theirs.values())})
    frame["ratio"] = frame.seaborn_ms / frame.live_ms
    print(frame.round(1).to_string(index=False))
    if soon is not None:
        print(f"the figures of the chapter on resampling answer {soon:.2f} s after navigation")


if __name__ == "__main__":
    main()
