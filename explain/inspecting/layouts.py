"""The two ways in which Keras lays weights out in HDF5.

    classic (Keras 1 and 2, and .h5 of Keras 3)      Keras 3 (.keras, .weights.h5)

    model_weights         layer_names, keras_version        layers/conv2d/vars/0
    └── conv              weight_names                      layers/conv2d/vars/1
        └── conv
            ├── kernel:0                                    The names of the groups are all there is:
            └── bias:0                                      the loader goes by them.

In the classic layout the lists of names decide, and their order; what they do not name is left behind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import h5py
import numpy as np

from explain.errors import ObsoleteModel, UnknownFile
from explain.inspecting.hdf5 import Weights
from explain.inspecting.limits import listed, quoted

LAYER_NAMES, WEIGHT_NAMES, TOP_LEVEL = "layer_names", "weight_names", "top_level_model_weights"
MODEL_WEIGHTS = "model_weights"
LEFT_BEHIND = ("optimizer", "optimizer_weights")     # the state of training


class Layer(NamedTuple):
    """One layer of the classic layout: its name, and its arrays by name, in order."""

    name: str
    arrays: dict[str, h5py.Dataset]


class Classic(NamedTuple):
    """keras_version, backend: of training, as the file says, or "" where it does not; convert: (layer, its
    arrays) → its arrays in today's order, or None where all of them are."""

    layers: tuple[Layer, ...]
    keras_version: str
    backend: str
    convert: Callable[[str, Sequence[np.ndarray]], list[np.ndarray]] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Of all weights."""
        return tuple(name for layer in self.layers for name in layer.arrays)

    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Of all weights, as they will be in the copy."""
        shapes = []
        for layer in self.layers:
            arrays = [np.broadcast_to(np.float32(0), array.shape) for array in layer.arrays.values()]
            shapes += [array.shape for array in self.converted(layer.name, arrays)]
        return tuple(shapes)

    def converted(self, layer: str, arrays: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
        return arrays if self.convert is None else self.convert(layer, arrays)


def read_classic(weights: Weights, root: str) -> Classic:
    """The layers below `root` (MODEL_WEIGHTS, or "" for a file of weights alone).

    Walks what is below it. BrokenModel where a name leads nowhere; UnsafeHdf5, ModelTooLarge.
    """
    tops = [name for name in weights.roots() if name not in LEFT_BEHIND]
    weights.walk(*(tops if root == "" else [root]))
    if root not in weights.groups:
        raise weights.broken(f"its weights should lie in {quoted(root)}, which is not there")
    names = weights.names(root, LAYER_NAMES)
    if TOP_LEVEL in names or len(set(names)) < len(names):
        raise weights.broken(f"its list of layers names one of them twice ({listed(names)})")
    if _joined(root, TOP_LEVEL) in weights.groups:
        names = [*names, TOP_LEVEL]
    version, backend = (
        weights.text("", note, 200) or weights.text(root, note, 200) or ""
        for note in ("keras_version", "backend")
    )
    return Classic(tuple(_layer(weights, root, name) for name in names), version, backend)


def _layer(weights: Weights, root: str, name: str) -> Layer:
    path = _joined(root, name)
    if path not in weights.groups:
        raise weights.broken(f"the weights of the layer {quoted(name)} are not in it")
    names = weights.names(path, WEIGHT_NAMES)
    missing = [n for n in names if _joined(path, n) not in weights.datasets]
    if missing or len({_joined(path, n) for n in names}) < len(names):
        which = listed(missing or names)
        raise weights.broken(f"the layer {quoted(name)} lists weights that are not there, or twice ({which})")
    return Layer(name, {_joined("", n): weights.datasets[_joined(path, n)] for n in names})


def weights_layout(weights: Weights) -> str:
    """Of a file without an architecture: MODEL_WEIGHTS or "" where the classic layout begins, "vars" for
    Keras 3's. UnknownFile where it holds no weights of Keras, ObsoleteModel for those of Keras 0."""
    roots = weights.roots()
    if weights.has("", LAYER_NAMES) or weights.has("", LAYER_NAMES + "0"):
        return ""
    if MODEL_WEIGHTS in roots:
        return MODEL_WEIGHTS
    if weights.has("", "nb_layers"):
        raise ObsoleteModel(
            f"{quoted(weights.name)} holds weights as Keras 0 wrote them, before 2016, which no present-day "
            "Keras can place. Save the whole model anew."
        )
    weights.walk(*(name for name in roots if name not in LEFT_BEHIND))
    if any("vars" in path.split("/")[-2:-1] for path in weights.datasets):
        return "vars"
    held = f"it holds {listed(roots)}" if roots else "it is empty"
    raise UnknownFile(
        f"{quoted(weights.name)} is an HDF5 file, but no model of Keras: neither an architecture nor weights "
        f"of layers were found, {held}. Save the model with model.save('name.keras')."
    )


def _joined(*parts: str) -> str:
    """A path as the walk writes it: HDF5 does not mind doubled slashes, and some old names begin with one."""
    return "/".join(name for part in parts for name in part.split("/") if name)
