"""What a student's sandbox contains, and the command line that starts one.

Inside there are the Python environment and the system's libraries, read-only; the package of the book, read-only;
small private folders in memory; and listening sockets that were opened outside, for the kernel to answer on. There
is no network, no process of the machine, no file of the course, no variable of the grader's environment, and no
folder of the machine that can be written.

Run as an ordinary user, bubblewrap makes a user namespace. Run as root, it needs none, and the kernel is given a
random user number that nobody on the machine has, without any capability.
"""

from __future__ import annotations

import functools
import json
import os
import resource
import secrets
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from grading.files import private_folder
from grading.sandbox import seccomp

GIB, MIB = 1 << 30, 1 << 20
HOME = "/home/student"
ROOM = "/run/kernel"  # where the sandbox sees the files that are its own, read-only
WEAK = "MIBOOK_SANDBOX"  # the explicit word for grading without protection: MIBOOK_SANDBOX=none


class SandboxError(RuntimeError):
    """This machine can't give the protection that is asked for; the message is one sentence with the remedy."""


@dataclass(frozen=True)
class Limits:
    """What one student's kernel may use. Sizes are bytes; `memory` bounds each process and all of them together."""

    memory: int = 4 * GIB
    disk: int = 128 * MIB  # of each private folder: the home, /tmp and /dev/shm; they live in memory
    processes: int = 64  # threads count
    files: int = 256  # of each process; their buffers in Linux count for nobody, so that few are best
    seconds: int = 1800  # of processor time, of each process


def weak() -> bool:
    """Whether the instructor has said, by the explicit word, that nothing shall be protected."""
    word = os.environ.get(WEAK, "")
    if word not in ("", "none"):
        raise SandboxError(f"{WEAK}={word} is not known: unset it to grade in the sandbox, or say {WEAK}=none.")
    return word == "none"


# Asked of the students' interpreter. What is installed as a link to its source lies elsewhere: of that, the packages
# alone, and not the project around them.
ASK = """
import importlib.metadata as metadata, importlib.util as util, json, os, sys
folders = [p for p in sys.path if p.endswith("-packages") and os.path.isdir(p)]
for found in metadata.distributions():
    if json.loads(found.read_text("direct_url.json") or "{}").get("dir_info", {}).get("editable"):
        specs = map(util.find_spec, (found.read_text("top_level.txt") or "").split())
        folders += [os.path.dirname(spec.origin) for spec in specs if spec and spec.origin]
print(json.dumps([sys.executable, sys.prefix, sys.base_prefix, *folders]))
"""


@functools.cache
def environment(python: str) -> tuple[str, tuple[str, ...]]:
    """The interpreter's path, and the folders that must be visible to run it and to import what is installed in it."""
    try:
        # -I: like the kernel inside, it takes nothing from the current folder, the variables or the user's packages.
        run = [python, "-I", "-c", ASK]
        found = json.loads(subprocess.run(run, capture_output=True, text=True, check=True).stdout)
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()[-1]
        raise SandboxError(f"Name the students' interpreter, Python 3.11 or newer: {python} fails ({said}).") from None
    folders = {os.path.abspath(folder) for folder in found[1:] if folder}
    # A virtual environment's interpreter is a chain of links; each link must resolve inside too.
    link = found[0]
    while os.path.islink(link):
        link = os.path.join(os.path.dirname(link), os.readlink(link))
        folders.add(os.path.dirname(os.path.dirname(os.path.abspath(link))))
    # The environment itself may be a link, and it is what the link leads to that holds the files.
    return found[0], tuple(sorted(folders | {os.path.realpath(folder) for folder in folders}))


