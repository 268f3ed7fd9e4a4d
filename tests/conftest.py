"""Shared fixtures, and two rules: fast tests first; on CI a skipped test is a failure."""

from __future__ import annotations

import http.server
import os
import shutil
import threading
from functools import partial
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from grading.sandbox import SandboxError, bubblewrap
from site_of import build, folder

torch.set_num_threads(1)  # two threads on a busy two-core machine are slower than one

# What these make takes a minute or more, so the tests that ask for them come last, room by room.
SITES = ("student_site", "reader_site", "served")
COSTLY = (*SITES, "chromium", "sandbox")


def pytest_collection_modifyitems(items):
    for item in items:
        if set(COSTLY) & set(item.fixturenames):
            item.add_marker("costly")
    if "PYTEST_XDIST_WORKER" in os.environ:
        # A file is one process's. One begins with the site, which is built again there, while the others do all that
        # needs none; the files that look at its pages come last and are shared.
        looking = {item.path for item in items if set(SITES) & set(item.fixturenames)}
        items.sort(key=lambda item: (item.path.name != "test_site.py", item.path in looking))
    else:
        items.sort(key=lambda item: item.get_closest_marker("costly") is not None)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("CI"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome, report.longrepr = "failed", f"On CI no test may be skipped. {reason}"


def _site(edition: str, tmp_path_factory, worker_id: str) -> Path:
    """An edition, built once however many processes run the tests."""
    if worker_id == "master":
        return build(edition)
    shared = tmp_path_factory.getbasetemp().parent
    with FileLock(shared / "site.lock"):
        if not (built := shared / f"{edition}-built").exists():
            build(edition)
            built.touch()
    return folder(edition)


@pytest.fixture(scope="session")
def reader_site(tmp_path_factory, worker_id) -> Path:
    return _site("reader", tmp_path_factory, worker_id)


@pytest.fixture(scope="session")
def student_site(tmp_path_factory, worker_id) -> Path:
    return _site("student", tmp_path_factory, worker_id)


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


@pytest.fixture
def where_we_were():
    """nbgrader changes the working folder: afterwards it is what it was."""
    before = Path.cwd()
    yield
    os.chdir(before)
