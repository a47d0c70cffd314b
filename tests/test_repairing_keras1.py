"""Files of Keras 1: other names, other orders, Theano's convolution. Compared with sums written out."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
from old_files import draw, layer, opened

from explain.errors import ObsoleteModel, UnsafeLayer
from explain.inspecting.configs import check
from explain.repairing import repair
from explain.repairing.walking import layers_of, settings

SIDE = 6
X = draw(0, 2, SIDE, SIDE, 3)  # as pictures are given: channels last


def conv(ordering: str, name: str = "conv", filters: int = 4, size: int = 3, **config) -> dict:
    """Convolution2D as Keras 1.2 stored it; the first layer of a network when it has an input shape."""
    usual = {"init": "glorot_uniform", "activation": "linear", "border_mode": "valid", "subsample": [1, 1],
             "dim_ordering": ordering, "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.1},
             "b_regularizer": None, "activity_regularizer": None, "W_constraint": None, "b_constraint": None,
             "bias": True, "trainable": True}  # fmt: skip
    kernel = {"nb_filter": filters, "nb_row": size, "nb_col": size}
    return {"class_name": "Convolution2D", "config": {"name": name, **usual, **kernel, **config}}


def first(ordering: str) -> dict:
    shape = [None, 3, SIDE, SIDE] if ordering == "th" else [None, SIDE, SIDE, 3]
    return {"batch_input_shape": shape, "input_dtype": "float32"}


def dense(units: int, inputs: int) -> dict:
    config = {"name": "dense", "output_dim": units, "init": "uniform", "activation": "linear", "bias": True,
              "W_regularizer": None, "input_dim": inputs}  # fmt: skip
    return {"class_name": "Dense", "config": config}


def plain(kind: str, **config) -> dict:
    return {"class_name": kind, "config": {"name": kind.lower(), "trainable": True, **config}}


def sequential(*layers: dict) -> dict:
    return {"class_name": "Sequential", "config": list(layers)}


def correlated(x: np.ndarray, kernel: np.ndarray, stride: int = 1, pads=(0, 0)) -> np.ndarray:
    """(b, c, h, w), (out, in, kh, kw) → (b, out, h', w'): sums written out; pads: before, after each side."""
    x = np.pad(x, ((0, 0), (0, 0), pads, pads))
    height, width = kernel.shape[2:]
    rows = range(0, x.shape[2] - height + 1, stride)
    columns = range(0, x.shape[3] - width + 1, stride)
    answer = np.zeros((len(x), len(kernel), len(rows), len(columns)), np.float32)
    for (i, row), (j, column) in itertools.product(enumerate(rows), enumerate(columns)):
        window = x[:, None, :, row : row + height, column : column + width]
        answer[:, :, i, j] = (window * kernel).sum((2, 3, 4))
    return answer


def convolved(x: np.ndarray, kernel: np.ndarray, stride: int = 1, pads=(0, 0)) -> np.ndarray:
    """As Theano did it: the kernel is turned."""
    return correlated(x, kernel[:, :, ::-1, ::-1], stride, pads)


def answers(model: keras.Model, x: np.ndarray = X) -> np.ndarray:
    return model.predict(x, verbose=0)


def same(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


FIRST = X.transpose(0, 3, 1, 2)  # (b, c, h, w)
KERNEL, BIAS = draw(1, 4, 3, 3, 3), draw(2, 4)  # (out, in, h, w), not symmetric


@pytest.mark.parametrize("backend, computed", [("theano", convolved), ("tensorflow", correlated)])
@pytest.mark.parametrize("ordering", ["th", "tf"])
def test_a_kernel_in_either_order_from_either_backend(ordering, backend, computed, tmp_path):
    kernel = KERNEL if ordering == "th" else KERNEL.transpose(2, 3, 1, 0)
    config = sequential(conv(ordering, **first(ordering)))
    model = opened(tmp_path, config, {"conv": [kernel, BIAS]}, "1.2.2", backend)
    assert model.input_shape == (None, SIDE, SIDE, 3)
    same(answers(model), computed(FIRST, KERNEL).transpose(0, 2, 3, 1) + BIAS)


@pytest.mark.parametrize("ordering", ["th", "tf"])
def test_flatten_keeps_the_order_that_the_dense_layer_learnt(ordering, tmp_path):
    """Behind a map of channels first, Dense wants (c, h, w) flattened."""
    matrix, offset = draw(3, 4 * 4 * 4, 5), draw(4, 5)
    kernel = KERNEL if ordering == "th" else KERNEL.transpose(2, 3, 1, 0)
    config = sequential(
        conv(ordering, **first(ordering)), plain("Dropout", p=0.5), plain("Flatten"), dense(5, 64)
    )
    model = opened(tmp_path, config, {"conv": [kernel, BIAS], "dense": [matrix, offset]}, "1.2.2")
    maps = correlated(FIRST, KERNEL) + BIAS[:, None, None]
    flat = maps if ordering == "th" else maps.transpose(0, 2, 3, 1)
    same(answers(model), flat.reshape(2, -1) @ matrix + offset)


@pytest.mark.parametrize("size, stride", [(3, 2), (2, 1), (4, 2), (3, 1), (5, 3)])
def test_theano_pads_alike_on_both_sides(size, stride, tmp_path):
    kernel = draw(5, 4, 3, size, size)
    config = sequential(conv("th", size=size, border_mode="same", subsample=[stride, stride], **first("th")))
    model = opened(tmp_path, config, {"conv": [kernel, BIAS]}, "1.2.2", "theano")
    rows = -(-SIDE // stride)
    expected = convolved(FIRST, kernel, stride, (size // 2, size // 2))[:, :, :rows, :rows]
    same(answers(model), expected.transpose(0, 2, 3, 1) + BIAS)


def test_axes_of_channels_first(tmp_path):
    """BatchNormalization, merging and PReLU along an axis; a normalisation over the width, as a mistake."""
    norm = [draw(n, 4) for n in range(3)] + [abs(draw(3, 4))]
    width = [draw(n, 4) for n in range(4, 7)] + [abs(draw(7, 4))]
    slope = draw(8, 4, 4, 4)
    config = sequential(
        conv("th", **first("th")), plain("BatchNormalization", axis=1, mode=0, epsilon=1e-3, momentum=0.9,
        gamma_init="one"),
        {"class_name": "BatchNormalization", "config": {"name": "over_width", "axis": -1, "mode": 0,
        "epsilon": 1e-3}},
        plain("PReLU", init="zero", shared_axes=None), plain("GlobalAveragePooling2D", dim_ordering="th"),
    )  # fmt: skip
    weights = {"conv": [KERNEL, BIAS], "batchnormalization": norm, "over_width": width, "prelu": [slope]}
    maps = correlated(FIRST, KERNEL) + BIAS[:, None, None]
    gamma, beta, mean, variance = (one[:, None, None] for one in norm)
    maps = (maps - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    gamma, beta, mean, variance = width
    maps = (maps - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    maps = np.where(maps > 0, maps, slope * maps)
    same(answers(opened(tmp_path, config, weights, "1.1.0")), maps.mean((2, 3)))


def test_layers_around_a_map(tmp_path):
    """Padding, pooling, cropping, growing and reshaping, channels first."""
    config = sequential(
        plain("ZeroPadding2D", padding=[1, 0, 2, 1], dim_ordering="th", **first("th")),
        plain("MaxPooling2D", pool_size=[2, 2], strides=[2, 2], border_mode="valid", dim_ordering="th"),
        plain("UpSampling2D", size=[2, 2], dim_ordering="th"),
        plain("Cropping2D", cropping=[[1, 1], [0, 1]], dim_ordering="th"),
        plain("Reshape", target_shape=[2, 7, 6]), conv("th", "conv", 4, 1),
        plain("GlobalMaxPooling2D", dim_ordering="th"),
    )  # fmt: skip
    kernel = draw(9, 4, 2, 1, 1)
    x = np.pad(FIRST, ((0, 0), (0, 0), (1, 0), (2, 1)))[:, :, :6, :8]
    x = x.reshape(2, 3, 3, 2, 4, 2).max((3, 5)).repeat(2, 2).repeat(2, 3)[:, :, 1:-1, :-1].reshape(2, 2, 7, 6)
    expected = (correlated(x, kernel) + BIAS[:, None, None]).max((2, 3))
    same(answers(opened(tmp_path, config, {"conv": [kernel, BIAS]}, "1.2.0")), expected)


@pytest.mark.parametrize(
    "mode, merged", [("sum", np.add), ("mul", np.multiply), ("max", np.maximum), ("concat", None)]
)
def test_merged_branches(mode, merged, tmp_path):
    """A functional model: two convolutions of one picture, merged along the channels, flattened."""
    image = layer(
        "InputLayer", "image", batch_input_shape=[None, 3, SIDE, SIDE], input_dtype="float32", sparse=False
    )
    merge = layer("Merge", "merge", "a", "b", mode=mode, concat_axis=1, dot_axes=-1, mode_type="raw",
    output_shape=None,
                  output_shape_type="raw", arguments={})  # fmt: skip
    branches = [conv("th", name) | {"name": name, "inbound_nodes": [[["image", 0, 0]]]} for name in "ab"]
    flat = layer("Flatten", "flat", "merge")
    config = {"class_name": "Model", "config": {
        "name": "model", "layers": [image, *branches, merge, flat],
        "input_layers": [["image", 0, 0]], "output_layers": [["flat", 0, 0]]}}  # fmt: skip
    other = draw(11, 4, 3, 3, 3)
    model = opened(tmp_path, config, {"a": [KERNEL, BIAS], "b": [other, BIAS]}, "1.2.2")
    a, b = (correlated(FIRST, kernel) + BIAS[:, None, None] for kernel in (KERNEL, other))
    expected = np.concatenate([a, b], 1) if merged is None else merged(a, b)
    same(answers(model), expected.reshape(2, -1))


def test_other_convolutions(tmp_path):
    """Dilated, separable and transposed, from TensorFlow."""
    dilated = conv("tf", "dilated", 2, atrous_rate=[2, 2], **first("tf"))
    dilated["class_name"] = "AtrousConvolution2D"
    separable = conv(
        "tf", "separable", 3, depth_multiplier=2, depthwise_init="he_normal", pointwise_regularizer=None
    )
    separable["class_name"] = "SeparableConvolution2D"
    grown = conv("tf", "grown", 4, border_mode="same", subsample=[2, 2], output_shape=[None, 4, 4, 4])
    grown["class_name"] = "Deconvolution2D"
    separable["config"]["border_mode"] = "same"
    kernels = {"dilated": [draw(1, 3, 3, 3, 2), BIAS[:2]],
               "separable": [draw(2, 3, 3, 2, 2), draw(3, 1, 1, 4, 3), BIAS[:3]],
               "grown": [draw(4, 3, 3, 3, 4), BIAS]}  # fmt: skip
    model = opened(tmp_path, sequential(dilated, separable, grown), kernels, "1.2.2")
    ops = keras.ops
    x = ops.conv(X, kernels["dilated"][0], dilation_rate=2) + BIAS[:2]
    x = ops.separable_conv(x, *kernels["separable"][:2], padding="same") + BIAS[:3]
    x = ops.conv_transpose(x, kernels["grown"][0].transpose(0, 1, 3, 2), 2, padding="same") + BIAS
    same(answers(model), np.asarray(x))


def test_weights_of_a_nested_model(tmp_path):
    """One flat list: what is trained, then the rest; the frozen layer is all rest."""
    frozen = plain("BatchNormalization", axis=1, mode=0, epsilon=1e-3)
    frozen["config"] |= {"name": "frozen", "trainable": False}
    inner = sequential(
        frozen, conv("th", "a", 3), plain("BatchNormalization", axis=1, mode=0, epsilon=1e-3), conv("th", "b")
    )
    frozen["config"] |= first("th")
    inner["config"][-1]["config"]["nb_row"] = inner["config"][-1]["config"]["nb_col"] = 1
    outer = sequential(inner, plain("Flatten"))
    ice, norm = ([draw(n, 3), draw(n + 1, 3), draw(n + 2, 3), abs(draw(n + 3, 3))] for n in (20, 30))
    a, b = [draw(1, 3, 3, 3, 3), BIAS[:3]], [draw(2, 4, 3, 1, 1), BIAS]
    flat = [*a, *norm[:2], *b, *ice, *norm[2:]]
    model = opened(tmp_path, outer, {"sequential": flat}, "1.2.2", "theano")

    def normed(x, gamma, beta, mean, variance):
        gamma, beta, mean, variance = (one[:, None, None] for one in (gamma, beta, mean, variance))
        return (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta

    x = convolved(normed(FIRST, *ice), a[0]) + a[1][:, None, None]
    x = convolved(normed(x, *norm), b[0]) + b[1][:, None, None]
    same(answers(model), x.reshape(2, -1))


# What is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "one, says",
    [
        (conv("th", border_mode="full"), "'full'"),
        (plain("BatchNormalization", mode=2, axis=1), "mode 2"),
        (plain("Merge", mode="cos", concat_axis=-1), "'cos'"),
        (plain("Merge", mode="sum", layers=[plain("Dense"), plain("Dense")]), "branches"),
        (conv("th") | {"class_name": "Deconvolution2D"}, "Deconvolution2D"),
        (conv("tf", subsample=[2, 2], border_mode="same",
        output_shape=[None, 7, 7, 4]) | {"class_name": "Deconvolution2D"},
         "size"),
    ],
)  # fmt: skip
def test_without_an_equal(one, says):
    with pytest.raises(ObsoleteModel, match=says):
        repair(sequential(one), "1.2.2", "hdf5")


def test_theano_pooled_otherwise():
    pool = plain("AveragePooling2D", pool_size=[3, 3], strides=[2, 2], border_mode="same", dim_ordering="th")
    with pytest.raises(ObsoleteModel, match="Theano"):
        repair(sequential(pool), "1.2.2", "hdf5", "theano")
    assert repair(sequential(pool), "1.2.2", "hdf5", "tensorflow")


def test_a_merge_by_a_function_stays_to_be_refused_as_code():
    merge = plain("Merge", mode=["bytes", None, None], mode_type="lambda")
    with pytest.raises(UnsafeLayer):
        check(repair(sequential(merge), "1.2.2", "hdf5")[0], [])


def test_what_is_not_understood_is_not_turned():
    """A Dense layer on a map, channels first: left as it is, for TensorFlow to refuse."""
    config, _ = repair(sequential(conv("th", **first("th")), dense(3, 4)), "1.2.2", "hdf5")
    assert settings(layers_of(config)[0])["batch_shape"] == [None, 3, SIDE, SIDE]
    later = {"class_name": "Sequential", "config": [{"class_name": "Conv2D", "config": {
        "name": "c", "filters": 2, "kernel_size": [3, 3], "data_format": "channels_first",
        **first("th")}}]}  # fmt: skip
    assert settings(layers_of(repair(later, "2.4.0", "hdf5")[0])[0])["batch_shape"] == [None, 3, SIDE, SIDE]
