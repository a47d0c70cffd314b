"""A folder of photos on Ray against the local engine: whole commands, from their start to their end.

Both sides are `python -m explain heatmaps …` in a process of its own: it imports TensorFlow, opens the network,
computes, and writes table and manifest. Ours also starts Ray and its actors, and stops them.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.folders import BATCH, NETWORK, PHOTOS, ROOT, photos
from benchmarks.timing import NotHere, Row, milliseconds

ROUNDS, WORKERS = 3, 2


def engine(quick: bool = False) -> Row:
    """NotHere where Ray is not installed."""
    if importlib.util.find_spec("ray") is None:
        raise NotHere("Ray is not installed: pip install 'ray[data]'")
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as temporary:
        here = Path(temporary)
        photos(here / "photos", 64 if quick else PHOTOS)
        for number in range(1 if quick else ROUNDS):
            on_ray = ["--engine", "ray", "--workers", str(WORKERS)]
            ours.append(milliseconds(lambda: _command(here / "photos", here / f"ray{number}", *on_ray)))  # noqa: B023
            theirs.append(milliseconds(lambda: _command(here / "photos", here / f"local{number}")))  # noqa: B023
            _same(here / f"ray{number}", here / f"local{number}")
    return Row(
        f"ray/{NETWORK}", f"folder of {64 if quick else PHOTOS:,} photos on Ray, {WORKERS} workers, {NETWORK}",
        "the local engine, whole command against whole command", tuple(ours), tuple(theirs), 1.2, "ms",
        "the same files; Ray, its actors and their models start within ours, and the driver computes meanwhile",
    )  # fmt: skip


def _command(source: Path, out: Path, *more: str) -> None:
    words = ["heatmaps", NETWORK, str(source), "--batch", str(BATCH), "--out", str(out), "--quiet", *more]
    done = subprocess.run(
        [sys.executable, "-m", "explain", *words], check=False, cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"`{' '.join(words)}` ended with {done.returncode}: {done.stderr[-300:]}")


def _same(one: Path, two: Path) -> None:
    """RuntimeError where a map or an overlay of one engine is not that of the other."""
    for path in (*one.glob("*.png"), *one.glob("*.npy")):
        if path.read_bytes() != (two / path.name).read_bytes():
            raise RuntimeError(f"{path.name} is another file on Ray than on the local engine")


ROWS = {f"ray/{NETWORK}": engine}
