"""Mutations: a file in, a slightly wrong one out. The same random numbers give the same file."""

from __future__ import annotations

import copy
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

from corpus import in_hdf5, packed

ODD = (0, 1, 2, 7, 8, 15, 16, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**32,
       2**63 - 1, 2**63, 2**64 - 24, 2**64 - 16, 2**64 - 8, 2**64 - 1)  # fmt: skip
VALUES = (
    None, True, False, 0, -1, 1, 3, 0.5, 10**6, 10**18, -(10**9), 1e308, float("nan"), float("inf"), "",
    "relu", "same", "channels_first", "float16", "..", "x" * 5000, "\u202e<b>", [], {}, [None], [[]],
    [0, 0], [1, 1], [10**5, 10**5], [None, 4, 4, 3], {"class_name": "Dense", "config": {}},
    {"config": {"name": 3}},
    {"class_name": "Lambda", "config": {"function": "x"}},
    {"class_name": "__tensor__", "config": {"value": [1], "dtype": "float32"}},
)  # fmt: skip
MARKS = (b"GCOL", b"TREE", b"SNOD", b"HEAP", b"FRHP", b"BTHD", b"OHDR", b"PK\1\2", b"PK\3\4", b"PK\5\6")

Mutation = Callable[[bytes, Random], bytes]


# Bytes ---------------------------------------------------------------------------------------------


def flip(data: bytes, chance: Random) -> bytes:
    """A few bytes changed, near the beginning as often as anywhere."""
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        reach = min(256, len(out)) if chance.random() < 0.4 else len(out)
        out[chance.randrange(reach)] = chance.randrange(256)
    return bytes(out)


def length(data: bytes, chance: Random) -> bytes:
    """A number of 2, 4 or 8 bytes overwritten by an odd one, often close behind a mark of the format."""
    out, size = bytearray(data), chance.choice((2, 4, 8))
    marks = [at for mark in MARKS if (at := data.find(mark)) >= 0]
    at = (
        chance.choice(marks) + chance.randrange(64)
        if marks and chance.random() < 0.6
        else chance.randrange(len(out))
    )
    at = min(at, len(out) - size)
    number = chance.choice(ODD) % 2 ** (8 * size)
    out[at : at + size] = number.to_bytes(size, chance.choice(("little", "little", "big")))
    return bytes(out)


def cut(data: bytes, chance: Random) -> bytes:
    return data[: chance.randrange(len(data))]


def without_a_piece(data: bytes, chance: Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + data[at + chance.choice((1, 8, 64, 512, 4096)) :]


def with_a_piece_again(data: bytes, chance: Random) -> bytes:
    at, other = chance.randrange(len(data)), chance.randrange(len(data))
    return data[:at] + data[other : other + chance.choice((1, 8, 64, 512, 4096))] + data[at:]


def with_zeros(data: bytes, chance: Random) -> bytes:
    at, many = chance.randrange(len(data)), chance.choice((4, 64, 1024))
    return data[:at] + bytes(min(many, len(data) - at)) + data[at + many :]


def spliced(data: bytes, other: bytes, chance: Random) -> bytes:
    """The beginning of one and the end of another."""
    at = chance.randrange(len(data))
    return data[:at] + other[at if chance.random() < 0.5 else chance.randrange(len(other)) :]


BYTES: tuple[Mutation, ...] = (
    flip,
    flip,
    length,
    length,
    cut,
    without_a_piece,
    with_a_piece_again,
    with_zeros,
)


def bent(data: bytes, chance: Random) -> bytes:
    """Any one of them."""
    return chance.choice(BYTES)(data, chance) if len(data) > 8 else data + b"\0"


# JSON ----------------------------------------------------------------------------------------------


def places(value: Any, found: list | None = None) -> list[tuple[Any, Any]]:
    """Every (container, key) within a value."""
    found = [] if found is None else found
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        found.append((value, key))
        places(value[key], found)
    return found


def changed_json(text: str, chance: Random) -> str:
    """Some value replaced, removed, repeated, or exchanged with another one."""
    value = json.loads(text)
    for _ in range(chance.choice((1, 1, 2))):
        if not (all_places := places(value)):
            break
        container, key = chance.choice(all_places)
        deed = chance.randrange(5)
        if deed == 0:
            del container[key]
        elif deed == 1 and isinstance(container, list):
            container.insert(key, copy.deepcopy(container[key]))
        elif deed == 2:
            other, its_key = chance.choice(all_places)
            container[key], other[its_key] = copy.deepcopy(other[its_key]), copy.deepcopy(container[key])
        elif isinstance(container[key], (int, float)) and chance.random() < 0.6:
            container[key] = chance.choice((0, -1, 1, 2, 3, 5, 17, 1000, 10**6, 10**12, container[key] + 1))
        else:
            container[key] = copy.deepcopy(chance.choice(VALUES))
    return json.dumps(value)


# Containers, put together again so that their checksums agree --------------------------------------


def in_zip(data: bytes, chance: Random) -> bytes:
    """One member changed by its own kind of mutation."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    likely = [name for name in parts if name.endswith(("config.json", ".h5", ".pb", ".keras"))]
    name = chance.choice(likely or list(parts))
    parts[name] = mutated(parts[name], chance)
    return packed(parts, compressed=chance.random() < 0.3)


def in_attributes(data: bytes, chance: Random) -> bytes:
    """The configuration in an HDF5 file changed, the file itself being sound."""

    def change(file):
        if "model_config" in file.attrs:
            text = file.attrs["model_config"]
            file.attrs["model_config"] = changed_json(
                text.decode() if isinstance(text, bytes) else text, chance
            )
            return
        group = file[chance.choice(sorted(file) or ["/"])]
        names = list(group.attrs)
        if names:
            group.attrs[chance.choice(names)] = chance.choice((0, "x", [1.5], "b", b""))

    return in_hdf5(data, change)[1]


def in_png(data: bytes, chance: Random) -> bytes:
    """A chunk of a PNG changed, its checksum made right again."""
    at, chunks = 8, []
    while at + 12 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        chunks.append([kind, data[at + 8 : at + 8 + size]])
        at += 12 + size
    one = chance.choice(chunks)
    one[1] = bent(one[1], chance) if one[1] else bytes(4)
    return data[:8] + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def mutated(data: bytes, chance: Random, other: bytes = b"") -> bytes:
    """The file with a mutation that suits what it is; now and then spliced with another."""
    if other and chance.random() < 0.05:
        return spliced(data, other, chance)
    try:
        return _suited(data, chance)
    except (zipfile.BadZipFile, OSError, ValueError, struct.error, KeyError):
        return bent(data, chance)  # it only began like one: some samples are broken from the start


def _suited(data: bytes, chance: Random) -> bytes:
    if data[:4] == b"PK\3\4" and chance.random() < 0.75:
        return in_zip(data, chance)
    if data[:8] == b"\x89HDF\r\n\x1a\n" and chance.random() < 0.35:
        return in_attributes(data, chance)
    if data[:8] == b"\x89PNG\r\n\x1a\n" and chance.random() < 0.5:
        return in_png(data, chance)
    if data[:1] in (b"{", b"[") and chance.random() < 0.9:
        return changed_json(data.decode(), chance).encode()
    return bent(data, chance)
