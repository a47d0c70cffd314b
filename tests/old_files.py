"""Files as Keras 1 and 2 wrote them, from a configuration and arrays, opened as the inspection would."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import h5py
import keras
import numpy as np

from explain.inspecting.configs import check
from explain.inspecting.customs import Customs
from explain.repairing import repair
from explain.repairing.weights import backend_of, converter

Arrays = Sequence[np.ndarray]
FILES = count()


def opened(
    folder: Path,
    config: dict,
    weights: dict[str, Arrays] | Sequence[tuple[str, Arrays]] = (),
    version: str = "2.4.0",
    backend: str = "tensorflow",
    customs: Customs = Customs(),
) -> keras.Model:
    """The model that Keras opens after the configuration was repaired and checked, its weights in order.

    weights: the arrays of each layer, in the order of the file.
    """
    groups = list(weights.items()) if isinstance(weights, dict) else list(weights)
    convert = converter(config, version, backend)
    if convert is not None:
        groups = [(name, convert(name, arrays)) for name, arrays in groups]
    repaired, _ = repair(config, version, "hdf5", backend)
    check(repaired, [np.shape(array) for _, arrays in groups for array in arrays], customs)
    path = folder / f"old{next(FILES)}.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(repaired)
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [f"{n}" for n, _ in enumerate(groups)]
        for number, (_, arrays) in enumerate(groups):
            layer = group.create_group(str(number))
            layer.attrs["weight_names"] = [f"w{n}" for n in range(len(arrays))]
            for n, array in enumerate(arrays):
                layer[f"w{n}"] = array
    return keras.models.load_model(path, compile=False)


def stored(model: keras.Model) -> tuple[dict, list[tuple[int, ...]]]:
    """(configuration as it is in a .keras file of today, repaired; shapes of the weights)."""
    config, notices = repair(json.loads(model.to_json()), keras.__version__, "keras")
    assert notices == ()
    return config, [tuple(weight.shape) for weight in model.weights]


def real(path: Path) -> tuple[dict, dict[str, Arrays], str, str]:
    """(configuration, weights, version of Keras, backend) of an HDF5 file of somebody's."""

    def text(value):
        return value.decode() if isinstance(value, bytes) else value

    with h5py.File(path) as file:
        group = file["model_weights"]
        weights = {}
        for name in map(text, group.attrs["layer_names"]):
            names = [text(n) for n in group[name].attrs["weight_names"]]
            weights[name] = {n: group[name][n][()] for n in names}
        config = json.loads(file.attrs["model_config"])
        version = text(file.attrs.get("keras_version", group.attrs.get("keras_version", "")))
        said = text(file.attrs.get("backend", group.attrs.get("backend", "")))
    backend = backend_of(said, [n for arrays in weights.values() for n in arrays], version)
    return config, {name: list(arrays.values()) for name, arrays in weights.items()}, version, backend


def layer(kind: str, name: str, *inbound: str, **config) -> dict:
    """A layer as Keras 2 stored it in a functional model: called once on the layers `inbound`."""
    nodes = [[[source, 0, 0, {}] for source in inbound]] if inbound else []
    return {"class_name": kind, "config": {"name": name, **config}, "name": name, "inbound_nodes": nodes}


def functional(
    layers: list[dict], outputs: Sequence[str], kind: str = "Functional", name: str = "model"
) -> dict:
    inputs = [[one["name"], 0, 0] for one in layers if one["class_name"] == "InputLayer"]
    ends = {"input_layers": inputs, "output_layers": [[output, 0, 0] for output in outputs]}
    return {"class_name": kind, "config": {"name": name, "layers": layers, **ends}}


def picture(*shape: int | None, name: str = "image") -> dict:
    return layer(
        "InputLayer", name, batch_input_shape=[None, *shape], dtype="float32", sparse=False, ragged=False
    )


def conv(name: str, *inbound: str, filters: int = 4, **config) -> dict:
    """A 3 × 3 convolution as Keras 2.4 stored it."""
    pieces = {"kernel_initializer": {"class_name": "GlorotUniform",
    "config": {"seed": None, "dtype": "float32"}},
              "bias_initializer": {"class_name": "Zeros", "config": {}}}  # fmt: skip
    usual = {"kernel_size": [3, 3], "strides": [1, 1], "padding": "same", "activation": "relu", "groups": 1}
    return layer("Conv2D", name, *inbound, filters=filters, **(usual | pieces | config))


def draw(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


# One small network of these files, and what it must answer -------------------------------------------

KERNEL, BIAS = draw(0, 3, 3, 3, 4), draw(1, 4)
X = draw(2, 2, 8, 8, 3)


def relu_conv(
    x: np.ndarray, kernel: np.ndarray = KERNEL, bias: np.ndarray = BIAS, padding: str = "same"
) -> np.ndarray:
    """What a convolution with ReLU answers, without a layer of Keras."""
    return np.maximum(keras.ops.convert_to_numpy(keras.ops.conv(x, kernel, padding=padding)) + bias, 0)


def answers(model: keras.Model, x: np.ndarray = X) -> np.ndarray:
    """Of the first output."""
    return keras.tree.flatten(model.predict(x, verbose=0))[0]


def same(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