def visible(python: str) -> list[str]:
    """The host's folders and files that a student's code can read, parents first, none inside another."""
    system = ["/usr", *(f"/{name}" for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"))]
    system += ["/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/etc/fonts"]
    paths: list[str] = []
    for path in sorted({*system, *environment(python)[1]}):
        covered = any(Path(path).is_relative_to(parent) for parent in paths)
        if os.path.lexists(path) and not covered:
            paths.append(path)
    return paths


def refuse_visible(folder: str | os.PathLike, python: str) -> None:
    """Raise if ``folder``, where the course lies, is inside something that students' code can read."""
    folder = Path(folder).resolve()
    for path in visible(python):
        if folder.is_relative_to(Path(path).resolve()):
            raise SandboxError(f"Move the course: {folder} lies inside {path}, which students' code can read.")


def stranger(uid_map: str | None = None) -> int:
    """A user and group number that nothing on this machine has: for a kernel that root starts."""
    uid_map = Path("/proc/self/uid_map").read_text() if uid_map is None else uid_map
    mapped = [tuple(map(int, line.split())) for line in uid_map.splitlines()]
    # systemd's table of user numbers leaves this range to nobody. A container may know far fewer numbers.
    first, last = 0x70000000, 0x7FFFFFFE
    if not any(start <= first and last < start + count for start, _, count in mapped):
        start, _, count = max(mapped, key=lambda entry: entry[2])
        first, last = start + count // 2, start + count - 1
    number = first + secrets.randbelow(max(last - first, 1))
    return number if number != 65534 else first


def prepare(room: Path, uid: int | None) -> dict[Path, str]:
    """Fill ``room``, a new private folder, with the files of a user; return what goes where in the sandbox."""
    number = os.getuid() if uid is None else uid
    (room / "passwd").write_text(f"student:x:{number}:{number}:student:{HOME}:/bin/sh\n")
    (room / "group").write_text(f"student:x:{number}:\n")
    files = {room / name: f"/etc/{name}" for name in ("passwd", "group")}
    for path in files:
        path.chmod(0o644)
    return files


def variables(python: str) -> dict[str, str]:
    """The whole environment of a student's kernel."""
    path = ":".join([os.path.dirname(environment(python)[0]), "/usr/local/bin", "/usr/bin", "/bin"])
    # One thread: kernels run side by side, and a fixed number makes results repeatable.
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    names = {"HOME": HOME, "USER": "student", "LOGNAME": "student", "TMPDIR": "/tmp", "LANG": "C.UTF-8", "PATH": path}
    return names | threads | {"PYTHONDONTWRITEBYTECODE": "1"}


def own_tasks() -> int:
    """How many tasks this user has on the machine: older Linux counts them all against a limit set inside."""
    count = 0
    for entry in os.scandir("/proc"):
        try:
            if entry.name.isdigit() and entry.stat().st_uid == os.getuid():
                count += len(os.listdir(f"{entry.path}/task"))
        except OSError:
            continue  # it has just ended
    return count


def bounds(limits: Limits, uid: int | None) -> dict[str, int]:
    """The limits as Linux has them for a process, by their names in `resource`, none above what is allowed here."""
    wanted = {
        "data": limits.memory,
        "as": 8 * limits.memory,  # CUDA builds of PyTorch reserve much address space that they never touch
        "nproc": limits.processes + (own_tasks() if uid is None else 0),
        "fsize": limits.disk,
        "nofile": limits.files,
        "cpu": limits.seconds,
        "core": 0,
    }
    hard = {name: resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))[1] for name in wanted}
    return {name: n if hard[name] == resource.RLIM_INFINITY else min(n, hard[name]) for name, n in wanted.items()}


