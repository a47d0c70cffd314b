"""Layers that Keras 2 stored otherwise compute what they did; and the table of what Keras 3.15 takes."""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest
from old_files import (
    BIAS, KERNEL, X, answers, conv, draw, functional, layer, opened, picture, relu_conv, same,
)  # fmt: skip

from explain.errors import CustomClass, ExplainError, ObsoleteModel, UnsafeLayer
from explain.inspecting.configs import check
from explain.repairing import known, repair
from explain.repairing.walking import layers_of, settings

def after(kind: str, weights=(), version="2.4.0", **config):
    """(config of a network picture → layer, its weights)."""
    return functional([picture(8, 8, 3), layer(kind, "it", "image", **config)], ["it"]), {"it": list(weights)}


def test_arguments_that_changed_nothing_go(tmp_path):
    kernel, bias = draw(5, 3, 3, 3, 1), draw(6, 3)
    config, weights = after("DepthwiseConv2D", [kernel, bias], kernel_size=[3, 3], padding="same", groups=1,
    dynamic=False,
                            kernel_initializer={"class_name": "GlorotUniform", "config": {"seed": None}},
                            filters=None)  # fmt: skip
    model = opened(tmp_path, config, weights)
    same(
        answers(model), keras.ops.convert_to_numpy(keras.ops.depthwise_conv(X, kernel, padding="same")) + bias
    )


def test_arguments_that_changed_something_stay_and_are_refused():
    config, _ = after("Conv2D", filters=4, kernel_size=[3, 3], groups=3)
    assert settings(layers_of(repair(config, "2.4", "hdf5")[0])[1])["groups"] == 3
    config, _ = after("DepthwiseConv2D", kernel_size=[3, 3], groups=3)
    with pytest.raises(ExplainError, match="'groups'"):
        check(repair(config, "2.4", "hdf5")[0], [])


@pytest.mark.parametrize(
    "kind, config, expected",
    [
        ("LeakyReLU", {"alpha": 0.25}, np.where(X > 0, X, 0.25 * X)),
        ("LeakyReLU", {"alpha": {"type": "ndarray", "value": 0.25}}, np.where(X > 0, X, 0.25 * X)),
        ("ThresholdedReLU", {"theta": 0.5}, np.where(X > 0.5, X, 0)),
        ("RandomHeight", {"factor": 0.3, "interpolation": "bilinear", "seed": None}, X),
        ("FixedDropout", {"rate": 0.5, "noise_shape": None, "seed": None}, X),
        ("SpatialDropout2D", {"rate": 0.5, "noise_shape": None, "trainable": True, "dtype": "float32"}, X),
        ("Activation", {"activation": "hard_sigmoid"}, np.clip(0.2 * X + 0.5, 0, 1)),
        ("Softmax", {"axis": [3]}, np.exp(X) / np.exp(X).sum(-1, keepdims=True)),
        ("ReLU", {"max_value": 1.0, "trainable": 1, "dtype": {"class_name": "Policy",
        "config": {"name": "float32"}}},
         np.clip(X, 0, 1)),
    ],
)  # fmt: skip
def test_layers_that_changed(kind, config, expected, tmp_path):
    same(answers(opened(tmp_path, *after(kind, **config))), expected)


