"""What layers make of photos: Gram matrices against the answers themselves, budgets, and both faces."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import called_twice, nested, pictures, plain, two_outputs
from small_models import trained

import explain
from explain import representations, workers
from explain.errors import Cancelled, LayerError, OptionError, TooMuchMemory
from explain.similarity import compare_models, curve, first_below, linear_cka


@pytest.fixture(scope="module")
def photos():
    return pictures(7)


@pytest.fixture(scope="module")
def small():
    return explain.wrap(plain(), scaling="0..1")


def test_a_gram_matrix_is_made_of_the_layers_answers(small, photos):
    found = representations.grams(small, photos)
    assert found.layers == ("first", "second", "head") and found.values.shape == (3, 7, 7)
    assert found.values.dtype == np.float32 and found.images == tuple(p.key for p in photos)
    assert found.model == small.key
    answers = np.stack([explain.activations(small, photo, "second").values.ravel() for photo in photos])
    answers = answers.astype(np.float64)
    answers -= answers.mean(axis=0)
    assert np.allclose(found.of("second"), answers @ answers.T, rtol=1e-4, atol=1e-5)
    assert np.allclose(found.values.sum(axis=1), 0, atol=1e-4)  # centred


def test_in_batches_and_in_parts_it_is_the_same(small, photos, monkeypatch):
    whole = representations.grams(small, photos)
    told = []
    monkeypatch.setattr(representations, "AT_ONCE", 3)
    monkeypatch.setattr(representations, "BYTES", 4 * 7 * 12 * 12 * 4)  # the largest layer, alone
    parts = representations.grams(small, photos, on_progress=lambda *seen: told.append(seen[:2]))
    assert told == [(1, 3), (3, 3)]
    assert np.allclose(parts.values, whole.values, rtol=1e-4, atol=1e-5)


def test_a_layer_beyond_the_budget_is_refused_by_name(small, photos, monkeypatch):
    monkeypatch.setattr(representations, "BYTES", 4 * 7 * 12 * 12 * 4 - 1)
    with pytest.raises(TooMuchMemory, match="Layer 'first' answers 7 photos"):
        representations.grams(small, photos)
    assert representations.grams(small, photos, ["second"]).layers == ("second",)


def test_it_stops_when_it_is_told_to(small, photos, monkeypatch):
    monkeypatch.setattr(representations, "BYTES", 4 * 7 * 12 * 12 * 4)
    with pytest.raises(Cancelled, match="was stopped"):
        representations.grams(small, photos, on_progress=lambda *_: False)


def test_what_cannot_be_compared_is_refused(small, photos):
    with pytest.raises(OptionError, match="2 to 64 photos.*received 1"):
        representations.grams(small, photos[:1])
    with pytest.raises(OptionError, match="received 65"):
        representations.grams(small, photos[:1] * 65)
    with pytest.raises(LayerError, match="no layer 'secnd'.*'second'"):
        representations.grams(small, photos, ["secnd"])
    for names in ([], "second"):
        with pytest.raises(OptionError, match="names of several layers"):
            representations.grams(small, photos, names)


def test_the_fewest_and_the_most_photos_are_taken_and_a_layer_named_twice_stands_once(small, photos):
    assert representations.grams(small, photos[:2], ["head"]).values.shape == (1, 2, 2)
    found = representations.grams(small, photos[:1] * 64, ["head", "head"])
    assert found.layers == ("head",) and found.values.shape == (1, 64, 64)


def test_a_pass_that_does_not_fit_into_memory_is_said(small, photos, monkeypatch):
    def full(*_):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    monkeypatch.setattr(representations, "_grams", full)
    with pytest.raises(TooMuchMemory, match="fewer pictures"):
        representations.grams(small, photos)


@pytest.mark.parametrize("build", [nested, called_twice, two_outputs])
def test_networks_of_other_builds(build, photos):
    network = build()
    size = network.input_shape[1:3]
    fitting = [replace(p, pixels=p.pixels[: size[0], : size[1]]) for p in photos]
    found = representations.grams(explain.wrap(network, scaling="0..1"), fitting)
    assert len(found.layers) >= 3 and np.isfinite(found.values).all()


def test_a_network_that_only_pools_has_nothing_to_compare(photos):
    inputs = keras.Input((12, 12, 3))
    network = keras.Model(inputs, keras.layers.GlobalAveragePooling2D(name="mean")(inputs))
    found = representations.grams(explain.wrap(network, scaling="0..1"), photos)
    assert found.layers == () and found.values.shape == (0, 7, 7)


def test_one_number_for_a_photo_without_an_axis_is_no_answer(photos):
    inputs = keras.Input((12, 12, 3))
    mean = keras.layers.Lambda(lambda x: keras.ops.mean(x, axis=(1, 2, 3)), (), name="mean")(inputs)
    back = keras.layers.Lambda(lambda x: keras.ops.reshape(x, (-1, 1)), name="back")(mean)
    model = explain.wrap(keras.Model(inputs, keras.layers.Dense(2, name="head")(back)), scaling="0..1")
    assert representations.grams(model, photos).layers == ("back", "head")
    with pytest.raises(LayerError, match=r"'mean' gives \(\): no answer of a known size"):
        representations.grams(model, photos, ["head", "mean"])


def test_layers_that_answer_to_pieces_of_a_photo(photos, monkeypatch):
    """Patches go through a convolution as a batch: four answers to each photo."""
    inputs = keras.Input((12, 12, 3))
    pieces = keras.layers.Lambda(lambda x: keras.ops.reshape(x, (-1, 6, 6, 3)), name="cut")(inputs)
    seen = keras.layers.Conv2D(4, 3, name="conv")(pieces)
    whole = keras.layers.Lambda(lambda x: keras.ops.reshape(x, (-1, 4 * 4 * 4 * 4)), name="join")(seen)
    model = explain.wrap(keras.Model(inputs, keras.layers.Dense(2, name="head")(whole)), scaling="0..1")
    assert "conv" not in representations.grams(model, photos).layers
    with pytest.raises(LayerError, match="'conv' gives .*, not one answer for each photo"):
        representations.grams(model, photos, ["conv", "head"])
    monkeypatch.setattr(representations, "AT_ONCE", 3)  # left out at the first of several batches
    assert representations.grams(model, photos).layers == ("join", "head")


def test_fingerprints_differ_where_training_went():
    before, after = (explain.wrap(trained(steps), scaling="0..1") for steps in (0, 1))
    one, same, other = map(
        representations.fingerprints, (before, explain.wrap(trained(0), scaling="0..1"), after)
    )
    assert one.layers == ("first", "second", "head") and one.digests == same.digests
    assert [a == b for a, b in zip(one.digests, other.digests, strict=True)] == [True, False, False]
    assert one.model == before.key
    twice = representations.fingerprints(explain.wrap(called_twice(), scaling="0..1"))
    assert not any("#" in name for name in twice.layers)  # once, however often it is called


def test_fingerprints_see_statistics_and_shapes():
    network = nested()
    before = representations.fingerprints(explain.wrap(network, scaling="0..1"))
    norm = network.get_layer("body").get_layer("norm")
    norm.moving_mean.assign(norm.moving_mean + 1)
    after = representations.fingerprints(explain.wrap(network, scaling="0..1"))
    assert before.layers == after.layers
    pairs = zip(before.layers, before.digests, after.digests, strict=True)
    assert [name for name, a, b in pairs if a != b] == ["body/norm"]

    def ones(*size: int) -> str:
        conv = keras.layers.Conv2D(2, size, kernel_initializer="ones")
        network = keras.Sequential([keras.Input((12, 12, 3)), conv, keras.layers.GlobalAveragePooling2D()])
        return representations.fingerprints(explain.wrap(network, scaling="0..1")).digests[0]

    assert ones(1, 3) == ones(1, 3) != ones(3, 1)  # the same bytes in another shape


def test_two_states_of_training_differ_from_the_changed_layer_on(photos):
    before, after = (explain.wrap(trained(steps), scaling="0..1") for steps in (0, 2))
    found = compare_models(before, after, photos)
    (first, same, _), (second, changed, _), *_ = curve(found)
    assert (first, second) == ("first", "second") and same == pytest.approx(1, abs=1e-5) and changed < 0.999
    assert first_below([figure for _, figure, _ in curve(found)], 0.9999) == 1
    assert found.models == (before.key, after.key) and found.debiased


def test_both_faces_answer_the_same(default_model, cat, photos):
    there, images = workers.load("efficientnet-lite0"), [cat, *photos[:4]]
    told = []
    layers = ["stem_conv", "top_activation", "predictions"]
    found = workers.grams(there, images, layers, on_progress=lambda *seen: told.append(seen[:2]))
    here = representations.grams(default_model, images, layers)
    assert told == [(3, 3)] and found.layers == here.layers and found.images == here.images
    for name in layers:
        assert linear_cka(found.of(name), here.of(name)) == pytest.approx(1, abs=1e-5)
    assert workers.fingerprints(there).digests == representations.fingerprints(default_model).digests
    with pytest.raises(OptionError, match="2 to 64 photos"):
        workers.grams(there, [cat])
