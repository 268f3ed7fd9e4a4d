"""Processes that do a run's work beside it, and end when it ends."""

from __future__ import annotations

import concurrent.futures
import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable
from typing import Any


def pool(processes: int, *begin: Any) -> concurrent.futures.ProcessPoolExecutor:
    """As many workers, each with nbgrader loaded. ``begin``: what each calls first, with its arguments."""
    spawn = multiprocessing.get_context("spawn")
    return concurrent.futures.ProcessPoolExecutor(processes, spawn, initializer=_start, initargs=(os.getpid(), *begin))


def stop(pool: concurrent.futures.ProcessPoolExecutor) -> None:
    """End the workers, whatever they are at, and wait for none."""
    for process in list((getattr(pool, "_processes", None) or {}).values()):
        process.terminate()
    pool.shutdown(wait=False, cancel_futures=True)


def _start(owner: int, begin: Callable | None = None, *arguments: Any) -> None:
    """A worker ignores the interrupt that the run's owner gets, and ends with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):  # Linux
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() != owner:  # it ended before this could be arranged
        os._exit(1)
    if begin:
        begin(*arguments)
    import warnings

    import nbgrader.converters  # noqa: F401 - so that the first submission does not wait for it
    from sqlalchemy.exc import SAWarning

    warnings.filterwarnings("ignore", category=SAWarning)  # nbgrader makes rows in an order that SQLAlchemy remarks on
