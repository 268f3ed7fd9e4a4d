"""Where submissions are graded, and in which order: processes of this machine, and a second try for who was starved.

A submission that lost points as its time ran out may have had a neighbour that took the processor: it is graded once
more, alone, after all others.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
from collections.abc import Callable, Generator, Iterator

import nbformat

from grading.record import Failure, FailureKind, Outcome, checks_of, run_of
from grading.run import pool as pools
from grading.run.worker import Job, grade_in_time, grade_one

ATTEMPTS = 2  # of a submission whose worker was lost, before that is its result


def starved(outcome: Outcome) -> bool:
    """Whether points were lost, and time ran out: the code may be slow, or another submission took its time."""
    if outcome.failure:
        return outcome.failure.kind == FailureKind.GRADER  # perhaps no kernel started in time
    sheets = [nbformat.reads(content.decode("utf-8"), as_version=4) for content in outcome.sheets.values()]
    checks = [check for sheet in sheets for cell in sheet.cells for check in checks_of(cell)]
    if all(check.earned >= check.points for check in checks):
        return False
    return any(run_of(sheet)[0].out_of_time for sheet in sheets)


def fairly(
    jobs: Iterator[Job], run: Callable[[Iterator[Job], bool], Generator[Outcome, None, None]]
) -> Generator[Outcome, None, None]:
    """The outcomes of ``run(jobs, False)``, but of a starved submission that of ``run(…, True)``, which runs it alone.

    It comes last, when no other submission is at work, and once: what it says then counts.
    """
    under_way: dict[str, Job] = {}
    waiting: list[Job] = []

    def watched() -> Iterator[Job]:
        for job in jobs:
            under_way[job.student] = job
            yield job

    with contextlib.closing(run(watched(), False)) as outcomes:
        for outcome in outcomes:
            job = under_way.pop(outcome.student)
            if starved(outcome):
                waiting.append(job)
            else:
                yield outcome
    if waiting:
        with contextlib.closing(run(iter(waiting), True)) as outcomes:
            yield from outcomes


def run_here(jobs: Iterator[Job], processes: int) -> Generator[Outcome, None, None]:
    """Grade in processes of this machine, as many at once as asked; a process that is lost is replaced."""
    waiting = iter(jobs)
    attempts: dict[str, int] = {}
    alone: list[Job] = []
    running: dict[concurrent.futures.Future[Outcome], Job] = {}
    exhausted, pool = False, None
    try:
        while True:
            if pool is None:
                pool = pools.pool(processes)
            # One more than there are workers, so that none waits for the writer. After a loss its suspects run one at a
            # time, so that the next loss names the one to blame.
            while len(running) < (1 if alone else processes + 1) and not (exhausted and not alone):
                job = alone.pop(0) if alone else next(waiting, None)
                if job is None:
                    exhausted = True
                    break
                attempts[job.student] = attempts.get(job.student, 0) + 1
                running[pool.submit(grade_in_time, grade_one, job)] = job
                if attempts[job.student] > 1:
                    break
            if not running:
                return
            done, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            lost = []
            for future in done:
                job = running.pop(future)
                try:
                    yield future.result()
                except concurrent.futures.process.BrokenProcessPool:
                    lost.append(job)
            if lost:
                lost += running.values()
                running.clear()
                pool.shutdown(wait=True, cancel_futures=True)
                pool = None
                for job in lost:
                    if attempts[job.student] >= ATTEMPTS:
                        lost_twice = "The process that graded this submission was ended twice."
                        yield Outcome(job.student, failure=Failure(FailureKind.WORKER, lost_twice))
                    else:
                        alone.append(job)
    finally:
        if pool is not None:
            pools.stop(pool)  # whoever stops the run does not wait for the kernels that are at work
