"""Where a picture goes in and where the scores come out.

A SavedModel has signatures that say so; a frozen graph has placeholders, and ends that nothing else reads.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from explain.errors import BrokenModel, InputError
from explain.inspecting.limits import quoted
from explain.inspecting.nodes import (
    BOOL, FLOAT, FLOATS, NAMES, STRING, UINT8, Node, Shape, made, put_shape, read_shape, reference,
)  # fmt: skip
from explain.inspecting.operations import PURE
from explain.inspecting.protobuf import Damage, Message, content, entries, number, put, put_fixed, read, text
from explain.results import Notice

PREFERRED = ("serving_default", "serve", "default", "image_classification", "predict", "predict_images")
NO_NETWORK = ("__saved_model_init_op", "__saved_model_train_op", "train", "eval")
PICTURES = FLOATS | {UINT8}
MOST_OUTPUTS = 64
LONGEST_NAME = 255
RANKERS = ("ArgMax", "TopKV2")                         # what they rank are the scores
AS_SAVED = "Save the network with a signature that takes pictures, float32 (batch, height, width, channels)."


@dataclass(frozen=True)
class Ends:
    """image: the node that holds the picture; outputs: (name, as written in the graph)."""

    image: str
    dtype: int
    shape: Shape
    outputs: tuple[tuple[str, str], ...]
    switches: tuple[tuple[str, bool | float], ...] = ()

    def notices(self) -> tuple[Notice, ...]:
        return tuple(
            Notice(
                "W_GRAPH_SWITCH",
                f"Besides the picture the graph has the input {quoted(name)}. It is set to {value}, as it "
                "should be when nothing is trained.",
            )
            for name, value in self.switches
        )


@dataclass(frozen=True)
class Input:
    """name: as the file calls it; node: where it enters the graph."""

    name: str
    node: str
    dtype: int
    shape: Shape

    def __str__(self) -> str:
        sizes = "unknown" if self.shape is None else str(tuple(self.shape)).replace("None", "free")
        return f"{quoted(self.name)} ({NAMES.get(self.dtype, 'another type')}, shape {sizes})"

    @property
    def is_picture(self) -> bool:
        shape = self.shape
        fits = shape is None or len(shape) == 4 or (len(shape) == 3 and shape[1] == shape[2] is not None)
        return self.dtype in PICTURES and fits and self.when_not_training is None

    @property
    def when_not_training(self) -> bool | float | None:
        """The value of a training flag or of a dropout share; None where it is neither."""
        if self.shape not in (None, (), (1,)):
            return None
        if self.dtype == BOOL:
            return False
        name = self.name.lower()
        if self.dtype == FLOAT and "keep" in name:
            return 1.0
        return 0.0 if self.dtype == FLOAT and ("rate" in name or "drop" in name) else None


# SavedModel ------------------------------------------------------------------------------------------------


def of_signatures(meta: Message, nodes: dict[str, Node]) -> Ends:
    """The first signature that takes one picture. InputError names what was found instead."""
    found = {name: read(value) for name, value in entries(meta, 5) if name not in NO_NETWORK}
    found = {name: message for name, message in found.items() if 1 in message}
    if not found:
        raise BrokenModel(f"The SavedModel has no signature that says where a picture goes in. {AS_SAVED}")
    first = None
    for name in sorted(found, key=lambda n: (PREFERRED.index(n) if n in PREFERRED else len(PREFERRED), n)):
        try:
            return _ends(_inputs(found[name], nodes), _outputs(found[name]), f"its signature {quoted(name)}")
        except InputError as error:
            first = first or error
    raise first


def _tensors(signature: Message, field: int) -> Iterator[tuple[str, str, int, Shape]]:
    """(name, as written in the graph, dtype, shape)."""
    for name, value in sorted(dict(entries(signature, field)).items()):
        if len(name) > LONGEST_NAME:
            raise Damage(f"the name of an input or output has {len(name):,} letters")
        message = read(value)
        shape = read_shape(content(message, 3)) if 3 in message else None
        yield name, text(content(message, 1)), number(message, 2), shape


def _inputs(signature: Message, nodes: dict[str, Node]) -> list[Input]:
    return [
        Input(name, reference(written, nodes)[0], dtype, shape)
        for name, written, dtype, shape in _tensors(signature, 1)
    ]


def _outputs(signature: Message) -> list[tuple[str, str]]:
    return [(name, written) for name, written, dtype, _ in _tensors(signature, 2) if dtype in FLOATS]


# Frozen graph ----------------------------------------------------------------------------------------------


def of_frozen(nodes: dict[str, Node]) -> Ends:
    """Its placeholders, and the ends that nothing else reads. InputError, BrokenModel."""
    reads = {name: [reference(each, nodes)[0] for each in node.inputs] for name, node in nodes.items()}
    inputs = [_placeholder(node) for node in nodes.values() if node.op == "Placeholder"]
    if not any(one.is_picture for one in inputs):
        inputs += [_placeholder(node) for node in nodes.values() if node.op == "PlaceholderWithDefault"]
    pictures = [one.node for one in inputs if one.is_picture]
    seeing = _before(pictures, _readers(reads)) - set(pictures)
    ranked = {name for name in seeing if nodes[name].op in RANKERS}
    read_by_another = {each for name, those in reads.items() for each in those if name not in ranked}
    last = seeing - ranked - read_by_another
    ends = [name for name in nodes if name in last and nodes[name].op in PURE]
    before = {name: _before([name], reads) for name in ends[: MOST_OUTPUTS + 1]}
    lacking = {one.node for one in inputs if not one.is_picture and one.when_not_training is None}
    ends = [name for name in ends if not before.get(name, set()) & lacking] or ends      # a loss needs labels
    needed = set().union(*(before[name] for name in ends[:MOST_OUTPUTS]))
    inputs = [one for one in inputs if one.node in needed or not pictures]
    return _ends(inputs, [(name, name) for name in ends], "the graph")


def _placeholder(node: Node) -> Input:
    dtype = number(node.get("dtype"), 6)
    shape = read_shape(content(node.get("shape"), 7)) if 7 in node.get("shape") else None
    return Input(node.name, node.name, dtype, shape or None)         # unknown shapes were once written as ()


def _readers(reads: dict[str, list[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, those in reads.items():
        for each in those:
            found.setdefault(each, []).append(name)
    return found


def _before(roots: list[str], reads: dict[str, list[str]]) -> set[str]:
    """The roots, and everything that they read, directly or not."""
    found, todo = set(), list(roots)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += reads.get(name, ())
    return found


# Both ------------------------------------------------------------------------------------------------------


def _ends(inputs: list[Input], outputs: list[tuple[str, str]], where: str) -> Ends:
    pictures = [one for one in inputs if one.is_picture]
    others = [one for one in inputs if not one.is_picture]
    if len(pictures) > 1:
        raise InputError(f"Expected one picture as input, {where} takes several: {_listed(pictures)}.")
    unknown = [one for one in others if one.when_not_training is None]
    if any(one.dtype == STRING for one in unknown) and not pictures:
        raise InputError(
            f"Expected a picture as input, {where} takes encoded pictures, records or text: "
            f"{_listed(inputs)}. {AS_SAVED}"
        )
    if not pictures or unknown:
        found = _listed(inputs) or "nothing"
        raise InputError(f"Expected one picture as input, {where} takes {found}. {AS_SAVED}")
    if not outputs:
        raise InputError(f"Expected scores as float32 numbers, {where} answers none.")
    if len(outputs) > MOST_OUTPUTS:
        raise InputError(f"Expected one or a few outputs, {where} has {len(outputs)}.")
    image = pictures[0]
    return Ends(
        image.node, image.dtype, image.shape, tuple(outputs),
        tuple((one.node, one.when_not_training) for one in others),
    )  # fmt: skip


def _listed(inputs: list[Input]) -> str:
    return ", ".join(map(str, inputs[:6])) + (f" and {len(inputs) - 6} more" if len(inputs) > 6 else "")


def fed(ends: Ends, nodes: dict[str, Node]) -> dict[str, Node]:
    """The graph with a placeholder for the picture, and constants for what is not given."""
    changed = dict(nodes)
    shape = put(7, put_shape(ends.shape))
    changed[ends.image] = made(ends.image, "Placeholder", dtype=put(6, ends.dtype), shape=shape)
    for name, value in ends.switches:
        dtype = BOOL if isinstance(value, bool) else FLOAT
        given = put(11, int(value)) if dtype == BOOL else put_fixed(5, struct.pack("<f", value))
        tensor = put(8, put(1, dtype) + put(2, []) + given)
        changed[name] = made(name, "Const", dtype=put(6, dtype), value=tensor)
    return changed
