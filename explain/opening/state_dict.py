"""Reads the numbers of a PyTorch state dict without PyTorch, and without running anything in it.

A state dict is a pickle of {name: tensor}, and a pickle is a small program. Three fences keep it data:

    1. opcodes      only those that a state dict is written with, and few of them, before any is run
    2. globals      a handful of names, each answered with a function of ours; every other is refused
    3. sizes        each tensor must lie inside a storage, each storage inside the file

There are two containers around the same pickle:

    legacy (before PyTorch 1.6)        zip (since PyTorch 1.6)
    magic, version, platform           archive/data.pkl          {name: tensor}
    {name: tensor}                     archive/data/0, 1, …      raw numbers
    [storage keys]                     archive/byteorder         "little", where it is written
    per key: count, raw numbers

Source: torch/serialization.py and torch/_utils.py of PyTorch, read for the format only.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import struct
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from explain.errors import ModelError

LARGEST_FILE = 2**30                 # bytes
LARGEST_PICKLE = 8 * 2**20           # bytes; EfficientNet-Lite0 needs 47 thousand
MOST_OPCODES = 2_000_000

_MAGIC = 0x1950A86A20F9469CFC6C
_DTYPES = {
    "DoubleStorage": "f8", "FloatStorage": "f4", "HalfStorage": "f2",
    "LongStorage": "i8", "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1",
    "ByteStorage": "u1", "BoolStorage": "?",
}  # fmt: skip
_OPCODES = frozenset(
    "PROTO STOP MARK GLOBAL REDUCE BUILD BINPERSID "
    "BININT BININT1 BININT2 LONG1 BINFLOAT NONE NEWTRUE NEWFALSE "
    "BINUNICODE SHORT_BINSTRING BINPUT LONG_BINPUT BINGET LONG_BINGET "
    "EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_LIST APPEND APPENDS EMPTY_DICT SETITEM SETITEMS".split()
)
_DAMAGE = (
    pickle.UnpicklingError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError,
    OverflowError, RecursionError, MemoryError, struct.error, zipfile.BadZipFile, NotImplementedError,
)  # fmt: skip


@dataclass(frozen=True)
class _Storage:
    """Where numbers lie: not yet the numbers, which stand behind the pickle."""

    key: str
    dtype: np.dtype
    count: int


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def view(self, numbers: np.ndarray) -> np.ndarray:
        """The tensor as a view into its storage's numbers; ValueError where it leaves them."""
        counts = (self.offset, *self.shape, *self.strides)
        if not all(isinstance(n, int) and n >= 0 for n in counts) or len(self.shape) != len(self.strides):
            raise ValueError("a shape that is no shape")
        size = math.prod(self.shape)
        last = self.offset + sum((n - 1) * step for n, step in zip(self.shape, self.strides, strict=True))
        if size > numbers.size or (size and last >= numbers.size):
            raise ValueError("a tensor that is larger than its storage")
        if size == 0:
            return np.zeros(self.shape, numbers.dtype)
        steps = [step * numbers.itemsize for step in self.strides]
        start = numbers[self.offset :]
        return np.lib.stride_tricks.as_strided(start, self.shape, steps, writeable=False)


