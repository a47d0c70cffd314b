"""The messages of a graph: nodes, functions, tensors and shapes, each read strictly and written anew.

Field numbers are those of TensorFlow's node_def, attr_value, tensor, tensor_shape, function and op_def.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from functools import cached_property

from explain.errors import UnsafeGraph
from explain.inspecting.limits import quoted
from explain.inspecting.operations import ANSWERS
from explain.inspecting.protobuf import (
    Buffer, Damage, Message, Pieces, content, contents, entries, fields, number, numbers, put, put_entry,
    put_fixed, read, text, varint_of,
)  # fmt: skip

FLOAT, UINT8, STRING, BOOL = 1, 4, 7, 10
BYTES = {1: 4, 2: 8, 3: 4, 4: 1, 5: 2, 6: 1, 9: 8, 10: 1, 14: 2, 17: 2, 19: 2, 22: 4, 23: 8}   # per number
FLOATS = {1, 2, 14, 19}                                # float32, float64, bfloat16, float16
NAMES = {1: "float32", 2: "float64", 3: "int32", 4: "uint8", 7: "text", 9: "int64", 10: "bool", 19: "float16"}

Shape = tuple[int | None, ...] | None                  # None in it: free; None itself: nothing is known
Ref = tuple[str, int]                                  # an answer: name of the node, which of its answers

# Attributes that say where and under which name something runs, not what is computed.
SIDE = {
    "container", "shared_name", "debug_name", "allowed_devices", "config", "config_proto", "executor_type",
}  # fmt: skip


@dataclass(frozen=True)
class Tensor:
    """Numbers as they stand in the file. dtype: TensorFlow's; raw: the parts of a TensorProto."""

    dtype: int
    shape: tuple[int, ...]
    raw: Pieces
    stored: int                                        # bytes of numbers in the file
    texts: tuple[memoryview, ...] = ()

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return math.prod(self.shape) * BYTES.get(self.dtype, 0)


@dataclass
class Node:
    """One node. inputs: as written, those that only order the work left out."""

    name: str
    op: str
    inputs: list[str]
    entries: list[memoryview] = field(default_factory=list)

    @cached_property
    def attributes(self) -> dict[str, Message]:
        """Each attribute as the one field of its AttrValue."""
        found = {}
        for entry in self.entries:
            pair = read(entry)
            key, value = text(content(pair, 1)), read(content(pair, 2))
            if key in found or sum(map(len, value.values())) > 1:
                raise Damage(f"attribute {quoted(key)} of node {quoted(self.name)} stands there twice")
            found[key] = value
        return found

    def get(self, key: str) -> Message:
        return self.attributes.get(key, {})

    def function(self, key: str) -> str:
        """The name of the function that an attribute refers to."""
        return text(content(read(content(self.get(key), 10)), 1))


@dataclass
class Function:
    """One function of the library. returns: what it answers, in order, as written in its body."""

    arguments: list[tuple[str, int]]                   # name, dtype
    answers: list[tuple[str, int]]
    returns: list[str]
    nodes: dict[str, Node]


# Reading -----------------------------------------------------------------------------------------------


def read_node(data: Buffer) -> Node:
    name, op, inputs, attributes = "", "", [], []
    for key, value in fields(data):
        if isinstance(value, int):
            continue
        if key == 1:
            name = text(value)
        elif key == 2:
            op = text(value)
        elif key == 3 and value[:1] != b"^":
            inputs.append(text(value))
        elif key == 5:
            attributes.append(value)
    if not name or not op:
        raise Damage("a node has no name or no operation")
    return Node(name, op, inputs, attributes)


def read_nodes(parts: list[memoryview]) -> dict[str, Node]:
    found = {}
    for part in parts:
        node = read_node(part)
        if node.name in found:
            raise Damage(f"two nodes are called {quoted(node.name)}")
        found[node.name] = node
    return found


def function_name(data: Buffer) -> str:
    return text(content(read(content(read(data), 1)), 1))


def read_function(data: Buffer) -> Function:
    message = read(data)
    signature = read(content(message, 1))
    arguments, answers = ([_argument(part) for part in contents(signature, key)] for key in (2, 3))
    returns = {name: text(value) for name, value in entries(message, 4)}
    if any(name not in returns for name, _ in answers):
        raise Damage("a function does not say what it answers")
    nodes = read_nodes(contents(message, 3))
    return Function(arguments, answers, [returns[name] for name, _ in answers], nodes)


def _argument(data: Buffer) -> tuple[str, int]:
    message = read(data)
    if 3 not in message or {4, 5, 6} & set(message):
        raise Damage("a function leaves its types open")
    return text(content(message, 1)), number(message, 3)


def reference(written: str, nodes: dict[str, Node], arguments=()) -> Ref:
    """'x', 'x:1' or, in a function's body, 'x:name:1' → (name, which answer)."""
    if written in arguments or written in nodes:
        return written, 0
    name, *rest = written.rsplit(":", 2) if written.count(":") > 1 else written.rsplit(":", 1)
    if name not in nodes or not rest or not re.fullmatch(r"[0-9]{1,6}", rest[-1]):
        raise Damage(f"{quoted(written)} is asked for and is not there")
    answers = ANSWERS.get(nodes[name].op, "").split()
    if len(rest) == 2 and answers:
        if rest[0] not in answers:
            raise Damage(f"operation {quoted(nodes[name].op)} has no answer {quoted(rest[0])}")
        return name, answers.index(rest[0])
    return name, int(rest[-1])


