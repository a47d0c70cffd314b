"""Opening a stranger's file: inspected, copied, opened and traced, against Keras' loader alone."""

from __future__ import annotations

import tempfile
from functools import cache, partial
from pathlib import Path

import keras

import explain
from benchmarks.timing import Row, in_turns

LIMIT = 3.0


@cache
def _folder() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="layerscope-")


def file_of(ending: str) -> Path:
    """An ordinary model of 60 MB, untrained: VGG16's convolutions, a mean and a classifier of ten."""
    path = Path(_folder().name) / f"ordinary{ending}"
    if not path.exists():
        body = keras.applications.VGG16(include_top=False, weights=None, input_shape=(150, 150, 3))
        x = keras.layers.GlobalAveragePooling2D()(body.output)
        keras.Model(body.input, keras.layers.Dense(10, activation="softmax")(x)).save(path)
    return path


def opening(ending: str, quick: bool = False) -> Row:
    path = file_of(ending)
    times = in_turns(
        lambda: explain.load(path, scaling="caffe"),
        lambda: keras.models.load_model(path, compile=False),
        8, quick, warm_ups=1,
    )  # fmt: skip
    megabytes = path.stat().st_size / 1e6
    return Row(
        f"opening/{ending}", f"opening a {ending} file of {megabytes:.0f} MB: inspected, copied, opened, traced",
        "keras.models.load_model alone", *times, LIMIT,
    )  # fmt: skip


ROWS = {f"opening/{ending}": partial(opening, ending) for ending in (".keras", ".h5")}
