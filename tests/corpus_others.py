"""Files of other programs and formats, under the names that people give them."""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Callable

import numpy as np
from corpus import Shelf, base, in_hdf5, packed

OTHERS = Shelf()


def other(name: str, ending: str, make: Callable[[], bytes]) -> None:
    OTHERS.bytes("E_MODEL_KIND", ending, f"other_{name}")(make)


HTML = b"<!DOCTYPE html><html><head><title>Drive</title></head></html>"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 98123456\n"
TENSORS = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}    '

other("text", ".h5", lambda: b"These are the weights you asked for.\n")
other("html", ".keras", lambda: HTML)
other("git_lfs_pointer", ".h5", lambda: POINTER)
other("zeros", ".h5", lambda: bytes(5000))
other("noise", ".keras", lambda: np.random.default_rng(0).bytes(5000))
other("jpeg", ".keras", lambda: b"\xff\xd8\xff\xe0" + bytes(60))
other("pdf", ".h5", lambda: b"%PDF-1.7\n" + bytes(60))
other("tar", ".tar", lambda: b"model" + bytes(252) + b"ustar\x0000" + bytes(248))
other("gzip", ".gz", lambda: b"\x1f\x8b\x08\0" + bytes(40))

other("pickle", ".pkl", lambda: pickle.dumps({"weights": [1, 2, 3]}))
other("numpy", ".npy", lambda: numpy_bytes())
other("architecture_as_json", ".json", lambda: b'{"class_name": "Sequential", "config": {}}')
other("architecture_as_yaml", ".yaml", lambda: b"class_name: Sequential\nconfig:\n  name: s\n")
other("tensorflow_lite", ".tflite", lambda: b"\x1c\0\0\0TFL3" + bytes(100))
other("onnx", ".onnx", lambda: b"\x08\x08\x12\x07pytorch\x1a\x052.1.0" + bytes(60))
other("safetensors", ".safetensors", lambda: struct.pack("<Q", len(TENSORS)) + TENSORS + bytes(4))
other("pytorch", ".pt", lambda: packed({"archive/data.pkl": pickle.dumps(1), "archive/version": "3"}))
other("tensorflow_js", ".zip", lambda: packed({"model.json": '{"modelTopology": {}}', "weights.bin": b"0"}))

other("zip_of_photos", ".zip", lambda: packed({"a.jpg": b"\xff\xd8\xff", "b.jpg": b"\xff\xd8\xff"}))
other("zip_of_two_models", ".zip", lambda: packed({"a.keras": base(".keras"), "b.h5": base(".h5")}))
other("zip_of_nothing", ".zip", lambda: packed({}))
other("hdf5_of_data", ".h5", lambda: hdf5("x_train"))
other("hdf5_of_an_optimizer", ".h5", lambda: hdf5("optimizer_weights/adam/m"))
other("hdf5_of_nothing", ".h5", lambda: in_hdf5(b"", lambda file: None)[1])


def hdf5(name: str) -> bytes:
    return in_hdf5(b"", lambda file: file.create_dataset(name, data=np.zeros((9, 4))))[1]


def numpy_bytes() -> bytes:
    np.save(buffer := io.BytesIO(), np.zeros((3, 3)))
    return buffer.getvalue()
