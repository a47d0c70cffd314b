"""Graphs as people save them: SavedModels of Keras, of tf.Module and of TensorFlow 1, and frozen graphs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from explain.inspecting import graphs
from explain.opening.graphs import open_graph

tf1 = tf.compat.v1
SIDE = 12


def exported(network: keras.Model, folder: Path) -> Path:
    """As Keras exports it."""
    network.export(folder, verbose=False)
    return folder


def saved(network, folder: Path) -> Path:
    """As tf.saved_model.save writes it."""
    tf.saved_model.save(network, folder)
    return folder


def frozen(network: keras.Model, path: Path) -> Path:
    """As the tutorials on freezing do it with TensorFlow 2."""
    function = tf.function(lambda x: network(x, training=False))
    concrete = function.get_concrete_function(tf.TensorSpec(network.inputs[0].shape, network.inputs[0].dtype))
    path.write_bytes(convert_variables_to_constants_v2(concrete).graph.as_graph_def().SerializeToString())
    return path


def served(call: Callable, folder: Path, shape=(None, SIDE, SIDE, 3), dtype=tf.float32, **tracked) -> Path:
    """A tf.Module whose one signature is `call`; tracked: what has to be saved with it."""
    module = tf.Module()
    for name, value in tracked.items():
        setattr(module, name, value)
    signature = tf.function(call).get_concrete_function(tf.TensorSpec(shape, dtype, name="x"))
    tf.saved_model.save(module, folder, signatures=signature)
    return folder


def opened(path: Path) -> keras.Model:
    """Checked into a copy beside it, and opened."""
    copy, _ = graphs.check(path, path.with_name(path.name + ".copy"))
    return open_graph(copy)


def noise(shape, many: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((many, *shape), np.float32)


def kernels(*shape: int, seed: int = 0) -> tf.Variable:
    return tf.Variable(np.random.default_rng(seed).normal(size=shape).astype(np.float32) * 0.3)


def conv_net(kernel, dense, name="conv"):
    """(b, h, w, C) → softmax of five."""

    def call(x):
        maps = tf.nn.relu(tf.nn.conv2d(x, kernel, 2, "SAME", name=name))
        return tf.nn.softmax(tf.reduce_mean(maps, [1, 2]) @ dense)

    return call


# TensorFlow 1 --------------------------------------------------------------------------------------------


def classic(image, training, reference: bool):
    """As in TF-Slim's days: a flag, normalisation, dropout, a dilated convolution in batches, reshapes."""
    with tf1.variable_scope("net", use_resource=not reference):

        def weight(name, *shape):
            drawn = tf1.random_normal_initializer(0, 0.5, seed=len(name))
            return tf1.get_variable(name, shape, initializer=drawn)

        x = tf1.nn.conv2d(image, weight("conv/kernel", 3, 3, 3, 4), [1, 2, 2, 1], "SAME", name="conv/Conv2D")
        x = tf1.nn.relu(tf1.nn.bias_add(x, weight("conv/bias", 4)), name="conv/Relu")
        mean, variance = tf1.cond(
            training,
            lambda: tf1.nn.moments(x, [0, 1, 2]),
            lambda: (weight("bn/mean", 4), weight("bn/var", 4) ** 2),
        )
        learnt = weight("bn/gamma", 4), weight("bn/beta", 4)
        normed = "bn/FusedBatchNorm"
        x, *_ = tf1.nn.fused_batch_norm(x, *learnt, mean, variance, is_training=False, name=normed)
        x = tf1.cond(training, lambda: tf1.nn.dropout(x, rate=0.5), lambda: x)
        x = tf1.space_to_batch_nd(x, [2, 2], [[2, 2], [2, 2]])
        x = tf1.nn.conv2d(x, weight("wide/kernel", 3, 3, 4, 5), 1, "VALID", name="wide/Conv2D")
        x = tf1.nn.bias_add(tf1.batch_to_space_nd(x, [2, 2], [[0, 0], [0, 0]]), weight("wide/bias", 5))
        x = tf1.reduce_mean(tf1.nn.relu6(x, name="wide/Relu6"), [1, 2], name="pool")
        logits = tf1.matmul(x, weight("head/kernel", 5, 7), name="head/MatMul")
        scores = tf1.nn.softmax(tf1.reshape(logits, [-1, 7]), name="head/Softmax")
        return tf1.reshape(scores, tf1.shape(logits), name="head/Reshape_1")


