"""What a sandbox uses, looked at from outside: memory, processor time, the clock; and its end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import NamedTuple

from grading.record import Stop, StopKind
from grading.sandbox.bubblewrap import HOME

WATCH_SECONDS = 0.2
PATIENCE = 10  # how many times its seconds a run may take by the clock, however busy the machine is


def tree(pid: int) -> list[Path]:
    """The folders in /proc of the process ``pid`` and all its descendants."""
    found, waiting = [], [pid]
    while waiting:
        folder = Path(f"/proc/{waiting.pop()}")
        found.append(folder)
        with contextlib.suppress(OSError):  # a process may end while one looks at it
            for task in os.listdir(folder / "task"):
                waiting += map(int, (folder / "task" / task / "children").read_text().split())
    return found


def memory(pid: int, exact: bool = False) -> int:
    """Bytes of memory that the process ``pid`` and all its descendants hold now.

    Pages that several share count for each of them, which overstates; ``exact`` shares them out, which takes longer.
    """
    total = 0
    for folder in tree(pid):
        with contextlib.suppress(OSError, IndexError):
            held = int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            if exact:
                with contextlib.suppress(OSError):
                    held = int((folder / "smaps_rollup").read_text().partition("\nPss:")[2].split()[0]) * 1024
            total += held
    return total


class Usage(NamedTuple):
    """What a sandbox has had so far, in seconds."""

    clock: float
    processor: float  # of all its processes together
    waited: float  # that they stood ready to run, and others ran

    def since(self, before: Usage) -> float:
        """The time that was taken since ``before``, as on a machine where nobody else is at work.

        It counts what passed on the clock without the waiting for a processor, so that a neighbour costs nothing, and
        at least the processor time, so that waiting for one another is no way round.
        """
        clock, processor, waited = (now - then for now, then in zip(self, before, strict=True))
        return max(clock - max(waited, 0.0), processor)


def usage(pid: int) -> Usage:
    """What the process ``pid`` and all its descendants have had, the processor time of ended ones among it."""
    ticks = waited = 0
    for folder in tree(pid):
        with contextlib.suppress(OSError, IndexError):
            # After the name, which may hold anything: user and system time, and those of children waited for.
            ticks += sum(map(int, (folder / "stat").read_text().rpartition(")")[2].split()[11:15]))
            for task in os.listdir(folder / "task"):
                waited += int((folder / "task" / task / "schedstat").read_text().split()[1])
    return Usage(time.monotonic(), ticks / os.sysconf("SC_CLK_TCK"), waited / 1e9)


def in_files(pid: int, disk: int) -> int:
    """Bytes that the private folders of the sandbox ``pid``, each of ``disk`` bytes, take in memory.

    A file takes a kibibyte beyond its content: millions of empty ones would fit into a folder of any size.
    """
    total = 0
    innermost = tree(pid)[-1]
    for folder in (HOME, "/tmp", "/dev/shm"):
        with contextlib.suppress(OSError):
            size = os.statvfs(f"{innermost}/root{folder}")
            # A process on its way in, or out, has the machine's folders still.
            if size.f_blocks * size.f_frsize == disk:
                total += (size.f_blocks - size.f_bfree) * size.f_frsize + (size.f_files - size.f_ffree) * 1024
    return total


class Watch(threading.Thread):
    """Ends a sandbox that takes too much memory in all, or runs past its bounds in time.

    A thread, because a kernel that floods its sockets can keep the grader's event loop from looking at a clock.
    """

    def __init__(self, process: subprocess.Popen, limit: int, disk: int) -> None:
        super().__init__(daemon=True, name=f"watch-{process.pid}")
        self.process, self.limit, self.disk = process, limit, disk
        self.bound = float("inf")  # seconds of the whole run
        self.stop: Stop | None = None  # why the sandbox was ended from here
        self.peak = 0
        self.began = self.usage()

    def run(self) -> None:
        while self.process.poll() is None:
            files = in_files(self.process.pid, self.disk)
            held = memory(self.process.pid) + files
            if held > self.limit:
                held = memory(self.process.pid, exact=True) + files
            self.peak = max(self.peak, held)
            if held > self.limit:
                used = f"The notebook used more than {self.limit / (1 << 30):.3g} GiB of memory and was stopped."
                self.end(Stop(StopKind.MEMORY, used))
            elif self.over(self.began, self.bound):
                self.end(Stop(StopKind.TIME, "The whole notebook ran for too long and was stopped."))
            time.sleep(WATCH_SECONDS)

    def usage(self) -> Usage:
        """What the sandbox has had so far."""
        return usage(self.process.pid)

    def over(self, before: Usage, bound: float) -> bool:
        """Whether it has taken more than ``bound`` seconds since ``before``, or `PATIENCE` times that by the clock."""
        now = self.usage()
        return now.since(before) > bound or now.clock - before.clock > PATIENCE * bound

    def end(self, stop: Stop):
        """Kill the sandbox with everything in it; the first reason is the one that is kept."""
        self.stop = self.stop or stop
        kill(self.process)


def kill(process: subprocess.Popen):
    """Kill bubblewrap's outer process; the kernel's init dies with it, and takes the whole process tree along."""
    with contextlib.suppress(ProcessLookupError):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
