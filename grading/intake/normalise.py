"""From what a student handed in to a notebook that can be graded: the released one, with the student's sources.

Nothing else is taken over. Metadata, tags, outputs, points, the order of the given cells and their text come from the
release, so no edit of them has an effect, and no slip does harm. What was noticed on the way is kept for the
audit: as a note if it is an honest slip, as tampering if a test was changed or removed.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell
from nbgrader.utils import is_grade, is_solution

from grading.files import sha256, write
from grading.record import Note, NoteKind, notes_from_json
from grading.text import one_line

LARGEST = 20 << 20  # bytes of one notebook
LARGEST_IN_ALL = 60 << 20  # bytes of a submission
MOST_FILES = 200  # files and folders looked at in one submission
DEEPEST_FOLDER = 20
MOST_CELLS = 5000
LONGEST_CELL = 1 << 20  # characters
MOST_FREE_CELLS = 500
TIMESTAMP = "timestamp.txt"
LONGEST_TIME = 100  # bytes
# A number or a name after the time is its zone. Of other text the reader of dates would take a path for the file of a
# zone, and open it.
TIME = re.compile(r"[\d\-:. T+Z]+( [A-Za-z]{1,5})?", re.ASCII)


class UnreadableError(Exception):
    """A file that can't be graded, with the reason in one sentence."""


class Cell(NamedTuple):
    """All that is taken from a submitted cell."""

    kind: str  # "code", "markdown", "raw"
    source: str
    grade_id: str  # as the submission says; "" if it says none
    id: str


# --- reading ---------------------------------------------------------------------------------------------------


def fetch(path: Path, largest: int = LARGEST) -> bytes:
    """The content of a plain file of moderate size; raise UnreadableError for links, devices and giants."""
    try:
        # Neither follow a link nor wait for a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        what = "is a link, and links are not followed" if path.is_symlink() else f"can't be opened ({error.strerror})"
        raise UnreadableError(f"{path.name} {what}.") from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableError(f"{path.name} is not a plain file.")
        if status.st_size > largest:
            raise UnreadableError(f"{path.name} is larger than {_size(largest)}.")
        content = file.read(largest + 1)
    if len(content) > largest:
        raise UnreadableError(f"{path.name} is larger than {_size(largest)}.")
    return content


def _size(number: int) -> str:
    return f"{number >> 20} MiB" if number >= 1 << 20 else f"{number} bytes"


def collect(folder: Path, data_files: Iterable[str] = ()) -> tuple[dict[str, bytes], list[Note]]:
    """The notebooks, the listed data files and the time of a submission, by their path inside its folder.

    Nothing else is read. Links to folders are not entered.
    """
    files, notes, seen, size = {}, [], 0, 0
    data_files = set(data_files)
    if folder.is_symlink():
        return files, [Note(NoteKind.UNREADABLE, f"{folder.name} is a link, and links are not followed.")]
    for place, folders, names in os.walk(folder):
        if seen > MOST_FILES:
            return files, [
                *notes,
                Note(NoteKind.SLIP, f"Only the first {MOST_FILES} files and folders were looked at."),
            ]
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        notes += [Note(NoteKind.SLIP, f"{one_line(name)} is a link to a folder and was left out.") for name in links]
        folders[:] = sorted(set(folders) - {".ipynb_checkpoints", "__pycache__", "__MACOSX"} - set(links))
        seen += 1
        if folders and len(Path(place).relative_to(folder).parts) >= DEEPEST_FOLDER:
            notes.append(Note(NoteKind.SLIP, f"Folders more than {DEEPEST_FOLDER} deep were left out."))
            folders.clear()
        for name in sorted(names):
            path = Path(place) / name
            inside = str(path.relative_to(folder))
            seen += 1
            if seen > MOST_FILES:
                return files, [
                    *notes,
                    Note(NoteKind.SLIP, f"Only the first {MOST_FILES} files and folders were looked at."),
                ]
            wanted = name.lower().endswith(".ipynb") and not name.startswith("._")
            if not (wanted or inside in data_files or inside == TIMESTAMP):
                notes.append(Note(NoteKind.SLIP, f"{one_line(inside)} is not part of the assignment and was left out."))
                continue
            try:
                content = fetch(path, LONGEST_TIME if inside == TIMESTAMP else LARGEST)
            except UnreadableError as error:
                notes.append(Note(NoteKind.UNREADABLE if wanted else NoteKind.SLIP, one_line(str(error))))
                continue
            size += len(content)
            if size > LARGEST_IN_ALL:
                most = f"{LARGEST_IN_ALL >> 20} MiB"
                return files, [*notes, Note(NoteKind.SLIP, f"Only the first {most} of the submission were looked at.")]
            files[inside] = content
    return files, notes


