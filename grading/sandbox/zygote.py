"""A clean process that has imported what sheets import, and is forked for each of them.

    python - DESCRIPTOR SHEETS MODULE...  < zygote.py

It runs outside the sandbox, started by the grader with an empty environment and one descriptor, and never runs a line
of a student's: it imports, and forks when it is told to. It does not even read a request, so it knows no sheet from
another. For each sheet bubblewrap has made the usual sandbox already, with an idle process in it. A child of this
process, the usher, enters that sandbox's namespaces and forks again. The second child, inside for good, takes the
sandbox's limits and user, gives up every capability, loads the filter of system calls, looks whether all of that is
so, and only then becomes a kernel. The usher waits for its end and takes the sandbox away. After so many sheets this
process begins anew, with another address layout.

This file is given to the interpreter as text: it imports the standard library alone, and no path leads back to it.
"""

import contextlib
import ctypes
import fcntl
import gc
import importlib
import json
import os
import resource
import runpy
import select
import shutil
import signal
import socket
import sys
import tempfile

# Numbers: include/uapi/linux/{sched,nsfs,prctl,capability,seccomp,keyctl}.h of Linux.
NAMESPACES = {"mnt": 0x20000, "net": 0x40000000, "ipc": 0x08000000, "uts": 0x04000000, "cgroup": 0x02000000}
USER, PID, OWNER = 0x10000000, 0x20000000, 0xB701
DUMPABLE, SECCOMP, BOUNDING_DROP, NO_NEW_PRIVILEGES, AMBIENT, AMBIENT_CLEAR = 4, 22, 24, 38, 47, 4
FILTER, CAPABILITIES_3, JOIN_SESSION = 2, 0x20080522, 1
KEYCTL = {"x86_64": 250, "aarch64": 219}
libc = ctypes.CDLL(None, use_errno=True)


def call(function, *arguments):
    """Call a function of the C library; raise OSError if it says that it failed."""
    if function(*arguments) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function.__name__}: {os.strerror(number)}")


def prctl(option, *arguments):
    rest = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:4]]
    call(libc.prctl, option, *rest)


def preload(names):
    """Import the modules that are there, without leaving a trace in a home or a temporary folder."""
    scratch = tempfile.mkdtemp(prefix="mibook-")
    home, os.environ["HOME"], os.environ["MPLCONFIGDIR"] = os.environ["HOME"], scratch, scratch
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # as ipykernel sets it, read at the import
    for name in names:
        with contextlib.suppress(Exception):  # the sheet's own import says what is wrong
            importlib.import_module(name)
    os.environ["HOME"] = home
    del os.environ["MPLCONFIGDIR"], os.environ["MPLBACKEND"]
    shutil.rmtree(scratch, ignore_errors=True)
    tempfile.tempdir = tempfile._name_sequence = None
    return scratch


def wait_for_sheets(control, sheets, scratch, trouble):
    """Fork for each connection that arrives, or say what is wrong, until the graders close their end."""
    for _ in range(sheets):
        byte, descriptors, *_ = socket.recv_fds(control, 1, 1)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not byte:
            return
        connection = socket.socket(fileno=descriptors[0])
        if os.fork() == 0:
            control.close()
            usher(connection, scratch, trouble)
        connection.close()
    os.lseek(0, 0, os.SEEK_SET)  # to be read once more
    os.set_inheritable(control.fileno(), True)  # requests wait there
    os.execv(sys.executable, [sys.executable, *sys.argv])


def usher(connection, scratch, trouble):
    """Lead one kernel into the sandbox that the request names, and wait for its end; or say what is wrong."""
    words, descriptors, *_ = socket.recv_fds(connection, 1 << 16, 16)
    if trouble:
        refuse(connection, RuntimeError(trouble))
    request = json.loads(words)
    try:
        holder = os.pidfd_open(request["holder"])
        here = {name: os.readlink(f"/proc/self/ns/{name}") for name in (*NAMESPACES, "pid", "user")}
        there = {name: f"/proc/{request['holder']}/ns/{name}" for name in here}
        doors = {name: os.open(place, os.O_RDONLY) for name, place in there.items() if os.readlink(place) != here[name]}
        outside = {name: here[name] for name in doors}
        # Started by an ordinary user, bubblewrap owns these namespaces through a user namespace, and puts what it runs
        # into another inside of that: the way leads through both.
        if "user" in doors:
            call(libc.setns, fcntl.ioctl(doors["pid"], OWNER), USER)
        call(libc.setns, doors.pop("pid"), PID)
        step = os.fork()
    except BaseException as error:
        refuse(connection, error)
    if step == 0:
        # An orphan is the child of the sandbox's first process, as if that had started it: so it looks on both sides.
        if os.fork() == 0:
            become_kernel(connection, request, descriptors, doors, outside, scratch)
        os._exit(0)
    os.waitpid(step, 0)
    os.closerange(3, holder)
    os.closerange(holder + 1, 1 << 16)
    children = f"/proc/{request['holder']}/task/{request['holder']}/children"
    with contextlib.suppress(OSError, ValueError), open(children) as file:
        select.select([os.pidfd_open(int(file.read().partition(" ")[0]))], [], [])
    with contextlib.suppress(OSError):
        signal.pidfd_send_signal(holder, signal.SIGKILL)
    os._exit(0)


