"""Where the score of a class is taken: before the last softmax or sigmoid, whatever it is made of."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import SIZE, close, draw_weights, pictures, plain, softmax, two_outputs

import explain
from explain.errors import ClassError, ModelError

WIDTH = 4


def network(*tail: keras.layers.Layer) -> keras.Model:
    """A small body with `tail` as its end; 'features' are the WIDTH numbers before it."""
    body = [
        keras.Input((SIZE, SIZE, 3)),
        keras.layers.Conv2D(WIDTH, 3, padding="same", activation="relu", name="conv"),
        keras.layers.GlobalAveragePooling2D(name="features"),
    ]
    return draw_weights(keras.Sequential([*body, *tail]))


def features(model: keras.Model, image) -> np.ndarray:
    """(WIDTH,) of one picture scaled to 0..1, by Keras itself."""
    x = image.pixels[None].astype(np.float32) / 255
    for name in ("conv", "features"):
        x = model.get_layer(name)(x)
    return x.numpy()[0]


def by_class(model, image, output=None):
    """Scores and probabilities (K,) in the order of the classes."""
    found = sorted(explain.predict(model, image, top=1000, output=output), key=lambda p: p.class_index)
    return np.array([p.score for p in found]), np.array([p.probability for p in found])


class PassOn(keras.layers.Layer):
    """What people put behind a softmax without changing its answer."""

    def call(self, x):
        return tf.identity(tf.stop_gradient(tf.cast(x, "float64")))


Dense = keras.layers.Dense
SOFTMAX = {
    "inside Dense": lambda: [Dense(3, activation="softmax", name="head")],
    "a Softmax layer": lambda: [Dense(3, name="head"), keras.layers.Softmax()],
    "an Activation layer": lambda: [Dense(3, name="head"), keras.layers.Activation("softmax")],
    "an Identity behind it": lambda: [Dense(3, activation="softmax", name="head"), keras.layers.Identity()],
    "a Dropout behind it": lambda: [Dense(3, activation="softmax", name="head"), keras.layers.Dropout(0.5)],
    "a cast and more": lambda: [Dense(3, activation="softmax"), PassOn(dtype="float64", autocast=False)],
    "a nested head": lambda: [keras.Sequential([keras.Input((WIDTH,)), Dense(3, activation="softmax")])],
}


def dense_of(model: keras.Model) -> Dense:
    return next(layer for layer in model._flatten_layers() if isinstance(layer, Dense))


@pytest.mark.parametrize("tail", SOFTMAX.values(), ids=SOFTMAX)
def test_score_is_the_logit_before_the_softmax(tail):
    keras_model, (image,) = network(*tail()), pictures(1)
    kernel, bias = dense_of(keras_model).get_weights()
    logits = features(keras_model, image) @ kernel + bias
    model = explain.wrap(keras_model, "0..1")
    scores, probabilities = by_class(model, image)
    assert model.outputs[0].head == "softmax" and model.outputs[0].classes == 3 and not model.outputs[0].note
    assert np.allclose(scores, logits, atol=1e-5) and np.allclose(probabilities, softmax(logits), atol=1e-5)
    heat = explain.heatmap(model, image, class_index=1)
    assert heat.score == pytest.approx(logits[1], abs=1e-5)
    assert heat.probability == pytest.approx(softmax(logits)[1], abs=1e-5)
    assert any(explain.heatmap(model, image, class_index=k).values.max() > 0 for k in range(3))


def test_network_that_ends_in_logits():
    keras_model, (image,) = network(Dense(3, name="head")), pictures(1)
    logits = keras_model(image.pixels[None] / np.float32(255)).numpy()[0]
    model = explain.wrap(keras_model, "0..1")
    scores, probabilities = by_class(model, image)
    assert model.outputs[0].head == "linear" and "without softmax" in model.outputs[0].note
    assert np.allclose(scores, logits, atol=1e-6) and np.allclose(probabilities, softmax(logits), atol=1e-6)


def test_one_linear_unit_gives_a_score_and_no_probability():
    keras_model, (image,) = network(Dense(1, name="head")), pictures(1)
    model = explain.wrap(keras_model, "0..1")
    scores, probabilities = by_class(model, image)
    assert scores == pytest.approx(keras_model(image.pixels[None] / np.float32(255)).numpy()[0], abs=1e-6)
    assert np.isnan(probabilities).all() and "no probability" in model.outputs[0].note
    assert np.isnan(explain.heatmap(model, image).probability)


@pytest.mark.parametrize("apart", [False, True], ids=["inside Dense", "an Activation layer"])
def test_one_sigmoid_unit_is_two_classes(apart):
    tail = [Dense(1), keras.layers.Activation("sigmoid")] if apart else [Dense(1, activation="sigmoid")]
    keras_model, (image,) = network(*tail), pictures(1)
    yes = float(keras_model(image.pixels[None] / np.float32(255)).numpy()[0, 0])
    model = explain.wrap(keras_model, "0..1", labels=["no", "yes"])
    scores, probabilities = by_class(model, image)
    assert (model.outputs[0].head, model.outputs[0].classes) == ("binary", 2)
    assert probabilities == pytest.approx([1 - yes, yes], abs=1e-6)
    assert scores == pytest.approx([-np.log(yes / (1 - yes)), np.log(yes / (1 - yes))], abs=1e-5)
    seen = [explain.heatmap(model, image, class_index=name) for name in ("no", "yes")]
    assert seen[0].score == -seen[1].score
    # What speaks for one speaks against the other: no place is warm in both.
    no, yes = (one.values for one in seen)
    assert not np.any((no > 0) & (yes > 0)) and (no + yes).max() > 0


def test_several_labels():
    keras_model, (image,) = network(Dense(3, activation="sigmoid", name="head")), pictures(1)
    kernel, bias = keras_model.get_layer("head").get_weights()
    logits = features(keras_model, image) @ kernel + bias
    model = explain.wrap(keras_model, "0..1")
    scores, probabilities = by_class(model, image)
    assert (model.outputs[0].head, model.outputs[0].classes) == ("sigmoid", 3)
    assert np.allclose(scores, logits, atol=1e-5)
    assert np.allclose(probabilities, 1 / (1 + np.exp(-logits)), atol=1e-5)


def test_mixed_precision():
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        half = plain()
        float16_end = network(Dense(3, activation="softmax", name="head"))
        float32_end = network(Dense(3, name="head"), keras.layers.Activation("softmax", dtype="float32"))
    finally:
        keras.mixed_precision.set_dtype_policy(before)
    (image,) = pictures(1)
    full = explain.heatmap(explain.wrap(plain(), "0..1"), image, class_index=1)
    found = explain.heatmap(explain.wrap(half, "0..1"), image, class_index=1)
    assert found.values.dtype == np.float32 and full.values.max() > 0
    assert close(found.values, full.values, 0.02) and found.score == pytest.approx(full.score, abs=0.01)
    for keras_model in (float16_end, float32_end):
        model = explain.wrap(keras_model, "0..1")
        scores, probabilities = by_class(model, image)
        assert model.outputs[0].head == "softmax" and np.allclose(softmax(scores), probabilities, atol=2e-3)
        maps = explain.activations(model, image, "conv")
        assert maps.values.dtype == np.float32


def test_saturated_softmax_still_gives_a_map():
    keras_model, (image,) = network(Dense(3, activation="softmax", name="head")), pictures(1)
    kernel, _ = keras_model.get_layer("head").get_weights()
    keras_model.get_layer("head").set_weights([np.abs(kernel), np.array([0, 200, 0], np.float32)])
    seen = explain.heatmap(explain.wrap(keras_model, "0..1"), image)
    assert (seen.class_index, seen.probability) == (1, 1.0)
    assert seen.values.max() > 1e-4 and seen.note == "" and seen.score > 200


def test_two_outputs_are_chosen_by_name_or_number():
    keras_model, (image,) = two_outputs(), pictures(1)
    kind, side = (out.numpy()[0] for out in keras_model(image.pixels[None] / np.float32(255)))
    model = explain.wrap(keras_model, "0..1")
    outputs = [(o.name, o.head, o.classes) for o in model.outputs]
    assert outputs == [("kind", "softmax", 3), ("side", "binary", 2)]
    for chosen in (None, 0, "kind"):
        assert np.allclose(by_class(model, image, chosen)[1], kind, atol=1e-6)
    for chosen in (1, "side"):
        assert np.allclose(by_class(model, image, chosen)[1], [1 - side[0], side[0]], atol=1e-6)
    # The default layer lies on the way to the output that was chosen.
    assert explain.heatmap(model, image, output="kind").layer == "only_kind"
    assert explain.heatmap(model, image, output="side").layer == "shared"
    for wrong in ("sides", 2, -1):
        with pytest.raises(ClassError, match="kind, side"):
            explain.predict(model, image, output=wrong)
    with pytest.raises(ClassError, match="Did you mean 'side'"):
        explain.heatmap(model, image, output="sides")
    with pytest.raises(ClassError, match="0 to 1"):
        explain.heatmap(model, image, output="side", class_index=2)


@pytest.mark.parametrize("apart", [False, True], ids=["inside Conv2D", "a Softmax layer"])
def test_dense_map_of_classes_is_summed_over_its_places(apart):
    tail = [keras.layers.Conv2D(3, 1, name="head"), keras.layers.Softmax()]
    tail = tail if apart else [keras.layers.Conv2D(3, 1, activation="softmax", name="head")]
    body = [keras.Input((SIZE, SIZE, 3))]
    body += [keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="conv")]
    keras_model, (image,) = draw_weights(keras.Sequential([*body, *tail])), pictures(1)
    model = explain.wrap(keras_model, "0..1")
    maps = explain.activations(model, image, "conv").values
    kernel, bias = keras_model.get_layer("head").get_weights()
    logits = maps @ kernel[0, 0] + bias                                                          # (h, w, 3)
    scores, probabilities = by_class(model, image)
    assert np.allclose(scores, logits.sum(axis=(0, 1)), atol=1e-3)
    assert np.allclose(probabilities, softmax(logits).mean(axis=(0, 1)), atol=1e-5)
    assert "map" in model.outputs[0].note and model.default_layer == "conv"
    weights = kernel[0, 0][:, 2]                                              # every slope, hence their mean
    assert close(explain.heatmap(model, image, class_index=2).values, np.maximum(maps @ weights, 0), 1e-5)


def test_an_output_without_classes_is_refused():
    inputs = keras.Input((SIZE, SIZE, 3))
    with pytest.raises(ModelError, match="Expected an output of shape"):
        explain.wrap(keras.Model(inputs, keras.ops.sum(inputs, axis=(1, 2, 3))), "0..1")
