"""Start kernels by forking a process that has imported what sheets import.

The sandbox is made by bubblewrap in any case, by the same command line. A cold kernel is the program that bubblewrap
starts in it; a warm one is a child of the zygote (`grading/sandbox/zygote.py`) that enters it. What that costs, and
what is done about it:

- Children of one zygote share its address layout and hash seed. It begins anew after `SHEETS` of them, seeds and
  temporary names are drawn anew in each, and none can see another.
- Confinement that setpriv, prlimit and bubblewrap bring about for a cold kernel is brought about in `zygote.py`. Each
  child compares what it has with what it should have before it becomes a kernel, and the doctor attacks it.
- The zygote runs with the grader's rights. It takes no input but "fork", and imports nothing but the students'
  environment, which the grader runs as well.

Whatever goes wrong here, a kernel starts cold, and the log says why, once.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

from grading.sandbox import bubblewrap, seccomp
from grading.sandbox.bubblewrap import Limits
from grading.sandbox.watch import kill, tree

PROGRAM = Path(__file__).with_name("zygote.py")
SHEETS = 200  # that a zygote is forked for before it begins anew
SECONDS = 150  # until the first fork: the imports take most of it
# What a kernel is made of, whatever sheets import.
KERNEL = (
    "zmq",
    "ipykernel.kernelapp",
    "ipykernel.debugger",
    "IPython.core.completerlib",
    "IPython.extensions.storemagic",
    "tornado.platform.asyncio",
)
log = logging.getLogger(__name__)


class WarmError(RuntimeError):
    """No kernel can be forked here; the message says why, and a cold one serves as well."""


@dataclass
class Zygote:
    """A process to fork kernels from. It ends when all that hold its socket have closed it, or have ended."""

    control: socket.socket
    process: subprocess.Popen | None = None  # of the one that started it

    def fork(self, request: dict, descriptors: list[int]) -> None:
        """Have a kernel started in a sandbox. Raises WarmError if it does not start."""
        try:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with ours, theirs:
                ours.settimeout(SECONDS)
                socket.send_fds(ours, [json.dumps(request).encode()], descriptors)  # waits there for the usher
                socket.send_fds(self.control, [b"f"], [theirs.fileno()])
                theirs.close()
                said = ours.recv(1 << 12).decode(errors="replace")
        except (BrokenPipeError, ConnectionResetError):
            raise WarmError("the process to fork from has ended") from None
        except OSError as error:
            raise WarmError(f"{type(error).__name__}: {error}") from None
        if said != "ready":
            raise WarmError(said or "the forked process ended")

    def close(self) -> None:
        self.control.close()
        if self.process:  # it may be at its imports, and hears of a closed socket only after them
            self.process.kill()
            self.process.wait()


_zygotes: dict[tuple[str, tuple[str, ...]], Zygote | WarmError] = {}  # of this process
_lock = threading.Lock()


def start_zygote(python: str, modules: tuple[str, ...]) -> Zygote:
    """A new zygote with these modules, which it goes on to import; ``close`` it in the end."""
    control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    executable, _ = bubblewrap.environment(python)
    with theirs, PROGRAM.open() as program:
        process = subprocess.Popen(
            [executable, "-", str(theirs.fileno()), str(SHEETS), *KERNEL, *modules],
            stdin=program,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=bubblewrap.variables(python),
            start_new_session=True,
            pass_fds=[theirs.fileno()],
        )
    return Zygote(control, process)


def share(python: str, modules: tuple[str, ...], control: socket.socket) -> None:
    """Let this process fork its kernels from a zygote that another one has started."""
    _zygotes[python, modules] = Zygote(control)


def zygote(python: str, modules: tuple[str, ...]) -> Zygote | None:
    """The zygote with these modules that this process has or starts; None where none works."""
    with _lock:
        found = _zygotes.get((python, modules))
        if found is None:
            found = _zygotes[python, modules] = start_zygote(python, modules)
        return found if isinstance(found, Zygote) else None


def give_up(python: str, modules: tuple[str, ...], why: WarmError) -> None:
    """Start no more warm kernels with these modules in this process."""
    with _lock:
        found, _zygotes[python, modules] = _zygotes.get((python, modules)), why
    if isinstance(found, Zygote):
        log.warning(f"Kernels start cold, which takes longer and changes no grade ({why}).")
        found.close()


def why_cold(python: str, modules: tuple[str, ...]) -> str:
    """Why this process has given up warm kernels with these modules; "" if it has not."""
    found = _zygotes.get((python, modules))
    return str(found) if isinstance(found, WarmError) else ""


def start(
    parent: Zygote,
    argv: list[str],
    files: dict[Path, str],
    python: str,
    limits: Limits,
    uid: int | None,
    log_file: Path,
    sockets: tuple[int, ...],
) -> subprocess.Popen:
    """Make a sandbox and fork a kernel into it; return bubblewrap's process, which ends with the kernel.

    Raises SandboxError if there is no sandbox, WarmError if there is one and no kernel starts in it.
    """
    holder = bubblewrap.start_idle(files, python, limits, uid, log_file)
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        with contextlib.suppress(BrokenPipeError):
            holder.stdin.write(b"\n")
        if not holder.stdout.read(1):  # what went in comes out: the sandbox stands
            raise WarmError(f"bubblewrap ended with {holder.wait()}")
        holder.stdout.close()
        rules = seccomp.program()
        request = {
            "holder": int(tree(holder.pid)[-1].name),
            "uid": os.getuid() if uid is None else uid,
            "argv": argv,
            "sockets": ",".join(map(str, sockets)),
            "limits": bubblewrap.bounds(limits, uid),
            "filter": rules.hex() if rules else "",
        }
        with log_file.open("ab") as output:
            parent.fork(request, [output.fileno(), *sockets])
        return holder
    except BaseException:
        kill(holder)
        raise
