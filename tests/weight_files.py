"""Small model files, built without Keras: a whole one in each layout, to be bent by the tests."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

SIZE, FILTERS, CLASSES = 8, 4, 3
KERNEL = np.linspace(-1, 1, 3 * 3 * 3 * FILTERS, dtype=np.float32).reshape(3, 3, 3, FILTERS)
BIAS = np.arange(FILTERS, dtype=np.float32)
HEAD = np.linspace(-1, 1, FILTERS * CLASSES, dtype=np.float32).reshape(FILTERS, CLASSES)
ARRAYS = {"conv": {"kernel": KERNEL, "bias": BIAS}, "head": {"kernel": HEAD}}


def layer(kind: str, name: str, **options) -> dict:
    return {
        "module": "keras.layers", "class_name": kind, "config": {"name": name, **options}, "registered_name": None,
    }  # fmt: skip


def config(compiled: bool = True) -> dict:
    """Of a Sequential: picture (8, 8, 3) → convolution → mean → three classes."""
    layers = [
        layer("InputLayer", "image", batch_shape=[None, SIZE, SIZE, 3], dtype="float32"),
        layer("Conv2D", "conv", filters=FILTERS, kernel_size=[3, 3], padding="same", activation="relu"),
        layer("GlobalAveragePooling2D", "mean"),
        layer("Dense", "head", units=CLASSES, use_bias=False, activation="softmax"),
    ]
    whole = {
        "module": "keras", "class_name": "Sequential", "registered_name": None,
        "config": {"name": "small", "trainable": True, "layers": layers},
    }  # fmt: skip
    if compiled:
        whole["compile_config"] = {"optimizer": "adam", "loss": "categorical_crossentropy"}
    return whole


def vars_bytes(change: Callable[[h5py.File], None] | None = None, **options) -> bytes:
    """Weights in Keras 3's layout, with the state of an optimizer; `change` may bend the file."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for place, array in (("conv2d/vars/0", KERNEL), ("conv2d/vars/1", BIAS), ("dense/vars/0", HEAD)):
            file.create_dataset(f"layers/{place}", data=array, **options)
        file["layers/conv2d/vars"].attrs["name"] = "conv"
        file["optimizer/vars/0"] = np.int64(7)
        file.create_group("vars")
        if change is not None:
            change(file)
    return buffer.getvalue()


def keras_bytes(weights: bytes | None = None, members: dict[str, bytes] | None = None, **options) -> bytes:
    """A .keras file. members: replaced or added, None leaves one out."""
    whole = {
        "metadata.json": b'{"keras_version": "3.9.2", "date_saved": "2025-01-01@00:00:00"}',
        "config.json": json.dumps(config()).encode(),
        "model.weights.h5": vars_bytes() if weights is None else weights,
        **(members or {}),
    }
    return zip_bytes({name: data for name, data in whole.items() if data is not None}, **options)


def zip_bytes(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, compression)
    return buffer.getvalue()


def classic(file: h5py.File, root: str = "model_weights", arrays: dict | None = None) -> None:
    """Lay weights out as Keras 2 did, below `root`."""
    group = file.require_group(root) if root else file
    arrays = ARRAYS if arrays is None else arrays
    group.attrs["layer_names"] = [name.encode() for name in arrays]
    group.attrs["backend"], group.attrs["keras_version"] = b"tensorflow", b"2.4.0"
    for name, weights in arrays.items():
        below = group.create_group(name)
        below.attrs["weight_names"] = [f"{name}/{weight}:0".encode() for weight in weights]
        for weight, array in weights.items():
            below[f"{name}/{weight}:0"] = array


def hdf5(
    path: Path, change: Callable[[h5py.File], None] | None = None, architecture: dict | None = None
) -> Path:
    """A whole model as .h5, with the state of an optimizer."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(
            config(False) if architecture is None else architecture
        ).encode()
        file.attrs["keras_version"], file.attrs["backend"] = b"2.4.0", b"tensorflow"
        file.attrs["training_config"] = b'{"loss": "mse"}'
        classic(file)
        file["optimizer_weights/Adam/iterations:0"] = np.int64(3)
        if change is not None:
            change(file)
    return path
