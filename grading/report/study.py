"""What a class misunderstood: losses counted by behaviour, mistakes ranked, checks that separate strong from weak.

Judges give each loss a reason. Two reasons are one mistake if they differ in numbers and quoted words alone, for those
are the student's; what a reason says is never looked at.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from statistics import mean, median

import numpy as np

from grading.record import Check
from grading.report.answers import Answer, Exercise, Klass

OWN = re.compile(r"'[^']*'|\"[^\"]*\"|\d[\d.,]*")
EXAMPLES, LONGEST = 2, 12  # of a mistake; lines of an example
MOST_COMMON = 3
FEW = 10  # students, below whom nothing is said of discrimination


@dataclass
class Mistake:
    """One mistake in one exercise."""

    exercise: Exercise
    behaviour: str
    reason: str  # in the words that came most often
    students: list[str] = field(default_factory=list)
    examples: list[list[str]] = field(default_factory=list)


@dataclass
class Behaviour:
    """One behaviour of an exercise: who lost it, by which mistakes, and what it says of the rest of the work."""

    name: str
    points: float
    lost: int
    mistakes: list[Mistake]
    discrimination: float | None


@dataclass
class Figures:
    """What the report says of one exercise."""

    exercise: Exercise
    answers: list[Answer]
    mean: float | None  # of the answers that do not wait for a mark
    blank: int
    waiting: int
    bars: list[tuple[float, int]]  # points, rounded to halves, and how many earned them
    behaviours: list[Behaviour]


@dataclass
class Study:
    """What the report says of an assignment."""

    figures: list[Figures]
    common: list[Mistake]
    totals: dict[str, float]
    seconds: tuple[float, float] | None  # the median and the most
    memory: tuple[float, float] | None


def kind(reason: str) -> str:
    """What a reason has in common with those of other students who made the same mistake."""
    return OWN.sub("…", reason)


def first_mistake(answer: Answer) -> Check | None:
    """The first behaviour that an answer lost: what it lost later often follows from that."""
    return next((check for check in answer.checks if check.earned < check.points), None) if not answer.blank else None


def study(found: Klass) -> Study:
    """Count everything that the report says."""
    totals: dict[str, float] = dict.fromkeys(found.records, 0.0)
    for answers in found.answers.values():
        for answer in answers:
            totals[answer.student] += answer.points
    figures = [_figures(task, found.answers[task.name], totals, found) for task in found.exercises]
    mistakes = [m for task in found.exercises for m in misunderstandings(found, task)]
    common = sorted(mistakes, key=lambda m: -len(m.students))[:MOST_COMMON]
    seconds = [record.seconds for record in found.records.values() if record.seconds]
    memory = [held / 2**20 for held in found.memory.values() if held]
    return Study(figures, common, totals, _middle_and_most(seconds), _middle_and_most(memory))


def _middle_and_most(values: list[float]) -> tuple[float, float] | None:
    return (median(values), max(values)) if values else None


def _figures(task: Exercise, answers: list[Answer], totals: dict[str, float], found: Klass) -> Figures:
    marked = [answer for answer in answers if not answer.waits]
    counts = Counter(round(2 * answer.points) / 2 for answer in marked)
    steps = np.arange(0, max([task.points, *counts]) + 0.5, 0.5)
    names = dict.fromkeys(check.behaviour for answer in answers for check in answer.checks)
    return Figures(
        task,
        answers,
        mean(answer.points for answer in marked) if marked else None,
        sum(answer.blank for answer in answers),
        len(answers) - len(marked),
        [(float(step), counts[float(step)]) for step in steps],
        [_behaviour(name, task, answers, totals, found) for name in names],
    )


def _behaviour(name: str, task: Exercise, answers: list[Answer], totals: dict[str, float], found: Klass) -> Behaviour:
    tried = [(answer, check) for answer in answers for check in answer.checks if check.behaviour == name]
    tried = [(answer, check) for answer, check in tried if not answer.blank]
    lost = [(answer, check) for answer, check in tried if check.earned < check.points]
    earned = np.array([check.earned for _, check in tried])
    rest = np.array([totals[answer.student] - check.earned for answer, check in tried])
    enough = len(tried) >= FEW and earned.std() > 0 and rest.std() > 0
    return Behaviour(
        name,
        max((check.points for answer in answers for check in answer.checks if check.behaviour == name), default=0.0),
        len(lost),
        _ranked(task, lost, found),
        float(np.corrcoef(earned, rest)[0, 1]) if enough else None,
    )


def misunderstandings(found: Klass, task: Exercise) -> list[Mistake]:
    """The mistakes that come first in the answers to an exercise, the most common one first."""
    firsts = [(answer, first_mistake(answer)) for answer in found.answers[task.name]]
    return _ranked(task, [(answer, check) for answer, check in firsts if check], found)


def _ranked(task: Exercise, lost: list[tuple[Answer, Check]], found: Klass) -> list[Mistake]:
    groups: dict[tuple[str, str], list[tuple[Answer, Check]]] = {}
    for answer, check in lost:
        groups.setdefault((check.behaviour, kind(check.reason)), []).append((answer, check))
    mistakes = []
    for (behaviour, _), group in groups.items():
        words = Counter(check.reason for _, check in group).most_common(1)[0][0]
        students = [answer.student for answer, _ in group]
        mistakes.append(Mistake(task, behaviour, words, students, _examples([answer for answer, _ in group], found)))
    return sorted(mistakes, key=lambda mistake: -len(mistake.students))


def _examples(answers: list[Answer], found: Klass) -> list[list[str]]:
    """Two different answers, the shortest first, that name nobody of the class."""
    people = {word.casefold() for name in found.names.values() for word in re.findall(r"\w{3,}", name)}
    examples: list[list[str]] = []
    for answer in sorted(answers, key=lambda answer: sum(map(len, answer.lines))):
        words = {word.casefold() for line in answer.lines for word in re.findall(r"\w{3,}", line)}
        shown = answer.lines[:LONGEST] + ["…"] * (len(answer.lines) > LONGEST)
        if shown and shown not in examples and not words & people:
            examples.append(shown)
        if len(examples) == EXAMPLES:
            break
    return examples
