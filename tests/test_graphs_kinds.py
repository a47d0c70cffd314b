"""Inputs, outputs and operations of graphs: what is opened, and what is refused with what was found."""

from __future__ import annotations

import keras
import networks
import numpy as np
import pytest
import tensorflow as tf
from graph_files import SIDE, exported, frozen, kernels, noise, opened, refrozen, rewritten, saved, served
from networks import pictures
from tensorflow.python.framework import op_def_registry

import explain
from explain.errors import BrokenModel, InputError, ModelTooLarge, UnsafeGraph
from explain.inspecting import graphs, operations
from explain.opening.graphs import RENAMED, open_graph, options_of

tf1 = tf.compat.v1


def conv_net(kernel, dense, name="conv"):
    """(b, h, w, C) → softmax of five."""

    def call(x):
        maps = tf.nn.relu(tf.nn.conv2d(x, kernel, 2, "SAME", name=name))
        return tf.nn.softmax(tf.reduce_mean(maps, [1, 2]) @ dense)

    return call


@pytest.fixture
def parts():
    return {"kernel": kernels(3, 3, 3, 4), "dense": kernels(4, 5)}


# Inputs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(None, None, None, 3), None, (None, 8, 8, None)])
def test_sizes_and_channels_that_are_left_open(shape, parts, tmp_path):
    graph = opened(served(conv_net(**parts), tmp_path / "g", shape, **parts))
    size = (None, 8, 8, 3) if shape and shape[1] else (None, None, None, 3)
    assert graph.inputs[0].shape == size                          # the channels are those that the kernel fits
    model = explain.wrap(graph, scaling="0..1", input_shape=(8, 8, 3))
    assert explain.heatmap(model, pictures(1)[0], class_index=1).values.shape == (4, 4)


def test_a_batch_of_one_is_set_free(parts, tmp_path):
    """Reshapes that were written for one picture, and one that must not be touched."""

    def call(x):
        maps = tf.reshape(tf.nn.relu(tf.nn.conv2d(x, parts["kernel"], 2, "SAME", name="conv")), [1, 6 * 6 * 4])
        maps = tf.reshape(tf.transpose(tf.reshape(maps, [1, 6, 6, 4]), [0, 2, 1, 3]), [1, -1, 4])
        scale = tf.reshape(tf.reshape(parts["dense"], [1, 20]), [4, 5])
        return tf.nn.softmax(tf.reduce_mean(maps, 1) @ scale)

    graph = opened(served(call, tmp_path / "g", (1, SIDE, SIDE, 3), **parts))
    images = noise((SIDE, SIDE, 3), 3)
    assert graph.inputs[0].shape == (None, SIDE, SIDE, 3)
    assert np.abs(graph(images).numpy() - np.concatenate([call(one[None]) for one in images])).max() < 1e-6


def test_a_batch_that_cannot_be_set_free_is_refused(parts, tmp_path):
    def call(x):
        return tf.broadcast_to(tf.reduce_mean(conv_net(**parts)(x), 0), [4, 5])

    with pytest.raises(InputError, match=r"\(batch, classes\), the batch being free.*\(4, 5\)"):
        opened(served(call, tmp_path / "g", (4, SIDE, SIDE, 3), **parts))


def test_whole_numbers_that_are_cast_may_come_as_fractions(parts, tmp_path):
    """tf.image.convert_image_dtype: uint8 outside, floats within; the pixels keep their slopes."""

    def call(x):
        return conv_net(**parts)(tf.image.convert_image_dtype(x, tf.float32))

    graph = opened(served(call, tmp_path / "g", dtype=tf.uint8, **parts))
    images = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3), np.uint8)
    assert graph.inputs[0].dtype == "uint8"
    assert np.abs(graph(images).numpy() - call(tf.constant(images)).numpy()).max() < 1e-6
    assert np.array_equal(graph(images), graph(images.astype(np.float32)))
    model = explain.wrap(graph)
    assert model.scaling == "0..255"
    assert explain.patterns(model, "conv", [0], steps=2, size=32)[0].scores.any()


