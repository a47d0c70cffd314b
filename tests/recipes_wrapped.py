"""One small network in every wrapping that Keras knows, and in every dress of its input and its end."""

from __future__ import annotations

import keras
import numpy as np
from custom_layers import Around, Block, Subclassed, Traced
from networks import SIZE, draw_weights

L = keras.layers


def chain(shape=(SIZE, SIZE, 3), activation="softmax", classes=3) -> list:
    """The same layers for every wrapping, in the order in which their weights are drawn."""
    return [
        keras.Input(shape),
        L.Conv2D(4, 3, padding="same", activation="relu", name="first"),
        L.MaxPooling2D(name="pool"),
        L.Conv2D(6, 3, padding="same", activation="relu", name="second"),
        L.GlobalAveragePooling2D(name="mean"),
        L.Dense(classes, activation=activation, name="head"),
    ]


def connected(inputs, layers):
    for layer in layers:
        inputs = layer(inputs)
    return inputs


# Wrappings: the same weights, hence the same maps -------------------------------------------------


def functional() -> keras.Model:
    inputs, *layers = chain()
    return draw_weights(keras.Model(inputs, connected(inputs, layers), name="functional"))


def sequential() -> keras.Model:
    return draw_weights(keras.Sequential(chain(), name="sequential"))


def sequential_without_input() -> keras.Model:
    """Built by its first call, on a batch of one."""
    network = keras.Sequential(chain()[1:], name="sequential_without_input")
    network(np.zeros((1, SIZE, SIZE, 3), np.float32))
    return draw_weights(network)


def unbuilt() -> keras.Model:
    """Never called: without shapes and without weights."""
    return keras.Sequential(chain()[1:], name="unbuilt")


def body() -> keras.Model:
    inputs, *layers = chain()
    return keras.Model(inputs, connected(inputs, layers[:3]), name="body")


def nested_in_functional() -> keras.Model:
    """Behind augmentation and scaling, as in the fine-tuning tutorial."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.Sequential([L.RandomFlip("horizontal"), L.RandomRotation(0.1)], name="augmentation")(inputs)
    x = body()(L.Rescaling(1.0, name="scale")(x), training=False)
    return draw_weights(
        keras.Model(inputs, connected(x, [*chain()[4:5], L.Dropout(0.2), chain()[5]]), name="fine_tuned")
    )


def nested_in_sequential() -> keras.Model:
    return draw_weights(keras.Sequential([chain()[0], body(), *chain()[4:]], name="nested_in_sequential"))


def three_deep() -> keras.Model:
    inner = keras.Sequential([chain()[0], body()], name="inner")
    outer = keras.Sequential([chain()[0], inner, chain()[4]], name="outer")
    inputs = keras.Input((SIZE, SIZE, 3))
    return draw_weights(keras.Model(inputs, chain()[5](outer(inputs)), name="three_deep"))


def block_in_sequential() -> keras.Model:
    return draw_weights(keras.Sequential([chain()[0], Block(name="block"), *chain()[4:]], name="with_block"))


def _called(network: keras.Model) -> keras.Model:
    network(np.zeros((2, SIZE, SIZE, 3), np.float32))
    return draw_weights(network)


def subclassed() -> keras.Model:
    return _called(Subclassed(name="subclassed"))


def subclassed_traced() -> keras.Model:
    return _called(Traced(name="traced"))


def subclassed_around() -> keras.Model:
    return _called(Around(name="around"))


def softmax_apart() -> keras.Model:
    return draw_weights(
        keras.Sequential([*chain(activation=None), L.Softmax(name="softmax")], name="softmax_apart")
    )


WRAPPINGS = {
    functional: "second", sequential: "second", sequential_without_input: "second", softmax_apart: "second",
    nested_in_functional: "body/second", nested_in_sequential: "body/second",
    three_deep: "outer/inner/body/second", block_in_sequential: "block", subclassed: "block",
    subclassed_traced: "block", subclassed_around: "body/second",
}  # fmt: skip


# Preprocessing inside -------------------------------------------------------------------------------


def arithmetic_inside() -> keras.Model:
    """The tutorial's x / 127.5 − 1 as bare operations before the body."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = body()(inputs / 127.5 - 1)
    return draw_weights(keras.Model(inputs, connected(x, chain()[4:]), name="arithmetic_inside"))


