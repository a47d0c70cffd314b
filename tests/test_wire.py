"""What travels between page and worker: plain values, nouns and numbers, and nothing that runs."""

from __future__ import annotations

import dataclasses
import json
import pickle
import struct

import numpy as np
import pytest
from networks import pictures

from explain import errors, results
from explain.workers import wire


def there_and_back(message):
    return wire.unpack(wire.pack(message))


def same(a, b) -> bool:
    """Equal in type and content, NaN being equal to NaN."""
    if dataclasses.is_dataclass(a):
        fields = [f.name for f in dataclasses.fields(a) if f.name != "network"]
        return type(a) is type(b) and all(same(getattr(a, n), getattr(b, n)) for n in fields)
    if isinstance(a, np.ndarray):
        same_kind = isinstance(b, np.ndarray) and a.dtype == b.dtype and a.shape == b.shape
        return same_kind and a.tobytes() == b.tobytes()
    if isinstance(a, (tuple, list)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    return type(a) is type(b) and (a == b or a != a and b != b)


def floats(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


BROKEN = np.array([[np.nan, np.inf], [-np.inf, -0.0]], np.float32)
NOUNS = [
    pictures(1)[0],
    results.Layer("body/conv#2", "Conv2D", (None, 4, 3), 12),
    results.Output("head", "binary", 2, "a note"),
    results.Model(
        "key", "name", (4, 4, 3), (results.Layer("a", "b", (1,)),), (results.Output("o", "linear", 1),),
        "0..1", ("ä", "b"), None, "why", "about",
    ),
    results.Prediction(3, "tabby", float("nan"), -1.25),
    results.Maps("conv", floats(3, 4, 5), "image"),
    results.Heatmap(
        "conv", 1, "dog", 2.5, float("nan"), "gradcam", BROKEN, "a note", "image", "model", {"sharp": True}
    ),
    results.Pattern("conv", 7, floats(4, 4, 3), floats(9), "robust"),
    results.Notice("W_FLAT", "Flat."),
    results.Inspection("ab" * 32, "keras", "copy.keras", ("cat", "dog"), (results.Notice("W_REPAIRED", "Repaired."),)),
    results.Detection(
        "0..1", "", "none", "Not decided.", ("0..1",),
        (results.ScalingTrial("0..1", (3,), (0.5,), (0.25,), 1.0, float("nan")),), ("key",),
    ),
    results.ScalingTrial("caffe", (1, 2), (1.0, 0.5), (0.0, 1.0), 0.5, 0.25, 1.5, 0.5),
    results.CheckUp(
        "key", "name", (4, 4, 3), (results.Output("o", "softmax", 2),), "0..1", "given", 12, ("a",), ("a", None),
        (results.LayerCheck("a", "Conv2D", 4, 4, (1,), ((2, 3),)),), {"a": (1, 12)}, ("noise",),
    ),
    results.LayerCheck("a", "ReLU", 0, 4, silent=(0, 1)),
    results.Grams(("a", "b"), floats(2, 3, 3), ("one", "two", "three"), "key"),
    results.Fingerprints(("a", "b"), ("00ff", "ff00"), "key"),
]  # fmt: skip


@pytest.mark.parametrize("noun", NOUNS, ids=lambda n: type(n).__name__)
def test_every_noun_arrives_as_it_was(noun):
    assert same(noun, there_and_back((1, "result", noun))[2])


def test_all_nouns_of_the_jobs_are_known():
    assert {type(n).__name__ for n in NOUNS} == set(wire.NOUNS)


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -(2**60), 1.5, float("nan"), float("inf"), "", "ä\n\0€", (), [], {},
     (1, [2, (3,)], {"a": (4,)}), {1: "whole numbers as keys", "b": None}, [{"$array": 1}],
     {"$noun": "just a key"}, np.zeros((0, 3), np.uint8),
     np.arange(6, dtype=np.int32).reshape(1, 2, 3), np.float32(4), [floats(2), floats(3, 1)]],
    ids=repr,
)  # fmt: skip
def test_plain_values(value):
    expected = value.item() if isinstance(value, np.generic) else value
    assert same(expected, there_and_back(value))


def test_many_arrays_of_odd_sizes_find_their_places():
    arrays = [np.full(n, n, np.uint8) for n in (3, 5, 0, 7)] + [floats(2, 3), BROKEN.T]
    assert same([np.ascontiguousarray(a) for a in arrays], there_and_back(arrays))


