"""Derive from `book/*.md` the macro block of each page and the notebooks of both editions.

    python -m chapters.pairs            # write what differs
    python -m chapters.pairs --check    # one sentence for each file that differs, exit status 1

A chapter's text is kept in the form in which jupytext writes it, so that a save in JupyterLab changes the
edited cell and nothing else.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path

import jupytext
import nbformat
from jupytext.config import load_jupytext_config
from nbformat import NotebookNode
from nbgrader.utils import is_solution

from chapters import editions
from chapters.editions import FOLDERS
from chapters.shown import numbering, plain, shown
from chapters.source import BOOK, ROOT

TEXT = "md:myst"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
SECONDS_OF_ONE_SAVE = 2
FENCE, BLOCK_OPENS = "```", "```yaml\nmath:\n"


def derived(root: Path = ROOT) -> dict[Path, str]:
    """Every derived file and the text that it should hold; raise ValueError where that cannot be made."""
    files: dict[Path, str] = {}
    macros = (root / BOOK.name / "macros.yml").read_text(encoding="utf-8")
    for source in sorted((root / BOOK.name).glob("*.md")):
        try:
            files |= _derived_from(source, macros, root)
        except ValueError as error:
            raise ValueError(f"{source.relative_to(root)}: {error}") from None
    return files


def _derived_from(source: Path, macros: str, root: Path) -> dict[Path, str]:
    block = macro_block(macros, numbering(root, source.stem))
    text = with_macros(source.read_text(encoding="utf-8"), block)
    notebook = jupytext.reads(text, fmt=TEXT)
    if not any(cell.cell_type == "code" for cell in notebook.cells):
        editions.refuse_without_code(notebook)
        return {source: text}
    text = canonical(notebook)
    target = _notebook(source, root)
    paired = pair(text, target)
    return {
        source: text,
        target: jupytext.writes(paired, fmt="ipynb") + "\n",
        root / FOLDERS["student"] / target.name: student_text(plain(paired)),
    }


def _notebook(source: Path, root: Path) -> Path:
    """The reader's notebook of a chapter: the other file of the pair."""
    return root / FOLDERS["reader"] / f"{source.stem}.ipynb"


@cache
def _config():
    return load_jupytext_config(str(ROOT / "book" / "any.md"))


def macro_block(macros: str, numbers: str = "") -> str:
    """The macros, and how numbers begin, as the fenced block that JupyterLab takes for a notebook's front matter."""
    lines = [line for line in macros.splitlines() if line.strip() and not line.startswith("#")]
    return BLOCK_OPENS + "".join(f"  {line}\n" for line in lines) + numbers + FENCE + "\n"


def with_macros(text: str, block: str) -> str:
    """Put the macro block first after the header, in place of the one that is there."""
    header = ""
    if text.startswith("---\n"):
        end = _behind("\n---\n", text, 3, "the header has no closing ---.")
        header, text = text[:end] + "\n", text[end:]
    text = text.lstrip("\n")
    if text.startswith(BLOCK_OPENS):
        end = _behind(f"\n{FENCE}\n", text, len(BLOCK_OPENS) - 1, f"the macro block has no closing {FENCE}.")
        text = text[end:].lstrip("\n")
    return f"{header}{block}\n{text}"


def _behind(mark: str, text: str, start: int, fault: str) -> int:
    """The place in the text behind the first mark from ``start`` on; raise ValueError with the fault if it has none."""
    at = text.find(mark, start)
    if at < 0:
        raise ValueError(fault)
    return at + len(mark)


def canonical(notebook: NotebookNode) -> str:
    """The text of a chapter in the one form that survives a save in JupyterLab byte by byte.

    Metadata is sorted, as notebook files are; a caption's line breaks go, as YAML's block form is not kept.
    """
    notebook = plain(notebook)
    notebook.metadata["kernelspec"] = KERNEL
    notebook.metadata.setdefault("jupytext", {})["default_lexer"] = "ipython3"
    for cell in notebook.cells:
        if cell.cell_type == "code" and is_solution(cell):
            cell.metadata["jupyter"] = {"source_hidden": True}  # folds the answer in JupyterLab
        cell.metadata = nbformat.from_dict(_sorted(cell.metadata))
    return jupytext.writes(notebook, fmt=TEXT, config=_config())


def _sorted(value):
    """Sort the keys of nested mappings and let no text in them keep line breaks within a paragraph."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    if isinstance(value, str):
        return "\n\n".join(" ".join(paragraph.split()) for paragraph in value.strip().split("\n\n"))
    return value


def as_shown(text: str) -> str:
    """A chapter's text with what its notebook shows besides; `canonical` takes it away again."""
    notebook = jupytext.reads(text, fmt=TEXT, config=_config())
    if not any(cell.cell_type == "code" for cell in notebook.cells):
        return text
    return jupytext.writes(shown(notebook), fmt=TEXT, config=_config())


def as_kept(text: str) -> str:
    """A chapter's text without what its notebook shows besides."""
    notebook = jupytext.reads(text, fmt=TEXT, config=_config())
    return canonical(notebook) if any(cell.cell_type == "code" for cell in notebook.cells) else text


