"""Attacks by container: zip members that leave their folder, HDF5 that reaches into other files."""

from __future__ import annotations

import io
import pickle
import stat
import struct
import warnings
import zipfile
from pathlib import Path

import numpy as np
from corpus import Shelf, Target, base, in_hdf5, members, packed, with_weights

FILES = Shelf()


# Zips ----------------------------------------------------------------------------------------------


def whole() -> dict[str, bytes]:
    return members(base(".keras"))


def with_member(name: str | zipfile.ZipInfo, content: bytes = b"marker") -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the zip module, about names that stand twice
        return packed([*whole().items(), (name, content)])


FILES.bytes("E_ZIP", name="zip_parent")(lambda: with_member("assets/../../../marker"))
FILES.bytes("E_ZIP", name="zip_absolute")(lambda: with_member("/tmp/marker"))
FILES.bytes("E_ZIP", name="zip_backslash")(lambda: with_member("..\\..\\marker"))
FILES.bytes("E_ZIP", name="zip_drive")(lambda: with_member("C:/marker"))
FILES.bytes("E_ZIP", name="zip_config_twice")(lambda: with_member("config.json", b"{}"))
FILES.bytes("E_ZIP", name="zip_config_twice_in_other_case")(lambda: with_member("CONFIG.json", b"{}"))
FILES.bytes("", name="zip_odd_member")(lambda: with_member("evil.py", b"raise SystemExit"))  # left there
FILES.bytes("E_ZIP", name="zip_bidirectional_name")(lambda: with_member("assets/\u202egnp.exe"))


@FILES.bytes("E_ZIP")
def zip_link():
    link = zipfile.ZipInfo("assets/link")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return with_member(link, b"/etc/passwd")


@FILES.bytes("E_ZIP")
def zip_config_is_a_link():
    link = zipfile.ZipInfo("config.json")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    parts = whole() | {"config.json": b""}
    return packed([(link, b"/etc/passwd"), *((n, c) for n, c in parts.items() if n != "config.json")])


@FILES.bytes("E_ZIP")
def zip_nul_in_a_name():
    """Where the name ends depends on who reads it."""
    return with_member("assets/a.txt0.json").replace(b"assets/a.txt0.json", b"assets/a.txt\0.json")