def _limiter(limits: Limits, uid: int | None, idle: bool) -> list[str]:
    """The command, run inside, that sets the limits and, started by root, gives up being root, or all that root may."""
    command = ["/usr/bin/choom", "-n", "1000", "--", "/usr/bin/prlimit"]  # if memory runs out, this goes first
    command += [f"--{name}={bound}" for name, bound in bounds(limits, uid).items()]
    if uid is not None:
        command += ["/usr/bin/setpriv", "--no-new-privs"]
        command += ["--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"]
        command += [] if idle else [f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    return command


def arguments(
    files: dict[Path, str], python: str, limits: Limits, uid: int | None, filter_fd: int | None, idle: bool = False
) -> list[str]:
    """The command line up to the program: bubblewrap, what it mounts, the limits."""
    command = ["bwrap", "--die-with-parent", "--new-session", "--clearenv", "--hostname", "sandbox"]
    command += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    if uid is None:
        command += ["--unshare-user", "--disable-userns"]
    else:
        # What setpriv needs to give everything up; it is gone before Python starts.
        command += ["--cap-drop", "ALL"]
        command += [word for name in ("SETUID", "SETGID", "SETPCAP") for word in ("--cap-add", f"CAP_{name}")]
    if filter_fd is not None:
        command += ["--seccomp", str(filter_fd)]
    for name, value in variables(python).items():
        command += ["--setenv", name, value]
    paths = visible(python)
    command += ["--proc", "/proc", "--dev", "/dev", "--perms", "0755", "--dir", "/home"]
    for folder in ("/tmp", "/dev/shm", HOME):
        command += ["--perms", "1777", "--size", str(limits.disk), "--tmpfs", folder]
    # Folders that lead to a mount are made for their owner alone unless they are named.
    for folder in sorted({str(parent) for path in [*paths, *files.values()] for parent in Path(path).parents}):
        if folder not in ("/", "/tmp", HOME) and not any(Path(folder).is_relative_to(path) for path in paths):
            command += ["--perms", "0755", "--dir", folder]
    for path in paths:
        if os.path.islink(path) and not path.startswith("/etc/"):
            command += ["--symlink", os.path.realpath(path), path]
        else:
            command += ["--ro-bind", path, path]
    for source, place in files.items():
        command += ["--ro-bind", str(source), place]
    # bubblewrap's own root and /dev are folders in memory without a size: nobody shall fill them.
    command += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", HOME]
    command += ["--as-pid-1"] if idle else []
    return [*command, "--", *_limiter(limits, uid, idle)]


# Its first process holds a sandbox open that something else will enter: it reaps, echoes once to say that the sandbox
# stands, and waits. Nothing inside can end it, or look into it.
IDLE = """
import ctypes, os, signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
while os.write(1, os.read(0, 1)): pass
"""


def start_idle(
    files: dict[Path, str], python: str, limits: Limits, uid: int | None, log: Path
) -> subprocess.Popen[bytes]:
    """Start a sandbox that nothing runs in yet. Its process echoes a byte when it stands."""
    executable, _ = environment(python)
    return start([executable, "-I", "-S", "-c", IDLE], files, python, limits, uid, log, idle=True)


def start(
    program: list[str],
    files: dict[Path, str],
    python: str,
    limits: Limits,
    uid: int | None,
    log: Path,
    sockets: tuple[int, ...] = (),
    idle: bool = False,
) -> subprocess.Popen:
    """Start ``program`` in a sandbox. Its own output and bubblewrap's complaints go to ``log``.

    An ``idle`` one is the sandbox's first process, is not the student's user, and is spoken to through pipes.
    """
    rules = seccomp.program()
    filter_fd = None
    if rules is not None:
        filter_fd = os.memfd_create("seccomp")
        os.write(filter_fd, rules)
        os.lseek(filter_fd, 0, os.SEEK_SET)
    command = [*arguments(files, python, limits, uid, filter_fd, idle), *program]
    try:
        with log.open("ab") as output:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE if idle else subprocess.DEVNULL,
                stdout=subprocess.PIPE if idle else output,
                stderr=output,
                bufsize=0,
                cwd="/",
                env={"PATH": os.environ.get("PATH", os.defpath)},
                start_new_session=True,
                pass_fds=sockets if filter_fd is None else (*sockets, filter_fd),
            )
    except FileNotFoundError:
        raise SandboxError(_remedy("bwrap: not found")) from None
    except PermissionError:
        found = shutil.which("bwrap", os.F_OK)
        raise SandboxError(f"{found} can't be executed: run 'chmod a+x {found}', or install bubblewrap anew.") from None
    finally:
        if filter_fd is not None:
            os.close(filter_fd)


