"""Grade on the workers of a Dask cluster."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Generator, Iterator

from grading.errors import CourseError
from grading.record import Failure, FailureKind, Outcome
from grading.run.schedule import ATTEMPTS
from grading.run.worker import Job, grade_one
from grading.text import one_line


def run_on(jobs: Iterator[Job], address: str) -> Generator[Outcome, None, None]:
    """Grade on the workers of a Dask cluster; a task whose worker is lost goes to another one."""
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise CourseError("--scheduler needs Dask: run 'python -m pip install distributed'.") from None
    try:
        client = Client(address, timeout=10)
    except (OSError, TimeoutError, ValueError) as error:
        raise CourseError(
            f"There is no Dask scheduler at {address}: start it, or correct the address ({error})."
        ) from None
    with client:
        if not client.scheduler_info()["workers"]:
            raise CourseError(
                f"The scheduler at {address} has no workers yet: start some, as in 'dask worker {address}'."
            )
        # A few jobs ahead of the workers: the submissions of a large class need not be in memory at once.
        ahead = 2 * sum(worker["nthreads"] for worker in client.scheduler_info()["workers"].values())
        students = {}

        def submit(job: Job):
            future = client.submit(grade_one, job, pure=False, retries=ATTEMPTS)
            students[future.key] = job.student
            return future

        first = [submit(job) for _, job in zip(range(ahead), jobs, strict=False)]
        pending = as_completed(first)
        for future in pending:
            student = students.pop(future.key)
            try:  # a result whose worker was lost before it was fetched is computed again
                outcome = future.result()
            except (Exception, CancelledError) as error:
                why = one_line(f"{type(error).__name__}: {error}", 300)
                lost = Failure(FailureKind.WORKER, f"No worker could grade this submission ({why}).")
                outcome = Outcome(student, failure=lost)
            yield outcome
            future.release()
            if (job := next(jobs, None)) is not None:
                pending.add(submit(job))
