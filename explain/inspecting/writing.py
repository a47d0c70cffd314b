"""The canonical copy: the same model, every byte of it written by us.

    model                a folder: config.json, metadata.json, model.weights.h5: a .keras file, unpacked
    model.h5             model_config, and the classic layout below model_weights
    weights.weights.h5   weights alone, Keras 3's layout
    weights.h5           weights alone, classic layout

Only configuration, names of layers and weights, versions, and the numbers themselves go over: no state of
an optimizer, no compilation, no assets, no attribute and no link that was not asked for. On the way it is
counted which numbers are not finite.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from explain.inspecting.contents import CONFIG, METADATA, WEIGHTS
from explain.inspecting.hdf5 import Weights, blocks, reading, whole
from explain.inspecting.layouts import LAYER_NAMES, MODEL_WEIGHTS, WEIGHT_NAMES, Classic
from explain.inspecting.limits import quoted
from explain.results import Notice

KERAS, HDF5, KERAS_WEIGHTS, CLASSIC_WEIGHTS = "model", "model.h5", "weights.weights.h5", "weights.h5"
NAMES_TOGETHER = 60_000                # bytes; HDF5 keeps at most 64 kB of notes beside a group


class Strange(NamedTuple):
    """A weight with numbers that are not finite: where, how many, of how many."""

    path: str
    count: int
    numbers: int


class Copy:
    """An HDF5 file being written, and what was noticed about its numbers."""

    def __init__(self, file: h5py.File) -> None:
        self.file = file
        self.strange: list[Strange] = []

    def array(self, path: str, shape: tuple[int, ...], parts: Iterable[tuple[tuple, np.ndarray]]) -> None:
        """A new array at `path`; parts: (place in it, numbers)."""
        target, count = None, 0
        for place, values in parts:
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                count += int(np.count_nonzero(~np.isfinite(values)))
            if target is None:
                target = self.file.create_dataset(path, shape, values.dtype)
            target[place] = values
        if count:
            self.strange.append(Strange(path, count, target.size))

    def names(self, group: h5py.Group, attribute: str, names: Iterable[str]) -> None:
        """A list of names beside a group, in parts where it is long, as Keras reads it."""
        encoded = [name.encode() for name in names]
        together = NAMES_TOGETHER // max(map(len, encoded), default=1)     # all get the width of the longest
        parts = [encoded[start:start + together] for start in range(0, len(encoded), together)] or [[]]
        for number, part in enumerate(parts):
            group.attrs[attribute if len(parts) == 1 else f"{attribute}{number}"] = np.array(part, "S")

    def notices(self) -> tuple[Notice, ...]:
        if not self.strange:
            return ()
        first, others = self.strange[0], len(self.strange) - 1
        more = f", and so do {others} others" if others else ""
        return (
            Notice(
                "W_WEIGHTS_NOT_FINITE",
                f"The weight {quoted(first.path)} holds numbers that are not finite (NaN, infinite): "
                f"{first.count:,} of {first.numbers:,}{more}. Training failed: maps behind it stay blank.",
            ),
        )


def write_keras(folder: Path, config: Any, version: str, weights: Weights) -> tuple[Notice, ...]:
    """`folder`/model: a folder, which Keras opens like the zip of the same three files, only sooner."""
    model = folder / KERAS
    model.mkdir()
    (model / METADATA).write_text(json.dumps({"keras_version": plain_version(version)}))
    (model / CONFIG).write_text(json.dumps(config))
    return _write_vars(model / WEIGHTS, weights)


def write_keras_weights(folder: Path, weights: Weights) -> tuple[Notice, ...]:
    """`folder`/weights.weights.h5."""
    return _write_vars(folder / KERAS_WEIGHTS, weights)


def _write_vars(path: Path, weights: Weights) -> tuple[Notice, ...]:
    with _writing(path, weights.name) as copy:
        for group in sorted(weights.groups):
            copy.file.require_group(group or "/")
        for place, dataset in sorted(weights.datasets.items()):
            copy.array(place, dataset.shape, blocks(dataset))
    return copy.notices()


def write_hdf5(folder: Path, config: Any, classic: Classic, name: str) -> tuple[Notice, ...]:
    """`folder`/model.h5."""
    with _writing(folder / HDF5, name) as copy:
        copy.file.attrs["model_config"] = json.dumps(config).encode()
        _write_classic(copy, copy.file.create_group(MODEL_WEIGHTS), classic)
        for note in ("keras_version", "backend"):
            copy.file.attrs[note] = copy.file[MODEL_WEIGHTS].attrs[note]
    return copy.notices()


def write_classic_weights(folder: Path, classic: Classic, name: str) -> tuple[Notice, ...]:
    """`folder`/weights.h5."""
    with _writing(folder / CLASSIC_WEIGHTS, name) as copy:
        _write_classic(copy, copy.file["/"], classic)
    return copy.notices()


def _write_classic(copy: Copy, root: h5py.Group, classic: Classic) -> None:
    root.attrs["keras_version"] = (plain_version(classic.keras_version) or "1").encode()
    root.attrs["backend"] = (classic.backend if classic.backend.isalnum() else "tensorflow").encode()
    copy.names(root, LAYER_NAMES, (layer.name for layer in classic.layers))
    for layer in classic.layers:
        group = root.create_group(layer.name)
        copy.names(group, WEIGHT_NAMES, layer.arrays)
        paths = [f"{group.name}/{weight}".lstrip("/") for weight in layer.arrays]
        if classic.convert is None:
            for path, dataset in zip(paths, layer.arrays.values(), strict=True):
                copy.array(path, dataset.shape, blocks(dataset))
        else:
            arrays = classic.converted(layer.name, [whole(dataset) for dataset in layer.arrays.values()])
            for path, array in zip(paths, arrays, strict=True):
                copy.array(path, array.shape, [((), array)])


@contextmanager
def _writing(path: Path, name: str) -> Iterator[Copy]:
    with reading(name), h5py.File(path, "x") as file:
        yield Copy(file)


def plain_version(version: str) -> str:
    """'2.4.0-tf' → '2.4.0'; what is no version becomes ''."""
    found = re.match(r"\d+(\.\d+)*", version)
    return found[0] if found else ""
