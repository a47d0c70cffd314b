"""The peak memory of a batch above the model's own, each side in fresh processes. Linux only.

`python -m benchmarks.memory ours|forward NETWORK` is one such process; it prints megabytes.
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

from benchmarks.timing import Row

BATCH = 16
ROOT = Path(__file__).parents[1]


def peak(name: str, quick: bool = False) -> Row:
    """Three processes a side, in turns."""
    sides: dict[str, list[float]] = {"ours": [], "forward": []}
    for _ in range(1 if quick else 3):
        for side, found in sides.items():
            found.append(_measured(side, name))
    return Row(
        f"gradcam-memory/{name}", f"peak memory of Grad-CAM of {BATCH} new pictures, {name}",
        "compiled forward pass, same batch", tuple(sides["ours"]), tuple(sides["forward"]), 1.15, "MB",
        "above what the process held after a batch of 1",
    )  # fmt: skip


def _measured(side: str, name: str) -> float:
    command = [sys.executable, "-m", "benchmarks.memory", side, name]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if answer.returncode:
        called = " ".join(command[1:])
        raise RuntimeError(f"`{called}` ended with {answer.returncode}: {answer.stderr[-300:]}")
    return float(answer.stdout.split()[-1])


def _main(side: str, name: str) -> None:
    import tensorflow as tf

    import explain
    from benchmarks.networks import forward, opened, photos, prepared

    model = opened(name)
    images = photos(model, BATCH)
    if side == "ours":
        explain.heatmap(model, photos(model)[0])

        def work():
            explain.heatmaps(model, images, batch=BATCH)

    else:
        function = forward(model, None)                    # one function, so that the batch of 1 warms it up
        inputs = prepared(model, images).numpy()           # as a tensor it counts, like ours
        function(tf.constant(inputs[:1]))

        def work():
            function(tf.constant(inputs)).numpy()

    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")          # the high-water mark starts anew
    work()
    print(_status("VmHWM") - before)


def _status(field: str) -> float:
    """Megabytes, from the kernel's notes about this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"The kernel does not tell {field} of a process.")


ROWS = {f"gradcam-memory/{name}": partial(peak, name) for name in ("mobilenetv2", "resnet50")}

if __name__ == "__main__":
    _main(*sys.argv[1:])
