"""State dicts are read as numbers, never as programs."""

from __future__ import annotations

import builtins
import io
import os
import pickle
import re
import struct
import sys
import types
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

from explain.errors import ModelError
from explain.opening.efficientnet_lite import embedded_weights
from explain.opening.state_dict import read_state_dict

MAGIC, PLATFORM = 0x1950A86A20F9469CFC6C, {"little_endian": True}
MATRIX = np.arange(6, dtype="<f4").reshape(2, 3)


class Storage:
    """What PyTorch would keep numbers in."""

    def __init__(self, kind, key, numbers):
        self.kind, self.key, self.numbers = kind, key, np.asarray(numbers)


class Tensor:
    """Pickled as PyTorch pickles a tensor: a call of `_rebuild_tensor_v2` on a storage."""

    def __init__(self, storage, offset, shape, strides):
        self.arguments = (storage, offset, shape, strides, False, OrderedDict())

    def __reduce__(self):
        return sys.modules["torch._utils"]._rebuild_tensor_v2, self.arguments


class Writer(pickle.Pickler):
    def persistent_id(self, item):
        if isinstance(item, Storage):
            return ("storage", item.kind, item.key, "cpu", item.numbers.size)
        return None


@pytest.fixture
def torch(monkeypatch):
    """As much of PyTorch as pickle wants to see when it writes a name."""
    package, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")

    def _rebuild_tensor_v2(*arguments):
        raise AssertionError("never called")

    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    package._utils = utils
    for name in ("FloatStorage", "LongStorage", "BFloat16Storage"):
        setattr(package, name, type(name, (), {"__module__": "torch", "__qualname__": name}))
    monkeypatch.setitem(sys.modules, "torch", package)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    return package


def pickled(item, protocol=2):
    stream = io.BytesIO()
    Writer(stream, protocol).dump(item)
    return stream.getvalue()


def legacy(tensors, storages=(), protocol=2):
    parts = [pickle.dumps(item, 2) for item in (MAGIC, 1001, PLATFORM)]
    parts += [pickled(tensors, protocol), pickle.dumps([s.key for s in storages], 2)]
    parts += [struct.pack("<q", s.numbers.size) + s.numbers.tobytes() for s in storages]
    return b"".join(parts)


def zipped(tensors, storages=(), protocol=2, compression=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled(tensors, protocol))
        archive.writestr("archive/byteorder", "little")
        for storage in storages:
            archive.writestr(f"archive/data/{storage.key}", storage.numbers.tobytes())
    return stream.getvalue()


def read(folder, content):
    path = folder / "weights.pth"
    path.write_bytes(content)
    return read_state_dict(path)


BOTH = pytest.mark.parametrize("container", [legacy, zipped])


