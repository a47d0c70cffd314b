"""How much a process may take, and that it goes when its parent goes."""

from __future__ import annotations

import os
import signal
import stat
from contextlib import suppress
from pathlib import Path

from explain.sandbox import kernel
from explain.sandbox.grants import Grants, Part

OPEN_FILES = 4096
ADDRESSES = 2**29                                            # a core: threads reserve more than they use


def limit(grants: Grants) -> Part:
    """Memory, processor time, sizes of files, open files; no core dumps. Lower limits of before stay."""
    import resource

    wanted = {
        "RLIMIT_CORE": 0,
        "RLIMIT_NOFILE": OPEN_FILES,
        "RLIMIT_FSIZE": grants.file_bytes and grants.file_bytes + _longest_log() or None,
        "RLIMIT_DATA": grants.memory_bytes or None,
        # Memory that could be shared is no data: it is bounded by the addresses it needs.
        "RLIMIT_AS": grants.memory_bytes and _addresses() + grants.memory_bytes or None,
    }
    for name, value in wanted.items():
        if value is not None:
            kind = getattr(resource, name)
            value = _lower(value, resource.getrlimit(kind)[1])
            resource.setrlimit(kind, (value, value))
    if grants.cpu_seconds:
        limit_cpu(grants.cpu_seconds)
    said = [f"{grants.memory_bytes / 2**20:.0f} MB of memory"] if grants.memory_bytes else []
    said += [f"files up to {grants.file_bytes / 2**20:.0f} MB"] if grants.file_bytes else []
    return Part("limits", True, ", ".join([*said, "no core dumps"]))


def _addresses() -> int:
    """Bytes of addresses in use, libraries for the most part, and room for what threads reserve."""
    used = int(Path("/proc/self/statm").read_bytes().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    return used + ADDRESSES * len(os.sched_getaffinity(0))


def _longest_log() -> int:
    """Bytes of the files that output and errors go to: what is said needs room behind what was said."""
    longest = 0
    for handle in (1, 2):
        with suppress(OSError):                               # it may be closed
            found = os.fstat(handle)
            longest = max(longest, found.st_size if stat.S_ISREG(found.st_mode) else 0)
    return longest


def limit_cpu(seconds: int) -> None:
    """End this process once it has used so much processor time; 0 lifts that again."""
    import resource

    most = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (_lower(seconds or resource.RLIM_INFINITY, most), most))


def limit_processes(most: int) -> None:
    """For a user namespace of its own: elsewhere all threads of the user count, and none of root's."""
    import resource

    value = _lower(most, resource.getrlimit(resource.RLIMIT_NPROC)[1])
    resource.setrlimit(resource.RLIMIT_NPROC, (value, value))


def _lower(value: int, most: int) -> int:
    import resource

    known = [n for n in (value, most) if n != resource.RLIM_INFINITY]
    return min(known, default=resource.RLIM_INFINITY)


def first_to_go() -> Part:
    """Ended with its parent, and the first to be ended when the machine has no memory left."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, int(signal.SIGKILL))
    Path("/proc/self/oom_score_adj").write_bytes(b"1000")
    return Part("lifetime", True, "ends with its parent, and first when memory is short")
