"""TensorFlow functions between the layers of Keras 2 models become operations of Keras 3, or are refused."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from old_files import conv, draw, functional, layer, opened, picture

from explain.errors import ObsoleteModel
from explain.inspecting.configs import check
from explain.repairing import known, operations, repair

X = np.abs(draw(0, 2, 6, 6, 3)) + 0.5


def between(
    function: str, kwargs: dict, inbound=None, kind: str = "TFOpLambda", dtype: str = "float32"
) -> dict:
    """picture → function → ReLU-free end, as Keras 2 stored `tf.function(picture, **kwargs)`."""
    op = layer(kind, "tf.op", function=function, trainable=True, dtype=dtype)
    op["inbound_nodes"] = [inbound or ["image", 0, 0, kwargs]]
    return functional([picture(6, 6, 3), op], ["tf.op"])


def answer(config: dict, tmp_path) -> np.ndarray:
    return opened(tmp_path, config).predict(X, verbose=0)


VECTOR = [-103.9, -116.8, -123.7]
CASES = {
    "math.truediv": {"y": 127.5, "name": None}, "math.subtract": {"y": 1.0},
    "math.multiply": {"y": [0.5, 1.0, 2.0]},
    "__operators__.add": {"y": 3}, "math.maximum": {"y": 1.0}, "math.minimum": {"y": 1.0},
    "math.pow": {"y": 2.0},
    "nn.bias_add": {"bias": VECTOR, "data_format": None}, "math.negative": {}, "math.abs": {},
    "math.square": {},
    "math.sqrt": {}, "math.exp": {}, "math.log": {}, "math.rsqrt": {}, "math.tanh": {}, "math.sigmoid": {},
    "nn.relu": {}, "nn.relu6": {}, "nn.elu": {}, "nn.selu": {}, "nn.silu": {}, "math.softplus": {},
    "nn.leaky_relu": {"alpha": 0.1}, "nn.gelu": {}, "nn.softmax": {}, "math.floordiv": {"y": 0.3},
    "math.reduce_mean": {"axis": [1, 2], "keepdims": True}, "math.reduce_max": {"axis": 3},
    "math.reduce_sum": {"axis": 1},
    "clip_by_value": {"clip_value_min": 0.6, "clip_value_max": 1.0}, "expand_dims": {"axis": 1},
    "transpose": {"perm": [0, 2, 1, 3]}, "reshape": {"shape": [-1, 108]}, "reverse": {"axis": [3]},
    "image.resize": {"size": [9, 4]}, "cast": {"dtype": "float32"}, "stop_gradient": {},
}  # fmt: skip


@pytest.mark.parametrize("function", CASES)
def test_functions_compute_what_they_did(function, tmp_path):
    kwargs = {key: value for key, value in CASES[function].items() if key not in ("name", "data_format")}
    theirs = tf
    for part in function.replace("__operators__.add", "math.add").split("."):
        theirs = getattr(theirs, part)
    kwargs = {key: np.float32(value) if key in ("y", "bias") else value for key, value in kwargs.items()}
    first = (X,) if function != "cast" else (tf.constant(X),)
    expected = np.asarray(theirs(*first, **kwargs))
    np.testing.assert_allclose(
        answer(between(function, CASES[function]), tmp_path), expected, rtol=1e-5, atol=1e-5
    )


def test_the_number_may_come_first(tmp_path):
    """1 - x, and 2 / x."""
    config = between("math.subtract", {}, ["_CONSTANT_VALUE", -1, 1.0, {"y": ["image", 0, 0]}])
    np.testing.assert_allclose(answer(config, tmp_path), 1 - X, rtol=1e-6)


def test_two_tensors_and_lists_of_them(tmp_path):
    np.testing.assert_allclose(
        answer(between("math.multiply", {"y": ["image", 0, 0]}), tmp_path), X * X, rtol=1e-6
    )
    config = between("concat", {}, [["image", 0, 0, {"axis": -1}], ["image", 0, 0, {"axis": -1}]])
    np.testing.assert_allclose(answer(config, tmp_path), np.concatenate([X, X], -1), rtol=1e-6)


ALL, REVERSED = {"start": None, "stop": None, "step": None}, {"start": None, "stop": None, "step": -1}


@pytest.mark.parametrize(
    "spec, expected",
    [
        ([{"class_name": "__ellipsis__"}, REVERSED], X[..., ::-1]),
        ([ALL, {"start": 1, "stop": 4, "step": None}, ALL, 2], X[:, 1:4, :, 2]),
    ],
)
def test_slices(spec, expected, tmp_path):
    """RGB to BGR, as preprocess_input of VGG and ResNet does it inside a model."""
    config = between("__operators__.getitem", {"slice_spec": spec}, kind="SlicingOpLambda")
    np.testing.assert_allclose(answer(config, tmp_path), expected)


def test_a_function_that_is_called_twice(tmp_path):
    op = layer("TFOpLambda", "tf.op", function="math.add")
    op["inbound_nodes"] = [["image", 0, 0, {"y": 1.0}], ["tf.op", 0, 0, {"y": 2.0}]]
    config = functional([picture(6, 6, 3), op], ["tf.op"])
    config["config"]["output_layers"] = [["tf.op", 1, 0]]
    np.testing.assert_allclose(answer(config, tmp_path), X + 3, rtol=1e-6)
    op["config"]["function"] = "expand_dims"
    op["inbound_nodes"] = [["image", 0, 0, {"axis": 1}], ["tf.op", 0, 0, {"axis": 2}]]
    with pytest.raises(ObsoleteModel, match="tf.expand_dims"):
        repair(config, "2.9", "hdf5")


@pytest.mark.parametrize("as_text", [True, False])
def test_nodes_of_the_graph_from_the_first_keras_of_tensorflow_2(as_text, tmp_path):
    def node(name, op, inbound, constants):
        stored = {"name": name, "op": op, "input": ["a", "b"], "attr": {"T": {"type": "DT_FLOAT"}}}
        config = {"node_def": json.dumps(stored) if as_text else stored, "constants": constants}
        return layer("TensorFlowOpLayer", name, inbound, **config)

    layers = [picture(6, 6, 3), node("divide", "RealDiv", "image", {"1": 2.0}),
    node("from", "Sub", "divide", {"0": 1.0}),
              node("bias", "BiasAdd", "from", {"1": VECTOR})]  # fmt: skip
    expected = 1 - X / 2 + np.float32(VECTOR)
    np.testing.assert_allclose(answer(functional(layers, ["bias"]), tmp_path), expected, rtol=1e-5)


@pytest.mark.parametrize(
    "function, kwargs",
    [
        ("io.read_file", {}), ("py_function", {"Tout": "float32"}),
        ("image.resize", {"size": [4, 4], "method": "area2"}),
        ("math.add", {"y": 1.0, "z": 2.0}), ("math.add", {}), ("nn.softmax", {"axis": ["image", 0, 0]}),
        ("linalg.matmul", {"b": ["image", 0, 0], "transpose_b": True}),
        ("nn.bias_add", {"bias": VECTOR, "data_format": "NCHW"}),
    ],
)  # fmt: skip
def test_others_are_refused_by_name(function, kwargs):
    config = between(function, kwargs)
    try:
        repaired, _ = repair(config, "2.9", "hdf5")
    except ObsoleteModel as error:
        assert f"'tf.{function}'" in str(error) and "'tf.op'" in str(error)
    else:
        assert function == "image.resize" and repaired  # an unknown word: refused by Keras


def test_every_name_in_the_table_exists():
    names = [kind for kind, *_ in (*operations._OPERANDS.values(), *operations._ARGUMENTS.values())]
    assert set(names) <= known.OPERATIONS.keys()
    assert set(operations._NODES.values()) <= operations._OPERANDS.keys()


def test_operations_of_keras_3_in_its_own_hdf5(tmp_path):
    """Keras 3 writes `x[..., ::-1] / 127.5 - 1` into .h5 and cannot read it again; and Add may be either."""
    image = keras.Input((6, 6, 3))
    scaled = keras.ops.relu(image[..., ::-1] / 127.5 - 1)
    model = keras.Model(image, keras.layers.Add()([scaled, image + 1.0]))
    model.save(tmp_path / "theirs.h5")
    import h5py

    with h5py.File(tmp_path / "theirs.h5") as file:
        config = json.loads(file.attrs["model_config"])
    again = opened(tmp_path, config, version="3.15.1")
    np.testing.assert_allclose(again.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-6)
    check(repair(json.loads(model.to_json()), "3.15.1", "keras")[0], [])


def test_arithmetic_before_a_backbone(tmp_path):
    """The fine-tuning tutorial: preprocess_input, then a model that is called without training."""
    inner = functional([picture(6, 6, 3), conv("conv", "image")], ["conv"], name="base")
    divide = layer("TFOpLambda", "tf.math.truediv", function="math.truediv")
    divide["inbound_nodes"] = [["image", 0, 0, {"y": 127.5, "name": None}]]
    minus = layer("TFOpLambda", "tf.math.subtract", function="math.subtract")
    minus["inbound_nodes"] = [["tf.math.truediv", 0, 0, {"y": 1.0, "name": None}]]
    inner |= {"name": "base", "inbound_nodes": [[["tf.math.subtract", 0, 0, {"training": False}]]]}
    mean = layer("GlobalAveragePooling2D", "mean")
    mean["inbound_nodes"] = [[["base", 1, 0, {}]]]
    kernel, bias = draw(1, 3, 3, 3, 4), draw(2, 4)
    config = functional([picture(6, 6, 3), divide, minus, inner, mean], ["mean"])
    model = opened(tmp_path, config, {"base": [kernel, bias]}, "2.6.0")
    maps = np.asarray(keras.ops.relu(keras.ops.conv(X / 127.5 - 1, kernel, padding="same") + bias))
    np.testing.assert_allclose(model.predict(X, verbose=0), maps.mean((1, 2)), rtol=1e-4, atol=1e-5)
