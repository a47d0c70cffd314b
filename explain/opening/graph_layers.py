"""Which operations of a flat graph are layers, and what people call them.

A layer ends at every convolution, matrix product, activation, pooling, sum and joining that depends on the
picture. A bias belongs to the layer before it, as in Keras. A batch normalisation that was written out
in arithmetic is one layer, and so is x · sigmoid(x).

Names are paths: "StatefulPartitionedCall/model/block1/conv/Relu" is "block1/conv" where all of them begin
with "model" and it is the last that 'conv' does; its convolution is then "block1/conv/convolution".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import tensorflow as tf

KINDS = {
    "Conv2D": "Conv2D", "DepthwiseConv2dNative": "DepthwiseConv2D", "Conv2DBackpropInput": "Conv2DTranspose",
    "Dilation2D": "Dilation2D", "MatMul": "Dense", "BatchMatMul": "Dense", "BatchMatMulV2": "Dense",
    "BatchMatMulV3": "Dense", "Einsum": "EinsumDense",
    "Relu": "ReLU", "Relu6": "ReLU", "Elu": "ELU", "Selu": "SELU", "LeakyRelu": "LeakyReLU",
    "Sigmoid": "Sigmoid", "Tanh": "Tanh", "Softmax": "Softmax", "LogSoftmax": "LogSoftmax",
    "Softplus": "Softplus", "Softsign": "Softsign",
    "MaxPool": "MaxPooling2D", "MaxPoolV2": "MaxPooling2D", "AvgPool": "AveragePooling2D",
    "Mean": "GlobalAveragePooling2D", "Max": "GlobalMaxPooling2D",
    "Add": "Add", "AddV2": "Add", "AddN": "Add", "Mul": "Multiply",
    "Concat": "Concatenate", "ConcatV2": "Concatenate",
    "FusedBatchNorm": "BatchNormalization", "FusedBatchNormV2": "BatchNormalization",
    "FusedBatchNormV3": "BatchNormalization", "LRN": "ResponseNormalization",
    "Pad": "ZeroPadding2D", "PadV2": "ZeroPadding2D", "MirrorPad": "ReflectionPadding2D",
    "ResizeBilinear": "Resizing", "ResizeNearestNeighbor": "Resizing", "ResizeBicubic": "Resizing",
    "ResizeArea": "Resizing",
}  # fmt: skip
PRODUCTS = (
    "Conv2D", "DepthwiseConv2dNative", "Conv2DBackpropInput", "MatMul", "BatchMatMul", "BatchMatMulV2",
    "BatchMatMulV3", "Einsum",
)  # fmt: skip
SUMS = ("Add", "AddV2", "BiasAdd", "BiasAddV1")
JOINS = ("Add", "AddV2", "AddN", "Mul", "Concat", "ConcatV2")
OVER_PLACES = ("Mean", "Max")

# Last parts of a node's name that only repeat what it does.
DOING = re.compile(
    r"(convolution|conv2d|conv2dbackpropinput|conv2d_transpose|depthwise|depthwise_conv2d|separable_conv2d|"
    r"biasadd|matmul|tensordot|einsum|relu|relu6|elu|selu|leakyrelu|leaky_relu|softmax|logsoftmax|softplus|"
    r"softsign|sigmoid|tanh|silu|gelu|maxpool|maxpool2d|max_pool|max_pool2d|avgpool|avgpool2d|avg_pool|"
    r"avg_pool2d|mean|max|add|addv2|addn|mul|concat|batchnorm|fusedbatchnorm(v\d)?|pad|resize\w*)(_\d+)?",
    re.IGNORECASE,
)  # fmt: skip


class Tap(NamedTuple):
    """A layer: the operation whose first answer is its own, its kind and its name."""

    operation: str
    kind: str
    name: str


def taps(graph: tf.Graph, order: list[str], image: str) -> list[Tap]:
    """The layers in the order in which they answer."""
    walk = _Walk(graph, order, image)
    ends = {}                                          # → (the operation it is called after, kind)
    for operation in walk.seeing:
        kind, end = walk.kind(operation), walk.end(operation)
        if kind and not walk.splits(operation, end):
            ends[end.name] = operation.name, kind
    found = [(name, *ends[name]) for name in order if name in ends]
    names = pretty([called for _, called, _ in found])
    return [Tap(end, kind, name) for (end, _, kind), name in zip(found, names)]


class _Walk:
    """What depends on the picture, and who reads whom."""

    def __init__(self, graph: tf.Graph, order: list[str], image: str):
        self._sees, self._apart, self._inside = {image}, set(), set()
        self._readers: dict[str, list[tf.Operation]] = {}
        self.seeing: list[tf.Operation] = []
        for operation in map(graph.get_operation_by_name, order):
            if any(tensor.op.name in self._sees for tensor in operation.inputs):
                self._sees.add(operation.name)
                self.seeing.append(operation)
                if self._is_no_map(operation):
                    self._apart.add(operation.name)
                self._inside |= {tensor.op.name for tensor in self._layer_norm(operation)}
            for tensor in operation.inputs:
                self._readers.setdefault(tensor.op.name, []).append(operation)

    def _pictures(self, operation: tf.Operation) -> list[tf.Tensor]:
        return [tensor for tensor in operation.inputs if tensor.op.name in self._sees]

    def _is_no_map(self, operation: tf.Operation) -> bool:
        """Attention: its (b, heads, n, n) and (b, n, heads, c) have four axes and are no maps."""
        pictures = self._pictures(operation)
        answers = [tensor.shape.rank for tensor in operation.outputs]
        if answers[:1] != [4]:
            return False
        if operation.type in PRODUCTS:
            return len(pictures) > 1
        return any(tensor.op.name in self._apart for tensor in pictures)

    def _layer_norm(self, operation: tf.Operation) -> tuple[tf.Tensor, ...]:
        """(x · s, m · s) of a sum x · s + (β − m · s) where s is the picture's own, or ()."""
        if operation.type not in SUMS:
            return ()
        for first, second in (operation.inputs, operation.inputs[::-1]):
            for third in second.op.inputs if second.op.type in ("Sub", *SUMS) else ():
                if first.op.type == third.op.type == "Mul":
                    shared = _read_by(first) & _read_by(third)
                    if any(tensor.name in shared for tensor in self._pictures(first.op)):
                        return first, third
        return ()

    def kind(self, operation: tf.Operation) -> str:
        """The class name of the layer that an operation makes; '' where it makes none."""
        kind, pictures = KINDS.get(operation.type, ""), self._pictures(operation)
        if not kind or operation.name in self._apart or operation.name in self._inside:
            return ""
        answer = operation.outputs[0]
        if not answer.dtype.is_floating or (answer.shape.rank or 0) < 2:
            return ""
        if operation.type in PRODUCTS:
            return kind if len(pictures) == 1 else ""
        if operation.type in OVER_PLACES:
            return kind if pictures[0].shape.rank == 4 and _without_places(answer) else ""
        if self._layer_norm(operation):
            return "LayerNormalization"
        if operation.type in SUMS and len(pictures) == 1:
            if pictures[0].op.type != "Mul" or len(self._pictures(pictures[0].op)) != 1:
                return ""
            return "BatchNormalization" if all(t.shape.rank for t in operation.inputs) else "Rescaling"
        if operation.type == "Mul" and len(pictures) == 2:
            return next(filter(None, (_gated(*pair) for pair in (pictures, pictures[::-1]))), kind)
        return kind if operation.type not in JOINS or len(pictures) > 1 else ""

    def end(self, operation: tf.Operation) -> tf.Operation:
        """The last operation of a layer: its bias, and what puts dilated or folded maps together again."""
        if operation.type not in PRODUCTS:
            return operation
        while (follower := self._only_reader(operation)) is not None:
            folded = follower.type == "Reshape" and self._adds(self._only_reader(follower))
            if follower.type != "BatchToSpaceND" and not folded and not self._adds(follower):
                break
            operation = follower
        return operation

    def splits(self, operation: tf.Operation, end: tf.Operation) -> bool:
        """Attention's queries, keys and values: tokens (b, n, c) are split into (b, n, heads, c)."""
        if operation.type not in PRODUCTS or end.outputs[0].shape.rank != 4:
            return False
        before = self._pictures(operation)[0]
        flattened = before.shape.rank == 2 and before.op.type == "Reshape"
        before = before.op.inputs[0] if flattened else before
        return before.shape.rank == 3

    def _only_reader(self, operation: tf.Operation) -> tf.Operation | None:
        readers = self._readers.get(operation.name, [])
        return readers[0] if len(readers) == 1 and readers[0].name in self._sees else None

    def _adds(self, operation: tf.Operation | None) -> bool:
        return operation is not None and operation.type in SUMS and len(self._pictures(operation)) == 1