@BOTH
def test_names_shapes_and_numbers_come_back(torch, tmp_path, container):
    floats = Storage(torch.FloatStorage, "0", MATRIX.ravel())
    steps = Storage(torch.LongStorage, "1", np.array([7], "<i8"))
    tensors = OrderedDict(
        weight=Tensor(floats, 0, (2, 3), (3, 1)),
        turned=Tensor(floats, 0, (3, 2), (1, 3)),
        row=Tensor(floats, 3, (3,), (1,)),
        steps=Tensor(steps, 0, (), ()),
    )
    tensors._metadata = OrderedDict([("", {"version": 1})])        # PyTorch hangs this on every state dict
    found = read(tmp_path, container(tensors, (floats, steps)))

    assert list(found) == ["weight", "turned", "row", "steps"]
    np.testing.assert_array_equal(found["weight"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(found["turned"], [[0, 3], [1, 4], [2, 5]])
    np.testing.assert_array_equal(found["row"], [3, 4, 5])
    assert found["steps"] == 7 and found["steps"].shape == ()
    assert found["weight"].dtype == np.float32 and found["steps"].dtype == np.int64


def test_the_embedded_file():
    found = embedded_weights()
    assert len(found) == 296
    assert found["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert found["_fc.weight"].shape == (1000, 1280)
    assert found["_bn0.num_batches_tracked"].dtype == np.int64
    floats = [v for v in found.values() if v.dtype == np.float32]
    assert len(floats) == 247 and all(np.isfinite(v).all() for v in floats)
    assert all((v >= 0).all() for name, v in found.items() if name.endswith("running_var"))


class Hostile:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@BOTH
@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("function", [os.system, builtins.eval, builtins.open])
def test_code_is_refused_and_not_run(torch, tmp_path, container, function, protocol):
    marker = tmp_path / "marker"
    arguments = {
        os.system: (f"touch {marker}",),
        builtins.eval: (f"__import__('pathlib').Path({str(marker)!r}).touch()",),
        builtins.open: (str(marker), "w"),
    }[function]
    content = container({"weight": Hostile(function, *arguments)}, protocol=protocol)
    with pytest.raises(ModelError) as refused:
        read(tmp_path, content)
    assert not marker.exists()
    if protocol == 2:
        assert re.search(rf"asks for '\w+\.{function.__name__}'", str(refused.value))


def test_a_name_inside_an_allowed_module_is_refused_too(torch, tmp_path):
    unknown = Storage(torch.BFloat16Storage, "0", np.zeros(2, "<i2"))
    with pytest.raises(ModelError, match="torch.BFloat16Storage"):
        read(tmp_path, legacy({"w": Tensor(unknown, 0, (2,), (1,))}, (unknown,)))


@BOTH
def test_every_cut_is_noticed(torch, tmp_path, container):
    storage = Storage(torch.FloatStorage, "0", MATRIX.ravel())
    whole = container({"w": Tensor(storage, 0, (2, 3), (3, 1))}, (storage,))
    assert read(tmp_path, whole)["w"].shape == (2, 3)
    for length in range(0, len(whole) - 1, 7):
        with pytest.raises(ModelError):
            read(tmp_path, whole[:length])


@BOTH
@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (1, (2, 3), (3, 1)),                 # begins too late
        (0, (2, 3), (4, 1)),                 # steps too far
        (0, (10**6, 10**6), (0, 0)),         # one number for a million million
        (-1, (2,), (1,)),
        (0, (-2,), (1,)),
        (0, (2, 3), (1,)),
        (0, ("2",), (1,)),
    ],
)
def test_a_tensor_cannot_leave_its_storage(torch, tmp_path, container, offset, shape, strides):
    storage = Storage(torch.FloatStorage, "0", MATRIX.ravel())
    with pytest.raises(ModelError):
        read(tmp_path, container({"w": Tensor(storage, offset, shape, strides)}, (storage,)))


@BOTH
def test_a_storage_has_the_length_that_its_tensors_were_promised(torch, tmp_path, container):
    promised = Storage(torch.FloatStorage, "0", np.zeros(6, "<f4"))
    longer = Storage(torch.FloatStorage, "0", np.zeros(7, "<f4"))
    with pytest.raises(ModelError, match="ends too early or too late"):
        read(tmp_path, container({"w": Tensor(promised, 0, (6,), (1,))}, (longer,)))


def test_a_storage_cannot_be_larger_than_the_file(torch, tmp_path):
    storage = Storage(torch.FloatStorage, "0", np.broadcast_to(np.float32(0), (10**9,)))
    content = pickled({"w": Tensor(storage, 0, (1,), (1,))})
    head = b"".join(pickle.dumps(item, 2) for item in (MAGIC, 1001, PLATFORM))
    with pytest.raises(ModelError, match="larger than the file"):
        read(tmp_path, head + content + pickle.dumps(["0"], 2) + struct.pack("<q", 10**9))


def test_compressed_members_are_refused(torch, tmp_path):
    storage = Storage(torch.FloatStorage, "0", np.zeros(10**6, "<f4"))
    bomb = zipped({"w": Tensor(storage, 0, (1,), (1,))}, (storage,), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ModelError, match="compressed"):
        read(tmp_path, bomb)


def test_a_memo_of_four_thousand_million_places_is_refused(tmp_path):
    bomb = b"\x80\x02]r\xff\xff\xff\xff."                      # LONG_BINPUT 0xffffffff
    with pytest.raises(ModelError, match="more instructions"):
        read(tmp_path, bomb)


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", pickle.dumps("hello", 2)])
def test_other_files_are_refused(tmp_path, content):
    with pytest.raises(ModelError, match="state dict"):
        read(tmp_path, content)


@BOTH
def test_only_named_tensors(tmp_path, container):
    with pytest.raises(ModelError, match="int under the name 'epoch'"):
        read(tmp_path, container({"epoch": 3}))


def test_a_missing_file(tmp_path):
    with pytest.raises(ModelError, match="nowhere.pth"):
        read_state_dict(tmp_path / "nowhere.pth")
