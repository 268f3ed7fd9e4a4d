"""One way in: the downloads of an assignment, as they are, into the students' folders under `submitted/`.

`plan` reads and decides, `carry_out` writes. Both may be repeated: what was collected before is known by its content, a
newer download adds and never deletes, and all that ever came stays in `raw/`.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import nbformat

from grading.course import Course
from grading.errors import CourseError
from grading.files import private_folder, remove, sha256, write
from grading.intake import collected, keep, roster
from grading.intake.collected import Collected, TimeFrom
from grading.intake.earlier import Earlier
from grading.intake.match import match
from grading.intake.parts import Part, clashes, share_out
from grading.intake.people import People, worksheet
from grading.intake.receive import TIMESTAMP, is_notebook
from grading.intake.roster import Person
from grading.intake.times import UnclearTimeError, course_zone, moment, stamp
from grading.intake.unpack import unpack
from grading.text import one_line


class State(StrEnum):
    """What a collection is to a student's submission."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "as before"


@dataclass
class Delivery:
    """What will be a student's submission."""

    student: str
    person: Person | None
    state: State
    origin: Collected
    contents: dict[str, Path] = field(default_factory=dict)  # where what is new lies, by sha256
    when: datetime | None = None
    by_hand: bool = False  # a person wrote the time, and it stays as it is written


@dataclass
class Plan:
    """What a collection will do, and what it asks."""

    assignment: str
    people: list[Person]  # the roster
    deliveries: list[Delivery] = field(default_factory=list)
    moves: dict[str, str] = field(default_factory=dict)  # students of before, who are known now: from, to
    questions: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)


@contextlib.contextmanager
def plan(
    course: Course, assignment: str, files: Iterable[Path], table: Path | None, times: Path | None
) -> Iterator[Plan]:
    """What to collect for an assignment from downloads, with a roster and a worksheet, until the block ends.

    Nothing is written but what was there before, to `raw/`. Raises CourseError, with a sentence, where going on would
    mix up students.
    """
    course.release(assignment)
    known = roster.read(table) if table else roster.kept(course.root)
    before = list(collected.known(course.root))
    people = People(known, worksheet(times) if times else [], before, assignment)
    found = Plan(assignment, known)
    scratch = private_folder()
    try:
        parts = _parts(course, assignment, files, people, found, scratch)
        shared = _by_student(parts, people, found)
        for student, (person, theirs) in shared.items():
            found.deliveries.append(_delivery(course, found, people, student, person, theirs))
        found.deliveries += _of_worksheet(course, found, people, set(shared))
        here = {path.parent.name for path in (course.root / "submitted").glob(f"*/{assignment}")}
        here |= {delivery.student for delivery in found.deliveries}
        found.absent = [person.id for person in known if person.id not in here - found.moves.keys()]
        yield found
    finally:
        remove(scratch)


def _parts(
    course: Course, assignment: str, files: Iterable[Path], people: People, found: Plan, scratch: Path
) -> list[Part]:
    """The parts of all downloads, the oldest first; those without a time in the order in which they were given."""
    config, parts = course.config, []
    pattern = config.BulkDownload.get("named_regexp") or config.FileNameCollectorPlugin.get("named_regexp") or ""
    sheets = list(course.release(assignment))
    for number, file in enumerate(files):
        shared = share_out(file, unpack(file, scratch / str(number)), people, sheets, pattern)
        parts += shared.parts
        found.questions += [
            f"Whose is {one_line(name)!r} in {file.name}? No name of a system or of a person says so: it was left out."
            for name in shared.unknown
        ]
    zone = course_zone(config)
    known = [part for part in parts if _moment(part.handed.time, zone)]
    known.sort(key=lambda part: moment(part.handed.time, zone))
    return [part for part in parts if not _moment(part.handed.time, zone)] + known


def _moment(text: str, zone: str) -> datetime | None:
    try:
        return moment(text, zone) if text else None
    except UnclearTimeError:
        return None


