"""Opening: by name, by file, from memory; what cannot be opened says why."""

from __future__ import annotations

import json
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import SIZE, Subclassed, draw_weights, flattened, nested, pictures, plain, two_outputs

import explain
from explain.errors import (
    CustomClass, ModelError, OptionError, RefusedModel, TruncatedModel, UnknownFile,
    UnknownModel,
)  # fmt: skip
from explain.image import fit, read
from explain.opening import zoo
from explain.opening.guess import guess_scaling

# By name ---------------------------------------------------------------------------------------------


def test_the_embedded_network_names_the_cat(default_model, cat):
    first = explain.predict(default_model, cat)[0]
    assert first.label == "Egyptian cat" and first.probability > 0.5
    assert default_model.network.layers == default_model.layers and default_model.input_shape == (224, 224, 3)
    assert default_model.scaling == "(x-127)/128" and "its own" in default_model.scaling_note
    assert len(default_model.labels) == 1000 and default_model.default_layer == "top_activation"
    seen = explain.heatmap(default_model, cat)
    assert seen.values.shape == (7, 7) and seen.label == "Egyptian cat" and seen.note == ""


def test_random_weights_are_the_same_every_time(cat):
    one, two = (explain.load("mobilenetv3small", weights=None) for _ in range(2))
    assert "random weights" in one.about and len(one.labels) == 1000
    assert [p.score for p in explain.predict(one, cat)] == [p.score for p in explain.predict(two, cat)]


def test_names_that_are_not_in_the_zoo(tmp_path):
    with pytest.raises(UnknownModel, match="no network 'resnet5'.*Did you mean 'resnet50'"):
        explain.load("resnet5")
    (tmp_path / "my_network.keras").write_bytes(b"")
    with pytest.raises(UnknownModel, match="There is no file.*Did you mean 'my_network.keras'"):
        explain.load(tmp_path / "my_netwrk.keras")
    with pytest.raises(UnknownModel, match="There is no file"):
        explain.load("nowhere.h5")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnknownFile, match="saved_model.pb"):
        explain.load(tmp_path / "empty")


def test_labels_that_do_not_fit():
    with pytest.raises(OptionError, match="Expected 1000 labels, one for each class, received 2"):
        explain.load("mobilenetv3small", weights=None, labels=["a", "b"])


# By file ---------------------------------------------------------------------------------------------


