"""Every kind of input and of end: what is a picture is taken, what is none is refused by name."""

from __future__ import annotations

import warnings

import keras
import numpy as np
import pytest
import recipes_refused as refused
import recipes_wrapped as wrapped
from exploring import explained, explored, looked_at, picture
from networks import close, draw_weights

import explain
from explain.errors import ClassError, InputError, LayerError, ModelError
from explain.probe.probing import Probe

EVERY = (*wrapped.INPUTS, *wrapped.ENDS)
NOT_DREAMT = {wrapped.without_channel_axis, *wrapped.ENDS} - {wrapped.segmentation}  # patterns know no end


@pytest.mark.parametrize("make", EVERY, ids=lambda make: make.__name__)
def test_the_three_jobs_in_memory_and_from_files(make, tmp_path):
    explored(make(), None if make in NOT_DREAMT else "default", files=("keras", "h5"), folder=tmp_path)


# Inputs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [wrapped.whole_numbers, wrapped.double_precision, wrapped.half_precision])
def test_every_number_format_gives_the_same_map(make):
    """uint8 with its Rescaling inside, float64, and half precision to its own precision."""
    inside = make is wrapped.whole_numbers
    found = explained(explain.wrap(make(), "0..255" if inside else "0..1"), picture())
    expected = explained(explain.wrap(wrapped.functional(), "0..1"), picture())
    for one, other in zip(found, expected, strict=True):
        assert one.values.dtype == np.float32
        assert close(one.values, other.values, 0.01 if make is wrapped.half_precision else 1e-5)


def test_a_picture_that_is_not_square_is_squashed_whole():
    model = explain.wrap(wrapped.not_square(), "0..1")
    assert model.input_shape == (10, 16, 3)
    assert explain.heatmap(model, picture(height=30, width=90)).values.shape == (5, 8)
    assert explain.activations(model, picture(), "first").values.shape == (10, 16, 4)


def test_a_grey_picture_without_an_axis_for_channels():
    network, image = wrapped.without_channel_axis(), picture()
    model = explain.wrap(network, "0..1")
    assert model.input_shape == (28, 28, 1)
    grey = explain.image.fit(image.pixels, 28, 28, 1)[..., 0]
    expected = network(grey[None] / np.float32(255)).numpy()[0]
    assert explain.predict(model, image)[0].probability == pytest.approx(expected.max(), abs=1e-6)
    with pytest.raises(LayerError, match=r"own \(28×28\).*TensorFlow says"):
        explain.patterns(model, "second", [0], steps=1, size=32)


class Grey(keras.Model):
    """Takes (b, 12, 12), and would take nothing else for the same."""

    def __init__(self, **options):
        super().__init__(**options)
        self.layers_inside = wrapped.chain()[1:]

    def call(self, x):
        return wrapped.connected(x[..., None], self.layers_inside)


def test_a_subclassed_network_without_an_axis_for_channels():
    network = Grey(name="grey")
    network(np.zeros((1, 12, 12), np.float32))
    found = explained(explain.wrap(draw_weights(network), "0..1"), picture())
    for one, other in zip(found, explained(explain.wrap(wrapped.grey(), "0..1"), picture()), strict=True):
        assert close(one.values, other.values, 1e-5)


@pytest.mark.parametrize("make", [wrapped.input_in_a_list, wrapped.input_in_a_dictionary])
def test_an_input_is_given_as_it_was_declared(make):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Keras warns of a bare tensor, at every trace
        explained(explain.wrap(make(), "0..1"), picture())


class Counts(keras.layers.Layer):
    """Takes whole numbers for 0..255 and fractions for 0..1."""

    def call(self, x):
        if x.dtype.is_integer:
            return keras.ops.cast(x, "float32") / 255
        return x


def test_whole_numbers_have_slopes_where_fractions_mean_the_same():
    image = picture()
    pixels = explain.image.fit(image.pixels, 12, 12)[None]
    ways = [explain.wrap(wrapped.whole_numbers(), "0..255"), explain.wrap(wrapped.functional(), "0..1")]
    whole, usual = (Probe(model.network, pixels, [image.key], classes=[1]).input_slopes for model in ways)
    assert np.abs(usual).max() > 0 and close(whole, usual, 1e-5)
    patterns = [explain.patterns(model, "second", [2], steps=4, size=32)[0] for model in ways]
    assert close(patterns[0].pixels, patterns[1].pixels, 1e-4)


