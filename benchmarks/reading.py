"""How soon a chapter is there: first paint, formulas, the first figure's answer, bytes, requests and what moves.

    python -m benchmarks.reading [SITE …]

Each site is served compressed, as a web host does, over a fast connection and a slow one (400 ms, 1.6 Mbit/s, a
processor four times slower); without a name it is `_build/site`. Medians over the visits, each with an empty cache.
Nothing is stored: the numbers belong to the machine, and sites compare only within one run.
"""

from __future__ import annotations

import functools
import gzip
import http.server
import shutil
import sys
import threading
from pathlib import Path

import pandas as pd
from playwright.sync_api import Browser, sync_playwright

from benchmarks.live import FIRST_MOVE

ROOT = Path(__file__).resolve().parent.parent
VISITS = 3
SLOW = {"offline": False, "latency": 400, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 1.6e6 / 8}
SEEN = """
  window.moved = 0;
  const watch = (type, act) => new PerformanceObserver((list) => list.getEntries().forEach(act))
    .observe({ type, buffered: true });
  watch("layout-shift", (one) => { if (!one.hadRecentInput) window.moved += one.value; });
  watch("largest-contentful-paint", (one) => { window.largest = one.startTime; });
  watch("paint", (one) => { if (one.name === "first-contentful-paint") window.first = one.startTime; });
  const look = () => {
    if (document.querySelector("article .math :is(.katex-html, mjx-math)")) window.formulas = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
"""


class _Compressed(http.server.SimpleHTTPRequestHandler):
    """A file server that sends text compressed and keeps the connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        body = path.read_bytes()
        kind = self.guess_type(str(path))
        packed = kind.startswith("text/") or kind in ("application/javascript", "image/svg+xml")
        body = gzip.compress(body, 6) if packed else body
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


def serve(folder: Path) -> str:
    """Serve a folder; return its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Compressed, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def visit(browser: Browser, address: str, slow: bool) -> list[float]:
    """Seconds to the first paint, the largest, the formulas, the first answer; then kB, requests and layout shift."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    client, sizes = context.new_cdp_session(page), []
    client.send("Network.enable")
    client.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    if slow:
        client.send("Network.emulateNetworkConditions", SLOW)
        client.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.set_default_timeout(90_000)
    page.add_init_script(SEEN + FIRST_MOVE)
    page.goto(address, wait_until="commit")
    page.wait_for_function("window.answered && window.formulas && document.readyState === 'complete'")
    page.wait_for_load_state("networkidle")
    times = page.evaluate("[first, largest, formulas, answered].map((time) => time / 1000)")
    found = [*times, sum(sizes) / 1000, len(sizes), page.evaluate("window.moved")]
    context.close()
    return found


def main(arguments: list[str]) -> None:
    sites = [Path(name) for name in arguments] or [ROOT / "_build" / "site"]
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    columns = ["first_s", "largest_s", "formulas_s", "answer_s", "kB", "requests", "moved"]
    rows = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        for slow in (False, True):
            for site in sites:
                address = serve(site)
                for page in sorted((site / "book").glob("*.html")):
                    if "data-live-model" in page.read_text(encoding="utf-8"):
                        visits = [visit(browser, f"{address}/book/{page.name}", slow) for _ in range(VISITS)]
                        rows.append([site.name, page.stem, slow, *pd.DataFrame(visits).median()])
        browser.close()
    frame = pd.DataFrame(rows, columns=["site", "page", "slow", *columns])
    print(frame.round(3).to_string(index=False))
    print(frame.groupby(["site", "slow"])[columns].median().round(3).to_string())


if __name__ == "__main__":
    main(sys.argv[1:])