def of_tensorflow_1(folder: Path, form: str, reference: bool = True, flag: str = "default"):
    """(the file, its scores for `noise`). form: "saved" or "frozen"; flag: "default" or "fed"."""
    with tf.Graph().as_default() as graph, tf1.Session() as session:
        image = tf1.placeholder(tf.float32, (None, SIDE, SIDE, 3), name="input")
        training = (
            tf1.placeholder_with_default(False, (), name="is_training")
            if flag == "default"
            else tf1.placeholder(tf.bool, (), name="is_training")
        )
        scores = classic(image, training, reference)
        tf1.nn.top_k(scores, 3)
        session.run(tf1.global_variables_initializer())
        expected = session.run(scores, {image: noise((SIDE, SIDE, 3)), training: False})
        inputs = {"image": image} | ({"training": training} if flag == "fed" else {})
        if form == "saved":
            tf1.saved_model.simple_save(session, str(folder / "saved"), inputs, {"scores": scores})
            return folder / "saved", expected
        freeze = tf1.graph_util.convert_variables_to_constants
        constant = freeze(session, graph.as_graph_def(), [scores.op.name])
        (folder / "frozen.pb").write_bytes(constant.SerializeToString())
        return folder / "frozen.pb", expected


# Changed by hand -----------------------------------------------------------------------------------------


def message_of(folder: Path) -> saved_model_pb2.SavedModel:
    return saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())


def rewritten(folder: Path, change: Callable) -> Path:
    """The SavedModel after change(its graph and signatures)."""
    message = message_of(folder)
    change(message.meta_graphs[0])
    (folder / "saved_model.pb").write_bytes(message.SerializeToString())
    return folder


def refrozen(path: Path, change: Callable) -> Path:
    """The frozen graph after change(graph)."""
    graph = tf1.GraphDef.FromString(path.read_bytes())
    change(graph)
    path.write_bytes(graph.SerializeToString())
    return path


def add(nodes, op: str, name="added", inputs=(), **types):
    node = nodes.add(name=name, op=op, input=list(inputs))
    for key, dtype in types.items():
        node.attr[key].type = dtype
    return node


def constant(graph, shape: tuple, values=(1.0,)) -> None:
    """A constant of that shape beside the bias of the head, added to the scores."""
    node = add(graph.node, "Const", "huge", dtype=1)
    node.attr["value"].tensor.dtype = 1
    node.attr["value"].tensor.float_val[:] = values
    node.attr["value"].tensor.tensor_shape.CopyFrom(tf.TensorShape(shape).as_proto())
    last = next(node for node in graph.node if node.op == "Softmax")
    add(graph.node, "AddV2", "sum", [last.input[0], "huge"], T=1)
    last.input[0] = "sum"


def doubling(graph, levels: int) -> None:
    """Functions that each call the one before twice."""
    for level in range(levels):
        function = graph.library.function.add()
        function.signature.name = f"f{level}"
        function.signature.input_arg.add(name="x", type=1)
        function.signature.output_arg.add(name="y", type=1)
        before = "x"
        for step in ("a", "b"):
            node = function.node_def.add(name=step, op="PartitionedCall" if level else "Relu", input=[before])
            if level:
                node.attr["f"].func.name = f"f{level - 1}"
            else:
                node.attr["T"].type = 1
            before = f"{step}:output:0" if level else f"{step}:activations:0"
        function.ret["y"] = before
    last = next(node for node in graph.node if node.op == "Softmax")
    add(graph.node, "PartitionedCall", "call", [last.input[0]]).attr["f"].func.name = f"f{levels - 1}"
    last.input[0] = "call"
