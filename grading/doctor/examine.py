"""Attack the sandbox on this machine and say what holds.

    python -m grading.doctor

The attacks of `grading.doctor.attacks` run in a student's kernel, started as grading starts it, against a course
folder, servers, a process and a secret that are put up for the purpose. An attack succeeds if it returns something; it
is repelled if it returns nothing or raises OSError. Anything else means that it could not be tried, and counts as a
failure. The exit status is 1 if any protection fails.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import inspect
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nbformat.v4 import new_code_cell, new_notebook
from traitlets.config import Config

from grading.doctor import attacks
from grading.record import METADATA
from grading.run.execute import RobustExecute
from grading.sandbox import bubblewrap, seccomp, warm
from grading.sandbox.bubblewrap import SandboxError

ROOT = Path(__file__).resolve().parents[2]
# Small limits, so that the bombs below cost seconds.
MEMORY, DISK, PROCESSES = 1 << 30, 32 << 20, 64


class Finding(NamedTuple):
    """One claim, and what an attack on it achieved ("" if nothing: the claim holds)."""

    claim: str
    broken: str


# Claims that are attacked one after the other in one kernel.
QUIET = [
    ("Password hashes can't be read.", attacks.read_passwords),
    ("The course (gradebook, secret, hidden tests, other submissions) can't be read.", attacks.read_course),
    ("The book's sources and the grading code can't be read.", attacks.read_repository),
    ("The grader's home can't be read.", attacks.read_home),
    ("The Python environment and the package can't be changed.", attacks.write_environment),
    ("The system, the home and the course can't be written.", attacks.write_system),
    ("Servers on this machine can't be reached (loopback).", attacks.reach_loopback),
    ("No network is there.", attacks.reach_network),
    ("Unix sockets of this machine can't be reached, abstract ones neither.", attacks.reach_unix_sockets),
    ("Uncommon socket families are refused (the host of a virtual machine).", attacks.reach_virtual_host),
    ("The grader's and other processes can't be seen.", attacks.see_processes),
    ("The grader's and other processes can't be signalled.", attacks.kill_processes),
    ("No process can be traced or its memory read.", attacks.trace_processes),
    ("No privilege is left, and none can be gained (mounts, namespaces, root).", attacks.gain_privileges),
    ("Secrets of the grader's environment and the place of the course can't be found.", attacks.find_secrets),
    ("No open file leads out.", attacks.use_open_files),
    ("No link can be planted where the grader works.", attacks.plant_links),
    ("No memory can be taken that belongs to no process.", attacks.hide_memory),
]
# Claims whose attacks may cost the kernel its memory; in a second one.
LOUD = [
    ("Private folders are bounded: the disk can't be filled.", attacks.fill_disk),
    ("A fork bomb ends at its limit.", attacks.fork_without_end),
    ("A process that takes memory ends at its limit.", attacks.take_memory),
]


# Claims about a kernel that is forked, attacked beside a sibling that leaves traces in all places.
SIBLINGS = [
    ("No trace of another sheet is found: memory, files, sockets, keys, environment.", attacks.find_traces),
    ("No other sheet's process can be seen.", attacks.find_siblings),
    ("The process that kernels are forked from takes no command from them.", attacks.command_the_parent),
]
# What the forked kernels of the doctor have already imported; their sheets import the same.
PRELOADED = ["numpy", "torch"]


class Targets:
    """What the attacks aim at: a course, servers, a process, a secret in the environment; all removed at the end."""

    def __enter__(self) -> Targets:
        self.cleanup = contextlib.ExitStack()
        folder = Path(self.cleanup.enter_context(tempfile.TemporaryDirectory(prefix="mibook-doctor-")))
        marker = f"mibook-doctor-{secrets.token_hex(8)}"
        self.marker, self.folder = marker, folder
        course = folder / "course"
        names = ["gradebook.db", "secret", "source/a/n.ipynb", "submitted/other/a/n.ipynb", "autograded/me/a/n.ipynb"]
        for name in names:
            (course / name).parent.mkdir(parents=True, exist_ok=True)
            (course / name).write_text("not for students")
        tcp = self._serve(socket.AF_INET, ("127.0.0.1", 0))
        abstract = f"\0{marker}"
        self._serve(socket.AF_UNIX, abstract)
        self._serve(socket.AF_UNIX, str(folder / "socket"))
        sleep = [sys.executable, "-c", "import time; time.sleep(7200)", f"victim-{marker}"]
        victim = subprocess.Popen(sleep)
        self.cleanup.callback(victim.wait)
        self.cleanup.callback(victim.kill)
        os.environ["MIBOOK_DOCTOR_SECRET"] = f"secret-{marker}"
        self.cleanup.callback(os.environ.pop, "MIBOOK_DOCTOR_SECRET")
        own_tasks = bubblewrap.own_tasks() if os.geteuid() else 0  # they come on top, see there
        self.values = {
            "marker": marker,
            "course": str(course),
            "course_files": [str(course / name) for name in names],
            "repository": [str(ROOT / name) for name in ("book", "grading", "tests", "requirements.in")],
            "environment": list(bubblewrap.environment(sys.executable)[1]),
            "home": os.path.expanduser("~"),
            "port": tcp.getsockname()[1],
            "abstract": abstract,
            "socket": str(folder / "socket"),
            "grader": os.getpid(),
            "victim": victim.pid,
            "victim_name": f"victim-{marker}",
            "secret": f"secret-{marker}",
            "survivor": f"survivor-{marker}",
            "linger": 1.5,
            "memory": MEMORY,
            "disk": DISK,
            "processes": PROCESSES + own_tasks,
            "places": attacks.PLACES,
        }
        return self

    def _serve(self, family: int, address) -> socket.socket:
        server = self.cleanup.enter_context(socket.socket(family, socket.SOCK_STREAM))
        server.bind(address)
        server.listen()
        return server

    def __exit__(self, *_):
        # An attack that succeeded may have left its mark.
        for folder in (
            *self.values["environment"],
            self.values["home"],
            "/",
            "/usr",
            "/etc",
            "/run",
            "/home",
            "/var/tmp",
        ):
            shutil.rmtree(Path(folder) / self.marker, ignore_errors=True)
        self.cleanup.close()


def _configuration() -> Config:
    config = Config()
    config.BubblewrapProvisioner.memory = MEMORY
    config.BubblewrapProvisioner.disk = DISK
    config.BubblewrapProvisioner.processes = PROCESSES
    return config


def _cell(function, values: dict):
    """A code cell that runs an attack and prints what it achieved, as JSON."""
    source = inspect.getsource(attacks.attempt) + inspect.getsource(function)
    source += f"\nimport json\ntry:\n    _got = {function.__name__}(json.loads({json.dumps(values)!r}))\n"
    source += "except OSError:\n    _got = ''\nprint('got:' + json.dumps(str(_got) if _got else ''))\n"
    return new_code_cell(source)


def _outcome(cell) -> str:
    """What the attack in an executed cell achieved; "" if nothing."""
    for output in cell.outputs:
        if output.output_type == "stream" and "got:" in output.text:
            return json.loads(output.text.partition("got:")[2].splitlines()[0])[:300]
        if output.output_type == "error":
            return f"the attack could not be tried ({output.ename}: {output.evalue[:200]})"
    return "the attack could not be tried (no answer)"


def attack(functions: list, values: dict, forked: bool = False, **options) -> tuple[list[str], str]:
    """Run attacks in one kernel; return what each achieved, and why the kernel was stopped ("" if it was not)."""
    notebook = new_notebook(cells=[_cell(function, values) for function in functions])
    config = _configuration()
    config.BubblewrapProvisioner.preload = PRELOADED if forked else []
    _, resources = RobustExecute(config=config, timeout=60, **options).preprocess(notebook, {})
    stop = resources[METADATA].stop
    return [_outcome(cell) for cell in notebook.cells], stop.text if stop else ""


def _running(word: str) -> list[int]:
    """The processes of this machine that have ``word`` on their command line."""
    found = []
    for entry in os.scandir("/proc"):
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and word.encode() in Path(entry.path, "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


class _Lookout(threading.Thread):
    """Notes whether a process with ``word`` on its command line was ever there."""

    def __init__(self, word: str):
        super().__init__(daemon=True)
        self.word, self.seen, self.stop = word, False, False

    def run(self):
        while not (self.seen or self.stop):
            self.seen = bool(_running(self.word))
            time.sleep(0.1)


def _gone(word: str, seconds: float = 3) -> str:
    """Wait for every process with ``word`` to end; "" if they did."""
    deadline = time.monotonic() + seconds
    while left := _running(word):
        if time.monotonic() > deadline:
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            return f"processes {left} lived on"
        time.sleep(0.05)
    return ""


def survives_its_kernel(targets: Targets, forked: bool) -> str:
    lookout = _Lookout(targets.values["survivor"])
    lookout.start()
    attack([attacks.stay_alive], targets.values, forked)
    lookout.stop = True
    return _gone(targets.values["survivor"]) if lookout.seen else "the attack could not be tried (no process seen)"


def survives_the_grader(targets: Targets, forked: bool) -> str:
    word = f"orphan-{targets.marker}"
    values = targets.values | {"survivor": word, "linger": 60}
    code = "import json, sys; from grading.doctor import attacks, examine; "
    code += f"examine.attack([attacks.stay_alive], json.loads(sys.argv[1]), {forked})"
    # Its temporary files lie in our folder, since it will not come to remove them.
    variables = os.environ | {"TMPDIR": str(targets.folder)}
    # The word may not stand on the stand-in's own command line.
    given = json.dumps(values).replace("orphan-", "\\u006frphan-")
    grader = subprocess.Popen([sys.executable, "-c", code, given], cwd=ROOT, env=variables)
    deadline = time.monotonic() + 60
    while not _running(word) and grader.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    seen = bool(_running(word))
    grader.kill()
    grader.wait()
    return _gone(word) if seen else "the attack could not be tried (no process seen)"


def outlives_the_clock(targets: Targets, forked: bool) -> str:
    start = time.monotonic()
    (_,), stopped = attack([attacks.run_for_ever], targets.values, forked, notebook_seconds=3)
    seconds = time.monotonic() - start
    return "" if "too long" in stopped else f"it ran for {seconds:.0f} s: {stopped}"


def takes_memory_together(targets: Targets, forked: bool) -> str:
    (got,), stopped = attack([attacks.take_shared_memory], targets.values, forked)
    return "" if "memory" in stopped else got


def examine(targets: Targets, claims: list = QUIET, forked: bool = False) -> Iterator[Finding]:
    """Yield a Finding for each quiet claim, attacked in one kernel."""
    got, stopped = attack([function for _, function in claims], targets.values, forked)
    for (claim, _), broken in zip(claims, got, strict=True):
        yield Finding(claim, broken)
    if stopped:
        yield Finding("The kernel survives the attacks above.", stopped)


def examine_loud(targets: Targets, forked: bool = False) -> Iterator[Finding]:
    """Yield a Finding for each claim whose attack is dangerous without a sandbox."""
    yield from examine(targets, LOUD, forked)
    yield Finding("Processes that take memory together are stopped.", takes_memory_together(targets, forked))
    yield Finding("A notebook that never ends is stopped, interrupts or not.", outlives_the_clock(targets, forked))
    yield Finding("No process outlives its kernel.", survives_its_kernel(targets, forked))
    yield Finding("No process outlives the grader, even a killed one.", survives_the_grader(targets, forked))


def examine_siblings(targets: Targets) -> Iterator[Finding]:
    """Yield a Finding for each claim about a forked kernel while a sibling of it runs, and one about chance."""
    values = targets.values | {"halves": [secrets.token_hex(12), secrets.token_hex(12)], "linger": 6}
    claims, functions = zip(*SIBLINGS, strict=True)
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        one = threads.submit(attack, [attacks.leave_traces], values, True)
        time.sleep(1)
        got, _ = attack(list(functions), values, True)
        other = threads.submit(attack, [attacks.leave_traces], values | {"linger": 0}, True).result()
        drawn = [json.loads(text) if text.startswith("[") else [text] for (text,), _ in (one.result(), other)]
    for claim, broken in zip(claims, got, strict=True):
        yield Finding(claim, broken)
    same = [str(number) for number in {*drawn[0]} & {*drawn[1]}]
    same += [str(numbers) for numbers in drawn if len(numbers) < 3]  # it could not be tried
    yield Finding("Two sheets draw different random numbers.", ", ".join(same))


def forks() -> str:
    """Why kernels can't be forked here, or nothing."""
    attack([], {}, forked=True)
    return warm.why_cold(sys.executable, tuple(PRELOADED))


