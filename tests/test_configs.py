"""The allow-list and the bounds: what is refused, and by which sentence."""

from __future__ import annotations

import copy
import json

import keras
import pytest
from checked import changed, healthy, tensor, with_extra

from explain.errors import BrokenModel, CustomClass, ModelTooLarge, ObsoleteModel, UnsafeLayer
from explain.inspecting import allowed
from explain.inspecting.configs import check
from explain.inspecting.customs import Customs
from explain.repairing import known, repair
from explain.repairing.walking import layers_of, name_of

L = keras.layers


@pytest.fixture(scope="module")
def base():
    return healthy()


@pytest.mark.parametrize("kind", allowed.UNSAFE)
def test_code_and_calls(kind, base):
    with pytest.raises(UnsafeLayer, match=kind) if kind != "function" else pytest.raises(UnsafeLayer):
        check(with_extra(base, kind), base[1])
    with pytest.raises(UnsafeLayer):
        check(changed(base, "conv", anything=[{"deep": {"class_name": kind, "config": {}}}]), base[1])


@pytest.mark.parametrize("kind", allowed.OBSOLETE)
def test_what_keras_no_longer_has(kind, base):
    with pytest.raises(ObsoleteModel, match=f"'{kind}'"):
        check(with_extra(base, kind), base[1])


@pytest.mark.parametrize(
    "kind, module, registered, says",
    [
        ("MyLayer", "my.module", "MyLayer", "'my.module.MyLayer'"),
        ("Popen", "subprocess", None, "'subprocess.Popen'"),
        ("Dense", "os", None, "'os.Dense'"), ("Dense", "keras.layers", "pack>Evil", "'Dense'"),
        ("get_file", "keras.utils", None, "get_file"),
        ("Addons>GroupNormalization", None, None, "TensorFlow "
                                                  "Addons"),
                                                  ("Backbone", "keras_hub.models", None, "KerasHub"),
        ("Conv2D", "keras.src.ops.numpy", None, "'Conv2D'"), ("Add", "keras.src.ops.core", None, "'Add'"),
        ("add", None, None, "'add'"),
    ],
)  # fmt: skip
def test_classes_of_somebodys_own(kind, module, registered, says, base):
    with pytest.raises(CustomClass, match="--custom-objects FILE") as refused:
        check(with_extra(base, kind, module, registered), base[1])
    assert says in str(refused.value)


@pytest.mark.parametrize(
    "setting", ["activation", "kernel_initializer", "bias_regularizer", "kernel_constraint"]
)
def test_words_must_be_those_of_keras(setting, base):
    with pytest.raises(CustomClass, match="'mine'"):
        check(changed(base, "conv", **{setting: "mine"}), base[1])
    check(changed(base, "conv", **{setting: "mine"}), base[1], Customs((), frozenset(), frozenset({"mine"})))
    with pytest.raises(BrokenModel, match="'Dense'"):
        check(
            changed(
                base, "conv", **{setting: {"class_name": "Dense", "config": {}, "module": "keras.layers"}}
            ),
            base[1],
        )


def test_words_of_keras(base):
    for words in ({"activation": "gelu"}, {"kernel_initializer": "he_normal"},
    {"kernel_regularizer": "l1_l2"},
                  {"kernel_constraint": "max_norm"}, {"dtype": "mixed_float16"}):  # fmt: skip
        check(changed(base, "conv", **words), base[1])
    for dtype in ("int8_from_float32", "object", "V8", 7):
        with pytest.raises(BrokenModel, match="type of numbers"):
            check(changed(base, "conv", dtype=dtype), base[1])


def test_data_stands_only_in_calls(base):
    array = {"class_name": "__numpy__", "config": {"value": [1.0, 2.0, 3.0], "dtype": "float32"}}
    image = tensor("image")
    check(
        with_extra(base, "Multiply", "keras.src.ops.numpy", called={"args": [image, array], "kwargs": {}}),
        base[1],
    )
    with pytest.raises(BrokenModel, match="__numpy__"):
        check(changed(base, "conv", filters=array), base[1])
    with pytest.raises(BrokenModel, match="type of numbers"):
        bad = copy.deepcopy(array) | {"config": {"value": [1], "dtype": "object"}}
        check(
            with_extra(base, "Add", "keras.src.ops.numpy", called={"args": [image, bad], "kwargs": {}}),
            base[1],
        )
    with pytest.raises(BrokenModel, match="Dense"):
        one = {"class_name": "Dense", "config": {"units": 3}, "module": "keras.layers"}
        check(with_extra(base, "Add", called={"args": [[image, one]], "kwargs": {}}), base[1])