def refuse(connection, why):
    connection.send(f"{type(why).__name__}: {why}".encode())
    os._exit(70)


def become_kernel(connection, request, descriptors, doors, outside, scratch):
    """Go in, be confined, and run the kernel's program."""
    try:
        for name, kind in [*NAMESPACES.items(), ("user", USER)]:
            if name in doors:
                call(libc.setns, doors[name], kind)
        keep = {*descriptors[1:], connection.fileno()}
        settle(request, descriptors[0], keep, scratch)
        confine(request)
        check(request, outside, keep)
    except BaseException as error:
        refuse(connection, error)
    connection.send(b"ready")
    connection.close()
    differ()
    here = ",".join(map(str, descriptors[1:]))  # under other numbers than the grader's
    sys.argv = [here if word == request["sockets"] else word for word in request["argv"]]
    sys.path.insert(0, os.path.dirname(sys.argv[0]))  # as when it is run: it takes this away
    runpy.run_path(sys.argv[0], run_name="__main__")
    sys.exit()


def settle(request, log, keep, scratch):
    """Leave the zygote's session, descriptors and places behind."""
    prctl(DUMPABLE, 1)  # as for a program that was started as this user; /proc/self is its own then
    os.setsid()
    os.chdir(os.environ["HOME"])
    os.environ["PWD"] = os.environ["HOME"]  # as bubblewrap says it
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    for number in map(int, os.listdir("/proc/self/fd")):
        if number > 2 and number not in keep:
            with contextlib.suppress(OSError):  # the listing's own
                os.close(number)
    with contextlib.suppress(OSError):  # what Matplotlib remembers as its own folder
        os.makedirs(scratch, 0o700)
        os.chown(scratch, request["uid"], request["uid"])
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")  # if memory runs out, this goes first


def confine(request):
    """Take the sandbox's limits and user, and give up everything that could undo them."""
    if os.uname().machine in KEYCTL:
        libc.syscall(KEYCTL[os.uname().machine], JOIN_SESSION, None)  # a keyring of its own
    for name, bound in request["limits"].items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name.upper()}"), (bound, bound))
    for capability in range(64):
        if libc.prctl(BOUNDING_DROP, capability, 0, 0, 0) < 0:
            break  # the last one that this Linux knows
    prctl(AMBIENT, AMBIENT_CLEAR)
    if os.getuid() != request["uid"]:
        os.setgroups([])
        os.setresgid(*[request["uid"]] * 3)
        os.setresuid(*[request["uid"]] * 3)
    header = (ctypes.c_uint32 * 2)(CAPABILITIES_3, 0)
    call(libc.capset, header, (ctypes.c_uint32 * 6)())
    prctl(DUMPABLE, 1)  # a change of user has taken it away
    prctl(NO_NEW_PRIVILEGES, 1)
    if request["filter"]:
        rules = bytes.fromhex(request["filter"])
        code = ctypes.create_string_buffer(rules, len(rules))

        class Program(ctypes.Structure):
            _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]

        program = Program(len(rules) // 8, ctypes.addressof(code))
        call(libc.prctl, SECCOMP, FILTER, ctypes.byref(program), 0, 0)


def check(request, outside, keep):
    """Raise if anything of the confinement is not so."""
    with open("/proc/self/status") as file:
        status = dict(line.split(":\t", 1) for line in file.read().splitlines() if ":\t" in line)
    wrong = [name for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb") if int(status[name], 16)]
    wrong += [name for name in ("Uid", "Gid") if set(status[name].split()) != {str(request["uid"])}]
    wrong += [name for name, link in outside.items() if os.readlink(f"/proc/self/ns/{name}") == link]
    wrong += [name for name in ("pid", *NAMESPACES) if name not in outside and name != "cgroup"]
    if status["NoNewPrivs"] != "1" or (request["filter"] and status["Seccomp"] != "2"):
        wrong.append("privileges")
    if status["Threads"] != "1" or sum(name.isdigit() for name in os.listdir("/proc")) > 3:
        wrong.append("other threads or processes")
    for number in map(int, os.listdir("/proc/self/fd")):
        with contextlib.suppress(OSError):
            if number > 2 and number not in keep and os.fstat(number):
                wrong.append(f"descriptor {number}")
    for name, bound in request["limits"].items():
        if resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}")) != (bound, bound):
            wrong.append(name)
    if wrong:
        raise PermissionError(f"not confined: {', '.join(wrong)}")


def differ():
    """Draw new seeds: what a fresh interpreter draws from the system is shared by all that are forked from one."""
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    if "torch" in sys.modules:
        sys.modules["torch"].seed()


def main():
    control = socket.socket(fileno=int(sys.argv[1]))
    sys.path[:] = [path for path in sys.path if path]  # not the current folder
    scratch = preload(sys.argv[3:])
    threads = len(os.listdir("/proc/self/task"))
    gc.collect()
    gc.freeze()  # the collector then writes to no page that children share
    trouble = f"{threads} threads run after the imports" if threads > 1 else ""
    wait_for_sheets(control, int(sys.argv[2]), scratch, trouble)


if __name__ == "__main__":
    main()
