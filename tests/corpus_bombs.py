"""Bombs as zips, JSON and architectures: small files that would take much memory, much disk or for ever."""

from __future__ import annotations

import io
import json
import struct
import zipfile

from corpus import (
    SIDE, Shelf, as_file, base, config_of, inserted, layer, members, packed, part, tensor, with_config,
)  # fmt: skip

ARCHITECTURES = Shelf()
MEGABYTE = 2**20


# Zips ----------------------------------------------------------------------------------------------


def padded(member: str, megabytes: int = 64) -> bytes:
    """The base with that many megabytes of blanks behind the content of a member."""
    parts = members(base(".keras"))
    return packed(parts | {member: parts.get(member, b"") + b" " * (megabytes * MEGABYTE)}, compressed=True)


ARCHITECTURES.bytes("E_MODEL_SIZE", name="zip_blanks_in_the_config")(lambda: padded("config.json"))
ARCHITECTURES.bytes("E_MODEL_SIZE", name="zip_blanks_in_the_metadata")(lambda: padded("metadata.json"))
ARCHITECTURES.bytes("E_MODEL_SIZE", name="zip_padded_weights")(lambda: padded("model.weights.h5"))
ARCHITECTURES.bytes("E_MODEL_SIZE", name="zip_one_large_asset")(lambda: padded("assets/vocabulary.txt"))


@ARCHITECTURES.bytes("E_MODEL_SIZE")
def zip_many_assets():
    assets = {f"assets/{i}": b"\0" * (12 * MEGABYTE) for i in range(8)}
    return packed(members(base(".keras")) | assets, compressed=True)


@ARCHITECTURES.bytes("E_MODEL_SIZE")
def zip_of_70_000_members():
    return packed(members(base(".keras")) | {f"assets/{i}": b"" for i in range(70_000)})


@ARCHITECTURES.bytes("E_MODEL_KIND", ".zip")
def zip_in_zip_in_zip():
    inner = packed({"zeros": b"\0" * (32 * MEGABYTE)}, compressed=True)
    for depth in range(3):
        inner = packed({f"{depth}_{i}.zip": inner for i in range(8)}, compressed=True)
    return inner


@ARCHITECTURES.bytes("E_MODEL_KIND", ".zip")
def zip_that_holds_a_zip_of_its_own_name():
    inner = packed({"model.zip": packed({"model.zip": b""})})
    return packed({"model.zip": inner})


@ARCHITECTURES.bytes("E_MODEL_BROKEN")
def zip_that_announces_less_than_it_holds():
    """Deflate gives 64 MB where both headers say 1 kB."""
    data = bytearray(padded("config.json"))
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
        at = archive.getinfo("config.json").header_offset
    struct.pack_into("<I", data, at + 22, 1024)
    entry = data.rindex(b"config.json") - 46
    struct.pack_into("<I", data, entry + 24, 1024)
    return bytes(data)


# JSON ----------------------------------------------------------------------------------------------

ARCHITECTURES.bytes("E_MODEL_SIZE", name="json_100_000_deep")(
    lambda: with_config("[" * 100_000 + "]" * 100_000)
)
ARCHITECTURES.bytes("E_MODEL_SIZE", ".h5", "json_100_000_deep_h5")(
    lambda: with_config('{"config":' * 100_000 + "1" + "}" * 100_000, ".h5")
)
ARCHITECTURES.bytes("E_MODEL_SIZE", name="json_300_deep")(
    lambda: with_config(inserted(layer("Dropout", rate=0.5, seed=deep(300))))
)


@ARCHITECTURES.bytes("E_MODEL_BROKEN")
def json_a_number_of_a_million_digits():
    text = json.dumps(inserted(layer("Dropout", rate=0.5, seed=1)))
    return with_config(text.replace('"seed": 1', '"seed": 1' + "0" * 10**6))


def deep(levels: int) -> list:
    value: list = []
    for _ in range(levels):
        value = [value]
    return value


# Architectures -------------------------------------------------------------------------------------


def long(layers: int) -> dict:
    """A Sequential of that many layers without weights."""
    first = layer("InputLayer", name="image", batch_shape=[None, SIDE, SIDE, 3])
    return sequential([first, *(layer("ReLU", name=f"relu_{i}") for i in range(layers))])


def sequential(layers: list[dict], name: str = "long") -> dict:
    config = {"name": name, "trainable": True, "layers": layers}
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": config,
        "registered_name": None,
        "name": name,
    }


