"""Which system calls are refused: a filter that the process gives itself, for good and without root.

It closes what Landlock and namespaces leave open: a socket file of another program of the same user (the
fork server's own, say, or a container engine's), programs in memory, copies of the process, and the
attributes of files. A refused call answers "not permitted".

Source: Linux, Documentation/userspace-api/seccomp_filter.rst; numbers from the kernel's tables.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct

from explain.sandbox import kernel
from explain.sandbox.grants import Grants, Part

# machine: (its audit number, column in the tables below)
MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}

# name: number on x86_64, on aarch64; None where there is no such call.
PROGRAMS = {"fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281)}
KERNEL = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "tkill": (200, 130),
    "setpriority": (141, 140), "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "memfd_create": (319, 279),
    "memfd_secret": (447, 447), "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "open_by_handle_at": (304, 265),
}  # fmt: skip
SOCKETS = {
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201), "accept": (43, 202),
    "accept4": (288, 242),
}  # fmt: skip
ATTRIBUTES = {
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, None), "lchown": (94, None), "fchown": (93, 55), "fchownat": (260, 54),
    "utime": (132, None), "utimes": (235, None), "futimesat": (261, None), "utimensat": (280, 88),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "setxattrat": (463, 463),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "removexattrat": (466, 466), "truncate": (76, 45),
}  # fmt: skip
# Allowed where the first argument is this process; for those of ITSELF also where it is 0.
SIGNALS = {
    "kill": (62, 129), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
}  # fmt: skip
ITSELF = {
    "prlimit64": (302, 261), "sched_setaffinity": (203, 122), "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118), "sched_setattr": (314, 274), "migrate_pages": (256, 238),
    "move_pages": (279, 239),
}  # fmt: skip
CLONE, CLONE3 = (56, 220), (435, 435)

CLONE_THREAD = 0x00010000
X32 = 0x40000000                                               # the other numbering on x86_64
EPERM, ENOSYS = 1, 38

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, MACHINE, FIRST = 0, 4, 16                              # places in what the filter is shown
KILL, ALLOW, REFUSE = 0x80000000, 0x7FFF0000, 0x00050000
MODE_FILTER = 2


def refuse_calls(grants: Grants) -> Part:
    """Install the filter. Needs no_new_privs. OSError where the kernel has none."""
    machine = platform.machine()
    if machine not in MACHINES:
        return Part("calls", False, f"the numbers of the system calls of {machine} are not known here")
    steps = program(machine, os.getpid(), grants)
    code = b"".join(steps)
    kept = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(kept))
    kernel.prctl(kernel.PR_SET_SECCOMP, MODE_FILTER, ctypes.c_char_p(head), 0, 0)
    said = ["no programs, no copies of itself", *([] if grants.network else ["no sockets"])]
    return Part("calls", True, ", ".join(said))


def program(machine: str, process: int, grants: Grants) -> list[bytes]:
    """The filter's steps, eight bytes each."""
    audit, column = MACHINES[machine]
    tables = [PROGRAMS, KERNEL, ATTRIBUTES, *([] if grants.network else [SOCKETS])]
    yes, no = _step(RETURN, ALLOW), _step(RETURN, REFUSE | EPERM)
    first = _step(LOAD, FIRST)
    steps = [_step(LOAD, MACHINE), _step(EQUAL, audit, 1, 0), _step(RETURN, KILL), _step(LOAD, NUMBER)]
    if machine == "x86_64":
        steps += [_step(AT_LEAST, X32, 0, 1), _step(RETURN, REFUSE | ENOSYS)]
    for number in _numbers(tables, column):
        steps += [_step(EQUAL, number, 0, 1), no]
    # A thread is a clone whose flags say so. clone3 hides its flags: without it the C library takes clone.
    steps += [_step(EQUAL, CLONE3[column], 0, 1), _step(RETURN, REFUSE | ENOSYS)]
    steps += [_step(EQUAL, CLONE[column], 0, 4), first, _step(ANY_BIT, CLONE_THREAD, 0, 1), yes, no]
    for number in _numbers([SIGNALS], column):
        steps += [_step(EQUAL, number, 0, 4), first, _step(EQUAL, process, 0, 1), yes, no]
    for number in _numbers([ITSELF], column):
        steps += [_step(EQUAL, number, 0, 5), first]
        steps += [_step(EQUAL, 0, 1, 0), _step(EQUAL, process, 0, 1), yes, no]
    return [*steps, yes]


def _numbers(tables: list[dict[str, tuple[int | None, int | None]]], column: int) -> list[int]:
    found = [numbers[column] for table in tables for numbers in table.values()]
    return [number for number in found if number is not None]


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One instruction: what to do, with what, and how many steps to leap in either case."""
    return struct.pack("=HBBI", code, if_true, if_false, value)
