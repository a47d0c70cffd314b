"""What cannot be exported, and why; the command that exports."""

from __future__ import annotations

import keras
import networks
import pytest
import recipes_layers
import tensorflow as tf
from networks import close, pictures

import explain
from explain.commands import DONE, REFUSED, main
from explain.errors import ClassError, LayerError, MethodError, ModelError, OptionError, UnsafeGraph
from explain.exporting import export_explainer
from explain.exporting.formulas import FORMULAS


def test_what_cannot_be_exported_is_refused_before_anything_is_written(tmp_path):
    model, path = explain.wrap(networks.plain(), "0..1"), tmp_path / "explainer"
    other = next(name for name in explain.methods.shelf("heatmaps") if name not in FORMULAS)
    with pytest.raises(MethodError, match=f"cannot be exported.*gradcam.*received '{other}'"):
        export_explainer(model, path=path, method=other)
    with pytest.raises(MethodError, match="Did you mean 'gradcam'"):
        export_explainer(model, path=path, method="gradcan")
    with pytest.raises(LayerError, match="no layer 'third'"):
        export_explainer(model, "third", path)
    with pytest.raises(ClassError, match="no output 'age'"):
        export_explainer(model, path=path, output="age")
    with pytest.raises(OptionError, match="no option 'sign'"):
        export_explainer(model, path=path, sign=True)
    with pytest.raises(LayerError, match="cuts a picture into pieces"):
        export_explainer(explain.wrap(recipes_layers.tiles(), "0..1"), "in_tile", path)
    assert not list(tmp_path.iterdir())


def test_an_existing_path_is_never_replaced(tmp_path):
    model, path = explain.wrap(networks.plain(), "0..1"), tmp_path / "explainer"
    path.write_text("mine")
    with pytest.raises(OptionError, match="exists already"):
        export_explainer(model, path=path)
    with pytest.raises(OptionError, match="cannot be written"):
        export_explainer(model, path=path / "inside")
    assert path.read_text() == "mine" and [p.name for p in tmp_path.iterdir()] == ["explainer"]


class Calling(keras.layers.Layer):
    """Calls Python while it runs."""

    def call(self, x):
        answer = tf.py_function(lambda values: values * 2, [x], tf.float32)
        answer.set_shape(x.shape)
        return answer

    def compute_output_shape(self, shape):
        return shape


class Looking(keras.layers.Layer):
    """Looks its numbers up in a table."""

    def __init__(self, **options):
        super().__init__(**options)
        pairs = tf.lookup.KeyValueTensorInitializer(tf.constant([0, 1]), tf.constant([1.0, 2.0]))
        self.table = tf.lookup.StaticHashTable(pairs, 1.0)

    def call(self, x):
        return x * self.table.lookup(tf.zeros(tf.shape(x), tf.int32))

    def compute_output_shape(self, shape):
        return shape


class Random(keras.layers.Layer):
    """Draws anew each time it runs, whatever it is told about training."""

    def call(self, x):
        return x * tf.random.uniform(tf.shape(x)[:1])[:, None, None, None]


@pytest.mark.parametrize(
    ("layer", "words"),
    [(Calling, "calls Python"), (Looking, "no weight but a table"), (Random, "answers other heatmaps")],
)
def test_a_network_that_needs_more_than_its_weights_is_refused(layer, words, tmp_path):
    network = keras.Sequential([
        keras.Input((12, 12, 3)), keras.layers.Conv2D(4, 3, name="conv"), layer(),
        keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax"),
    ])  # fmt: skip
    with pytest.raises(ModelError, match=words):
        export_explainer(explain.wrap(network, "0..1"), "conv", tmp_path / "explainer")
    assert not list(tmp_path.iterdir())


def test_our_own_inspection_says_why_it_does_not_open_one(tmp_path):
    """Slopes are operations of training, which a stranger's file must not bring."""
    folder = export_explainer(explain.wrap(networks.plain(), "0..1"), path=tmp_path / "explainer")
    with pytest.raises(UnsafeGraph, match="Export the network without it, from picture to scores"):
        explain.load(folder)


# The command -----------------------------------------------------------------------------------------------


def test_the_command_writes_one(tmp_path, monkeypatch, capsys):
    network = networks.plain()
    network.save(tmp_path / "plain.keras")
    monkeypatch.chdir(tmp_path)
    words = ["export-explainer", "plain.keras", "--scaling", "0..1", "--layer", "first", "--out", "served/1"]
    assert main([*words, "--trusted", "--option", "signed=yes"]) == DONE
    assert "served/1" in capsys.readouterr().out
    image = pictures(1)[0]
    signatures = tf.saved_model.load("served/1").signatures
    said = signatures["serving_default"](pixels=tf.constant(image.pixels[None]))
    expected = explain.heatmap(explain.wrap(network, "0..1"), image, layer="first", signed=True)
    assert close(said["heatmap"].numpy()[0], expected.values, 1e-5)
    assert main(words) == REFUSED
    assert "exists already" in capsys.readouterr().err
