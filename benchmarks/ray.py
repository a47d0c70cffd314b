"""A folder of photos on Ray against the local engine: the same batches, files and cores.

Both sides from an opened model to the last file on disk; ours with the start of Ray and of its actors, which
is the same whatever the folder's size.
"""

from __future__ import annotations

import importlib.util
import tempfile
import time
from pathlib import Path

from benchmarks.folders import BATCH, NETWORK, PHOTOS, _job, _opened, photos
from benchmarks.timing import NotHere, Row

ROUNDS, WORKERS = 3, 2


def engine(quick: bool = False) -> Row:
    """NotHere where Ray is not installed."""
    if importlib.util.find_spec("ray") is None:
        raise NotHere("Ray is not installed: pip install 'ray[data]'")
    from explain import folders
    from explain.folders.ray_engine import Ray

    ours, theirs, starts = [], [], []
    with tempfile.TemporaryDirectory() as temporary:
        sources = photos(Path(temporary, "photos"), 64 if quick else PHOTOS)
        model = _opened()
        _timed(folders.Local(), model, sources[: 2 * BATCH], Path(temporary, "warm"))
        for number in range(1 if quick else ROUNDS):
            each, start = _timed(Ray(workers=WORKERS), model, sources, Path(temporary, f"ray{number}"))
            ours.append(each)
            starts.append(start)
            theirs.append(_timed(folders.Local(), model, sources, Path(temporary, f"local{number}"))[0])
    return Row(
        f"ray/{NETWORK}", f"folder of {len(sources):,} photos on Ray, {WORKERS} actors, {NETWORK}",
        "the local engine", tuple(ours), tuple(theirs), 1.2, "ms",
        f"{min(starts) / 1000:.0f} s of ours until the first batch: Ray, its actors and their models start",
    )  # fmt: skip


def _timed(engine, model, sources, out: Path) -> tuple[float, float]:
    """Milliseconds of the whole, and until the first rows."""
    from explain import folders

    run, moments = folders.Run(model, _job(model, out), sources), []
    began = time.perf_counter()
    run.begin()
    run.carry_out(engine, on_rows=lambda rows: moments.append(time.perf_counter()))
    run.finish()
    return 1e3 * (time.perf_counter() - began), 1e3 * (moments[0] - began)


ROWS = {f"ray/{NETWORK}": engine}
