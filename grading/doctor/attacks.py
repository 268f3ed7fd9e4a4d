"""What the doctor tries from inside a student's kernel.

The source of each function is sent to the kernel together with `attempt`, so each imports what it uses. ``target`` is
the dictionary that `grading.doctor.examine.Targets` makes. A function returns what it achieved: something falsy, or an
OSError on the way, means that it was held back. They are written to do no lasting harm where nothing holds them back,
except those at the end, from `fill_disk` on.
"""

PLACES = ["/", "/usr", "/etc", "/dev", "/run", "/run/kernel", "/proc", "/proc/sys/kernel", "/var/tmp", "/root", "/home"]


def attempt(call, *arguments):
    """Call; return what came, True if nothing came, or None if the system refused."""
    try:
        return call(*arguments) or True
    except OSError:
        return None


def read_passwords(target):
    from pathlib import Path

    return Path("/etc/shadow").read_text()[:40]


def read_course(target):
    from pathlib import Path

    return [path for path in target["course_files"] if attempt(Path(path).read_bytes)]


def read_repository(target):
    import os

    return [path for path in target["repository"] if os.path.exists(path)]


def read_home(target):
    import os

    seen = [os.path.join(target["home"], name) for name in os.listdir(target["home"])]
    return [path for path in seen if not any(known.startswith(path) for known in target["environment"])]


def write_environment(target):
    import os
    import sys

    done = []
    for folder in [sys.prefix, sys.base_prefix, os.path.dirname(os.__file__), *target["environment"]]:
        if attempt(os.mkdir, f"{folder}/{target['marker']}") or attempt(os.chmod, folder, os.stat(folder).st_mode):
            done.append(folder)
    if attempt(os.utime, os.__file__) or attempt(open, os.__file__, "ab"):
        done.append(os.__file__)
    return done


def write_system(target):
    import os

    done = []
    for folder in [*target["places"], target["home"], target["course"]]:
        if attempt(os.mkdir, f"{folder}/{target['marker']}"):
            size = os.statvfs(folder)
            # A folder in memory, of the size of the private ones, is inside one of them and not the machine's.
            if size.f_blocks * size.f_frsize != target["disk"]:
                done.append(folder)
    return done


def reach_loopback(target):
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.settimeout(2)
        return client.connect_ex(("127.0.0.1", target["port"])) == 0


def reach_network(target):
    import socket

    return [name for _, name in socket.if_nameindex() if name != "lo"]


def reach_unix_sockets(target):
    import socket

    done = []
    for address in (target["abstract"], target["socket"]):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            if client.connect_ex(address) == 0:
                done.append(address)
    return done


def reach_virtual_host(target):
    import socket

    families = {"AF_VSOCK": 40, "AF_PACKET": 17, "AF_ALG": 38, "AF_BLUETOOTH": 31}
    kinds = (socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_RAW)
    return [name for name, family in families.items() if any(attempt(socket.socket, family, kind) for kind in kinds)]


