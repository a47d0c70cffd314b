"""A small configuration that passes, and ways to spoil it."""

from __future__ import annotations

import copy

import keras
from old_files import stored

from explain.repairing.walking import layers_of, name_of


def healthy() -> tuple[dict, list[tuple[int, ...]]]:
    """image → conv → mean → head: its configuration, repaired, and the shapes of its weights."""
    image = keras.Input((12, 12, 3), name="image")
    x = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(image)
    x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    return stored(keras.Model(image, keras.layers.Dense(3, name="head")(x)))


def tensor(name: str) -> dict:
    config = {"shape": [None, 12, 12, 3], "dtype": "float32", "keras_history": [name, 0, 0]}
    return {"class_name": "__keras_tensor__", "config": config}


def changed(base, which: str, **settings):
    config = copy.deepcopy(base[0])
    next(one for one in layers_of(config) if name_of(one) == which)["config"].update(settings)
    return config


def with_extra(base, kind: str, module="keras.layers", registered=None, called=None, **settings) -> dict:
    """One more layer between picture and convolution."""
    config = copy.deepcopy(base[0])
    extra = {"module": module, "class_name": kind, "config": {"name": "extra", **settings},
    "registered_name": registered,
             "name": "extra", "inbound_nodes": [called or {"args": [tensor("image")],
             "kwargs": {}}]}  # fmt: skip
    config["config"]["layers"].insert(1, extra)
    conv = next(one for one in layers_of(config) if name_of(one) == "conv")
    conv["inbound_nodes"][0]["args"][0]["config"]["keras_history"][0] = "extra"
    return config