def test_broken_files_say_so(tmp_path):
    whole = tmp_path / "whole.keras"
    plain().save(whole)
    data = whole.read_bytes()
    with zipfile.ZipFile(whole) as archive:
        config, numbers = json.loads(archive.read("config.json")), archive.read("model.weights.h5")
    config["config"]["layers"][1]["class_name"] = "NoSuchLayer"
    with zipfile.ZipFile(tmp_path / "custom.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", "{}")
        archive.writestr("model.weights.h5", numbers)
    broken = {
        "empty.keras": (b"", TruncatedModel), "cut.keras": (data[: len(data) // 2], TruncatedModel),
        "text.h5": (b"hello", UnknownFile), "pickle.hdf5": (b"\x80\x04.", UnknownFile),
    }  # fmt: skip
    for name, (content, _) in broken.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "wrong ending.onnx").write_bytes(data)                     # what it is decides, not its name
    assert explain.load(tmp_path / "wrong ending.onnx").default_layer == "second"
    for name, kind in {**{n: k for n, (_, k) in broken.items()}, "custom.keras": CustomClass}.items():
        with pytest.raises(RefusedModel, match="'NoSuchLayer'" if kind is CustomClass else name) as refused:
            explain.load(tmp_path / name)
        assert type(refused.value) is kind, name


def test_labels_from_a_file(tmp_path):
    (tmp_path / "labels.txt").write_text("\ufeffcat\n\ndog\n bird \n", encoding="utf-8")
    model = explain.wrap(plain(), "0..1", labels=tmp_path / "labels.txt")
    assert model.labels == ("cat", "dog", "bird")
    assert explain.heatmap(model, pictures(1)[0], class_index="bird").class_index == 2
    with pytest.raises(OptionError, match="There is no file of labels"):
        explain.wrap(plain(), "0..1", labels=tmp_path / "lables.txt")
    with pytest.raises(OptionError, match="Expected 3 labels.*received 2"):
        explain.wrap(plain(), "0..1", labels=["a", "b"])
    assert explain.wrap(plain(), "0..1").label(2) == "class 2"


# From memory ------------------------------------------------------------------------------------------


def test_what_is_no_network_for_pictures():
    Input, Dense, Flatten = keras.Input, keras.layers.Dense, keras.layers.Flatten
    vector = keras.Sequential([Input((5,)), Dense(2)])
    video = keras.Sequential([Input((4, 8, 8, 3)), keras.layers.Conv3D(2, 2), Flatten(), Dense(2)])
    first, second = Input((8, 8, 3)), Input((8, 8, 3))
    pair = keras.Model([first, second], Dense(2)(Flatten()(first + second)))
    for network, sentence in (
        ("vgg16", "Expected a keras.Model, received str"),
        (vector, "received a vector"),
        (video, "a volume or video"),
        (pair, "received 2 inputs"),
        (keras.Sequential([Input((3, 32, 32)), Flatten(), Dense(2)]), "channels first"),
        (keras.Sequential([Input((8, 8, 5)), Flatten(), Dense(2)]), "1, 3 or 4 channels"),
        (keras.Sequential([Dense(2)]), "never called"),
        (Subclassed(), "never called"),
    ):
        with pytest.raises(ModelError, match=sentence):
            explain.wrap(network)


def test_a_network_that_was_never_called_is_built_on_request():
    model = explain.wrap(Subclassed(), "0..1", input_shape=(SIZE, SIZE, 3))
    assert model.default_layer == "two" and model.input_shape == (SIZE, SIZE, 3)


def test_shapes_that_do_not_fit():
    with pytest.raises(ModelError, match="cannot be run on a picture of 13×13×3. Keras says"):
        explain.wrap(flattened(), "0..1", input_shape=(13, 13, 3))
    with pytest.raises(ModelError, match="cannot be run on a picture of 1×1×3"):
        explain.wrap(keras.Sequential([keras.layers.Conv2D(2, 3)]), input_shape=(1, 1, 3))
    for shape in ((12, 12), (12, 12, 2), (0, 12, 3), (12.5, 12, 3)):
        with pytest.raises(OptionError, match="input_shape"):
            explain.wrap(plain(), "0..1", input_shape=shape)
    with pytest.raises(OptionError, match="Did you mean '0..255'"):
        explain.wrap(plain(), "0..256")


def test_the_key_is_a_digest_of_what_an_answer_depends_on():
    network, same = plain(), plain()
    key = explain.wrap(network, "0..1").key
    assert len(key) == 64 and explain.wrap(network, "0..1", labels=["a", "b", "c"], name="other").key == key
    assert explain.wrap(network, "0..255").key != key
    weight = network.get_layer("first").weights[1]
    weight.assign(weight + 1e-7)
    assert explain.wrap(network, "0..1").key != key
    keys = {explain.wrap(make(), "0..1").key for make in (plain, nested, two_outputs)}
    assert len(keys) == 3 and explain.wrap(same, "0..1").key == key


def test_an_opened_network_is_not_held_to_its_name():
    assert explain.wrap(plain(), "0..1").name == "plain"
    assert explain.wrap(plain(), "0..1", name="mine").name == "mine"


# The scaling ---------------------------------------------------------------------------------------------


def named(name: str, *first) -> keras.Model:
    end = [keras.layers.Flatten(), keras.layers.Dense(2)]
    return keras.Sequential([keras.Input((8, 8, 3)), *first, *end], name=name)


@pytest.mark.parametrize(
    ("name", "scaling"),
    [("vgg16", "caffe"), ("resnet50", "caffe"), ("resnet50v2", "-1..1"), ("mobilenet_1.00_224", "-1..1"),
     ("MobileNetV3Small", "0..255"), ("densenet121", "torch"), ("inception_resnet_v2", "-1..1"),
     ("xception", "-1..1"),
     ("efficientnetb0", "0..255"), ("efficientnet_lite0", "(x-127)/128"), ("my_network", "0..1")],
)  # fmt: skip
def test_scaling_by_the_name_of_the_backbone(name, scaling):
    assert guess_scaling(named(name))[0] == scaling
    outer = keras.Sequential([keras.Input((8, 8, 3)), named(name), keras.layers.Softmax()], name="outer")
    assert guess_scaling(outer)[0] == scaling


def test_scaling_inside_the_network_wins():
    scaling, why, _ = guess_scaling(named("resnet50", keras.layers.Rescaling(1 / 127.5, -1)))
    assert scaling == "0..255" and "Rescaling" in why
    model = explain.wrap(named("my_network"))
    assert model.scaling == "0..1" and "a guess" in model.scaling_note
    assert explain.wrap(named("vgg16"), "torch").scaling_note == "given"


@pytest.mark.parametrize("name", [zoo.DEFAULT, "mobilenet", "mobilenetv2", "mobilenetv3small"])
def test_a_zoo_network_that_was_saved_is_scaled_as_before(name):
    """The guess, by name or layers, agrees with the table."""
    assert guess_scaling(zoo.build(name, None))[0] == zoo.ZOO[name].scaling


# Real files -------------------------------------------------------------------------------------------------


def test_mobilenet_from_a_file_of_weights(data):
    model = explain.load("mobilenet", weights=data / "weights" / "mobilenet_1_0_224_imagenet_top.weights.h5")
    cat = read(data / "photos" / "skimage_chelsea.png")
    first = explain.predict(model, cat)[0]
    assert first.label == "Egyptian cat" and first.probability == pytest.approx(0.94, abs=0.03)
    seen = explain.heatmap(model, cat, class_index="tabby")
    assert seen.values.max() > 0 and seen.class_index == 281


def test_vgg16_without_its_classifier(data):
    model = explain.load("vgg16", weights=data / "weights" / "vgg16_imagenet_notop.weights.h5")
    cat = read(data / "photos" / "skimage_chelsea.png")
    pixels = fit(cat.pixels, 224, 224)
    scaled = keras.applications.vgg16.preprocess_input(pixels[None].astype(np.float32))
    kernel, bias = model.network.model.get_layer("block1_conv1").get_weights()
    expected = np.maximum(tf.nn.conv2d(scaled, kernel, 1, "SAME").numpy()[0] + bias, 0)
    maps = explain.activations(model, cat, "block1_conv1")
    assert maps.values.shape == (224, 224, 64)
    assert np.allclose(maps.values, expected, atol=1e-3 * expected.max())
    assert model.labels == () and model.default_layer == "block5_conv3"
    (pattern,) = explain.patterns(model, "block3_conv1", [0], steps=3, size=64)
    assert pattern.scores[-1] > pattern.scores[0]


def test_weights_drawn_by_hand_are_the_same_every_time():
    one, two = plain().get_weights(), draw_weights(plain()).get_weights()
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
