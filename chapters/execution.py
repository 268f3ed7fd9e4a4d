"""Execute the chapters once, side by side, and keep their outputs by content.

A page's key covers its code cells, the package modules that they import (directly or through one another), the
scripts and style sheets of the live figures among them, the stored results that it loads, the lock and the
Python version. Prose, captions and tags are not part of it, so
editing a sentence executes nothing.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import platform
import re
import tempfile
import time
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from traitlets.config import Config

from chapters.source import ROOT, read, tags

PACKAGE = ROOT / "mibook"
RESULTS = PACKAGE / "results.py"  # the folder beside it holds what it reads
CACHE = ROOT / ".cache" / "executed"
CELL_SECONDS = 600
START_SECONDS = 300
SKIP = "skip-execution"
SCRIPT = re.compile(r'"(?:\./)?(\w+\.(?:mjs|css))"')


class PageError(Exception):
    """A page failed to execute; the message names the page, the cell and the cause."""


@dataclass
class Executed:
    """What executing a page gave: the outputs of its code cells in order, and how long it took."""

    outputs: list[list[dict]]
    seconds: float
    widgets: dict
    when: float


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """The code cells in order, those for the lab alone included; the notebook's own, not copies."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def executed_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """The code cells that the build runs: all but those for the lab alone."""
    return [cell for cell in code_cells(notebook) if SKIP not in tags(cell)]


