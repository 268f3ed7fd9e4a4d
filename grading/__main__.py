"""The course's commands: `mibook-course COMMAND --help` says more of each."""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import logging
import os
import sys
from dataclasses import asdict
from pathlib import Path

from nbgrader.api import Gradebook

from chapters.jupyter import environment
from grading.course import Course, near
from grading.errors import CourseError
from grading.record import WORTH_SAYING

# A browser that is shown to a class, or left open, lists none of these.
NOT_TO_BROWSE = ["secret", "gradebook.db*", "roster.csv", "*-names.html", "__pycache__", "*.pyc", "*~"]
CLOSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT}  # what a person must open or empty


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the exit status."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    try:
        course = Course(options.course) if options.course else Course.here()
        course.refuse_read_only()
        return options.command(course, options) or 0
    except CourseError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno not in CLOSED:
            raise
        print(f"{error.filename}: {error.strerror}. Nothing is lost; mend it, and run this again.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Nothing is lost: the same command goes on from here.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mibook-course", description="Release, grade, mark and give feedback.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, function, text: str, *words: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument("--course", type=Path, help="its folder (default: the one you are in, or else ./course)")
        for word in words:
            sub.add_argument(word.lower(), metavar=word.upper())
        sub.set_defaults(command=function)
        return sub

    made = command("assignment", assignment, "derive the assignments from the chapters, and a zip of each for students")
    made.add_argument("--withdraw", action="store_true", help="take out persons' marks of exercises that are gone")
    taken = command(
        "collect", collect, "take in bulk downloads as they are, folders and files; may be repeated", "assignment"
    )
    taken.add_argument("files", nargs="*", type=Path, metavar="FILE", help="a zip, a folder or a notebook")
    taken.add_argument("--roster", type=Path, metavar="ROSTER.csv", help="who is in the course; it is kept")
    taken.add_argument("--worksheet", type=Path, metavar="WORKSHEET.csv", help="who handed in when, as in Moodle's")
    grading = command("grade", grade, "grade what lies in submitted/, feed back, and export the grades")
    grading.add_argument("assignment", nargs="?", metavar="ASSIGNMENT", help="default: every one with submissions")
    grading.add_argument("--jobs", type=_count, metavar="N", help="submissions at once (default: one a core)")
    grading.add_argument(
        "--scheduler", metavar="ADDRESS", help="grade on the Dask cluster there, as in tcp://host:8786"
    )
    grading.add_argument("--force", action="store_true", help="grade again what is graded")
    grading.add_argument("--json", action="store_true", help="print a line of JSON for each submission as it ends")
    back = command("feedback", feedback, "write the feedback pages anew, for example after marking")
    back.add_argument("assignment", nargs="?", metavar="ASSIGNMENT")
    command("export", export, "write grades.csv anew, for example after marking")
    told = command("report", report, "write what a class misunderstood, as a page without names and one with them")
    told.add_argument("assignment", nargs="?", metavar="ASSIGNMENT", help="default: every one with submissions")
    marking = command(
        "mark", mark, "give a cell a person's points, which survive a regrade", "assignment", "student", "cell"
    )
    marking.add_argument("points", metavar="POINTS", help="a number, or 'auto' to take a mark back")
    marking.add_argument("--extra", type=float, help="extra credit beyond the cell's points")
    marking.add_argument("--comment", help="a sentence for the feedback")
    command("due", due, "set when an assignment is due, as in '2027-03-01 23:59 +0800'", "assignment", "when")
    opened = command("formgrader", formgrader, "open the formgrader, to autograde and mark in the browser")
    opened.add_argument("option", nargs="*", help="after --, options of JupyterLab, as in -- --no-browser --port=8889")
    more = command("extend", extend, "give one student more time", "assignment", "student")
    more.add_argument("hours", type=float, metavar="HOURS")
    more.add_argument("--new", action="store_true", help="this student is not known yet, and the name is right")
    return parser


def _count(text: str) -> int:
    """How many at once: one or more."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on.")
    return int(text)


def assignment(course: Course, options: argparse.Namespace) -> None:
    from grading.release.release import make

    for name, made in make(course, options.withdraw).items():
        print(f"{name}: released; students get {made.handout}")
        for line in made.news:
            print(f"  {line}")


def collect(course: Course, options: argparse.Namespace) -> None:
    from grading.gradebook import people
    from grading.gradebook.policy import penalise_all, policy_of
    from grading.intake import arrivals
    from grading.intake.collect import carry_out, plan

    if not (options.files or options.roster or options.worksheet):
        raise CourseError("There is nothing to collect: name a download, a roster or a worksheet.")
    name = options.assignment
    with (
        course.alone(),
        course.gradebook() as book,
        plan(course, name, options.files, options.roster, options.worksheet) as found,
    ):
        people.enter(book, found.people, (delivery.student for delivery in found.deliveries))
        for old, new in found.moves.items():
            people.move(book, course.root, name, old, new)
        carry_out(course, found)
        penalise_all(book, name, policy_of(course.config))
        late = {
            made.student: people.late_by(book, name, made.student, made.when) for made in found.deliveries if made.when
        }
    print(arrivals.told(found, late))


def grade(course: Course, options: argparse.Namespace) -> None:
    from grading import pipeline

    lines = sys.stdout

    def told(row: pipeline.Row) -> None:
        if options.json:
            print(json.dumps({"assignment": name, **asdict(row)}), file=lines, flush=True)

    # With --json, nothing else is on the standard output.
    with contextlib.redirect_stdout(sys.stderr if options.json else lines):
        names = [options.assignment] if options.assignment else _with_submissions(course)
        for name in names:
            rows = pipeline.grade(course, name, options.jobs, options.scheduler, options.force, told=told)
            print(summary(name, rows))
        export(course, options)  # first: a page that can't be written must not cost the table of grades
        for name in names:
            _feedback(course, name, options.jobs)


def summary(name: str, rows: list) -> str:
    """What a run did, for the person who started it."""
    lines = [f"{name}: {len(rows)} students, {sum(row.fresh for row in rows)} graded now."]
    for status in sorted({row.status for row in rows}):
        of_status = [row for row in rows if row.status == status]
        lines.append(f"  {status}: {len(of_status)}")
        if status in WORTH_SAYING:
            lines += [
                f"    {row.student} ({row.score:g} of {row.max_score:g}): {' '.join(row.reasons)}" for row in of_status
            ]
    if changed := [row for row in rows if row.changes]:
        lines.append(f"  other points than before, from the same files: {len(changed)}")
        lines += [f"    {row.student}: {'; '.join(row.changes)}" for row in changed]
    return "\n".join(lines)


def _with_submissions(course: Course) -> list[str]:
    _ = course.config  # says so if this is no course
    names = [name for name in course.assignments() if any((course.root / "submitted").glob(f"*/{name}"))]
    if not names:
        where = course.root / "submitted" / "STUDENT" / "ASSIGNMENT"
        raise CourseError(f"There is nothing to grade: put each submission into {where}, or use mibook-course collect.")
    return names


def feedback(course: Course, options: argparse.Namespace) -> None:
    for name in [options.assignment] if options.assignment else _with_submissions(course):
        _feedback(course, name)


def _feedback(course: Course, name: str, processes: int | None = None) -> None:
    from grading.feedback.write import generate

    print(f"{name}: {generate(course, name, processes)} feedback pages in {course.root / 'feedback'}")


def export(course: Course, options: argparse.Namespace) -> None:
    from grading.files import write
    from grading.gradebook import people
    from grading.gradebook.export import table, to_csv
    from grading.gradebook.policy import penalise_all, policy_of
    from grading.intake import roster

    with course.gradebook() as book:
        people.enter(book, roster.kept(course.root))
        for assignment in book.assignments:
            penalise_all(book, assignment.name, policy_of(course.config))
        rows = table(book, course.root, [], [])
    write(course.root / "grades.csv", to_csv(rows).encode())
    print(f"grades: {course.root / 'grades.csv'}")


def report(course: Course, options: argparse.Namespace) -> None:
    from grading.report.page import generate

    for name in [options.assignment] if options.assignment else _with_submissions(course):
        page, names = generate(course, name)
        print(f"{name}: {page}; with names, for you alone: {names}")


def mark(course: Course, options: argparse.Namespace) -> None:
    from grading.gradebook import marks
    from grading.gradebook.policy import penalise_all, policy_of

    try:
        points = None if options.points == "auto" else float(options.points)
    except ValueError:
        raise CourseError(f"{options.points!r} is neither a number of points nor 'auto'.") from None
    course.release(options.assignment)
    with course.gradebook() as book:
        where = options.assignment, options.student, options.cell
        _refuse_ungraded(course, book, *where[:2])
        grade = marks.mark(book, *where, points, options.extra, options.comment)
        said = "has no mark by a person any more" if points is None else f"{grade.score:g} of {grade.max_score:g}"
        print(f"{options.assignment} of {options.student}: {options.cell} {said}.")
        penalise_all(book, options.assignment, policy_of(course.config))


def _refuse_ungraded(course: Course, book: Gradebook, assignment: str, student: str) -> None:
    """Raise CourseError where there is nothing to mark, and say why."""
    from grading.gradebook import audit

    known = course.students(assignment, book)
    if student not in known:
        raise CourseError(f"There is no student {student!r} here{near(student, known) or '.'}")
    if audit.latest(course.root, assignment, student) is None:
        there = (course.root / "submitted" / student / assignment).exists()
        what = f"is not graded yet: run `mibook-course grade {assignment}`" if there else "was not handed in"
        raise CourseError(f"{assignment} of {student} {what}.")


def formgrader(course: Course, options: argparse.Namespace) -> None:
    _ = course.config  # says so if this is no course
    settings = {
        "ServerApp.root_dir": course.root,
        "LabApp.default_url": "/formgrader/manage_assignments",
        # The formgrader shows what nbgrader logged: what happened, and not every message of every kernel.
        "ServerApp.logging_config": {"loggers": {"ServerApp": {"level": "INFO"}}},
    }
    line = [sys.executable, "-m", "jupyterlab", *(f"--{name}={value}" for name, value in settings.items())]
    line += [f"--ContentsManager.hide_globs={pattern}" for pattern in NOT_TO_BROWSE]
    os.chdir(course.root)  # where nbgrader looks for its settings
    os.execve(line[0], line + options.option, environment())


def due(course: Course, options: argparse.Namespace) -> None:
    from grading.gradebook import marks
    from grading.gradebook.policy import penalise_all, policy_of
    from grading.intake.times import course_zone, moment, spoken

    course.release(options.assignment)
    zone = course_zone(course.config)
    when = moment(options.when, zone)
    with course.gradebook() as book:
        marks.due(book, options.assignment, when)
        penalise_all(book, options.assignment, policy_of(course.config))
    print(f"{options.assignment} is due {spoken(when, zone)}.")


def extend(course: Course, options: argparse.Namespace) -> None:
    from grading.gradebook import marks
    from grading.gradebook.policy import penalise_all, policy_of
    from grading.intake.times import course_zone, spoken

    course.release(options.assignment)
    zone, student = course_zone(course.config), options.student
    with course.gradebook() as book:
        known = course.students(options.assignment, book)
        if student not in known and not options.new and (meant := near(student, known)):
            raise CourseError(f"There is no student {student!r} here{meant} If the name is right, say --new.")
        when = marks.extend(book, options.assignment, student, options.hours)
        penalise_all(book, options.assignment, policy_of(course.config))
    first = "" if student in known else ", of whom nothing has come yet"
    print(f"{options.assignment} is due {spoken(when, zone)} for {student}{first}.")


if __name__ == "__main__":
    sys.exit(main())
