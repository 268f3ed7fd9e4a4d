"""Processes that do a run's work beside it, and end when it ends."""

from __future__ import annotations

import concurrent.futures
import contextlib
import multiprocessing
import os
import signal


def pool(processes: int) -> concurrent.futures.ProcessPoolExecutor:
    """As many workers, each with nbgrader loaded."""
    spawn = multiprocessing.get_context("spawn")
    return concurrent.futures.ProcessPoolExecutor(processes, spawn, initializer=_start)


def _start() -> None:
    """A worker ignores the interrupt that the run's owner gets, and ends with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):  # Linux
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() == 1:
        os._exit(1)
    import warnings

    import nbgrader.converters  # noqa: F401 - so that the first submission does not wait for it
    from sqlalchemy.exc import SAWarning

    warnings.filterwarnings("ignore", category=SAWarning)  # nbgrader makes rows in an order that SQLAlchemy remarks on
