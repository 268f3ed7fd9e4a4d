"""What a collection did, for the person who started it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from grading.intake.collect import Delivery, Plan, State
from grading.text import one_line

MOST_NAMED = 400


def told(found: Plan, late: Mapping[str, float]) -> str:
    """The lines: how many, and who, is new, changed, late, late at an unknown time, unmatched and absent.

    ``late`` has the seconds of lateness by student.
    """
    made = found.deliveries
    of = {state: [delivery for delivery in made if delivery.state == state] for state in State}
    unmatched = [delivery.student for delivery in made if found.people and not delivery.person]
    marked = [delivery.student for delivery in made if delivery.origin.late and not delivery.when]
    slow = [f"{delivery.student} ({_hours(late[delivery.student])})" for delivery in made if late.get(delivery.student)]
    lines = [
        f"{found.assignment}: {len(made)} collected, {len(of[State.SAME])} of them as they were.",
        *_named("new", map(_student, of[State.NEW])),
        *_named("changed", map(_student, of[State.CHANGED])),
        *_named("late", slow),
        *_named("late at an unknown time", marked),
        *_named("of unknown time", (d.student for d in made if not d.when and not d.origin.late)),
        *_named("unmatched", unmatched),
        *_named("absent", found.absent),
        *(f"  {old} is now {new}." for old, new in found.moves.items()),
        *(f"  {question}" for question in found.questions),
    ]
    return "\n".join(lines)


def _student(delivery: Delivery) -> str:
    return delivery.student


def _named(what: str, names: Iterable[str]) -> list[str]:
    shown = sorted(names)
    more = f" and {len(shown) - MOST_NAMED} more" if len(shown) > MOST_NAMED else ""
    return [f"  {what}: {len(shown)}", f"    {', '.join(map(one_line, shown[:MOST_NAMED]))}{more}"] if shown else []


def _hours(seconds: float) -> str:
    minutes = int(seconds // 60)
    days, minutes = divmod(minutes, 24 * 60)
    return f"by {days} d {minutes // 60} h {minutes % 60} min" if days else f"by {minutes // 60} h {minutes % 60} min"
