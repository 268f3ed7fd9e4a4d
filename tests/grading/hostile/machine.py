"""Attacks on the machine, on the grader and on other students, from inside the kernel."""

from __future__ import annotations

from pathlib import Path

from grading.doctor import attacks, examine
from hostile import ANY, Entry, attack, files, own_cell

FAILED = "failed to run"
DIED = "kernel died"


def doctors(function):
    """One of the doctor's attacks, in a cell of its own before a right answer."""

    def put(folder: Path, aims: dict) -> None:
        source = examine._cell(function, aims).source
        files(notebook=own_cell(source))(folder, aims)

    return put


SURVIVED = [
    Entry(f"m-{function.__name__.replace('_', '-')}", f"The doctor's attack: {claim}", doctors(function), 2)
    for claim, function in [*examine.QUIET, *examine.LOUD, ("No process outlives its kernel.", attacks.stay_alive)]
]

READ = """
for path in aims["course_files"] + [aims["secret_file"], aims["others_notebook"]]:
    for root in ("", "/proc/1/root", "/proc/self/root", "/proc/self/cwd/../.."):
        try: got(open(root + path).read())
        except OSError: pass
"""
LINKS = """
import os
for number, path in enumerate(aims["course_files"]):
    os.symlink(path, f"link{number}")
    try: got(open(f"link{number}").read())
    except OSError: pass
    try: os.link(path, f"hard{number}"); got(path)
    except OSError: pass
"""
LEAVE = """
import os
for folder in ("/tmp", "/dev/shm", "/var/tmp", os.path.expanduser("~"), "/run", "/", os.getcwd()):
    try: open(f"{folder}/{aims['marker']}", "w").write("here")
    except OSError: pass
"""
KILL_ALL = "import os\nfor pid in (-1, 1, os.getppid()):\n    try: os.kill(pid, 9)\n    except OSError: pass\n"
LOG = """
import os
for descriptor in range(3, 64):
    try:
        if not os.readlink(f"/proc/self/fd/{descriptor}").endswith("/log"): continue
    except OSError: continue
    written = 0
    try:
        while written <= 2 * aims["disk"]: written += os.write(descriptor, bytes(1 << 20))
    except OSError: pass
    got(written > aims["disk"] and f"{written} bytes on the disk")
"""
PRIVILEGES = """
import os, subprocess, time, socket
def tried(call, *arguments):
    try: call(*arguments)
    except (OSError, AttributeError): return
    got(call.__name__)
tried(os.nice, -5)
tried(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1))
tried(time.clock_settime, time.CLOCK_REALTIME, 0)
tried(socket.sethostname, "mine")
tried(os.chroot, "/tmp")
tried(os.setuid, 0) if os.getuid() else None
tried(os.open, "/dev/tty", os.O_RDWR)
files = {"/proc/self/oom_score_adj": b"-1000", "/proc/sys/kernel/hostname": b"x", "/proc/sysrq-trigger": b"h"}
for path, text in files.items():
    tried(lambda: open(path, "wb", buffering=0).write(text))
for command in ("su -c id", "sudo -n id", "mount -t tmpfs x /tmp", "unshare -r id"):
    try: run = subprocess.run(command.split(), capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired): continue
    got(run.returncode == 0 and command)
"""
CALLS = """
import ctypes, platform
libc = ctypes.CDLL(None)
# bpf, userfaultfd, perf_event_open, add_key, io_uring_setup, open_by_handle_at, process_vm_readv
for number in (321, 323, 298, 248, 425, 304, 310) if platform.machine() == "x86_64" else ():
    got(libc.syscall(number, 0, 0, 0, 0, 0) >= 0 and number)
"""
NETWORK = """
import socket, urllib.request
for family, address in ((socket.AF_INET, ("127.0.0.1", aims["port"])), (socket.AF_INET, ("169.254.169.254", 80)),
                        (socket.AF_INET6, ("::1", aims["port"])), (socket.AF_UNIX, aims["abstract"]),
                        (socket.AF_UNIX, aims["socket"]), (socket.AF_UNIX, "/run/systemd/private")):
    try:
        with socket.socket(family, socket.SOCK_STREAM) as client:
            client.settimeout(1)
            got(client.connect_ex(address) == 0 and address)
    except OSError: pass
for name in ("example.org", "localhost"):
    try: got(name != "localhost" and socket.getaddrinfo(name, 80))
    except OSError: pass
try: got(urllib.request.urlopen(f"http://127.0.0.1:{aims['port']}", timeout=1))
except OSError: pass
"""
FORKS = """
import os
try:
    for _ in range(10**6):
        if os.fork() == 0:
            while True:
                try: os.fork()
                except OSError: pass
except OSError: pass
"""
THREADS = """
import threading, time
def idle(): time.sleep(60)
try:
    for _ in range(10**5): threading.Thread(target=idle, daemon=True).start()
except RuntimeError: pass
got(threading.active_count() > 200 and threading.active_count())
"""
SPIN = """
import threading
def spin():
    while True: pass
for _ in range(3): threading.Thread(target=spin, daemon=True).start()
"""
STARVE = """
import os, time
for _ in range(40):
    if os.fork() == 0:
        os.setsid()
        while True: pass
time.sleep(3)
"""
SHARED = """
from multiprocessing.shared_memory import SharedMemory
SharedMemory(aims["marker"], create=True, size=1 << 20).buf[:4] = b"here"
"""
MODULES = """
import importlib
for name in ("grading", "grading.verdict.judge", "chapters", "sitebuild", "hostile", "answers"):
    try: got(importlib.import_module(name))
    except ImportError: pass
"""
DEAF = "import signal\nfor number in (2, 15): signal.signal(number, signal.SIG_IGN)\nwhile True: pass"

