"""Every architecture of the zoo, at three depths: what the door tells is what plain eager Keras tells.

The reference shares no code with the door: `keras.Model(inputs, [layers…, before the softmax])` and
one gradient tape. Weights are random, sizes small.

The graph optimiser fuses convolutions with what follows, and rounds differently. Where a ReLU stands
at 0 that decides which way it opens, and early layers of deep networks lie before millions of ReLUs.
So the early ones are compared with the optimiser off, and the default layer as it is computed for people.
"""

from __future__ import annotations

import gc
import random
from contextlib import contextmanager

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import close, grad_cam, pictures

import explain
from explain.opening.zoo import ZOO, build
from explain.probe.probing import Probe
from explain.scaling import scaling_of

SIZE = 96                                                # Inception wants at least 75


def network_of(name: str) -> keras.Model:
    """The architecture with random weights, the same every time, for pictures of SIZE where possible."""
    keras.utils.set_random_seed(0)
    entry, before = ZOO[name], random.getstate()
    if entry.embedded:
        return build(name, None, seed=0)
    try:
        return getattr(keras.applications, entry.factory)(weights=None, input_shape=(SIZE, SIZE, 3))
    finally:
        random.setstate(before)


def lively(network: keras.Model) -> keras.Model:
    """Batch statistics as after training, not 0 and 1: else the deepest networks answer nothing but noise."""
    noise = np.random.default_rng(0)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            for weight in layer.weights:
                spread = weight.path.endswith(("gamma", "variance"))
                shape = weight.shape
                weight.assign(noise.uniform(0.5, 1.5, shape) if spread else noise.normal(0, 0.2, shape))
    return network


def before_the_softmax(network: keras.Model):
    """The symbolic tensor that goes into the last softmax, and how it becomes logits."""
    last = network.layers[-1]
    if isinstance(last, keras.layers.Dense):
        return last.input, lambda x: tf.matmul(x, last.kernel) + last.bias
    assert isinstance(last, (keras.layers.Activation, keras.layers.Softmax)), type(last)
    return last.input, lambda x: x


def reference(network: keras.Model, inputs: np.ndarray, layers: list[str], class_index: int):
    """Scores (b, K), and for each layer maps and slopes (b, h, w, c), by an eager tape."""
    end, logits = before_the_softmax(network)
    known = {operation.name: operation for operation in network.operations}              # bare x + y as well
    inner = keras.Model(network.input, [*(known[name].output for name in layers), end])
    with tf.GradientTape() as tape:
        *maps, last = inner(inputs, training=False)
        scores = logits(last)
        score = tf.reduce_sum(scores[:, class_index])
    slopes = tape.gradient(score, maps)
    found = {name: (m.numpy(), s.numpy()) for name, m, s in zip(layers, maps, slopes, strict=True)}
    return scores.numpy(), found


def depths(model, network: keras.Model) -> list[str]:
    """An early layer, one from the middle, and the default one."""
    known = {layer.name for layer in network.layers}
    usable = [one.name for one in model.layers if one.has_map and one.name in known and one.parameters]
    return [usable[len(usable) // 8], usable[len(usable) // 2], model.default_layer]


@contextmanager
def optimiser(on: bool):
    before = tf.config.optimizer.get_experimental_options().get("disable_meta_optimizer", False)
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": not on})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": before})


@pytest.mark.parametrize("name", ZOO)
def test_grad_cam_is_that_of_an_eager_tape(name):
    network = lively(network_of(name))
    model, images = explain.wrap(network, ZOO[name].scaling), pictures(2, size=network.input_shape[1])
    layers, class_index = depths(model, network), 7
    pixels = np.stack([i.pixels for i in images])
    inputs = scaling_of(ZOO[name].scaling).apply(pixels.astype(np.float32))
    scores, expected = reference(network, inputs, layers, class_index)
    for layer, (maps, slopes) in expected.items():
        with optimiser(on=layer == model.default_layer):
            found = explain.heatmaps(model, images, layer=layer, class_index=class_index)
        assert np.abs(maps).max() > 0 and np.abs(slopes).max() > 0, layer
        for i, one in enumerate(found):
            # Positive and negative evidence cancel: their sum without cancelling is the measure.
            size = np.abs(slopes[i].mean(axis=(0, 1)) * maps[i]).sum(axis=-1).max()
            assert np.abs(one.values - grad_cam(maps[i], slopes[i])).max() <= 1e-4 * size, layer
            assert one.score == pytest.approx(scores[i, class_index], abs=1e-4 * float(np.abs(scores).max()))
    # And once by the short way: from maps and vectors that were stored, backward only.
    layer = layers[1]
    probe = Probe(model.network, pixels, [i.key for i in images], layer, [class_index] * 2)
    with optimiser(on=False):
        maps, slopes = expected[layer]
        assert close(probe.maps, maps, 1e-4) and close(probe.slopes, slopes, 1e-4), layer
    keras.backend.clear_session()
    gc.collect()
