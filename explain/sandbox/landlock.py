"""Landlock: a process gives up every file it does not name, for good and without root.

Paths are followed, so a link out of a granted folder leads to nothing. Reading the attributes of a
file is not covered, and neither is changing them: `calls.py` refuses that. Running a program needs a right
that nobody is given; loading a library is reading it.

Source: Linux, Documentation/userspace-api/landlock.rst, up to version 7 of its interface.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct

from explain.sandbox import kernel, places
from explain.sandbox.grants import Grants, Part

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION = 1                                                    # flag of CREATE_RULESET: only say the version
PATH_BENEATH = 1

# Rights over files, in the kernel's order.
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = (1 << n for n in range(6))
MAKE_DIR, MAKE_REG, MAKE_SYM = 1 << 7, 1 << 8, 1 << 12
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15

READ = READ_FILE | READ_DIR
WRITE = READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | REFER | TRUNCATE
DEVICE = READ | WRITE_FILE | IOCTL_DEV
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV            # the others are of folders

TCP = 0b11                                                     # bind, connect
SCOPES = 0b11                                                  # abstract sockets, signals


def version() -> int:
    """Which interface the kernel offers. OSError where it offers none."""
    return kernel.system_call(CREATE_RULESET, None, 0, VERSION)


def rights_of(known: int) -> int:
    """All rights over files that this version of the interface knows: three versions brought one more."""
    return (1 << (13 + (known >= 2) + (known >= 3) + (known >= 5))) - 1


def confine(grants: Grants) -> Part:
    """From here on only the libraries and what is granted can be opened. Needs no_new_privs."""
    known = version()
    handled = rights_of(known)
    attributes = [handled]
    attributes += [0 if grants.network else TCP] if known >= 4 else []
    attributes += [SCOPES] if known >= 6 else []
    packed = struct.pack(f"={len(attributes)}Q", *attributes)
    rules = kernel.system_call(CREATE_RULESET, ctypes.c_char_p(packed), len(packed), 0)
    try:
        for path in [*places.libraries(grants.devices), *(grants.read or ())]:
            _allow(rules, path, READ & handled)
        for path in grants.write:
            _allow(rules, path, WRITE & handled)
        for path in places.devices(grants.devices):
            _allow(rules, path, DEVICE & handled)
        if grants.scratch:
            _allow(rules, grants.scratch, (WRITE | MAKE_SYM) & handled)
        kernel.system_call(RESTRICT_SELF, rules, 0)
    finally:
        os.close(rules)
    return Part("files", True, f"only the libraries and its own files (Landlock {known})")


def _allow(rules: int, path: str, rights: int) -> None:
    """One rule. What is not there needs none."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= OF_FILES
        rule = struct.pack("=Qi", rights, place)
        kernel.system_call(ADD_RULE, rules, PATH_BENEATH, ctypes.c_char_p(rule), 0)
    finally:
        os.close(place)
