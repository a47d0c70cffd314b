"""Sixteen plain patterns against the gradient steps they are made of."""

from __future__ import annotations

import itertools
from functools import partial

import keras
import numpy as np
import tensorflow as tf

import explain
from benchmarks.networks import opened
from benchmarks.timing import Row, in_turns
from explain.opening.zoo import ZOO

LAYERS = {"vgg16": "block3_conv1", "resnet50": "conv3_block2_2_conv"}
ROUNDS = {64: 7, 128: 3}                                   # by size in pixels
STEPS, MANY = 30, 16


def patterns(name: str, size: int, quick: bool = False) -> Row:
    """The other side takes as many steps on the same batches, and does nothing with what they give."""
    model, layer, steps = opened(name), LAYERS[name], 3 if quick else STEPS
    batches: list[int] = []

    def climb(note=None):
        return explain.patterns(model, layer, range(MANY), steps, size, method="plain", on_progress=note)

    found = climb(lambda done, total, new: batches.append(len(new)))
    step = _gradient_step(_bare(name, layer, size))
    starts = [0, *itertools.accumulate(batches)]
    noise = np.random.default_rng(0).uniform(0.4, 0.6, (MANY, size, size, 3)).astype(np.float32) * 255
    inputs = [model.network.prepare(tf.constant(noise[a:b])) for a, b in itertools.pairwise(starts)]
    channels = [tf.constant([p.channel for p in found[a:b]], tf.int32) for a, b in itertools.pairwise(starts)]

    def steps_alone():
        for pictures, chosen in zip(inputs, channels):
            for _ in range(steps):
                slopes = step(pictures, chosen)
            slopes.numpy()

    times = in_turns(climb, steps_alone, ROUNDS[size], quick, warm_ups=1)
    return Row(
        f"patterns/{name}-{size}", f"{MANY} plain patterns of {size} px, {steps} steps, {layer} of {name}",
        f"{steps} × a compiled gradient step of the network cut off there", *times, 1.2,
        note=f"batches of {' + '.join(map(str, batches))}",
    )  # fmt: skip


def _bare(name: str, layer: str, size: int) -> keras.Model:
    """The network up to the layer, built for pictures of this size, with the same weights."""
    factory = getattr(keras.applications, ZOO[name].factory)
    whole = factory(include_top=False, weights=None, input_shape=(size, size, 3))
    bare = keras.Model(whole.inputs, whole.get_layer(layer).output)
    for each in bare.layers:
        if each.weights:
            each.set_weights(opened(name).network.model.get_layer(each.name).get_weights())
    return bare


def _gradient_step(bare: keras.Model):
    @tf.function
    def step(pictures, channels):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(pictures)
            means = tf.reduce_mean(bare(pictures, training=False), axis=(1, 2))               # (n, c)
            aim = tf.gather(means, channels, axis=1, batch_dims=1)                            # (n,)
        return tape.gradient(aim, pictures)

    return step


ROWS = {f"patterns/{name}-{size}": partial(patterns, name, size) for name in LAYERS for size in ROUNDS}
