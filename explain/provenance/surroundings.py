"""What the last bits depend on beside the recipe: versions, device, processor, settings."""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

# Under which names a library may be installed.
PACKAGES = {
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-macos", "tf-nightly"),
    "keras": ("keras", "keras-nightly"),
    "numpy": ("numpy",),
    "opencv": ("opencv-python-headless", "opencv-python", "opencv-contrib-python-headless", "opencv-contrib-python"),
    "pillow": ("pillow",),
}  # fmt: skip

# Settings that choose other kernels, or another order of the same additions.
SETTINGS = (
    "TF_ENABLE_ONEDNN_OPTS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS",
    "ONEDNN_MAX_CPU_ISA", "TF_DETERMINISTIC_OPS", "TF_CUDNN_DETERMINISTIC", "NVIDIA_TF32_OVERRIDE", "TF_XLA_FLAGS",
)  # fmt: skip


def surroundings(device: str | None = None) -> dict[str, Any]:
    """{"versions", "device", "processor", "settings"}.

    device: as `explain.device.ready` says it; None asks where TensorFlow computes in this process, and is
    "" where it does not.
    """
    return {
        "versions": versions(),
        "device": _device() if device is None else device,
        "processor": processor(),
        "settings": {name: os.environ[name] for name in SETTINGS if name in os.environ},
    }


def versions() -> dict[str, str]:
    """{"python": "3.12.3", "tensorflow": …}; a library that is not installed is left out."""
    found = {name: _installed(names) for name, names in PACKAGES.items()}
    return {"python": platform.python_version(), **{name: said for name, said in found.items() if said}}


@cache
def processor() -> dict[str, Any]:
    """{"name", "machine", "system", "cores"}; cores: those that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"name": _named(), "machine": platform.machine(), "system": platform.system(), "cores": cores}


def _installed(names: tuple[str, ...]) -> str:
    for name in names:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return ""


def _device() -> str:
    if "tensorflow" not in sys.modules:
        return ""
    from explain import device  # late: TensorFlow is there already

    return device.ready()


def _named() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            return next(
                (line.partition(":")[2].strip() for line in file if line.startswith("model name")), ""
            )
    except OSError:  # another system
        return platform.processor()
