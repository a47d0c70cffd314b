"""Each method that looks at a layer: once with a pencil, and as its paper relates it to the others."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import SIZE, close, draw_weights, grey, nested, pencil, pictures, plain, subclassed

import explain

PICTURE = grey([[0, 1], [2, 3]])


def signed(model, images, method, **asked):
    found = explain.heatmaps(model, images, method, signed=True, **asked)
    return np.stack([one.values for one in found])


# With a pencil --------------------------------------------------------------------------------------

# Before the ReLU of `pencil`, class 0: A = [[−1, 0], [1, 2]] with slopes [[0, 0], [1, 1]],
#                                       B = [[2, 1], [0, −1]] with slopes [[−½, −½], [0, 0]].
PENCIL = {
    # 1 / (2 + g ΣA) = 1 / (2 + 2) at two places: A weighs ½; B nothing, it has no slope above 0.
    "gradcam_plus_plus": [[-0.5, 0], [0.5, 1]],
    # ΣgA / ΣA = 3 / 2 and ΣgB / ΣB = −1½ / 2: 1½ A − ¾ B.
    "xgradcam": [[-3, -0.75], [1.5, 3.75]],
    # gA + gB, place by place.
    "hirescam": [[-1, -0.5], [1, 2]],
    # The same with slopes above 0 only.
    "layercam": [[0, 0], [1, 2]],
}


@pytest.mark.parametrize(("name", "expected"), PENCIL.items(), ids=PENCIL)
def test_with_a_pencil(name, expected):
    model = explain.wrap(pencil(relu=True), "0..255")
    asked = {"method": name, "layer": "conv", "class_index": 0}
    assert explain.heatmap(model, PICTURE, signed=True, **asked).values.tolist() == expected
    assert explain.heatmap(model, PICTURE, **asked).values.tolist() == np.maximum(expected, 0).tolist()


def test_answers_below_zero_with_a_pencil():
    """One channel, minus the picture: A = [[0, −1], [−2, −3]], ΣA = −6. Its slope is 1 everywhere."""
    network = keras.Sequential(
        [keras.Input((2, 2, 1)), keras.layers.Conv2D(1, 1, name="conv"),
         keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
    )  # fmt: skip
    network.get_layer("conv").set_weights([np.full((1, 1, 1, 1), -1, np.float32), np.zeros(1, np.float32)])
    network.layers[-1].set_weights([np.array([[4, 0]], np.float32), np.zeros(2, np.float32)])
    model = explain.wrap(network, "0..255")
    for name in ("xgradcam", "hirescam", "layercam"):
        asked = {"method": name, "layer": "conv", "class_index": 0}
        assert explain.heatmap(model, PICTURE, signed=True, **asked).values.tolist() == [[0, -1], [-2, -3]]
        assert not explain.heatmap(model, PICTURE, **asked).values.any(), name
    # 1 / (2 + ΣA) = −¼ at four places: Grad-CAM++ turns the sign, as equation 19 does.
    found = explain.heatmap(model, PICTURE, "gradcam_plus_plus", layer="conv", class_index=0, signed=True)
    assert found.values.tolist() == [[0, 1], [2, 3]]
    # ΣA = −2: a division by 0, so a weight of 0.
    found = explain.heatmap(model, grey([[0, 1], [1, 0]]), "gradcam_plus_plus", layer="conv", class_index=0)
    assert not found.values.any() and "W_NOT_FINITE" not in [notice.code for notice in found.notices]


@pytest.mark.parametrize(
    ("kernel", "length"), [([-3, -4], 5), ([1, -1, 1, 1], 2), ([2, -1, 0, 2, 4], 5)], ids=["2", "4", "5"]
)
def test_eigencam_with_a_pencil(kernel, length):
    """Every channel is a multiple of the picture, so the maps are the picture times the multiples' length,
    whichever is smaller, 4 places or the channels; an eigenvector's sign is anybody's guess."""
    network = keras.Sequential(
        [keras.Input((2, 2, 1)), keras.layers.Conv2D(len(kernel), 1, name="conv"),
         keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
    )  # fmt: skip
    bias = np.zeros(len(kernel), np.float32)
    network.get_layer("conv").set_weights([np.array([[[kernel]]], np.float32), bias])
    found = explain.heatmap(explain.wrap(network, "0..255"), PICTURE, "eigencam", layer="conv", signed=True)
    assert found.values == pytest.approx(length * np.array([[0, 1], [2, 3]]), abs=1e-5)


def test_eigencam_explains_more_of_the_layer_than_any_other_pattern():
    model, images = explain.wrap(plain(), "0..1"), pictures(3)
    for image in images:
        maps = explain.activations(model, image, "first").values.reshape(-1, 4).astype(np.float64)
        found = explain.heatmap(model, image, "eigencam", layer="first", signed=True).values.ravel()
        _, lengths, _ = np.linalg.svd(maps)
        assert np.linalg.norm(found) == pytest.approx(lengths[0], rel=1e-5)
        assert found.sum() > 0 and close(maps @ np.linalg.lstsq(maps, found, rcond=None)[0], found, 1e-5)


# Identities ----------------------------------------------------------------------------------------------


def with_logits(positive: bool) -> keras.Model:
    """Convolutions, means, one Dense layer of scores."""
    network = plain(activation="linear")
    kernel, bias = network.get_layer("head").get_weights()
    network.get_layer("head").set_weights([np.abs(kernel) if positive else kernel, bias])
    return network


def test_behind_means_and_one_dense_layer_gradcam_is_cam_and_hirescam_and_xgradcam_are_gradcam():
    network, images = with_logits(positive=False), pictures(3)
    model = explain.wrap(network, "0..1")
    maps = np.stack([explain.activations(model, image, "second").values for image in images])
    for k in range(3):
        cam = maps @ network.get_layer("head").get_weights()[0][:, k]                       # Zhou et al. 2016
        asked = {"layer": "second", "class_index": k}
        assert np.ptp(cam) > 0
        for name in ("gradcam", "hirescam", "xgradcam"):
            assert close(signed(model, images, name, **asked), cam / cam[0].size, 1e-5), name


def test_layercam_is_the_same_where_no_weight_is_negative_and_only_there():
    images = pictures(3)
    for positive in (True, False):
        model = explain.wrap(with_logits(positive), "0..1")
        asked = {"layer": "second", "class_index": 0}
        alike = close(
            signed(model, images, "layercam", **asked), signed(model, images, "gradcam", **asked), 1e-5
        )
        assert alike == positive


def test_hirescam_sums_to_the_score_where_the_rest_is_linear():
    network, images = plain(activation="linear"), pictures(3)
    head = network.get_layer("head")
    head.set_weights([head.get_weights()[0], np.zeros(3, np.float32)])
    found = explain.heatmaps(explain.wrap(network, "0..1"), images, "hirescam", layer="second", signed=True)
    assert [one.values.sum() for one in found] == pytest.approx([one.score for one in found], abs=1e-5)


# Against an eager tape ------------------------------------------------------------------------------------


def score_of_nested(network, maps, k):
    head = network.get_layer("head")
    return (tf.reduce_mean(maps, axis=(1, 2)) @ head.kernel + head.bias)[:, k]


def maps_of_subclassed(network, pixels):
    stem = network.stem(pixels)
    return network.blocks[0].conv(stem), stem


def score_of_subclassed(network, maps, stem, k):
    x = network.blocks[1](stem + maps)
    return network.head(tf.reduce_mean(x, axis=(1, 2)))[:, k]


def plus_plus(maps, slopes):
    """Equation 19 and what it is for, for one picture, number by number and in doubles."""
    maps, slopes = maps.astype(np.float64), slopes.astype(np.float64)
    heat = np.zeros(maps.shape[:2])
    for k in range(maps.shape[2]):
        weight = 0.0
        for g in slopes[..., k].ravel():
            if g > 0:
                weight += g * g**2 / (2 * g**2 + maps[..., k].sum() * g**3)
        heat += weight * maps[..., k]
    return np.maximum(heat, 0)


@pytest.mark.parametrize("kind", ["nested", "subclassed"])
def test_gradcam_plus_plus_against_an_eager_tape(kind):
    network, images = (nested if kind == "nested" else subclassed)(), pictures(2)
    pixels = tf.constant(np.stack([i.pixels for i in images]), tf.float32) / 255
    with tf.GradientTape() as tape:
        if kind == "nested":
            maps = network.get_layer("body")(pixels)
            tape.watch(maps)
            score = score_of_nested(network, maps, 1)
        else:
            maps, stem = maps_of_subclassed(network, pixels)
            tape.watch(maps)
            score = score_of_subclassed(network, maps, stem, 1)
    slopes = tape.gradient(score, maps).numpy()
    layer = {"nested": "body/last", "subclassed": "one/conv"}[kind]
    found = explain.heatmaps(
        explain.wrap(network, "0..1"), images, "gradcam_plus_plus", layer=layer, class_index=1
    )
    for i, one in enumerate(found):
        expected = plus_plus(maps[i].numpy(), slopes[i])
        assert expected.max() > 0 and close(one.values, expected, 1e-5)


def test_a_channel_that_sums_to_nothing_is_no_trouble():
    """ΣA = 0, or 2 + g ΣA = 0: a division that the papers leave open."""
    network = draw_weights(
        keras.Sequential(
            [keras.Input((SIZE, SIZE, 3)), keras.layers.Conv2D(4, 1, use_bias=False, name="conv"),
             keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)]
        )
    )  # fmt: skip
    kernel = np.zeros((1, 1, 3, 4), np.float32)
    kernel[0, 0, :, 1] = 1, -1, 0
    network.get_layer("conv").set_weights([kernel])
    half = np.zeros((SIZE, SIZE, 3), np.uint8)
    half[::2, :, 0] = half[1::2, :, 1] = 9                     # the second channel: +9 and −9 by rows
    image = explain.image.from_pixels(half)
    model = explain.wrap(network, "0..255")
    for name in explain.methods.shelf("heatmaps"):
        with np.errstate(all="raise", under="ignore"):
            assert np.isfinite(explain.heatmap(model, image, name).values).all(), name
