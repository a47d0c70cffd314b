"""What the layers of a stored network are given: only what their constructors know, and within bounds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from explain.errors import BrokenModel, ModelTooLarge
from explain.inspecting.limits import listed, quoted
from explain.repairing import known
from explain.repairing.walking import name_of, settings

SIDE = 4_096  # pixels of one side of a picture

# Whole numbers by argument: the least and the most. Weights and answers are limited as a whole, in `sizes`.
COUNTS = {
    **dict.fromkeys(("filters", "units", "input_dim", "output_dim", "projection_dim"), (1, 2**24)),
    **dict.fromkeys(("groups", "key_dim", "value_dim", "head_dim"), (1, 2**16)),
    **dict.fromkeys(("num_heads", "num_query_heads", "num_key_value_heads", "depth_multiplier"), (1, 1_024)),
    **dict.fromkeys(("kernel_size", "dilation_rate"), (1, 1_024)),
    **dict.fromkeys(("pool_size", "strides", "size", "height", "width", "output_size"), (1, SIDE)),
    **dict.fromkeys(("padding", "cropping"), (0, SIDE)),
    "lora_rank": (1, 1_024), "target_shape": (-1, 2**27), "n": (1, 2**20), "power_iterations": (1, 100),
}  # fmt: skip
OTHERS = 2**16  # any other whole number; axes, seeds aside
GROWTH = 2**24  # what Tile, Repeat, Pad and the like may multiply or add up to

WORDS = {
    "padding": {"valid", "same", "causal"},
    "data_format": {"channels_first", "channels_last", None},
}  # fmt: skip

_GROWING = {
    "Tile": "repeats",
    "Repeat": "repeats",
    "BroadcastTo": "shape",
    "Resize": "size",
    "Pad": "pad_width",
}
_FREE = frozenset({"batch_shape", "seed", "mean", "variance", "value_range", "fill_value", "name"})


def check_arguments(layer: dict) -> None:
    """BrokenModel for arguments that the layer does not take, ModelTooLarge for numbers beyond reason.

    Classes of the operator's take what they like.
    """
    kind, config = layer["class_name"], settings(layer)
    if str(layer.get("module")).startswith("keras.src.ops."):
        _check_operation(layer)
    elif kind in known.LAYERS:
        unknown = [key for key in config if key not in known.arguments_of(kind)]
        if unknown:
            raise BrokenModel(
                f"{_layer(layer)} is given {listed(unknown)}, which Keras 3.15 does not know. Save the model "
                "again with a present-day Keras."
            )
        for key, value in config.items():
            _check_argument(layer, key, value)
        if kind == "InputLayer":
            _check_input(layer)


def _layer(layer: dict) -> str:
    return f"The layer {quoted(name_of(layer))} ({layer['class_name']})"


def _check_argument(layer: dict, key: str, value: Any) -> None:
    if key in WORDS and not isinstance(value, (list, dict, int)) and value not in WORDS[key]:
        raise BrokenModel(
            f"{_layer(layer)} has {key}={quoted(value, 40)}; expected is one of "
            f"{', '.join(str(word) for word in sorted(WORDS[key], key=str))}. Save the model again."
        )
    least, most = COUNTS.get(key, (-OTHERS, OTHERS))
    for one in _values(value) if key not in _FREE else ():
        word = one is None or (isinstance(one, str) and one in WORDS.get(key, ()))
        if key in COUNTS and not word and (type(one) is not int or one < least):
            raise BrokenModel(
                f"{_layer(layer)} has {key}={quoted(value, 40)}, which is no size. Save the model again."
            )
        if isinstance(one, int) and abs(one) > most:
            raise ModelTooLarge(f"{_layer(layer)} has {key}={one:,}; at most {most:,} is allowed.")


def _values(value: Any) -> Iterator[Any]:
    """What is in a list of lists, or the value itself."""
    if isinstance(value, (list, tuple)):
        for child in value:
            yield from _values(child)
    else:
        yield value


def _check_input(layer: dict) -> None:
    """A shape, with the batch first; sides may be free."""
    shape = settings(layer).get("batch_shape")
    sides = shape if isinstance(shape, list) else [shape]
    if (
        not isinstance(shape, list)
        or not shape
        or not all(side is None or type(side) is int for side in shape)
    ):
        raise BrokenModel(
            f"{_layer(layer)} does not say what shape the input has: expected is a list like [null, 224, "
            f"224, 3], received is {quoted(shape, 40)}. Save the model again."
        )
    for side in sides:
        if side is not None and not 1 <= side <= SIDE and not (len(shape) == 2 and 1 <= side <= 2**24):
            raise (ModelTooLarge if side > 0 else BrokenModel)(
                f"{_layer(layer)} wants an input of {' × '.join(str(side) for side in shape)}; at most "
                f"{SIDE:,} a side are allowed."
            )


def _check_operation(layer: dict) -> None:
    """An operation makes much out of little only by these."""
    key = _GROWING.get(layer["class_name"])
    found = [number for number in _values(settings(layer).get(key)) if isinstance(number, int)] if key else []
    if math.prod(max(1, abs(number)) for number in found) > GROWTH:
        raise ModelTooLarge(
            f"{_layer(layer)} has {key}={quoted(settings(layer).get(key), 40)}, which would make more than "
            f"{GROWTH:,} numbers out of one."
        )
