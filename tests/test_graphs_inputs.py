"""What goes into a graph and what comes out: opened, or refused with what was found."""

from __future__ import annotations

import keras
import networks
import numpy as np
import pytest
import tensorflow as tf
from graph_files import SIDE, conv_net, exported, frozen, kernels, noise, opened, refrozen, served
from networks import pictures

import explain
from explain.errors import InputError
from explain.inspecting import graphs


@pytest.fixture
def parts():
    return {"kernel": kernels(3, 3, 3, 4), "dense": kernels(4, 5)}


# Inputs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(None, None, None, 3), None, (None, 8, 8, None)])
def test_sizes_and_channels_that_are_left_open(shape, parts, tmp_path):
    graph = opened(served(conv_net(**parts), tmp_path / "g", shape, **parts))
    size = (None, 8, 8, 3) if shape and shape[1] else (None, None, None, 3)
    assert graph.inputs[0].shape == size                       # the channels are those that the kernel fits
    model = explain.wrap(graph, scaling="0..1", input_shape=(8, 8, 3))
    assert explain.heatmap(model, pictures(1)[0], class_index=1).values.shape == (4, 4)


def test_a_batch_of_one_is_set_free(parts, tmp_path):
    """Reshapes that were written for one picture, and one that must not be touched."""

    def call(x):
        maps = tf.nn.relu(tf.nn.conv2d(x, parts["kernel"], 2, "SAME", name="conv"))
        maps = tf.reshape(maps, [1, 6 * 6 * 4])
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
    model = explain.wrap(graph, scaling="0..1")
    assert explain.heatmap(model, pictures(1)[0], class_index=1).values.max() > 0


def strings(folder, parts, extra=False):
    """A signature that takes encoded pictures, as servers like it; with `extra` one for pixels, too."""
    module, look = tf.Module(), conv_net(**parts)
    module.parts = parts

    def one(text):
        return tf.image.resize(tf.io.decode_jpeg(text, channels=3), (SIDE, SIDE))

    def decoded(encoded):
        return {"scores": look(tf.map_fn(one, encoded, fn_output_signature=tf.float32) / 255)}

    spec = tf.TensorSpec((None,), tf.string)
    signatures = {"serving_default": tf.function(decoded).get_concrete_function(spec)}
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
    ("shapes", "said"),
    [
        ({"a": (SIDE, SIDE, 3), "b": (SIDE, SIDE, 3)}, "takes several: 'a'.*'b'"),
        ({"a": (SIDE, SIDE, 3), "b": (7,)}, "'b' .float32, shape .free, 7"),
        ({"steps": (9, 5)}, "'steps' .float32, shape .free, 9, 5"),
        ({"film": (4, 9, 9, 3)}, "'film' .float32, shape .free, 4, 9, 9, 3"),
    ],
)
def test_other_inputs_are_refused_by_what_was_found(shapes, said, tmp_path):
    inputs = [keras.Input(shape, name=name) for name, shape in shapes.items()]
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
