"""The networks, the pictures, and the forward pass that everything is compared with."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import lru_cache

import numpy as np
import tensorflow as tf

import explain
from explain.image import fit
from explain.results import Image, Model
from explain.samples import read_sample, samples

_KEYS = itertools.count()


@lru_cache(maxsize=1)                                      # rows are sorted by network; VGG16 alone is 0.5 GB
def opened(name: str) -> Model:
    """A network of the zoo: EfficientNet-Lite0 with its own weights, the others with random ones."""
    return explain.load(name) if name == "efficientnet-lite0" else explain.load(name, weights=None)


def photos(model: Model, many: int = 1) -> list[Image]:
    """So many of the samples, over and over, already in the network's size, under keys never seen before."""
    chosen = itertools.islice(itertools.cycle(samples()), many)
    whole = map(read_sample, chosen)
    return unseen([replace(image, pixels=fit(image.pixels, *model.input_shape)) for image in whole])


def unseen(images: list[Image]) -> list[Image]:
    """The same pictures as new ones: nothing that is remembered under their keys fits."""
    return [replace(image, key=f"unseen {next(_KEYS)}") for image in images]


def forward(model: Model, batch: int | None):
    """(b, h, w, C) float32 → the network's answer, compiled for exactly this batch (None: for any),
    apart from our own code."""
    network = model.network.model
    function = tf.function(lambda inputs: network(inputs, training=False))
    return function.get_concrete_function(tf.TensorSpec((batch, *model.input_shape), tf.float32))


def prepared(model: Model, images: list[Image]) -> tf.Tensor:
    """(b, h, w, C) float32: the pictures as the forward pass takes them."""
    return tf.constant(model.network.prepare(tf.constant(np.stack([image.pixels for image in images]))))
