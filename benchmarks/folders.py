"""A folder of photos into overlays on disk: how long it takes, what it holds, and what a crash costs.

`python -m benchmarks.folders MODEL FOLDER OUT` is one such run in a process of its own; it prints its peak
memory in megabytes.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.memory import _status
from benchmarks.timing import Row, milliseconds

NETWORK = "efficientnet-lite0"
PHOTOS, ROUNDS, BATCH, KILLS = 1000, 3, 16, 10
ROOT = Path(__file__).parents[1]


def folder(quick: bool = False) -> Row:
    """Both sides over the same photos, in turns, with the same encoder; the parts of theirs one after the other,
    in one thread of ours."""
    from explain import folders

    with tempfile.TemporaryDirectory() as temporary:
        sources = photos(Path(temporary, "photos"), 64 if quick else PHOTOS)
        model, parts = _opened(), _parts(sources)
        job = _job(model, Path(temporary, "warm"))
        _run(model, job, sources[: 2 * BATCH])
        ours: list[float] = []
        theirs: list[list[float]] = []
        for part in parts:
            part(sources[: 2 * BATCH])  # warm
        for number in range(1 if quick else ROUNDS):
            job = _job(model, Path(temporary, f"out{number}"))
            ours.append(milliseconds(lambda job=job: _run(model, job, sources)))
            theirs.append([milliseconds(partial(part, sources)) for part in parts])
    each = [round(float(np.median(times)) / len(sources), 1) for times in zip(*theirs)]
    return Row(
        f"folder/{NETWORK}", f"folder of {len(sources):,} photos → overlays on disk, {NETWORK}",
        "decode + compiled forward pass + PNG encode, each alone, summed", tuple(ours),
        tuple(sum(times) for times in theirs), 1.15, "ms",
        f"theirs, ms a photo: decode {each[0]}, forward {each[1]}, encode {each[2]}; engine {type(folders.Local()).__name__}",
    )  # fmt: skip


def memory(quick: bool = False) -> Row:
    """The peak of the whole process; small photos, so that only their number differs."""
    few, many = (100, 400) if quick else (500, 5000)
    peaks: dict[int, list[float]] = {many: [], few: []}
    with tempfile.TemporaryDirectory() as temporary:
        for number in peaks:
            photos(Path(temporary, f"photos{number}"), number, longest=160)
        for turn in range(1 if quick else 2):
            for number, found in peaks.items():
                out = Path(temporary, f"out{number}-{turn}")
                found.append(float(_process(Path(temporary, f"photos{number}"), out).split()[-1]))
    return Row(
        f"folder-memory/{NETWORK}", f"peak memory at {many:,} photos, {NETWORK}", f"at {few:,} photos",
        tuple(peaks[many]), tuple(peaks[few]), 1.1, "MB", "the whole process, model and TensorFlow included",
    )  # fmt: skip


def killed(quick: bool = False) -> Row:
    """Killed at random moments while it works, then finished, against one run that was left alone."""
    kills = 2 if quick else KILLS
    with tempfile.TemporaryDirectory() as temporary:
        here = Path(temporary)
        photos(here / "photos", 100 if quick else 400, longest=320)
        _process(here / "photos", here / "one")
        done = sum(_kill(here / "photos", here / "two") for _ in range(kills))
        _process(here / "photos", here / "two")
        one, two = _digests(here / "one"), _digests(here / "two")
    wrong = sum(one.get(name) != two.get(name) for name in one.keys() | two.keys())
    return Row(
        f"folder-killed/{NETWORK}", f"killed {done} times at random moments, then finished: files that differ",
        "one uninterrupted run", (1.0 + wrong,), (1.0,), 1.0, "(1 + files)", f"{len(one)} files compared by SHA-256",
    )  # fmt: skip


def photos(where: Path, many: int, longest: int | None = None):
    """Samples, shifted and a little darker each time, as JPEG: no two alike."""
    from explain import folders
    from explain.image import preview
    from explain.render import jpeg
    from explain.samples import read_sample, samples

    where.mkdir()
    whole = [read_sample(slug).pixels for slug in samples()]
    whole = [preview(pixels, longest) if longest else pixels for pixels in whole]
    for number, pixels in zip(range(many), itertools.cycle(whole)):
        moved = np.roll(pixels, (number % 97, number % 89), axis=(0, 1))
        darker = (moved * (1 - number % 31 / 100)).astype(np.uint8)
        (where / f"{number:05d}.jpg").write_bytes(jpeg(darker, 92))
    return [folders.Source(str(path), path.stem) for path in sorted(where.iterdir())]


def _opened():
    from benchmarks.networks import opened

    return opened(NETWORK)


def _parts(sources):
    """Decode, forward, encode: each over the whole folder, batches as ours are."""
    import tensorflow as tf

    from benchmarks.networks import forward
    from explain.image import fit, read
    from explain.render.files import quick_png

    model = _opened()
    function = forward(model, BATCH)
    shown = [read(source.path).pixels for source in sources[:BATCH]]
    batch = tf.constant(
        model.network.prepare(tf.constant(np.stack([fit(p, *model.input_shape) for p in shown])))
    )

    def decode(some) -> None:
        for source in some:
            read(source.path)

    def compute(some) -> None:
        for _ in range(0, len(some), BATCH):
            function(batch).numpy()

    def encode(some) -> None:
        for number in range(len(some)):
            quick_png(shown[number % BATCH])

    return decode, compute, encode


def _job(model, out: Path):
    from explain import folders

    return folders.Job(
        source={"name": NETWORK}, key=model.key, out=str(out), layer=model.default_layer,
        output=model.outputs[0].name, options={}, batch=BATCH,
    )  # fmt: skip


def _run(model, job, sources) -> None:
    from explain import folders

    run = folders.Run(model, job, sources)
    run.begin()
    run.carry_out(folders.Local())
    run.finish()
    if not run.finished:
        raise RuntimeError(f"{run.items} of {run.wanted} pictures were finished")


def _command(source: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "benchmarks.folders", str(source), str(out)]


def _process(source: Path, out: Path) -> str:
    done = subprocess.run(_command(source, out), check=False, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"A run over a folder ended with {done.returncode}: {done.stderr[-300:]}")
    return done.stdout


def _kill(source: Path, out: Path) -> bool:
    """Start a run, and kill it at a random moment after it has begun to work. False where it was quicker."""
    from explain.folders.journal import NAME

    journal = out / NAME
    before = journal.stat().st_size if journal.exists() else 0
    process = subprocess.Popen(
        _command(source, out), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and (not journal.exists() or journal.stat().st_size <= max(before, 1000)):
        time.sleep(0.005)
    time.sleep(random.uniform(0, 0.3))
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def _digests(where: Path) -> dict[str, str]:
    from explain.folders.journal import NAME

    paths = [path for path in where.iterdir() if path.name != NAME]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def _main(source: str, out: str) -> None:
    from explain import folders

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    model = _opened()
    sources = [folders.Source(str(path), path.stem) for path in sorted(Path(source).iterdir())]
    _run(model, _job(model, Path(out)), sources)
    print(_status("VmHWM"))


ROWS = {f"folder/{NETWORK}": folder, f"folder-memory/{NETWORK}": memory, f"folder-killed/{NETWORK}": killed}

if __name__ == "__main__":
    _main(*sys.argv[1:])
