"""The filter of system calls, run by a little machine here: also for processors that this is not."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from explain.sandbox import Grants, calls

ME = 4321
ALLOWED, REFUSED, MISSING, KILLED = "allowed", 1, 38, "killed"
TABLES = calls.PROGRAMS | calls.KERNEL | calls.SOCKETS | calls.ATTRIBUTES | calls.SIGNALS | calls.ITSELF
TABLES |= {"clone": calls.CLONE, "clone3": calls.CLONE3}
X86, ARM = "x86_64", "aarch64"


def ask(machine: str, number: int, *arguments: int, audit: int | None = None, **grants) -> object:
    """What becomes of one call: "allowed", "killed", or the number of the error."""
    arguments = (*arguments, *[0] * (6 - len(arguments)))
    shown = struct.pack("<iIQ6Q", number, audit or calls.MACHINES[machine][0], 0, *arguments)
    steps = [struct.unpack("<HBBI", step) for step in calls.program(machine, ME, Grants(**grants))]
    place = accumulator = 0
    while True:
        code, if_true, if_false, value = steps[place]
        place += 1
        match code:
            case calls.LOAD:
                (accumulator,) = struct.unpack_from("<I", shown, value)
            case calls.EQUAL:
                place += if_true if accumulator == value else if_false
            case calls.AT_LEAST:
                place += if_true if accumulator >= value else if_false
            case calls.ANY_BIT:
                place += if_true if accumulator & value else if_false
            case calls.RETURN:
                return {calls.ALLOW: ALLOWED, calls.KILL: KILLED}.get(value, value & 0xFFFF)


MACHINES = pytest.mark.parametrize(("machine", "column"), [(X86, 0), (ARM, 1)])
ORDINARY = {
    "read": (0, 63), "write": (1, 64), "openat": (257, 56), "mmap": (9, 222), "futex": (202, 98),
    "socketpair": (53, 199), "getpid": (39, 172), "exit_group": (231, 94), "recvfrom": (45, 207),
}  # fmt: skip


@MACHINES
def test_ordinary_calls_pass(machine, column):
    found = {name: ask(machine, numbers[column]) for name, numbers in ORDINARY.items()}
    assert found == dict.fromkeys(ORDINARY, ALLOWED)


@MACHINES
def test_what_is_refused(machine, column):
    for table in (calls.PROGRAMS, calls.KERNEL, calls.ATTRIBUTES, calls.SOCKETS):
        for name, numbers in table.items():
            if numbers[column] is not None:
                assert ask(machine, numbers[column]) == REFUSED, name
    for name, numbers in calls.SOCKETS.items():
        assert ask(machine, numbers[column], network=True) == ALLOWED, name


@MACHINES
def test_a_thread_is_no_copy(machine, column):
    clone, clone3 = calls.CLONE[column], calls.CLONE3[column]
    thread = 0x003D0F00                                        # as the C library makes one
    assert ask(machine, clone, thread) == ALLOWED
    for flags in (0x11, 0x4111, 0x10000011, 0):                # fork, vfork, a user namespace
        assert ask(machine, clone, flags) == REFUSED
    assert ask(machine, clone3, 1) == MISSING


@MACHINES
def test_signals_and_limits_are_for_itself(machine, column):
    for name, numbers in calls.SIGNALS.items():
        told = [ask(machine, numbers[column], to) for to in (ME, 1, 0, 2**64 - 1, 2**32 - ME)]
        assert told == [ALLOWED, *[REFUSED] * 4], name
    for name, numbers in calls.ITSELF.items():
        assert [ask(machine, numbers[column], to) for to in (ME, 0, 1)] == [ALLOWED, ALLOWED, REFUSED], name


def test_other_numberings_do_not_help():
    assert ask(X86, 59 + calls.X32) == MISSING and ask(X86, 520 + calls.X32) == MISSING
    assert ask(X86, 11, audit=0x40000003) == KILLED              # execve of the 32-bit table
    assert ask(ARM, 11, audit=0x40000028) == KILLED


def test_an_unknown_machine_is_said(monkeypatch):
    monkeypatch.setattr(calls.platform, "machine", lambda: "riscv64")
    part = calls.refuse_calls(Grants())
    assert not part.active and "riscv64" in part.why


@pytest.mark.parametrize(
    ("column", "header"),
    [(0, "x86_64-linux-gnu/asm/unistd_64.h"), (1, "asm-generic/unistd.h")],
    ids=[X86, ARM],
)
def test_the_numbers_are_the_kernels(column, header):
    file = Path("/usr/include") / header
    if not file.is_file():
        pytest.skip(f"there is no {file} to compare with")
    defined = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", file.read_text())
    known = {name: int(number) for name, number in defined}
    ours = {name: numbers[column] for name, numbers in TABLES.items()}
    assert {name: ours[name] for name in ours.keys() & known.keys() if ours[name] != known[name]} == {}
    assert len(known.keys() & ours.keys()) > 40
