"""System calls that a student's kernel is refused: a small filter, assembled here, loaded by bubblewrap.

Namespaces, dropped capabilities and an unprivileged user already stop these calls from doing harm, as long as the
Linux kernel has no bug. Refusing them takes away the parts of it in which such bugs have been found most often:
user namespaces, mounting, tracing, BPF, io_uring, keyrings, and all socket families but two (`AF_VSOCK` is bound to
no network namespace on most systems, and would reach the host of a virtual machine).

Others are refused because they take memory that no process is seen to hold, so that no limit finds it: files and
segments in memory that need not be mapped, semaphores and message queues, large socket buffers, and TCP, whose
buffers the whole machine shares. With no network there is nobody to talk to in any case.

It is a list of what is refused, not of what is allowed: NumPy and PyTorch must go on working after an update.
"""

from __future__ import annotations

import errno
import platform
import struct

# Numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h of Linux.
# From 424 on, both tables agree.
_COMMON = {
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
    "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433,
    "pidfd_getfd": 438, "process_madvise": 440, "mount_setattr": 442, "memfd_secret": 447,
}  # fmt: skip
_X86_64 = {
    "shmget": 29, "semget": 64, "msgget": 68, "memfd_create": 319, "ptrace": 101, "syslog": 103, "pivot_root": 155,
    "acct": 163, "mount": 165, "umount2": 166, "swapon": 167, "reboot": 169, "init_module": 175, "delete_module": 176,
    "quotactl": 179, "kexec_load": 246, "add_key": 248, "request_key": 249, "keyctl": 250, "migrate_pages": 256,
    "unshare": 272, "move_pages": 279, "perf_event_open": 298, "fanotify_init": 300, "name_to_handle_at": 303,
    "open_by_handle_at": 304, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311, "finit_module": 313,
    "bpf": 321, "userfaultfd": 323,
}  # fmt: skip
_AARCH64 = {
    "umount2": 39, "mount": 40, "pivot_root": 41, "quotactl": 60, "acct": 89, "unshare": 97, "kexec_load": 104,
    "init_module": 105, "delete_module": 106, "syslog": 116, "ptrace": 117, "reboot": 142, "add_key": 217,
    "msgget": 186, "semget": 190, "shmget": 194, "memfd_create": 279, "request_key": 218, "keyctl": 219, "swapon": 224,
    "migrate_pages": 238, "move_pages": 239, "perf_event_open": 241, "fanotify_init": 262, "name_to_handle_at": 264,
    "open_by_handle_at": 265, "setns": 268, "process_vm_readv": 270, "process_vm_writev": 271, "finit_module": 273,
    "bpf": 280, "userfaultfd": 282,
}  # fmt: skip
_MACHINES = {  # machine: (AUDIT_ARCH, refused, clone, clone3, socket, setsockopt)
    "x86_64": (0xC000003E, _X86_64 | _COMMON, 56, 435, 41, 54),
    "aarch64": (0xC00000B7, _AARCH64 | _COMMON, 220, 435, 198, 208),
}
_NEW_NAMESPACES = 0x7E020000 | 0x00000080  # every CLONE_NEW* flag
_FAMILIES = (1, 16)  # AF_UNIX, and AF_NETLINK, which is asked for the interfaces
_SOL_SOCKET, _SO_SNDBUF, _SO_RCVBUF = 1, 7, 8

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
# Offsets in struct seccomp_data (little endian).
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _SECOND_ARGUMENT, _THIRD_ARGUMENT = 0, 4, 16, 24, 32


def program(machine: str | None = None) -> bytes | None:
    """The filter as bubblewrap reads it, or None for a machine whose numbers are not listed here."""
    if (machine or platform.machine()) not in _MACHINES:
        return None
    architecture, refused, clone, clone3, socket, setsockopt = _MACHINES[machine or platform.machine()]
    denied = (_RETURN, 0, 0, _ERRNO | errno.EPERM)
    code = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),  # 32-bit calls have other numbers: they would walk past this list
        (_LOAD, 0, 0, _NUMBER),
    ]
    if architecture == 0xC000003E:
        code += [(_AT_LEAST, 0, 1, 0x40000000), denied]  # x32 calls, for the same reason
    # clone3 keeps its flags in memory, where a filter can't look: without it the C library falls back to clone.
    code += [(_EQUAL, 0, 1, clone3), (_RETURN, 0, 0, _ERRNO | errno.ENOSYS)]
    for number in sorted(refused.values()):
        code += [(_EQUAL, 0, 1, number), denied]
    code += [(_EQUAL, 0, 4, clone), (_LOAD, 0, 0, _FIRST_ARGUMENT), (_ANY_BIT, 0, 1, _NEW_NAMESPACES), denied]
    code += [(_RETURN, 0, 0, _ALLOW)]
    code += [(_EQUAL, 0, 7, setsockopt), (_LOAD, 0, 0, _SECOND_ARGUMENT), (_EQUAL, 0, 4, _SOL_SOCKET)]
    code += [(_LOAD, 0, 0, _THIRD_ARGUMENT), (_EQUAL, 1, 0, _SO_SNDBUF), (_EQUAL, 0, 1, _SO_RCVBUF)]
    code += [denied, (_RETURN, 0, 0, _ALLOW)]
    code += [(_EQUAL, 0, len(_FAMILIES) + 2, socket), (_LOAD, 0, 0, _FIRST_ARGUMENT)]
    code += [(_EQUAL, len(_FAMILIES) - i, 0, family) for i, family in enumerate(_FAMILIES)]
    code += [denied, (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *step) for step in code)