def decode(content: bytes) -> str:
    """The text of a file in UTF-8, with or without its mark, or in UTF-16 or UTF-32 with theirs."""
    marks = {b"\xff\xfe\x00\x00": "utf-32", b"\x00\x00\xfe\xff": "utf-32"}
    marks |= {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
    for mark, encoding in marks.items():
        if content.startswith(mark):
            return content.decode(encoding)
    if content[:1] == b"\x00" or content[1:2] == b"\x00":  # UTF-16 without a mark: every other byte of "{" is zero
        return content.decode("utf-16-be" if content[:1] == b"\x00" else "utf-16-le")
    return content.decode("utf-8")


def cells(content: bytes) -> list[Cell]:
    """The cells of a notebook of any format; raise UnreadableError, with the reason, if it is none."""
    try:
        data = json.loads(decode(content))
    except UnicodeDecodeError:
        raise UnreadableError("The file is not text in UTF-8 or UTF-16.") from None
    except RecursionError:
        raise UnreadableError("The file is nested too deeply to be a notebook.") from None
    except ValueError as error:
        raise UnreadableError(f"The file is not a notebook: {one_line(str(error))}.") from None
    if not isinstance(data, dict):
        raise UnreadableError("The file is JSON, but not a notebook.")
    found = data.get("cells")
    if not isinstance(found, list):  # format 3 and older keep cells in worksheets
        sheets = data.get("worksheets")
        sheets = [sheet for sheet in sheets if isinstance(sheet, dict)] if isinstance(sheets, list) else []
        lists = [sheet.get("cells") for sheet in sheets]
        if not any(isinstance(cells, list) for cells in lists):
            raise UnreadableError("The file is JSON, but holds no notebook cells.")
        found = [cell for cells in lists if isinstance(cells, list) for cell in cells]
    if len(found) > MOST_CELLS:
        raise UnreadableError(f"The notebook has {len(found)} cells, and at most {MOST_CELLS} are read.")
    made = [_cell(cell) for cell in found if isinstance(cell, dict)]
    if any(len(cell.source) > LONGEST_CELL for cell in made):
        raise UnreadableError(f"A cell has more than {LONGEST_CELL:,} characters: hand in data as a file.")
    return made


def _cell(cell: dict) -> Cell:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    if not isinstance(source, str):
        source = ""
    kind = cell.get("cell_type")
    if kind == "heading":
        kind, source = "markdown", f"## {source}"
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else ""
    name = cell.get("id")
    return Cell(
        kind if kind in ("markdown", "raw") else "code",
        _text(source),
        grade_id if isinstance(grade_id, str) else "",
        name if isinstance(name, str) else "",
    )


def _text(source: str) -> str:
    """A source with the line ends of notebooks and without half characters, which no file can hold."""
    return source.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode("utf-8")


# --- rebuilding ------------------------------------------------------------------------------------------------


def rebuild(released: NotebookNode, submitted: list[Cell]) -> tuple[NotebookNode, list[Note]]:
    """The released notebook with the student's solutions in their cells, and the student's own cells in place.

    Of several cells with one name the last changed one is the answer; other changed ones run before it, since
    a cell that was split has parts with one name. A given cell that is missing is put back, before the student's
    own cells at its place if it is for an answer: an answer may stand in one of them.
    """
    known = {cell.metadata.nbgrader["grade_id"]: cell for cell in released.cells}
    submitted = [_named(cell, known) for cell in submitted]
    copies: dict[str, list[int]] = {}
    for place, cell in enumerate(submitted):
        if cell.grade_id:
            copies.setdefault(cell.grade_id, []).append(place)
    chosen, free, notes = {}, {"": []}, []
    for name, places in copies.items():
        changed = [place for place in places if _differs(submitted[place].source, known[name].source)]
        chosen[name] = (changed or places)[-1]
        if is_solution(known[name]):
            if len(places) > 1:
                notes.append(
                    Note(NoteKind.SLIP, f"Cell {name} occurs {len(places)} times; the last changed one counts.")
                )
            if submitted[chosen[name]].kind != known[name].cell_type:
                notes.append(Note(NoteKind.SLIP, f"Cell {name} was of another type and was changed back."))
        elif changed:
            notes.append(_altered(known[name], "changed"))
        elif len(places) > 1:
            notes.append(Note(NoteKind.SLIP, f"The given cell {name} occurs {len(places)} times and is used once."))
    # A student's own cell belongs after the given cell that it follows.
    after, own = "", 0
    for place, cell in enumerate(submitted):
        spare = cell.grade_id and is_solution(known[cell.grade_id]) and place != chosen[cell.grade_id]
        if spare and not _differs(cell.source, known[cell.grade_id].source):
            continue
        if spare or not cell.grade_id:
            own += 1
            if own <= MOST_FREE_CELLS:
                free.setdefault(after, []).append(cell)
            if spare:
                continue
        else:
            after = cell.grade_id
    if own > MOST_FREE_CELLS:
        notes.append(Note(NoteKind.SLIP, f"Of {own} cells of the student's own the first {MOST_FREE_CELLS} are kept."))
    order = [name for name in known if name in chosen]
    if order != sorted(order, key=lambda name: chosen[name]):
        notes.append(Note(NoteKind.SLIP, "The given cells were put back into their order."))

    notebook = deepcopy(released)
    notebook.cells, waiting = [], list(free.pop(""))
    for released_cell in released.cells:
        cell = deepcopy(released_cell)
        name = cell.metadata.nbgrader["grade_id"]
        if name not in chosen:
            notes.append(_altered(cell, "missing"))
        elif is_solution(cell):
            cell.source = submitted[chosen[name]].source
        if name in chosen or not is_solution(cell):
            notebook.cells += _own(waiting, len(notebook.cells))
            waiting = []
        notebook.cells.append(cell)
        waiting += free.get(name, [])
    notebook.cells += _own(waiting, len(notebook.cells))
    return notebook, notes


def _named(cell: Cell, known: dict[str, NotebookNode]) -> Cell:
    """A submitted cell with the name of the given cell that it is, or none.

    Some programs drop metadata but keep the cell's id, which in the release is its name.
    """
    if cell.grade_id in known:
        return cell
    return cell._replace(grade_id=cell.id if not cell.grade_id and cell.id in known else "")


def _differs(mine: str, theirs: str) -> bool:
    """Whether two sources differ in more than blanks at the ends of lines and of the cell."""
    return [line.rstrip() for line in mine.strip().split("\n")] != [
        line.rstrip() for line in theirs.strip().split("\n")
    ]


def _altered(cell: NotebookNode, what: str) -> Note:
    name = cell.metadata.nbgrader["grade_id"]
    if is_grade(cell) and not is_solution(cell):
        return Note(NoteKind.TAMPERED, f"The test {name} was {what} and has been restored.")
    return Note(NoteKind.SLIP, f"The cell {name} was {what} and has been restored.")


def _own(found: list[Cell], place: int) -> list[NotebookNode]:
    make = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}
    return [make[cell.kind](cell.source, id=f"own-{place}-{number}") for number, cell in enumerate(found)]


