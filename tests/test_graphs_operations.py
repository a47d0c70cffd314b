"""What a graph computes, and the copy that is made of it."""

from __future__ import annotations

import keras
import networks
import numpy as np
import pytest
import tensorflow as tf
from graph_files import (
    SIDE, exported, frozen, kernels, noise, opened, refrozen, rewritten, saved, served, tf1,
)  # fmt: skip
from networks import pictures
from tensorflow.python.framework import op_def_registry

import explain
from explain.errors import BrokenModel, ModelTooLarge, UnsafeGraph
from explain.inspecting import graphs, operations
from explain.opening.graphs import RENAMED, open_graph, options_of


@pytest.fixture
def parts():
    return {"kernel": kernels(3, 3, 3, 4), "dense": kernels(4, 5)}


# Operations ----------------------------------------------------------------------------------------------


def test_a_branch_is_selected(parts, tmp_path):
    """Where a condition depends on the picture both branches are computed, and the right one counts."""
    switch = kernels(2, 4)

    def call(x):
        maps = tf.nn.conv2d(x, parts["kernel"], 2, "SAME", name="conv")
        bright = tf.reduce_mean(x) > 0.5
        maps = tf.cond(bright, lambda: tf.nn.relu(maps) * switch[0], lambda: -maps * switch[1])
        return tf.nn.softmax(tf.reduce_mean(maps, [1, 2]) @ parts["dense"])

    graph = opened(served(call, tmp_path / "g", switch=switch, **parts))
    for level in (0.2, 0.8):
        images = level + 0.1 * noise((SIDE, SIDE, 3))
        assert np.abs(graph(images).numpy() - call(tf.constant(images)).numpy()).max() < 1e-6
    heat = explain.heatmap(explain.wrap(graph, scaling="0..1"), pictures(1)[0], layer="conv", class_index=1)
    assert np.isfinite(heat.values).all()


def test_activations_written_as_arithmetic(parts, tmp_path):
    table = kernels(3, 4)

    def call(x):
        maps = tf.nn.conv2d(x, parts["kernel"], 2, "SAME", name="conv") + tf.gather(table, 2)
        maps = tf.nn.gelu(tf.nn.silu(tf.nn.gelu(maps)), approximate=True)
        tf.debugging.assert_less(tf.reduce_max(maps), 1e9)
        return tf.nn.softmax(tf.reduce_mean(tf.nn.dropout(maps, 0.0), [1, 2]) @ parts["dense"])

    graph = opened(served(call, tmp_path / "g", table=table, **parts))
    images = noise((SIDE, SIDE, 3))
    assert np.abs(graph(images).numpy() - call(tf.constant(images)).numpy()).max() < 1e-6
    found = [type(layer).__name__ for layer in graph.graph_layers]
    assert found.count("GELU") == 2 and found.count("Swish") == 1
    model = explain.wrap(graph, scaling="0..1")
    heat = explain.heatmap(model, pictures(1)[0], layer="conv", class_index=1)
    assert heat.values.max() > 1e-9                      # custom gradients are left out: slopes are there


def test_normalisation_and_attention_are_no_maps(tmp_path):
    inputs = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Rescaling(1 / 255, -0.5, name="scale")(inputs)
    x = keras.layers.Conv2D(6, 3, 3, name="patches")(x)
    x = keras.layers.LayerNormalization(name="norm")(x)
    x = keras.layers.Reshape((16, 6))(x)
    x = keras.layers.MultiHeadAttention(2, 3, name="attention")(x, x)
    x = keras.layers.GlobalAveragePooling1D()(x)
    network = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))
    graph = opened(exported(network, tmp_path / "g"))
    model = explain.wrap(graph)
    layers = {layer.name: layer.kind for layer in model.layers}
    assert layers["norm"] == "LayerNormalization" and layers["scale"] == "Rescaling"
    assert model.scaling == "0..255"
    assert {layer.name for layer in model.layers if len(layer.shape) == 3} <= {"scale", "patches", "norm"}


