"""Tap and resume: every layer is reached, and the map there is the right one."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import (
    SIZE, Subclassed, Traced, called_twice, close, draw_weights, grad_cam, nested, pictures, plain, skipping,
    subclassed, three_deep, twin, two_outputs, with_operators,
)  # fmt: skip

import explain
from explain.errors import LayerError


def names(model) -> list[str]:
    return [layer.name for layer in model.layers]


def as_input(image) -> np.ndarray:
    return image.pixels[None].astype(np.float32) / 255


def expected_heat(behind, maps, class_index: int) -> np.ndarray:
    """Grad-CAM by an eager tape: `behind(maps (1, h, w, c))` gives the logits (1, K)."""
    maps = tf.constant(maps)
    with tf.GradientTape() as tape:
        tape.watch(maps)
        score = behind(maps)[0, class_index]
    return grad_cam(maps[0].numpy(), tape.gradient(score, maps)[0].numpy())


def logits(dense: keras.layers.Dense, vectors):
    return vectors @ dense.kernel + dense.bias


def check(model, image, layer: str, behind, maps) -> None:
    """The layer's maps and its Grad-CAM for all three classes."""
    assert close(explain.activations(model, image, layer).values, maps[0], 1e-5)
    warmest = 0.0
    for k in range(3):
        found = explain.heatmap(model, image, layer=layer, class_index=k).values
        expected = expected_heat(behind, maps, k)
        # A map is a difference of large sums: where little is left, the sums give the measure.
        assert np.abs(found - expected).max() <= 1e-5 * max(expected.max(), 0.01 * np.abs(maps).max())
        warmest = max(warmest, float(found.max()))
    assert warmest > 1e-4                                               # else nothing was compared


# Reach ---------------------------------------------------------------------------------------------


def test_nested_layers_have_paths():
    keras_model, (image,) = nested(), pictures(1)
    model = explain.wrap(keras_model, "0..1")
    assert names(model)[:3] == ["body/conv", "body/norm", "body/last"] and model.default_layer == "body/last"
    body, dense = keras_model.get_layer("body"), keras_model.get_layer("head")
    conv = body.get_layer("conv")(as_input(image)).numpy()
    norm, last = body.get_layer("norm"), body.get_layer("last")
    behind = lambda maps: logits(dense, tf.reduce_mean(last(norm(maps)), (1, 2)))
    check(model, image, "body/conv", behind, conv)


def test_three_levels_deep():
    keras_model, (image,) = three_deep(), pictures(1)
    model = explain.wrap(keras_model, "0..1")
    assert "outer/inner/body/conv" in names(model) and "outer/mix" in names(model)
    outer = keras_model.get_layer("outer")
    body = outer.get_layer("inner").get_layer("body")
    (mean, dense), mix = keras_model.layers[-2:], outer.get_layer("mix")
    last = body(as_input(image)).numpy()
    check(model, image, "outer/inner/body/last", lambda maps: logits(dense, mean(mix(maps))), last)


def test_a_layer_called_twice_has_two_names():
    keras_model, (image,) = called_twice(), pictures(1)
    model = explain.wrap(keras_model, "0..1")
    assert names(model)[:2] == ["conv", "conv#2"] and model.default_layer == "conv#2"
    conv, dense = keras_model.get_layer("conv"), keras_model.get_layer("head")
    once = conv(as_input(image)).numpy()
    twice = conv(once).numpy()
    check(model, image, "conv", lambda maps: logits(dense, tf.reduce_mean(conv(maps), (1, 2))), once)
    check(model, image, "conv#2", lambda maps: logits(dense, tf.reduce_mean(maps, (1, 2))), twice)


def test_a_backbone_used_twice():
    keras_model, (image,) = twin(), pictures(1)
    model = explain.wrap(keras_model, "0..1")
    assert {"body/conv", "body/last", "body#2/conv", "body#2/last"} <= set(names(model))
    body, dense = keras_model.get_layer("body"), keras_model.layers[-1]
    first, second = body(as_input(image)).numpy(), body(as_input(image)[:, :, ::-1]).numpy()

    def behind(left, right):
        return logits(dense, tf.reduce_mean(tf.concat([left, right], -1), (1, 2)))

    check(model, image, "body/last", lambda maps: behind(maps, second), first)
    check(model, image, "body#2/last", lambda maps: behind(first, maps), second)


