"""The first pass of a network: estimated before it is made, and looked at after."""

from __future__ import annotations

import time

import keras
import numpy as np
import pytest
from networks import SIZE, draw_weights, nested, plain, two_outputs

import explain
from explain.errors import TooMuchMemory
from explain.opening import trial as trials
from explain.opening.trial import answer_bytes, check_memory, room, trial
from explain.results import Layer

resource = pytest.importorskip("resource")


def network_of(model: keras.Model):
    return explain.wrap(model, scaling="0..1").network


@pytest.mark.parametrize("build", [plain, nested, two_outputs])
def test_a_sound_network_passes_without_a_word(build):
    assert trial(network_of(build())) == ()


# Memory ------------------------------------------------------------------------------------------------


def layer(name: str, *shape: int | None) -> Layer:
    return Layer(name, "Conv2D", shape)


CHAIN = (layer("a", 10, 10, 5), layer("b", 10, 10, 20), layer("c", 10, 10, 30), layer("d", 3))


def test_the_largest_two_neighbours_count():
    """500 + 2000 + 3000 + 3 numbers of four bytes: b and c stand beside each other."""
    check_memory(CHAIN, 20_000)
    with pytest.raises(TooMuchMemory, match="at layer 'c'"):
        check_memory(CHAIN, 19_999)
    check_memory((), 0)


def test_free_sides_are_the_least_they_can_be():
    assert answer_bytes(layer("free", None, None, 7)) == 28 and answer_bytes(layer("number")) == 4


def test_the_sentence_has_both_figures():
    big = (layer("small", 1), layer("up", 3000, 3000, 300), layer("mean", 300))
    with pytest.raises(TooMuchMemory) as raised:
        check_memory(big, 2**32)
    said = str(raised.value)
    assert "10.1 GB at layer 'up', 10.1 GB at all layers together; there is room for 4 GB" in said


def test_the_room_is_what_the_least_limit_leaves(monkeypatch):
    monkeypatch.delenv("EXPLAIN_WORKER_MB", raising=False)
    taken = trials._taken()
    monkeypatch.setattr(trials, "_taken", lambda: taken)
    machine = room()
    assert 2**27 < taken < machine < 2**50
    megabytes = taken // 2**20 + 100                                  # whatever ran before in this process
    monkeypatch.setenv("EXPLAIN_WORKER_MB", str(megabytes))
    assert room() == megabytes * 2**20 - taken
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (taken + 50, -1))
    assert room() == 50
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (taken - 50, -1))
    assert room() == 0
    monkeypatch.setenv("EXPLAIN_WORKER_MB", "0")                      # no limit of the operator's
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (resource.RLIM_INFINITY, -1))
    assert room() == machine


def test_a_bomb_is_refused_before_it_goes_off(monkeypatch):
    """No parameters, 200 bytes of configuration, and 3.9 GB for one picture."""
    monkeypatch.setenv("EXPLAIN_WORKER_MB", "3500")
    layers = [keras.Input((SIZE, SIZE, 3)), keras.layers.UpSampling2D(1500, name="up"),
              keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, activation="softmax")]  # fmt: skip
    network = network_of(keras.Sequential(layers))
    start = time.monotonic()
    with pytest.raises(TooMuchMemory, match="3.62 GB at layer 'up'"):
        trial(network)
    assert time.monotonic() - start < 1


# Finite ------------------------------------------------------------------------------------------------


def test_numbers_that_end_are_named_with_their_layer():
    model = draw_weights(nested())
    weights = model.get_layer("body").get_layer("last").get_weights()
    weights[0][1, 1, 0, 0] = np.inf
    model.get_layer("body").get_layer("last").set_weights(weights)
    (notice,) = trial(network_of(model))
    assert notice.code == "W_OUTPUT_NOT_FINITE" and "'body/last' (Conv2D)" in notice.sentence
    assert "'head'" in notice.sentence


def test_an_overflow_is_found_too():
    model = plain()
    kernel, bias = model.get_layer("second").get_weights()
    model.get_layer("second").set_weights([kernel * 1e30, np.full_like(bias, 3e38)])
    kernel, bias = model.get_layer("head").get_weights()
    model.get_layer("head").set_weights([np.abs(kernel) * 1e30, bias])
    (notice,) = trial(network_of(model))
    assert "'second'" not in notice.sentence and notice.code == "W_OUTPUT_NOT_FINITE"


def test_the_second_output_is_looked_at_as_well():
    model = two_outputs()
    kernel, bias = model.get_layer("side").get_weights()
    model.get_layer("side").set_weights([kernel, np.full_like(bias, np.inf)])
    (notice,) = trial(network_of(model))
    # The sigmoid makes 1 of it, so no layer's answer says so: the score before it does.
    assert "the output 'side'" in notice.sentence and "first layer" not in notice.sentence
