"""Bombs in HDF5: shapes without data, packed zeros, endless groups, and the heap that freezes the library."""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path

import numpy as np
from corpus import Shelf, base, in_hdf5, with_weights

HDF5 = Shelf()
MEGABYTE = 2**20
KERNEL = "layers/conv2d/vars/0"


def in_place_of_the_kernel(name: str, code: str, make) -> None:
    """A sample in .keras: make(file, name) makes another dataset of the kernel's name."""

    def change(file):
        del file[KERNEL]
        make(file, KERNEL)

    HDF5.bytes(code, name=name)(lambda: with_weights(change))


in_place_of_the_kernel(
    "hdf5_declares_3_gb", "E_MODEL_SIZE", lambda f, n: f.create_dataset(n, (3, 3, 3, 30_000_000), "f4")
)
in_place_of_the_kernel(
    "hdf5_declares_10_exabytes",
    "E_MODEL_SIZE",
    lambda f, n: f.create_dataset(n, (2**20, 2**20, 2**20), "f8", chunks=(1, 1, 1024)),
)
in_place_of_the_kernel(
    "hdf5_zeros_compressed_1_000_times",
    "E_MODEL_SIZE",
    lambda f, n: f.create_dataset(
        n, data=np.zeros((16, MEGABYTE), np.float32), chunks=(1, MEGABYTE), compression="gzip"
    ),
)
in_place_of_the_kernel(
    "hdf5_one_chunk_larger_than_memory",
    "E_MODEL_SIZE",
    lambda f, n: f.create_dataset(n, (1, 2**30 - 1), "f4", chunks=(1, 2**30 - 1), compression="gzip"),
)


@HDF5.bytes("E_HDF5", ".h5")
def hdf5_group_in_itself():
    def change(file):
        file["model_weights/conv/again"] = file["model_weights"]

    return in_hdf5(base(".h5"), change)[1]


@HDF5.bytes("", ".h5")
def hdf5_1_000_attributes():
    """Nobody asks for them: it opens."""

    def change(file):
        for i in range(1_000):
            file["model_weights/conv"].attrs[f"a{i}"] = 0

    return modern(change)


@HDF5.bytes("E_MODEL_SIZE", ".h5")
def hdf5_200_groups_deep():
    return in_hdf5(base(".h5"), lambda file: file.create_group("model_weights/conv" + "/g" * 200))[1]


@HDF5.bytes("E_MODEL_SIZE", ".h5")
def hdf5_60_000_groups():
    def change(file):
        for i in range(60_000):
            file.create_group(f"model_weights/conv/g{i}")

    return modern(change)


def modern(change) -> bytes:
    """The base .h5 with its objects copied into the newest layout, which holds many small ones."""
    import h5py

    def copy(old):
        def fill(new):
            for name, value in old.attrs.items():
                new.attrs[name] = value
            old.copy("model_weights", new)
            change(new)

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "new.h5"
            with h5py.File(path, "w", libver="latest") as new:
                fill(new)
            return path.read_bytes()

    return in_hdf5(base(".h5"), copy)[0]


def heap(change_at: int, length: int) -> bytes:
    """The base .h5 with one length in its first global heap changed.

    A heap's objects follow its header of 16 bytes: index (2), references (2), 4 unused, length (8),
    then the data, padded to 8. Index 0 is the free space at the end. change_at: index of the object.
    """
    data = bytearray(base(".h5"))
    at = data.index(b"GCOL") + 16
    while struct.unpack_from("<H", data, at)[0] != change_at:
        at += 16 + -(-struct.unpack_from("<Q", data, at + 8)[0] // 8) * 8
    struct.pack_into("<Q", data, at + 8, length)
    return bytes(data)


@HDF5.bytes("E_MODEL_BROKEN", ".h5")
def hdf5_heap_in_disguise():
    """The same behind a header whose reserved bytes are not zero, which the library does not mind."""
    data = bytearray(heap(1, 2**64 - 16))
    at = data.index(b"GCOL") + 5
    data[at : at + 3] = b"\1\2\3"
    return bytes(data)


# HDF5 1.14.6 and 2.0 step through the heap by these lengths, and from here on stand still for ever.
HDF5.bytes("E_MODEL_BROKEN", ".h5", "hdf5_heap_that_never_ends")(lambda: heap(1, 2**64 - 16))
HDF5.bytes("E_MODEL_BROKEN", ".h5", "hdf5_heap_without_free_space")(lambda: heap(0, 0))
