"""From pixels to what a network was trained on: the same numbers as Keras' own functions."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from explain.errors import OptionError
from explain.opening.zoo import ZOO
from explain.scaling import SCALINGS, USUAL, Scaling, scaling_of

PIXELS = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3)).astype(np.float32)

MODULES = {
    "vgg16": "vgg16", "vgg19": "vgg19", "resnet50": "resnet", "resnet101": "resnet",
    "resnet50v2": "resnet_v2", "inceptionv3": "inception_v3", "inceptionresnetv2": "inception_resnet_v2",
    "xception": "xception",
    "mobilenet": "mobilenet", "mobilenetv2": "mobilenet_v2", "mobilenetv3small": "mobilenet_v3",
    "mobilenetv3large": "mobilenet_v3", "densenet121": "densenet", "densenet169": "densenet",
    "nasnetmobile": "nasnet",
    "efficientnetb0": "efficientnet", "efficientnetv2b0": "efficientnet_v2", "convnexttiny": "convnext",
}  # fmt: skip


@pytest.mark.parametrize("name", [n for n in ZOO if not ZOO[n].embedded])
def test_as_keras_does_it(name):
    module = importlib.import_module(f"keras.applications.{MODULES[name]}")
    expected = np.asarray(module.preprocess_input(PIXELS.copy()))
    assert np.allclose(scaling_of(ZOO[name].scaling).apply(PIXELS), expected, atol=1e-4)


def test_with_a_pencil():
    red = np.array([[[255, 0, 127]]], np.float32)
    assert SCALINGS["0..255"].apply(red).tolist() == red.tolist()
    assert SCALINGS["0..1"].apply(red)[0, 0].tolist() == pytest.approx([1, 0, 127 / 255])
    assert SCALINGS["-1..1"].apply(red)[0, 0].tolist() == pytest.approx([1, -1, -0.5 / 127.5])
    assert SCALINGS["(x-127)/128"].apply(red)[0, 0].tolist() == [1, -127 / 128, 0]
    caffe = SCALINGS["caffe"].apply(red)[0, 0].tolist()
    assert caffe == pytest.approx([127 - 103.939, -116.779, 255 - 123.68])


@pytest.mark.parametrize("name", SCALINGS)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_grey_and_alpha(name, channels):
    pixels = np.full((2, 3, 3, channels), 100, np.float32)
    scaled = SCALINGS[name].apply(pixels)
    assert scaled.shape == pixels.shape and np.asarray(scaled).dtype == np.float32
    if channels == 1:                                # what the three colours of a grey pixel are on average
        three = SCALINGS[name].apply(np.full((1, 1, 1, 3), 100, np.float32))
        assert scaled[0, 0, 0, 0] == pytest.approx(three.mean(), abs=0.02)


def test_numpy_and_tensorflow_agree():
    import tensorflow as tf

    for scaling in SCALINGS.values():
        assert np.allclose(scaling.apply(tf.constant(PIXELS)).numpy(), scaling.apply(PIXELS), atol=1e-5)


def test_each_has_its_counterpart_with_red_and_blue_exchanged():
    assert list(SCALINGS)[:6] == [usual.name for usual in USUAL] and len(SCALINGS) == 12
    for name, scaling in SCALINGS.items():
        other = SCALINGS[scaling.swapped.name]
        assert scaling.swapped == other and other.swapped == scaling and name != other.name
        swapped = other.apply(PIXELS)[..., ::-1]
        assert np.allclose(swapped, scaling.apply(PIXELS), atol=1e-5)       # each colour keeps its own numbers
        for channels in (1, 4):
            assert other.swaps(channels) is False
    assert {"0..1 bgr", "caffe rgb", "torch bgr"} < set(SCALINGS)
    blue = np.array([[0, 0, 255]], np.float32)
    assert SCALINGS["0..1 bgr"].apply(blue).tolist() == [[1, 0, 0]]
    assert SCALINGS["caffe rgb"].apply(blue)[0] == pytest.approx([-123.68, -116.779, 255 - 103.939])


def test_which_are_nearly_the_same():
    alike = {(a, b) for a in SCALINGS for b in SCALINGS if a < b and SCALINGS[a].nearly(SCALINGS[b])}
    assert alike == {("(x-127)/128", "-1..1"), ("(x-127)/128 bgr", "-1..1 bgr")}
    assert all(scaling.nearly(scaling) for scaling in USUAL)


def test_names():
    assert scaling_of("torch") is SCALINGS["torch"]
    own = Scaling("mine", divide=(2, 2, 2))
    assert scaling_of(own) is own and own.apply(PIXELS).max() == PIXELS.max() / 2
    with pytest.raises(OptionError, match="no scaling '0..2'.*'0..255', '0..1'.*Did you mean"):
        scaling_of("0..2")
