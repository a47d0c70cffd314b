"""The kernel's doors that Python has no function for. Linux only; OSError says what the kernel said."""

from __future__ import annotations

import ctypes
import os
from functools import cache

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x08000000, 0x10000000, 0x40000000

MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 16384, 1 << 18


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments) -> int:
    """A function of the C library by its name; numbers travel as longs, texts as bytes."""
    function = getattr(_libc(), name)
    passed = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    answer = function(*passed)
    if answer == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return answer


def system_call(number: int, *arguments) -> int:
    """A call that the C library has no name for."""
    return call("syscall", number, *arguments)


def prctl(option: int, value: object, *rest: int) -> None:
    call("prctl", option, value, *(rest or (0, 0, 0)))


def drop_capabilities() -> None:
    """Give up whatever root, or the root of a namespace, may do beyond an ordinary user."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)             # version 3, this thread
    nothing = (ctypes.c_uint32 * 6)()                         # two times effective, permitted, inheritable
    call("capset", header, nothing)
