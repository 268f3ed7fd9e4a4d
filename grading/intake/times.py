"""When: a date, a time and a zone, read as they are written, or refused in a sentence.

nbgrader's own reader takes `+0800` for 800 seconds, and a zone that it does not know for UTC. So a due date and a time
of submission come through here, and nbgrader meets none but UTC. A zone is an offset (`+08:00`, `+0800`, `+8`,
`UTC+8`), `Z`, `UTC`, `GMT`, or a name of the IANA's database with its slash (`Asia/Hong_Kong`). An abbreviation is
none: `CST` is a zone in China, in America and in Cuba.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from traitlets.config import Config

from grading.errors import CourseError
from grading.text import one_line

LONGEST = 100  # characters
# In numbers, the year first: as people and programs write it; and with dashes alone, as in names of files.
WHEN = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)"
    r"(?:[T ] *(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<part>\d{1,9}))?)?"
    r"|[-_ ](?P<hour_>\d\d)[-_.](?P<minute_>\d\d)(?:[-_.](?P<second_>\d\d))?) *(?P<zone>.*)",
    re.ASCII,
)
# With the month in English: Moodle's "Monday, 1 March 2027, 9:04 PM", Brightspace's "Mar 1, 2027 904 PM".
WORDS = re.compile(
    r"(?:[a-z]+, *)?(?:(?P<day>\d\d?)\.? (?P<month>[a-z]{3,9})|(?P<month_>[a-z]{3,9})\.? (?P<day_>\d\d?)),?"
    r" (?P<year>\d{4}),? (?P<hour>\d\d?):?(?P<minute>\d\d)(?::(?P<second>\d\d))?(?:\s?(?P<half>[ap])m)? *(?P<zone>.*)",
    re.ASCII | re.IGNORECASE,
)
MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october"),
    *("november", "december"),
)
OFFSET = re.compile("(?:UTC|GMT)? ?([+\N{MINUS SIGN}-])([0-9]{1,2})(?::?([0-9]{2}))?", re.IGNORECASE)
GREATEST_OFFSET = timedelta(hours=14)  # that any place on Earth has
HOW = "write an offset, as in +0800, or a name, as in Asia/Hong_Kong"


class UnclearTimeError(CourseError):
    """A text that says no moment, with the reason in one sentence."""


def moment(text: str, zone: str = "") -> datetime:
    """The moment that ``text`` says, in UTC; ``zone`` is the course's, for a text without one ("" if it has none)."""
    found = _said(text.strip()) if len(text) <= LONGEST else None
    if not found:
        raise UnclearTimeError(f"'{one_line(text)}' is no date and time: write it as in '2027-03-01 23:59 +0800'.")
    numbers, written = found
    if not (written or zone):
        raise UnclearTimeError(f"'{one_line(text)}' has no zone: {HOW}, or set c.Normalise.zone for the course.")
    place = zone_of(written or zone)
    try:
        local = datetime(*numbers)
        offsets = {local.replace(tzinfo=place, fold=fold).utcoffset() for fold in (0, 1)}
        there = local.replace(tzinfo=place).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UnclearTimeError(f"'{one_line(text)}' is in no calendar, or on no clock.") from None
    if len(offsets) > 1:
        raise UnclearTimeError(
            f"'{one_line(text)}' is a time at which clocks are changed in {place}, so it is there twice or never: "
            "write an offset, as in +0800."
        )
    return there


def _said(text: str) -> tuple[tuple[int, int, int, int, int, int, int], str] | None:
    """The year, the month, … and the microsecond that a text says, and its zone as it is written."""
    if not (found := WHEN.fullmatch(text) or WORDS.fullmatch(text)):
        return None
    # Of two places for one thing, that which is there.
    said = {name.rstrip("_"): value for name, value in found.groupdict().items() if value is not None}
    month, hour, half = said["month"].casefold(), int(said["hour"]), said.get("half", "").casefold()
    if not month.isdigit():
        month = next((f"{n}" for n, name in enumerate(MONTHS, 1) if month in (name, name[:3])), "")
    if not month or (half and not 1 <= hour <= 12):
        return None
    hour = hour % 12 + 12 * (half == "p") if half else hour
    part = int(said.get("part", "").ljust(6, "0")[:6])
    day = int(said["year"]), int(month), int(said["day"])
    return (*day, hour, int(said["minute"]), int(said.get("second", 0)), part), said["zone"]


def zone_of(text: str) -> tzinfo:
    """The zone that a text names; raise UnclearTimeError if it names none, or more than one."""
    if text.upper() in ("Z", "UTC", "GMT", "ETC/UTC"):
        return UTC
    if found := OFFSET.fullmatch(text):
        sign, hours, minutes = found.groups()
        offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
        if offset <= GREATEST_OFFSET and int(minutes or 0) < 60:
            return timezone(offset if sign == "+" else -offset)
    elif name := _names().get(text.casefold()):
        return ZoneInfo(name)
    raise UnclearTimeError(f"'{one_line(text)}' is no zone that is one everywhere: {HOW}.")


def course_zone(config: Config) -> str:
    """The zone that a course has set for times without one, or ""; raise UnclearTimeError if what is set is none."""
    if zone := config.Normalise.get("zone", ""):
        zone_of(zone)
    return zone


@cache
def _names() -> dict[str, str]:
    """The names of places by their small letters; `Etc/GMT+8` is none, for it is eight hours behind UTC."""
    return {name.casefold(): name for name in available_timezones() if "/" in name and not name.startswith("Etc/")}


def stamp(when: datetime) -> str:
    """A moment as nbgrader reads it rightly."""
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f UTC")


def spoken(when: datetime, zone: str = "") -> str:
    """A moment for people: in UTC, and on the course's clocks if it has set a zone."""
    text = f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"{text} ({when.astimezone(zone_of(zone)):%Y-%m-%d %H:%M} {zone})" if zone else text
