"""Cutting a piece out of a traced graph: from some of its tensors to one other."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf


def cut_out(graph, feeds: list[tf.Tensor], fetch: tf.Tensor, trace: Callable) -> Callable:
    """A function (*values of all feeds) → value of `fetch`, which computes only what lies between.

    `ConcreteFunction.prune` does the same, but passes every captured variable of the network at every
    call; here only those that are used come along, and feeds that lie off the way are not read.
    """
    whole = graph.as_graph_def()
    nodes = {node.name: node for node in whole.node}
    fed = {tensor.op.name for tensor in feeds}
    between, reached, todo = set(), set(), [fetch.op.name]
    while todo:
        name = todo.pop()
        if name in fed:
            reached.add(name)
        elif name not in between:
            between.add(name)
            todo += [each.lstrip("^").split(":")[0] for each in nodes[name].input]
    live = [i for i, tensor in enumerate(feeds) if tensor.op.name in reached]
    captured = [(outside, inside) for outside, inside in graph.captures if inside.op.name in between]

    piece = tf.compat.v1.GraphDef(versions=whole.versions, library=whole.library)
    placeholders = {inside.op.name for _, inside in captured}
    piece.node.extend(node for node in whole.node if node.name in between - placeholders)

    def function(*given):
        here = tf.compat.v1.get_default_graph()
        known = {feeds[i].name: value for i, value in zip(live, given)}
        known |= {inside.name: here.capture(outside) for outside, inside in captured}
        return tf.graph_util.import_graph_def(piece, known, [fetch.name], name="")[0]

    compiled = trace(function, *(tf.TensorSpec(feeds[i].shape, feeds[i].dtype) for i in live))
    return lambda *values: compiled(*(tf.constant(values[i]) for i in live))