def see_processes(target):
    from pathlib import Path

    lines = [attempt((path / "cmdline").read_bytes) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [line for line in lines if target["victim_name"] in str(line) or "grading.doctor" in str(line)]


def kill_processes(target):
    import os
    import signal

    # SIGWINCH does nothing to those that it reaches.
    return [pid for pid in (target["grader"], target["victim"]) if attempt(os.kill, pid, signal.SIGWINCH)]


def trace_processes(target):
    import ctypes
    from pathlib import Path

    seize = 0x4206  # PTRACE_SEIZE: unlike PTRACE_ATTACH, it stops nobody
    done = [pid for pid in (1, target["victim"]) if ctypes.CDLL(None).ptrace(seize, pid, 0, 0) == 0]
    files = ["/proc/1/mem", *(f"/proc/{target['grader']}/{name}" for name in ("mem", "environ", "maps"))]
    return done + [path for path in files if attempt(lambda path=path: Path(path).open("rb").read(1))]


def gain_privileges(target):
    import ctypes
    import os
    import resource
    from pathlib import Path

    lines = Path("/proc/self/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    done = [name for name in ("CapEff", "CapPrm", "CapInh", "CapAmb") if int(status[name], 16)]
    if status["NoNewPrivs"] != "1":
        done.append("set-user-ID programs work")
    libc = ctypes.CDLL(None)
    calls = {
        "mount": libc.mount(b"none", b"/tmp", b"tmpfs", 0, None),
        "make a user namespace": libc.unshare(0x10000000),
        "make a mount namespace": libc.unshare(0x00020000),
        "chroot": libc.chroot(b"/tmp"),
        "become root": libc.setuid(0) if os.getuid() else -1,
        "make a device": libc.mknod(b"/tmp/device", 0o060600, os.makedev(8, 0)),
    }
    done += [name for name, result in calls.items() if result == 0]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1 << 20, 1 << 20))
        done.append("raise a limit")
    except (OSError, ValueError):
        pass
    return done


def find_secrets(target):
    import os
    from pathlib import Path

    paths = ("/proc/self/environ", "/proc/1/environ", "/proc/self/cmdline", "/proc/1/cmdline", "/proc/mounts")
    places = [str(dict(os.environ)), *(str(attempt(Path(path).read_bytes)) for path in paths)]
    return [word for word in (target["secret"], target["course"]) if any(word in place for place in places)]


def use_open_files(target):
    import os
    from pathlib import Path

    done = []
    for link in Path("/proc/self/fd").iterdir():
        # A folder that is open leads up and out, whatever is mounted; a file may be read or written on.
        name = attempt(os.readlink, link) or ""
        private = name.startswith(("/dev/", "/proc/", "/home/student", "/tmp/", "/usr/"))
        if name.startswith("/") and not private and (link.is_dir() or attempt(link.read_bytes) not in (None, True)):
            done.append(name)
    return done


def plant_links(target):
    import os

    # Where the grader might follow a link, or take a file for its own.
    done = []
    for folder in ("/run/kernel", target["course"]):
        for name in ("socket-1", "connection.json", target["marker"]):
            if attempt(os.symlink, target["socket"], f"{folder}/{name}"):
                done.append(f"{folder}/{name}")
    return done


def hide_memory(target):
    import ctypes
    import os
    import socket

    # Memory that belongs to no process counts for no limit, and a look at the processes does not find it.
    done = []
    descriptor = attempt(os.memfd_create, "hidden")
    if descriptor and attempt(os.write, descriptor, bytes(1 << 20)):
        done.append("a file in memory")
    libc = ctypes.CDLL(None)
    calls = {"a segment": libc.shmget(0, 1 << 20, 0o1600), "a queue": libc.msgget(0, 0o1600)}
    done += [name for name, result in {**calls, "semaphores": libc.semget(0, 9, 0o1600)}.items() if result >= 0]
    one, other = socket.socketpair()
    if attempt(one.setsockopt, socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22):
        done.append("a large buffer")
    one.close(), other.close()
    return done


def fill_disk(target):
    import os

    done = []
    for folder in (os.path.expanduser("~"), "/tmp", "/dev/shm"):
        written = 0
        try:
            for number in range(64):
                with open(f"{folder}/fill-{number}", "wb", buffering=0) as file:
                    for _ in range(16):
                        written += file.write(bytes(1 << 20))
        except OSError:
            pass
        if not 0 < written <= target["disk"]:
            done.append(f"{written >> 20} MiB in {folder}")
        for name in os.listdir(folder):
            if name.startswith("fill-"):
                os.unlink(f"{folder}/{name}")
    return done


def fork_without_end(target):
    import os
    import signal
    import time

    children = []
    try:
        while len(children) <= target["processes"]:
            pid = os.fork()
            if pid == 0:
                time.sleep(30)
                os._exit(0)
            children.append(pid)
    except OSError:
        pass
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return f"{len(children)} processes" if len(children) > target["processes"] else ""