def _imported(source: str) -> set[str]:
    """The package's modules that a piece of source imports, dotted and without the package's name."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.removeprefix(f"{PACKAGE.name}.") for name in names if name.startswith(f"{PACKAGE.name}.")}


def _scripts(path: Path) -> set[Path]:
    """The files in `js/` beside a module whose names stand in it, and those that they name in turn."""
    found: set[Path] = set()
    waiting = [path]
    while waiting:
        names = SCRIPT.findall(waiting.pop().read_text(encoding="utf-8"))
        fresh = {path.parent / "js" / name for name in names} - found
        fresh = {script for script in fresh if script.exists()}
        found |= fresh
        waiting += fresh
    return found


def _results(sources: list[str]) -> set[Path]:
    """The stored results that the sources load by name: all that there are, unless every use is ``load("NAME")``."""
    used, names = 0, []
    for node in (node for source in sources for node in ast.walk(ast.parse(source))):
        match node:
            case ast.Name(id="load" | "FOLDER") | ast.Attribute(attr="load" | "FOLDER"):
                used += 1
            case ast.Attribute(value=ast.Name(id="results") | ast.Attribute(attr="results"), attr="path"):
                used += 1  # any other path is somebody else's
            case ast.alias(name="path") | ast.alias(name="load" | "results" | "mibook.results", asname=str()):
                used += 1
            case ast.Call(func=ast.Name(id="load") | ast.Attribute(attr="load"), args=[ast.Constant(value=str(name))]):
                names.append(name)
    stored = set(RESULTS.with_suffix("").glob("*.csv"))
    return {path for path in stored if path.stem in names} if names and used == len(names) else stored


def _package_files(sources: list[str]) -> list[Path]:
    """The package files that the given sources depend on, through any number of imports."""
    waiting: set[str] = set().union(*map(_imported, sources))
    found: set[Path] = set()
    while waiting:
        name = waiting.pop().replace(".", "/")
        for path in (PACKAGE / f"{name}.py", PACKAGE / name / "__init__.py"):
            if path.exists() and path not in found:
                found.add(path)
                waiting |= _imported(path.read_text(encoding="utf-8"))
    files = set(found)
    for path in found:
        files |= {folder / "__init__.py" for folder in path.parents if folder.is_relative_to(PACKAGE)}
        files |= _scripts(path)
    if PACKAGE / "plotting.py" in found:
        files |= set(PACKAGE.glob("*.mplstyle"))
    if RESULTS in found:
        files |= _results([*sources, *(path.read_text(encoding="utf-8") for path in found - {RESULTS})])
    return sorted(files)


def key(notebook: nbformat.NotebookNode) -> str:
    """The content key of a page: a change in anything that its outputs depend on changes it."""
    cells = [cell.source for cell in executed_cells(notebook)]
    plain = [TransformerManager().transform_cell(source) for source in cells]
    digest = hashlib.sha256(json.dumps([platform.python_version(), cells]).encode())
    for path in [*_package_files(plain), ROOT / "requirements.txt"]:
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _run(name: str, notebook: nbformat.NotebookNode, workdir: Path) -> tuple[nbformat.NotebookNode, float]:
    workdir.mkdir(parents=True, exist_ok=True)
    sockets = tempfile.TemporaryDirectory(prefix="kernel-")
    config = Config()
    if os.name == "posix":
        # Socket files instead of ports: nobody else can reach the kernel. Absolute, since it runs elsewhere.
        config.AsyncKernelManager = Config(transport="ipc", ip=f"{sockets.name}/socket")
    client = NotebookClient(
        notebook,
        config=config,
        kernel_name="python3",
        timeout=CELL_SECONDS,
        startup_timeout=START_SECONDS,
        resources={"metadata": {"path": str(workdir)}},
    )
    # Two chapters share two cores: one thread each is faster than both fighting over both.
    # TensorFlow's absence is tensorboard's own notice, not the page's.
    env = os.environ | {"OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    env["MIBOOK_EXPORT"] = "1"  # figures that train bring what a page needs to train without a kernel
    start = time.perf_counter()
    try:
        with sockets:
            client.execute(env=env)
    except CellExecutionError as error:
        cell = _failed_cell(notebook)
        raise PageError(f"book/{name}.md: code cell {cell} failed.\n{error}") from None
    except CellTimeoutError:
        raise PageError(f"book/{name}.md: a cell ran for over {CELL_SECONDS} s; make it shorter.") from None
    except DeadKernelError:
        raise PageError(f"book/{name}.md: the kernel died; most often the memory ran out.") from None
    except RuntimeError as error:  # nbclient's word for a kernel that was started and never answered
        raise PageError(f"book/{name}.md: the kernel did not start. {error}.") from None
    return notebook, time.perf_counter() - start


def _failed_cell(notebook: nbformat.NotebookNode) -> int:
    for index, cell in enumerate(code_cells(notebook), 1):
        if any(output.output_type == "error" for output in cell.outputs):
            return index
    return 0


def _refuse_stderr(name: str, notebook: nbformat.NotebookNode) -> None:
    for index, cell in enumerate(code_cells(notebook), 1):
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stderr":
                raise PageError(
                    f"book/{name}.md: code cell {index} wrote to stderr, which a finished page must not:\n"
                    f"{output.text.strip()}"
                )


def _execute(path: Path) -> tuple[Path, float]:
    """Execute one page in this process and store what came out; return its path and the seconds."""
    notebook, target = read(path), _target(path)
    executed, seconds = _run(path.stem, notebook, ROOT / ".cache" / "run" / path.stem)
    _refuse_stderr(path.stem, executed)
    outputs = [[dict(output) for output in cell.outputs] for cell in executed_cells(executed)]
    record = {"outputs": outputs, "seconds": seconds, "widgets": executed.metadata.get("widgets", {})}
    record["when"] = time.time()
    CACHE.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    partial.write_text(json.dumps(record), encoding="utf-8")
    partial.replace(target)  # an interrupted run leaves no half-written outputs behind
    for stale in CACHE.glob(f"{path.stem}-*.json"):
        if stale != target:
            stale.unlink()
    return path, seconds


def _target(path: Path) -> Path:
    """Where the outputs of a page as it is now are stored."""
    return CACHE / f"{path.stem}-{key(read(path))}.json"


def _load(target: Path) -> Executed:
    record = json.loads(target.read_text(encoding="utf-8"))
    return Executed(record["outputs"], record["seconds"], record["widgets"], record["when"])


def execute(paths: list[Path]) -> dict[Path, Executed]:
    """Return the outputs of every page, executing those whose content changed; raise PageError if any fails."""
    targets = {path: _target(path) for path in paths}
    waiting = [path for path, target in targets.items() if not target.exists()]
    if waiting:
        _execute_all(waiting, len(paths))
    return {path: _load(target) for path, target in targets.items()}


def _execute_all(waiting: list[Path], of: int) -> None:
    """Execute pages in parallel and store what came out; raise PageError if any fails."""
    print(f"Executing {len(waiting)} of {of} pages: {', '.join(p.stem for p in waiting)}.")
    failures = []
    # The page with the most code is likely the longest; starting it first keeps both cores busy to the end.
    waiting.sort(key=lambda path: -path.stat().st_size)
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        jobs: dict[Future, Path] = {pool.submit(_execute, path): path for path in waiting}
        for job in as_completed(jobs):
            try:
                path, seconds = job.result()
            except (PageError, BrokenProcessPool) as error:
                ended = "its process, or one beside it, was ended; most often the memory ran out."
                failures.append(str(error) if isinstance(error, PageError) else f"book/{jobs[job].name}: {ended}")
                print(f"  {jobs[job].stem}: failed")
            else:
                print(f"  {path.stem}: {seconds:.0f} s")
    if failures:
        raise PageError("\n\n".join(failures))


def with_outputs(notebook: nbformat.NotebookNode, executed: Executed) -> nbformat.NotebookNode:
    """Put the stored outputs into the code cells of a page, in order."""
    cells = executed_cells(notebook)
    for count, (cell, outputs) in enumerate(zip(cells, executed.outputs, strict=True), 1):
        cell.outputs = [nbformat.from_dict(output) for output in outputs]
        cell.execution_count = count
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
    if executed.widgets:
        notebook.metadata["widgets"] = executed.widgets
    return notebook