def test_a_model_leaves_its_network_at_home():
    model = dataclasses.replace(NOUNS[3], network=object())
    assert there_and_back(model).network is None


@pytest.mark.parametrize("kind", errors.tree().values(), ids=errors.tree())
def test_errors_keep_their_class_and_sentence(kind):
    found = there_and_back(kind("There is no class 7."))
    assert type(found) is kind and str(found) == "There is no class 7."


def test_what_does_not_travel():
    for value in (
        np.array([object()]), np.zeros(2, np.float64), np.zeros(2, np.complex64), np.array(["text"]),
        object(), {1, 2},
        b"bytes", ValueError("not ours"), lambda: None, 1j, results.Verdict("c", True, 1, 0, "s"),
    ):  # fmt: skip
        with pytest.raises(TypeError):
            wire.pack((1, "result", value))


def raw(header, blobs: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<I", len(text)) + text + blobs


BAD = {
    "nothing": b"",
    "three bytes": b"\0\0\0",
    "no header": struct.pack("<I", 10),
    "length too long": struct.pack("<I", 2**32 - 1) + b"{}",
    "no JSON": raw(b"hello"),
    "no text": raw(b"\xff\xfe\xfd"),
    "unknown kind": raw({"$run": "x"}),
    "two kinds": raw({"$tuple": [], "$dict": []}),
    "no kind": raw({}),
    "unknown noun": raw({"$noun": ["Popen", {"$dict": []}]}),
    "wrong fields": raw({"$noun": ["Layer", {"$dict": [["colour", 1]]}]}),
    "fields missing": raw({"$noun": ["Layer", {"$dict": []}]}),
    "no fields": raw({"$noun": ["Layer", 3]}),
    "half a noun": raw({"$noun": ["Layer"]}),
    "objects": raw({"$array": ["object", [1], 0]}, bytes(8)),
    "other dtype": raw({"$array": ["float64", [1], 0]}, bytes(8)),
    "too short": raw({"$array": ["uint8", [9], 0]}, bytes(8)),
    "negative side": raw({"$array": ["uint8", [-1], 0]}, bytes(8)),
    "negative start": raw({"$array": ["uint8", [1], -1]}, bytes(8)),
    "start behind": raw({"$array": ["uint8", [1], 99]}, bytes(8)),
    "huge": raw({"$array": ["float32", [2**40, 2**40], 0]}, bytes(8)),
    "overflowing": raw({"$array": ["uint8", [2**32, 2**32], 0]}, bytes(8)),
    "beyond numbers": raw({"$array": ["uint8", [2**70], 0]}, bytes(8)),
    "half a side": raw({"$array": ["uint8", [1.5], 0]}, bytes(8)),
    "side in text": raw({"$array": ["uint8", ["1"], 0]}, bytes(8)),
    "shape is a number": raw({"$array": ["uint8", 1, 0]}, bytes(8)),
    "list as key": raw({"$dict": [[[1], 2]]}),
    "list as error": raw({"$error": [["x"], "y"]}),
    "deep": raw(b"[" * 100_000 + b"]" * 100_000),
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_what_is_no_message_is_refused(data):
    with pytest.raises(ValueError):
        wire.unpack(data)


def test_an_unknown_error_is_an_internal_one():
    found = wire.unpack(raw({"$error": ["SystemExit", "x"]}))
    assert type(found) is errors.InternalError and str(found) == "x"


def test_nothing_is_unpickled(tmp_path):
    class Bomb:
        def __reduce__(self):
            return open, (str(tmp_path / "mark"), "w")

    for data in (pickle.dumps(Bomb()), raw({"$array": ["uint8", [8], 0]}, pickle.dumps(Bomb()))):
        try:
            wire.unpack(data)
        except ValueError:
            pass
    assert not (tmp_path / "mark").exists()
    source = open(wire.__file__, encoding="utf-8").read()
    assert "import pickle" not in source and "eval(" not in source and "allow_pickle" not in source


def test_random_damage_is_refused_or_harmless():
    data, noise = bytearray(wire.pack((1, "result", NOUNS[6]))), np.random.default_rng(0)
    for _ in range(2000):
        damaged = bytearray(data)
        for place in noise.integers(0, len(data), 3):
            damaged[place] = noise.integers(0, 256)
        try:
            wire.unpack(bytes(damaged))
        except ValueError:
            pass
