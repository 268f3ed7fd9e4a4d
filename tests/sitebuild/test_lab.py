"""The pairs and the pages in a real JupyterLab: a save keeps everything, and a reader sees what the author meant."""

import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import pytest
from nbgrader.utils import is_solution

from browser import PATIENCE, free_port, wait_for
from chapters import pairs
from chapters.shown import is_derived, numbering
from chapters.source import ROOT
from leaks import CHAPTERS

COPIED = [
    "book",
    "notebooks",
    "student",
    "images",
    "chapters",
    "sitebuild",
    "mibook",
    "jupytext.toml",
    "_config.yml",
    "_toc.yml",
    "references.bib",
    ".gitignore",
]
TALL = {"width": 1200, "height": 2400}
EVERY_CELL_AT_ONCE = '{"windowingMode": "none"}'


def git(folder: Path, *arguments: str) -> str:
    author = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    run = subprocess.run(["git", *author, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return run.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A committed copy of what the lab works with."""
    folder = tmp_path_factory.mktemp("project")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
            )
        else:
            shutil.copy(ROOT / name, folder / name)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "Start")
    return folder


@pytest.fixture(scope="module")
def lab(project, tmp_path_factory):
    """The address of a JupyterLab that the command of `make lab` started in the copy."""
    own, port = tmp_path_factory.mktemp("own"), free_port()
    settings = own / "settings" / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text(EVERY_CELL_AT_ONCE)
    places = {"CONFIG": own, "RUNTIME": own / "runtime"}
    env = os.environ | {f"JUPYTER_{name}_DIR": str(path) for name, path in places.items()}
    env |= {"JUPYTERLAB_SETTINGS_DIR": str(own / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(own / "workspaces")}
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--IdentityProvider.token="]
    with (own / "log").open("w") as log:
        command = [sys.executable, "-m", "sitebuild.lab", "reader", *options]
        server = subprocess.Popen(command, cwd=project, env=env, stdout=log, stderr=log)
        try:
            wait_for(lambda: "is running at" in (own / "log").read_text(), (own / "log").read_text)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(30)


@pytest.fixture(scope="module")
def page(chromium, lab):
    context = chromium.new_context(viewport=TALL)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.asked = set()
    page.on("request", lambda request: page.asked.add(request.url))
    yield page
    context.close()


ALL_TYPESET = """cells => {
  const prose = [...document.querySelectorAll('.jp-MarkdownCell')];
  return document.querySelectorAll('.jp-Notebook-cell').length === cells &&
    prose.every(cell => cell.querySelector('.jp-InputArea-editor.lm-mod-hidden') && cell.querySelector('.myst > *'));
}"""


def open_notebook(page, lab: str, project: Path, path: str) -> None:
    """Open a file in a fresh workspace and wait until every cell is there and every markdown cell is typeset."""
    notebook = project / "notebooks" / f"{Path(path).stem}.ipynb"
    cells = len(nbformat.read(notebook, as_version=4).cells)
    page.goto(f"{lab}/lab/tree/{path}?reset")
    page.locator(".jp-Notebook-cell").first.wait_for()
    page.wait_for_function(ALL_TYPESET, arg=cells)


def append_to(page, cell, text: str) -> None:
    """Type at the end of a cell as a person does, and save with Ctrl+S."""
    cell.scroll_into_view_if_needed()
    cell.locator(".jp-InputPrompt").click()
    page.keyboard.press("Enter")
    cell.locator(".cm-content:focus").wait_for()
    page.keyboard.press("Control+End")
    page.keyboard.type(text)
    page.keyboard.press("Control+s")


def changed_lines(project: Path) -> dict[str, list[str]]:
    """The added lines of each changed file, with proof that as many lines were removed."""
    found = {}
    for row in git(project, "diff", "--numstat").splitlines():
        added, removed, name = row.split("\t")
        assert added == removed, f"{name}: {added} lines added, {removed} removed"
        diff = git(project, "diff", "--unified=0", "--", name).splitlines()
        found[name] = [line[1:] for line in diff if line.startswith("+") and not line.startswith("+++")]
    return found


def test_lab_opens_at_the_first_chapter_and_asks_nobody_else(page, lab):
    page.goto(f"{lab}/")
    page.locator(".jp-Notebook-cell h1").first.wait_for()
    assert page.url.rstrip("?").endswith(f"/lab/tree/notebooks/{CHAPTERS[0]}.ipynb")
    assert page.locator(".jp-toast-button, .Toastify__toast").count() == 0, "no news, no question on opening"
    assert {url for url in page.asked if not url.startswith((lab, "data:", "blob:"))} == set()


def last_of_the_authors(project: Path, kind: str) -> int:
    """Which cell of its kind is the last that was not derived."""
    cells = nbformat.read(project / "notebooks" / "mine.ipynb", as_version=4).cells
    own = [not is_derived(cell) for cell in cells if cell.cell_type == kind.lower()]
    return max(number for number, is_own in enumerate(own) if is_own)


@pytest.mark.parametrize(("path", "kind"), [("notebooks/mine.ipynb", "Markdown"), ("book/mine.md", "Code")])
def test_saving_either_file_changes_the_edited_cell_alone(page, lab, project, path, kind):
    words = "  # edited by hand"
    open_notebook(page, lab, project, path)
    append_to(page, page.locator(f".jp-{kind}Cell").nth(last_of_the_authors(project, kind)), words)
    files = {"book/mine.md", "notebooks/mine.ipynb"}
    wait_for(lambda: all(words in (project / name).read_text() for name in files), lambda: "not saved")
    changed = changed_lines(project)
    assert set(changed) == files
    assert all(len(lines) == 1 and words in lines[0] for lines in changed.values()), changed
    assert git(project, "status", "--porcelain", "--untracked-files").count("\n") == 2
    # What was saved is what `make notebooks` would write; only the student's notebook does not know of it yet.
    assert [sentence.split()[0] for sentence in pairs.drift(project)] == ["student/mine.ipynb"]
    git(project, "checkout", "-q", ".")


READ_PROSE = """() => [...document.querySelectorAll('.jp-MarkdownCell .myst')].map(prose => {
  const copy = prose.cloneNode(true);
  copy.querySelectorAll('.katex, code').forEach(e => e.remove());
  return copy.textContent;
}).join('\\n')"""


def code_answers(project: Path, name: str) -> int:
    cells = nbformat.read(project / "notebooks" / f"{name}.ipynb", as_version=4).cells
    return sum(cell.cell_type == "code" and is_solution(cell) for cell in cells)


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter_reads_well(page, lab, project, name):
    open_notebook(page, lab, project, f"notebooks/{name}.ipynb")
    target = ROOT / "_build" / "lab" / f"{name}.png"  # to look at
    target.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=target)
    prose = page.evaluate(READ_PROSE)
    assert page.locator(".katex-error").count() == 0
    assert not re.findall(r".{0,40}\\[A-Za-z]+.{0,40}", prose), "TeX that is not typeset"
    assert not re.findall(r".{0,40}\{[a-z:]+\}`.{0,40}", prose), "a role that is not known"
    assert "Unknown Directive" not in prose
    assert "math:" not in prose, "the macro block is hidden"
    chapter = numbering(project, name).partition("enumerator: ")[2].partition(".")[0]
    for word in (f"Exercise {chapter}.1", "Hint 1", "Works cited", f"Figure\xa0{chapter}.2"):
        assert word in prose
    assert page.locator(".katex-display").count() > 0
    folds = page.locator("details", has=page.locator("summary", has_text="Answer"))
    assert folds.count() > 0
    assert folds.evaluate_all("all => all.every(fold => !fold.open)"), "an answer is open"
    assert page.locator(".jp-CodeCell .jp-InputPlaceholder").count() == code_answers(project, name), "collapsed"


def fetched(lab: str, path: str) -> tuple[int, str]:
    """What JupyterLab's own request for a file's content gets: the status, and the content as text."""
    try:
        with urllib.request.urlopen(
            f"{lab}/api/contents/{path}?type=notebook&content=1", timeout=PATIENCE / 1000
        ) as got:
            return got.status, got.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.parametrize("chapters", [-86400 * 365, -60, 0, 60], ids=["a year old", "a minute old", "new", "ahead"])
def test_what_was_just_derived_opens_whatever_its_dates(lab, project, chapters):
    source, words = project / "book" / "mine.md", "A sentence from an editor."
    source.write_text(source.read_text().rstrip() + f"\n\n{words}\n")
    date = time.time() + chapters
    os.utime(source, (date, date))
    os.utime(project / "notebooks" / "mine.ipynb", (date - 60, date - 60))
    subprocess.run([sys.executable, "-m", "chapters.pairs"], cwd=project, check=True, capture_output=True)
    for path in ("notebooks/mine.ipynb", "book/mine.md"):
        status, content = fetched(lab, path)
        assert status == 200, content
        assert words in content
    git(project, "checkout", "-q", ".")


def test_a_clone_opens_whatever_dates_its_files_have(lab, project):
    for name in CHAPTERS:
        os.utime(project / "notebooks" / f"{name}.ipynb", (time.time() + 3600,) * 2)
    assert fetched(lab, f"notebooks/{CHAPTERS[0]}.ipynb")[0] == 400, "jupytext no longer minds: this need not be cured"
    subprocess.run([sys.executable, "-m", "sitebuild.lab", "reader", "--version"], cwd=project, check=True)
    for name in CHAPTERS:
        assert fetched(lab, f"notebooks/{name}.ipynb")[0] == 200


def test_a_notebook_edited_elsewhere_is_not_thrown_away_in_silence(lab, project):
    path = project / "notebooks" / "mine.ipynb"
    notebook = nbformat.read(path, as_version=4)
    own = [cell for cell in notebook.cells if cell.metadata.get("editable", True)]
    own[-1].source += " Written elsewhere."
    nbformat.write(notebook, path)
    os.utime(path, (time.time() + 3600,) * 2)
    subprocess.run([sys.executable, "-m", "sitebuild.lab", "reader", "--version"], cwd=project, check=True)
    status, content = fetched(lab, "notebooks/mine.ipynb")
    assert (status, "is more recent than" in content) == (400, True)
    git(project, "checkout", "-q", ".")
