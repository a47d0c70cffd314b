"""What travels between page and worker: plain values, nouns and numeric arrays. Never pickles,
because a worker has opened a stranger's model and the page process must not run what it says.

A message is  u32 header length | JSON header | blobs.
"""

from __future__ import annotations

import dataclasses
import json
import struct
from typing import Any

import numpy as np

from explain import results
from explain.errors import ExplainError, InternalError, tree

NOUNS = {
    noun.__name__: noun
    for noun in (
        results.Image, results.Layer, results.Output, results.Model, results.Prediction,
        results.Maps, results.Heatmap, results.Pattern, results.Notice, results.Inspection,
        results.ScalingTrial, results.Detection, results.LayerCheck, results.CheckUp,
        results.Grams, results.Fingerprints,
    )
}  # fmt: skip
DTYPES = {"uint8", "float32", "int32"}


def pack(message: Any) -> bytes:
    """A message as bytes. TypeError for anything that is not plain, a noun or a numeric array."""
    blobs: list[bytes] = []
    header = json.dumps(_plain(message, blobs)).encode()
    return b"".join([struct.pack("<I", len(header)), header, *blobs])


def unpack(data: bytes) -> Any:
    """Bytes as a message. ValueError when they are not one; nothing in them is ever run."""
    try:
        (length,) = struct.unpack_from("<I", data)
        header = json.loads(data[4 : 4 + length])
        return _value(header, memoryview(data)[4 + length :])
    except (struct.error, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"Not a message: {error!r}.") from error


def _plain(value: Any, blobs: list[bytes]) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.ndarray):
        if value.dtype.name not in DTYPES:
            raise TypeError(f"Arrays of {value.dtype} do not travel: expected one of {sorted(DTYPES)}.")
        start = sum(map(len, blobs))
        blobs.append(np.ascontiguousarray(value).tobytes())
        return {"$array": [value.dtype.name, list(value.shape), start]}
    if isinstance(value, np.generic):
        return value.item()
    if type(value).__name__ in NOUNS:
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.name != "network"}
        return {"$noun": [type(value).__name__, _plain(fields, blobs)]}
    if isinstance(value, tuple):
        return {"$tuple": [_plain(v, blobs) for v in value]}
    if isinstance(value, list):
        return [_plain(v, blobs) for v in value]
    if isinstance(value, dict):
        return {"$dict": [[_plain(k, blobs), _plain(v, blobs)] for k, v in value.items()]}
    if isinstance(value, ExplainError):
        return {"$error": [type(value).__name__, str(value)]}
    raise TypeError(f"A {type(value).__name__} does not travel between processes.")


def _value(plain: Any, blobs: memoryview) -> Any:
    if isinstance(plain, list):
        return [_value(v, blobs) for v in plain]
    if not isinstance(plain, dict):
        return plain
    ((kind, content),) = plain.items()
    if kind == "$array":
        dtype, shape, start = content
        if dtype not in DTYPES or start < 0 or any(n < 0 for n in shape):
            raise ValueError(f"Not an array that travels: {content}.")
        count = int(np.prod(shape, dtype=np.int64))
        return np.frombuffer(blobs, dtype, count, start).reshape(shape)
    if kind == "$noun":
        name, fields = content
        return NOUNS[name](**_value(fields, blobs))
    if kind == "$tuple":
        return tuple(_value(v, blobs) for v in content)
    if kind == "$dict":
        return {_value(k, blobs): _value(v, blobs) for k, v in content}
    if kind == "$error":
        name, sentence = content
        return tree().get(name, InternalError)(sentence)
    raise ValueError(f"Not a message: {kind}.")
