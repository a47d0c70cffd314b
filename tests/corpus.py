"""What hostile, broken, huge and valid samples are made of: shelves of named functions, and their tools."""

from __future__ import annotations

import copy
import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

SIDE = 12


@dataclass(frozen=True)
class Target:
    """What an attack aims at.

    marker: a file that it would write; secret: one that it would read; port: of a listener on this
    machine that it would call.
    """

    marker: Path
    secret: Path
    port: int = 9


@dataclass(frozen=True)
class Sample:
    """One file. make(folder, target) writes it and gives its path, or a name that is no file.

    code: of the expected refusal, "" when it opens; harm: what plain `keras.models.load_model` (safe mode)
    suffers from it: "marker", "state", or "" (Keras refuses it, or it is too dear to try).
    """

    name: str
    code: str
    make: Callable[[Path, Target], Path | str]
    harm: str = ""


class Shelf(dict):
    """Samples by name."""

    def add(self, code: str = "", harm: str = "", name: str = "") -> Callable:
        """Decorator: the function makes a sample of its own name."""

        def keep(make):
            called = name or make.__name__
            assert called not in self, called
            self[called] = Sample(called, code, make, harm)
            return make

        return keep

    def bytes(self, code: str, ending: str = ".keras", name: str = "") -> Callable:
        """Decorator: the function gives the bytes of the sample."""

        def keep(make):
            called = name or make.__name__

            def write(folder: Path, target: Target) -> Path:
                path = folder / (called + ending)
                path.write_bytes(make())
                return path

            return self.add(code, name=called)(write)

        return keep


# The file that most samples start from -------------------------------------------------------------


@cache
def base(ending: str) -> bytes:
    """A healthy classifier of three classes, as Keras saves it: image → conv → mean → head."""
    import keras

    from networks import draw_weights

    image = keras.Input((SIDE, SIDE, 3), name="image")
    x = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(image)
    x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    x = keras.layers.Dense(3, activation="softmax", name="head")(x)
    return as_file(draw_weights(keras.Model(image, x, name="base")), ending)


def as_file(network: Any, ending: str) -> bytes:
    """What Keras would write into a file of that ending."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file{ending}"
        network.save(path)
        return path.read_bytes()


@cache
def recipe(module: str, name: str, ending: str) -> bytes:
    """A network of networks.py or recipes*.py as a file."""
    return as_file(getattr(import_module(module), name)(), ending)


def members(data: bytes) -> dict[str, bytes]:
    """The members of a zip, by name."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(parts: dict[str, bytes | str] | list[tuple[Any, bytes | str]], compressed: bool = False) -> bytes:
    """A zip of these members: by name, or pairs of name or ZipInfo and content."""
    how = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", how) as archive:
        for name, content in parts.items() if isinstance(parts, dict) else parts:
            archive.writestr(name, content)
    return buffer.getvalue()


def config_of(ending: str = ".keras") -> dict:
    """A copy of the base's configuration, to be changed."""
    if ending == ".keras":
        return json.loads(members(base(".keras"))["config.json"])
    return json.loads(in_hdf5(base(".h5"), lambda file: file.attrs["model_config"])[0])


def with_config(
    config: Any, ending: str = ".keras", data: bytes | None = None, version: str | None = None
) -> bytes:
    """The base (or `data`) with another configuration: an object, or text as it is."""
    text = config if isinstance(config, (str, bytes)) else json.dumps(config)
    data = base(ending) if data is None else data
    if ending == ".keras":
        parts = members(data) | {"config.json": text}
        if version:
            parts["metadata.json"] = json.dumps(
                {"keras_version": version, "date_saved": "2024-01-01@00:00:00"}
            )
        return packed(parts)

    def change(file):
        file.attrs["model_config"] = text
        if version:
            file.attrs["keras_version"] = version

    return in_hdf5(data, change)[1]


def in_hdf5(data: bytes, change: Callable) -> tuple[Any, bytes]:
    """What `change(file)` gives, and the bytes of the file after it. No bytes: a new file."""
    import h5py

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.h5"
        path.write_bytes(data)
        with h5py.File(path, "r+" if data else "w") as file:
            answer = change(file)
        return answer, path.read_bytes()


def with_weights(change: Callable) -> bytes:
    """The base .keras, its file of weights changed by `change(file)`."""
    parts = members(base(".keras"))
    return packed(parts | {"model.weights.h5": in_hdf5(parts["model.weights.h5"], change)[1]})


# Pieces of configurations --------------------------------------------------------------------------


def layer(kind: str, module: str = "keras.layers", name: str = "extra", **settings: Any) -> dict:
    """A layer as Keras 3 writes it."""
    config = {"name": name, "trainable": True, "dtype": "float32"} | settings
    return {"module": module, "class_name": kind, "config": config, "registered_name": None, "name": name}


def function(name: str, module: str) -> dict:
    """A reference to a function."""
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def tensor(source: str, shape: tuple = (None, SIDE, SIDE, 3)) -> dict:
    """Where an input comes from."""
    history = {"shape": list(shape), "dtype": "float32", "keras_history": [source, 0, 0]}
    return {"class_name": "__keras_tensor__", "config": history}


def part(config: dict, name: str) -> dict:
    """The layer of that name in a functional configuration."""
    return next(one for one in config["config"]["layers"] if one["name"] == name)


def inserted(extra: dict, ending: str = ".keras", inbound: list | None = None) -> dict:
    """The base's configuration with one more layer between the picture and the convolution.

    inbound: how it is called, when not on the picture.
    """
    config, extra = config_of(ending), copy.deepcopy(extra)
    if ending == ".h5":
        extra.pop("module"), extra.pop("registered_name")
    extra["inbound_nodes"] = inbound or [{"args": [tensor("image")], "kwargs": {}}]
    config["config"]["layers"].insert(1, extra)
    part(config, "conv")["inbound_nodes"] = [{"args": [tensor(extra["name"])], "kwargs": {}}]
    return config


def in_both(shelf: Shelf, name: str, code: str, change: Callable[[str, Target], Any], harm: str = "") -> None:
    """Two samples, 'NAME_keras' and 'NAME_h5': `change(ending, target)` gives the configuration."""
    for ending in (".keras", ".h5"):

        def make(folder: Path, target: Target, ending=ending) -> Path:
            path = folder / f"{name}{ending}"
            path.write_bytes(with_config(change(ending, target), ending))
            return path

        shelf.add(code, harm, f"{name}_{ending[1:]}")(make)
