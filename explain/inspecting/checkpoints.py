"""The numbers of a SavedModel's variables, read from its checkpoint without TensorFlow.

    variables/variables.index                  a sorted table: name → type, shape, file, place, length
    variables/variables.data-00000-of-00001    the numbers, one tensor after the other

Which name belongs to which variable say, in TensorFlow 1, the graph's own restoring part, and since
TensorFlow 2 the list of objects that stands in both the SavedModel and the checkpoint. Both are read,
neither is run, and no path that stands in them is used.

Read for the format only: tensorflow/core/util/tensor_bundle, tensorflow/core/lib/io/table_format.txt.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

from explain.errors import BrokenModel, ModelTooLarge, TruncatedModel
from explain.inspecting import limits, operations
from explain.inspecting.limits import quoted
from explain.inspecting.nodes import BYTES, Node, Ref, Tensor, put_shape, read_shape, read_tensor, reference
from explain.inspecting.protobuf import (
    Damage, Message, content, contents, entries, number, numbers, put, read, text, varint,
)  # fmt: skip

MOST_INDEX = 32 * 2**20
MOST_SHARDS = 64
MOST_NAMES, LONGEST_NAME = 200_000, 4096
OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"
MAGIC = 0xDB4775248B80FB57


def most_bytes() -> int:
    """Of one file: the operator's limit, and that of Protocol Buffers."""
    return min(limits.model_bytes(), 2**31 - limits.MEGABYTE)


def mapped(path: Path) -> memoryview:
    """A file's bytes, read only where they are touched. Raises BrokenModel for links, ModelTooLarge."""
    if path.is_symlink() or not path.is_file():
        raise BrokenModel(f"The file {quoted(path.name)} is missing. Give the whole folder, or a zip of it.")
    size = path.stat().st_size
    if size > most_bytes():
        most = limits.size(most_bytes())
        raise ModelTooLarge(f"{quoted(path.name)} has {limits.size(size)}, at most {most} are opened.")
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b"")


class Checkpoint:
    """The tensors of one folder `variables/` by name."""

    def __init__(self, folder: Path):
        self._folder, self._shards = folder, {}
        index = mapped(folder / "variables.index")
        if len(index) > MOST_INDEX:
            raise ModelTooLarge(f"The list of variables has {limits.size(len(index))}.")
        self._entries: dict[str, bytes] = {}
        for name, entry in _table(index):
            self._entries[name] = entry
            if len(self._entries) > MOST_NAMES:
                raise ModelTooLarge(f"The model has more than {MOST_NAMES:,} variables.")
        header = read(self._entries.pop("", b""))
        self._many = number(header, 1)
        if not 1 <= self._many <= MOST_SHARDS:
            raise Damage(f"the variables are said to lie in {self._many} files")
        if number(header, 2):
            raise BrokenModel("The numbers are stored in big-endian order. Save it on another machine.")

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def tensor(self, name: str) -> Tensor:
        """The numbers under a name, as they stand in the file. BrokenModel, TruncatedModel."""
        message = read(self._entries[name])
        dtype, shape = number(message, 1), read_shape(content(message, 2))
        if 7 in message or dtype not in BYTES or shape is None or None in shape:
            raise BrokenModel(f"The variable {quoted(name)} is stored in slices or is no array of numbers.")
        whole = self._bytes(name, message)
        tensor = Tensor(dtype, shape, put(1, dtype) + put(2, put_shape(shape)) + put(4, whole), len(whole))
        if tensor.size != len(whole):
            raise Damage(f"variable {quoted(name)} of shape {shape} has {len(whole):,} bytes")
        return tensor

    def text(self, name: str) -> memoryview:
        """The one text stored under a name. BrokenModel, TruncatedModel."""
        whole = self._bytes(name, read(self._entries[name]))
        length, at = varint(whole, 0)
        if at + 4 + length > len(whole):
            raise Damage(f"the text {quoted(name)} is longer than its place")
        return whole[at + 4 : at + 4 + length]                            # between them: a checksum

    def _bytes(self, name: str, message: Message) -> memoryview:
        start, size = number(message, 4), number(message, 5)
        shard = self._shard(number(message, 3))
        if min(start, size) < 0 or start + size > len(shard):
            raise TruncatedModel(
                f"The variables' file ends too early: {quoted(name)} should lie at bytes {start:,} to "
                f"{start + size:,}, there are {len(shard):,}. Copy or download the model again."
            )
        return shard[start : start + size]

    def _shard(self, which: int) -> memoryview:
        if not 0 <= which < self._many:
            raise Damage(f"a variable lies in file {which} of {self._many}")
        if which not in self._shards:
            self._shards[which] = mapped(self._folder / f"variables.data-{which:05}-of-{self._many:05}")
        return self._shards[which]


