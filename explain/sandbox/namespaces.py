"""A network of its own, which leads nowhere, and a scratch folder in memory.

Root may make these; everybody else may inside a user namespace of their own, where the system allows
it. Only a process with one thread can make one.
"""

from __future__ import annotations

import os
from pathlib import Path

from explain.sandbox import kernel, limits
from explain.sandbox.grants import Grants, Part

OWN = kernel.CLONE_NEWNET | kernel.CLONE_NEWIPC | kernel.CLONE_NEWNS


def separate(grants: Grants) -> Part:
    """Leave the machine's network, shared memory and mounts."""
    user, group = os.getuid(), os.getgid()
    try:
        kernel.call("unshare", OWN)
    except PermissionError:
        kernel.call("unshare", OWN | kernel.CLONE_NEWUSER)
        _keep_names(user, group)
        limits.limit_processes(grants.processes)
    return Part("network", True, "a network of its own, which leads nowhere")


def _keep_names(user: int, group: int) -> None:
    """The same user inside as outside: else nobody owns the files it makes."""
    Path("/proc/self/setgroups").write_bytes(b"deny")
    Path("/proc/self/uid_map").write_bytes(b"%d %d 1" % (user, user))
    Path("/proc/self/gid_map").write_bytes(b"%d %d 1" % (group, group))


def cover(grants: Grants) -> Part:
    """Lay a small file system in memory over the scratch folder. Only where the mounts are its own."""
    kernel.call("mount", b"none", b"/", None, kernel.MS_REC | kernel.MS_PRIVATE, None)
    flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    options = f"size={grants.file_bytes},nr_inodes=4096,mode=700".encode()
    kernel.call("mount", b"none", os.fsencode(grants.scratch), b"tmpfs", flags, options)
    return Part("scratch", True, f"in memory, {grants.file_bytes / 2**20:.0f} MB at most")
