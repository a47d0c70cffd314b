"""Each method that looks at the pixels: once with a pencil, its axioms, an eager tape, and its passes."""

from __future__ import annotations

import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import (
    SIZE, close, draw_weights, grey, nested, pencil, perceptron, pictures, plain, softmax, subclassed,
)  # fmt: skip

import explain
from explain.probe import variants
from explain.probe.probing import Probe

PICTURE = grey([[0, 1], [2, 3]])
# The score of class 0 of `pencil` is a sum over pixels v of relu(v − 1) − ½ relu(2 − v): it rises by ½ up to
# 1, by 1½ up to 2, then by 1.


@pytest.fixture(scope="module")
def pencilled():
    return explain.wrap(pencil(relu=True), "0..255")


def codes(found) -> list[str]:
    return [notice.code for notice in found.notices]


# With a pencil --------------------------------------------------------------------------------------


def test_gradient_with_a_pencil(pencilled):
    found = explain.heatmap(pencilled, PICTURE, "gradient", class_index=0)
    assert found.values.tolist() == [[0.5, 0.5], [1, 1]] and not found.signed
    # Class 1 is minus both means: A speaks in the second row, B, which falls with v, in the first.
    other = explain.heatmap(pencilled, PICTURE, "gradient", class_index=1, signed=True)
    assert other.values.tolist() == [[0.25, 0.25], [-0.25, -0.25]] and other.signed
    flat = explain.heatmap(pencilled, PICTURE, "gradient", class_index=1)
    assert (flat.values == 0.25).all() and codes(flat) == ["W_FLAT"] and "The method does not" in flat.note