def _table(data: memoryview) -> Iterator[tuple[str, bytes]]:
    """All (name, entry) of a sorted table, in order."""
    if len(data) < 48:
        raise TruncatedModel("The list of variables ends too early. Copy or download the model again.")
    if int.from_bytes(data[-8:], "little") != MAGIC:
        raise Damage("the list of variables lacks its closing mark")
    _, at = varint(data, len(data) - 48)                                 # the first handle: a list of filters
    _, at = varint(data, at)
    for _, handle in _block(data, *_handle(data, at)):
        for key, value in _block(data, *_handle(memoryview(handle), 0)):
            yield text(key), value


def _handle(data: memoryview, at: int) -> tuple[int, int]:
    start, at = varint(data, at)
    return start, varint(data, at)[0]


def _block(data: memoryview, start: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """(key, value) of a block: each key says how much of the one before it shares."""
    block = bytes(data[start : start + size])
    if len(block) != size or start + size >= len(data) or size < 4:
        raise Damage("a part of the list of variables lies outside it")
    if data[start + size]:
        raise Damage("the list of variables is compressed")
    end = size - 4 - 4 * int.from_bytes(block[-4:], "little")
    at, key = 0, b""
    while at < end:
        shared, at = varint(block, at)
        fresh, at = varint(block, at)
        length, at = varint(block, at)
        key = key[:shared] + block[at : at + fresh]
        if len(key) > LONGEST_NAME:
            raise Damage(f"a variable's name has {len(key):,} letters")
        yield key, block[at + fresh : at + fresh + length]
        at += fresh + length


# Which name is whose ------------------------------------------------------------------------------------


def names_of(meta: Message, nodes: dict[str, Node], checkpoint: Checkpoint) -> dict[str, str]:
    """{variable of the main graph: its name in the checkpoint}."""
    return _assigned(nodes) | _bound(meta, nodes, checkpoint)


def _assigned(nodes: dict[str, Node]) -> dict[str, str]:
    """As TensorFlow 1 writes it: what RestoreV2 reads under a list of names is assigned to variables."""
    found = {}
    for node in nodes.values():
        if node.op in ("Assign", "AssignVariableOp") and len(node.inputs) > 1:
            (variable, _), (source, which) = (_origin(each, nodes) for each in node.inputs[:2])
            restore = nodes[source]
            if restore.op == "RestoreV2" and len(restore.inputs) > 1:
                names = nodes[reference(restore.inputs[1], nodes)[0]]
                names = [text(one) for one in read_tensor(content(names.get("value"), 8)).texts]
                if which >= len(names):
                    raise Damage("a variable is read from no name")
                found[variable] = names[which]
    return found


def _origin(written: str, nodes: dict[str, Node]) -> Ref:
    """Where a value comes from, past what only passes it on."""
    for _ in range(100):
        name, which = reference(written, nodes)
        if nodes[name].op != "Identity" or not nodes[name].inputs:
            return name, which
        written = nodes[name].inputs[0]
    raise Damage("a value is passed on for ever")


def _bound(meta: Message, nodes: dict[str, Node], checkpoint: Checkpoint) -> dict[str, str]:
    """As TensorFlow 2 writes it: each function lists the objects it reads, the checkpoint their names."""
    functions = {name: numbers(read(value), 2) for name, value in entries(read(content(meta, 7)), 2)}
    if not functions or OBJECTS not in checkpoint:
        return {}
    names = [_stored_as(read(part)) for part in contents(read(checkpoint.text(OBJECTS)), 1)]
    found = {}
    for node in nodes.values():
        objects = functions.get(node.function("f"), ()) if node.op in operations.CALLS else ()
        for written, which in zip(node.inputs[len(node.inputs) - len(objects):], objects):
            name = reference(written, nodes)[0]
            if nodes[name].op == "VarHandleOp" and 0 <= which < len(names) and names[which]:
                found[name] = names[which]
    return found


def _stored_as(tracked: Message) -> str:
    """The checkpoint's name for an object's value; '' where it has none."""
    for attribute in map(read, contents(tracked, 2)):
        if content(attribute, 1) == b"VARIABLE_VALUE":
            return text(content(attribute, 3))
    return ""
