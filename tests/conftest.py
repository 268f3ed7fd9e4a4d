"""Shared fixtures, and two rules: fast tests first; on CI a skipped test is a failure."""

from __future__ import annotations

import http.server
import os
import shutil
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
import torch

from grading.sandbox import SandboxError, bubblewrap

ROOT = Path(__file__).resolve().parent.parent
torch.set_num_threads(1)  # two threads on a busy two-core machine are slower than one

LAST = [
    "test_execute.py", "test_site.py", "test_guides.py", "test_browser.py", "test_live_pages.py", "test_lab.py",
    "test_live_lab.py", "test_grading_feedback.py", "test_grading_verdicts.py", "test_grading_execute.py",
    "test_grading_sandbox.py", "test_grading_assignment.py", "test_grading_pipeline.py", "test_grading_cluster.py",
    "test_grading_formgrader.py", "test_grading_hostile.py",
]  # fmt: skip


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LAST.index(item.path.name) + 1 if item.path.name in LAST else 0)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("CI"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome, report.longrepr = "failed", f"On CI no test may be skipped. {reason}"


def build(edition: str) -> Path:
    """Build an edition with the command that `make book` runs; return the site's folder."""
    command = [sys.executable, "-m", "sitebuild.build", edition]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return ROOT / "_build" / ("site" if edition == "reader" else "site-student")


@pytest.fixture(scope="session")
def reader_site() -> Path:
    return build("reader")


@pytest.fixture(scope="session")
def student_site() -> Path:
    return build("student")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="session")
def served(reader_site):
    """The address of the reader edition on a plain file server."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=reader_site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="session")
def sandbox():
    """Skips where no sandbox can be had, in the words that an instructor would read."""
    try:
        bubblewrap.check()
    except SandboxError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium of the system's, driven by Playwright."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("Chromium is not installed: run 'apt-get install chromium' (or install Chrome).")
    from playwright.sync_api import sync_playwright

    # As root Chromium needs --no-sandbox; the rest keeps it from asking anyone anything.
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()
