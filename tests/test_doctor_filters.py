"""Which filters are the same, and which only look so: kernels of every kind of layer."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from networks import pictures
from test_doctor import change, sound

import explain
from explain.doctor import examine
from explain.probe.weights import duplicate_filters, kernel_of


def built(layer, *shape) -> keras.layers.Layer:
    layer.build((None, *shape))
    return layer


def with_kernel(layer, shape, function):
    made = built(layer, *shape)
    weights = made.get_weights()
    noise = np.random.default_rng(0)
    weights[0] = noise.normal(size=weights[0].shape).astype(np.float32)
    function(weights[0])
    made.set_weights(weights)
    return kernel_of(made)


def twins(kernel):
    kernel[..., 1] = 2 * kernel[..., 0]


KERNELS = {
    "Conv2D": (keras.layers.Conv2D(4, 3), (8, 8, 3), twins, [[0, 1]]),
    "Dense": (keras.layers.Dense(4), (50,), twins, [[0, 1]]),
    "Conv2DTranspose": (
        keras.layers.Conv2DTranspose(4, 3),
        (8, 8, 3),
        lambda k: twins(np.moveaxis(k, -2, -1)),
        [[0, 1]],
    ),
    "Conv1D": (keras.layers.Conv1D(4, 3), (8, 5), twins, [[0, 1]]),
    "groups that see different channels": (keras.layers.Conv2D(4, 3, groups=4), (8, 8, 4), twins, []),
    "one group": (keras.layers.Conv2D(4, 3, groups=2), (8, 8, 4), twins, [[0, 1]]),
    "three numbers are alike by chance": (keras.layers.Conv2D(4, 1), (8, 8, 3), twins, []),
    "depthwise: each sees its own channel": (
        keras.layers.DepthwiseConv2D(3),
        (8, 8, 4),
        lambda k: k.fill(1),
        [],
    ),
    "all the same": (keras.layers.Dense(3000), (20,), lambda k: k.fill(1), [list(range(3000))]),
    "longer than the first look": (keras.layers.Dense(4), (5000,), twins, [[0, 1]]),
}


@pytest.mark.parametrize(("layer", "shape", "function", "expected"), KERNELS.values(), ids=KERNELS)
def test_what_counts_as_a_duplicate(layer, shape, function, expected):
    assert duplicate_filters(with_kernel(layer, shape, function)) == expected


def test_nearly_the_same_is_not_the_same():
    def nearly(kernel):
        kernel[:, 1] = kernel[:, 0] + 0.05 * kernel[:, 2]  # cosine 0.9988
        kernel[0::4, 3] = kernel[0::4, 2]  # alike where the first look looks

    assert duplicate_filters(with_kernel(keras.layers.Dense(4), (4096,), nearly)) == []


def test_layers_without_filters_have_no_kernel():
    for layer in (keras.layers.ReLU(), keras.layers.BatchNormalization(), keras.layers.Dense(3)):
        assert kernel_of(layer) is None


def test_a_separable_convolution():
    layer = built(keras.layers.SeparableConv2D(4, 3), 8, 8, 16)
    depth, point, bias = layer.get_weights()
    point[..., 3] = point[..., 0]
    layer.set_weights([depth, point, bias])
    assert duplicate_filters(kernel_of(layer)) == [[0, 3]]


def test_the_filters_of_a_graph(tmp_path):
    """A SavedModel has no Keras layers any more; its convolutions are examined all the same."""
    network = sound()

    def plant(kernel, bias):
        kernel[..., 1] = 0
        kernel[..., 3] = 2 * kernel[..., 2]

    change(network, "second", plant)
    network.export(tmp_path / "graph", verbose=False)
    found = examine(explain.load(tmp_path / "graph", scaling="0..1"), pictures(2))
    (check,) = [one for one in found.layers if one.kind == "Conv2D" and one.filters == 5]
    assert (check.dead, check.duplicates) == ((1,), ((2, 3),))
    assert {"W_DEAD_FILTER", "W_DUPLICATE_FILTERS"} <= {notice.code for notice in found.notices}