def new_room() -> Path:
    """A private folder for the files of one sandbox."""
    return private_folder()


def kernel_user() -> int | None:
    """The number that a kernel started now will run under: a stranger's for root, one's own otherwise (None)."""
    return stranger() if os.geteuid() == 0 else None


def _remedy(said: str) -> str:
    """One sentence for what bubblewrap complained about."""
    if not sys.platform.startswith("linux"):
        return "The sandbox needs Linux: grade on a Linux machine, or in WSL 2 on Windows."
    if "bwrap: not found" in said:
        return "bubblewrap is not installed: run 'apt-get install bubblewrap' (or 'dnf install bubblewrap')."
    if "Unknown option" in said:
        return f"bubblewrap is too old, 0.8 or newer is needed: update it from your distribution ({said})."
    if any(f"{tool}: No such file" in said for tool in ("choom", "prlimit", "setpriv")):
        return f"util-linux is incomplete: run 'apt-get install util-linux' ({said})."
    if "denied" in said or "not permitted" in said or "permission" in said.lower():
        where = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
        if os.geteuid() != 0 and where.exists() and where.read_text().strip() == "1":
            word = "sysctl kernel.apparmor_restrict_unprivileged_userns=0"
            return f"AppArmor keeps bubblewrap from making namespaces: run 'sudo {word}' ({said})."
        return (
            "Namespaces are forbidden here: outside a container run 'sudo sysctl user.max_user_namespaces=15000', "
            f"a container start with '--cap-add SYS_ADMIN --security-opt seccomp=unconfined' ({said})."
        )
    return f"bubblewrap does not work here: run 'python -m grading.doctor' and see what it says ({said})."


_PROBE = """
import os, socket, sys
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
wrong = []
if int(status["CapEff"], 16) or int(status["CapPrm"], 16) or int(status["CapBnd"], 16) and os.geteuid() == 0:
    wrong.append("capabilities are left")
if status["NoNewPrivs"].strip() != "1": wrong.append("privileges can be gained")
if {name for _, name in socket.if_nameindex()} - {"lo"}: wrong.append("the network is visible")
if len([name for name in os.listdir("/proc") if name.isdigit()]) > 3: wrong.append("other processes are visible")
if not os.access(os.getcwd(), os.W_OK): wrong.append("the working folder can't be written")
if os.access("/", os.W_OK): wrong.append("the root folder can be written")
sys.exit("; ".join(wrong) or 0)
"""


@functools.cache
def _works(python: str, limits: Limits) -> str:
    """Run a sandbox and look around in it; an empty text if it protects, else what is wrong."""
    if not sys.platform.startswith("linux"):
        return _remedy("")
    executable, _ = environment(python)
    room = new_room()
    try:
        uid = kernel_user()
        probe = [executable, "-I", "-S", "-c", _PROBE]
        process = start(probe, prepare(room, uid), python, limits, uid, room / "log")
        try:
            code = process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            return _remedy("it did not end within a minute")
        said = (room / "log").read_text(errors="replace").strip().splitlines()
        return _remedy(said[-1] if said else f"it ended with {code}") if code else ""
    except SandboxError as error:
        return str(error)
    finally:
        shutil.rmtree(room, ignore_errors=True)


def check(python: str = sys.executable, limits: Limits | None = None) -> str:
    """Which isolation kernels get on this machine: "bubblewrap", or "none" by the explicit word.

    Found by running a sandbox, once per process. Raises SandboxError if there is none: nothing is then executed.
    """
    if weak():
        return "none"
    wrong = _works(python, limits or Limits())
    if wrong:
        raise SandboxError(wrong)
    return "bubblewrap"
