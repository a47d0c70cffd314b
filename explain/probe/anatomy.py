"""What a network is made of: its picture input, its layers, and the ones a heatmap belongs to."""

from __future__ import annotations

import keras
import numpy as np

from explain.errors import InputError
from explain.probe.door import Call
from explain.probe.grids import Grid
from explain.probe.heads import Head, ancestors
from explain.results import Layer

# Their output is another layer's, thinned, shifted or rescaled: a heatmap belongs to that layer.
NOT_A_TARGET = (
    "Pooling", "Dropout", "ZeroPadding", "Cropping", "Normalization", "Reshape", "Permute", "Flatten",
    "Rescaling", "Resizing", "CenterCrop", "Random", "UpSampling", "Identity", "GaussianNoise",
    "Subtract", "TrueDivide", "Divide", "GetItem", "Cast", "DropPath", "StochasticDepth",
)  # fmt: skip

# Between query and answer they hold (b, heads, n, n) and (b, n, heads, c): four axes, and no picture.
ATTENTION = (
    keras.layers.MultiHeadAttention, keras.layers.GroupQueryAttention, keras.layers.Attention,
    keras.layers.AdditiveAttention,
)  # fmt: skip


def layers_of(calls: list[Call], grids: dict[str, Grid], pieces: set[str]) -> tuple[Layer, ...]:
    """The nouns for all calls. A grid makes a map of tokens; what answers to pieces of a picture has none."""
    attention = {call.name for call in calls if isinstance(call.operation, ATTENTION)}
    inner = {call.name for call in calls if call.name.rpartition("/")[0] in attention}
    return tuple(_layer(call, grids.get(call.name), call.name not in pieces | inner) for call in calls)


def _layer(call: Call, grid: Grid | None, of_places: bool) -> Layer:
    shape = tuple(call.tensor.shape[1:]) if call.tensor.shape.rank else ()
    count = sum(int(np.prod(w.shape)) for w in getattr(call.operation, "weights", ()))
    map_shape, note = shape if len(shape) == 3 and of_places else (), ""
    if grid is not None:
        map_shape, note = (grid.rows, grid.columns, shape[-1]), grid.note
    return Layer(call.name, type(call.operation).__name__, shape, count, map_shape, note)


def targets(head: Head, calls: list[Call], layers: tuple[Layer, ...]) -> list[str]:
    """The layers that a heatmap may belong to, the last first: with a map, on the way to the output,
    and a convolution's or its like. Pooling, padding, dropout, normalisation, reshaping and
    arithmetic only pass on what another layer found; a block and its last layer answer the same."""
    on_the_way = ancestors(head.scores) - {tensor.op.name for tensor in head.ends}
    found: dict[str, str] = {}
    for call, layer in zip(reversed(calls), reversed(layers), strict=True):
        answer, passes_on = call.tensor.op.name, any(word in layer.kind for word in NOT_A_TARGET)
        if layer.has_map and not passes_on and answer in on_the_way:
            found.setdefault(answer, layer.name)
    return list(found.values())


def check_channels_last(calls: list[Call]) -> None:
    """InputError for a network that turns the picture round inside: its maps would be read sideways."""
    for call in calls:
        if getattr(call.operation, "data_format", None) == "channels_first" and call.tensor.shape.rank == 4:
            raise InputError(
                f"Layer '{call.name}' computes with channels first (batch, channels, height, width). "
                "Expected channels last, as TensorFlow's own kernels for the CPU do: build the network with "
                "data_format='channels_last'."
            )


def check_picture_input(model: keras.Model) -> tuple[int | None, int | None, int]:
    """(h, w, C) of a network's one picture input, None where free. InputError names what else it is.

    A square input without an axis for channels, (batch, 28, 28), is a grey picture.
    """
    shapes = input_shapes(model)
    if not shapes:
        raise InputError(
            f"The network '{model.name}' does not say what its input looks like, because it was never "
            "called; a file that was saved like that holds no weights either. Call it once on a picture and "
            "save it again, or give input_shape=(height, width, channels)."
        )
    if len(shapes) > 1:
        listed = ", ".join(map(str, shapes[:4])) + (", …" if len(shapes) > 4 else "")
        raise InputError(
            f"Expected a network with one picture as input, received {len(shapes)} inputs: {listed}."
        )
    shape = shapes[0]
    if len(shape) == 3 and shape[1] == shape[2] is not None:
        return shape[1], shape[2], 1
    if len(shape) != 4:
        what = {2: "a vector", 3: "a sequence", 5: "a volume or video"}.get(len(shape), "something else")
        raise InputError(
            f"Expected a network whose input is a picture (batch, height, width, channels), "
            f"received {what}: {shape}."
        )
    height, width, channels = shape[1:]
    if channels in (1, 3, 4):
        return height, width, channels
    if height in (1, 3, 4) and _are_sides(width, channels):
        raise InputError(
            f"The input {shape} has its channels first. Expected (batch, height, width, channels), as "
            "TensorFlow's own kernels for the CPU do: build the network with data_format='channels_last'."
        )
    if channels is not None and channels > 4:
        raise InputError(
            f"Expected a picture with 1, 3 or 4 channels, received {shape}: {channels} channels are the "
            "answer of another network. If this is a head that was trained on such answers, put its base in "
            "front, keras.Sequential([base, head]), and open the whole."
        )
    raise InputError(f"Expected a picture with 1, 3 or 4 channels, received {shape}.")


def _are_sides(one: int | None, other: int | None) -> bool:
    """Whether two numbers may be the sides of a picture: 4 and 512 are not."""
    return not one or not other or max(one, other) <= 4 * min(one, other)


def input_shapes(model: keras.Model) -> list[tuple]:
    """(batch, …) of every input; [] where the model was never built."""
    shapes = [tuple(tensor.shape) for tensor in (getattr(model, "inputs", None) or ())]
    return shapes or _shapes_in(getattr(model, "_build_shapes_dict", None))


def _shapes_in(built) -> list[tuple]:
    """The shapes in what a subclassed model was built with: one, several, or a dictionary of them."""
    if isinstance(built, dict):
        return [shape for each in built.values() for shape in _shapes_in(each)]
    if not isinstance(built, (list, tuple)):
        return []
    if all(n is None or isinstance(n, int) for n in built):
        return [tuple(built)]
    return [shape for each in built for shape in _shapes_in(each)]
