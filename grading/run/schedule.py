"""Grade submissions in processes of this machine, one beside the other."""

from __future__ import annotations

import concurrent.futures
import itertools
from collections.abc import Generator, Iterator

from grading.record import Failure, FailureKind, Outcome
from grading.run import pool as pools
from grading.run.worker import Job, grade_in_time, grade_one, start_zygote
from grading.sandbox import warm

ATTEMPTS = 2  # of a submission whose worker was lost, before that is its result


def run_here(jobs: Iterator[Job], processes: int) -> Generator[Outcome, None, None]:
    """Grade in processes of this machine, as many at once as asked; a process that is lost is replaced."""
    first = next(jobs, None)
    if first is None:
        return
    waiting = itertools.chain([first], jobs)
    attempts: dict[str, int] = {}
    alone: list[Job] = []
    running: dict[concurrent.futures.Future[Outcome], Job] = {}
    exhausted, pool = False, None
    zygote = start_zygote(first)
    try:
        while True:
            if pool is None:
                shared = (warm.share, *zygote[:2], zygote[2].control) if zygote else ()
                pool = pools.pool(processes, *shared)
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
        if zygote:
            zygote[2].close()
