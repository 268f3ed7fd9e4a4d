"""A live figure in a real JupyterLab: the same cell, with a kernel that runs the reader's own function."""

import os
import socket
import subprocess
import sys
import time

import nbformat
import pytest
from playwright.sync_api import expect

from chapters.source import ROOT

PATIENCE = 180_000  # milliseconds: the first start in a fresh environment compiles everything
CELLS = [
    """from mibook.live.resampling import Resampling
from mibook.samples import running_example
example = running_example()

def resample(data, size, replace=False):
    return data[:size]  # not random at all: every pair is a true pair""",
    "Resampling(example.X, example.Y, rho=example.rho, resample=resample)",
    """def unfinished(data, size, replace=False):
    raise NotImplementedError("Replace this line.")

Resampling(example.X, example.Y, resample=unfinished)""",
    """from mibook.live.mine import MINE
from chapters.source import definitions

chapter = definitions("mine")
MINE(chapter["Net"], chapter["MINETrainer"], n=200, b=50, start="he", iterations=300)""",
    """class Unfinished(chapter["Net"]):
    def forward(self, x, y):
        raise NotImplementedError("Replace this line with your own code.")

MINE(Unfinished, chapter["MINETrainer"])""",
    """import torch
from mibook.live.minee import ThreeDivergences

ThreeDivergences(draw=lambda X, n_ref, generator: X.mean() + torch.randn(n_ref, 1, generator=generator))""",
    "ThreeDivergences(draw=lambda X, n_ref, generator: X)",
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab that serves a folder with one notebook."""
    work, own = tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("own")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, work / "figure.ipynb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = os.environ | {
        "PYTHONPATH": str(ROOT),
        "JUPYTER_CONFIG_DIR": str(own),
        "JUPYTER_RUNTIME_DIR": str(own / "run"),
    }
    env |= {"JUPYTERLAB_SETTINGS_DIR": str(own / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(own / "workspaces")}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    command += ["--IdentityProvider.token=", "--ServerApp.port_retries=0"]
    with (own / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=work, env=env, stdout=log, stderr=log)
        try:
            end = time.monotonic() + PATIENCE / 1000
            while "is running at" not in (own / "log").read_text():
                assert time.monotonic() < end, (own / "log").read_text()
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(30)


def test_figures_run_and_call_the_readers_function(chromium, lab):
    context = chromium.new_context(viewport={"width": 1200, "height": 7500})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(f"{lab}/lab/tree/figure.ipynb?reset")
    page.locator(".jp-CodeCell").first.wait_for()
    page.get_by_text("| Idle").wait_for()  # before the kernel is there, Run asks which kernel to start
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    figure = page.locator(".live").first
    figure.wait_for()
    status = figure.locator(".live-status")
    expect(status).to_contain_text("1000 pairs, 1000 true pairs. Chosen by your own function.", timeout=PATIENCE)
    figure.get_by_label("Pairs n′").fill("300")
    expect(status).to_contain_text("300 pairs, 300 true pairs", timeout=PATIENCE)
    figure.get_by_label("Choose pairs").select_option("derangement")
    expect(status).to_contain_text("300 pairs, 0 true pairs", timeout=PATIENCE)
    expect(page.locator(".live").nth(1).locator(".live-status")).to_contain_text(
        "Your function stopped with NotImplementedError: Replace this line.", timeout=PATIENCE
    )
    stopped = page.locator(".live").nth(1)
    stopped.get_by_label("Choose pairs").select_option("derangement")  # which the reader's function does not serve
    expect(stopped.locator(".live-status")).to_contain_text("1000 pairs, 0 true pairs.")
    training = page.locator(".live").nth(2)
    expect(training.locator(".live-status")).to_contain_text("Nothing trained yet", timeout=PATIENCE)
    training.get_by_role("button", name="Train").click()
    expect(training.locator(".live-status")).to_contain_text("with your own code", timeout=PATIENCE)
    expect(training.locator(".live-status")).to_contain_text("300 iterations. Estimate", timeout=PATIENCE)
    unfinished = page.locator(".live").nth(3)
    unfinished.get_by_role("button", name="Train").click()
    expect(unfinished.locator(".live-status")).to_contain_text(
        "Your own code stopped with NotImplementedError: Replace this line with your own code. Complete your code",
        timeout=PATIENCE,
    )
    for index, said in (
        (4, "1 iterations on sample 1"),
        (5, "ValueError: The reference of X must have shape (2000, 1)"),
    ):
        figure = page.locator(".live").nth(index)
        figure.get_by_role("combobox").select_option("own")
        expect(figure.get_by_role("slider")).to_have_attribute("aria-valuetext", "as you draw it")
        expect(figure.locator(".live-status")).not_to_contain_text("Waiting", timeout=PATIENCE)
        figure.get_by_role("button", name="Step").click()
        expect(figure.locator(".live-status")).to_contain_text(said)
    assert page.locator(".live-still").count() == 0, "the widget itself, not its picture"
    target = ROOT / "_build" / "lab" / "live.png"  # to look at
    target.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=target)
    context.close()