def chain(layers: int) -> dict:
    """The base with that many layers, one after another, between picture and convolution."""
    config, before = config_of(), "image"
    for i in range(layers):
        extra = layer("ReLU", name=f"relu_{i}") | {
            "inbound_nodes": [{"args": [tensor(before)], "kwargs": {}}]
        }
        config["config"]["layers"].append(extra)
        before = extra["name"]
    part(config, "conv")["inbound_nodes"] = [{"args": [tensor(before)], "kwargs": {}}]
    return config


def boxes(levels: int) -> dict:
    inner = layer("ReLU", name="inner")
    for i in range(levels):
        inner = sequential(
            [layer("InputLayer", name=f"in_{i}", batch_shape=[None, SIDE, SIDE, 3]), inner], f"box_{i}"
        )
    return inner


ARCHITECTURES.bytes("", name="sequential_of_500_layers")(lambda: with_config(long(500)))
ARCHITECTURES.bytes("E_MODEL_SIZE", name="sequential_of_2_000_layers")(lambda: with_config(long(2_000)))
ARCHITECTURES.bytes("E_MODEL_SIZE", name="sequential_of_5_000_layers")(lambda: with_config(long(5_000)))
ARCHITECTURES.bytes("E_MODEL_SIZE", name="functional_of_2_000_layers")(lambda: with_config(chain(2_000)))
ARCHITECTURES.bytes("E_MODEL_SIZE", name="model_nested_50_deep")(lambda: with_config(inserted(boxes(50))))


def grown(name: str, code: str, kind: str, **settings) -> None:
    """The base with a layer that makes much out of little."""
    ARCHITECTURES.bytes(code, name=name)(lambda: with_config(inserted(layer(kind, **settings))))


def changed(name: str, code: str, which: str, **settings) -> None:
    """The base with a changed layer; its weights stay as small as they are."""

    def make():
        config = config_of()
        part(config, which)["config"].update(settings)
        return with_config(config)

    ARCHITECTURES.bytes(code, name=name)(make)


changed("dense_of_100_million", "E_MODEL_SIZE", "head", units=10**8)
changed("conv_of_a_giant_kernel", "E_MODEL_SIZE", "conv", kernel_size=[30_000, 30_000], padding="same")
changed("conv_of_a_million_filters", "E_MODEL_SIZE", "conv", filters=10**6)
changed("picture_of_a_million_pixels_a_side", "E_MODEL_SIZE", "image", batch_shape=[None, 10**6, 10**6, 3])
changed("batch_of_a_billion", "E_MODEL_SIZE", "image", batch_shape=[10**9, SIDE, SIDE, 3])
grown("upsampling_3_000", "E_MODEL_SIZE", "UpSampling2D", size=[3000, 3000])
grown("zero_padding_1_000_000", "E_MODEL_SIZE", "ZeroPadding2D", padding=[[10**6, 0], [10**6, 0]])
grown("resizing_100_000", "E_MODEL_SIZE", "Resizing", height=100_000, width=100_000)
grown("transposed_convolution_of_large_strides", "E_MODEL_SIZE", "Conv2DTranspose",
      filters=3, kernel_size=[1, 1], strides=[5000, 5000])  # fmt: skip


@ARCHITECTURES.bytes("E_MODEL_SIZE")
def repeated_a_million_times():
    extra = [layer("Flatten", name="flat"), layer("RepeatVector", name="many", n=10**7)]
    first = layer("InputLayer", name="image", batch_shape=[None, SIDE, SIDE, 3])
    return with_config(sequential([first, *extra]))


@ARCHITECTURES.bytes("E_MODEL_SIZE")
def tiled_by_an_operation():
    """A bare operation instead of a layer."""
    import keras

    image = keras.Input((SIDE, SIDE, 3))
    wide = keras.ops.tile(image, (1, 5000, 5000, 1))
    return as_file(keras.Model(image, keras.ops.mean(wide, (1, 2)), name="tiled"), ".keras")


@ARCHITECTURES.bytes("E_MODEL_SIZE", ".zip")
def a_million_labels():
    labels = "".join(f"{i} class {i}\n" for i in range(10**6))
    return packed({"keras_model.h5": base(".h5"), "labels.txt": labels}, compressed=True)


@ARCHITECTURES.bytes("E_MODEL_SIZE")
def doubled_forty_times():
    """Each layer concatenates the one before with itself: 3 · 2⁴⁰ channels."""
    config, before, channels = config_of(), "image", 3
    for i in range(40):
        extra = layer("Concatenate", name=f"twice_{i}", axis=-1)
        same = tensor(before, (None, SIDE, SIDE, channels))
        extra["inbound_nodes"] = [{"args": [[same, same]], "kwargs": {}}]
        config["config"]["layers"].append(extra)
        before, channels = extra["name"], channels * 2
    config["config"]["output_layers"] = [before, 0, 0]
    return with_config(config)
