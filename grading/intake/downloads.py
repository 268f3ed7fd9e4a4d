"""Bulk downloads by way of `nbgrader zip_collect`: a plug-in that says whose a file is, as `names` reads it."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from pathlib import Path

from nbgrader.plugins import FileNameCollectorPlugin

from grading.errors import CourseError
from grading.intake import collected, names, roster
from grading.intake.collected import Collected, TimeFrom
from grading.intake.names import Handed
from grading.intake.people import People
from grading.intake.receive import TIMESTAMP, is_notebook
from grading.intake.times import course_zone, moment, stamp
from grading.text import one_line


class BulkDownload(FileNameCollectorPlugin):
    """Who handed in what, from the file names in the bulk downloads of four systems, or `STUDENT/name.ipynb`.

    A `named_regexp` of your own, as nbgrader documents it, takes precedence. Whom the course's roster knows is taken
    for that student.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seen: set[tuple[str, str]] = set()
        self.names: dict[str, str] = {}  # the name that each id was made of
        self.records: dict[str, Collected] = {}
        folder = self.parent.coursedir
        self.root, self.assignment = Path(folder.root), folder.assignment_id
        before = list(collected.known(self.root))
        self.people = People(roster.kept(self.root), before=before, assignment=self.assignment)

    def collect(self, submitted_file: str) -> dict | None:
        """The student and the notebook that a file belongs to, or None if its name says neither."""
        if self.named_regexp:
            return self._by_own_pattern(submitted_file)
        # A name may come in either of Unicode's forms: from a Mac in the one, from elsewhere in the other.
        name = unicodedata.normalize("NFC", self._given(submitted_file))
        top, _, rest = name.partition("/")
        if names.nobodys(name) or not is_notebook(name) or names.two(top):
            return None
        handed = names.given(name) or (Handed("", top, top, "", rest) if rest else None)
        if not handed:
            return None
        student = self._student(handed)
        stem = Path(handed.file.removesuffix(".json")).stem
        when = self._time(student, handed.time, TimeFrom.NAME)
        self._keep(student, handed, name, when)
        said = {"student_id": student, "file_id": self._unused(student, stem)}
        return said | ({"timestamp": when[0]} if when[0] else {})

    def _by_own_pattern(self, submitted_file: str) -> dict | None:
        found = super().collect(submitted_file)
        if found:
            student = found["student_id"]
            when = self._time(student, found.pop("timestamp", None) or "", TimeFrom.COURSE)
            self._keep(student, Handed("", student, student, ""), Path(submitted_file).name, when)
            found |= {"timestamp": when[0]} if when[0] else {}
        return found

    def _student(self, handed: Handed) -> str:
        """The id of the student: the roster's, or one made of the name. Two names with one id would be one student."""
        if person := self.people.person(handed):
            return person.id
        if earlier := self.people.earlier(handed):
            return earlier
        student, name = handed.id, "_".join(filter(None, (handed.name, handed.number))) or handed.called
        if self.names.setdefault(student, name) != name:
            both = f"{one_line(self.names[student])!r} and {one_line(name)!r}"
            self.parent.fail(f"{both} would both be the student {student!r}: rename one of the two, and collect again.")
        return student

    def _keep(self, student: str, handed: Handed, name: str, when: tuple[datetime | None, TimeFrom]) -> None:
        """Keep where a student's files came from, beside what they become."""
        made = self.records.setdefault(student, Collected(handed.system, handed.number, handed.name))
        made.called += [] if handed.called in made.called else [handed.called]
        made.originals[name.partition("/")[2] or name] = name
        made.late |= handed.late
        made.time, made.time_from = (stamp(when[0]), when[1]) if when[0] else ("", TimeFrom.NOBODY)
        collected.keep(collected.raw(self.root, self.assignment, student), made)

    def _given(self, submitted_file: str) -> str:
        """The path of a file from the name on that says whose it is."""
        app = self.parent
        extracted = Path(app._format_collect_path(app.extracted_directory))
        archive = Path(app._format_collect_path(app.archive_directory))
        first, *rest = Path(submitted_file).relative_to(extracted).parts
        # A zip of the whole class becomes a folder around the students'. Folders and single files are copied as they
        # are, and what lies beside others and is named after one student holds that student's work alone.
        copied = (archive / first).exists()
        of_one = names.said(first) and len(list(archive.iterdir())) > 1
        parts = (
            [first, *rest]
            if copied or of_one or (len(rest) == 1 and not (names.said(rest[0]) or names.two(rest[0])))
            else rest
        )
        # What was zipped with its folder, or left as a folder, has one around it that is nobody's. More than its name
        # would not do: a student's own folder may hold names of a system's kind, and must stay the student's.
        around = {"submissions"} | ({first.casefold()} if len(list(archive.iterdir())) == 1 else set())
        while len(parts) > 1 and parts[0].casefold() in around and names.said(parts[1]):
            parts = parts[1:]
        return "/".join(parts)

    def _time(self, student: str, written: str, by: TimeFrom) -> tuple[datetime | None, TimeFrom]:
        """The time of submission, and who says so: what stands in the student's folder, or what the name says.

        nbgrader is about to empty the folder.
        """
        folder = self.parent.coursedir
        where = Path(folder.format_path(folder.submitted_directory, student, self.assignment)) / TIMESTAMP
        try:
            zone, raw = course_zone(self.config), collected.raw(self.root, self.assignment, student)
            there = where.read_text(encoding="utf-8-sig") if where.is_file() else ""
            if there.strip():
                when = moment(there, zone)
                if (said := collected.time_of(raw, when)) == TimeFrom.HAND or (said and not written):
                    return when, said
            return (moment(written, zone), by) if written else (None, TimeFrom.NOBODY)
        except (OSError, ValueError, CourseError) as error:
            self.parent.log.warning(f"The time of submission of {student} can't be read and is left out: {error}")
            return None, TimeFrom.NOBODY

    def _unused(self, student: str, stem: str) -> str:
        """A name that no other file of the student has: nbgrader stops at a second one of the same name."""
        name, number = f"{stem}.ipynb", 1
        while (student, name) in self.seen:
            number += 1
            name = f"{stem[:50]} ({number}).ipynb"
        self.seen.add((student, name))
        return name
