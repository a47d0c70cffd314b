"""What another process costs: a worker against a function call, the command line against an empty program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import explain
from benchmarks.networks import opened, photos, unseen
from benchmarks.timing import Row, in_turns
from explain import workers

ROOT = Path(__file__).parents[1]
WANTED = (14, 14, 512)


def worker(quick: bool = False) -> Row:
    """A layer's maps asked of a worker and of a function; neither remembers anything."""
    model = opened("efficientnet-lite0")
    there = workers.load("efficientnet-lite0")
    try:
        image, layer = photos(model)[0], _nearest(model, WANTED)
        times = in_turns(
            lambda: workers.activations(there, image, layer.name),
            lambda: explain.activations(model, unseen([image])[0], layer.name),
            60, quick, before=lambda: workers.forget(there),
        )  # fmt: skip
    finally:
        workers.close()
    shape = "×".join(map(str, layer.shape))
    return Row(
        "worker/activations", f"maps {shape} of {layer.name}, efficientnet-lite0, asked of a worker",
        "the same call in one process", *times, 1.3,
    )  # fmt: skip


def _nearest(model, wanted: tuple[int, int, int]):
    height, width, channels = wanted
    same_size = [layer for layer in model.layers if layer.shape[:2] == (height, width)]
    return min(same_size, key=lambda layer: abs(layer.shape[2] - channels))


def command_line(quick: bool = False) -> Row:
    times = in_turns(_program("-m", "explain", "--help"), _program("-c", "pass"), 20, quick)
    return Row("command-line/help", "`python -m explain --help`", "`python -c pass`", *times, 10)


def _program(*arguments: str):
    def run() -> None:
        subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True)

    return run


ROWS = {"worker/activations": worker, "command-line/help": command_line}
