"""Configurations of Keras 2 open in Keras 3, and compute what they did."""

from __future__ import annotations

import copy
import json
import zipfile

import keras
import numpy as np
import pytest
from old_files import (
    BIAS, KERNEL, X, answers, conv, draw, functional, layer, opened, picture, real, relu_conv, same,
)  # fmt: skip

from explain.errors import ExplainError, UnsafeLayer
from explain.inspecting.configs import check
from explain.repairing import repair, undrawn
from explain.repairing.walking import layers_of, name_of, settings

def plain(kind: str = "Functional") -> dict:
    return functional([picture(8, 8, 3), conv("conv", "image")], ["conv"], kind)


# The notice ----------------------------------------------------------------------------------------------


def test_one_notice_for_a_file_and_none_for_a_present_one():
    config = plain("Model")
    before = copy.deepcopy(config)
    repaired, notices = repair(config, "2.2.4-tf", "hdf5")
    assert [n.code for n in notices] == ["W_REPAIRED"] and "Keras 2.2.4-tf" in notices[0].sentence
    assert "the class 'Model'" in notices[0].sentence and config == before
    assert repair(repaired, "3.15.1", "hdf5") == (repaired, ())


def test_a_present_file_comes_back_without_what_was_for_training(tmp_path):
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.Flatten()])
    model.compile("adam", "mse")
    config = keras.saving.serialize_keras_object(model)
    repaired, notices = repair(config, "3.15.1", "keras")
    assert notices == () and "compile_config" in config and "compile_config" not in repaired
    assert "build_config" not in json.dumps(repaired)
    again = keras.saving.deserialize_keras_object(repaired)
    again.set_weights(model.get_weights())
    same(answers(again), answers(model))


def test_nothing_is_drawn_where_weights_are_stored():
    """Opening VGG16 takes a tenth of the time."""
    inner = keras.layers.SpectralNormalization(keras.layers.Conv2D(4, 3))
    model = keras.Sequential([keras.Input((8, 8, 3)), inner, keras.layers.BatchNormalization()])
    config, _ = repair(json.loads(model.to_json()), "3.15.1", "keras")
    before = copy.deepcopy(config)
    again = keras.saving.deserialize_keras_object(undrawn(config))
    assert config == before and not any(w.numpy().any() for w in again.layers[0].layer.weights)
    again.set_weights(model.get_weights())
    same(answers(again), answers(model))


@pytest.mark.parametrize("nonsense", [None, 7, "text", [], {}, {"class_name": 3}, {"class_name": "Sequential",
"config": 5},
                                      {"config": []},
                                      {"class_name": "Model", "config": {"layers": [1]}}])  # fmt: skip
def test_what_is_no_configuration_is_left_to_the_check(nonsense):
    assert repair(nonsense, "2.4", "hdf5")[1] == ()


def test_every_list_in_a_configuration_may_be_something_else():
    """Each value in turn becomes a number, a text, a list, nothing: no fault of ours in any case."""
    whole = functional(
        [picture(8, 8, 3), conv("a", "image", activation="hard_sigmoid"), conv("b", "a")], ["b"], "Model"
    )
    whole["config"]["layers"].append(layer("TFOpLambda", "op", function="math.add"))
    text = json.dumps(whole)

    def paths(value, path=()):
        yield path
        pairs = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        for key, child in pairs:
            yield from paths(child, (*path, key))

    for path in [p for p in paths(whole) if p]:
        for other in (3, "x", [], {}, None, [[["a", 0, 0]]], {"class_name": "Conv2D", "config": []}):
            config = json.loads(text)
            place = config
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = other
            for backend in ("tensorflow", "theano"):
                try:
                    check(repair(config, "1.2", "hdf5", backend)[0], [])
                except ExplainError:
                    continue


# Models --------------------------------------------------------------------------------------------------


