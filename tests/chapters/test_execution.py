"""Executing pages: what is run again and what is not, and what a failing page says."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chapters.source import ROOT

pytestmark = pytest.mark.costly

PAGE = """---
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# {title}

Prose.

```{{code-cell}} ipython3
{code}
```
"""


class Project:
    """A small copy of the project with pages of its own, driven by the commands that a user runs."""

    def __init__(self, folder: Path):
        self.folder = folder
        for name in ("chapters", "sitebuild", "mibook"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("_config.yml", "references.bib", "requirements.txt"):
            shutil.copy(ROOT / name, folder)
        (folder / "book").mkdir()
        shutil.copy(ROOT / "book" / "macros.yml", folder / "book")
        (folder / "images").mkdir()
        shutil.copy(ROOT / "images" / "logo.svg", folder / "images")
        (folder / "node_modules").symlink_to(ROOT / "node_modules")
        self.names = []

    def page(self, name: str, code: str, title: str = "A page") -> Path:
        path = self.folder / "book" / f"{name}.md"
        path.write_text(PAGE.format(title=title, code=code), encoding="utf-8")
        if name not in self.names:
            self.names.append(name)
            root, *chapters = self.names
            toc = f"format: jb-book\nroot: book/{root}\n"
            if chapters:
                toc += "parts:\n  - chapters:\n" + "".join(f"      - file: book/{c}\n" for c in chapters)
            (self.folder / "_toc.yml").write_text(toc, encoding="utf-8")
        return path

    def run(self, module: str, *arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", f"sitebuild.{module}", *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True)

    def executed(self) -> set[str]:
        """Execute what needs it; return the names of the pages that were run."""
        code = "from chapters.execution import execute; from chapters.source import pages; execute(pages())"
        run = subprocess.run([sys.executable, "-c", code], cwd=self.folder, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        return {line.split(":")[0].strip() for line in run.stdout.splitlines() if line.startswith("  ")}


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def test_only_what_changed_is_executed_again(project):
    project.page("plain", "print(1)")
    project.page("uses-samples", "from mibook.samples import Gaussian\nprint(Gaussian(0.5).mutual_information)")
    project.page("uses-results", "import mibook.results\nprint(len(str(mibook.results.FOLDER)) > 0)")
    project.page("loads-one", "from mibook import results\nprint(len(results.load('drift')))")
    project.page("uses-figure", "from mibook.live.bound import DonskerVaradhan\nDonskerVaradhan().divergence")
    assert project.executed() == {"plain", "uses-samples", "uses-results", "loads-one", "uses-figure"}
    assert project.executed() == set()

    project.page("plain", "print(1)", title="Another title")
    assert project.executed() == set(), "editing prose must execute nothing"

    module = project.folder / "mibook" / "samples.py"
    module.write_text(module.read_text(encoding="utf-8") + "\n# a change\n", encoding="utf-8")
    assert project.executed() == {"uses-samples"}, "a change in a module concerns the pages that import it"

    (project.folder / "mibook" / "results" / "study.csv").write_text("n\n1\n", encoding="utf-8")
    assert project.executed() == {"uses-results"}, "it loads no result by name, so it may read this one"
    drift = project.folder / "mibook" / "results" / "drift.csv"
    drift.write_text(drift.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert project.executed() == {"uses-results", "loads-one"}

    project.page("plain", "print(2)")
    assert project.executed() == {"plain"}

    for name in ("base.py", "js/bound.mjs", "js/maths.mjs", "js/figure.css"):
        part = project.folder / "mibook" / "live" / name
        part.write_text(part.read_text(encoding="utf-8") + "\n", encoding="utf-8")
        assert project.executed() == {"uses-figure"}, f"the page of a live figure depends on {name}"
    other = project.folder / "mibook" / "live" / "js" / "descent.mjs"
    other.write_text(other.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert project.executed() == set(), "another figure's module does not concern the page"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("x = 1\n```\n\n```{code-cell} ipython3\n1 / 0", ["book/bad.md", "code cell 2", "ZeroDivisionError"]),
        ("import sys\nprint('oh', file=sys.stderr)", ["book/bad.md", "code cell 1", "stderr", "oh"]),
    ],
    ids=["error", "stderr"],
)
def test_failing_page_is_named_with_its_cell(project, code, said):
    project.page("good", "print(1)")
    project.page("bad", code)
    run = project.run("build", "reader")
    assert run.returncode == 1
    for words in said:
        assert words in run.stderr
    assert not (project.folder / "_build" / "site").exists()
    assert len(list((project.folder / ".cache" / "executed").glob("good-*.json"))) == 1, "what worked is kept"


FAULTS = """import matplotlib.pyplot as plt
plt.plot([1, 2]);
```

See {prf:ref}`nowhere` and {cite}`nobody`.

```{code-cell} ipython3
print(2)"""


def test_strict_build_refuses_and_goes_on_refusing(project):
    project.page("index", FAULTS)
    for _ in range(2):  # Sphinx does not repeat the warnings of pages it has read: the second run must not pass
        run = project.run("build", "reader")
        assert run.returncode == 1, run.stdout
        for said in ("alt text", "nowhere", "nobody"):
            assert said in run.stderr