def _by_student(parts: list[Part], people: People, found: Plan) -> dict[str, tuple[Person | None, list[Part]]]:
    """The parts of each student; who is known now and was not before is noted, and who is not known is asked for."""
    persons = {part.handed.who: people.person(part.handed) for part in parts}
    for doubtful in _doubtful(parts, persons):
        persons[doubtful] = None
    shared: dict[str, tuple[Person | None, list[Part]]] = {}
    names: dict[str, tuple[str, str]] = {}
    for part in parts:
        handed, person = part.handed, persons[part.handed.who]
        before = people.earlier(handed)
        student = person.id if person else before or handed.id
        if person and before and before != student and before in people.people:
            found.questions.append(f"Work of {student!r} was collected as {before!r} before: look at both folders.")
        elif person and before and before != student:
            if (found.assignment, student) in {(a, s) for a, s, _ in people.before}:
                found.questions.append(f"{student!r} was collected as {before!r} too: take one of the two away.")
            else:
                found.moves[before] = student
        if not person and names.setdefault(student, handed.who) != handed.who:
            both = " and ".join(repr(one_line(" ".join(filter(None, who)))) for who in (names[student], handed.who))
            raise CourseError(f"{both} would both be the student {student!r}: rename one of the two, or give a roster.")
        if not person and people.roster and student not in shared:
            who = one_line(" ".join(filter(None, (handed.name, handed.number))) or handed.called)
            found.questions.append(f"Who is {who!r}? Nobody on the roster for sure: collected as {student!r}.")
        shared.setdefault(student, (person, []))[1].append(part)
    return shared


def _doubtful(parts: list[Part], persons: dict[tuple[str, str], Person | None]) -> set[tuple[str, str]]:
    """Those whom one system tells apart, and who would be one person by their name alone."""
    told: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for part in parts:
        person = persons[part.handed.who]
        if person and part.handed.number and part.handed.number not in person.called(part.handed.system):
            told[person.id, part.handed.system].add(part.handed.who)
    return {who for same in told.values() if len(same) > 1 for who in same}


def _delivery(
    course: Course, found: Plan, people: People, student: str, person: Person | None, parts: list[Part]
) -> Delivery:
    """What a student's parts, the newest last, make of what was there before."""
    config, assignment = course.config, found.assignment
    old = next((old for old, new in found.moves.items() if new == student), student)
    raw, folder = collected.raw(course.root, assignment, old), course.root / "submitted" / old / assignment
    brought = collected.read(raw)
    newest, made = parts[-1], Delivery(student, person, State.SAME, brought or Collected())
    layers = [_layer(part, made) for part in parts]
    there = _there(folder, raw, brought, list(config.Normalise.get("data_files", [])))
    zone = course_zone(config)
    time = _moment(newest.handed.time, zone)
    ours = moment(brought.time) if brought and brought.time else None
    nothing_new = all((raw / word).exists() for layer in layers for word in layer.values())
    older = bool(ours and time and time < ours)
    if not (brought and nothing_new and (older or not time or time == ours)):
        layers = [*layers, there] if older else [there, *layers]
        files = _merged(course, assignment, layers, raw, made.contents)
        made.state = State.NEW if not (there or brought) else State.CHANGED if files != there else State.SAME
        made.origin = _origin(newest, parts, files, brought if not older else None)
        if brought and older:
            own = {path: made.origin.originals.get(path, "") for path in files} | brought.originals
            made.origin = replace(brought, files=files, originals=own)
    _set_time(made, people, None if older else newest, (folder, raw), zone)
    if older and not (made.when or made.by_hand):
        made.when = ours
    return made


def _layer(part: Part, made: Delivery) -> dict[str, str]:
    """The files of a part by their sha256, with their contents kept at hand."""
    words = {piece.file: sha256(piece.file.read_bytes()) for piece in [*part.files.values(), *part.aside]}
    made.contents |= {word: file for file, word in words.items()}
    return {path: words[piece.file] for path, piece in part.files.items()}


def _there(folder: Path, raw: Path, brought: Collected | None, data_files: list[str]) -> dict[str, str]:
    """The files of a submission as they came before, by their sha256; each lies in ``raw``."""
    came = keep.original(folder, raw, data_files).hashes if folder.exists() else {}
    came.pop(TIMESTAMP, None)
    return came | (brought.files if brought else {})


def _merged(
    course: Course, assignment: str, layers: list[dict[str, str]], raw: Path, contents: dict[str, Path]
) -> dict[str, str]:
    """The newest files, the last; of the older ones all but the sheets that came anew under another name."""

    def sheets(files: dict[str, str]) -> set[str]:
        texts = {path: contents.get(word, raw / word).read_bytes() for path, word in files.items()}
        return set(match(texts, released, earlier).sheets)

    *older, newest = [layer for layer in layers if layer] or [{}]
    files = dict(newest)
    left = [(path, word) for layer in older[::-1] for path, word in layer.items() if path not in files]
    if any(is_notebook(path) for path, _ in left):
        released = {n: nbformat.reads(c.decode(), as_version=4) for n, c in course.release(assignment).items()}
        earlier = Earlier.of(course.earlier(assignment))
    for path, word in left:
        if clashes(path, files):
            continue
        covered = sheets({n: known for n, known in files.items() if is_notebook(n)}) if is_notebook(path) else set()
        if not (covered and sheets({path: word}) & covered):
            files[path] = word
    return files


