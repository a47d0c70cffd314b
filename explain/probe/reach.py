"""Which layers have a say in a score: read off the traced graph, whatever the numbers are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import tensorflow as tf

from explain.probe.door import Call
from explain.probe.heads import Head

# They tell how large a tensor is, never what is in it.
SIZES = {"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"}
# Steps: flat almost everywhere, or made to hold slopes back.
STEPS = {
    "StopGradient", "PreventGradient", "ArgMax", "ArgMin", "Round", "Rint", "Floor", "Ceil", "Sign",
    "Bucketize", "Greater", "GreaterEqual", "Less", "LessEqual", "Equal", "NotEqual", "LogicalAnd",
    "LogicalOr", "LogicalNot",
}  # fmt: skip


@dataclass(frozen=True)
class Reach:
    """Names of layers. connected: some way leads from the layer to the score; sloped: and slopes can come
    back on it, because no step (rounding, a comparison, a held gradient) lies across every way."""

    connected: frozenset[str]
    sloped: frozenset[str]


def reach_of(head: Head, calls: Iterable[Call]) -> Reach:
    """Of one output."""
    connected, sloped = _behind(head.scores, SIZES), _behind(head.scores, SIZES | STEPS)
    names = [(call.name, call.tensor.op.name) for call in calls]
    return Reach(
        frozenset(name for name, operation in names if operation in connected),
        frozenset(name for name, operation in names if operation in sloped),
    )


def _behind(tensor: tf.Tensor, walls: set[str]) -> set[str]:
    """The names of the operations that the tensor depends on by a way without walls, its own included."""
    seen, todo = set(), [tensor.op]
    while todo:
        operation = todo.pop()
        if operation.name in seen:
            continue
        seen.add(operation.name)
        whole = operation.type == "Cast" and operation.outputs[0].dtype.is_integer
        if operation.type not in walls and not (whole and "Round" in walls):
            todo.extend(each.op for each in operation.inputs)
    return seen