def read_shape(data: Buffer) -> Shape:
    message = read(data)
    if number(message, 3):
        return None
    sizes = [number(read(part), 1) for part in contents(message, 2)]
    if len(sizes) > 32 or any(not -1 <= size < 2**40 for size in sizes):
        raise Damage("a shape is none")
    return tuple(None if size == -1 else size for size in sizes)


def read_tensor(data: Buffer) -> Tensor:
    """A TensorProto. Damage where the numbers do not fit its shape."""
    message = read(data)
    dtype, shape = number(message, 1), read_shape(content(message, 2))
    if shape is None or None in shape:
        raise Damage("there are numbers of unknown shape")
    if set(message) - VALUES - {1, 2, 3, 4}:
        raise Damage("a constant is a handle")
    count, whole, listed = math.prod(shape), content(message, 4), VALUES & set(message)
    if whole and dtype in BYTES and (len(whole) != count * BYTES[dtype] or listed):
        raise Damage(f"there are {len(whole):,} bytes of numbers for the shape {shape}")
    raw, stored = put(1, dtype) + put(2, put_shape(shape)) + (put(4, whole) if whole else []), len(whole)
    for key in listed:
        many, pieces = _listed(message, key)
        if many > count:
            raise Damage(f"there are {many:,} numbers for the shape {shape}")
        raw, stored = raw + pieces, stored + sum(map(len, pieces))
    return Tensor(dtype, shape, raw, stored, tuple(contents(message, 8)) if dtype == STRING else ())


VALUES = {5, 6, 7, 8, 10, 11, 13, 16, 17}              # where a TensorProto lists its numbers or texts
WIDTHS = {5: 4, 6: 8}                                  # of floats; whole numbers are varints


def _listed(message: Message, key: int) -> tuple[int, Pieces]:
    """(how many there are, the field written anew): one after the other, however they were written."""
    if key == 8:
        texts = contents(message, key)
        return len(texts), [piece for one in texts for piece in put(key, one)]
    if key in WIDTHS:
        found = b"".join(contents(message, key))
        many, rest = divmod(len(found), WIDTHS[key])
        if rest:
            raise Damage("a number is cut")
        return many, put(key, found)
    values = numbers(message, key)
    return len(values), put(key, b"".join(map(varint_of, values)))


# Writing -----------------------------------------------------------------------------------------------


def put_shape(shape: Shape) -> Pieces:
    if shape is None:
        return put(3, 1)
    return [piece for size in shape for piece in put(2, put(1, -1 if size is None else size))]


def made(name: str, op: str, **attributes: Pieces) -> Node:
    """A node of ours."""
    return Node(name, op, [], [memoryview(b"".join(put(1, k) + put(2, v))) for k, v in attributes.items()])


def put_node(name: str, op: str, inputs: list[str], attributes: dict[str, Pieces]) -> Pieces:
    pieces = put(1, name) + put(2, op)
    for each in inputs:
        pieces += put(3, each)
    for key, value in attributes.items():
        pieces += put_entry(5, key, value)
    return pieces


def clean(node: Node) -> dict[str, Pieces]:
    """What is computed, as AttrValues written anew; where it runs and under which name is left out."""
    found = {}
    for key, value in node.attributes.items():
        if value and not key.startswith("_") and key not in SIDE:
            ((kind, (one,)),) = value.items()
            found[key] = _clean(node, kind, one)
    return found


def _clean(node: Node, kind: int, value) -> Pieces:
    """One AttrValue. kind: 1 list, 2 text, 3 whole, 4 float, 5 bool, 6 type, 7 shape, 8 tensor."""
    if kind not in (1, 2, 3, 4, 5, 6, 7, 8) or isinstance(value, int) != (kind in (3, 5, 6)):
        raise Damage(f"node {quoted(node.name)} has an attribute of unknown kind")
    if kind == 1:
        return put(1, [piece for each, one in fields(value) for piece in _clean_item(node, each, one)])
    if kind == 4:
        return put_fixed(4, value)
    if kind == 7:
        return put(7, put_shape(read_shape(value)))
    return put(8, numeric(read_tensor(value)).raw) if kind == 8 else put(kind, value)


def _clean_item(node: Node, kind: int, value) -> Pieces:
    """Part of a list: numbers may stand one by one or packed."""
    if kind not in (2, 3, 4, 5, 6, 7) or (kind in (2, 7) and isinstance(value, int)):
        raise Damage(f"node {quoted(node.name)} lists what is no number")
    return put(7, put_shape(read_shape(value))) if kind == 7 else put(kind, value)


def numeric(tensor: Tensor) -> Tensor:
    """UnsafeGraph for text, handles and the like."""
    if tensor.dtype not in BYTES:
        kind = NAMES.get(tensor.dtype, f"type {tensor.dtype}")
        raise UnsafeGraph(f"The network computes with {kind}. Only numbers are allowed.")
    return tensor