def _read_by(tensor: tf.Tensor) -> set[str]:
    return {each.name for each in tensor.op.inputs}


def _gated(gate: tf.Tensor, tensor: tf.Tensor) -> str:
    """What a product of x and its gate is called: x · sigmoid(x), x · (1 + erf(x / √2)) / 2; or ''."""
    if gate.op.type == "Sigmoid":
        inner = gate.op.inputs[0]
        origins = {inner.name, *(_read_by(inner) if inner.op.type == "Mul" else ())}     # sigmoid(β · x)
        return "Swish" if tensor.name in origins else ""
    inner = {each.op.type for each in gate.op.inputs} if gate.op.type in SUMS else {gate.op.type}
    return "GELU" if inner & {"Erf", "Erfc", "Tanh"} else ""


def _without_places(tensor: tf.Tensor) -> bool:
    shape = tensor.shape
    return shape.rank == 2 or (shape.rank == 4 and shape[1] == shape[2] == 1)


def pretty(names: Iterable[str]) -> list[str]:
    """Short and still different: see the top of this file."""
    paths = _renumbered([name.split("/") for name in names])
    start = len(_start(paths))
    paths = [path[start:] for path in paths]
    short = [_without_doing(path) for path in paths]
    last = {name: index for index, name in enumerate(short)}
    whole = ["/".join(path) for path in paths]
    taken = set(last)
    found = []
    for index, name in enumerate(short):
        own = name if last[name] == index else whole[index]
        while own != name and own in taken:
            own += "_"
        taken.add(own)
        found.append(own)
    return found