def pair(text: str, target: Path) -> NotebookNode:
    """The notebook of a chapter as it is shown, without outputs, its cells named as in the notebook that is there."""
    notebook = shown(jupytext.reads(text, fmt=TEXT, config=_config()))
    known = nbformat.read(target, as_version=4).cells if target.exists() else []
    _name_cells(notebook.cells, known)
    return notebook


def _name_cells(cells: list[NotebookNode], known: list[NotebookNode], taken: Iterable[str] = ()) -> None:
    """Give each cell a lasting id: that of the same cell in ``known``, else one made from its content.

    A cell that was rewritten in its place, between cells that stayed, keeps its id too.
    """

    def content(cell):
        return cell.cell_type, cell.source

    for cell in cells:
        cell["id"] = ""
    matcher = SequenceMatcher(None, list(map(content, known)), list(map(content, cells)), autojunk=False)
    for _, before, before_end, after, after_end in matcher.get_opcodes():
        if before_end - before == after_end - after:
            for old, new in zip(known[before:before_end], cells[after:after_end], strict=True):
                if old.cell_type == new.cell_type:
                    new["id"] = old.get("id", "")
    taken = {cell.id for cell in cells} | set(taken)
    for cell in cells:
        turn = 0
        while not cell.id:
            digest = hashlib.sha256(repr((*content(cell), turn)).encode()).hexdigest()[:8]
            cell["id"] = "" if digest in taken else digest
            turn += 1
        taken.add(cell.id)


def student_text(notebook: NotebookNode) -> str:
    """The student's notebook as a file; it is not paired, so nothing in it points back to the chapter."""
    notebook = shown(editions.student(notebook))
    _name_cells([cell for cell in notebook.cells if not cell.id], [], {cell.id for cell in notebook.cells})
    notebook.metadata.pop("jupytext", None)
    return nbformat.writes(notebook) + "\n"


def drift(root: Path = ROOT) -> list[str]:
    """One sentence for each derived file that is not what its source says."""
    files = derived(root)
    return [
        f"{path.relative_to(root)} is not what its source says: run `make notebooks`."
        for path, text in files.items()
        if _read(path) != text
    ] + orphans(files, root)


def orphans(files: dict[Path, str], root: Path = ROOT) -> list[str]:
    """One sentence for each notebook whose chapter is gone."""
    found = [path for folder in FOLDERS.values() for path in sorted((root / folder).glob("*.ipynb"))]
    return [
        f"{path.relative_to(root)} has no chapter with code in book/: remove it, if nobody needs it."
        for path in found
        if path not in files
    ]


def write(root: Path = ROOT) -> list[Path]:
    """Write every derived file that differs; return their paths; raise ValueError before an edit is lost."""
    files = derived(root)
    for source in (path for path in files if path.suffix == ".md"):
        _refuse_to_lose_edits(source, _notebook(source, root))
    changed = [path for path, text in files.items() if _read(path) != text]
    for path in changed:
        path.parent.mkdir(exist_ok=True)
        path.write_text(files[path], encoding="utf-8")
    let_open(root)
    return changed


def let_open(root: Path = ROOT) -> None:
    """Give each notebook that is newer than its chapter, and says the same, the chapter's date.

    jupytext never finds such a pair equal, since only the notebook holds the filter of its metadata. Where the
    notebook is newer by more than a second it opens neither, for fear that an edit of the notebook be lost.
    """
    for source in sorted((root / BOOK.name).glob("*.md")):
        notebook, date = _notebook(source, root), source.stat().st_mtime_ns
        if notebook.exists() and notebook.stat().st_mtime_ns > date and _say_the_same(source, notebook):
            os.utime(notebook, ns=(date, date))


def _refuse_to_lose_edits(source: Path, notebook: Path) -> None:
    """Raise ValueError if the notebook was edited after its chapter by a program that ignores the pair."""
    if not notebook.exists() or notebook.stat().st_mtime <= source.stat().st_mtime + SECONDS_OF_ONE_SAVE:
        return
    if not _say_the_same(source, notebook):
        raise ValueError(
            f"notebooks/{notebook.name} was edited after book/{source.name} and says something else. "
            "Put the edit into the chapter, then remove the notebook and run the command again."
        )


def _say_the_same(source: Path, notebook: Path) -> bool:
    """Whether a chapter and its notebook have the same cells, whatever outputs the notebook holds."""
    texts = [canonical(jupytext.read(path, fmt=fmt)) for path, fmt in ((source, TEXT), (notebook, "ipynb"))]
    return texts[0] == texts[1]


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def main(arguments: list[str]) -> int:
    try:
        if arguments == ["--check"]:
            sentences = drift()
            print("\n".join(sentences) or "All notebooks are what their chapters say.")
            return 1 if sentences else 0
        if arguments:
            print("The only option is --check.", file=sys.stderr)
            return 2
        for path in write():
            print(path.relative_to(ROOT))
        print(*orphans(derived()), sep="\n", end="")
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
