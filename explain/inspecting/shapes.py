"""What shape a layer of Keras answers, from its settings alone.

A shape is without the batch: (height, width, channels) of a map, None for a side that is free, and None
altogether where nothing is known. Rounding and padding are those of Keras; a test compares every layer of
`keras.applications` with what Keras computes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

Side = int | None
Shape = tuple[Side, ...]
Known = Shape | None

_WINDOWS = re.compile(r"(Separable|Depthwise|)Conv([123])D(Transpose|)|(Max|Average)Pooling([123])D")
_SHRINKS = re.compile(r"Global(?:Max|Average)Pooling([123])D")
_ADAPTS = re.compile(r"Adaptive(?:Max|Average)Pooling([123])D")
_BORDERS = re.compile(r"(Cropping|ZeroPadding|UpSampling)([123])D")


def answer(kind: str, config: dict, inputs: Sequence[Known]) -> Known:
    """The shape that a layer answers to `inputs`; None where it is not known."""
    if not inputs or any(shape is None for shape in inputs):
        return _fixed(kind, config)
    shape = inputs[0]
    for pattern, rule in _FAMILIES:
        found = pattern.fullmatch(kind)
        if found:
            axes = next(int(group) for group in found.groups() if group in ("1", "2", "3"))
            return rule(kind, config, shape, axes) if len(shape) == axes + 1 else None
    if kind in _MERGES:
        return _broadcast(inputs)
    if kind in _RULES:
        return _RULES[kind](config, shape, inputs)
    return shape if kind in SAME else None


def numbers(value: object, count: int) -> tuple[int, ...] | None:
    """3 or [3, 3] as (3, 3); None for anything else."""
    found = [value] * count if isinstance(value, int) else value
    fits = isinstance(found, (list, tuple)) and len(found) == count and all(isinstance(n, int) for n in found)
    return tuple(found) if fits else None


def is_first(config: dict) -> bool:
    return config.get("data_format") == "channels_first"


def channels(config: dict, shape: Known) -> Side:
    """How many channels a map has."""
    if not shape:
        return None
    return shape[0] if is_first(config) else shape[-1]


def _sides(config: dict, shape: Shape) -> Shape:
    return shape[1:] if is_first(config) else shape[:-1]


def _joined(config: dict, sides: Sequence[Side], depth: Side) -> Shape:
    return (depth, *sides) if is_first(config) else (*sides, depth)


# Families ------------------------------------------------------------------------------------------------


def _windows(kind: str, config: dict, shape: Shape, axes: int) -> Known:
    """Convolutions and pooling."""
    pools = "Pooling" in kind
    size = numbers(config.get("pool_size" if pools else "kernel_size", 2), axes)
    strides = numbers(config.get("strides") or (size if pools else 1), axes)
    rates = numbers(config.get("dilation_rate") or 1, axes)
    if size is None or strides is None or rates is None or min(*strides, *size, *rates) < 1:
        return None
    widths = [(one - 1) * rate + 1 for one, rate in zip(size, rates, strict=True)]
    same = config.get("padding", "valid") in ("same", "causal")
    count = _grown if kind.endswith("Transpose") else _shrunk
    sides = [count(*four, same) for four in zip(_sides(config, shape), widths, strides, strict=True)]
    depth = channels(config, shape)
    if "Depthwise" in kind:
        many = config.get("depth_multiplier", 1)
        depth = depth * many if isinstance(many, int) and depth is not None else None
    elif not pools:
        depth = config.get("filters") if isinstance(config.get("filters"), int) else None
    return _joined(config, sides, depth)


def _shrunk(side: Side, width: int, stride: int, same: bool) -> Side:
    if side is None:
        return None
    return -(-side // stride) if same else max(0, (side - width) // stride + 1)


def _grown(side: Side, width: int, stride: int, same: bool) -> Side:
    if side is None:
        return None
    return side * stride + (0 if same else max(width - stride, 0))


def _shrinks(kind: str, config: dict, shape: Shape, axes: int) -> Known:
    depth = channels(config, shape)
    return _joined(config, (1,) * axes, depth) if config.get("keepdims") else (depth,)


def _adapts(kind: str, config: dict, shape: Shape, axes: int) -> Known:
    sides = numbers(config.get("output_size"), axes)
    return _joined(config, sides, channels(config, shape)) if sides else None


def _borders(kind: str, config: dict, shape: Shape, axes: int) -> Known:
    sides = _sides(config, shape)
    if kind.startswith("UpSampling"):
        times = numbers(config.get("size", 2), axes)
        found = (
            [None if side is None else side * n for side, n in zip(sides, times, strict=True)]
            if times
            else None
        )
    else:
        pads = kind.startswith("ZeroPadding")
        both = _pairs(config.get("padding" if pads else "cropping", 1), axes)
        grown = [sum(pair) if pads else -sum(pair) for pair in both or ()]
        found = (
            [None if n is None else max(0, n + more) for n, more in zip(sides, grown, strict=True)]
            if both
            else None
        )
    return _joined(config, found, channels(config, shape)) if found is not None else None


def _pairs(value: object, axes: int) -> list[tuple[int, ...]] | None:
    """1, [1, 2] or [[0, 1], [2, 3]] as before and after each axis."""
    if axes == 1 and numbers(value, 2):
        return [numbers(value, 2)]
    if numbers(value, axes):
        return [(n, n) for n in numbers(value, axes)]
    found = [numbers(two, 2) for two in value] if isinstance(value, list) and len(value) == axes else [None]
    return None if None in found else found


_FAMILIES: tuple[tuple[re.Pattern, Callable], ...] = (
    (_WINDOWS, _windows), (_SHRINKS, _shrinks), (_ADAPTS, _adapts), (_BORDERS, _borders),
)  # fmt: skip

# Single layers ---------------------------------------------------------------------------------------------


def product(shape: Sequence[Side]) -> Side:
    return None if None in shape else math.prod(shape)


def _reshape(config: dict, shape: Shape, inputs: Sequence[Known]) -> Known:
    target = config.get("target_shape")
    if not isinstance(target, list) or not all(isinstance(n, int) for n in target):
        return None
    if -1 not in target:
        return tuple(target)
    known, whole = math.prod(n for n in target if n != -1), product(shape)
    rest = None if whole is None or known <= 0 else whole // known
    return tuple(rest if n == -1 else n for n in target)


def _permute(config: dict, shape: Shape, inputs: Sequence[Known]) -> Known:
    dims = numbers(config.get("dims"), len(shape))
    return (
        tuple(shape[n - 1] for n in dims) if dims and sorted(dims) == list(range(1, len(shape) + 1)) else None
    )


def _concatenate(config: dict, shape: Shape, inputs: Sequence[Known]) -> Known:
    axis = config.get("axis", -1)
    if not isinstance(axis, int) or any(len(one) != len(shape) for one in inputs):
        return None
    axis = axis - 1 if axis > 0 else axis % (len(shape) + 1) - 1
    if not 0 <= axis < len(shape):
        return None
    sides = [one[axis] for one in inputs]
    return (*shape[:axis], None if None in sides else sum(sides), *shape[axis + 1 :])


def _broadcast(inputs: Sequence[Known]) -> Known:
    rank = max(len(shape) for shape in inputs)
    aligned = [(1,) * (rank - len(shape)) + shape for shape in inputs]
    return tuple(None if None in sides else max(sides) for sides in zip(*aligned, strict=True))


def _resized(config: dict, shape: Shape, inputs: Sequence[Known]) -> Known:
    sides = numbers([config.get("height"), config.get("width")], 2)
    return _joined(config, sides, channels(config, shape)) if sides and len(shape) == 3 else None


def _dense(config: dict, shape: Shape, inputs: Sequence[Known]) -> Known:
    units = config.get("units")
    return (*shape[:-1], units) if isinstance(units, int) else None


def _attended(config: dict, shape: Shape, inputs: Sequence[Known]) -> Known:
    sides = config.get("output_shape")
    sides = [sides] if isinstance(sides, int) else sides
    if sides is None:
        return shape
    return (
        (*shape[:-1], *sides) if isinstance(sides, list) and all(isinstance(n, int) for n in sides) else None
    )


def _sequence(config: dict, shape: Shape, inputs: Sequence[Known]) -> Known:
    units = config.get("units")
    if not isinstance(units, int) or len(shape) != 2 or config.get("return_state"):
        return None
    return (shape[0], units) if config.get("return_sequences") else (units,)


def _einsum(config: dict, shape: Shape, inputs: Sequence[Known]) -> Known:
    sides = config.get("output_shape")
    sides = [sides] if isinstance(sides, int) else sides
    left, _, right = str(config.get("equation")).replace("...", "").partition("->")
    letters = left.partition(",")[0][1:]
    if not isinstance(sides, list) or len(letters) != len(shape) or len(right) != len(sides) + 1:
        return None
    by_letter = dict(zip(letters, shape, strict=True))
    return tuple(
        by_letter.get(letter) if side is None else side for letter, side in zip(right[1:], sides, strict=True)
    )


_MERGES = frozenset({"Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract", "TrueDivide"})
_RULES: dict[str, Callable[[dict, Shape, Sequence[Known]], Known]] = {
    "Concatenate": _concatenate, "Dense": _dense, "EinsumDense": _einsum,
    "Embedding": lambda config, shape, _: (*shape, config.get("output_dim")),
    "Flatten": lambda config, shape, _: (product(shape),),
    "GRU": _sequence, "LSTM": _sequence, "SimpleRNN": _sequence,
    "MultiHeadAttention": _attended, "GroupQueryAttention": _attended,
    "Permute": _permute, "RepeatVector": lambda config, shape, _: (config.get("n"), *shape),
    "Reshape": _reshape,
    "CenterCrop": _resized, "RandomCrop": _resized, "Resizing": _resized,
}  # fmt: skip

# They answer in the shape of their input.
SAME = frozenset(
    "Activation ActivityRegularization AlphaDropout AugMix AutoContrast BatchNormalization CustomScaleLayer "
    "CutMix ContrastLimitedAdaptiveHistogramEqualization Dropout ELU Equalization GaussianDropout "
    "GaussianNoise GroupNormalization Identity LayerNormalization LayerScale LeakyReLU Masking MixUp "
    "Normalization PReLU RMSNormalization RandAugment RandomBrightness RandomColorDegeneration "
    "RandomColorJitter RandomContrast RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur "
    "RandomGrayscale RandomHue RandomInvert RandomPerspective RandomPosterization RandomRotation "
    "RandomSaturation RandomSharpness RandomShear RandomTranslation RandomZoom ReLU Rescaling Softmax "
    "Solarization SpatialDropout1D SpatialDropout2D SpatialDropout3D UnitNormalization Abs Absolute Cast "
    "Celu Ceil Clip Cos Elu Exp Floor Gelu HardSigmoid HardSilu HardTanh LeakyRelu Log LogSoftmax Negative "
    "Power Relu Relu6 Round Rsqrt Selu Sigmoid Sign Silu Sin Softplus Softsign Sqrt Square StopGradient Tanh"
    " Threshold".split()
)


def _fixed(kind: str, config: dict) -> Known:
    """What is known of the answer to an unknown input: pictures that are resized have that size."""
    if kind == "InputLayer":
        shape = config.get("batch_shape")
        return tuple(shape[1:]) if isinstance(shape, list) else None
    return None