def match(files: dict[str, bytes], released: dict[str, NotebookNode]) -> tuple[dict[str, list[Cell]], list[Note]]:
    """Which submitted file is which released notebook, under whatever name it came.

    A file belongs to the notebook whose given cells it holds, or whose name it has. Of several, the one with
    more answers counts; then the one under the right name.
    """
    readable: dict[str, list[tuple[tuple, str, list[Cell]]]] = {}
    notes, broken = [], {}
    for path, content in files.items():
        stem = re.split(r"[ (]|-Copy|_copy", Path(path).stem, maxsplit=1)[0]
        try:
            found = cells(content)
        except UnreadableError as error:
            broken[path] = str(error)
            continue
        shared = {name: _overlap(found, notebook) for name, notebook in released.items()}
        target = max(shared, key=lambda name: (shared[name], f"{stem}.ipynb" == name))
        if not shared[target]:
            target = next((name for name in released if Path(name).stem.lower() in Path(path).stem.lower()), None)
        if target is None:
            notes.append(
                Note(NoteKind.SLIP, f"{one_line(path)} belongs to no notebook of this assignment and was left out.")
            )
            continue
        rank = (_answers(found, released[target]), path == target)
        readable.setdefault(target, []).append((rank, path, found))
    chosen = {}
    for target, candidates in readable.items():
        candidates.sort(key=lambda candidate: candidate[0])
        _, path, chosen[target] = candidates[-1]
        if path != target:
            notes.append(Note(NoteKind.SLIP, f"{one_line(path)} was taken for {target}."))
        notes += [
            Note(NoteKind.SLIP, f"{one_line(p)} is another version of {target} and was left out.")
            for _, p, _ in candidates[:-1]
        ]
    for path, reason in broken.items():
        notes.append(Note(NoteKind.UNREADABLE, f"{one_line(path)}: {reason}"))
    return chosen, notes


