"""The machine's facts, and rows as Markdown and JSON."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from benchmarks.timing import Row

PACKAGES = ("tensorflow", "keras", "numpy", "opencv-python", "streamlit")
PEERS = ("tf-keras-vis", "tf-explain")

HEADER = """\
| row | what | against | ratio | limit | met | ours | theirs | rounds | note |
|---|---|---|---:|---:|---|---:|---:|---:|---|"""


def facts(peers: bool = False) -> dict[str, str]:
    """Processors, versions, device and load of this machine."""
    from explain import device

    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processors": f"{os.cpu_count()} ({_processor()})",
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES + (PEERS if peers else ())},
        "device": device.ready(),
        "load": load(),
    }


def load() -> str:
    """How many programs wanted a processor, on average: 1, 5 and 15 minutes."""
    return " ".join(f"{n:.2f}" for n in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    if sys.platform == "linux":
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            named = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
        if named:
            return named[0]
    return platform.processor() or "unknown"


def line(row: Row) -> str:
    """One row as Markdown."""
    ours, theirs = row.medians
    met = {True: "yes", False: "**no**", None: "–"}[row.met]
    limit = "–" if row.limit is None else f"{row.limit:g}"
    rounds = str(len(row.ours)) if len(row.ours) == len(row.theirs) else f"{len(row.ours)}, {len(row.theirs)}"
    cells = [
        row.name, row.what, row.against, f"{row.ratio:.3f}", limit, met,
        f"{ours:.4g} {row.unit}", f"{theirs:.4g} {row.unit}", rounds, row.note,
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def failure(name: str, error: BaseException) -> str:
    """A row that could not be measured, with the reason."""
    reason = " ".join(str(error).split()).replace("|", "\\|")[:200] or "no reason given"
    return f"| {name} | not measured: {type(error).__name__}: {reason} | | | | | | | | |"


def as_json(row: Row) -> dict:
    """All figures of a row, every round's included."""
    ours, theirs = row.medians
    return {
        "name": row.name, "what": row.what, "against": row.against, "ratio": row.ratio, "limit": row.limit,
        "met": row.met, "unit": row.unit, "ours": ours, "theirs": theirs, "note": row.note,
        "ours_each": list(row.ours), "theirs_each": list(row.theirs),
    }  # fmt: skip