def test_grey_pictures(tmp_path):
    network = keras.Sequential(
        [
            keras.Input((SIDE, SIDE)), keras.layers.Reshape((SIDE, SIDE, 1)),
            keras.layers.Conv2D(3, 3, activation="relu", name="look"), keras.layers.Flatten(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )  # fmt: skip
    graph = opened(exported(network, tmp_path / "g"))
    assert graph.inputs[0].shape == (None, SIDE, SIDE)
    assert explain.wrap(graph, scaling="0..1").input_shape == (SIDE, SIDE, 1)


def test_half_precision(tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        network = networks.plain()
        graph = opened(exported(network, tmp_path / "g"))
    finally:
        keras.config.set_dtype_policy("float32")
    images = noise((SIDE, SIDE, 3))
    assert np.abs(graph(images).numpy() - network(images).numpy()).max() < 1e-3
    assert explain.heatmap(explain.wrap(graph, scaling="0..1"), pictures(1)[0], class_index=1).values.max() > 0


def strings(folder, parts, extra=False):
    """A signature that takes encoded pictures, as servers like it; with `extra` one that takes pictures, too."""
    module, look = tf.Module(), conv_net(**parts)
    module.parts = parts

    def decoded(encoded):
        one = lambda text: tf.image.resize(tf.io.decode_jpeg(text, channels=3), (SIDE, SIDE))       # noqa: E731
        return {"scores": look(tf.map_fn(one, encoded, fn_output_signature=tf.float32) / 255)}

    signatures = {"serving_default": tf.function(decoded).get_concrete_function(tf.TensorSpec((None,), tf.string))}
    if extra:
        spec = tf.TensorSpec((None, SIDE, SIDE, 3))
        signatures["from_pixels"] = tf.function(look).get_concrete_function(spec)
    tf.saved_model.save(module, folder, signatures=signatures)
    return folder


def test_encoded_pictures_are_no_input(parts, tmp_path):
    with pytest.raises(InputError, match="'serving_default' takes encoded pictures.*'encoded' .text"):
        graphs.check(strings(tmp_path / "g", parts), tmp_path)


def test_another_signature_may_take_pictures(parts, tmp_path):
    graph = opened(strings(tmp_path / "g", parts, extra=True))
    images = noise((SIDE, SIDE, 3))
    assert np.abs(graph(images).numpy() - conv_net(**parts)(images).numpy()).max() < 1e-6


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ([keras.Input((SIDE, SIDE, 3), name="a"), keras.Input((SIDE, SIDE, 3), name="b")], "takes several: 'a'.*'b'"),
        ([keras.Input((SIDE, SIDE, 3), name="a"), keras.Input((7,), name="b")], "'b' .float32, shape .free, 7"),
        ([keras.Input((9, 5), name="steps")], "'steps' .float32, shape .free, 9, 5"),
        ([keras.Input((4, 9, 9, 3), name="film")], "'film' .float32, shape .free, 4, 9, 9, 3"),
    ],
)
def test_other_inputs_are_refused_by_what_was_found(inputs, said, tmp_path):
    flat = [keras.layers.Flatten()(one) for one in inputs]
    joined = keras.layers.Concatenate()(flat) if len(flat) > 1 else flat[0]
    network = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(joined))
    with pytest.raises(InputError, match=said):
        graphs.check(exported(network, tmp_path / "g"), tmp_path)


def test_channels_first_are_refused(tmp_path):
    def call(x):
        return tf.nn.softmax(tf.reduce_mean(tf.nn.conv2d(x, kernel, 1, "SAME", data_format="NCHW"), [2, 3]))

    kernel = kernels(3, 3, 3, 4)
    graph = opened(served(call, tmp_path / "g", (None, 3, SIDE, SIDE), kernel=kernel))
    with pytest.raises(InputError, match="channels first"):
        explain.wrap(graph)


# Outputs -------------------------------------------------------------------------------------------------


def test_only_scores_are_outputs(parts, tmp_path):
    def call(x):
        scores = conv_net(**parts)(x)
        return {"scores": scores, "best": tf.argmax(scores, -1), "name": tf.as_string(tf.argmax(scores, -1))}

    assert opened(served(call, tmp_path / "g", **parts)).output_names == ["scores"]


def test_what_a_frozen_graph_ranks_are_its_scores(tmp_path):
    def rank(graph):
        scores = next(node.name for node in graph.node if node.op == "Identity")
        best = graph.node.add(name="best", op="ArgMax", input=[scores, "axis"])
        best.attr["T"].type, best.attr["Tidx"].type, best.attr["output_type"].type = 1, 3, 9
        axis = graph.node.add(name="axis", op="Const")
        axis.attr["dtype"].type = 3
        axis.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(1))
        loss = graph.node.add(name="loss", op="Mul", input=[scores, "labels"])
        loss.attr["T"].type = 1
        graph.node.add(name="labels", op="Placeholder").attr["dtype"].type = 1
        graph.node[-1].attr["shape"].shape.CopyFrom(tf.TensorShape((None, 3)).as_proto())

    path = refrozen(frozen(networks.plain(), tmp_path / "g.pb"), rank)
    graph = opened(path)
    assert graph(noise((SIDE, SIDE, 3))).shape == (2, 3) and len(graph.output_names) == 1


def test_a_graph_without_scores_is_refused(tmp_path):
    def call(x):
        return {"best": tf.argmax(tf.reduce_mean(x, [1, 2]), -1)}

    with pytest.raises(InputError, match="scores"):
        opened(served(call, tmp_path / "g"))


# Operations ----------------------------------------------------------------------------------------------


def test_a_branch_is_selected(parts, tmp_path):
    """Where a condition depends on the picture both branches are computed, and the right one counts."""
    switch = kernels(2, 4)

    def call(x):
        maps = tf.nn.conv2d(x, parts["kernel"], 2, "SAME", name="conv")
        maps = tf.cond(tf.reduce_mean(x) > 0.5, lambda: tf.nn.relu(maps) * switch[0], lambda: -maps * switch[1])
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
    slope, step = explain.heatmap(model, pictures(1)[0], layer="conv", class_index=1), 1e-3
    assert slope.values.max() > step * 1e-6                   # custom gradients are left out: slopes are there


def test_normalisation_and_attention_are_no_maps(tmp_path):
    inputs = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Conv2D(6, 3, 3, name="patches")(keras.layers.Rescaling(1 / 255, -0.5, name="scale")(inputs))
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
    """No functions, collections, savers or objects, and nothing that says where or under which name it runs."""
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
        kernel = next(node for node in graph.node if node.op == "Const" and node.attr["value"].tensor.dtype == 1)
        kernel.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.zeros((3, 3, 7, 4), np.float32)))

    with pytest.raises(BrokenModel, match="do not fit together.*TensorFlow says"):
        opened(refrozen(frozen(networks.plain(), tmp_path / "g.pb"), change))


def test_a_training_flag_without_a_signature_entry(tmp_path):
    """A SavedModel whose flag has a default: nothing to say about it."""
    folder = saved(networks.plain(), tmp_path / "g")
    rewritten(folder, lambda meta: meta.graph_def.node.add(name="flag", op="PlaceholderWithDefault"))
    assert graphs.check(folder, tmp_path)[1] == ()