def test_whole_numbers_that_mean_something_else_have_none():
    inputs = keras.Input((12, 12, 3), dtype="uint8")
    outputs = wrapped.connected(Counts(dtype="float32", autocast=False)(inputs), wrapped.chain()[1:])
    model, image = explain.wrap(draw_weights(keras.Model(inputs, outputs)), "0..255"), picture()
    explained(model, image)
    with pytest.raises(InputError, match=r"whole numbers \(uint8\).*no patterns"):
        explain.patterns(model, "second", [0], steps=1, size=32)
    with pytest.raises(InputError, match="no input gradients"):
        Probe(model.network, explain.image.fit(image.pixels, 12, 12)[None], ["p"]).input_slopes


REFUSED = {
    refused.two_pictures: r"one picture as input, received 2 inputs: \(None, 16, 16, 3\), \(None, 16, 16, 3\)",
    refused.picture_and_numbers: r"received 2 inputs: .*\(None, 7\)",
    refused.two_pictures_subclassed: "received 2 inputs",
    refused.sequence: r"received a sequence: \(None, 50, 8\)",
    refused.vector: r"received a vector: \(None, 784\)",
    refused.volume: r"received a volume or video: \(None, 8, 16, 16, 1\)",
    refused.channels_first: r"\(None, 3, 16, 16\) has its channels first.*data_format='channels_last'",
    refused.turned_inside: "Layer 'conv' computes with channels first.*data_format='channels_last'",
    refused.spectrum: r"1, 3 or 4 channels, received \(None, 16, 16, 12\)",
}


@pytest.mark.parametrize(("make", "sentence"), REFUSED.items(), ids=[make.__name__ for make in REFUSED])
def test_what_is_no_picture_is_refused_by_name(make, sentence):
    with pytest.raises(InputError, match=sentence) as found:
        explain.wrap(make(), "0..1")
    assert isinstance(found.value, ModelError) and found.value.code == "E_MODEL_INPUT"


def test_every_refused_kind_is_tried():
    assert set(REFUSED) == set(refused.NO_PICTURE)


# Ends -----------------------------------------------------------------------------------------------------


def test_logits_softmax_and_softmax_apart_give_the_same_map():
    ways = [wrapped.functional, wrapped.logits, wrapped.activation_apart, wrapped.softmax_apart]
    maps = [explained(explain.wrap(make(), "0..1"), picture()) for make in ways]
    for found in maps[1:]:
        for one, other in zip(found, maps[0], strict=True):
            assert close(one.values, other.values, 1e-5) and one.score == pytest.approx(other.score, abs=1e-5)


def test_one_sigmoid_unit_explains_either_class():
    """What speaks for the one speaks against the other: before the ReLU, one map is the other's negative."""
    model, image = explain.wrap(wrapped.one_sigmoid(), "0..1", labels=["cat", "dog"]), picture()
    probes = [
        Probe(model.network, explain.image.fit(image.pixels, 12, 12)[None], ["p"], classes=[k])
        for k in (0, 1)
    ]
    assert close(probes[0].slopes, -probes[1].slopes, 1e-6) and np.abs(probes[0].slopes).max() > 0
    assert probes[0].scores == -probes[1].scores
    assert probes[0].probabilities + probes[1].probabilities == pytest.approx(1, abs=1e-6)
    cat, dog = (explain.heatmap(model, image, class_index=name).values for name in ("cat", "dog"))
    assert not np.any((cat > 0) & (dog > 0)) and (cat + dog).max() > 0


def test_outputs_are_named_as_the_network_names_them():
    model, image = explain.wrap(wrapped.outputs_in_a_dictionary(), "0..1"), picture()
    assert [o.name for o in model.outputs] == ["what", "where"]
    assert [o.name for o in explain.wrap(wrapped.outputs_in_a_list(), "0..1").outputs] == ["kind", "box"]
    by_name, by_number = (
        explain.heatmap(model, image, output="where"),
        explain.heatmap(model, image, output=1),
    )
    assert np.array_equal(by_name.values, by_number.values)
    with pytest.raises(ClassError, match="what, where"):
        explain.heatmap(model, image, output="box")


def test_labels_belong_to_the_output_with_as_many_classes():
    model, image = (
        explain.wrap(wrapped.outputs_in_a_list(), "0..1", labels=["red", "green", "blue"]),
        picture(),
    )
    assert explain.heatmap(model, image, class_index="green").class_index == 1
    with pytest.raises(ClassError, match=r"no class 'green'. Expected a number from 0 to 3"):
        explain.heatmap(model, image, class_index="green", output="box")


def test_a_class_for_each_pixel():
    model, image = explain.wrap(wrapped.segmentation(), "0..1"), picture()
    assert model.default_layer == "across" and "map" in model.outputs[0].note
    assert {"down", "deep", "dilated", "up", "across"} <= set(looked_at(model, image))
    assert explain.heatmap(model, image, layer="dilated").values.shape == (8, 8)