def test_the_steepest_colour_counts():
    network = keras.Sequential([keras.Input((2, 2, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
    kernel = np.zeros((12, 2), np.float32)
    kernel[:, 0] = 1, -2, 0, 3, 2, 1, -1, 0, 0, 0, 0, 0
    network.layers[-1].set_weights([kernel, np.zeros(2, np.float32)])
    model, (image,) = explain.wrap(network, "0..255"), pictures(1, size=2)
    for asked in ({"method": "gradient"}, {"method": "smoothgrad", "noise": 0.0, "samples": 1}):
        found = explain.heatmap(model, image, class_index=0, signed=True, **asked)
        assert found.values.tolist() == [[-2, 3], [-1, 0]]
        assert explain.heatmap(model, image, class_index=0, **asked).values.tolist() == [[2, 3], [1, 0]]


def test_gradient_times_input_with_a_pencil(pencilled):
    found = explain.heatmap(pencilled, PICTURE, "gradient_times_input", class_index=0)
    assert found.values.tolist() == [[0, 0.5], [2, 3]]
    against = explain.heatmap(pencilled, PICTURE, "gradient_times_input", class_index=1)
    assert against.values.tolist() == [[0, 0.25], [-0.5, -0.75]]


@pytest.mark.parametrize("name", ["gradient_times_input", "integrated_gradients"])
def test_what_speaks_against_the_class_is_kept_or_not(name):
    model, (image,) = explain.wrap(perceptron(), "0..1"), pictures(1)
    both = explain.heatmap(model, image, name, class_index=1).values
    assert both.min() < 0 < both.max()
    found = explain.heatmap(model, image, name, class_index=1, signed=False)
    assert found.values.tolist() == np.maximum(both, 0).tolist() and not found.signed


def test_smoothgrad_with_a_pencil(pencilled):
    same = explain.heatmap(pencilled, PICTURE, "smoothgrad", class_index=0, noise=0.0, samples=3)
    assert same.values.tolist() == [[0.5, 0.5], [1, 1]]
    # The range of brightness is 3: the standard deviation is 1½.
    found = explain.heatmap(pencilled, PICTURE, "smoothgrad", class_index=0, noise=0.5, samples=40, seed=5)
    drawn = [np.random.default_rng([5, k]).standard_normal((2, 2, 1), np.float32)[..., 0] for k in range(40)]
    v = np.array([[0, 1], [2, 3]]) + 1.5 * np.stack(drawn)
    assert found.values == pytest.approx(((v > 1) + 0.5 * (v < 2)).mean(axis=0), abs=1e-6)


def test_integrated_gradients_with_a_pencil(pencilled):
    # Two steps lie at (1 ± 1/√3) / 2 = 0.21 and 0.79 of the way. The slopes of 1 are ½ and ½; of 2, at 0.42 and
    # 1.58, ½ and 1½; of 3, at 0.63 and 2.37, ½ and 1.
    found = explain.heatmap(pencilled, PICTURE, "integrated_gradients", class_index=0, steps=2)
    assert found.values == pytest.approx(np.array([[0, 0.5], [2, 2.25]]), abs=1e-5)
    # The score rises by ½ + 2 + 3.
    expected = {"completeness_gap": 0.75, "completeness_gap_relative": 0.75 / 5.5}
    assert found.facts == pytest.approx(expected, abs=1e-5)
    # One step, half-way: slopes ½ (of 0 and ½), ½ (at 1 itself only B speaks) and 1½ (at 1½).
    rough = explain.heatmap(pencilled, PICTURE, "integrated_gradients", class_index=0, steps=1)
    assert rough.values.tolist() == [[0, 0.5], [1, 4.5]]
    # Their sum is 6, the score rises by 5½.
    assert rough.facts == pytest.approx({"completeness_gap": 0.5, "completeness_gap_relative": 0.5 / 6})
    assert codes(rough) == ["W_INCOMPLETE"] and "miss 8%" in rough.note and "option 'steps'" in rough.note


def test_occlusion_with_a_pencil(pencilled):
    """Black covers one pixel at a time: the score falls by what the pixel added to it."""
    asked = {"method": "occlusion", "class_index": 0, "fill": "black"}
    assert explain.heatmap(pencilled, PICTURE, **asked, patch=0.5).values.tolist() == [[0, 0.5], [2, 3]]
    whole = explain.heatmap(pencilled, PICTURE, **asked, patch=1.0)
    assert (whole.values == 5.5).all() and codes(whole) == ["W_FLAT"]
    # White raises the score of 0..3 far: what is below zero is kept, or not.
    white = {"method": "occlusion", "class_index": 0, "fill": "white", "patch": 0.5}
    rise = np.array([[255, 254.5], [253, 252]])
    assert explain.heatmap(pencilled, PICTURE, **white).values.tolist() == (-rise).tolist()
    blank = explain.heatmap(pencilled, PICTURE, **white, signed=False)
    assert not blank.values.any() and codes(blank) == ["W_ALL_NEGATIVE"] and "option 'signed'" in blank.note


@pytest.mark.parametrize(("stride", "lefts"), [(0.67, (0, 2, 4)), (1.0, (0, 3, 4))])
def test_occlusion_shows_the_mean_of_the_patches_that_covered_a_pixel(stride, lefts):
    network = keras.Sequential([keras.Input((5, 7, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    weights = np.random.default_rng(0).normal(size=(35, 2)).astype(np.float32)
    network.layers[-1].set_weights([weights, np.zeros(2, np.float32)])
    image = grey(np.random.default_rng(1).integers(1, 9, (5, 7)))
    asked = {"class_index": 0, "patch": 0.6, "stride": stride, "fill": "black"}       # sides of 3, steps of 2 or 3
    found = explain.heatmap(explain.wrap(network, "0..255"), image, "occlusion", **asked).values
    adds = weights[:, 0].reshape(5, 7) * image.pixels[..., 0]
    total, many = np.zeros((5, 7)), np.zeros((5, 7))
    for top in (0, 2):
        for left in lefts:
            total[top : top + 3, left : left + 3] += adds[top : top + 3, left : left + 3].sum()
            many[top : top + 3, left : left + 3] += 1
    assert close(found, total / many, 1e-5)


# Axioms ----------------------------------------------------------------------------------------------------

BASELINES = ("black", "grey", "white", "blurred")


@pytest.mark.parametrize("baseline", BASELINES)
def test_the_parts_sum_to_the_difference_of_the_scores(baseline):
    network, images = plain(), pictures(3)
    model = explain.wrap(network, "0..1")
    asked = {"steps": 256, "baseline": baseline, "class_index": 1}
    found = explain.heatmaps(model, images, "integrated_gradients", **asked)
    pixels = np.stack([i.pixels for i in images])
    probe = Probe(model.network, pixels, "abc", classes=[1, 1, 1], layered=False)
    rise = probe.scores - probe.score(probe.emptied(baseline))
    assert np.abs(rise).max() > 0.01
    for one, expected in zip(found, rise, strict=True):
        assert one.values.sum() == pytest.approx(expected, abs=2e-3 * float(np.abs(rise).max()))
        assert one.facts["completeness_gap"] == pytest.approx(abs(one.values.sum() - expected), abs=1e-5)
        assert one.note == ""


def test_with_a_linear_network_one_step_is_exact_and_equals_gradient_times_input_and_occlusion():
    model, images = explain.wrap(perceptron(), "0..1"), pictures(2)
    asked = {"class_index": 2}
    one_step = explain.heatmaps(model, images, "integrated_gradients", steps=1, **asked)
    times = explain.heatmaps(model, images, "gradient_times_input", **asked)
    covered = explain.heatmaps(model, images, "occlusion", patch=1 / SIZE, fill="black", **asked)
    for one, other, third in zip(one_step, times, covered, strict=True):
        assert one.facts["completeness_gap_relative"] < 1e-5
        assert close(one.values, other.values, 1e-5) and close(third.values, other.values, 1e-4)


def test_gradient_times_input_does_not_depend_on_the_scaling():
    """Two networks with the same answers, which want their pixels scaled differently."""
    network, shifted = (pencil(relu=True) for _ in range(2))
    kernel, bias = network.get_layer("conv").get_weights()
    shifted.get_layer("conv").set_weights([kernel * 127.5, bias + kernel[0, 0, 0] * 127.5])    # −1..1 instead
    images = [grey([[0, 5], [3, 6]]), grey([[9, 200], [30, 4]])]                # none where the score bends
    one, other = (
        explain.heatmaps(explain.wrap(n, scaling), images, "gradient_times_input", class_index=0)
        for n, scaling in ((network, "0..255"), (shifted, "-1..1"))
    )
    for a, b in zip(one, other, strict=True):
        assert a.values.any() and close(b.values, a.values, 1e-4)


def test_the_noise_of_a_picture_is_its_own():
    model, images = explain.wrap(plain(), "0..1"), list(pictures(3))
    images[1] = explain.image.from_pixels(images[1].pixels // 8)                  # dim, so with little noise
    alone = explain.heatmap(model, images[1], "smoothgrad", class_index=0, samples=5)
    among = explain.heatmaps(model, images, "smoothgrad", class_index=0, samples=5)[1]
    other = explain.heatmap(model, images[1], "smoothgrad", class_index=0, samples=5, seed=1)
    assert close(among.values, alone.values, 1e-5) and not close(other.values, alone.values, 1e-2)


# Against an eager tape ------------------------------------------------------------------------------------


def eager_slopes(network, pixels, k):
    """∂(score before the softmax) / ∂pixels of one picture in 0..255, by TensorFlow's own tape."""
    pixels = tf.constant(pixels[None], tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        if network.name == "nested":
            head = network.get_layer("head")
            means = tf.reduce_mean(network.get_layer("body")(pixels / 255), axis=(1, 2))
            score = (means @ head.kernel + head.bias)[0, k]
        else:
            x = network.stem(pixels / 255)
            for block in network.blocks:
                x = block(x)
            score = network.head(tf.reduce_mean(x, axis=(1, 2)))[0, k]
    return score.numpy(), tape.gradient(score, pixels)[0].numpy()


@pytest.mark.parametrize("make", [nested, subclassed])
def test_gradient_and_integrated_gradients_against_an_eager_tape(make):
    network, images = make(), pictures(2)
    model = explain.wrap(network, "0..1")
    plainly = explain.heatmaps(model, images, "gradient", class_index=1)
    whole = explain.heatmaps(model, images, "integrated_gradients", class_index=1, steps=7, baseline="white")
    for image, one, other in zip(images, plainly, whole, strict=True):
        score, slopes = eager_slopes(network, image.pixels, 1)
        assert one.score == pytest.approx(score, abs=1e-5)
        assert close(one.values, np.abs(slopes).max(axis=-1), 1e-5)
        x, parts = image.pixels.astype(np.float64), np.zeros((SIZE, SIZE, 3))
        for place, weight in zip(*np.polynomial.legendre.leggauss(7), strict=True):
            way = 255 + (place + 1) / 2 * (x - 255)
            parts += weight / 2 * (x - 255) * eager_slopes(network, way, 1)[1]
        assert close(other.values, parts.sum(axis=-1), 1e-5)
        gap = abs(parts.sum() - (score - eager_slopes(network, np.full_like(x, 255), 1)[0]))
        assert other.facts["completeness_gap"] == pytest.approx(gap, abs=1e-5)


# What has no content -------------------------------------------------------------------------------------


def test_pictures_without_content():
    pixels = np.random.default_rng(0).integers(0, 256, (2, 20, 30, 4), np.uint8)
    for name, value in (("black", 0), ("grey", 128), ("white", 255)):
        empty = variants.emptied(pixels, name)
        assert (empty[..., :3] == value).all() and np.array_equal(empty[..., 3], pixels[..., 3])
    blurred = variants.emptied(pixels, "blurred")
    assert blurred.dtype == np.uint8 and blurred[..., :3].std() < pixels.std() / 4
    even = np.full((1, 9, 9, 1), 200, np.uint8)
    assert np.array_equal(variants.emptied(even, "blurred"), even), "nothing falls in from beyond the border"
    dot = np.zeros((1, 21, 21, 1), np.uint8)
    dot[0, 10, 10] = 255
    soft = variants.emptied(dot, "blurred")[0, ..., 0]
    assert soft.argmax() == 10 * 21 + 10 and np.array_equal(soft, soft.T) and np.array_equal(soft, soft[::-1])


# Passes ----------------------------------------------------------------------------------------------------


def test_memory_does_not_grow_with_the_passes(monkeypatch):
    """Whatever a method asks for, no more than so many pictures go through the network at once."""
    model, images, sizes = explain.wrap(plain(), "0..1"), pictures(3), []
    predict, slopes = model.network.predict, model.network.pixel_slopes(0)
    monkeypatch.setattr(variants, "BYTES", 2 * 4 * 5 * sum(int(np.prod(x.shape)) for x in model.layers))
    monkeypatch.setattr(model.network, "predict", lambda p, o=0: sizes.append(len(p)) or predict(p, o))
    counted = lambda p, k: sizes.append(len(p)) or slopes(p, k)
    monkeypatch.setattr(model.network, "pixel_slopes", lambda output: counted)
    explain.heatmaps(model, images, "occlusion")
    assert max(sizes) == 15 and len(sizes) > 10                             # 3 of 5 variants, no more than 16
    sizes.clear()
    explain.heatmaps(model, images, "smoothgrad", samples=7)
    assert sizes == [3] + [3] * 7                      # the score, then one variant of each of 3: at most 5
    sizes.clear()
    explain.heatmaps(model, pictures(12), "gradient")
    assert sizes == [12, 5, 5, 2]


LONG = ("smoothgrad", "integrated_gradients", "occlusion")


@pytest.mark.parametrize("name", LONG)
def test_long_methods_show_progress_and_can_be_stopped(name, monkeypatch):
    model, images, told = explain.wrap(plain(), "0..1"), pictures(3), []
    found = explain.heatmaps(model, images, name, batch=2, on_progress=lambda *now: told.append(now))
    assert len(found) == 3 and [len(new) for *_, new in told if new] == [2, 1]
    done = [now[0] for now in told]
    assert done == sorted(done) and done[-1] == 3 and 0 < done[0] < 1 and {now[1] for now in told} == {3}
    told.clear()

    def stop(*now):
        told.append(now)
        return False if now[0] > 2 else None

    stopped = explain.heatmaps(model, images, name, batch=2, on_progress=stop)
    assert [one.image for one in stopped] == [i.key for i in images[:2]] and 2 < told[-1][0] < 3
    assert explain.heatmaps(model, images, name, on_progress=lambda *now: False) == ()


def test_a_stopped_method_leaves_the_network_free():
    model, (image,) = explain.wrap(plain(), "0..1"), pictures(1)
    assert explain.heatmaps(model, [image], "occlusion", on_progress=lambda *now: False) == ()
    thread = threading.Thread(target=explain.heatmap, args=(model, image, "occlusion"))
    thread.start()
    thread.join(30)
    assert not thread.is_alive()


# Why a map is blank ----------------------------------------------------------------------------------------


def step() -> keras.Model:
    """The score moves by whole numbers."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.ops.round(keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(inputs)) * 50.0)
    return draw_weights(keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x)))


def test_a_step_without_a_slope():
    model, (image,) = explain.wrap(step(), "0..1"), pictures(1)
    for name in ("gradient", "gradient_times_input", "smoothgrad", "integrated_gradients"):
        found = explain.heatmap(model, image, name)
        assert not found.values.any() and "W_NO_SLOPE" in codes(found) and "Occlusion" in found.note
    assert explain.heatmap(model, image, "occlusion").values.any(), "as the notice says"


def test_a_black_picture_differs_in_nothing_from_black():
    model, black = explain.wrap(plain(), "0..1"), grey(np.zeros((SIZE, SIZE)))
    for name in ("gradient_times_input", "integrated_gradients", "occlusion"):
        found = explain.heatmap(model, black, name, **({"fill": "black"} if name == "occlusion" else {}))
        assert not found.values.any() and codes(found) == ["W_BLANK"]
        assert "Compare it with something else" in found.note


def test_a_saturated_probability_and_one_that_never_changes():
    def averaged(scale):
        inputs = keras.Input((SIZE, SIZE, 3))
        x = keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(inputs)))
        x = keras.layers.Softmax()(x * scale)
        return draw_weights(keras.Model(inputs, keras.layers.Average()([x, x * 1.0])))

    found = explain.heatmap(explain.wrap(averaged(1e5), "0..1"), pictures(1)[0], "gradient")
    assert codes(found) == ["W_SATURATED"] and not found.values.any()
    constant = plain()
    constant.get_layer("head").set_weights([np.zeros((6, 3), np.float32), np.arange(3, dtype=np.float32)])
    found = explain.heatmap(explain.wrap(constant, "0..1"), pictures(1)[0], "occlusion", class_index=0)
    assert codes(found) == ["W_HEAD_CONSTANT"] and "this layer" not in found.note
    assert found.probability == pytest.approx(softmax(np.arange(3.0))[0])


def test_weights_that_are_not_finite():
    network = plain()
    kernel, bias = network.get_layer("second").get_weights()
    network.get_layer("second").set_weights([np.full_like(kernel, np.nan), bias])
    model = explain.wrap(network, "0..1")
    found = explain.heatmap(model, pictures(1)[0], "integrated_gradients", class_index=0)
    assert "W_WEIGHTS_NOT_FINITE" in codes(found) and "'second'" in found.note and not found.values.any()
    assert all(np.isfinite(list(found.facts.values())))