@pytest.mark.parametrize("op", sorted(operations.PURE - operations.CALLS - operations.BRANCHES))
def test_every_operation_has_its_python_name(op):
    """tf.raw_ops calls some arguments otherwise; and the answers are those of operations.ANSWERS."""
    definition, make = op_def_registry.get(op), getattr(tf.raw_ops, op)
    answers = [answer.name for answer in definition.output_arg]
    assert operations.ANSWERS.get(op, "").split() == (answers if len(answers) > 1 else [])
    written = [argument.name for argument in definition.input_arg] + options_of(definition)
    names = {RENAMED.get(op, {}).get(name, name) for name in written}
    assert names == set(make.__signature__.parameters) - {"name"}


def test_loops_are_refused(parts, tmp_path):
    def call(x):
        maps = tf.nn.conv2d(x, parts["kernel"], 2, "SAME", name="conv")
        _, maps = tf.while_loop(lambda i, m: tf.reduce_max(m) > 0, lambda i, m: (i + 1, m - 0.1), (0, maps))
        return tf.nn.softmax(tf.reduce_mean(maps, [1, 2]) @ parts["dense"])

    with pytest.raises(UnsafeGraph, match="has a loop"):
        graphs.check(served(call, tmp_path / "g", **parts), tmp_path)


# The copy ------------------------------------------------------------------------------------------------


def test_the_copy_holds_nothing_but_the_network(tmp_path):
    """No functions, collections, savers or objects; nothing that says where or under which name it runs."""
    copy, notices = graphs.check(saved(networks.plain(), tmp_path / "g"), tmp_path)
    meta = tf1.MetaGraphDef.FromString(copy.read_bytes())
    filled = {field.name for field, _ in meta.ListFields()}
    assert filled == {"graph_def", "signature_def"} and not notices
    assert not meta.graph_def.library.function and list(meta.signature_def) == ["layerscope"]
    for node in meta.graph_def.node:
        assert node.op in operations.PURE - operations.CALLS and not node.device
        assert not any(name.startswith("^") for name in node.input)
        assert not {key for key in node.attr if key.startswith("_")} - {"_value"}
        assert "shared_name" not in node.attr
    assert copy.stat().st_size < 30_000


def test_the_same_graph_gives_the_same_copy(tmp_path):
    source = saved(networks.plain(), tmp_path / "g")
    copies = [graphs.check(source, tmp_path / str(i))[0].read_bytes() for i in range(2)]
    assert copies[0] == copies[1]
    one, other = (open_graph(tmp_path / str(i) / "graph.pb").get_config() for i in range(2))
    assert one == other and len(one["graph"]) == 64


def test_a_copy_that_was_tampered_with_is_refused(tmp_path):
    copy, _ = graphs.check(frozen(networks.plain(), tmp_path / "g.pb"), tmp_path)
    meta = tf1.MetaGraphDef.FromString(copy.read_bytes())
    meta.graph_def.node.add(name="bad", op="WriteFile")
    copy.write_bytes(meta.SerializeToString())
    for look in (lambda: open_graph(copy), lambda: graphs.verify(memoryview(copy.read_bytes()))):
        with pytest.raises(UnsafeGraph, match="WriteFile"):
            look()


def test_a_graph_that_would_fill_the_memory_is_refused_before_it_runs(tmp_path):
    def call(x):
        huge = tf.fill([1000, tf.cast(tf.constant(400_000), tf.int32)], tf.reduce_mean(x))
        return tf.reduce_mean(x, [1, 2]) + tf.reduce_sum(huge)

    with pytest.raises(ModelTooLarge, match="4e.08 numbers"):
        opened(served(call, tmp_path / "g"))


def test_parts_that_do_not_fit_are_told(tmp_path):
    def change(graph):
        constants = (node for node in graph.node if node.op == "Const")
        kernel = next(node.attr["value"].tensor for node in constants if node.attr["dtype"].type == 1)
        kernel.CopyFrom(tf.make_tensor_proto(np.zeros((3, 3, 7, 4), np.float32)))

    with pytest.raises(BrokenModel, match="do not fit together.*TensorFlow says"):
        opened(refrozen(frozen(networks.plain(), tmp_path / "g.pb"), change))


def test_a_training_flag_without_a_signature_entry(tmp_path):
    """A SavedModel whose flag has a default: nothing to say about it."""
    folder = saved(networks.plain(), tmp_path / "g")
    rewritten(folder, lambda meta: meta.graph_def.node.add(name="flag", op="PlaceholderWithDefault"))
    assert graphs.check(folder, tmp_path)[1] == ()
