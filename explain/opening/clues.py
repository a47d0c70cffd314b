"""What a network itself tells about the numbers it was trained on.

Two things can be read off it. Arithmetic between the input and the first learnt layer says that pixels
are scaled inside. And a batch normalisation keeps mean and variance of what it met in training (Ioffe
and Szegedy 2015, the moving averages): only the right scaling brings photos there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import keras
import numpy as np
import tensorflow as tf

from explain.probe import door
from explain.probe.entrance import Entrance
from explain.scaling import SCALINGS, Scaling

NORM = keras.layers.BatchNormalization
PRODUCTS = {
    "Conv2D": 0,
    "DepthwiseConv2dNative": 0,
    "MatMul": 0,
    "BatchMatMulV2": 0,
    "Conv2DBackpropInput": 2,
}
PASSIVE = ("InputLayer", "Dropout", "Identity", "ZeroPadding2D", "Flatten", "Reshape", "Resizing", "Cast")
MEAN_COUNTS = 0.25  # a mean depends on what the photos show, a variance mostly on the scaling

# (operation, its answer) → the tensor looked for, or None; the inputs come first, as nobody's answer.
Visit = Callable[[keras.Operation | None, tf.Tensor], tf.Tensor | None]


def arithmetic(
    model: keras.Model, shape: tuple[int, int, int]
) -> tuple[float, float, tuple[str, ...]] | None:
    """(slope, offset, kinds of layers): the first learnt layer is given slope · x + offset of the input x.

    None where nothing in the network is learnt.
    """
    kinds, last = [], []

    def visit(operation, answer):
        fed = _fed_into_product(answer)
        scales = isinstance(operation, keras.layers.Normalization)
        if fed is not None or (getattr(operation, "weights", ()) and not scales):
            return last[-1] if fed is None else fed
        kinds.extend([type(operation).__name__] if operation else [])
        last.append(answer)
        return None

    find = _finder(model, shape, visit)
    if find is None:
        return None
    levels = np.array([0, 255], np.float32)  # a black and a white picture
    seen = find(np.broadcast_to(levels[:, None, None, None], (2, *shape)))
    black, white = (float(np.median(one)) for one in seen.reshape(2, -1))
    named = [k for k in dict.fromkeys(kinds) if k not in PASSIVE and not k.startswith("Random")]
    return (white - black) / 255, black, tuple(named)


def misfits(model: keras.Model, pixels: np.ndarray, scalings: Iterable[Scaling]) -> dict[str, float]:
    """How far photos (b, h, w, C) in 0..255 miss what the first batch normalisation met in training.

    {scaling: misfit}: the median over its channels of |log variance|, and a quarter of that of |mean|, both
    in units of the moving averages. 0 is a perfect fit. {} where there is none, or none that was trained.
    """
    norms: list[NORM] = []

    def visit(operation, answer):
        if isinstance(operation, NORM):
            norms.append(operation)
            return answer
        return None

    find = _finder(model, pixels.shape[1:], visit)
    if find is None or norms[0].axis not in (-1, 3):
        return {}
    mean, variance = np.asarray(norms[0].moving_mean), np.asarray(norms[0].moving_variance)
    slope = np.ones_like(mean) if norms[0].gamma is None else np.asarray(norms[0].gamma)
    offset = np.zeros_like(mean) if norms[0].beta is None else np.asarray(norms[0].beta)
    alive = (variance > 1e-6) & (np.abs(slope) > 1e-6)
    if not alive.any() or (not mean.any() and (variance == 1).all()):
        return {}
    found = {}
    for scaling in scalings:
        answer = find(scaling.apply(pixels.astype(np.float32)))[..., alive]
        met = ((answer - offset[alive]) / slope[alive]).reshape(-1, alive.sum())  # (places, c)
        spread = np.abs(np.log(np.maximum(met.var(axis=0), 1e-30)))
        found[scaling.name] = float(np.median(spread) + MEAN_COUNTS * np.median(np.abs(met.mean(axis=0))))
    return found


class _Enough(BaseException):
    """Ends a trace. Not an Exception, so that no layer catches it."""


def _finder(model: keras.Model, shape: tuple[int, int, int], visit: Visit):
    """(inputs (b, h, w, C) float32) → the tensor that `visit` finds, as an array; None where it finds none.

    The trace ends there, so that a look at the beginning of a large network is quick.
    """
    found: list[tf.Tensor] = []
    entrance = Entrance(model, SCALINGS["0..255"], shape[2])

    def watch(_, operation, answer):
        tensor = visit(operation, answer)
        if tensor is not None:
            found.append(tensor)
            raise _Enough
        return answer

    def function(inputs):
        try:
            watch("", None, inputs)
            door.walk(model, entrance.fitted(inputs), watch)
        except _Enough:
            return tf.cast(found[0], tf.float32)
        return inputs

    with door.TRACING:
        spec = tf.TensorSpec((None, *shape), tf.float32)
        concrete = tf.function(function, autograph=False).get_concrete_function(spec)
    return (lambda inputs: concrete(tf.constant(inputs)).numpy()) if found else None


def _fed_into_product(tensor: tf.Tensor) -> tf.Tensor | None:
    """The data that the convolution or matrix product behind this answer was given; None without one."""
    operation = tensor.op
    while operation.type not in PRODUCTS:
        if not operation.inputs:
            return None
        operation = operation.inputs[0].op
    return operation.inputs[PRODUCTS[operation.type]]
