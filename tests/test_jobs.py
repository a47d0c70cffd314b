"""The public face: batches, classes, progress, every kind of picture, and a sentence for every mistake."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from networks import SIZE, close, draw_weights, flattened, nested, perceptron, pictures, plain, two_outputs

import explain
from explain import jobs
from explain.errors import ClassError, LayerError, MethodError, OptionError, TooMuchMemory
from explain.image import from_pixels

LABELS = ["tabby cat", "tiger cat", "dog"]


@pytest.fixture(scope="module")
def model():
    return explain.wrap(nested(), "0..1", labels=LABELS)


# Batches --------------------------------------------------------------------------------------------


def test_batch_of_eight_is_eight_batches_of_one(model):
    images = pictures(8)
    model.network.store.clear()
    together = explain.heatmaps(model, images, class_index=1)
    model.network.store.clear()
    alone = [explain.heatmap(model, image, class_index=1) for image in images]
    model.network.store.clear()
    in_threes = explain.heatmaps(model, images, class_index=1, batch=3)
    assert [h.image for h in together] == [i.key for i in images]
    assert max(h.values.max() for h in alone) > 0
    for one, other, third in zip(alone, together, in_threes, strict=True):
        assert one.class_index == other.class_index == third.class_index
        assert close(other.values, one.values, 1e-5) and close(third.values, one.values, 1e-5)
        assert other.score == pytest.approx(one.score, abs=1e-5)


def test_same_twice_bit_for_bit(model):
    images = pictures(3)
    found = []
    for _ in range(2):
        model.network.store.clear()
        for _ in ("computed", "from the store"):
            found.append([h.values.tobytes() for h in explain.heatmaps(model, images, class_index=1)])
    assert found[0] == found[2] and found[1] == found[3]


def test_several_layers_in_one_pass(model):
    (image,) = pictures(1)
    names = ["body/last", "body/conv", "body/last"]
    several = explain.activations(model, image, names)
    assert [m.layer for m in several] == names
    for maps in several:
        one = explain.activations(model, image, maps.layer)
        assert maps.values.dtype == np.float32 and np.array_equal(maps.values, one.values)
        assert maps.image == image.key
    assert explain.activations(model, image).layer == model.default_layer
    with pytest.raises(OptionError, match="at least one layer"):
        explain.activations(model, image, [])


def test_progress_and_stopping(model):
    images, told = pictures(5), []

    def listen(done, total, partial):
        told.append((done, total, [h.image for h in partial]))
        return None if done < 4 else False

    found = explain.heatmaps(model, images, batch=2, on_progress=listen)
    assert [(done, total) for done, total, _ in told] == [(2, 5), (4, 5)]
    assert [h.image for h in found] == [i.key for i in images[:4]] == [k for _, _, keys in told for k in keys]
    assert len(explain.heatmaps(model, images, batch=2, on_progress=lambda *told: None)) == 5
    assert explain.heatmaps(model, []) == ()


# Predictions and classes ---------------------------------------------------------------------------


def test_predictions_come_best_first(model):
    (image,) = pictures(1)
    found = explain.predict(model, image)
    assert len(found) == 3 and sum(p.probability for p in found) == pytest.approx(1, abs=1e-6)
    assert [p.score for p in found] == sorted((p.score for p in found), reverse=True)
    assert all(p.label == LABELS[p.class_index] for p in found)
    assert explain.predict(model, image, top=1)[0].class_index == explain.heatmap(model, image).class_index
    assert explain.layers(model) is model.layers


@pytest.mark.parametrize("asked", [1, np.int64(1), "1", " 1 ", "tiger cat", "Tiger Cat"])
def test_a_class_by_number_label_or_text(model, asked):
    seen = explain.heatmap(model, pictures(1)[0], class_index=asked)
    assert (seen.class_index, seen.label) == (1, "tiger cat")


def test_a_class_for_each_picture(model):
    images = pictures(4)
    found = explain.heatmaps(model, images, class_index=[2, None, "dog", "0"])
    top = explain.predict(model, images[1])[0].class_index
    assert [h.class_index for h in found] == [2, top, 2, 0]
    for image, one in zip(images, found, strict=True):
        assert close(one.values, explain.heatmap(model, image, class_index=one.class_index).values, 1e-5)
    with pytest.raises(OptionError, match="each of 4 pictures, received 3"):
        explain.heatmaps(model, images, class_index=[0, 1, 2])


# Every kind of input -------------------------------------------------------------------------------------


def test_grey_network():
    keras_model = plain(channels=1)
    model = explain.wrap(keras_model, "0..1")
    grey = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE), np.uint8)
    scores = keras_model(grey[None, ..., None] / np.float32(255)).numpy()[0]
    image = from_pixels(np.repeat(grey[..., None], 3, axis=-1))
    assert explain.predict(model, image)[0].probability == pytest.approx(scores.max(), abs=1e-6)
    # Of a coloured picture it sees the brightness (Rec. 601).
    red = from_pixels(np.full((SIZE, SIZE, 3), (255, 0, 0), np.uint8))
    maps = explain.activations(model, red, "first").values
    kernel, bias = keras_model.get_layer("first").get_weights()
    assert maps[5, 5] == pytest.approx(np.maximum(kernel.sum(axis=(0, 1, 2)) * 76 / 255 + bias, 0), abs=1e-5)
    assert explain.patterns(model, "second", [0], steps=2, size=32)[0].pixels.shape == (32, 32, 3)


def test_network_with_alpha():
    keras_model = plain(channels=4)
    model = explain.wrap(keras_model, "0..1")
    (image,) = pictures(1)
    opaque = np.concatenate([image.pixels, np.full((SIZE, SIZE, 1), 255, np.uint8)], axis=-1)
    expected = keras_model(opaque[None] / np.float32(255)).numpy()[0].max()
    assert explain.predict(model, image)[0].probability == pytest.approx(expected, abs=1e-6)
    assert explain.patterns(model, "second", [0], steps=2, size=32)[0].pixels.shape == (32, 32, 3)


def test_network_of_any_size():
    keras_model, image = plain(size=None), pictures(1, size=20)[0]
    assert explain.wrap(keras_model, "0..1").input_shape == (224, 224, 3)
    model = explain.wrap(keras_model, "0..1", input_shape=(20, 20, 3))
    expected = keras_model(image.pixels[None] / np.float32(255)).numpy()[0].max()
    assert explain.predict(model, image)[0].probability == pytest.approx(expected, abs=1e-6)
    assert explain.heatmap(model, image).values.shape == (10, 10)
    assert model.key != explain.wrap(keras_model, "0..1").key


def test_network_that_takes_whole_numbers():
    inputs = keras.Input((SIZE, SIZE, 3), dtype="uint8")
    x = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(keras.layers.Rescaling(1 / 255)(inputs))
    x = keras.layers.GlobalAveragePooling2D()(x)
    keras_model = draw_weights(keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x)))
    model, (image,) = explain.wrap(keras_model), pictures(1)
    assert model.scaling == "0..255" and "Rescaling" in model.scaling_note
    expected = keras_model(image.pixels[None]).numpy()[0].max()
    assert explain.predict(model, image)[0].probability == pytest.approx(expected, abs=1e-6)
    assert explain.heatmap(model, image).values.shape == (SIZE - 2, SIZE - 2)


def test_a_picture_of_another_size_is_squashed(model):
    large = pictures(1, size=40)[0]
    seen = explain.heatmap(model, large)
    assert seen.values.shape == (SIZE, SIZE) and seen.image == large.key


def test_network_without_any_map():
    model, (image,) = explain.wrap(perceptron(), "0..1"), pictures(1)
    assert model.default_layer is None and len(explain.predict(model, image)) == 3
    for ask in (explain.heatmap, explain.activations):
        with pytest.raises(LayerError, match="no layer with a map.*Predictions and the slopes of the score"):
            ask(model, image)
    with pytest.raises(LayerError, match=r"gives \(432,\), not"):
        explain.heatmap(model, image, layer="flat")


# A sentence for every mistake -------------------------------------------------------------------------------

MISTAKES = {
    "layer": (LayerError, "Did you mean 'body/last'.*from 'body/conv' to", {"layer": "body/lats"}),
    "layer without a map": (LayerError, r"gives \(3,\).*for example 'body/last'", {"layer": "head"}),
    "class number": (ClassError, "There is no class 3.*0 to 2", {"class_index": 3}),
    "negative class": (ClassError, "0 to 2, received -1", {"class_index": -1}),
    "class in text": (ClassError, "There is no class 7", {"class_index": "7"}),
    "label": (ClassError, "Did you mean 'tiger cat'", {"class_index": "tigre cat"}),
    "odd digit": (ClassError, "There is no class '²'", {"class_index": "²"}),
    "class of another kind": (ClassError, "received 1.5", {"class_index": 1.5}),
    "method": (MethodError, "Did you mean 'gradcam'", {"method": "grad_cam"}),
    "option": (OptionError, "no option 'smooth'", {"smooth": 2}),
    "output": (ClassError, "There is no output 'tail'.*head", {"output": "tail"}),
    "batch of none": (OptionError, "'batch'", {"batch": 0}),
    "negative batch": (OptionError, "'batch'", {"batch": -2}),
}


@pytest.mark.parametrize(("kind", "sentence", "wrong"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_in_heatmaps(model, kind, sentence, wrong):
    with pytest.raises(kind, match=sentence):
        explain.heatmaps(model, pictures(2), **wrong)


PATTERN_MISTAKES = {
    "layer": (LayerError, "Did you mean 'body/conv'", {"layer": "body/con"}),
    "vector layer": (LayerError, "not \\(height, width, channels\\)", {"layer": "mean"}),
    "no channel": (OptionError, "at least one channel", {"channels": []}),
    "channel too high": (OptionError, "no channel 5.*0 to 4", {"channels": [0, 5]}),
    "negative channel": (OptionError, "no channel -1", {"channels": [-1]}),
    "channel of another kind": (OptionError, "no channel 'a'", {"channels": "a"}),
    "one bare channel": (OptionError, "several channels.*received 3", {"channels": 3}),
    "steps": (OptionError, "a whole number from 1 to 2,048 for 'steps', received 0", {"steps": 0}),
    "endless steps": (OptionError, "'steps'", {"steps": float("inf")}),
    "size": (OptionError, "from 32 to 512 for 'size'", {"size": 8}),
    "size in text": (OptionError, "whole number from 32 to 512 for 'size', received 'big'", {"size": "big"}),
    "rate": (OptionError, "'rate'", {"rate": float("nan")}),
    "option": (OptionError, "Did you mean 'rate'", {"rat": 0.1}),
    "method": (MethodError, "'robus' among the patterns.*Did you mean 'robust'", {"method": "robus"}),
    "seed in text": (OptionError, "'seed'", {"seed": "a"}),
    "seed beyond 32 bits": (OptionError, "'seed'", {"seed": 2**40}),
}


@pytest.mark.parametrize(("kind", "sentence", "wrong"), PATTERN_MISTAKES.values(), ids=PATTERN_MISTAKES)
def test_mistakes_in_patterns(model, kind, sentence, wrong):
    with pytest.raises(kind, match=sentence):
        explain.patterns(model, **({"layer": "body/last", "channels": [0], "steps": 1, "size": 32} | wrong))


def test_a_model_that_lives_in_a_worker_is_not_asked_here(model):
    from dataclasses import replace

    with pytest.raises(OptionError, match="explain.workers"):
        explain.predict(replace(model, network=None), pictures(1)[0])


def test_lack_of_memory_is_said_in_a_sentence(model, monkeypatch):
    def exhausted(*arguments):
        raise jobs.tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")

    monkeypatch.setattr(type(model.network), "predict", exhausted)
    with pytest.raises(TooMuchMemory, match="Choose a later layer"):
        explain.predict(model, pictures(1)[0])


# Notes: no blank map without a sentence -----------------------------------------------------------


def noted(change, layer="second", make=plain, **asked):
    keras_model = make()
    change(keras_model)
    seen = explain.heatmap(explain.wrap(keras_model, "0..1"), pictures(1)[0], layer=layer, **asked)
    assert seen.values.dtype == np.float32 and np.isfinite(seen.values).all()
    return seen


def weights(name, kernel, bias):
    def change(network):
        one = network.get_layer(name)
        one.set_weights([np.full_like(w, v) for w, v in zip(one.get_weights(), (kernel, bias), strict=True)])

    return change


def test_dead_layer():
    seen = noted(weights("second", 0, -1))
    assert not seen.values.any() and "answers 0 everywhere" in seen.note


def test_all_evidence_against_the_class():
    def against(network):
        weights("second", 0.1, 0.1)(network)
        weights("head", -1, 0)(network)

    seen = noted(against, class_index=0)
    assert not seen.values.any() and "speaks against the class" in seen.note


def test_layer_that_is_not_connected():
    seen = noted(lambda network: None, "only_kind", two_outputs, output="side")
    assert not seen.values.any() and "not connected to this output" in seen.note


def test_silent_head():
    seen = noted(weights("head", 0, 1), class_index=0)
    assert not seen.values.any() and "score of this class does not change" in seen.note


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_broken_weights(value):
    seen = noted(weights("linear", value, 0), "linear", flattened, class_index=0)
    assert "100 of 100 places are not finite, because the activations" in seen.note
    seen = noted(weights("head", value, 0), class_index=0)
    assert "not finite, because the slopes" in seen.note


def test_flat_map():
    def flat(network):
        weights("second", 0, 1)(network)
        weights("head", 1, 0)(network)

    seen = noted(flat, class_index=0)
    assert (seen.values == seen.values[0, 0]).all() and seen.values[0, 0] > 0 and seen.note.startswith("Flat")