@pytest.mark.parametrize(
    "error, says, settings",
    [
        (BrokenModel, "'nobody'", {"nobody": 3}), (BrokenModel, "sideways", {"padding": "sideways"}),
        (BrokenModel, "filters", {"filters": "many"}), (BrokenModel, "filters", {"filters": 0}),
        (BrokenModel, "strides", {"strides": [0, 1]}),
        (ModelTooLarge, "kernel_size", {"kernel_size": [5000, 5000]}),
        (ModelTooLarge, "above", {"filters": 2**40}),
        (ModelTooLarge, "characters", {"padding": "x" * 5000}),
        (ModelTooLarge, "27,000,000", {"filters": 10**6}),
        (BrokenModel, "3 × 3 × 3 × 5", {"filters": 5}), (BrokenModel, "5 × 5", {"kernel_size": [5, 5]}),
        (BrokenModel, "data_format", {"data_format": "diagonal"}),
    ],
)  # fmt: skip
def test_settings_of_a_layer(error, says, settings, base):
    with pytest.raises(error) as refused:
        check(changed(base, "conv", **settings), base[1])
    assert says in str(refused.value)


@pytest.mark.parametrize(
    "error, shape",
    [(BrokenModel, None), (BrokenModel, []), (BrokenModel, [None, "12", 12, 3]),
    (ModelTooLarge, [None, 5000, 12, 3]),
     (ModelTooLarge, [10**9, 12, 12, 3]), (BrokenModel, [None, 12, 0, 3])],
)  # fmt: skip
def test_shapes_of_the_input(error, shape, base):
    with pytest.raises(error, match="'image'"):
        check(changed(base, "image", batch_shape=shape), base[1])


@pytest.mark.parametrize(
    "kind, settings",
    [("UpSampling2D", {"size": [3000, 3000]}), ("ZeroPadding2D", {"padding": 4000}),
    ("Resizing", {"height": 4096, "width": 16_000}),
     ("UpSampling2D", {"size": 600}), ("Conv2DTranspose", {"filters": 64, "kernel_size": 1, "strides": 900})],
)  # fmt: skip
def test_much_out_of_little(kind, settings, base):
    with pytest.raises(ModelTooLarge, match="'extra'"):
        check(with_extra(base, kind, **settings), base[1])


def test_much_but_not_too_much(base):
    check(with_extra(base, "Resizing", height=4096, width=4096), base[1])


def test_operations_that_grow(base):
    for kind, settings in (
        ("Tile", {"repeats": [1, 5000, 5000, 1]}),
        ("Pad", {"pad_width": [[0, 0], [9000, 9000], [9, 9], [0, 0]]}),
    ):
        with pytest.raises(ModelTooLarge, match=kind):
            check(with_extra(base, kind, known.OPERATIONS[kind], **settings), base[1])
    check(with_extra(base, "Tile", known.OPERATIONS["Tile"], repeats=[1, 2, 2, 1]), base[1])


def test_doubling_is_seen(base):
    """Forty layers, each of which concatenates the one before with itself."""
    image = keras.Input((12, 12, 3))
    x = image
    for _ in range(22):
        x = L.Concatenate()([x, x])
    config, _ = repair(json.loads(keras.Model(image, x).to_json()), "3.15", "keras")
    with pytest.raises(ModelTooLarge, match="Concatenate"):
        check(config, base[1])