def test_batch_normalization_by_its_old_names_and_axes(tmp_path):
    gamma, beta, mean, variance = draw(1, 3), draw(2, 3), draw(3, 3), abs(draw(4, 3))
    config, weights = after("BatchNormalizationV1", [gamma, beta, mean, variance], axis=[3], epsilon=1e-3,
    fused=True,
                            virtual_batch_size=None)  # fmt: skip
    expected = (X - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    same(answers(opened(tmp_path, config, weights, "1.14")), expected)


def test_an_axis_of_several_numbers_is_kept(tmp_path):
    """Keras itself drops it from HDF5 files."""
    gamma, beta = draw(1, 8, 8, 3), draw(2, 8, 8, 3)
    config, weights = after("LayerNormalization", [gamma, beta], axis=[1, 2, 3], epsilon=1e-3)
    spread = X.std((1, 2, 3), keepdims=True) ** 2 + 1e-3
    same(
        answers(opened(tmp_path, config, weights)),
        (X - X.mean((1, 2, 3), keepdims=True)) / np.sqrt(spread) * gamma + beta,
    )


def test_hard_sigmoid_inside_another_layer(tmp_path):
    layers = [
        picture(8, 8, 3),
        conv("conv", "image", activation="hard_sigmoid"),
        layer("ReLU", "end", "conv"),
    ]
    model = opened(tmp_path, functional(layers, ["end"]), {"conv": [KERNEL, BIAS]})
    linear = keras.ops.convert_to_numpy(keras.ops.conv(X, KERNEL, padding="same")) + BIAS
    same(answers(model), np.clip(0.2 * linear + 0.5, 0, 1))
    assert {"conv_line", "conv_clip"} <= {one.name for one in model.layers}
    config, _ = after("LSTM", units=3, recurrent_activation="hard_sigmoid")
    with pytest.raises(ObsoleteModel, match="hard sigmoid"):
        repair(config, "2.2.4", "hdf5")
    assert repair(config, "3.1.0", "hdf5")[0]  # there it means today's


def test_initializers_of_other_packages_are_not_needed(tmp_path):
    theirs = {"class_name": "EfficientConv2DKernelInitializer", "config": {"scale": 2.0}}
    model = opened(tmp_path, functional([picture(8, 8, 3), conv("c", "image", kernel_initializer=theirs)],
    ["c"]),
                   {"c": [KERNEL, BIAS]})  # fmt: skip
    same(answers(model), relu_conv(X))
    hiding = {"class_name": "Mine", "config": {"x": {"class_name": "Lambda", "config": {}}}}
    for config, error in (({"kernel_initializer": hiding}, CustomClass),
                          ({"kernel_regularizer": {"class_name": "function", "config": "eval"}},
                          UnsafeLayer)):  # fmt: skip
        with pytest.raises(error):
            check(
                repair(functional([picture(8, 8, 3), conv("c", "image", **config)], ["c"]), "2.4", "hdf5")[0],
                [],
            )


def test_wrapped_layers(tmp_path):
    """Keras 2 named no module for the layer inside a wrapper, and Keras 3 finds none without."""
    inner = {"class_name": "Dense", "config": {"name": "d", "units": 2, "activation": "linear"}}
    config, _ = after("TimeDistributed", layer=inner)
    kernel, bias = draw(1, 3, 2), draw(2, 2)
    same(answers(opened(tmp_path, config, {"it": [kernel, bias]})), X @ kernel + bias)


# The table -------------------------------------------------------------------------------------------------


def constructor(cls) -> set[str]:
    """Every argument that a class takes, through its **kwargs up to Layer."""
    found: set[str] = set()
    for base in cls.__mro__:
        if base is keras.layers.Layer:
            return found | known.BASE
        if "__init__" in vars(base):
            spec = inspect.getfullargspec(base.__init__)
            found |= {*spec.args[1:], *spec.kwonlyargs}
            if not spec.varkw:
                return found
    return found


def classes():
    ours = {
        "LayerScale": keras.src.applications.convnext,
        "CustomScaleLayer": keras.src.applications.inception_resnet_v2,
    }
    return {name: getattr(ours.get(name, keras.layers), name) for name in known.LAYERS}


# Set by their own class for the one above it.
INTERNAL = {"rank", "pool_dimensions", "pool_mode", "cell", "score_mode"}


def test_the_table_is_that_of_the_installed_keras():
    for name, cls in classes().items():
        ours = known.arguments_of(name) - ({"dtype"} if name == "Pipeline" else set())
        assert ours <= constructor(cls), name
        assert constructor(cls) - ours <= INTERNAL, name
    for name, module in known.OPERATIONS.items():
        assert getattr(__import__(module, fromlist=[name]), name)
    for which, (module, names) in known.PIECES.items():
        assert all(hasattr(getattr(keras, module.split(".")[1]), name) for name in names), which
    assert set(keras.src.activations.ALL_OBJECTS_DICT) == known.ACTIVATIONS
