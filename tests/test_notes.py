"""No blank, flat or broken result without its cause: every code, on real networks in which it was planted."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import keras
import numpy as np
import pytest
from networks import SIZE, draw_weights, flattened, pictures, plain, two_outputs

import explain
from explain.notes import CODES, heatmap_notices, nearly_uniform
from explain.results import Notice

ROOT = Path(explain.__file__).parent


def test_every_code_stands_in_the_table_and_none_for_nothing():
    used = set()
    for file in ROOT.rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        keys = {id(key) for node in ast.walk(tree) if isinstance(node, ast.Dict) for key in node.keys}
        constants = (
            node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in keys
        )
        used |= {
            n.value for n in constants if isinstance(n.value, str) and re.fullmatch("W_[A-Z_]+", n.value)
        }
    assert used == set(CODES)
    assert list(CODES) == sorted(CODES) and all(title and not title.endswith(".") for title in CODES.values())


# Heatmaps ------------------------------------------------------------------------------------------------


def fill(name, kernel, bias):
    def change(network):
        layer = network.get_layer(name)
        layer.set_weights(
            [np.full_like(w, v) for w, v in zip(layer.get_weights(), (kernel, bias), strict=True)]
        )

    return change


def seen(make=plain, *changes, layer="second", scaling="0..1", **asked):
    network = make()
    for change in changes:
        change(network)
    found = explain.heatmap(explain.wrap(network, scaling), pictures(1)[0], layer=layer, **asked)
    assert np.isfinite(found.values).all() and found.note == " ".join(n.sentence for n in found.notices)
    return found


def codes(found) -> list[str]:
    return [notice.code for notice in found.notices]


def test_a_map_that_can_be_read_has_no_notice():
    assert codes(seen()) == [] and seen().note == ""


def test_a_dead_layer():
    assert codes(seen(plain, fill("second", 0, -1))) == ["W_DEAD_LAYER"]


def test_all_evidence_against_the_class_and_the_signed_map():
    against = fill("second", 0.1, 0.1), fill("head", -1, 0)
    found = seen(plain, *against, class_index=0)
    assert codes(found) == ["W_ALL_NEGATIVE"] and "option 'signed'" in found.note and not found.values.any()
    signed = seen(plain, *against, class_index=0, signed=True)
    assert codes(signed) == [] and signed.values.max() < 0


def test_the_preferred_class_is_named():
    def head(network):
        kernel = np.array([[-1, 1, 0]] * 6, np.float32)
        network.get_layer("head").set_weights([kernel, np.zeros(3, np.float32)])

    assert (
        "the class that the network prefers (1)"
        in seen(plain, fill("second", 0.1, 0.1), head, class_index=0).note
    )


def test_a_layer_of_another_branch():
    found = seen(two_outputs, layer="only_kind", output="side")
    assert codes(found) == ["W_NOT_CONNECTED"] and "such as 'shared'" in found.note


def test_connected_is_decided_by_the_graph_not_by_the_numbers():
    """With a head of zeros no slope comes back, and yet the layer is connected."""
    assert codes(seen(plain, fill("head", 0, 1), class_index=0)) == ["W_HEAD_CONSTANT"]


def silent_head() -> keras.Model:
    """What follows 'second' is a ReLU that the picture of noise does not wake, but black would."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Conv2D(6, 3, padding="same", activation="relu", name="second")(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(4, activation="relu", name="late")(x)
    network = draw_weights(keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="head")(x)))
    fill("second", 0.1, 0)(network)
    fill("late", -1, 0.1)(network)  # speaks where it is nearly black
    return network


def test_a_silent_head_is_no_constant_one():
    found = seen(silent_head)
    assert codes(found) == ["W_SILENT_HEAD"] and "connected" in found.note


def test_a_step_without_a_slope():
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu", name="second")(inputs)
    x = keras.ops.round(x * 8.0)
    x = keras.layers.GlobalAveragePooling2D()(x)
    network = draw_weights(keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x)))
    found = seen(lambda: network)
    assert codes(found) == ["W_NO_SLOPE"] and "rounding" in found.note