def test_a_sequential_that_is_a_bare_list(tmp_path):
    first = conv("conv", batch_input_shape=[None, 8, 8, 3])
    config = {"class_name": "Sequential", "config": [{"class_name": "Conv2D", "config": first["config"]}]}
    model = opened(tmp_path, config, {"conv": [KERNEL, BIAS]}, "2.2.2")
    assert model.input_shape == (None, 8, 8, 3)
    same(answers(model), relu_conv(X))


@pytest.mark.parametrize("kind", ["Model", "Functional"])
def test_functional_models(kind, tmp_path):
    model = opened(tmp_path, plain(kind), {"conv": [KERNEL, BIAS]}, "2.3.1")
    same(answers(model), relu_conv(X))
    assert not isinstance(model.output, list)


def test_models_inside_models_are_called_from_0(tmp_path):
    """Keras 2 counted the making of a model as its first call."""
    inner, boxed = (
        plain(),
        {"class_name": "Sequential", "config": {"name": "boxed", "layers": plain()["config"]["layers"]}},
    )
    inner |= {
        "name": "inner",
        "inbound_nodes": [[["image", 0, 0, {}]], [["inner", 1, 0, {"training": False}]]],
    }
    inner["config"]["name"] = "inner"
    inner["config"]["layers"][1]["config"]["filters"] = 3
    boxed |= {"name": "boxed", "inbound_nodes": [[["inner", 2, 0, {}]]]}
    outer = functional([picture(8, 8, 3), inner, boxed], ["boxed"])
    outer["config"]["output_layers"] = [["boxed", 1, 0]]
    kernel, bias = draw(3, 3, 3, 3, 3), draw(4, 3)
    model = opened(tmp_path, outer, {"inner": [kernel, bias], "boxed": [KERNEL, BIAS]})
    same(answers(model), relu_conv(relu_conv(relu_conv(X, kernel, bias), kernel, bias)))


def test_a_model_of_which_nothing_else_is_used(tmp_path):
    inner = plain() | {"name": "model", "inbound_nodes": [[["image", 0, 0]]]}
    outer = functional([picture(8, 8, 3), inner], ["model"], name="outer")
    outer["config"]["output_layers"] = [["model", 1, 0]]
    same(answers(opened(tmp_path, outer, {"model": [KERNEL, BIAS]})), relu_conv(X))


def test_tensors_among_the_further_arguments(tmp_path):
    """MultiHeadAttention was stored as called on its query, the value a further argument."""
    attention = layer(
        "MultiHeadAttention", "attention", num_heads=2, key_dim=3, dropout=0.0, query_shape=[None, 64, 3]
    )
    attention["inbound_nodes"] = [[["tokens", 0, 0, {"value": ["tokens", 0, 0], "key": None}]]]
    layers = [picture(8, 8, 3), layer("Reshape", "tokens", "image", target_shape=[64, 3]), attention]
    weights = [draw(n, *shape) for n, shape in enumerate(3 * [(3, 2, 3), (2, 3)] + [(2, 3, 3), (3,)])]
    model = opened(tmp_path, functional(layers, ["attention"]), {"attention": weights}, "2.9.0")
    own = keras.layers.MultiHeadAttention(2, 3)
    tokens = X.reshape(2, 64, 3)
    own(tokens, tokens)
    own.set_weights(weights)
    same(answers(model), keras.ops.convert_to_numpy(own(tokens, tokens)))


def test_several_outputs_stay_several(tmp_path):
    layers = [picture(8, 8, 3), conv("a", "image"), conv("b", "image")]
    model = opened(tmp_path, functional(layers, ["a", "b"]), {"a": [KERNEL, BIAS], "b": [-KERNEL, BIAS]})
    assert len(model.outputs) == 2
    same(model.predict(X, verbose=0)[1], relu_conv(X, -KERNEL))