CORPUS = [
    *SURVIVED,
    Entry(
        "m-shared-pages",
        "Eight processes with a quarter of the memory each.",
        doctors(attacks.take_shared_memory),
        0,
        FAILED,
        "memory",
    ),
    Entry(
        "m-read", "Reads the course, the secret and another's work by their paths and through /proc.", attack(READ), 2
    ),
    Entry("m-links", "Links out of the kernel's folder, soft and hard.", attack(LINKS), 2),
    Entry("m-leave", "Leaves files wherever it may write.", attack(LEAVE), 2),
    Entry("m-kill-all", "Kills all that it may, its parent and the first process among them.", attack(KILL_ALL), 2),
    Entry(
        "m-kill-self",
        "Kills its own process.",
        attack("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"),
        0,
        FAILED,
        DIED,
    ),
    Entry(
        "m-stop-self",
        "Stops its own process, so that it neither ends nor answers.",
        attack("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)"),
        0,
        FAILED,
        "could not be interrupted",
    ),
    Entry("m-log", "Writes on in the file that holds its last words.", attack(LOG), 2),
    Entry("m-privileges", "Asks for priorities, clocks, names, devices, and root.", attack(PRIVILEGES), 2),
    Entry("m-calls", "System calls that have had bugs.", attack(CALLS), 2),
    Entry("m-network", "Connects to this machine, to a cloud's metadata, by name and by number.", attack(NETWORK), 2),
    Entry("m-forks", "A fork bomb that spins, after the test.", attack(FORKS, last=True), 2, ANY),
    Entry("m-threads", "Threads without end, after the test.", attack(THREADS, last=True), 2, ANY),
    Entry("m-spin", "Threads that never rest, in the background.", attack(SPIN), 2),
    Entry(
        "m-starve",
        "Forty loops, each in a session of its own, which gets as much of the processor as a whole neighbour.",
        attack(STARVE, last=True),
        2,
        ANY,
    ),
    Entry("m-shared-name", "Shared memory with a name, left behind.", attack(SHARED), 2),
    Entry("m-modules", "Imports the grader and the answers.", attack(MODULES), 2),
    Entry("m-memory", "An array larger than its memory.", attack("x = bytearray(1 << 33)"), 2),
    Entry("m-deaf", "A loop that no signal ends.", attack(DEAF), 0, FAILED, "could not be interrupted"),
    Entry(
        "m-in-c",
        "A computation in C that no signal ends.",
        attack("x = 3 ** (10 ** 9)"),
        0,
        FAILED,
        "could not be interrupted",
    ),
    Entry("m-segment", "Reads at address zero.", attack("import ctypes; ctypes.string_at(0)"), 0, FAILED, DIED),
    Entry("m-abort", "Aborts, to leave a core file.", attack("import os; os.abort()"), 0, FAILED, DIED),
]