def _names(notebook: NotebookNode) -> dict[str, NotebookNode]:
    return {cell.metadata.nbgrader["grade_id"]: cell for cell in notebook.cells}


def _overlap(found: list[Cell], notebook: NotebookNode) -> int:
    known = _names(notebook)
    return len({_named(cell, known).grade_id for cell in found} - {""})


def _answers(found: list[Cell], notebook: NotebookNode) -> int:
    """How many answers are there: the number of solution cells that differ from their stubs."""
    known = _names(notebook)
    named = [_named(cell, known) for cell in found]
    return len(
        {
            c.grade_id
            for c in named
            if c.grade_id and is_solution(known[c.grade_id]) and _differs(c.source, known[c.grade_id].source)
        }
    )


class Normalised(NamedTuple):
    """What will be graded, by file name, and everything that was noticed."""

    files: dict[str, bytes]
    notes: list[Note]
    unreadable: list[str]  # notebooks that are graded as released, because the student's can't be read


def normalise(files: dict[str, bytes], release: dict[str, bytes], notes: Iterable[Note] = ()) -> Normalised:
    """A submission's files, as `collect` found them, made into what is graded.

    A notebook that can't be read is graded as it was released, which earns nothing and keeps the reason beside it.
    A notebook that is not there stays missing.
    """
    notes = list(notes)
    released = {name: nbformat.reads(content.decode("utf-8"), as_version=4) for name, content in release.items()}
    notebooks = {path: content for path, content in files.items() if path.lower().endswith(".ipynb")}
    chosen, more = match(notebooks, released)
    notes += more
    ready = {path: content for path, content in files.items() if path not in notebooks}
    if TIMESTAMP in ready and not _is_time(ready[TIMESTAMP]):
        notes.append(Note(NoteKind.SLIP, "The time of submission can't be read and was left out."))
        del ready[TIMESTAMP]
    for name, found in chosen.items():
        notebook, more = rebuild(released[name], found)
        notes += [note._replace(text=f"{name}: {note.text}") for note in more]
        ready[name] = (nbformat.writes(notebook) + "\n").encode()
    unreadable = []
    if any(note.kind == NoteKind.UNREADABLE for note in notes):
        # One cannot tell which notebook a file that can't be read was meant to be, unless by its name.
        broken = " ".join(note.text for note in notes if note.kind == NoteKind.UNREADABLE)
        missing = [name for name in released if name not in chosen]
        unreadable = [name for name in missing if Path(name).stem in broken] or missing
    ready |= {name: release[name] for name in unreadable}
    notes += [Note(NoteKind.SLIP, f"{name} was not handed in.") for name in released if name not in ready]
    return Normalised(ready, notes, unreadable)