@FILES.bytes("E_ZIP")
def zip_encrypted():
    """The flag that says 'encrypted', on the first member, in both of its headers."""
    data = bytearray(packed(whole()))
    data[6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    return bytes(data)


@FILES.bytes("E_MODEL_BROKEN")
def zip_two_names_for_a_member():
    """The local header says otherwise than the directory."""
    data = packed(whole())
    at = data.index(b"config.json")
    return data[:at] + b"konfig.json" + data[at + 11 :]


@FILES.bytes("E_ZIP")
def zip_overlapping_members():
    """One member lies inside the bytes of another."""
    inner = packed({"assets/inner": b"marker"})
    inner = inner[: inner.index(b"PK\1\2")]  # its header and content alone
    parts = [*whole().items(), ("assets/outer", inner), ("assets/inner", b"marker")]
    data = bytearray(packed(parts))
    offset = data.rindex(b"PK\1\2") + 42
    struct.pack_into("<I", data, offset, data.index(inner))
    return bytes(data)


@FILES.bytes("E_MODEL_BROKEN")
def zip_sizes_of_two_kinds():
    """The directory says that the configuration is shorter than the local header says."""
    data = bytearray(packed(whole()))
    at = data.rindex(b"config.json") - 46
    for offset in (20, 24):
        (size,) = struct.unpack_from("<I", data, at + offset)
        struct.pack_into("<I", data, at + offset, size - 10)
    return bytes(data)


@FILES.bytes("")
def zip_and_hdf5_at_once():
    """HDF5 by its first bytes, a zip by its last ones: it is what its first bytes say."""
    return base(".h5") + packed(whole())


# HDF5 that is more than numbers --------------------------------------------------------------------

KERNEL = "layers/conv2d/vars/0"


def replaced(make) -> bytes:
    """The base .keras, its kernel replaced by what make(file, name) puts there."""

    def change(file):
        del file[KERNEL]
        make(file, KERNEL)

    return with_weights(change)


def in_both_files(name: str, make) -> None:
    """'NAME_keras' and 'NAME_h5': make(file, name, target) puts a thing where the kernel was."""

    def in_keras(folder: Path, target: Target) -> Path:
        path = folder / f"{name}.keras"
        path.write_bytes(replaced(lambda file, where: make(file, where, target)))
        return path

    def in_h5(folder: Path, target: Target) -> Path:
        def change(file):
            where = "model_weights/conv/conv/kernel"
            del file[where]
            make(file, where, target)

        path = folder / f"{name}.h5"
        path.write_bytes(in_hdf5(base(".h5"), change)[1])
        return path

    FILES.add("E_HDF5", name=f"{name}_keras")(in_keras)
    FILES.add("E_HDF5", name=f"{name}_h5")(in_h5)


def external_link(file, name, target):
    import h5py

    file[name] = h5py.ExternalLink(str(target.secret), "/kernel")


def soft_link(file, name, target):
    import h5py

    file[name] = h5py.SoftLink(f"/{name}")  # onto itself


def external_storage(file, name, target):
    file.create_dataset(name, (3, 3, 3, 4), "f4", external=[(str(target.secret), 0, 432)])


def virtual_dataset(file, name, target):
    import h5py

    layout = h5py.VirtualLayout((3, 3, 3, 4), "f4")
    layout[:] = h5py.VirtualSource(str(target.secret), "kernel", (3, 3, 3, 4))
    file.create_virtual_dataset(name, layout)


def object_references(file, name, target):
    import h5py

    file.create_dataset(name, (3, 3, 3, 4), h5py.ref_dtype)[0, 0, 0, 0] = file.ref


def region_references(file, name, target):
    import h5py

    file.create_dataset(name, (3, 3, 3, 4), h5py.regionref_dtype)


def texts_as_weights(file, name, target):
    import h5py

    file.create_dataset(name, (3, 3, 3, 4), h5py.string_dtype())[...] = "0.5"


def lists_as_weights(file, name, target):
    import h5py

    file.create_dataset(name, (3, 3, 3, 4), h5py.vlen_dtype("f4"))


def records_as_weights(file, name, target):
    file.create_dataset(name, (3, 3, 3, 4), [("a", "f4"), ("b", "i8")])


def opaque_weights(file, name, target):
    file.create_dataset(name, (3, 3, 3, 4), np.dtype("V8"))


def unknown_filter(file, name, target):
    """Stored through a filter that HDF5 would look for among the libraries of the machine."""
    import h5py

    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((3, 3, 3, 4))
    plist.set_filter(305, h5py.h5z.FLAG_OPTIONAL)
    group, _, last = name.rpartition("/")
    space = h5py.h5s.create_simple((3, 3, 3, 4))
    h5py.h5d.create(file.require_group(group).id, last.encode(), h5py.h5t.IEEE_F32LE, space, plist)


for _make in (
    external_link, soft_link, external_storage, virtual_dataset, object_references, region_references,
    texts_as_weights, lists_as_weights, records_as_weights, opaque_weights, unknown_filter,
):  # fmt: skip
    in_both_files(_make.__name__, _make)


# Python's own --------------------------------------------------------------------------------------


class Payload:
    """Unpickled, it makes the marker file."""

    def __init__(self, marker: str):
        self.marker = marker

    def __reduce__(self):
        return open, (self.marker, "w")


@FILES.add("E_MODEL_KIND")
def pickle_named_h5(folder, target):
    path = folder / "pickle.h5"
    path.write_bytes(pickle.dumps(Payload(str(target.marker))))
    return path


@FILES.add("E_MODEL_KIND")
def numpy_with_objects(folder, target):
    path = folder / "array.keras"
    np.save(buffer := io.BytesIO(), np.array([Payload(str(target.marker))], dtype=object), allow_pickle=True)
    path.write_bytes(buffer.getvalue())
    return path


@FILES.add("E_MODEL_KIND")
def pytorch_named_keras(folder, target):
    path = folder / "torch.keras"
    path.write_bytes(
        packed({"archive/data.pkl": pickle.dumps(Payload(str(target.marker))), "archive/version": "3"})
    )
    return path
