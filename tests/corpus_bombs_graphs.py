"""Bombs as frozen graphs: many nodes, giant constants, functions that double, loops without end."""

from __future__ import annotations

from corpus import Shelf
from corpus_attacks_graphs import frozen, network

GRAPHS = Shelf()


def graph(change) -> bytes:
    """A small frozen network, its message changed by change(graph)."""
    import tensorflow as tf

    message = tf.compat.v1.GraphDef.FromString(frozen(network(lambda x: tf.constant([1.0, 2.0, 3.0]))))
    change(message)
    return message.SerializeToString()


@GRAPHS.bytes("E_MODEL_SIZE", ".pb")
def graph_of_200_000_nodes():
    def change(message):
        node = message.node.add(name="n", op="Identity", input=[message.node[0].name])
        node.attr["T"].type = 1
        more = node.SerializeToString()
        message.MergeFromString(
            b"".join(
                b"\x0a" + bytes([len(one)]) + one
                for one in (more.replace(b"\x01n", b"\x07n%06d" % i, 1) for i in range(200_000))
            )
        )

    return graph(change)


def constant(message, name: str, kind: int, values: list, shape: tuple) -> None:
    """A Const node. kind: 1 float, 3 int32."""
    node = message.node.add(name=name, op="Const")
    node.attr["dtype"].type = kind
    value = node.attr["value"].tensor
    value.dtype = kind
    (value.float_val if kind == 1 else value.int_val)[:] = values
    value.tensor_shape.SetInParent()
    for size in shape:
        value.tensor_shape.dim.add(size=size)


def added(message, source: str) -> None:
    """Add the sum of that matrix to the scores."""
    constant(message, "axes", 3, [0, 1], (2,))
    last = next(n for n in message.node if n.op == "Softmax")
    total = message.node.add(name="total", op="Sum", input=[source, "axes"])
    total.attr["T"].type, total.attr["Tidx"].type = 1, 3
    message.node.add(name="more", op="AddV2", input=[last.input[0], "total"]).attr["T"].type = 1
    last.input[0] = "more"


@GRAPHS.bytes("E_MODEL_SIZE", ".pb")
def graph_of_a_giant_constant():
    """One value, and a shape that repeats it to 40 GB."""

    def change(message):
        constant(message, "giant", 1, [1.0], (100_000, 100_000))
        added(message, "giant")

    return graph(change)


@GRAPHS.bytes("E_MODEL_SIZE", ".pb")
def graph_that_fills_a_giant():
    """The same, made while it runs."""

    def change(message):
        constant(message, "shape", 3, [100_000, 100_000], (2,))
        constant(message, "one", 1, [1.0], ())
        full = message.node.add(name="full", op="Fill", input=["shape", "one"])
        full.attr["T"].type, full.attr["index_type"].type = 1, 3
        added(message, "full")

    return graph(change)


def calling(node, function: str, source: str) -> None:
    """Make the node a call of a function of the library."""
    node.op, node.input[:] = "PartitionedCall", [source]
    node.attr["f"].func.name = function
    node.attr["Tin"].list.type[:] = [1]
    node.attr["Tout"].list.type[:] = [1]


def with_function(message, name: str, inner: str | None) -> None:
    """A function of one number that calls `inner` (or a ReLU) twice."""
    one = message.library.function.add()
    one.signature.name = name
    one.signature.input_arg.add(name="x", type=1)
    one.signature.output_arg.add(name="y", type=1)
    source = "x"
    for step in ("first", "second"):
        node = one.node_def.add(name=step)
        if inner:
            calling(node, inner, source)
        else:
            node.op, node.input[:] = "Relu", [source]
            node.attr["T"].type = 1
        source = f"{step}:output:0" if inner else f"{step}:activations:0"
    one.ret["y"] = source


def called(message, function: str) -> None:
    """Put a call of the function before the softmax."""
    last = next(n for n in message.node if n.op == "Softmax")
    calling(message.node.add(name="call"), function, last.input[0])
    last.input[0] = "call"


@GRAPHS.bytes("E_MODEL_SIZE", ".pb")
def graph_of_functions_that_double():
    """Forty functions, each calling the one before twice: 2⁴⁰ operations when they are unfolded."""

    def change(message):
        for level in range(40):
            with_function(message, f"f{level}", f"f{level - 1}" if level else None)
        called(message, "f39")

    return graph(change)


@GRAPHS.bytes("E_MODEL_SIZE", ".pb")
def graph_of_a_function_that_calls_itself():
    def change(message):
        with_function(message, "again", "again")
        called(message, "again")

    return graph(change)


@GRAPHS.bytes("E_GRAPH", ".pb")
def graph_that_loops_for_ever():
    import tensorflow as tf

    def effect(x):
        return tf.while_loop(lambda n: n > -1.0, lambda n: (n * 1.0,), (tf.reduce_max(x),))[0] * 0.0

    return frozen(network(effect))
