from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from explain.probe.ascent import Recipe

# How the colours of photos vary together (Olah et al. 2017, measured on ImageNet): columns from
# brightness to the two colour axes, as a share of the strongest.
COLOURS = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]], np.float32)
COLOURS /= np.linalg.norm(COLOURS, axis=0).max()


def robust(*, size: int = 128, rate: float = 0.1, shift: float = 0.06, turn: float = 8.0, zoom: float = 0.1) -> Recipe:
    """Robust ascent

    The picture is held as a spectrum with decorrelated colours and is shifted, turned and zoomed
    a little at every step, so that only what survives small changes is drawn.

    size: width and height of the picture in pixels [32..512]
    rate: step of the optimiser (Adam) in the spectrum [0.005..0.5]
    shift: how far the picture is moved at most, as a share of its size [0..0.25]
    turn: how far the picture is turned at most, in degrees [0..45]
    zoom: how far the picture is enlarged or shrunk at most, as a share of its size [0..0.5]

    Source: Olah, Mordvintsev, Schubert 2017, "Feature visualization" (preconditioning and
    transformation robustness); Kingma and Ba 2015, algorithm 1, for the step.
    """
    frequencies = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size))              # (H, W/2+1)
    gain = (size / np.maximum(frequencies, 1 / size) / 4).astype(np.float32)                  # 1/f, as in photos

    def start(seed):
        return tf.random.stateless_normal((2, 3, *frequencies.shape), seed, stddev=0.05)

    def draw(spectra):
        spectrum = tf.complex(spectra[:, 0] * gain, spectra[:, 1] * gain)                     # (n, 3, H, W/2+1)
        waves = tf.signal.irfft2d(spectrum, [size, size])                                     # (n, 3, H, W)
        return tf.sigmoid(tf.einsum("nchw,rc->nhwr", waves, tf.constant(COLOURS)))            # (n, H, W, 3)

    def disturb(pictures, seed):
        # One disturbance a step for the whole batch, so that a channel's picture is its own.
        dx, dy, angle, scale = tf.unstack(tf.random.stateless_uniform((4,), seed, -1, 1))
        angle, scale = angle * turn * math.pi / 180, 1 + scale * zoom
        a, b = tf.cos(angle) / scale, tf.sin(angle) / scale
        middle = (size - 1) / 2
        x, y = middle + dx * shift * size, middle + dy * shift * size
        turned = tf.stack([a, -b, middle - a * x + b * y, b, a, middle - b * x - a * y, 0.0, 0.0])
        return tf.raw_ops.ImageProjectiveTransformV3(
            images=pictures,
            transforms=turned[None],
            output_shape=(size, size),
            interpolation="BILINEAR",
            fill_mode="REFLECT",
            fill_value=0.0,
        )

    def improve(spectra, slopes, memory, step):
        # A channel's slopes differ by orders of magnitude; Adam's step does not depend on them.
        mean = 0.9 * memory[0] + 0.1 * slopes
        square = 0.999 * memory[1] + 0.001 * slopes**2
        t = tf.cast(step, tf.float32) + 1
        fair_mean, fair_square = mean / (1 - 0.9**t), square / (1 - 0.999**t)
        return spectra + rate * fair_mean / (tf.sqrt(fair_square) + 1e-12), tf.stack([mean, square])

    return Recipe(start, draw, disturb, improve, show=draw)
