"""How long a live figure works: a move of a slider beside seaborn's redraw, a training beside torch's.

    python -m benchmarks.live

The two of a pair run here, one after the other, so the ratio says more than either time. The bars: a move takes one
frame, 16 ms at the median; 1000 iterations of MINE take the browser at most 1.3 times as long as torch on one thread.
How soon the figures of a page answer is measured by `benchmarks.reading`. Nothing is stored: the numbers belong to the
machine.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import http.server
import json
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import torch
from ipywidgets.embed import embed_data
from playwright.sync_api import Browser, Page, sync_playwright

from chapters.source import definitions
from mibook.live.base import JS, Figure
from mibook.live.export import exported
from mibook.live.mine import MINE, Run
from mibook.live.resampling import Resampling
from mibook.plotting import draw_pairs, use_style
from mibook.samples import running_example

ROOT = Path(__file__).resolve().parent.parent
HOST = ROOT / "sitebuild" / "assets" / "afm-host.mjs"
RUNTIME = ROOT / "node_modules" / "onnxruntime-web" / "dist"
ITERATIONS = 1000
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
FIRST_MOVE = """
  new MutationObserver((_, watch) => {
    const status = document.querySelector(".live-status");
    if (!status?.textContent) return;
    watch.disconnect();
    window.mounted = performance.now();
    const figure = status.closest(".live");
    for (let at = figure; (at = at.closest("details:not([open])")); ) at.open = true;
    const said = () => [...figure.querySelectorAll("canvas")].map((one) => one.ariaLabel) + status.textContent;
    const input = figure.querySelector("input[type=range]");
    const before = said();
    input.value = input.value === input.max ? input.min : input.max;
    input.dispatchEvent(new Event("input"));
    const look = () => (said() === before ? setTimeout(look) : (window.answered = performance.now()));
    look();
  }).observe(document, { childList: true, subtree: true, characterData: true });
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

TRAIN = """async ([step, critic, layout, settings, iterations]) => {
  const here = new URL(".", location.href).href;
  const runtime = await import(`${here}onnxruntime/ort.wasm.min.mjs`);
  Object.assign(runtime.env.wasm, { numThreads: 1, wasmPaths: `${here}onnxruntime/` });
  const { Training } = await import(`${here}js/training.mjs`);
  const create = (text) => runtime.InferenceSession.create(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)));
  const graphs = { step: await create(step), critic: await create(critic) };
  await new Training(runtime, graphs, layout, settings).epochs(); // warm
  const run = new Training(runtime, graphs, layout, settings);
  const start = performance.now();
  while (run.iteration < iterations) await run.epochs();
  return (performance.now() - start) / 1000;
}"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


def serve(folder: Path) -> str:
    """Serve a folder; return its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


@contextlib.contextmanager
def page_of(browser: Browser, figure: Figure) -> Iterator[Page]:
    """A page that holds the figure alone, as the site would show it."""
    state = json.dumps(embed_data(views=[figure], drop_defaults=False)["manager_state"]).replace("</", "<\\/")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(HOST, folder)
        (folder / "onnxruntime").symlink_to(RUNTIME)
        (folder / "js").symlink_to(JS)
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
        yield page
        page.close()


def live(browser: Browser) -> dict[int, float]:
    """The median milliseconds of the frame that answers a move of the slider, for each number of pairs."""
    example = running_example()
    figure = Resampling(example.X, example.Y, rho=example.rho, method="with")
    with page_of(browser, figure) as page:
        page.evaluate(MOVE, ["Pairs", list(range(9000, 9030))])  # warm, as after the reader's first moves
        moves = {size: [size - k % 2 for k in range(MOVES)] for size in SIZES}
        return {size: float(np.median(page.evaluate(MOVE, ["Pairs", values]))) for size, values in moves.items()}


def training(browser: Browser) -> pd.DataFrame:
    """Seconds for 1000 iterations of MINE, with the chapter's network and trainer, in the browser and by torch."""
    chapter = definitions("mine")
    Net, Trainer = chapter["Net"], chapter["MINETrainer"]
    figure = MINE(Net, Trainer)
    figure.step, figure.critic, figure.layout = exported(Net, Trainer)
    graphs = [base64.b64encode(graph).decode() for graph in (figure.step, figure.critic)]

    class Silent(Trainer):
        def estimate(self) -> float:
            return 0.0

    with page_of(browser, figure) as page:
        steps = page.evaluate(TRAIN, [*graphs, figure.layout, figure.settings, ITERATIONS])
        page.get_by_role("button", name="Step").click()  # loads the runtime, as the reader's first press does
        page.get_by_text("10 iterations. Estimate").wait_for()
        page.get_by_role("button", name="Reset").click()
        start = time.perf_counter()
        page.get_by_role("button", name="Train").click()
        page.get_by_text(f"{ITERATIONS} iterations. Estimate").wait_for(timeout=600_000)
        whole = time.perf_counter() - start
    found = []
    for trainer, look in ((Silent, False), (Trainer, True)):
        run, start = Run(Net, trainer, **figure.settings), time.perf_counter()
        while run.trainer.iteration < ITERATIONS:
            run.train()
            if look:
                run.look()
        found.append(time.perf_counter() - start)
    frame = pd.DataFrame({"what": ["steps alone", "with estimates and heat map"]})
    frame["browser_s"], frame["torch_s"] = [steps, whole], found
    frame["ratio"] = frame.browser_s / frame.torch_s
    return frame


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


def main() -> None:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        ours = live(browser)
        torch.set_num_threads(1)
        trained = training(browser)
        browser.close()
    theirs = seaborn()
    frame = pd.DataFrame({"pairs": SIZES, "live_ms": list(ours.values()), "seaborn_ms": list(theirs.values())})
    frame["ratio"] = frame.seaborn_ms / frame.live_ms
    print(frame.round(1).to_string(index=False))
    print(f"{ITERATIONS} iterations of MINE\n{trained.round(2).to_string(index=False)}")


if __name__ == "__main__":
    main()
