"""The order of stored weights: Keras 1, Theano, and models that were turned to channels_last.

    convert = converter(config, keras_version, backend)   # the configuration as it is stored, before `repair`
    if convert is not None:                               # None: every array is copied as it is
        arrays = convert("conv2d_1", arrays)              # of that group, in the order of its `weight_names`

Only transpositions and flips, so the answers are views; `convert` also takes arrays of zero strides
(`np.broadcast_to(np.float32(0), shape)`) where only the shapes are wanted.

Source: how Keras 2.3 read files of Keras 1 and of Theano; Theano convolves, TensorFlow correlates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from explain.errors import BrokenModel, ObsoleteModel
from explain.repairing import channels
from explain.repairing.keras1 import CLASSES
from explain.repairing.origin import Origin
from explain.repairing.rewriting import rewrite
from explain.repairing.walking import layers_of, name_of, settings

Convert = Callable[[str, Sequence[np.ndarray]], list[np.ndarray]]

KERNELS = {
    "Conv1D": 1, "Conv2D": 1, "Conv3D": 1, "Conv2DTranspose": 1, "Conv3DTranspose": 1, "DepthwiseConv2D": 1,
    "SeparableConv2D": 2, "SeparableConv1D": 2,
}  # fmt: skip


def backend_of(attribute: str, weight_names: Iterable[str], keras_version: str = "") -> str:
    """Which backend wrote a file: what it says, or, before Keras 2, what its weights are called.

    Keras 1 did not say; a variable of TensorFlow is called 'convolution2d_1_W:0', one of Theano without ':0'.
    """
    if attribute or Origin(keras_version).major > 1:
        return attribute
    names = list(weight_names)
    return "theano" if names and not any(name.endswith(":0") for name in names) else "tensorflow"


def converter(config: dict, keras_version: str, backend: str) -> Convert | None:
    """How to put the arrays of each group of an HDF5 file in today's order, or None where they are in it.

    It is asked for the groups in the order of the file. It raises BrokenModel where an array is not as its
    layer says, and ObsoleteModel for what cannot be converted exactly.
    """
    repaired, applied = rewrite(config, Origin(keras_version, "hdf5", backend))
    turned = channels.channels_last in applied
    top = listed(config)
    named = {name_of(layer): layer for layer in top if name_of(layer)}
    unnamed = [layer for layer in top if not name_of(layer)]  # models in a Sequential of Keras 1, in order
    if backend != "theano" and not any(_concerns(layer, turned) for layer in top):
        return None

    def convert(name: str, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        if name not in named and unnamed:
            named[name] = unnamed.pop(0)
        return (
            convert_layer(named[name], arrays, backend == "theano", turned) if name in named else list(arrays)
        )

    return convert


def listed(model: Any) -> list[dict]:
    """The layers of a model as it is stored; a Sequential of Keras 1 is a bare list."""
    config = model.get("config") if isinstance(model, dict) else None
    return layers_of(
        {"class_name": "Sequential", "config": {"layers": config}} if isinstance(config, list) else model
    )


def _concerns(layer: dict, turned: bool) -> bool:
    kind = layer["class_name"]
    old = kind == "Deconvolution2D" or (settings(layer).get("dim_ordering") == "th" and _kernels(layer) > 0)
    return old or (turned and kind == "PReLU") or any(_concerns(inner, turned) for inner in listed(layer))


def convert_layer(layer: dict, arrays: Sequence[np.ndarray], theano: bool, turned: bool) -> list[np.ndarray]:
    """The arrays of one layer, or of one nested model, in today's order.

    layer: as it is stored; theano: the file was written by Theano; turned: the model becomes channels_last.
    """
    if listed(layer):
        return _nested(layer, arrays, theano, turned)
    arrays = list(arrays)
    for number in range(min(_kernels(layer), len(arrays))):
        arrays[number] = _kernel(layer, arrays[number], theano)
    if turned and layer["class_name"] == "PReLU" and arrays and arrays[0].ndim == 3:
        arrays[0] = np.transpose(arrays[0], (1, 2, 0))  # (c, h, w) → (h, w, c)
    return arrays


def _kernels(layer: dict) -> int:
    """How many of its first arrays are kernels of convolutions."""
    return KERNELS.get(CLASSES.get(layer["class_name"], layer["class_name"]), 0)


def _kernel(layer: dict, kernel: np.ndarray, theano: bool) -> np.ndarray:
    """One kernel → (height, width, in, out), as correlation; transposed ones: (height, width, out, in)."""
    kind, inside = layer["class_name"], settings(layer)
    if theano and "Separable" in kind or theano and "Depthwise" in kind:
        raise ObsoleteModel(
            f"The layer '{name_of(layer)[:80]}' ({kind}) was trained with Theano, which had no such layer of "
            "its own; how its weights are meant is not known."
        )
    if "dim_ordering" in inside and kernel.ndim == 4:
        kernel = _keras_1(layer, kernel)
    return kernel[tuple(slice(None, None, -1) for _ in kernel.shape[:-2])] if theano else kernel


def _keras_1(layer: dict, kernel: np.ndarray) -> np.ndarray:
    """Keras 1: (out, in, height, width) for 'th', (height, width, in, out) for 'tf'."""
    inside, transposed = settings(layer), layer["class_name"] == "Deconvolution2D"
    sides = (inside.get("nb_row"), inside.get("nb_col"))
    first = inside["dim_ordering"] == "th"
    found = kernel.shape[2:] if first else kernel.shape[:2]
    if found not in (sides, (1, 1)):  # 1 × 1: pointwise
        raise BrokenModel(
            f"The weights of the layer '{name_of(layer)[:80]}' have the shape {kernel.shape}; expected is a "
            f"kernel of {sides[0]} × {sides[1]} pixels. The file does not fit together; save it again."
        )
    if first:
        return np.transpose(kernel, (2, 3, 0, 1) if transposed else (2, 3, 1, 0))
    return np.transpose(kernel, (0, 1, 3, 2)) if transposed else kernel


# Models inside models: one flat list, what is trained first, then the rest ---------------------------------


def _nested(model: dict, arrays: Sequence[np.ndarray], theano: bool, turned: bool) -> list[np.ndarray]:
    leaves = list(_leaves(model))
    order = [layer for layer in leaves if _trained(layer) for _ in range(_counts(layer)[0])]
    order += [
        layer for layer in leaves for _ in range(sum(_counts(layer)) - _trained(layer) * _counts(layer)[0])
    ]
    if len(order) != len(arrays):
        raise BrokenModel(
            f"The model '{name_of(model)[:80]}' inside the file has {len(arrays)} arrays of weights; "
            f"expected are {len(order)}. The file does not fit together; save it again."
        )
    answer = list(arrays)
    for layer in leaves:
        own = [place for place, one in enumerate(order) if one is layer]
        for place, array in zip(
            own, convert_layer(layer, [arrays[p] for p in own], theano, turned), strict=True
        ):
            answer[place] = array
    return answer


def _leaves(model: dict) -> Iterable[dict]:
    for layer in listed(model):
        yield from _leaves(layer) if listed(layer) else (layer,)


def _trained(layer: dict) -> bool:
    return settings(layer).get("trainable", True) is not False


_WITHOUT = frozenset(
    "InputLayer Activation ELU LeakyReLU ReLU Softmax ThresholdedReLU Dropout SpatialDropout2D GaussianNoise"
    " GaussianDropout AlphaDropout Flatten Reshape Permute RepeatVector Masking Merge Add Multiply Average "
    "Maximum Minimum Subtract Concatenate Dot MaxPooling2D AveragePooling2D GlobalMaxPooling2D "
    "GlobalAveragePooling2D ZeroPadding2D Cropping2D UpSampling2D ActivityRegularization".split()
)


def _counts(layer: dict) -> tuple[int, int]:
    """(trained arrays, others) of a layer. ObsoleteModel where it is not known."""
    kind, inside = layer["class_name"], settings(layer)
    if kind in _WITHOUT:
        return 0, 0
    if kind in ("BatchNormalization", "LayerNormalization"):
        trained = sum(inside.get(key, True) is not False for key in ("scale", "center"))
        return trained, 2 * (kind == "BatchNormalization")
    if kind in ("PReLU", "Embedding"):
        return 1, 0
    if kind == "Dense" or _kernels(layer):
        return max(1, _kernels(layer)) + (inside.get("use_bias", inside.get("bias", True)) is not False), 0
    raise ObsoleteModel(
        f"The layer '{name_of(layer)[:80]}' ({kind[:80]}) stands inside a nested model of an old file, and "
        "how its weights are stored there is not known. Save the model again with a present-day Keras."
    )
