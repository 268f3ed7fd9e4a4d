"""Build one edition of the site: execute once, filter, stage, and let Jupyter Book build strictly.

python -m sitebuild.build reader     # answers folded            -> _build/site
python -m sitebuild.build student    # no answer, no hidden test -> _build/site-student
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import yaml

from chapters import editions
from chapters.execution import Executed, PageError, code_cells, execute, with_outputs
from chapters.source import ROOT, pages, read

BUILD = ROOT / "_build"
EDITIONS = {"reader": editions.reader, "student": editions.student}
COPIED = ["images", "references.bib", "_toc.yml"]


def site(name: str) -> Path:
    """Where the finished site of an edition lies."""
    return BUILD / ("site" if name == "reader" else f"site-{name}")


def _write(path: Path, text: str) -> None:
    """Write a file only if that changes it: Sphinx rereads what has a newer date."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        for child in source.iterdir():
            _copy(child, target / child.name)
    elif source.suffix != ".py" and (not target.exists() or source.read_bytes() != target.read_bytes()):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def fold_setup(notebook: nbformat.NotebookNode) -> None:
    """Fold the set-up of a page, its first cell of definitions, under one line that says how long it is."""
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "code" and "definition" in tags:
            if "hide-input" not in tags:
                lines = len(cell.source.splitlines())
                cell.metadata["tags"] = [*tags, "hide-input"]
                cell.metadata["mystnb"] = cell.metadata.get("mystnb", {}) | {
                    "code_prompt_show": f"Set-up: {lines} lines",
                    "code_prompt_hide": "Hide the set-up",
                }
            return


def staged_page(path: Path, executed: Executed | None, name: str) -> tuple[str, str]:
    """The file name and text of a page as Jupyter Book gets it: executed, filtered, without pairing metadata."""
    if executed is None:
        try:
            editions.refuse_without_code(read(path))
        except ValueError as error:
            raise ValueError(f"book/{path.name}: {error}") from None
        return path.name, path.read_text(encoding="utf-8")
    notebook = EDITIONS[name](with_outputs(read(path), executed))
    fold_setup(notebook)
    notebook.metadata.pop("jupytext", None)
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"{path.stem}-{number}"[:64]
    return path.with_suffix(".ipynb").name, nbformat.writes(notebook)


def fingerprint() -> str:
    """A digest of what makes a site besides its pages: Sphinx rereads everything when it changes."""
    files = [path for path in (ROOT / "sitebuild").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    digest = hashlib.sha256()
    for path in [*sorted(files), ROOT / "book" / "macros.yml", ROOT / "requirements.txt", ROOT / "package-lock.json"]:
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()[:16]


def configuration(name: str) -> str:
    """`_config.yml` for a staged tree: nothing is executed, and the edition is known."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    config["execute"] = {"execute_notebooks": "off"}
    config["sphinx"]["config"] |= {"book_edition": name, "book_fingerprint": fingerprint()}
    return yaml.safe_dump(config, sort_keys=False)


def stage(name: str) -> Path:
    """Execute what changed and write the tree that Jupyter Book builds; return its folder."""
    paths = pages()
    executed = execute([path for path in paths if code_cells(read(path))])
    folder = BUILD / "stage" / name
    wanted = set()
    for path in paths:
        file, text = staged_page(path, executed.get(path), name)
        wanted.add(folder / "book" / file)
        _write(folder / "book" / file, text)
    for stale in set((folder / "book").glob("*")) - wanted:
        stale.unlink()
    for item in COPIED:
        _copy(ROOT / item, folder / item)
    _write(folder / "_config.yml", configuration(name))
    record = {f"book/{p.stem}": {"seconds": e.seconds, "when": e.when} for p, e in executed.items()}
    _write(folder / "execution.json", json.dumps(record, sort_keys=True))
    return folder


def build(name: str) -> Path:
    """Build an edition strictly and put it in place; raise SystemExit if Sphinx warns of anything."""
    folder, work = stage(name), BUILD / "work" / name
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(folder)]
    command += ["--path-output", str(work), "-W", "-n", "--keep-going", "--quiet"]
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if run.returncode:
        # Warnings are not repeated for pages that Sphinx has read: the next run must read them all again.
        shutil.rmtree(work, ignore_errors=True)
        print(run.stdout, file=sys.stderr)
        raise SystemExit(f"The {name} edition was not built: mend the warnings above and run the command again.")
    target, fresh = site(name), site(name).with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(work / "_build" / "html", fresh, ignore=shutil.ignore_patterns(".buildinfo", "*.map"))
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    return target


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in EDITIONS:
        print(f"Name one edition: {' or '.join(EDITIONS)}.", file=sys.stderr)
        return 2
    try:
        target = build(arguments[0])
    except (PageError, ValueError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    edition = "" if arguments[0] == "reader" else f" EDITION={arguments[0]}"
    print(f"The {arguments[0]} edition is in {target.relative_to(ROOT)}: open {target / 'index.html'}")
    print(f"Its figures answer there, but train only from a server: run `make serve{edition}` for that.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