def test_a_long_sequential_is_built_once(tmp_path):
    layers = [
        picture(8, 8, 3),
        *(layer("ReLU", f"relu{i}", max_value=None) for i in range(300)),
        conv("conv"),
    ]
    config = {"class_name": "Sequential", "config": {"name": "long", "layers": layers}}
    repaired, _ = repair(config, "2.4.0", "hdf5")
    assert settings(repaired)["build_input_shape"] == [None, 8, 8, 3] and len(layers_of(repaired)) == 301
    model = opened(tmp_path, config, {"conv": [KERNEL, BIAS]})  # seconds, not half a minute
    same(answers(model), relu_conv(np.maximum(X, 0)))


def test_a_sequential_saved_before_it_was_built(tmp_path):
    config = {"class_name": "Sequential", "config": {"name": "unbuilt", "layers": [conv("conv")]}}
    model = opened(tmp_path, config)
    assert not model.built
    model.build((None, 8, 8, 3))
    assert model.output_shape == (None, 8, 8, 4)


def test_the_shape_it_was_built_with_is_enough(tmp_path):
    inner = {
        "module": "keras.layers",
        "class_name": "Conv2D",
        "config": {"name": "c", "filters": 4, "kernel_size": 3},
    }
    config = {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [inner]},
              "build_config": {"input_shape": [None, 8, 8, 3]}}  # fmt: skip
    assert keras.saving.deserialize_keras_object(repair(config, "3.4.0", "keras")[0]).built


# Names ---------------------------------------------------------------------------------------------------


def test_names_that_keras_cannot_run(tmp_path):
    layers = [picture(8, 8, 3), conv("block1/conv 1", "image"), conv("block1_conv_1", "block1/conv 1"),
              conv("<b>", "block1_conv_1")]  # fmt: skip
    layers[2]["config"]["filters"] = 3
    weights = {
        "block1/conv 1": [KERNEL, BIAS],
        "block1_conv_1": [draw(8, 3, 3, 4, 3), BIAS[:3]],
        "<b>": [KERNEL, BIAS],
    }
    model = opened(tmp_path, functional(layers, ["<b>"], name="my model"), weights)
    assert [one.name for one in model.layers] == ["image", "block1_conv_1_", "block1_conv_1", "layer_b_"]
    assert np.isfinite(answers(model)).all()


def test_modules_are_those_of_today_but_not_for_everything():
    config = {"module": "keras.src.engine.functional", "registered_name": "Functional", **plain()}
    repaired, _ = repair(config, "2.14.0", "keras")
    assert repaired["module"] == "keras.src.models.functional"
    assert [one["module"] for one in layers_of(repaired)] == ["keras.layers"] * 2
    strange = plain() | {"module": "os", "registered_name": "Functional"}
    assert repair(strange, "2.14.0", "keras")[0]["module"] == "os"


# Real files ------------------------------------------------------------------------------------------------

NOT_OPENED = {"model_lambda.h5": UnsafeLayer, "weights_only.h5": None}


def test_real_files_open_and_answer(data, tmp_path):
    """14 of the 16: one is code, one has no architecture."""
    count = 0
    for path in sorted((data / "models").iterdir()):
        ending = path.name.rpartition("__")[2]
        if ending in NOT_OPENED:
            if NOT_OPENED[ending]:
                with pytest.raises(NOT_OPENED[ending], match="Lambda"):
                    opened(tmp_path, *real(path))
            continue
        model = opened_zip(path, tmp_path) if zipfile.is_zipfile(path) else opened(tmp_path, *real(path))
        sides = [64 if side is None else side for side in model.input_shape[1:]]
        assert np.isfinite(answers(model, draw(0, 1, *sides))).all(), path.name
        count += 1
    assert count == 14


def opened_zip(path, folder):
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    version = json.loads(parts["metadata.json"])["keras_version"]
    config, notices = repair(json.loads(parts["config.json"]), version, "keras")
    assert notices == () and all(name_of(one) for one in layers_of(config))
    copy_of_it = folder / "copy.keras"
    with zipfile.ZipFile(copy_of_it, "w") as archive:
        for name, content in (parts | {"config.json": json.dumps(config)}).items():
            archive.writestr(name, content)
    return keras.models.load_model(copy_of_it, compile=False)
