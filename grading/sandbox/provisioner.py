"""Start, watch and end a student's kernel in the sandbox: a kernel provisioner for `jupyter_client`.

A provisioner is how Jupyter lets others decide where a kernel runs, so everything above it (nbclient, stock
`nbgrader autograde`, the formgrader's button) stays as it is. It is named by the kernelspec `mibook-sandbox` in
`grading/sandbox/kernels/`; `grading.sandbox.manager` says how both are found.

The kernel's sockets are files (ipc) in a folder that only the grader reaches. They are opened here, listening, and
handed to the kernel as open descriptors: grader and kernel share no folder.

What stays open: the signing key is in the kernel's own memory, so a student's code can speak for its kernel (forge
outputs and replies). Nothing that comes out of a kernel may be trusted; verdicts are made outside of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

from jupyter_client.provisioning import KernelProvisionerBase
from jupyter_client.session import Session
from traitlets import Bool, Integer, List, Unicode

from grading.sandbox import bubblewrap, warm
from grading.sandbox.bubblewrap import Limits
from grading.sandbox.watch import Watch, kill

LAUNCHER = Path(__file__).parent / "launch.py"
CHANNELS = ("shell", "iopub", "stdin", "control", "hb")


class BubblewrapProvisioner(KernelProvisionerBase):
    """Runs one kernel in one sandbox. All limits can be set in `nbgrader_config.py`."""

    memory = Integer(Limits.memory, help="Bytes of memory, for each process and for all together.").tag(config=True)
    disk = Integer(Limits.disk, help="Bytes of the home, of /tmp and of /dev/shm, each in memory.").tag(config=True)
    processes = Integer(Limits.processes, help="Processes and threads.").tag(config=True)
    files = Integer(Limits.files, help="Open files of a process.").tag(config=True)
    seconds = Integer(Limits.seconds, help="Seconds of processor time of a process.").tag(config=True)
    python = Unicode(sys.executable, help="The interpreter of the environment that students have.").tag(config=True)

    warm = Bool(True, help="Fork kernels from a process that has the modules of `preload`.").tag(config=True)
    preload = List(Unicode(), help="Modules that sheets import. Without one, kernels start cold.").tag(config=True)

    process: subprocess.Popen | None = None
    watch: Watch | None = None
    room: Path | None = None
    isolation = ""  # "bubblewrap", or "none" by the explicit word
    last_words = ""  # what the kernel's process wrote last outside of Jupyter's channels

    @property
    def limits(self) -> Limits:
        return Limits(self.memory, self.disk, self.processes, self.files, self.seconds)

    @property
    def has_process(self) -> bool:
        return self.process is not None

    def check(self) -> str:
        """The isolation that a kernel would get with these settings; raises SandboxError if there is none."""
        return bubblewrap.check(self.python, self.limits)

    async def pre_launch(self, **kwargs):
        """Check that this machine protects, make the private room, open the sockets."""
        self.isolation = self.check()
        if self.isolation == "none":
            self.log.warning(f"{bubblewrap.WEAK}=none: this kernel runs WITHOUT a sandbox, with all your rights.")
        elif kwargs.get("cwd"):
            bubblewrap.refuse_visible(kwargs["cwd"], self.python)
        if self.room is None:  # a restart keeps the room: clients come back to the same sockets
            self.room = bubblewrap.new_room()
        self.uid = bubblewrap.kernel_user() if self.isolation == "bubblewrap" else None
        self.shown = bubblewrap.prepare(self.room, self.uid)
        manager = self.parent
        manager.transport, manager.ip = "ipc", str(self.room / "socket")
        manager.connection_file = str(self.room / "connection.json")
        for port, channel in enumerate(CHANNELS, 1):
            setattr(manager, f"{channel}_port", port)
        self.connection_info = manager.get_connection_info()
        self.sockets = [self._listen(port, self.room) for port in range(1, len(CHANNELS) + 1)]
        places = {
            "{launcher}": self._show(LAUNCHER),
            "{sockets}": ",".join(str(listening.fileno()) for listening in self.sockets),
            "{connection_file}": self._show(self._write_connection(self.room, manager.session)),
        }
        executable, _ = bubblewrap.environment(self.python)
        words = [*self.kernel_spec.argv[1:], *kwargs.pop("extra_arguments", [])]
        return {"cmd": [executable, *(places.get(word, word) for word in words)]}

    def _listen(self, port: int, room: Path) -> socket.socket:
        path = room / f"socket-{port}"
        path.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(str(path))
        listening.listen(16)
        listening.setblocking(False)  # as ZeroMQ expects it
        return listening

    def _show(self, path: Path) -> str:
        """Let the sandbox see a file; return where."""
        if self.isolation == "none":
            return str(path)
        self.shown[path] = f"{bubblewrap.ROOM}/{path.name}"
        return self.shown[path]

    def _write_connection(self, room: Path, session: Session) -> Path:
        """Write what the kernel must know about its sockets; the folder named in it exists on neither side."""
        folder = room / "inside"
        folder.mkdir(exist_ok=True)
        path = folder / "kernel.json"
        path.unlink(missing_ok=True)
        info = self.connection_info | {
            "ip": f"{bubblewrap.ROOM}/socket",
            "key": session.key.decode(),
        }
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w") as file:
            json.dump(info, file)
            if self.uid is not None:
                os.fchown(file.fileno(), self.uid, self.uid)
        return path

    async def launch_kernel(self, cmd, **kwargs):
        assert self.room is not None, "jupyter_client calls pre_launch first"
        log = self.room / "log"
        descriptors = tuple(listening.fileno() for listening in self.sockets)
        if self.isolation == "bubblewrap":
            self.process = self._start(cmd, log, descriptors)
        else:
            self.process = self._start_unprotected(cmd, log, descriptors)
        for listening in self.sockets:
            listening.close()  # when the kernel is gone, nobody listens
        self.watch = Watch(self.process, self.memory, self.disk)
        self.watch.start()
        return self.connection_info

    def _start(self, cmd: list[str], log: Path, descriptors: tuple[int, ...]) -> subprocess.Popen:
        """Start a kernel in a sandbox, warm if that works."""
        place = (self.shown, self.python, self.limits, self.uid, log, descriptors)
        modules = tuple(self.preload)
        if self.warm and modules and (parent := warm.zygote(self.python, modules)):
            try:
                return warm.start(parent, cmd[1:], *place)
            except warm.WarmError as why:
                warm.give_up(self.python, modules, why)
        return bubblewrap.start(cmd, *place)

    def _start_unprotected(self, cmd: list[str], log: Path, descriptors: tuple[int, ...]) -> subprocess.Popen:
        """Without protection a kernel still gets a folder without notebooks and a small environment."""
        home = log.with_name("home")
        home.mkdir(exist_ok=True)
        variables = bubblewrap.variables(self.python) | {"HOME": str(home), "TMPDIR": str(home)}
        with log.open("ab") as output:
            return subprocess.Popen(
                cmd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=home,
                env=variables,
                start_new_session=True,
                pass_fds=descriptors,
            )

    async def poll(self):
        return 0 if self.process is None else self.process.poll()

    async def wait(self):
        if self.process is None:
            return 0
        while (code := self.process.poll()) is None:
            await asyncio.sleep(0.005)
        self.process = None
        return code

    async def send_signal(self, signum):
        """End the sandbox: a signal reaches bubblewrap, not the kernel. (Interrupts go by message.)"""
        if self.process is not None:
            kill(self.process)

    async def kill(self, restart=False):
        await self.send_signal(signal.SIGKILL)
        with contextlib.suppress(TimeoutError):  # else its manager looks only ten times a second
            await asyncio.wait_for(self.wait(), timeout=1)

    async def terminate(self, restart=False):
        await self.send_signal(signal.SIGTERM)

    def get_shutdown_wait_time(self, recommended=5.0):
        """Nothing in a sandbox is worth waiting for, and hostile code must not make each notebook wait."""
        return min(recommended, 1.0)

    async def cleanup(self, restart=False):
        if self.process is not None:
            kill(self.process)
        if not restart and self.room is not None:
            with contextlib.suppress(OSError, IndexError):
                self.last_words = (self.room / "log").read_text(errors="replace").strip().splitlines()[-1][:500]
            shutil.rmtree(self.room, ignore_errors=True)
            self.room = None