def test_many_calls_in_few_layers(base):
    """A model that calls a model that calls a model …, ten times each: 10⁵ calls."""
    model = keras.Sequential([keras.Input((4, 4, 3)), L.ReLU()])
    for _ in range(5):
        image = keras.Input((4, 4, 3))
        x = image
        for _ in range(10):
            x = model(x)
        model = keras.Model(image, x)
    config, _ = repair(json.loads(model.to_json()), "3.15", "keras")
    with pytest.raises(ModelTooLarge, match="5,000 times"):
        check(config, [])


def test_the_same_weights_for_many_layers(base):
    """A file may store one large array and name it by a thousand layers."""
    layers = [{"module": "keras.layers", "class_name": "Dense", "config": {"name": f"d{i}", "units": 900},
    "registered_name": None}
              for i in range(100)]  # fmt: skip
    config = {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "s", "layers": layers, "build_input_shape": [None, 900]},
    }
    check(config, [(900, 900)] * 100)
    with pytest.raises(ModelTooLarge, match="'d5'"):
        check(config, [(900, 900)])


def test_without_weights_there_is_a_limit(base):
    check(base[0], [])
    with pytest.raises(ModelTooLarge, match="holds none"):
        check(changed(base, "head", units=2**24), [])


def test_connections(base):
    def connected(which, to, number=0):
        config = copy.deepcopy(base[0])
        conv = next(one for one in layers_of(config) if name_of(one) == which)
        conv["inbound_nodes"][0]["args"][0]["config"]["keras_history"][:2] = [to, number]
        return config

    for config, says in ((connected("conv", "nobody"), "'nobody'"), (connected("conv", "head"), "circle"),
                         (connected("mean", "conv", 3), "circle")):  # fmt: skip
        with pytest.raises(BrokenModel, match=says):
            check(config, base[1])
    config = copy.deepcopy(base[0])
    config["config"]["output_layers"] = ["nobody", 0, 0]
    with pytest.raises(BrokenModel, match="'nobody'"):
        check(config, base[1])
    config = copy.deepcopy(base[0])
    for place in (layers_of(config)[2], layers_of(config)[2]["config"]):
        place["name"] = "conv"
    with pytest.raises(BrokenModel, match="same name"):
        check(config, base[1])


@pytest.mark.parametrize("nothing", [None, 7, "text", [], {}, {"class_name": "Sequential"}, {"class_name": 3,
"config": {}},
                                     {"class_name": "Sequential", "config": {"layers": []}},
                                     {"class_name": "Dense", "config": {}},
                                     {"class_name": "Functional", "config": {"layers": [1, 2]}},
                                     {"class_name": "Sequential",
                                     "config": {"layers": [1,
                                     {"class_name": "ReLU", "config": {}}]}}])  # fmt: skip
def test_what_is_no_network(nothing):
    with pytest.raises(BrokenModel):
        check(nothing, [])


def test_size_of_the_json():
    deep: list = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(ModelTooLarge, match="levels"):
        check({"class_name": "Sequential", "config": {"layers": deep}}, [])
    many = {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [
        {"module": "keras.layers", "class_name": "ReLU",
        "config": {"name": f"r{i}"}} for i in range(1501)]}}  # fmt: skip
    with pytest.raises(ModelTooLarge, match="1,500 layers"):
        check(many, [])
    inner = {"class_name": "ReLU", "config": {"name": "r"}, "module": "keras.layers"}
    for i in range(9):
        inner = {
            "module": "keras",
            "class_name": "Sequential",
            "config": {"name": f"s{i}", "layers": [inner]},
        }
    with pytest.raises(ModelTooLarge, match="8 deep"):
        check(inner, [])


def test_a_sequential_that_keras_would_build_over_and_over():
    layers = [
        {
            "module": "keras.layers",
            "class_name": "InputLayer",
            "config": {"name": "i", "batch_shape": [None, 4, 4, 3], "dtype": "uint8"},
        }
    ]
    layers += [
        {"module": "keras.layers", "class_name": "ReLU", "config": {"name": f"r{i}", "dtype": "float32"}}
        for i in range(200)
    ]
    config = {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": layers}}
    with pytest.raises(ModelTooLarge, match="201 layers"):
        check(repair(config, "3.15", "keras")[0], [])
    layers[0]["config"]["dtype"] = "float32"
    check(repair(config, "3.15", "keras")[0], [])