def take_memory(target):
    held = []
    try:
        while len(held) << 24 <= target["memory"]:
            held.append(bytes([1]) * (1 << 24))
    except MemoryError:
        return ""
    return f"{len(held) << 24 >> 20} MiB"


def take_shared_memory(target):
    import mmap
    import os
    import time

    # Shared pages count for no process's own limit: only a look at the whole tree finds them.
    for _ in range(8):
        if os.fork() == 0:
            area = mmap.mmap(-1, target["memory"] // 4)
            area.write(b"1" * len(area))
            time.sleep(60)
    time.sleep(20)
    return "8 processes with a quarter of the memory each lived on"


def stay_alive(target):
    import os
    import subprocess
    import sys
    import time

    # Twice forked, in a session of its own, deaf to signals.
    code = "import os, signal, time; os.fork() and os._exit(0); os.setsid(); os.fork() and os._exit(0); "
    code += "[signal.signal(number, signal.SIG_IGN) for number in (1, 2, 13, 15)]; time.sleep(300)"
    subprocess.run([sys.executable, "-c", code, target["survivor"]], cwd=os.path.expanduser("~"))
    time.sleep(target["linger"])


def leave_traces(target):
    import os
    import random
    import socket
    import time

    # In every place where a process can leave something that another might find.
    word = "".join(target["halves"])
    os.environ["SIBLING"] = word
    for folder in (os.path.expanduser("~"), "/tmp", "/dev/shm"):
        with open(f"{folder}/{word}", "w") as file:
            file.write(word)
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"\0{word}")
    server.listen()
    leave_traces.server = server  # it stays
    import numpy
    import torch

    time.sleep(target["linger"])
    return [random.random(), numpy.random.random(), torch.rand(1).item()]


def find_traces(target):
    import os
    from pathlib import Path

    first, second = (half.encode() for half in target["halves"])
    found = []
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", buffering=0) as memory:
        for line in maps:
            place, rights, *_ = line.split(maxsplit=2)
            start, end = (int(number, 16) for number in place.split("-"))
            while "r" in rights and "[v" not in line and start < end:
                memory.seek(start)
                piece = attempt(memory.read, min(1 << 24, end - start))
                start += 1 << 24
                at = piece.find(first) if isinstance(piece, bytes) else -1
                while at >= 0:
                    if piece[at + len(first) : at + len(first) + len(second)] == second:
                        found = ["memory"]
                    at = piece.find(first, at + 1)
    # From here on the whole word is in this process's own memory.
    word = (first + second).decode()
    for folder in (os.path.expanduser("~"), "/tmp", "/dev/shm"):
        found += [name for name in os.listdir(folder) if name == word]
    for path in ("/proc/net/unix", "/proc/keys", "/proc/sysvipc/shm", "/proc/self/environ", "/proc/locks"):
        found += [path] if word in str(attempt(Path(path).read_text)) else []
    return found


def find_siblings(target):
    import os

    # The one that holds the sandbox open, and this one.
    seen = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
    return [pid for pid in seen if pid not in (1, os.getpid())] or os.getppid() > 1


def command_the_parent(target):
    import os
    import signal
    import socket

    done = []
    for number in range(3, 256):
        try:
            link = os.readlink(f"/proc/self/fd/{number}")
            if link.startswith("socket:"):
                # What would tell a zygote to fork; to a listening or foreign socket it can't be sent.
                with socket.socket(fileno=os.dup(number)) as given:
                    if given.type == socket.SOCK_SEQPACKET:
                        done.append(f"descriptor {number} takes commands")
        except OSError:
            continue
    for sign in (signal.SIGWINCH, signal.SIGCONT):
        done += [f"signal {sign} to the parent"] if os.getppid() and attempt(os.kill, os.getppid(), sign) else []
    return done


def run_for_ever(target):
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        pass
