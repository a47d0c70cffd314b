"""What a network is made of: its picture input, its layers, and the one a heatmap belongs to."""

from __future__ import annotations

import keras
import numpy as np

from explain.errors import ModelError
from explain.probe.door import Call
from explain.probe.heads import Head, ancestors
from explain.results import Layer

# Their output is another layer's, thinned, shifted or rescaled: a heatmap belongs to that layer.
NOT_A_TARGET = (
    "Pooling", "Dropout", "ZeroPadding", "Cropping", "Normalization", "Reshape", "Permute", "Flatten",
    "Rescaling", "Resizing", "CenterCrop", "Random", "UpSampling", "Identity", "GaussianNoise",
    "Subtract", "TrueDivide", "Divide", "GetItem", "Cast",
)  # fmt: skip


def layer_of(call: Call) -> Layer:
    """The noun for one call."""
    operation = call.operation
    shape = call.tensor.shape
    count = sum(int(np.prod(w.shape)) for w in getattr(operation, "weights", ()))
    dims = tuple(shape[1:]) if shape.rank else ()
    return Layer(call.name, type(operation).__name__, dims, count)


def default_target(head: Head, calls: list[Call]) -> str | None:
    """The last layer with a map on the way to the output that is a convolution's or its like.

    Pooling, padding, dropout, normalisation and reshaping only pass on what it found.
    """
    on_the_way = ancestors(head.scores)
    ends = {t.op.name for t in head.ends}
    for call in reversed(calls):
        layer = layer_of(call)
        if not layer.has_map or any(word in layer.kind for word in NOT_A_TARGET):
            continue
        if call.tensor.op.name in on_the_way and call.tensor.op.name not in ends:
            return layer.name
    return None


def check_picture_input(model: keras.Model) -> tuple[int | None, int | None, int]:
    """(h, w, C) of a network's one picture input, None where free. ModelError names what else it is."""
    shapes = [tuple(t.shape) for t in getattr(model, "inputs", None) or ()]
    if not shapes:
        built = getattr(model, "_build_shapes_dict", None) or {}
        shapes = [tuple(s) for s in built.values() if isinstance(s, (tuple, list)) and len(s) == 4]
    if not shapes:
        raise ModelError(
            f"The network '{model.name}' does not say what its input looks like, because it was never "
            "called. Call it once on a picture, or give input_shape=(height, width, channels)."
        )
    if len(shapes) > 1:
        raise ModelError(f"Expected a network with one picture as input, received {len(shapes)} inputs: {shapes}.")
    if len(shapes[0]) != 4:
        what = {2: "a vector", 3: "a sequence", 5: "a volume or video"}.get(len(shapes[0]), "something else")
        raise ModelError(
            f"Expected a network whose input is a picture (batch, height, width, channels), "
            f"received {what}: {shapes[0]}."
        )
    height, width, channels = shapes[0][1:]
    if channels in (1, 3, 4):
        return height, width, channels
    if height in (1, 3, 4) and channels not in (1, 3, 4):
        raise ModelError(
            f"The input {shapes[0]} has its channels first, which TensorFlow cannot compute on every "
            "device. Save the network with data_format='channels_last'."
        )
    raise ModelError(f"Expected 1, 3 or 4 channels in the input, received {shapes[0]}.")