def _is_time(content: bytes) -> bool:
    from nbgrader.utils import parse_utc

    try:
        text = content.decode("utf-8").strip()
        if len(content) > LONGEST_TIME or not TIME.fullmatch(text):
            return False
        parse_utc(text).isoformat()
    except Exception:  # dateutil raises errors of many kinds on what is no date
        return False
    return True


# --- in the course ---------------------------------------------------------------------------------------------


def keep(raw: Path, files: dict[str, bytes]) -> dict[str, str]:
    """Keep files as they were received, each under its sha256; return path to sha256."""
    kept = {}
    for path, content in files.items():
        kept[path] = sha256(content)
        target = raw / kept[path]
        if not target.exists():
            write(target, content)
            target.chmod(0o444)
    return kept


def receive(folder: Path, raw: Path, data_files: Iterable[str] = ()) -> tuple[dict[str, bytes], list[Note]]:
    """A submission as it was received, from its folder, or from ``raw`` if `in_place` has been at that folder.

    What is new is kept in ``raw``; `received.json` there says which files came and what was made of them. A folder
    without one of the files that came, and without all that was made of them, is new: a file was taken away.
    """
    record = raw / "received.json"
    files, notes = collect(folder, data_files)
    if record.exists():
        entry = json.loads(record.read_text(encoding="utf-8"))
        came, made = entry["received"], entry["made"]
        found = {path: sha256(content) for path, content in files.items()}
        # `in_place` writes all that it makes before it takes the rest of what came away, and may be stopped between.
        whole = found.keys() >= came.keys() or (made and made.items() <= found.items())
        if files and whole and all(found[p] in (made.get(p), came.get(p)) for p in found):
            kept = {path: (raw / name).read_bytes() for path, name in came.items()}
            return kept, notes_from_json(entry["notes"])
    _record(raw, files, notes)
    return files, notes


def _record(raw: Path, received: dict[str, bytes], notes: list[Note], made: Normalised | None = None) -> None:
    entry = {
        "received": keep(raw, received),
        "made": {path: sha256(content) for path, content in made.files.items()} if made else {},
        "notes": notes,  # on what was received
        "noticed": made.notes if made else notes,  # on all of it
    }
    write(raw / "received.json", json.dumps(entry, indent=1).encode())


def in_place(folder: Path, release: dict[str, bytes], raw: Path, data_files: Iterable[str] = ()) -> Normalised:
    """Normalise a submission where nbgrader will look for it; what was there is kept in ``raw`` first.

    It may run again, and be stopped at any moment: a file that it made is not taken for a new submission.
    """
    received, notes = receive(folder, raw, data_files)
    result = normalise(received, release, notes)
    _record(raw, received, notes, result)
    for path, content in result.files.items():
        write(folder / path, content)
    _set_aside(folder, set(result.files), raw / "left-out")
    return result


def _set_aside(folder: Path, wanted: set[str], aside: Path) -> None:
    """Move whatever will not be graded out of a submission's folder; links move, not what they point to."""
    for place, folders, names in os.walk(folder, topdown=False):
        for name in [*names, *(name for name in folders if (Path(place) / name).is_symlink())]:
            path = Path(place) / name
            inside = path.relative_to(folder)
            if str(inside) not in wanted:
                (aside / inside).parent.mkdir(parents=True, exist_ok=True)
                path.rename(aside / inside)
        for name in folders:
            path = Path(place) / name
            if not path.is_symlink() and not any(path.iterdir()):
                path.rmdir()
