"""Encoded pictures inside a graph: decoded, laid over white, and squashed to the network's size.

The steps are those of `explain.image`, with TensorFlow's decoder and TensorFlow's resizing. Pictures are not
turned upright: a graph does not see EXIF.
"""

from __future__ import annotations

import tensorflow as tf

LUMA = (0.299, 0.587, 0.114)                       # ITU-R BT.601


def decoded(encoded: tf.Tensor, shape: tuple[int, int, int]) -> tf.Tensor:
    """Files (b,) of any sizes, JPEG or PNG → (b, h, w, C) uint8."""
    one = tf.TensorSpec(shape, tf.uint8)
    return tf.map_fn(lambda file: _picture(file, shape), encoded, fn_output_signature=one)


def _picture(file: tf.Tensor, shape: tuple[int, int, int]) -> tf.Tensor:
    height, width, channels = shape
    pixels = _over_white(tf.io.decode_jpeg(file, dct_method="INTEGER_ACCURATE"))                   # (H, W, 3)
    high, wide = tf.shape(pixels)[0], tf.shape(pixels)[1]
    # Each axis by itself: averaged where it shrinks, interpolated where it grows.
    smaller = tf.stack([tf.minimum(high, height), tf.minimum(wide, width)])
    shrunk = tf.round(tf.raw_ops.ResizeArea(images=pixels[None], size=smaller))
    grown = tf.image.resize(shrunk, (height, width), tf.image.ResizeMethod.BILINEAR)
    return tf.cast(tf.round(_with_channels(grown[0], channels)), tf.uint8)


def _over_white(pixels: tf.Tensor) -> tf.Tensor:
    """(H, W, 1 to 4): grey or colour, with alpha or without → (H, W, 3) float32."""
    many = tf.shape(pixels)[2]
    colours = many - tf.cast(many % 2 == 0, tf.int32)
    values = tf.cast(pixels, tf.float32)
    alpha = tf.where(many % 2 == 0, values[..., -1:], 255.0)                                  # (H, W, 1)
    over = tf.floor((values[..., :colours] * alpha + 255.0 * (255.0 - alpha) + 127.0) / 255.0)
    return tf.broadcast_to(over, (*tf.unstack(tf.shape(pixels)[:2]), 3))


def _with_channels(pixels: tf.Tensor, channels: int) -> tf.Tensor:
    if channels == 1:
        return tf.reduce_sum(pixels * tf.constant(LUMA), axis=-1, keepdims=True)
    if channels == 3:
        return pixels
    return tf.concat([pixels, tf.fill((*pixels.shape[:2], 1), 255.0)], axis=-1)
