"""Where the libraries lie that a process needs while it works, and nothing else of the machine."""

from __future__ import annotations

import os
import site
import sys
from glob import glob
from pathlib import Path

OURS = Path(__file__).parents[1]                             # explain/; what lies beside it is the owner's

SYSTEM = (
    "/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64",
    "/usr/share/zoneinfo", "/etc/localtime", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d",
    "/nix/store", "/gnu/store",
)  # fmt: skip
# Of /proc/self only what tells nothing about the server: not its environment.
KERNEL = (
    "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/vm/overcommit_memory",
    "/proc/self/cmdline", "/proc/self/maps", "/proc/self/stat", "/proc/self/statm", "/proc/self/status",
    "/proc/self/cgroup", "/proc/self/mountinfo",
    "/sys/devices/system", "/sys/kernel/mm/transparent_hugepage", "/sys/fs/cgroup",
)  # fmt: skip
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")

# Of NVIDIA's driver and libraries.
GPU_READ = (
    "/proc/driver/nvidia", "/proc/devices", "/proc/modules", "/proc/self", "/sys", "/usr/local/cuda*",
    "/opt/cuda*", "/etc/nvidia", "/usr/share/nvidia", "/usr/share/glvnd",
)  # fmt: skip
GPU_DEVICES = ("/dev/nvidia*", "/dev/dri")


def libraries(gpu: bool = False) -> list[str]:
    """Files and folders to be read: the interpreter's, the packages', the system's, our own code."""
    homes = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    found = [os.path.join(home, name) for home in sorted(homes) for name in ("lib", "lib64", "pyvenv.cfg")]
    found += [os.path.dirname(os.__file__), *site.getsitepackages(), site.getusersitepackages()]
    found += [path for path in sys.path if _installed(path)]
    found += [path for path in os.environ.get("LD_LIBRARY_PATH", "").split(":") if os.path.isabs(path)]
    found += [str(OURS), *SYSTEM, *KERNEL]
    found += [path for pattern in GPU_READ for path in glob(pattern)] if gpu else []
    return list(dict.fromkeys(found))


def devices(gpu: bool = False) -> list[str]:
    """Device nodes to be read, written to and commanded."""
    return [*DEVICES, *([path for pattern in GPU_DEVICES for path in glob(pattern)] if gpu else [])]


def _installed(path: str) -> bool:
    """Whether packages were installed into that folder of the search path: another may be the project's."""
    if path.endswith((".zip", "lib-dynload")):
        return True
    try:
        return any(name.endswith(".dist-info") for name in os.listdir(path or "."))
    except OSError:
        return False
