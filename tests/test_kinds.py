"""Every kind of model by its wrapping: fifteen kinds with layer and class chosen by themselves, and the same
weights in every wrapping, which give the same map."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import recipes_wrapped as wrapped
from exploring import explained, explored, looked_at, picture, reopened
from networks import close, twin

import explain
from explain.errors import InputError


def from_disk(ending: str):
    return lambda folder: reopened(wrapped.functional(), ending, folder)


def in_memory(make):
    return lambda folder: explain.wrap(make(), "0..1")


# What the field's libraries are compared on: Grad-CAM with the layer and the class chosen by themselves.
FIFTEEN = {
    "functional": in_memory(wrapped.functional),
    "sequential": in_memory(wrapped.sequential),
    "sequential without an input": in_memory(wrapped.sequential_without_input),
    "opened from .keras": from_disk("keras"),
    "opened from .h5": from_disk("h5"),
    "nested in a functional model": in_memory(wrapped.nested_in_functional),
    "nested in a sequential model": in_memory(wrapped.nested_in_sequential),
    "three levels deep": in_memory(wrapped.three_deep),
    "one backbone used twice": in_memory(twin),
    "subclassed model": in_memory(wrapped.subclassed),
    "subclassed blocks": in_memory(wrapped.block_in_sequential),
    "several outputs": in_memory(wrapped.outputs_in_a_list),
    "one sigmoid unit": in_memory(wrapped.one_sigmoid),
    "softmax apart": in_memory(wrapped.softmax_apart),
    "half precision": in_memory(wrapped.half_precision),
}


def test_there_are_fifteen():
    assert len(FIFTEEN) == 15


@pytest.mark.parametrize("opened", FIFTEEN.values(), ids=FIFTEEN)
def test_kind_of_the_comparison(opened, tmp_path):
    model, image = opened(tmp_path), picture()
    for output in range(len(model.outputs)):
        explained(model, image, output)
    layer = next(each for each in model.layers if each.name == model.default_layer)
    assert explain.heatmap(model, image).values.shape == layer.map_shape[:2]


# The same weights --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def expected():
    """Maps and heatmaps of the functional model, which tests/test_probe.py compares with an eager tape."""
    model, image = explain.wrap(wrapped.functional(), "0..1"), picture()
    return explain.activations(model, image, "second").values, explained(model, image)


@pytest.mark.parametrize(
    ("make", "layer"), wrapped.WRAPPINGS.items(), ids=[f.__name__ for f in wrapped.WRAPPINGS]
)
def test_the_same_weights_give_the_same_map(make, layer, expected):
    model, image = explain.wrap(make(), "0..1"), picture()
    assert model.default_layer == layer and layer in looked_at(model, image)
    maps, heats = expected
    assert close(explain.activations(model, image, layer).values, maps, 1e-5)
    for found, heat in zip(explained(model, image), heats, strict=True):
        assert close(found.values, heat.values, 1e-5)
        assert found.score == pytest.approx(heat.score, abs=1e-5)
        assert found.probability == pytest.approx(heat.probability, abs=1e-5)


def test_convolutions_inside_a_block_of_ones_own_are_reached():
    model = explain.wrap(wrapped.subclassed_traced(), "0..1")
    assert [layer.name for layer in model.layers][:4] == [
        "block/first",
        "block/pool",
        "block/second",
        "block",
    ]
    inside = explain.heatmap(model, picture(), layer="block/second", class_index=2).values
    assert (
        np.array_equal(inside, explain.heatmap(model, picture(), class_index=2).values) and inside.max() > 0
    )


# From disk ---------------------------------------------------------------------------------------------

# Keras writes no subclassed model into .h5 from which it can be read again.
NOT_IN_H5 = {wrapped.subclassed, wrapped.subclassed_traced, wrapped.subclassed_around}
ON_DISK = (*wrapped.WRAPPINGS, *wrapped.INSIDE)
DREAMT = {
    wrapped.nested_in_functional,
    wrapped.three_deep,
    wrapped.subclassed_traced,
    wrapped.arithmetic_inside,
}


@pytest.mark.parametrize("make", ON_DISK, ids=lambda make: make.__name__)
def test_the_three_jobs_in_memory_and_from_files(make, tmp_path):
    files = ("keras",) if make in NOT_IN_H5 else ("keras", "h5")
    explored(make(), "default" if make in DREAMT else None, files=files, folder=tmp_path)


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_sequential_model_saved_before_it_was_built(ending, tmp_path):
    """Its file knows neither shapes nor weights: refused in a sentence, opened where a shape is given."""
    path = tmp_path / f"unbuilt.{ending}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras says so itself
        wrapped.unbuilt().save(path)
    with pytest.raises(InputError, match="never called.*holds no weights.*give input_shape="):
        explain.load(path, scaling="0..1")
    model = explain.load(path, scaling="0..1", input_shape=(12, 12, 3))
    assert model.default_layer == "second" and looked_at(model, picture())


# Preprocessing inside -----------------------------------------------------------------------------------


def test_scaling_inside_by_layer_or_by_arithmetic_gives_the_same_map():
    inside = [explain.wrap(make(), "0..255") for make in (wrapped.arithmetic_inside, wrapped.scaled_inside)]
    outside, image = explain.wrap(wrapped.functional(), "-1..1"), picture()
    expected = explained(outside, image)
    for model in inside:
        assert model.default_layer == "body/second"
        for found, heat in zip(explained(model, image), expected, strict=True):
            assert close(found.values, heat.values, 1e-5)
