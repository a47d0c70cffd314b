"""A checked graph, imported once for its types and shapes: nothing of it runs here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import node_def_pb2
from tensorflow.core.protobuf import meta_graph_pb2

from explain.errors import BrokenModel, InputError, ModelTooLarge, UnsafeGraph
from explain.inspecting import operations

MOST_NUMBERS = 2**28                                   # in one tensor, for one picture
CHANNELS = (3, 1, 4)                                   # tried in turn where the graph does not say

Shape = tuple[int | None, ...]


class Imported(NamedTuple):
    """order: the operations, each after what it reads; image: the one that holds the picture; shape, dtype:
    of the picture, batch first; outputs: {name: tensor}; values: the numbers of the variables."""

    graph: tf.Graph
    order: list[str]
    image: str
    shape: Shape
    dtype: str
    outputs: dict[str, tf.Tensor]
    values: dict[str, np.ndarray]


def imported(meta: meta_graph_pb2.MetaGraphDef) -> Imported:
    """`meta` is emptied of its numbers. Raises UnsafeGraph, InputError, BrokenModel, ModelTooLarge."""
    graph_def = meta.graph_def
    _check(graph_def)
    ((_, signature),) = meta.signature_def.items()
    (info,) = signature.inputs.values()
    image, dtype = info.name.partition(":")[0], tf.as_dtype(info.dtype)
    values = _taken_out(graph_def)
    _accept_floats(graph_def, image)
    shape, graph = _first_that_fits(graph_def, image, _shapes(info))
    _check_sizes(graph)
    written = {name: signature.outputs[name].name for name in _natural(signature.outputs)}
    outputs = _scores({name: graph.get_tensor_by_name(tensor) for name, tensor in written.items()})
    return Imported(
        graph, [node.name for node in graph_def.node], image, shape, dtype.name, outputs, values
    )  # fmt: skip


def _check(graph_def) -> None:
    """Once more, for copies that did not come from the inspection."""
    for node in graph_def.node:
        if node.op not in operations.PURE:
            raise UnsafeGraph(f"The graph holds '{node.op}', which is no operation that only computes.")
    if graph_def.library.function:
        raise UnsafeGraph("The graph holds functions, which a checked copy does not.")


def _taken_out(graph_def) -> dict[str, np.ndarray]:
    """The numbers that the variables carry, which TensorFlow has no place for."""
    found = {}
    for node in graph_def.node:
        if node.op == "VarHandleOp":
            found[node.name] = array_of(node.attr["_value"].tensor)
            del node.attr["_value"]
    return found


def array_of(tensor) -> np.ndarray:
    """The numbers of a TensorProto. TensorFlow's optimiser writes zeros as no numbers at all."""
    filled = {field.name for field, _ in tensor.ListFields()} - {"dtype", "tensor_shape", "version_number"}
    if not filled:
        shape = [dim.size for dim in tensor.tensor_shape.dim]
        return np.zeros(shape, tf.as_dtype(tensor.dtype).as_numpy_dtype)
    return tf.make_ndarray(tensor)


def _accept_floats(graph_def, image: str) -> None:
    """A picture of whole numbers that is cast at once may come as floats: then slopes reach it."""
    readers = [node for node in graph_def.node if image in node.input]
    if all(node.op == "Cast" for node in readers):
        for node in readers:
            node.attr["SrcT"].type = tf.float32.as_datatype_enum
        (held,) = (node for node in graph_def.node if node.name == image)
        held.attr["dtype"].type = tf.float32.as_datatype_enum


# Shapes --------------------------------------------------------------------------------------------------


def _shapes(info) -> list[Shape]:
    """The picture's shape; several to try where its channels are not known."""
    if info.tensor_shape.unknown_rank:
        return [(None, None, None, channels) for channels in CHANNELS]
    shape = tuple(None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim)
    return [shape] if shape[-1] is not None else [(*shape[:-1], channels) for channels in CHANNELS]


def _first_that_fits(graph_def, image: str, shapes: list[Shape]) -> tuple[Shape, tf.Graph]:
    for shape in shapes:
        try:
            graph = _import(graph_def, image, shape)
        except BrokenModel:
            if shape == shapes[-1]:
                raise
            continue
        if shape[0] is None:
            return shape, graph
        free = (None, *shape[1:])
        _free_batch(graph_def, graph, shape[0])
        return free, _import(graph_def, image, free)
    raise AssertionError("there is always one shape")


def _import(graph_def, image: str, shape: Shape) -> tf.Graph:
    (held,) = (node for node in graph_def.node if node.name == image)
    held.attr["shape"].shape.CopyFrom(tf.TensorShape(shape).as_proto())
    with tf.Graph().as_default() as graph:
        try:
            tf.graph_util.import_graph_def(graph_def, name="")
        except (ValueError, TypeError, KeyError, tf.errors.OpError) as error:
            raise BrokenModel(
                f"The graph's parts do not fit together for pictures of shape {shape}. "
                f"TensorFlow says: {str(error).strip().splitlines()[0][:300]}"
            ) from error
    return graph


def _free_batch(graph_def, graph: tf.Graph, batch: int) -> None:
    """Where a reshape was written for exactly so many pictures, let it take any number."""
    for node in list(graph_def.node):
        operation = graph.get_operation_by_name(node.name)
        if operation.type != "Reshape" or operation.inputs[1].op.type != "Const":
            continue
        before, after = operation.inputs[0].shape, operation.outputs[0].shape
        if after.is_fully_defined() and after.rank and after[0] == before[0] == batch:
            free = tf.make_tensor_proto(np.array([-1, *after[1:]], operation.inputs[1].dtype.as_numpy_dtype))
            constant = node_def_pb2.NodeDef(name=node.name + "/free", op="Const")
            constant.attr["dtype"].type = free.dtype
            constant.attr["value"].tensor.CopyFrom(free)
            node.input[1] = constant.name
            graph_def.node.insert(0, constant)


def _check_sizes(graph: tf.Graph) -> None:
    for operation in graph.get_operations():
        for tensor in operation.outputs:
            numbers = np.prod([float(n or 1) for n in tensor.shape]) if tensor.shape.rank else 1
            if numbers > MOST_NUMBERS:
                raise ModelTooLarge(
                    f"The operation '{operation.name}' answers {numbers:.2g} numbers (shape {tensor.shape}) "
                    f"for one picture, at most {MOST_NUMBERS:.2g} are computed."
                )


def _natural(names) -> Iterator[str]:
    """'output_2' before 'output_10'."""
    return sorted(names, key=lambda name: [(len(part), part) for part in re.split(r"(\d+)", name)])


def _scores(outputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Those that can be scores: floats, one row or map for each picture. InputError without any."""
    found = {
        name: tensor
        for name, tensor in outputs.items()
        if tensor.dtype.is_floating and tensor.shape.rank in (2, 3, 4) and tensor.shape[-1] is not None
        and tensor.shape[0] is None
    }  # fmt: skip
    if not found:
        seen = ", ".join(f"'{name}' {tensor.dtype.name} {tensor.shape}" for name, tensor in outputs.items())
        raise InputError(f"Expected scores (batch, classes), the batch being free; the graph answers {seen}.")
    return found
