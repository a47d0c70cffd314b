from __future__ import annotations

import tensorflow as tf

from explain.probe.ascent import Recipe


def plain(*, size: int = 128, rate: float = 0.04) -> Recipe:
    """Plain ascent

    As in the text-books: grey noise, and small steps along the normalised gradient of the
    channel's mean activation. Quick and honest; often noisy.

    size: width and height of the picture in pixels [32..512]
    rate: how far one step moves a pixel on average, as a share of the whole range [0.001..0.5]

    Source: Erhan et al. 2009, "Visualizing higher-layer features of a deep network", equation 1;
    the normalised step is the one customary in Keras text-books.
    """

    def start(seed):
        return tf.random.stateless_uniform((size, size, 3), seed, 0.4, 0.6)

    def draw(pictures):
        return pictures

    def disturb(pictures, seed):
        return pictures

    def improve(pictures, slopes, memory, step):
        rms = tf.sqrt(tf.reduce_mean(slopes**2, axis=(1, 2, 3), keepdims=True))               # (n, 1, 1, 1)
        return pictures + rate * tf.math.divide_no_nan(slopes, rms), memory

    def show(pictures):
        # The climb knows no bounds: spread what it found over the range that a screen has.
        mean, variance = tf.nn.moments(pictures, axes=(1, 2, 3), keepdims=True)               # (n, 1, 1, 1)
        return tf.clip_by_value(0.5 + 0.25 * tf.math.divide_no_nan(pictures - mean, tf.sqrt(variance)), 0, 1)

    return Recipe(start, draw, disturb, improve, show)
