"""How soon a chapter is there: first paint, formulas, the first figure's answer, bytes, requests and what moves.

    python -m benchmarks.reading

The chapters of `_build/site` (`make book`) and one of them as plain Jupyter Book builds it, with MathJax, from the same
executed notebook in the same run. Both are served compressed, as a web host does, over a fast connection and a slow one
(400 ms, 1.6 Mbit/s, a processor four times slower). Medians over the visits, each with an empty cache. What plain
Jupyter Book loads from elsewhere is left out, but for MathJax, which it gets from beside the page: so it does better
here than on the web. Its live figures do not answer.
"""

from __future__ import annotations

import functools
import gzip
import http.server
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pandas as pd
import yaml
from playwright.sync_api import Browser, sync_playwright

from benchmarks.live import FIRST_MOVE
from chapters.macros import macros
from mibook.results import save

ROOT = Path(__file__).resolve().parent.parent
SITE, STAGED = ROOT / "_build" / "site", ROOT / "_build" / "stage" / "reader"
STOCK = "mine"  # the chapter that plain Jupyter Book builds too
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


def stock(folder: Path) -> Path:
    """The chapter as plain Jupyter Book builds it, in a site of its own; its folder."""
    (folder / "book").mkdir(parents=True)
    for name in ("images", "references.bib"):
        (shutil.copytree if (STAGED / name).is_dir() else shutil.copy)(STAGED / name, folder / name)
    shutil.copy(STAGED / "book" / f"{STOCK}.ipynb", folder / "book")
    shutil.copytree(ROOT / "node_modules" / "mathjax" / "es5", folder / "served" / "mathjax")
    known = {name: [one.text, one.arguments] if one.arguments else one.text for name, one in macros().items()}
    config = {
        "title": "A chapter",
        "execute": {"execute_notebooks": "off"},
        "bibtex_bibfiles": ["references.bib"],
        "parse": {"myst_enable_extensions": ["amsmath", "colon_fence", "deflist", "dollarmath", "html_image"]},
        "sphinx": {
            "extra_extensions": ["sphinx_proof", "sphinx_exercise"],
            "config": {
                "html_static_path": ["served"],
                "mathjax_path": "mathjax/tex-mml-chtml.js",
                "mathjax3_config": {"tex": {"macros": known}},
            },
        },
    }
    (folder / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (folder / "_toc.yml").write_text(f"format: jb-book\nroot: book/{STOCK}\n", encoding="utf-8")
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(folder), "--quiet"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder / "_build" / "html"


def serve(folder: Path) -> str:
    """Serve a folder; return its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Compressed, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def visit(browser: Browser, address: str, slow: bool, live: bool) -> list[float]:
    """Seconds to the first paint, the largest, the formulas, the first answer; then kB, requests and layout shift.

    ``live`` says whether the page has a figure that answers.
    """
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    client, asked, sizes = context.new_cdp_session(page), set(), []
    client.send("Network.enable")
    client.send("Network.setBlockedURLs", {"urls": ["https://*"]})
    client.on("Network.requestWillBeSent", lambda event: _note(asked, event))  # not what is in the page
    client.on("Network.loadingFinished", lambda event: sizes.append((event["requestId"], event["encodedDataLength"])))
    if slow:
        client.send("Network.emulateNetworkConditions", SLOW)
        client.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.set_default_timeout(60_000)
    page.add_init_script(SEEN + FIRST_MOVE)
    page.goto(address, wait_until="commit")
    there = "window.formulas && document.readyState === 'complete'"
    page.wait_for_function(f"{there} && window.answered" if live else there)
    page.wait_for_load_state("networkidle")
    times = page.evaluate("[first, largest, formulas, window.answered ?? NaN].map((time) => time / 1000)")
    came = [size for request, size in sizes if request in asked]
    found = [*times, sum(came) / 1000, len(came), page.evaluate("window.moved")]
    context.close()
    return found


def _note(asked: set[str], event: dict) -> None:
    if event["request"]["url"].startswith("http:"):
        asked.add(event["requestId"])


def main() -> None:
    """Visit every chapter with a live figure on both connections; print and store the medians."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    columns = ["first_s", "largest_s", "formulas_s", "answer_s", "kB", "requests", "moved"]
    rows = []
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as scratch:
        site = Path(shutil.copytree(SITE, Path(scratch) / "site"))  # a build may replace it meanwhile
        pages = [("this book", page, True) for page in sorted((site / "book").glob("*.html"))]
        texts = {page: page.read_text(encoding="utf-8") for _, page, _ in pages}
        pages = [one for one in pages if "data-live-model" in texts[one[1]] and "katex-html" in texts[one[1]]]
        pages.append(("plain Jupyter Book", stock(Path(scratch) / "stock") / "book" / f"{STOCK}.html", False))
        addresses = {page.parent.parent: serve(page.parent.parent) for _, page, _ in pages}
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        for slow in (False, True):
            for site, page, live in pages:
                address = f"{addresses[page.parent.parent]}/book/{page.name}"
                visits = [visit(browser, address, slow, live) for _ in range(VISITS)]
                rows.append([site, page.stem, "slow" if slow else "fast", *pd.DataFrame(visits).median()])
        browser.close()
    frame = pd.DataFrame(rows, columns=["site", "page", "connection", *columns])
    print(frame.round(3).to_string(index=False))
    note = f"Medians of {VISITS} visits with an empty cache; slow: 400 ms, 1.6 Mbit/s, a processor four times slower."
    save("reading", frame.round(3), "python -m benchmarks.reading", note)


if __name__ == "__main__":
    main()