def common_start(names: Iterable[str]) -> str:
    """The last of the parts with which all names begin, or ''."""
    return next(reversed(_start(_renumbered([name.split("/") for name in names]))), "")


def _start(paths: list[list[str]]) -> list[str]:
    shortest = min(paths, key=len, default=[])
    differ = (i for i, part in enumerate(shortest) if any(path[i] != part for path in paths))
    return shortest[: min(next(differ, len(shortest)), len(shortest) - 1)]


def _renumbered(paths: list[list[str]]) -> list[list[str]]:
    """Without the _1 that Keras hangs on every scope when it traces a model for export."""
    for depth in range(max(map(len, paths), default=0)):
        inner = [path for path in paths if len(path) > depth + 1]
        traced = [path[depth].endswith("_1") for path in inner]
        if all(re.fullmatch(r".+_\d+", path[depth]) for path in inner) and sum(traced) > len(traced) * 2 / 3:
            for path in inner:
                path[depth] = path[depth].removesuffix("_1")
    return paths


def _without_doing(path: list[str]) -> str:
    if len(path) > 1 and DOING.fullmatch(path[-1]):
        path = path[:-1]
        if len(path) > 1 and re.fullmatch(r"(batchnorm|tensordot|gelu|silu)(_\d+)?", path[-1], re.IGNORECASE):
            path = path[:-1]
    return "/".join(path)
