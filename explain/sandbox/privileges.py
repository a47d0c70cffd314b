"""What a process may do beyond an ordinary program of its user: nothing."""

from __future__ import annotations

import os
from contextlib import suppress

from explain.sandbox import kernel
from explain.sandbox.grants import Grants, Part


def give_up(grants: Grants) -> Part:
    """No program gains rights. Where it is confined, root's powers go, and terminal and memory are apart."""
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    if not grants.confined:
        return Part("privileges", True, "no new privileges")
    with suppress(PermissionError):                           # it leads a session of its own already
        os.setsid()                                           # it cannot type into the server's terminal
    kernel.drop_capabilities()
    if not grants.devices:                                    # a GPU's driver reads more of /proc/self
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    return Part("privileges", True, "no new privileges, none of root's powers")
