"""Whose a file in a bulk download is: the outermost name says it, which the learning management system gave.

What lies below it is the student's own, folders and zips with the names of other students among it.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from nbgrader.plugins import FileNameCollectorPlugin

from grading.errors import CourseError
from grading.intake.receive import TIMESTAMP
from grading.intake.times import course_zone, moment


class BulkDownload(FileNameCollectorPlugin):
    """Who handed in what, from the file names in the bulk downloads of Moodle and Canvas, or `STUDENT/name.ipynb`.

    A `named_regexp` of your own, as nbgrader documents it, takes precedence.
    """

    known = (
        # Moodle: Full Name_1234567_assignsubmission_file_/mine.ipynb, with or without the last _
        r"(?P<student_id>[^/]+_\d+)_assignsubmission_file_?/(?:.*/)?(?P<file_id>[^/]+)\.ipynb$",
        # the same without folders: Full Name_1234567_assignsubmission_file_mine.ipynb
        r"(?P<student_id>[^/]+?_\d+)_assignsubmission_file_(?:[^/]+/(?:.*/)?)?(?P<file_id>[^/]+)\.ipynb$",
        # Canvas: familyname_LATE_12345_678901_mine-1.ipynb; the first number is the student's, and names may repeat
        r"(?P<name>[^/_]+)_(?:LATE_)?(?P<number>\d+)_\d+_(?:[^/]+/(?:.*/)?)?(?P<file_id>[^/]+?)(?:-\d+)?\.ipynb$",
        # Folders: student/mine.ipynb
        r"(?P<student_id>[^/]+)/(?:.*/)?(?P<file_id>[^/]+)\.ipynb$",
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seen: set[tuple[str, str]] = set()

    def collect(self, submitted_file: str) -> dict | None:
        """The student and the notebook that a file belongs to, or None if its name says neither."""
        if self.named_regexp:
            return super().collect(submitted_file)
        name = self._given(submitted_file)
        if name.partition("/")[0].count("_assignsubmission_file") > 1:
            return None  # a name that was chosen to be taken for another's: it cannot be told whose it is
        for pattern in self.known:
            if match := re.match(pattern, name, re.DOTALL):
                found = match.groupdict()
                student = found.get("student_id") or f"{found['name']}_{found['number']}"
                # An id becomes a folder's name and a key of the gradebook.
                student = re.sub(r"[^\w.@-]+", "-", student).strip(".-") or "unnamed"
                said = {"student_id": student, "file_id": self._unused(student, found["file_id"])}
                return said | ({"timestamp": when} if (when := self._known_time(student)) else {})
        return None

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
        if copied or of_one or (len(rest) == 1 and not self._of_one(rest[0])):
            return "/".join([first, *rest])
        return "/".join(rest)

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
