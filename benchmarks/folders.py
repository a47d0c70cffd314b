"""A folder of photos into overlays on disk: how long it takes, what it holds, and what a crash costs.

`python -m benchmarks.folders MODEL FOLDER OUT` is one such run in a process of its own; it prints its peak
memory in megabytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
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
    """Killed at random moments of the whole run, then finished, against one run that was left alone.

    One kill before the first row is there, two while the table, the gallery and the manifest are written, all
    others in between.
    """
    kills, many = (4, 100) if quick else (KILLS, 400)
    between = sorted(random.sample(range(1, many - 2 * BATCH), kills - 3))
    with tempfile.TemporaryDirectory() as temporary:
        here = Path(temporary)
        photos(here / "photos", many, longest=320)
        _process(here / "photos", here / "one")
        moments = [_Start(), *map(_Rows, between), _End(), _End()]
        tries = sum(_killed(here / "photos", here / "two", moment) for moment in moments)
        _process(here / "photos", here / "two")
        one, two = _digests(here / "one"), _digests(here / "two")
    wrong = sum(one.get(name) != two.get(name) for name in one.keys() | two.keys())
    return Row(
        f"folder-killed/{NETWORK}", f"killed {kills} times at random moments, then finished: files that differ",
        "one uninterrupted run", (1.0 + wrong,), (1.0,), 1.0, "(1 + files)",
        f"{len(one)} files compared by SHA-256; {tries} runs for {kills} kills: 1 before the first row, {kills - 3} after "
        f"{', '.join(map(str, between))} rows, 2 while the table, gallery and manifest were written",
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


def _run(model, job, sources, html: bool = False) -> None:
    from explain import folders

    run = folders.Run(model, job, sources)
    run.begin()
    run.carry_out(folders.Local())
    run.finish(html=html)
    if not run.finished:
        raise RuntimeError(f"{run.items} of {run.wanted} pictures were finished")


def _command(source: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "benchmarks.folders", str(source), str(out)]


def _process(source: Path, out: Path) -> str:
    done = subprocess.run(_command(source, out), check=False, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"A run over a folder ended with {done.returncode}: {done.stderr[-300:]}")
    return done.stdout


class _Start:
    """A moment before the first row is on the disk."""

    longest = 4.0

    def has_come(self, out: Path, began: float) -> bool:
        return True


@dataclass
class _Rows:
    """A moment while it works, after so many rows."""

    rows: int
    longest = 0.3

    def has_come(self, out: Path, began: float) -> bool:
        from explain.folders.journal import NAME

        journal = out / NAME
        return journal.exists() and journal.read_bytes().count(b"\n") - 1 >= self.rows


class _End:
    """A moment at the end: the table, the gallery or the manifest is being written."""

    longest = 0.05

    def has_come(self, out: Path, began: float) -> bool:
        if not out.is_dir():
            return False
        with contextlib.suppress(FileNotFoundError):  # it was renamed in between
            return any(path.stat().st_mtime > began for path in out.glob("*results.csv*"))
        return True


def _killed(source: Path, out: Path, moment: _Start | _Rows | _End) -> int:
    """How many runs it took until one was killed at that moment, or a little later: some are quicker."""
    for tries in itertools.count(1):
        began = time.time()
        process = subprocess.Popen(
            _command(source, out), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while process.poll() is None and not moment.has_come(out, began):
            time.sleep(0.002)
        time.sleep(random.uniform(0, moment.longest))
        process.send_signal(signal.SIGKILL)
        if process.wait() == -signal.SIGKILL:
            return tries
        if process.returncode:
            raise RuntimeError(f"A run over a folder ended with {process.returncode}.")


def _digests(where: Path) -> dict[str, str]:
    from explain.folders.journal import NAME

    paths = [path for path in where.iterdir() if path.name != NAME]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def _main(source: str, out: str) -> None:
    from explain import folders

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    model = _opened()
    sources = [folders.Source(str(path), path.stem) for path in sorted(Path(source).iterdir())]
    _run(model, _job(model, Path(out)), sources, html=True)
    print(_status("VmHWM"))


ROWS = {f"folder/{NETWORK}": folder, f"folder-memory/{NETWORK}": memory, f"folder-killed/{NETWORK}": killed}

if __name__ == "__main__":
    _main(*sys.argv[1:])