def scaled_inside() -> keras.Model:
    """The same by a Rescaling layer, behind augmentation."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.Sequential([L.RandomFlip(), L.RandomZoom(0.2), L.RandomContrast(0.1)], name="augmentation")(
        inputs
    )
    x = body()(L.Rescaling(1 / 127.5, offset=-1)(x))
    return draw_weights(keras.Model(inputs, connected(x, chain()[4:]), name="scaled_inside"))


def normalised_inside() -> keras.Model:
    """A Normalization layer that learnt mean and variance from data."""
    adapted = L.Normalization(mean=[124.0, 117.0, 104.0], variance=[3400.0, 3300.0, 3400.0])
    return draw_weights(keras.Sequential([chain()[0], adapted, *chain()[1:]], name="normalised_inside"))


# Ends ---------------------------------------------------------------------------------------------------


def logits() -> keras.Model:
    return draw_weights(keras.Sequential(chain(activation=None), name="logits"))


def activation_apart() -> keras.Model:
    return draw_weights(
        keras.Sequential([*chain(activation=None), L.Activation("softmax")], name="activation_apart")
    )


def one_sigmoid() -> keras.Model:
    return draw_weights(keras.Sequential(chain(activation="sigmoid", classes=1), name="one_sigmoid"))


def several_labels() -> keras.Model:
    return draw_weights(keras.Sequential(chain(activation="sigmoid", classes=4), name="several_labels"))


def _two_heads(outputs) -> keras.Model:
    inputs, *layers = chain()
    x = connected(inputs, layers[:4])
    kind, box = L.Dense(3, activation="softmax", name="kind")(x), L.Dense(4, name="box")(x)
    return draw_weights(keras.Model(inputs, outputs(kind, box), name="two_heads"))


def outputs_in_a_list() -> keras.Model:
    return _two_heads(lambda kind, box: [kind, box])


def outputs_in_a_dictionary() -> keras.Model:
    return _two_heads(lambda kind, box: {"what": kind, "where": box})


def segmentation() -> keras.Model:
    """Down, dilated, up by a transposed convolution, beside a connection across: a class for each pixel."""
    inputs = keras.Input((16, 16, 3))
    wide = L.Conv2D(4, 3, padding="same", activation="relu", name="down")(inputs)
    x = L.Conv2D(6, 3, strides=2, padding="same", activation="relu", name="deep")(wide)
    x = L.Conv2D(6, 3, dilation_rate=2, padding="same", activation="relu", name="dilated")(x)
    x = L.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu", name="up")(x)
    x = L.Concatenate(name="across")([x, wide])
    return draw_weights(
        keras.Model(inputs, L.Conv2D(3, 1, activation="softmax", name="pixels")(x), name="segmentation")
    )


# Inputs -------------------------------------------------------------------------------------------------


def _dressed(name: str, shape, dtype="float32", policy=None) -> keras.Model:
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy(policy or before)
    try:
        layers = chain()[1:]
    finally:
        keras.mixed_precision.set_dtype_policy(before)
    inputs = keras.Input(shape, dtype=dtype)
    return draw_weights(keras.Model(inputs, connected(inputs, layers), name=name))


def grey() -> keras.Model:
    return _dressed("grey", (SIZE, SIZE, 1))


def with_alpha() -> keras.Model:
    return _dressed("with_alpha", (SIZE, SIZE, 4))


def free_size() -> keras.Model:
    return _dressed("free_size", (None, None, 3))


def not_square() -> keras.Model:
    return _dressed("not_square", (10, 16, 3))


def whole_numbers() -> keras.Model:
    inputs = keras.Input((SIZE, SIZE, 3), dtype="uint8")
    x = connected(L.Rescaling(1 / 255)(inputs), chain()[1:])
    return draw_weights(keras.Model(inputs, x, name="whole_numbers"))


def half_precision() -> keras.Model:
    return _dressed("half_precision", (SIZE, SIZE, 3), policy="mixed_float16")


def double_precision() -> keras.Model:
    return _dressed("double_precision", (SIZE, SIZE, 3), dtype="float64", policy="float64")


def without_channel_axis() -> keras.Model:
    """Fashion-MNIST as the text-book feeds it: (28, 28), the axis of channels added inside."""
    layers = [keras.Input((28, 28)), L.Reshape((28, 28, 1)), *chain()[1:]]
    return draw_weights(keras.Sequential(layers, name="without_channel_axis"))


def input_in_a_list() -> keras.Model:
    inputs, *layers = chain()
    return draw_weights(keras.Model([inputs], connected(inputs, layers), name="input_in_a_list"))


def input_in_a_dictionary() -> keras.Model:
    inputs = keras.Input((SIZE, SIZE, 3), name="picture")
    return draw_weights(
        keras.Model({"picture": inputs}, connected(inputs, chain()[1:]), name="input_in_a_dictionary")
    )


INSIDE = (arithmetic_inside, scaled_inside, normalised_inside)
ENDS = (
    logits, activation_apart, one_sigmoid, several_labels, outputs_in_a_list, outputs_in_a_dictionary,
    segmentation,
)  # fmt: skip
INPUTS = (
    grey, with_alpha, free_size, not_square, whole_numbers, half_precision, double_precision,
    without_channel_axis, input_in_a_list, input_in_a_dictionary,
)  # fmt: skip