def read_state_dict(path: str | Path) -> dict[str, np.ndarray]:
    """{name: array} of a .pth file, in the order of the file.

    The arrays are read-only views with the file's own shapes (PyTorch's order: a convolution is
    (out, in, h, w)) and dtypes, in this machine's byte order.

    Raises ModelError when the file is missing, too large, cut short, holds anything but named tensors,
    or asks for a Python name that a state dict has no need of (the name is in the sentence).
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise ModelError(
                f"'{path.name}' has {size / 1e6:.0f} MB; weights of at most "
                f"{LARGEST_FILE / 1e6:.0f} MB are read. Take a smaller network."
            )
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"The file of weights '{path.name}' cannot be read ({error.strerror}).") from error
    try:
        return _read_zip(content) if content[:4] == b"PK\x03\x04" else _read_legacy(content)
    except _DAMAGE as error:
        raise ModelError(
            f"'{path.name}' is not a readable PyTorch state dict: expected named tensors, "
            f"found {_plain(error)}. "
            "Fetch the file again, or save it with torch.save(network.state_dict(), …)."
        ) from error


def _read_legacy(content: bytes) -> dict[str, np.ndarray]:
    stream = io.BytesIO(content)
    if _unpickle(stream) != _MAGIC:
        raise ValueError("another kind of file")
    _unpickle(stream)                                              # protocol version
    order = "<" if _unpickle(stream)["little_endian"] else ">"
    tensors = _named_tensors(_unpickle(stream))
    storages = _storages(tensors, len(content))

    numbers = {}
    for key in _unpickle(stream):
        storage = storages[key]
        count = struct.unpack(order + "q", stream.read(8))[0]
        numbers[key] = _numbers(storage, stream.read(storage.count * storage.dtype.itemsize), order, count)
    return {name: tensor.view(numbers[tensor.storage.key]) for name, tensor in tensors.items()}


def _read_zip(content: bytes) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {info.filename: info for info in archive.infolist()}
        if any(info.compress_type != zipfile.ZIP_STORED for info in members.values()):
            raise ValueError("compressed members, which PyTorch never writes")
        inside = next((name for name in members if name.endswith("data.pkl")), "data.pkl")
        folder = inside.removesuffix("data.pkl")
        byteorder = folder + "byteorder"
        order = ">" if byteorder in members and archive.read(byteorder) == b"big" else "<"
        tensors = _named_tensors(_unpickle(io.BytesIO(archive.read(inside))))
        storages = _storages(tensors, len(content))
        numbers = {
            key: _numbers(storage, archive.read(f"{folder}data/{key}"), order, storage.count)
            for key, storage in storages.items()
        }
    return {name: tensor.view(numbers[tensor.storage.key]) for name, tensor in tensors.items()}


def _storages(tensors: dict[str, _Tensor], room: int) -> dict[str, _Storage]:
    found = {t.storage.key: t.storage for t in tensors.values()}
    if sum(s.count * s.dtype.itemsize for s in found.values()) > room:
        raise ValueError("storages that are larger than the file")
    return found


def _numbers(storage: _Storage, raw: bytes, order: str, count: int) -> np.ndarray:
    if count != storage.count or len(raw) != count * storage.dtype.itemsize:
        raise ValueError("a storage that ends too early or too late")
    stored = np.frombuffer(raw, storage.dtype.newbyteorder(order))
    return stored.astype(storage.dtype, copy=False)


def _named_tensors(found: object) -> dict[str, _Tensor]:
    if not isinstance(found, dict):
        raise ValueError("no dictionary")
    for name, value in found.items():
        if not isinstance(name, str) or not isinstance(value, _Tensor):
            raise ValueError(f"{type(value).__name__} under the name {str(name)[:80]!r}")
    return dict(found)


def _unpickle(stream: io.BytesIO) -> object:
    """One pickle of the stream, which is left behind its end."""
    start, opcodes = stream.tell(), 0
    for opcode, argument, position in pickletools.genops(stream):      # reads, runs nothing
        opcodes += 1
        if opcode.name not in _OPCODES:
            raise ValueError(f"the pickle instruction {opcode.name}")
        too_many = opcodes > MOST_OPCODES or position - start > LARGEST_PICKLE
        if too_many or (opcode.name == "LONG_BINPUT" and argument > opcodes):
            raise ValueError("more instructions than a state dict has")
    length = stream.tell() - start
    stream.seek(start)
    return _Reader(io.BytesIO(stream.read(length))).load()


class _Reader(pickle.Unpickler):
    """Resolves the few names that a state dict is written with, and nothing else."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch" and name in _DTYPES:
            return np.dtype(_DTYPES[name])
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            # A fresh function each time: BUILD could hang attributes on it, which then go with it.
            def rebuild(storage, offset, shape, strides, requires_grad=False, hooks=None, metadata=None):
                if not isinstance(storage, _Storage):
                    raise ValueError("a tensor without a storage")
                return _Tensor(storage, offset, tuple(shape), tuple(strides))

            return rebuild
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return lambda tensor, requires_grad=False, hooks=None: tensor
        raise ModelError(
            f"The file asks for '{module}.{name}', which a state dict has no need of, so it was not opened. "
            "Expected are tensors only: save it with torch.save(network.state_dict(), …)."
        )

    def persistent_load(self, reference: object) -> _Storage:
        kind, dtype, key, _location, count, *view = reference
        if kind != "storage" or not isinstance(dtype, np.dtype) or not isinstance(key, str):
            raise ValueError("a reference to something other than a storage")
        if view not in ([], [None]) or not isinstance(count, int) or count < 0:
            raise ValueError("a storage of a kind that is not read")
        return _Storage(key, dtype, count)


def _plain(error: BaseException) -> str:
    if type(error) is ValueError and error.args:
        return str(error.args[0])
    return "damage or a cut"