def mixed(scale: float) -> keras.Model:
    """Nothing before the softmax can be reached: what follows it is no step back to it."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu", name="second")(inputs)
    x = keras.layers.Dense(3, name="logits")(keras.layers.GlobalAveragePooling2D()(x))
    x = keras.layers.Softmax()(x * scale)
    network = keras.Model(inputs, keras.layers.Average()([x, x * 1.0]))
    return draw_weights(network)


def test_a_saturated_softmax():
    assert codes(seen(lambda: mixed(1.0))) == []
    found = seen(lambda: mixed(1e5))
    assert codes(found) == ["W_SATURATED"] and "the logit" in found.note


def test_a_flat_map():
    assert codes(seen(plain, fill("second", 0, 1), fill("head", 1, 0), class_index=0)) == ["W_FLAT"]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_names_the_first_layer_whose_weights_are_not(value):
    found = seen(flattened, fill("linear", value, 0), fill("late", value, 0), layer="linear", class_index=0)
    assert codes(found) == ["W_NOT_FINITE", "W_WEIGHTS_NOT_FINITE"]
    assert "activations" in found.note and "'linear'" in found.note and "'late'" not in found.note


def test_what_overflows_on_the_way_is_not_blamed_on_the_weights():
    found = seen(flattened, fill("early", 3e38, 0), layer="linear", class_index=0)
    assert codes(found) == ["W_NOT_FINITE"] and "No weight is NaN" in found.note


def test_nan_that_a_relu_turned_into_nothing_is_found_all_the_same():
    found = seen(plain, fill("second", np.nan, 0), class_index=0)
    assert codes(found)[-1] == "W_WEIGHTS_NOT_FINITE" and "'second'" in found.note


def test_a_guessed_scaling_is_suspected_only_where_the_answer_is_uniform():
    unsure = fill("head", 1e-4, 0)
    assert codes(seen(plain, unsure, scaling=None)) == ["W_SCALING_SUSPECTED"]
    assert codes(seen(plain, unsure, scaling="0..1")) == [] == codes(seen(scaling=None))


def test_evidence_that_cancels_out_is_blank_for_a_reason_of_its_own():
    from explain.notes import Circumstances

    maps, slopes = np.ones((2, 2, 2)), np.ones((2, 2, 2)) * [1, -1]
    scores = np.array([0.3, 0.7])
    notices = heatmap_notices(np.zeros((2, 2)), maps, slopes, scores, scores, 0, Circumstances("conv"))
    assert [notice.code for notice in notices] == ["W_BLANK"]


def test_nearly_uniform():
    assert nearly_uniform(np.full(10, 0.1)) and not nearly_uniform(np.array([0.6, 0.4, 0.0]))
    assert not nearly_uniform(np.array([1.0])) and not nearly_uniform(np.array([0.5, np.nan]))
    assert not nearly_uniform(np.array([0.5, 0.5, 0.5]))  # several labels: no shares of one


# Maps and patterns ------------------------------------------------------------------------------------------


def maps_codes(*changes, layer="second", make=plain) -> list[str]:
    network = make()
    for change in changes:
        change(network)
    return codes(explain.activations(explain.wrap(network, "0..1"), pictures(1)[0], layer))


def test_maps():
    assert maps_codes() == []
    assert maps_codes(fill("second", 0, -1)) == ["W_DEAD_LAYER"]
    assert maps_codes(fill("second", 0, 2)) == ["W_FLAT"]
    broken = maps_codes(fill("linear", np.nan, 0), layer="linear", make=flattened)
    assert broken == ["W_NOT_FINITE", "W_WEIGHTS_NOT_FINITE"]
    several = explain.activations(explain.wrap(plain(), "0..1"), pictures(1)[0], ["first", "second"])
    assert [codes(one) for one in several] == [[], []]


def test_patterns():
    network = plain()
    kernel, bias = network.get_layer("first").get_weights()
    kernel[..., 0], bias[0] = 1, 0
    kernel[..., 1], bias[1] = 0, 0.5
    network.get_layer("first").set_weights([kernel, bias])
    found = explain.patterns(explain.wrap(network, "0..1"), "first", [0, 1], steps=3, size=32, method="plain")
    assert [codes(one) for one in found] == [[], ["W_DEAD_FILTER"]]
    assert all(isinstance(n, Notice) for one in found for n in one.notices)
    fill("second", 0, 0)(network)
    (silent,) = explain.patterns(explain.wrap(network, "0..1"), "pool", [1], steps=3, size=32, method="plain")
    assert codes(silent) == ["W_PATTERN_SILENT"] and silent.note == silent.notices[0].sentence
