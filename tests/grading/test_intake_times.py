"""Times: each is read as it is written, whoever wrote it, or refused with a sentence that says what to write."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from nbgrader.utils import parse_utc
from traitlets.config import Config

import grading_course
from grading.__main__ import main
from grading.intake import times
from grading_course import ASSIGNMENT

READ = {  # text: the moment in UTC
    "2027-03-01 23:59 +0800": "2027-03-01 15:59",  # the guide's own example
    "2027-03-01 23:59 +08:00": "2027-03-01 15:59",
    "2027-03-01 23:59 +08": "2027-03-01 15:59",
    "2027-03-01 23:59 +8": "2027-03-01 15:59",
    "2027-03-01 23:59 +8:00": "2027-03-01 15:59",
    "2027-03-01 23:59+0800": "2027-03-01 15:59",
    "2027-03-01T23:59:00+08:00": "2027-03-01 15:59",
    "2027-03-01 23:59 UTC+8": "2027-03-01 15:59",
    "2027-03-01 23:59 UTC+08:00": "2027-03-01 15:59",
    "2027-03-01 23:59 GMT+0800": "2027-03-01 15:59",
    "2027-03-01 23:59 -0500": "2027-03-02 04:59",
    "2027-03-01 23:59 \N{MINUS SIGN}05:00": "2027-03-02 04:59",
    "2027-03-01 23:59 +0545": "2027-03-01 18:14",
    "2027-03-01 23:59 -0330": "2027-03-02 03:29",
    "2027-03-01 23:59 +1400": "2027-03-01 09:59",
    "2027-03-01 23:59 -0000": "2027-03-01 23:59",
    "2027-03-01 23:59 Asia/Hong_Kong": "2027-03-01 15:59",
    "2027-03-01 23:59 asia/hong_kong": "2027-03-01 15:59",
    "2027-03-01 23:59 America/Argentina/Buenos_Aires": "2027-03-02 02:59",
    "2027-01-15 12:00 Europe/Berlin": "2027-01-15 11:00",
    "2027-07-15 12:00 Europe/Berlin": "2027-07-15 10:00",  # summer there
    "2027-03-01 23:59 UTC": "2027-03-01 23:59",
    "2027-03-01 23:59 utc": "2027-03-01 23:59",
    "2027-03-01 23:59 GMT": "2027-03-01 23:59",
    "2027-03-01T23:59Z": "2027-03-01 23:59",
    "2027-03-01T23:59:30.250Z": "2027-03-01 23:59:30.250000",
    "2027-03-01T23:59:30.123456789Z": "2027-03-01 23:59:30.123456",
    "2025-03-01 12:00:00.123456 UTC": "2025-03-01 12:00:00.123456",  # as nbgrader writes it
    " 2027-03-01 9:05 UTC\n": "2027-03-01 09:05",
    "2028-02-29 00:00 UTC": "2028-02-29 00:00",
    "2027-03-01-21-04-59 +0800": "2027-03-01 13:04:59",  # Blackboard's, in names of files
    "2027-03-01_21-04 UTC": "2027-03-01 21:04",
    "Monday, 1 March 2027, 9:04 PM +0800": "2027-03-01 13:04",  # Moodle's, in two Englishes
    "Monday, March 1, 2027, 9:04 PM +0800": "2027-03-01 13:04",
    "Mar 1, 2027 904 PM UTC": "2027-03-01 21:04",  # Brightspace's, in names of folders
    "Mar 1, 2027 1204 AM UTC": "2027-03-01 00:04",
    "1 March 2027 23:59 UTC": "2027-03-01 23:59",
}


@pytest.mark.parametrize("text", READ)
def test_a_time_is_read_as_it_is_written(text):
    found = times.moment(text)
    assert found == datetime.fromisoformat(READ[text]).replace(tzinfo=UTC)
    assert times.moment(text, "America/New_York") == found, "a zone that is written beats the course's"


REFUSED = {  # text: a piece of the sentence
    "soon": "is no date and time: write it as in '2027-03-01 23:59 +0800'",
    "": "is no date and time",
    "2027-03-01": "is no date and time",
    "23:59 UTC": "is no date and time",
    "01/03/2027 23:59 UTC": "is no date and time",
    "1 Marzo 2027 23:59 UTC": "is no date and time",
    "Mar 1, 2027 1326 PM UTC": "is no date and time",
    "2027-03-01 23:59 UTC" + " " * 100: "is no date and time",
    "1" * 5_000_000: "is no date and time",
    "2027-03-01 23:59": "has no zone: write an offset",
    "2027-03-01T23:59:00": "has no zone",
    "2027-03-01 23:59 CST": "'CST' is no zone that is one everywhere",
    "2027-03-01 23:59 EST": "'EST' is no zone",  # IANA has a place of this name
    "2027-03-01 23:59 CET": "'CET' is no zone",
    "2027-03-01 23:59 HKT": "'HKT' is no zone",
    "2027-03-01 23:59 localtime": "'localtime' is no zone",
    "2027-03-01 23:59 Asia/Nowhere": "'Asia/Nowhere' is no zone",
    "2027-03-01 23:59 /etc/hostname": "'/etc/hostname' is no zone",
    "2027-03-01 23:59 ../../etc/hostname": "is no zone",
    "2027-03-01 23:59 Etc/GMT+8": "is no zone",  # eight hours behind, though it says +8
    "2027-03-01 23:59 +2500": "'+2500' is no zone",
    "2027-03-01 23:59 +0860": "'+0860' is no zone",
    "2027-03-01 23:59 +80000": "'+80000' is no zone",
    "2027-03-01 11:59 PM": "'PM' is no zone",
    "2027-02-29 23:59 UTC": "is in no calendar",
    "2027-03-01 24:00 UTC": "on no clock",
    "2027-03-01 23:60 UTC": "on no clock",
    "9999-12-31 23:59 -0800": "is in no calendar",
    "0001-01-01 00:00 +0800": "is in no calendar",
    "2027-03-28 02:30 Europe/Berlin": "twice or never",  # clocks go from 2 to 3
    "2027-10-31 02:30 Europe/Berlin": "twice or never",  # and from 3 to 2
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:40])
def test_what_says_no_moment_is_refused_in_a_sentence(text):
    with pytest.raises(times.UnclearTimeError) as refused:
        times.moment(text)
    sentence = str(refused.value)
    assert REFUSED[text] in sentence
    assert len(sentence) < 400
    assert sentence.endswith(".")


def test_a_time_without_a_zone_is_the_courses():
    assert times.moment("2027-03-01 23:59", "Asia/Hong_Kong") == datetime(2027, 3, 1, 15, 59, tzinfo=UTC)
    assert times.moment("2027-03-01 23:59", "+0800") == datetime(2027, 3, 1, 15, 59, tzinfo=UTC)
    with pytest.raises(times.UnclearTimeError, match="'HKT' is no zone"):
        times.moment("2027-03-01 23:59", "HKT")


@pytest.mark.parametrize("text", READ)
def test_nbgrader_reads_what_is_stamped_for_it_as_the_same_moment(text):
    found = times.moment(text)
    assert parse_utc(times.stamp(found)) == found.replace(tzinfo=None)


def test_a_course_whose_zone_is_none_is_told_so():
    config = Config()
    assert times.course_zone(config) == ""
    config.Normalise.zone = "Asia/Hong_Kong"
    assert times.course_zone(config) == "Asia/Hong_Kong"
    config.Normalise.zone = "HKT"
    with pytest.raises(times.UnclearTimeError, match="'HKT' is no zone"):
        times.course_zone(config)


def test_a_moment_is_spoken_in_utc_and_on_the_courses_clocks():
    when = times.moment("2027-03-01 23:59 +0800")
    assert times.spoken(when) == "2027-03-01 15:59 UTC"
    assert times.spoken(when, "Europe/Berlin") == "2027-03-01 15:59 UTC (2027-03-01 16:59 Europe/Berlin)"


def test_due_dates_and_extensions_are_stored_and_said_as_the_moments_that_they_are(tmp_path, capsys):
    course = grading_course.course(tmp_path)
    settings = course.root / "nbgrader_config.py"
    settings.write_text(settings.read_text() + '\nc.Normalise.zone = "Asia/Hong_Kong"\n')
    where = ["--course", str(course.root), ASSIGNMENT]
    for written in ("2027-03-01 23:59 +0800", "2027-03-01 23:59", "2027-03-01 16:59 Europe/Berlin"):
        assert main(["due", *where, written]) == 0
        with course.gradebook() as book:
            assert book.find_assignment(ASSIGNMENT).duedate == datetime(2027, 3, 1, 15, 59)
        said = capsys.readouterr().out
        assert said == f"{ASSIGNMENT} is due 2027-03-01 15:59 UTC (2027-03-01 23:59 Asia/Hong_Kong).\n"
    with course.gradebook() as book:
        book.add_student("ada")
        book.add_submission(ASSIGNMENT, "ada")
    assert main(["extend", *where, "ada", "24"]) == 0
    said = capsys.readouterr().out
    assert said == f"{ASSIGNMENT} is due 2027-03-02 15:59 UTC (2027-03-02 23:59 Asia/Hong_Kong) for ada.\n"
