"""The climb: independent channels, any size, chunks that fit, and channels that start silent."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from networks import SIZE, close, draw_weights, fingerprint, flattened, nested, plain

import explain
from explain import jobs, methods
from explain.errors import LayerError, TooMuchMemory
from explain.probe.ascent import memory_per_picture

RECIPES = sorted(methods.shelf("patterns"))
every_recipe = pytest.mark.parametrize("recipe", RECIPES)


@pytest.fixture(scope="module")
def model():
    return explain.wrap(plain(), "0..1")


def small(model, channels, **asked):
    usual = {"layer": "second", "channels": channels, "steps": 6, "size": 32}
    return explain.patterns(model, **usual | asked)


@every_recipe
def test_a_channel_does_not_depend_on_its_neighbours(model, recipe):
    together = small(model, range(6), method=recipe)
    for at_once in (1, 4):
        for one, other in zip(small(model, range(6), method=recipe, at_once=at_once), together, strict=True):
            assert close(one.pixels, other.pixels, 1e-4) and close(one.scores, other.scores, 1e-4)
    backwards = small(model, [5, 0], method=recipe)
    assert [p.channel for p in backwards] == [5, 0] and close(backwards[0].pixels, together[5].pixels, 1e-4)
    assert not close(together[0].pixels, together[1].pixels, 0.05)           # each climbs for itself


@every_recipe
def test_the_score_is_the_mean_of_the_map(model, recipe):
    """Without a disturbance, the first score belongs to the picture that the recipe starts from."""
    (pattern,) = small(model, [3], method=recipe, steps=1)
    knobs = methods.method("patterns", recipe)
    made = knobs.function(**knobs.options({"size": 32}))
    start = made.disturb(made.draw(made.start([0, 0])[None]), [0, 1])
    maps = start
    for name in ("first", "pool", "second"):
        maps = model.network.model.get_layer(name)(maps)
    assert pattern.scores[0] == pytest.approx(float(maps[..., 3].numpy().mean()), rel=1e-4, abs=1e-6)


def test_a_channel_once_each(model):
    assert [p.channel for p in small(model, [2, 0, 2, np.int64(0)], steps=1)] == [2, 0]


# Sizes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [32, 45, 64])
def test_sizes_other_than_the_networks_own(size):
    model = explain.wrap(flattened(), "0..1")                               # (12, 12, 3), Dense after Flatten
    for layer in ("early", "linear"):
        (pattern,) = explain.patterns(model, layer, [1], steps=3, size=size)
        assert pattern.pixels.shape == (size, size, 3) and pattern.scores[-1] > pattern.scores[0]


def test_sizes_in_nested_networks():
    (pattern,) = explain.patterns(explain.wrap(nested(), "0..1"), "body/last", [0], steps=2, size=50)
    assert pattern.pixels.shape == (50, 50, 3)


def test_a_layer_behind_a_flatten_has_one_size_only():
    network = flattened()
    model, before = explain.wrap(network, "0..1"), fingerprint(network)
    with pytest.raises(LayerError, match=r"'late' cannot be computed.*\(12×12\).*TensorFlow says: \S"):
        explain.patterns(model, "late", [0], steps=2, size=32)
    assert fingerprint(network) == before
    assert explain.patterns(model, "early", [0], steps=1, size=32)             # and goes on working


def test_too_small_for_the_layer():
    pools = [keras.layers.MaxPooling2D(4, name=f"pool{i}") for i in range(3)]
    conv = keras.layers.Conv2D(3, 1, name="deep")
    tail = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, activation="softmax")]
    model = explain.wrap(keras.Sequential([keras.Input((128, 128, 3)), *pools, conv, *tail]), "0..1")
    assert explain.patterns(model, "deep", [0], steps=1, size=64)
    with pytest.raises(LayerError, match=r"Choose a larger size, the network's own \(128×128\), or"):
        explain.patterns(model, "deep", [0], steps=1, size=32)


# Progress and memory ------------------------------------------------------------------------------


def test_progress_after_every_chunk_and_what_is_done_is_kept(model):
    told = []

    def listen(done, total, new):
        told.append((done, total, [p.channel for p in new]))
        return done < 4

    found = small(model, range(6), steps=1, at_once=2, on_progress=listen)
    assert told == [(2, 6, [0, 1]), (4, 6, [2, 3])]
    assert [p.channel for p in found] == [0, 1, 2, 3]


def test_chunks_fit_the_memory_budget(model, monkeypatch):
    each, chunks = memory_per_picture(model.network, "second", 32), []
    monkeypatch.setattr(jobs, "PATTERN_BYTES", int(2.5 * each))
    found = small(model, range(6), steps=1, on_progress=lambda done, total, new: chunks.append(len(new)))
    assert chunks == [2, 2, 2] and len(found) == 6
    monkeypatch.setattr(jobs, "PATTERN_BYTES", each - 1)
    with pytest.raises(TooMuchMemory, match="Choose a smaller size or an earlier layer"):
        small(model, [0], steps=1)


def test_the_estimate_counts_every_answer_up_to_the_layer(model):
    # first (12, 12, 4), pool (6, 6, 4), second (6, 6, 6): three copies of four bytes, on 24 pixels four times
    floats = 12 * 12 * 4 + 6 * 6 * 4 + 6 * 6 * 6
    assert memory_per_picture(model.network, "second", 24) == 3 * 4 * floats * 4
    assert memory_per_picture(model.network, "first", SIZE) == 3 * 4 * 12 * 12 * 4


# Silence ------------------------------------------------------------------------------------------------


def bright(threshold: float, separate: bool) -> keras.Model:
    """Channel 0 fires when its surroundings are brighter than `threshold`; channel 1 never does."""
    conv = keras.layers.Conv2D(2, 3, padding="valid", activation=None if separate else "relu", name="conv")
    relu = [keras.layers.ReLU(name="relu")] if separate else []
    tail = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, activation="softmax")]
    network = draw_weights(keras.Sequential([keras.Input((SIZE, SIZE, 3)), conv, *relu, *tail]))
    kernel = np.zeros((3, 3, 3, 2), np.float32)
    kernel[..., 0] = 1 / 27
    conv.set_weights([kernel, np.array([-threshold, -1], np.float32)])
    return network


@every_recipe
@pytest.mark.parametrize("separate", [False, True], ids=["relu in the layer", "relu of its own"])
def test_a_silent_channel_climbs_from_below_its_relu(recipe, separate):
    model = explain.wrap(bright(0.7, separate), "0..1")
    layer = "relu" if separate else "conv"
    speaks, dead = explain.patterns(model, layer, [0, 1], steps=40, size=32, method=recipe)
    assert speaks.scores[0] == 0 and speaks.scores[-1] > 0 and speaks.note == ""
    assert not dead.scores.any() and dead.notices[0].code == ("W_PATTERN_SILENT" if separate else "W_DEAD_FILTER")
    assert np.isfinite(dead.pixels).all()


def test_weights_that_are_not_finite_are_said():
    network = bright(0.7, True)
    kernel, bias = network.get_layer("conv").get_weights()
    network.get_layer("conv").set_weights([kernel * np.nan, bias])
    (pattern,) = explain.patterns(explain.wrap(network, "0..1"), "conv", [0], steps=3, size=32)
    assert "NaN" in pattern.note and np.isfinite(pattern.pixels).all()
