"""Files of every kind that people have and that open: small, saved by Keras here or written by hand."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from corpus import (
    Shelf, Target, as_file, base, config_of, in_hdf5, members, packed, recipe, with_config, with_weights,
)  # fmt: skip
from corpus_attacks_graphs import frozen, network, save_graph, zipped
from corpus_valid_h5 import HDF5

VALID = Shelf(HDF5)

# As Keras saves them -------------------------------------------------------------------------------

RECIPES = {
    "networks": {"with_positions": ".keras", "twin": ".keras", "called_twice": ".h5"},
    "recipes": {"mnist_convnet": ".keras", "lenet5": ".h5", "xception_with_box": ".h5"},
    "recipes_layers": {
        "depthwise": ".h5", "separable": ".keras", "transposed": ".keras", "grouped": ".keras",
        "squeeze_and_excite": ".keras", "attention_block": ".keras", "coloured_perceptron": ".h5",
    },
    "recipes_wrapped": {
        "sequential_without_input": ".h5", "nested_in_functional": ".keras", "nested_in_sequential": ".h5",
        "three_deep": ".keras", "scaled_inside": ".keras", "normalised_inside": ".keras",
        "several_labels": ".h5", "segmentation": ".keras", "with_alpha": ".keras", "free_size": ".keras",
        "whole_numbers": ".keras", "half_precision": ".keras", "double_precision": ".h5",
    },
}  # fmt: skip


for _module, _names in RECIPES.items():
    for _name, _ending in _names.items():
        VALID.bytes("", _ending, _name)(lambda m=_module, n=_name, e=_ending: recipe(m, n, e))


@cache
def trained(ending: str) -> bytes:
    """With the optimizer's state, a loss and a metric."""
    from networks import plain

    model = plain()
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    return as_file(model, ending)


VALID.bytes("", ".keras", "trained_keras")(lambda: trained(".keras"))
VALID.bytes("", ".h5", "trained_h5")(lambda: trained(".h5"))

# Names and endings ---------------------------------------------------------------------------------


def called(name: str, file: str, data: Callable[[], bytes]) -> None:
    """The sample has that file name, whatever it holds."""

    @VALID.add(name=name)
    def make(folder: Path, target: Target) -> Path:
        path = folder / file
        path.write_bytes(data())
        return path


called("hdf5_named_keras", "model.keras", lambda: base(".h5"))
called("keras_named_h5", "model.h5", lambda: base(".keras"))
called("no_ending", "model", lambda: base(".keras"))
called("loud_ending", "MODEL.H5", lambda: base(".h5"))
called("unicode_name", "猫と犬 – Über 100 % (1).keras", lambda: base(".keras"))
called("markdown_name", "![x](http:⁄⁄sample) <b>*cat* $x$ :red[a].keras", lambda: base(".keras"))
called("shell_name", "-rf ; touch x && $(id) `id` 'q' \"r\".h5", lambda: base(".h5"))


def renamed(to: str, ending: str) -> bytes:
    """The base, its convolution called otherwise."""
    if ending == ".keras":
        return with_config(json.dumps(config_of()).replace('"conv"', json.dumps(to)))

    def change(file):
        file.attrs["model_config"] = file.attrs["model_config"].replace('"conv"', json.dumps(to))
        weights = file["model_weights"]
        weights.attrs["layer_names"] = [to if n == "conv" else n for n in weights.attrs["layer_names"]]
        weights.move("conv", to)

    return in_hdf5(base(".h5"), change)[1]


VALID.bytes("", ".keras", "layer_in_markdown")(
    lambda: renamed("![x](http:_ _sample) <img src=x> :red[a] $y$", ".keras")
)
VALID.bytes("", ".h5", "layer_in_unicode")(lambda: renamed("畳み込み conv 🐱", ".h5"))
VALID.bytes("", ".h5", "layer_with_slashes")(lambda: renamed("block1/conv", ".h5"))

# .keras with less, or more, than usual -------------------------------------------------------------


@VALID.bytes("", ".keras")
def compiled_with_a_loss_of_ones_own():
    config = config_of()
    config["compile_config"] = {
        "loss": {"module": "my", "class_name": "MyLoss", "config": {}, "registered_name": "my>MyLoss"}
    }
    return with_config(config)


@VALID.bytes("", ".keras")
def no_metadata():
    return packed({n: c for n, c in members(base(".keras")).items() if n != "metadata.json"})


@VALID.bytes("", ".keras")
def packed_with_deflate():
    return packed(members(base(".keras")), compressed=True)


@VALID.bytes("", ".keras")
def weights_as_half():
    def change(file):
        value = file["layers/conv2d/vars/0"][()]
        del file["layers/conv2d/vars/0"]
        file["layers/conv2d/vars/0"] = value.astype(np.float16)

    return with_weights(change)


# Zips round them -----------------------------------------------------------------------------------

LABELS = "0 cat\n1 dog\n2 Größe ![x](http://sample)\n"


@VALID.bytes("", ".zip")
def teachable_machine():
    return packed({"keras_model.h5": base(".h5"), "labels.txt": LABELS})


@VALID.bytes("", ".zip")
def teachable_machine_with_labels_of_another():
    return packed({"keras_model.h5": base(".h5"), "labels.txt": LABELS + "3 horse\n4 cow\n"})


@VALID.bytes("", ".zip")
def zip_of_a_keras_file():
    return packed({"folder/model.keras": base(".keras"), "__MACOSX/folder/._model.keras": b"\0" * 20})


# Graphs --------------------------------------------------------------------------------------------


def healthy():
    """Scores that add a constant: nothing but a convolution, a ReLU, a mean and a softmax."""
    import tensorflow as tf

    return network(lambda x: tf.constant([0.1, 0.2, 0.3]))


@VALID.bytes("", ".pb")
def frozen_graph():
    return frozen(healthy())


@VALID.add()
def saved_model_folder(folder, target):
    return save_graph(healthy(), folder / "saved")


@VALID.bytes("", ".zip")
def saved_model_zip():
    with tempfile.TemporaryDirectory() as folder:
        return zipped(save_graph(healthy(), Path(folder)))


@VALID.bytes("", ".zip")
def saved_model_of_teachable_machine():
    with tempfile.TemporaryDirectory() as folder:
        save_graph(healthy(), Path(folder) / "model.savedmodel")
        (Path(folder) / "labels.txt").write_text(LABELS, encoding="utf-8")
        return zipped(Path(folder))


@VALID.bytes("", ".zip")
def keras_export():
    """What model.export writes."""
    import keras

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.keras"
        file.write_bytes(base(".keras"))
        keras.models.load_model(file, compile=False).export(Path(folder) / "export", verbose=False)
        return zipped(Path(folder) / "export")
