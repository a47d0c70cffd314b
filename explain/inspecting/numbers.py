"""Which weights a layer of Keras would create: their shapes, from its settings and its input.

None stands for a side that follows from an unknown input. Biases and the like are left out: they are never
larger than the kernels here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from explain.inspecting.shapes import Known, Shape, Side, channels, numbers

_CONVOLUTION = re.compile(r"(Separable|Depthwise|)Conv([123])D(Transpose|)")


def weights_of(kind: str, config: dict, inputs: Sequence[Known]) -> list[Shape]:
    """Shapes of the kernels that the layer creates when it is called on `inputs`; [] where there are none."""
    shape = inputs[0] if inputs else None
    found = _CONVOLUTION.fullmatch(kind)
    if found:
        return _convolution(found[1] + found[3], config, channels(config, shape), int(found[2]))
    return _RULES[kind](config, shape) if kind in _RULES else []


def _number(config: dict, key: str, otherwise: Side = None) -> Side:
    value = config.get(key, otherwise)
    return value if isinstance(value, int) else otherwise


def _convolution(kind: str, config: dict, depth: Side, axes: int) -> list[Shape]:
    sides = numbers(config.get("kernel_size"), axes) or (None,) * axes
    filters, many = _number(config, "filters"), _number(config, "depth_multiplier", 1)
    if kind == "Transpose":
        return [(*sides, filters, depth)]
    if kind == "Depthwise":
        return [(*sides, depth, many)]
    if kind == "Separable":
        return [(*sides, depth, many), (*(1,) * axes, None if depth is None else depth * many, filters)]
    groups = _number(config, "groups", 1)
    return [(*sides, None if depth is None else depth // max(1, groups), filters)]


def _normalised(config: dict, shape: Known) -> list[Shape]:
    axis = config.get("axis", -1)
    axes = axis if isinstance(axis, list) else [axis]
    if shape is None or not all(isinstance(n, int) for n in axes):
        return []
    places = [n - 1 if n > 0 else n % (len(shape) + 1) - 1 for n in axes]
    return [tuple(shape[n] for n in places)] if all(0 <= n < len(shape) for n in places) else []


def _layer_normalised(config: dict, shape: Known) -> list[Shape]:
    affine = config.get("scale", True) or config.get("center", True)
    return _normalised(config, shape) if affine else []


def _prelu(config: dict, shape: Known) -> list[Shape]:
    shared = config.get("shared_axes")
    shared = shared if isinstance(shared, list) else []
    return [tuple(1 if n + 1 in shared else side for n, side in enumerate(shape))] if shape else []


def _recurrent(gates: int) -> Callable[[dict, Known], list[Shape]]:
    def weights(config: dict, shape: Known) -> list[Shape]:
        units = _number(config, "units")
        kernel = (shape[-1] if shape else None, None if units is None else gates * units)
        return [kernel, (units, None if units is None else gates * units)]

    return weights


def _recurrent_convolution(config: dict, shape: Known) -> list[Shape]:
    filters, sides = _number(config, "filters"), config.get("kernel_size")
    sides = tuple(sides) if isinstance(sides, list) and all(isinstance(n, int) for n in sides) else ()
    return [(*sides, filters, None if filters is None else 4 * filters)] if sides else []


def _attention(config: dict, shape: Known) -> list[Shape]:
    """query, value and output of MultiHeadAttention."""
    heads, key = _number(config, "num_heads"), _number(config, "key_dim")
    value, depth = _number(config, "value_dim", key), shape[-1] if shape else None
    sides = config.get("output_shape")
    sides = [depth] if sides is None else sides if isinstance(sides, list) else [sides]
    sides = [side if isinstance(side, int) else None for side in sides]
    return [(depth, heads, key), (None, heads, value), (heads, value, *sides)]


def _grouped_attention(config: dict, shape: Known) -> list[Shape]:
    """query, key and output of GroupQueryAttention."""
    depth, size = shape[-1] if shape else None, _number(config, "head_dim")
    queries, keys = _number(config, "num_query_heads"), _number(config, "num_key_value_heads")
    return [(depth, queries, size), (None, keys, size), (queries, size, depth)]


def _einsum(config: dict, shape: Known) -> list[Shape]:
    """The middle term of 'abc,cde->abde': sides of the input by their letters, others from output_shape."""
    sides = config.get("output_shape")
    sides = [sides] if isinstance(sides, int) else sides
    terms, _, right = str(config.get("equation")).replace("...", "").partition("->")
    left, _, kernel = terms.partition(",")
    if not isinstance(sides, list) or not kernel:
        return []
    by_letter = dict(zip(right[::-1], sides[::-1], strict=False))
    by_letter |= dict(zip(left[::-1], (shape or ())[::-1], strict=False))
    return [tuple(by_letter.get(letter) for letter in kernel)]


_RULES: dict[str, Callable[[dict, Known], list[Shape]]] = {
    "BatchNormalization": _normalised, "LayerNormalization": _layer_normalised,
    "RMSNormalization": _normalised,
    "GroupNormalization": _layer_normalised, "PReLU": _prelu, "EinsumDense": _einsum,
    "Dense": lambda config, shape: [(shape[-1] if shape else None, _number(config, "units"))],
    "Embedding": lambda config, shape: [(_number(config, "input_dim"), _number(config, "output_dim"))],
    "LayerScale": lambda config, shape: [(_number(config, "projection_dim"),)],
    "SimpleRNN": _recurrent(1), "SimpleRNNCell": _recurrent(1), "GRU": _recurrent(3),
    "GRUCell": _recurrent(3),
    "LSTM": _recurrent(4), "LSTMCell": _recurrent(4),
    "ConvLSTM1D": _recurrent_convolution, "ConvLSTM2D": _recurrent_convolution,
    "ConvLSTM3D": _recurrent_convolution,
    "MultiHeadAttention": _attention, "GroupQueryAttention": _grouped_attention,
}  # fmt: skip
