"""A process gives up, for good, what it does not need for a stranger's file. Needs no root.

    enter(grants)   applied by a process to itself, while it has one thread and before it reads the file
    available()     which parts hold on this machine, tried once in a process that ends again

    grants.py       the two nouns: what a process keeps, and one guard
    limits.py       memory, processor time, sizes of files; ends with its parent
    namespaces.py   a network that leads nowhere, a scratch folder in memory
    privileges.py   none of root's
    landlock.py     files
    calls.py        system calls: no programs, no sockets
    places.py       where the libraries lie
    kernel.py       the C library's doors

A part that this system lacks is reported, never raised: `Part.why` says what is missing. Systems other
than Linux have none of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from explain.sandbox.grants import Grants, Part

__all__ = ["Grants", "Part", "available", "confines", "enter", "lift_cpu_limit"]

NAMES = ("limits", "network", "scratch", "lifetime", "privileges", "files", "calls")
ENOUGH = ("network", "files")                          # with neither of them a stranger's file stays closed

_TRIAL = """
import json, sys
sys.path.insert(0, sys.argv[1])
from explain.sandbox import Grants, enter
print(json.dumps(enter(Grants(scratch=sys.argv[2]))))
"""


def enter(grants: Grants) -> tuple[Part, ...]:
    """Apply every part that this system has to this process; tell which hold, and why the others do not.

    To be called before the first thread is started: threads that run already stay outside.
    """
    if sys.platform != "linux":
        return _none(f"only Linux has it, and this is {sys.platform}")
    from explain.sandbox import calls, landlock, limits, namespaces, privileges

    parts = [_tried("limits", lambda: limits.limit(grants))]
    if grants.network:
        parts.append(Part("network", False, "it may reach other machines"))
    else:
        parts.append(_tried("network", lambda: namespaces.separate(grants)))
    if grants.scratch and parts[-1].active:            # else it would be covered for all the machine to see
        parts.append(_tried("scratch", lambda: namespaces.cover(grants)))
    elif grants.scratch:
        parts.append(Part("scratch", False, "it lies on the disk"))
    parts.append(_tried("lifetime", limits.first_to_go))
    parts.append(_tried("privileges", lambda: privileges.give_up(grants)))
    if grants.confined:
        parts.append(_tried("files", lambda: landlock.confine(grants)))
        parts.append(_tried("calls", lambda: calls.refuse_calls(grants)))
    else:
        parts.append(Part("files", False, "it may open what its user may"))
        parts.append(Part("calls", False, "it may run programs"))
    return tuple(parts)


def lift_cpu_limit() -> None:
    """Once the file is open, processor time is no longer limited."""
    if sys.platform == "linux":
        from explain.sandbox import limits

        limits.limit_cpu(0)


def _tried(name: str, apply: Callable[[], Part]) -> Part:
    try:
        return apply()
    except (OSError, ValueError, AttributeError, ImportError) as error:     # the last two: another C library
        return Part(name, False, f"this system refuses it: {error}")


@cache
def available() -> tuple[Part, ...]:
    """What `enter` would apply here, found out in a process of its own and remembered."""
    if sys.platform != "linux":
        return enter(Grants())
    root = str(Path(__file__).parents[2])
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-I", "-c", _TRIAL, root, folder]
        try:
            said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
            return tuple(Part(*each) for each in json.loads(said))
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            return _none(f"the trial of it failed: {error}")


def confines(parts: tuple[Part, ...]) -> bool:
    """Whether these parts are enough for the file of a stranger: its files or its network are closed off."""
    return any(part.active for part in parts if part.name in ENOUGH)


def _none(why: str) -> tuple[Part, ...]:
    return tuple(Part(name, False, why) for name in NAMES)
