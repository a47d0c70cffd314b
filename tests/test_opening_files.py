"""Files of strangers, of the operator, and one's own: what opens, what is refused, and what is said about it."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from networks import SIZE, close, pictures, plain

import explain
from explain.errors import CustomClass, InputError, LayerError, OptionError, UnsafeLayer, WeightsOnly
from explain.image import read

CUSTOM = Path(__file__).with_name("custom_layers.py")

# Of the sixteen real files: why four of them are not opened.
REFUSED = {
    "gh__dl4j-test-resources__batch_to_conv2d_tensorflow_1.h5": (InputError, "received a vector"),
    "gh__dl4j-test-resources__conv2d_reshape_tensorflow_2.h5": (InputError, "5 channels"),
    "gh__dl4j-test-resources__model_lambda.h5": (UnsafeLayer, "'lambda_3' is 'Lambda'"),
    "npm__tensorspace__weights_only.h5": (WeightsOnly, "no architecture"),
}


def test_every_real_file_opens_or_says_why(data):
    photo = read(data / "photos" / "sklearn_flower.jpg")
    opened = {}
    for file in sorted((data / "models").iterdir()):
        if file.name in REFUSED:
            kind, sentence = REFUSED[file.name]
            with pytest.raises(kind, match=sentence):
                explain.load(file)
            continue
        model = explain.load(file)
        predictions = explain.predict(model, photo, top=1000)
        if model.outputs[0].head == "softmax":
            assert sum(p.probability for p in predictions) == pytest.approx(1, abs=1e-3), file.name
        try:
            seen = explain.heatmap(model, photo)
            assert np.isfinite(seen.values).all() and (np.ptp(seen.values) > 0 or seen.note), file.name
        except LayerError as error:
            assert "no layer with a map" in str(error), file.name
        opened[file.name] = model
    assert len(opened) == 12
    teachable = next(m for n, m in opened.items() if "teachable" in n)
    assert any(n.code == "W_REPAIRED" for n in teachable.notices)


def custom_model():
    sys.path.insert(0, str(CUSTOM.parent))
    from custom_layers import ResidualUnit

    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)), keras.layers.Conv2D(4, 3, name="stem"),
            ResidualUnit(4, name="unit"), ResidualUnit(8, strides=2, name="wider"),
            keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax"),
        ]
    )  # fmt: skip


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_an_operators_class_opens_where_the_operator_named_it(tmp_path, monkeypatch, ending):
    network = custom_model()
    file = tmp_path / f"custom{ending}"
    network.save(file)
    with pytest.raises(CustomClass, match="ResidualUnit'.*--custom-objects"):
        explain.load(file, "0..1")
    photo = pictures(1, size=32)[0]
    expected = explain.heatmap(explain.wrap(network, "0..1"), photo, layer="wider")
    for how in ("argument", "setting"):
        if how == "setting":
            monkeypatch.setenv("EXPLAIN_CUSTOM_OBJECTS", str(CUSTOM))
        model = explain.load(file, "0..1", custom_objects=str(CUSTOM) if how == "argument" else None)
        inside = [layer.name for layer in model.layers if layer.name.startswith("wider/")]
        assert sum("conv" in name for name in inside) == 3, inside
        found = explain.heatmap(model, photo, layer="wider")
        assert close(found.values, expected.values, 1e-5)
        assert explain.activations(model, photo, inside[0]).values.ndim == 3


def test_custom_objects_that_cannot_be_imported(tmp_path):
    file = tmp_path / "model.keras"
    plain().save(file)
    (tmp_path / "broken.py").write_text("import keras\nclass One(keras.layers.Layer): pass\nraise ValueError('no')\n")
    with pytest.raises(OptionError, match="cannot be imported: ValueError: no"):
        explain.load(file, custom_objects=str(tmp_path / "broken.py"))
    with pytest.raises(OptionError, match="Python file that defines"):
        explain.load(file, custom_objects=[str(tmp_path / "missing.py")])


def test_ones_own_file_may_skip_the_inspection(tmp_path):
    """What an inspection refuses, its owner may open."""
    network = keras.Sequential([keras.Input((SIZE, SIZE, 3)), keras.layers.Lambda(keras.ops.relu),
                                keras.layers.Conv2D(2, 3), keras.layers.Flatten(), keras.layers.Dense(2)])  # fmt: skip
    file = tmp_path / "own.keras"
    network.save(file)
    with pytest.raises(UnsafeLayer, match="Lambda"):
        explain.load(file, "0..1")
    assert explain.load(file, "0..1", trusted=True).outputs[0].classes == 2


def test_the_key_of_a_file_is_its_content(tmp_path):
    for name in ("one.keras", "two.keras"):
        plain().save(tmp_path / name)
    (tmp_path / "copy.keras").write_bytes((tmp_path / "one.keras").read_bytes())
    one, copy = explain.load(tmp_path / "one.keras", "0..1"), explain.load(tmp_path / "copy.keras", "0..1")
    assert one.key == copy.key == explain.load(tmp_path / "one.keras", "0..1").key
    assert explain.load(tmp_path / "one.keras", "0..255").key != one.key


def test_labels_that_came_with_the_file_are_used_where_they_fit(tmp_path):
    plain().save(tmp_path / "keras_model.h5")
    for lines, labels in (("0 cat\n1 dog\n2 bird\n", ("cat", "dog", "bird")), ("0 cat\n1 dog\n", ())):
        with zipfile.ZipFile(tmp_path / "converted_keras.zip", "w") as archive:
            archive.write(tmp_path / "keras_model.h5", "keras_model.h5")
            archive.writestr("labels.txt", lines)
        model = explain.load(tmp_path / "converted_keras.zip", "0..1")
        assert model.labels == labels
        assert [n.code for n in model.notices if n.code == "W_LABELS"] == ([] if labels else ["W_LABELS"])
    with pytest.raises(OptionError, match="Expected 3 labels.*received 2"):
        explain.load(tmp_path / "converted_keras.zip", "0..1", labels=["a", "b"])


def test_weights_alone_say_what_they_could_be_of(tmp_path, data):
    plain().save_weights(tmp_path / "some.weights.h5")
    with pytest.raises(WeightsOnly, match="holds weights and no architecture.*--weights FILE"):
        explain.load(tmp_path / "some.weights.h5")
    with pytest.raises(WeightsOnly, match="They have the size of MobileNet"):
        explain.load(data / "weights" / "mobilenet_1_0_224_imagenet_top.weights.h5")


def test_a_sequential_that_was_saved_before_it_was_built(tmp_path):
    network = keras.Sequential([keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.Flatten(), keras.layers.Dense(2)])
    network.save(tmp_path / "unbuilt.keras")
    with pytest.raises(explain.errors.ModelError, match="input_shape"):
        explain.load(tmp_path / "unbuilt.keras")
    model = explain.load(tmp_path / "unbuilt.keras", "0..1", input_shape=(16, 16, 3))
    assert "W_UNTRAINED" in [n.code for n in model.notices]
    assert explain.heatmap(model, pictures(1)[0]).values.shape == (14, 14)