LEFT_OPEN = """\
Left open, by design:
- A student's code can speak for its own kernel, whose signing key it holds: outputs are claims, no verdicts.
- All share the machine's Linux kernel; {calls}
- No cgroup is used: locks on files and the buffers of sockets and pipes cost kernel memory that nothing counts. The
  limits on processes and open files bound it.
- Memory is looked at five times a second: for a moment a notebook can hold more than its share.
- Speed is not hidden: code can see how busy the machine is."""

FILTERED = "a filter refuses the system calls that most often had bugs, not all."
UNFILTERED = "for this kind of processor no filter of system calls is listed."


def main() -> int:
    try:
        isolation = bubblewrap.check()
    except SandboxError as error:
        print(f"No sandbox: {error}\nNothing would be executed on this machine.")
        return 1
    if isolation == "none":
        print(f"{bubblewrap.WEAK}=none: students' code would run with all your rights; unset it, then ask again.")
        return 1
    who = "root: kernels run as a random user" if os.geteuid() == 0 else "an ordinary user, in a user namespace"
    print(f"bubblewrap works; started by {who}.")
    ways = [("", False)] if (cold := forks()) else [("", False), (" (forked)", True)]
    if cold:
        print(f"Kernels start cold here, which takes longer and changes no grade: {cold}.")
    broken = 0
    with Targets() as targets:
        found = [
            (finding, way)
            for way, forked in ways
            for finding in [*examine(targets, forked=forked), *examine_loud(targets, forked)]
        ]
        found += [] if cold else [(finding, "") for finding in examine_siblings(targets)]
        for finding, way in found:
            broken += bool(finding.broken)
            print(f"  {'BROKEN' if finding.broken else 'holds '}  {finding.claim}{way} {finding.broken}".rstrip())
    known = seccomp.program() is not None
    calls = (
        "a filter refuses the system calls that most often had bugs, not all."
        if known
        else "no calls are filtered here."
    )
    print(LEFT_OPEN.format(calls=calls))
    print(f"{broken} of the claims broke." if broken else "All claims hold on this machine.")
    return 1 if broken else 0