def _origin(newest: Part, parts: list[Part], files: dict[str, str], brought: Collected | None) -> Collected:
    """Where a submission came from: the newest part, and the names of all."""
    handed = newest.handed
    originals = dict(brought.originals) if brought else {}
    for part in parts:
        originals |= part.originals
    called = [*(brought.called if brought else []), *(part.handed.called for part in parts)]
    notes = list(dict.fromkeys(note for part in parts for note in part.notes))
    return Collected(
        *(handed.system, handed.number, handed.name, list(dict.fromkeys(called)), files),
        {path: originals[path] for path in files if path in originals},
        handed.late,
        notes=notes,
    )


def _set_time(made: Delivery, people: People, newest: Part | None, where: tuple[Path, Path], zone: str) -> None:
    """The time of submission: a person's, or else the worksheet's, or else the name's, or else the one of before."""
    folder, raw = where
    brought = collected.read(raw)
    there = _written(folder / TIMESTAMP, zone)
    if there and collected.time_of(raw, there) == TimeFrom.HAND:
        made.when, made.by_hand = there, True
        if brought:
            made.origin = replace(made.origin, time=brought.time, time_from=brought.time_from)
        return
    line = newest and people.line(newest.handed)
    line = line or (people.line_of(made.person) if made.person else None)
    texts = [(line.time, TimeFrom.WORKSHEET)] if line and line.time else []
    if newest and newest.handed.time:
        texts.append((newest.handed.time, TimeFrom.NAME if newest.handed.system else TimeFrom.COURSE))
    for text, by in texts:
        made.when = moment(text, zone)  # a time that can't be read stops the collection: all of them may be so
        made.origin = replace(made.origin, time=stamp(made.when), time_from=by)
        return
    if brought and brought.time and made.state == State.SAME:
        made.when = moment(brought.time)
        made.origin = replace(made.origin, time=brought.time, time_from=brought.time_from)


def _written(path: Path, zone: str) -> datetime | None:
    """The time in a file, if there is one that can be read."""
    try:
        return _moment(path.read_text(encoding="utf-8-sig"), zone)
    except (OSError, ValueError):
        return None


def _of_worksheet(course: Course, found: Plan, people: People, done: set[str]) -> list[Delivery]:
    """Students of whom nothing came now, and whose time the worksheet says."""
    made = []
    for folder in sorted((course.root / "submitted").glob(f"*/{found.assignment}")) if people.worksheet else ():
        student = folder.parent.name
        person = people.people.get(student) or Person(student, student)
        line = people.line_of(person)
        if line and line.time and student not in done and student not in found.moves:
            raw = collected.raw(course.root, found.assignment, student)
            made.append(Delivery(student, person, State.SAME, collected.read(raw) or Collected()))
            _set_time(made[-1], people, None, (folder, raw), course_zone(course.config))
    return made


def carry_out(course: Course, found: Plan) -> None:
    """Write what was planned: first what is kept for good, then the students' folders, last where it came from."""
    if found.people:
        roster.keep(course.root, found.people)
    for made in found.deliveries:
        folder = course.root / "submitted" / made.student / found.assignment
        raw = collected.raw(course.root, found.assignment, made.student)
        for word, file in made.contents.items():
            if not (raw / word).exists():
                write(raw / word, file.read_bytes())
                (raw / word).chmod(0o444)
        folder.mkdir(parents=True, exist_ok=True)
        if made.state != State.SAME:
            _fill(folder, raw, made.origin.files)
        if not made.by_hand:
            _stamp(folder, raw, made.when)
        if made.origin != collected.read(raw):
            collected.keep(raw, made.origin)


def _stamp(folder: Path, raw: Path, when: datetime | None) -> None:
    """Write the time of submission, or take away one that is no longer true, or that nobody vouches for."""
    path = folder / TIMESTAMP
    if when:
        if _written(path, "") != when:
            write(path, stamp(when).encode())
    elif path.is_symlink() or (path.exists() and (collected.read(raw) is None or _written(path, ""))):
        (raw / "left-out").mkdir(parents=True, exist_ok=True)
        path.rename(raw / "left-out" / TIMESTAMP)


def _fill(folder: Path, raw: Path, files: dict[str, str]) -> None:
    """Make a folder hold these files, and the time; what else lies in it is known in ``raw``, or is put there."""
    for path in sorted(folder.rglob("*")):
        inside = str(path.relative_to(folder))
        if path.is_dir() or inside == TIMESTAMP:
            continue
        if path.is_file() and not path.is_symlink() and not (raw / sha256(path.read_bytes())).exists():
            write(raw / "left-out" / inside, path.read_bytes())
        if inside not in files:
            path.unlink()
    for inside, word in files.items():
        write(folder / inside, (raw / word).read_bytes())
