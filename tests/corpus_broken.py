"""Broken files, and networks whose input is no picture: nobody meant any harm."""

from __future__ import annotations

import json

import numpy as np
from corpus import (
    SIDE, Shelf, as_file, base, config_of, in_hdf5, inserted, layer, members, packed, part, tensor,
    with_config, with_weights,
)  # fmt: skip

BROKEN = Shelf()


def wrong(code: str, ending: str, name: str, make) -> None:
    BROKEN.bytes(code, ending, name)(make)


# Cut -----------------------------------------------------------------------------------------------

wrong("E_MODEL_TRUNCATED", ".keras", "nothing", lambda: b"")
wrong("E_MODEL_TRUNCATED", ".keras", "first_4_bytes_of_a_zip", lambda: base(".keras")[:4])
wrong("E_MODEL_TRUNCATED", ".h5", "first_5_bytes_of_hdf5", lambda: base(".h5")[:5])
for _share in (1, 5, 9):
    wrong("E_MODEL_TRUNCATED", ".keras", f"zip_cut_at_{_share}0_percent",
          lambda s=_share: base(".keras")[: len(base(".keras")) * s // 10])  # fmt: skip
    wrong("E_MODEL_TRUNCATED", ".h5", f"hdf5_cut_at_{_share}0_percent",
          lambda s=_share: base(".h5")[: len(base(".h5")) * s // 10])  # fmt: skip
wrong("E_MODEL_TRUNCATED", ".keras", "zip_without_its_last_byte", lambda: base(".keras")[:-1])
wrong("E_MODEL_TRUNCATED", ".h5", "hdf5_without_its_last_byte", lambda: base(".h5")[:-1])
wrong("E_MODEL_KIND", ".keras", "one_byte", lambda: b"K")


@BROKEN.bytes("E_MODEL_TRUNCATED")
def weights_cut_within_a_whole_zip():
    parts = members(base(".keras"))
    return packed(parts | {"model.weights.h5": parts["model.weights.h5"][:-3000]})


@BROKEN.bytes("E_MODEL_BROKEN")
def zip_with_a_wrong_checksum():
    data = bytearray(base(".keras"))
    data[data.index(b"Conv2D")] ^= 1
    return bytes(data)


# Weights alone -------------------------------------------------------------------------------------


@BROKEN.bytes("E_WEIGHTS_ONLY", ".weights.h5")
def weights_of_keras_3():
    return members(base(".keras"))["model.weights.h5"]


@BROKEN.bytes("E_WEIGHTS_ONLY", ".h5")
def weights_of_keras_2():
    import h5py

    def lift(old):
        def fill(new):
            for name in old["model_weights"]:
                old["model_weights"].copy(name, new)
            new.attrs.update(dict(old["model_weights"].attrs.items()))

        from tempfile import TemporaryDirectory
        from pathlib import Path

        with TemporaryDirectory() as folder:
            with h5py.File(path := Path(folder) / "w.h5", "w") as new:
                fill(new)
            return path.read_bytes()

    return in_hdf5(base(".h5"), lift)[0]


# Parts that do not fit -----------------------------------------------------------------------------


def without(name: str) -> bytes:
    parts = members(base(".keras"))
    del parts[name]
    return packed(parts)


wrong("E_WEIGHTS_ONLY", ".keras", "no_config", lambda: without("config.json"))
wrong("E_MODEL_BROKEN", ".keras", "no_weights", lambda: without("model.weights.h5"))


def weights_changed(name: str, change) -> None:
    wrong("E_MODEL_BROKEN", ".keras", name, lambda: with_weights(change))


def reshaped(file):
    del file["layers/conv2d/vars/0"]
    file["layers/conv2d/vars/0"] = np.zeros((5, 5, 3, 4), np.float32)


def lost(file):
    del file["layers/dense"]


weights_changed("kernel_of_another_shape", reshaped)
weights_changed("weights_of_a_layer_missing", lost)


@BROKEN.bytes("E_MODEL_BROKEN")
def weights_of_another_network():
    import keras

    other = keras.Sequential(
        [keras.Input((SIDE, SIDE, 3)), keras.layers.Conv2D(7, 5), keras.layers.Flatten()]
    )
    parts = members(base(".keras"))
    return packed(parts | {"model.weights.h5": members(as_file(other, ".keras"))["model.weights.h5"]})


@BROKEN.bytes("E_MODEL_BROKEN", ".h5")
def hdf5_weights_of_a_layer_missing():
    def change(file):
        del file["model_weights/head/head/kernel"]

    return in_hdf5(base(".h5"), change)[1]


@BROKEN.bytes("E_MODEL_BROKEN", ".h5")
def hdf5_without_weights():
    def change(file):
        del file["model_weights"]

    return in_hdf5(base(".h5"), change)[1]


# Configurations ------------------------------------------------------------------------------------


def config_changed(name: str, code: str, change) -> None:
    def make(ending):
        config = config_of(ending)
        return with_config(change(config) or config, ending)

    for ending in (".keras", ".h5"):
        wrong(code, ending, f"{name}_{ending[1:]}", lambda ending=ending: make(ending))


def loose(config):
    part(config, "conv")["inbound_nodes"] = [{"args": [tensor("nobody")], "kwargs": {}}]


def fourth(config):
    for name in ("mean", "head"):
        part(config, name)["inbound_nodes"][0]["args"][0]["config"]["keras_history"].append(0)


def circle(config):
    part(config, "conv")["inbound_nodes"] = [{"args": [tensor("conv", (None, SIDE, SIDE, 3))], "kwargs": {}}]


def layer_missing(config):
    config["config"]["layers"] = [one for one in config["config"]["layers"] if one["name"] != "mean"]


def name_twice(config):
    mean = part(config, "mean")
    mean["name"] = mean["config"]["name"] = "conv"


def output_missing(config):
    config["config"]["output_layers"] = ["nobody", 0, 0]


def setting_unknown(config):
    part(config, "conv")["config"]["nobody_knows"] = 3


def setting_wrong(config):
    part(config, "conv")["config"]["padding"] = "sideways"


def no_input_shape(config):
    config["config"]["layers"][0]["config"]["batch_shape"] = None


wrong("E_MODEL_BROKEN", ".keras", "json_cut", lambda: with_config(json.dumps(config_of())[:-40]))
wrong("E_MODEL_BROKEN", ".h5", "json_cut_h5", lambda: with_config(json.dumps(config_of(".h5"))[:-40], ".h5"))
wrong("E_MODEL_BROKEN", ".keras", "json_list", lambda: with_config([config_of()]))
wrong("E_MODEL_BROKEN", ".keras", "json_number", lambda: with_config("7"))
wrong("E_MODEL_BROKEN", ".keras", "json_empty", lambda: with_config("{}"))
wrong("E_MODEL_BROKEN", ".keras", "json_of_no_unicode", lambda: with_config(b'{"class_name": "\xff\xfe"}'))
wrong(
    "E_MODEL_BROKEN",
    ".keras",
    "json_name_twice",
    lambda: with_config(json.dumps(config_of()).replace('"name": "base"', '"name": "base", "name": "other"')),
)
config_changed("inbound_with_a_fourth_number", "", fourth)  # found by mutation; Keras does not mind
config_changed("inbound_from_nowhere", "E_MODEL_BROKEN", loose)
config_changed("graph_in_a_circle", "E_MODEL_BROKEN", circle)
config_changed("layer_missing", "E_MODEL_BROKEN", layer_missing)
config_changed("layer_name_twice", "E_MODEL_BROKEN", name_twice)
config_changed("output_missing", "E_MODEL_BROKEN", output_missing)
config_changed("setting_unknown", "E_MODEL_BROKEN", setting_unknown)
config_changed("setting_wrong", "E_MODEL_BROKEN", setting_wrong)
config_changed("input_without_shape", "E_MODEL_BROKEN", no_input_shape)
wrong(
    "E_MODEL_BROKEN",
    ".keras",
    "classes_not_a_list",
    lambda: with_config(config_of() | {"config": {"layers": 7}}),
)
wrong(
    "E_MODEL_BROKEN",
    ".keras",
    "layers_of_numbers",
    lambda: with_config(config_of() | {"config": {"name": "n", "layers": [1, 2]}}),
)


@BROKEN.bytes("E_MODEL_OBSOLETE", ".h5")
def layer_of_keras_1_without_an_equal():
    layers = [
        {
            "class_name": "MaxoutDense",
            "config": {"name": "m", "batch_input_shape": [None, 30], "output_dim": 3},
        }
    ]
    return with_config({"class_name": "Sequential", "config": layers}, ".h5", version="1.2.2")


@BROKEN.bytes("E_MODEL_OBSOLETE", ".h5")
def layer_of_tensorflow_hub():
    hub = layer("KerasLayer", name="hub", handle="https://tfhub.dev/google/imagenet/1", trainable=False)
    return with_config(inserted(hub, ".h5"), ".h5", version="2.4.0")


# Numbers -------------------------------------------------------------------------------------------


def poisoned(value: float):
    def change(file):
        file["layers/conv2d/vars/0"][0, 0, 0, 0] = value

    return change


wrong("", ".keras", "weight_is_nan", lambda: with_weights(poisoned(np.nan)))
wrong("", ".keras", "weight_is_infinite", lambda: with_weights(poisoned(np.inf)))

# Networks without one picture as their input -------------------------------------------------------


def not_a_picture(name: str, ending: str = ".keras") -> None:
    def make():
        import recipes_refused

        return as_file(getattr(recipes_refused, name)(), ending)

    wrong("E_MODEL_INPUT", ending, f"input_{name}", make)


for _name in ("two_pictures", "picture_and_numbers", "sequence", "vector", "volume", "spectrum"):
    not_a_picture(_name)
not_a_picture("channels_first", ".h5")
