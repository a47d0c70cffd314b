"""The entrance: how a picture becomes the one input of a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from explain.probe import door
from explain.probe.anatomy import input_shapes
from explain.probe.heads import read_head
from explain.scaling import Scaling

if TYPE_CHECKING:
    from explain.probe.network import Network


class Entrance:
    """dtype: what the input is declared as; channel_axis: False for a grey picture as (b, h, w)."""

    def __init__(self, model: keras.Model, scaling: Scaling, channels: int):
        self.scaling, self.channels = scaling, channels
        inputs, called = getattr(model, "inputs", None), getattr(model, "input_dtype", None)
        self.dtype = tf.as_dtype(inputs[0].dtype if inputs else called or "float32")
        self.channel_axis = [len(shape) for shape in input_shapes(model)] != [3]

    def prepare(self, pixels: tf.Tensor, smooth: bool = False) -> tf.Tensor:
        """(b, h, w, C) in 0..255 of any dtype → what the network was trained on."""
        inputs = tf.cast(pixels, tf.float32)
        if self.scaling.swaps(self.channels):             # as a 1×1 convolution: 15 × the speed of slicing
            inputs = tf.nn.conv2d(inputs, np.eye(3, dtype=np.float32)[::-1].reshape(1, 1, 3, 3), 1, "SAME")
        return self.fitted(self.scaling.shift(inputs), smooth)

    def fitted(self, inputs: tf.Tensor, smooth: bool = False) -> tf.Tensor:
        """(b, h, w, C) float32, scaled already → the network's own input: its dtype and axes.

        smooth: not rounded where the network takes whole numbers, so that the pixels have slopes.
        """
        if not self.channel_axis:
            inputs = inputs[..., 0]
        if not self.dtype.is_integer:
            return tf.cast(inputs, self.dtype)
        return inputs if smooth else tf.cast(tf.clip_by_value(tf.round(inputs), 0, 255), self.dtype)


def takes_fractions(network: Network) -> bool:
    """Whether a network that takes whole numbers gives the same scores for the same numbers as fractions."""

    def scores(pixels):
        inputs = network.prepare(pixels, smooth=True)
        return read_head(door.run(network.model, inputs, as_it_is=True)[0]).scores

    noise = np.random.default_rng(0).integers(0, 256, (1, *network.input_shape), np.uint8)
    try:
        found = network.trace(scores, network.pixels_spec())(tf.constant(noise)).numpy()
    except (ValueError, TypeError, tf.errors.InvalidArgumentError):       # a layer for whole numbers only
        return False
    return np.allclose(found, network.predict(noise)[0], rtol=1e-3, atol=1e-4)
