"""Nothing is left behind on a network, and threads do not see each other's work."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from networks import (
    SIZE, backbone, called_twice, close, draw_weights, fingerprint, nested, pictures, plain, skipping,
    subclassed, three_deep, twin, two_outputs, with_operators,
)  # fmt: skip

import explain
from explain.probe import door

EVERYTHING = [
    plain, nested, three_deep, called_twice, twin, with_operators, skipping, two_outputs, subclassed,
]  # fmt: skip


@pytest.mark.parametrize("make", EVERYTHING)
def test_a_network_is_as_it_was(make):
    keras_model, image = make(), pictures(1)[0]
    plain_call = keras.tree.flatten(keras_model(image.pixels[None] / np.float32(255)))
    before = fingerprint(keras_model)
    model = explain.wrap(keras_model, "0..1")
    for layer in model.layers:
        if layer.has_map:
            explain.heatmap(model, image, layer=layer.name)
    explain.patterns(model, model.default_layer, channels=[0], steps=1, size=32)
    assert fingerprint(keras_model) == before
    again = keras.tree.flatten(keras_model(image.pixels[None] / np.float32(255)))
    assert all(np.array_equal(a, b) for a, b in zip(plain_call, again, strict=True))


class Moody(keras.layers.Layer):
    """Fails when told to, in the middle of a trace."""

    def __init__(self, **options):
        super().__init__(**options)
        self.failing = False

    def call(self, x):
        if self.failing:
            raise RuntimeError("in the middle of it")
        return x * 1.0


def moody():
    layer = Moody(name="moody")
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    x = keras.layers.GlobalAveragePooling2D()(layer(x))
    return draw_weights(keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))), layer


def test_a_network_is_as_it_was_when_a_trace_fails_half_way():
    (keras_model, layer), (image,) = moody(), pictures(1)
    model = explain.wrap(keras_model, "0..1")
    before = fingerprint(keras_model)
    layer.failing = True
    with pytest.raises(RuntimeError, match="in the middle"):
        explain.heatmap(model, image, layer="conv")
    layer.failing = False
    assert fingerprint(keras_model) == before
    assert explain.heatmap(model, image, layer="conv").values.shape == (10, 10)      # and can be asked again


def test_an_attribute_that_was_there_before_is_put_back():
    keras_model = nested()
    conv = keras_model.get_layer("body").get_layer("conv")
    own = conv.call
    object.__setattr__(conv, "call", own)                              # some libraries hang hooks there too
    explain.heatmap(explain.wrap(keras_model, "0..1"), pictures(1)[0], layer="body/conv")
    assert vars(conv)["call"] is own


def test_another_thread_sees_the_network_unchanged_during_a_trace():
    keras_model, (image,) = nested(), pictures(1)
    inputs = image.pixels[None] / np.float32(255)
    expected = keras_model(inputs).numpy()
    visited, found = [], []

    def zero(name, operation, output):
        visited.append(name)
        return output * 0

    with door.watched(keras_model, zero):
        other = threading.Thread(target=lambda: found.append(keras_model(inputs).numpy()))
        other.start()
        other.join()
        assert not visited and np.array_equal(found[0], expected)
        assert not np.array_equal(keras_model(inputs), expected) and "body/conv" in visited


def test_one_trace_at_a_time():
    keras_model, order = nested(), []

    def second():
        order.append("waits")
        with door.watched(keras_model, lambda name, operation, output: output):
            order.append("traces")

    other = threading.Thread(target=second)
    with door.watched(keras_model, lambda name, operation, output: output):
        other.start()
        other.join(0.3)
        order.append("done")
    other.join()
    assert order == ["waits", "done", "traces"]


def test_models_that_share_layers_do_not_disturb_each_other():
    shared = backbone()
    inputs = keras.Input((SIZE, SIZE, 3))
    mean = keras.layers.GlobalAveragePooling2D()
    heads = [keras.layers.Dense(3, activation="softmax") for _ in range(2)]
    made = [draw_weights(keras.Model(inputs, head(mean(shared(inputs)))), seed=1) for head in heads]
    models, images = [explain.wrap(m, "0..1") for m in made], pictures(6)

    def ask(i):
        layer = ["body/conv", "body/last"][i // 2 % 2]
        return explain.heatmap(models[i % 2], images[i % 6], layer=layer).values

    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(ask, range(48)))
    for i, found in enumerate(together):
        assert close(found, ask(i), 1e-5)


def test_eight_threads_get_the_answers_of_one():
    """New layers, classes, batches, patterns and pixels, all at once on one model."""
    images = pictures(8)

    def jobs(model):
        for i, layer in enumerate(("body/conv", "body/norm", "body/last")):
            for k in range(3):
                yield lambda l=layer, k=k: explain.heatmap(model, images[k], layer=l, class_index=k).values
                yield lambda l=layer, k=k: np.stack(
                    [h.values for h in explain.heatmaps(model, images[k : k + 3 + k], layer=l, class_index=k)]
                )
            yield lambda l=layer, i=i: explain.activations(model, images[i], l).values
            yield lambda l=layer: explain.patterns(model, l, [0, 1], steps=2, size=32)[1].pixels
            yield lambda i=i: np.array([p.score for p in explain.predict(model, images[i])])

    keras_model = nested()
    alone = [job() for job in jobs(explain.wrap(keras_model, "0..1"))]
    todo = list(jobs(explain.wrap(keras_model, "0..1")))
    order = np.random.default_rng(0).permutation(len(todo))
    with ThreadPoolExecutor(8) as threads:
        answers = dict(zip(order, threads.map(lambda i: todo[i](), order), strict=True))
    for i, expected in enumerate(alone):
        assert close(answers[i], expected, 1e-4), i
    assert max(np.abs(a).max() for a in alone) > 0
