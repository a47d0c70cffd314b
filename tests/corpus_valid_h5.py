"""HDF5 files as Keras and other tools wrote them over the years; all of them open."""

from __future__ import annotations

import json

import numpy as np
from corpus import SIDE, Shelf, base, in_hdf5, part, recipe, with_config

HDF5 = Shelf()
KERNEL = "model_weights/conv/conv/kernel"


# The container -------------------------------------------------------------------------------------


def texts_as_bytes(file):
    """Keras 2 on h5py 2: every text in fixed-length bytes."""
    for name, value in dict(file.attrs.items()).items():
        file.attrs[name] = np.bytes_(value)
    for group in (file["model_weights"], *file["model_weights"].values()):
        for name, value in dict(group.attrs.items()).items():
            group.attrs[name] = np.array([str(v).encode() for v in value], "S64" if len(value) else float)


def names_in_pieces(file):
    """Lists above 64 kB were cut into 'layer_names0', 'layer_names1', …"""
    weights = file["model_weights"]
    names = list(weights.attrs["layer_names"])
    del weights.attrs["layer_names"]
    weights.attrs["layer_names0"], weights.attrs["layer_names1"] = names[:2], names[2:]


def stored(**how):
    """The kernel stored otherwise."""

    def change(file):
        value = file[KERNEL][()]
        del file[KERNEL]
        file.create_dataset(KERNEL, data=value.astype(how.pop("dtype", value.dtype)), **how)

    return change


def sample(name: str, make) -> None:
    """make() gives the change of the base."""
    HDF5.bytes("", ".h5", name)(lambda: in_hdf5(base(".h5"), make())[1])


sample("h5_texts_as_bytes", lambda: texts_as_bytes)
sample("h5_names_in_pieces", lambda: names_in_pieces)
sample("h5_weights_packed", lambda: stored(chunks=True, compression="gzip", shuffle=True, fletcher32=True))
sample("h5_weights_in_big_endian", lambda: stored(dtype=">f4"))
sample("h5_weights_in_double", lambda: stored(dtype="<f8"))
sample("h5_weights_in_half", lambda: stored(dtype="<f2"))


# The configuration ---------------------------------------------------------------------------------

KERAS_2 = """
{"class_name": "Sequential", "config": [
  {"class_name": "Conv2D", "config": {
    "name": "conv", "trainable": true, "batch_input_shape": [null, SIDE, SIDE, 3], "dtype": "float32",
    "filters": 4, "kernel_size": [3, 3], "strides": [1, 1], "padding": "valid",
    "data_format": "channels_last", "dilation_rate": [1, 1], "activation": "relu", "use_bias": true,
    "kernel_initializer": {"class_name": "VarianceScaling", "config": {
      "scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": null, "dtype": "float32"}},
    "bias_initializer": {"class_name": "Zeros", "config": {}}, "kernel_regularizer": null,
    "bias_regularizer": null, "activity_regularizer": null, "kernel_constraint": null,
    "bias_constraint": null}},
  {"class_name": "GlobalAveragePooling2D", "config": {
    "name": "mean", "trainable": true, "data_format": "channels_last"}},
  {"class_name": "Dense", "config": {
    "name": "head", "trainable": true, "units": 3, "activation": "softmax", "use_bias": true,
    "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": null, "dtype": "float32"}},
    "bias_initializer": {"class_name": "Zeros", "config": {"dtype": "float32"}}}}]}
"""
KERAS_1 = """
{"class_name": "Sequential", "config": [
  {"class_name": "Convolution2D", "config": {
    "name": "conv", "trainable": true, "batch_input_shape": [null, SIDE, SIDE, 3],
    "input_dtype": "float32", "nb_filter": 4, "nb_row": 3, "nb_col": 3, "init": "glorot_uniform",
    "activation": "relu", "border_mode": "valid", "subsample": [1, 1], "dim_ordering": "tf", "bias": true,
    "W_regularizer": null, "b_regularizer": null, "activity_regularizer": null, "W_constraint": null,
    "b_constraint": null}},
  {"class_name": "GlobalAveragePooling2D", "config": {
    "name": "mean", "trainable": true, "dim_ordering": "tf"}},
  {"class_name": "Dense", "config": {
    "name": "head", "trainable": true, "output_dim": 3, "init": "glorot_uniform", "activation": "softmax",
    "bias": true, "input_dim": 4, "W_regularizer": null, "b_regularizer": null}}]}
"""


def read(text: str) -> dict:
    return json.loads(text.replace("SIDE", str(SIDE)))


def keras_2_as(kind: str) -> dict:
    """The same layers in a graph of layers, as Keras 2 called its 'Model', later 'Functional'."""
    layers = read(KERAS_2)["config"]
    shape = layers[0]["config"].pop("batch_input_shape")
    image = {"name": "image", "batch_input_shape": shape, "dtype": "float32", "sparse": False}
    layers.insert(0, {"class_name": "InputLayer", "config": image})
    for before, one in zip([None, *layers], layers, strict=False):
        inbound = [[[before["config"]["name"], 0, 0, {}]]] if before else []
        one |= {"name": one["config"]["name"], "inbound_nodes": inbound}
    ends = {"input_layers": [["image", 0, 0]], "output_layers": [["head", 0, 0]]}
    return {"class_name": kind, "config": {"name": "m", "layers": layers} | ends}


for _name, _make, _version in (
    ("keras_2_list", lambda: read(KERAS_2), "2.2.2"),
    ("keras_2_model", lambda: keras_2_as("Model"), "2.2.4"),
    ("keras_2_functional", lambda: keras_2_as("Functional"), "2.9.0"),
    ("keras_1", lambda: read(KERAS_1), "1.2.2"),
):  # fmt: skip
    HDF5.bytes("", ".h5", _name)(lambda make=_make, v=_version: with_config(make(), ".h5", version=v))


@HDF5.bytes("", ".h5")
def keras_2_depthwise_with_groups():
    """DepthwiseConv2D wrote a setting that Keras 3 refuses: every Teachable Machine export."""
    data = recipe("recipes_layers", "depthwise", ".h5")
    config = json.loads(in_hdf5(data, lambda file: file.attrs["model_config"])[0])
    part(config, "depthwise")["config"]["groups"] = 1
    return with_config(config, ".h5", data, "2.6.0")