@pytest.mark.parametrize("kind", [Subclassed, Traced], ids=["plain", "call is a tf.function"])
def test_subclassed_blocks_show_their_layers(kind):
    keras_model, (image,) = subclassed(kind), pictures(1)
    model = explain.wrap(keras_model, "0..1")
    assert names(model) == ["stem", "one/conv", "one", "two/conv", "two", "head"]
    one, two = keras_model.blocks
    x = one(keras_model.stem(as_input(image)))
    inside = two.conv(x).numpy()
    head = keras_model.head
    check(model, image, "two/conv", lambda maps: logits(head, tf.reduce_mean(x + maps, (1, 2))), inside)
    assert model.outputs[0].head == "softmax"                            # tf.nn.softmax in its call is seen


def test_bare_operators_of_a_functional_model():
    keras_model, (image,) = with_operators(), pictures(1)
    model = explain.wrap(keras_model, "0..1")
    assert ["Multiply", "Add"] == [layer.kind for layer in model.layers if layer.kind in ("Multiply", "Add")]
    conv, side, dense = (keras_model.get_layer(n) for n in ("conv", "side", "head"))
    y = side(as_input(image))
    total = conv(as_input(image)) * 2 + y
    add = next(layer.name for layer in model.layers if layer.kind == "Add")
    check(model, image, add, lambda maps: logits(dense, tf.reduce_mean(maps, (1, 2))), total.numpy())
    check(
        model, image, "conv", lambda maps: logits(dense, tf.reduce_mean(maps * 2 + y, (1, 2))),
        conv(as_input(image)).numpy(),
    )  # fmt: skip


SAVED = (plain, nested, three_deep, skipping, two_outputs, twin, with_operators)
ON_DISK = [(make, ending) for make in SAVED for ending in ("h5", "keras")]


@pytest.mark.parametrize(("make", "ending"), ON_DISK)
def test_saved_and_opened_again_it_gives_the_same_map(make, ending, tmp_path):
    keras_model, image = make(), pictures(1)[0]
    path = tmp_path / f"network.{ending}"
    keras_model.save(path)
    opened, before = explain.load(path, scaling="0..1"), explain.wrap(keras_model, "0..1")
    assert [layer.shape for layer in opened.layers] == [layer.shape for layer in before.layers]
    for k in range(3):
        found = explain.heatmap(opened, image, class_index=k)
        expected = explain.heatmap(before, image, class_index=k)
        assert close(found.values, expected.values, 1e-6)
        assert found.score == pytest.approx(expected.score, abs=1e-6)


def test_a_skipped_connection_saves_the_work_before_it():
    """Resumed at the last layer of a chain, the head reads no pixel at all."""
    model = explain.wrap(nested(), "0..1")
    head = model.network.head("body/last", 0)
    maps = np.ones((1, SIZE, SIZE, 5), np.float32)
    asked = [head(np.full((1, SIZE, SIZE, 3), v, np.uint8), maps, np.array([0], np.int32)) for v in (0, 255)]
    assert np.array_equal(asked[0]["scores"], asked[1]["scores"])


def test_a_layer_inside_a_loop_of_the_network_is_not_offered():
    class Loop(keras.layers.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.conv = keras.layers.Conv2D(3, 3, padding="same", name="conv")

        def build(self, shape):
            self.conv.build(shape)

        def call(self, x):
            return tf.while_loop(lambda i, x: i < 2, lambda i, x: (i + 1, self.conv(x)), (0, x))[1]

    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.GlobalAveragePooling2D()(Loop(name="loop")(inputs))
    x = keras.layers.Dense(3, activation="softmax")(x)
    model = explain.wrap(draw_weights(keras.Model(inputs, x)), "0..1")
    assert "loop" in names(model) and "loop/conv" not in names(model)
    assert explain.heatmap(model, pictures(1)[0], layer="loop").values.shape == (SIZE, SIZE)
    with pytest.raises(LayerError, match="Did you mean 'loop'"):
        explain.heatmap(model, pictures(1)[0], layer="loop/conv")
