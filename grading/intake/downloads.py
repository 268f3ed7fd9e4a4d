"""Whose a file in a bulk download is: the outermost name says it, which the learning management system gave.

What lies below it is the student's own, folders and zips with the names of other students among it.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from pathlib import Path

from nbgrader.plugins import FileNameCollectorPlugin

from grading.errors import CourseError
from grading.intake.receive import NOBODYS, TIMESTAMP
from grading.intake.times import course_zone, moment
from grading.text import one_line


class BulkDownload(FileNameCollectorPlugin):
    """Who handed in what, from the file names in the bulk downloads of Moodle and Canvas, or `STUDENT/name.ipynb`.

    A `named_regexp` of your own, as nbgrader documents it, takes precedence.
    """

    known = (
        # Moodle: Full Name_1234567_assignsubmission_file_/mine.ipynb, with or without the last _
        r"(?P<student_id>[^/]+_\d+)_assignsubmission_file_?/(?:.*/)?(?P<file_id>[^/]+)\.ipynb(?:\.json)?$",
        # the same without folders: Full Name_1234567_assignsubmission_file_mine.ipynb
        r"(?P<student_id>[^/]+?_\d+)_assignsubmission_file_(?:[^/]+/(?:.*/)?)?(?P<file_id>[^/]+)\.ipynb(?:\.json)?$",
        # Canvas: familyname_LATE_12345_678901_mine-1.ipynb; the first number is the student's, and names may repeat
        r"(?P<name>[^/_]+)_(?:LATE_)?(?P<number>\d+)_\d+_(?:[^/]+/(?:.*/)?)?(?P<file_id>[^/]+?)(?:-\d+)?\.ipynb(?:\.json)?$",
        # Folders: student/mine.ipynb
        r"(?P<student_id>[^/]+)/(?:.*/)?(?P<file_id>[^/]+)\.ipynb(?:\.json)?$",
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seen: set[tuple[str, str]] = set()
        self.names: dict[str, str] = {}  # the name that each id was made of

    def collect(self, submitted_file: str) -> dict | None:
        """The student and the notebook that a file belongs to, or None if its name says neither."""
        if self.named_regexp:
            return super().collect(submitted_file)
        # A name may come in either of Unicode's forms: from a Mac in the one, from elsewhere in the other.
        name = unicodedata.normalize("NFC", self._given(submitted_file))
        if name.partition("/")[0].count("_assignsubmission_file") > 1:
            return None  # a name that was chosen to be taken for another's: it cannot be told whose it is
        if NOBODYS & set(name.split("/")) or Path(name).name.startswith("._"):
            return None  # what an operating system keeps beside the files
        for pattern in self.known:
            if match := re.match(pattern, name, re.DOTALL):
                found = match.groupdict()
                student = found.get("student_id") or f"{found['name']}_{found['number']}"
                student = self._id(student)
                said = {"student_id": student, "file_id": self._unused(student, found["file_id"])}
                return said | ({"timestamp": when} if (when := self._known_time(student)) else {})
        return None

    def _id(self, name: str) -> str:
        """The id of the student of that name: a folder's name and a key of the gradebook.

        Letters and marks of all scripts are kept. Two names with one id would be one student: that stops the run.
        """
        kept = (c if unicodedata.category(c)[0] in "LMN" or c in "._@-" else " " for c in name)
        student = re.sub(" +", "-", "".join(kept)).strip(".-") or "unnamed"
        if self.names.setdefault(student, name) != name:
            both = f"{one_line(self.names[student])!r} and {one_line(name)!r}"
            self.parent.fail(f"{both} would both be the student {student!r}: rename one of the two, and collect again.")
        return student

    def _given(self, submitted_file: str) -> str:
        """The path of a file from the name on that says whose it is."""
        app = self.parent
        extracted = Path(app._format_collect_path(app.extracted_directory))
        archive = Path(app._format_collect_path(app.archive_directory))
        first, *rest = Path(submitted_file).relative_to(extracted).parts
        # A zip of the whole class becomes a folder around the students'. Folders and single files are copied as they
        # are, and what lies beside others and is named after one student holds that student's work alone.
        copied = (archive / first).exists()
        of_one = self._of_one(f"{first}/x.ipynb") and len(list(archive.iterdir())) > 1
        parts = [first, *rest] if copied or of_one or (len(rest) == 1 and not self._of_one(rest[0])) else rest
        # What was zipped with its folder, or left as a folder, has one around it that is nobody's. More than its name
        # would not do: a student's own folder may hold names of a system's kind, and must stay the student's.
        around = {"submissions"} | ({first.casefold()} if len(list(archive.iterdir())) == 1 else set())
        while len(parts) > 1 and parts[0].casefold() in around and self._of_one(f"{parts[1]}/x.ipynb"):
            parts = parts[1:]
        return "/".join(parts)

    def _known_time(self, student: str) -> datetime | None:
        """The time of submission that stands in the student's folder, which nbgrader is about to empty."""
        folder = self.parent.coursedir
        where = folder.format_path(folder.submitted_directory, student, folder.assignment_id)
        try:
            return moment((Path(where) / TIMESTAMP).read_text(encoding="utf-8-sig"), course_zone(self.config))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, CourseError) as error:
            self.parent.log.warning(f"The time of submission of {student} can't be read and is left out: {error}")
            return None

    def _of_one(self, name: str) -> bool:
        """Whether a name is one that Moodle or Canvas gives, so that it says whose it is."""
        return any(re.match(pattern, name) for pattern in self.known[:-1])

    def _unused(self, student: str, stem: str) -> str:
        """A name that no other file of the student has: nbgrader stops at a second one of the same name."""
        name, number = f"{stem}.ipynb", 1
        while (student, name) in self.seen:
            number += 1
            name = f"{stem[:50]} ({number}).ipynb"
        self.seen.add((student, name))
        return name
