"""Networks for one kind of layer each: convolutions of every sort, attention, tokens, and none at all."""

from __future__ import annotations

import keras
from custom_layers import ClassToken, Patches, Positions
from networks import draw_weights

L = keras.layers
SIDE = 16


def _classified(inputs, x, name: str, seed: int = 0) -> keras.Model:
    x = L.GlobalAveragePooling2D(name="mean")(x)
    return draw_weights(
        keras.Model(inputs, L.Dense(3, activation="softmax", name="head")(x), name=name), seed
    )


# Convolutions -------------------------------------------------------------------------------------------


def depthwise() -> keras.Model:
    inputs = keras.Input((SIDE, SIDE, 3))
    x = L.DepthwiseConv2D(3, padding="same", depth_multiplier=2, name="depthwise")(inputs)
    x = L.ReLU(6.0, name="relu6")(L.BatchNormalization()(L.Conv2D(5, 1, name="pointwise")(x)))
    return _classified(inputs, x, "depthwise")


def separable() -> keras.Model:
    inputs = keras.Input((SIDE, SIDE, 3))
    x = L.SeparableConv2D(4, 3, padding="same", activation="relu", name="one")(inputs)
    return _classified(inputs, L.SeparableConv2D(5, 3, activation="relu", name="two")(x), "separable")


def transposed() -> keras.Model:
    inputs = keras.Input((SIDE, SIDE, 3))
    x = L.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="down")(inputs)
    x = L.Conv2DTranspose(5, 3, strides=2, padding="same", activation="relu", name="up")(x)
    return _classified(inputs, x, "transposed")


def dilated() -> keras.Model:
    inputs = keras.Input((SIDE, SIDE, 3))
    x = L.Conv2D(4, 3, dilation_rate=2, activation="relu", name="two")(inputs)
    return _classified(inputs, L.Conv2D(5, 3, dilation_rate=3, activation="relu", name="three")(x), "dilated")


def grouped() -> keras.Model:
    inputs = keras.Input((SIDE, SIDE, 3))
    x = L.Conv2D(4, 1, activation="relu", name="mix")(inputs)
    return _classified(
        inputs, L.Conv2D(6, 3, groups=2, activation="relu", name="groups")(x), "grouped", seed=1
    )


# Blocks ---------------------------------------------------------------------------------------------------


def convnext() -> keras.Model:
    """Keras' own ConvNeXt of two stages: depthwise 7×7, LayerNormalization, Dense, LayerScale, Add."""
    from keras.src.applications.convnext import ConvNeXt

    body = ConvNeXt([1, 1, 1, 1], [4, 6, 8, 8], layer_scale_init_value=0.5, include_top=False, weights=None,
                    input_shape=(64, 64, 3), weights_name="convnext_tiny", name="convnext")  # fmt: skip
    return _classified(body.input, body.output, "convnext")


def squeeze_and_excite() -> keras.Model:
    inputs = keras.Input((SIDE, SIDE, 3))
    x = L.Conv2D(6, 3, padding="same", activation="relu", name="conv")(inputs)
    share = L.GlobalAveragePooling2D(keepdims=True, name="squeeze")(x)
    share = L.Conv2D(2, 1, activation="relu", name="reduce")(share)
    share = L.Conv2D(6, 1, activation="sigmoid", name="expand")(share)
    return _classified(inputs, L.Multiply(name="excite")([x, share]), "squeeze_and_excite")


def dense_block() -> keras.Model:
    """Every convolution sees all before it: the last map is a Concatenate."""
    inputs = keras.Input((SIDE, SIDE, 3))
    x = L.Conv2D(3, 3, padding="same", activation="relu", name="stem")(inputs)
    for i in range(2):
        x = L.Concatenate(name=f"join{i}")(
            [x, L.Conv2D(3, 3, padding="same", activation="relu", name=f"grow{i}")(x)]
        )
    return _classified(inputs, x, "dense_block")


def addition() -> keras.Model:
    """The last map is an Add, behind it only normalisation and pooling."""
    inputs = keras.Input((SIDE, SIDE, 3))
    x = L.Conv2D(4, 3, padding="same", activation="relu", name="stem")(inputs)
    x = L.Add(name="sum")([x, L.Conv2D(4, 3, padding="same", activation="relu", name="side")(x)])
    return _classified(inputs, L.AveragePooling2D(2)(L.LayerNormalization()(x)), "addition")


def attention_block() -> keras.Model:
    """Attention among the places of a map, beside a convolution: (b, h · w, c) and back."""
    inputs = keras.Input((SIDE, SIDE, 3))
    x = L.Conv2D(4, 3, strides=4, padding="same", activation="relu", name="conv")(inputs)
    tokens = L.Reshape((16, 4), name="tokens")(x)
    tokens = L.MultiHeadAttention(2, 2, name="attention")(tokens, tokens)
    x = L.Add(name="sum")([x, L.Reshape((4, 4, 4), name="places")(tokens)])
    return _classified(inputs, x, "attention_block")


def dead_and_duplicate() -> keras.Model:
    """In 'conv', channel 1 answers nothing to anything, and channel 3 what channel 2 does."""
    inputs = keras.Input((SIDE, SIDE, 3))
    network = _classified(
        inputs, L.Conv2D(5, 3, activation="relu", name="conv")(inputs), "dead_and_duplicate", seed=2
    )
    kernel, bias = network.get_layer("conv").get_weights()
    kernel[..., 1], bias[1], kernel[..., 3], bias[3] = 0, -1, kernel[..., 2], bias[2]
    network.get_layer("conv").set_weights([kernel, bias])
    return network


# Tokens ---------------------------------------------------------------------------------------------------


def _encoder(x, blocks: int = 2):
    for i in range(blocks):
        y = L.LayerNormalization(name=f"norm{i}a")(x)
        x = L.Add(name=f"block{i}_attended")(
            [x, L.MultiHeadAttention(2, 4, name=f"block{i}_attention")(y, y)]
        )
        y = L.LayerNormalization(name=f"norm{i}b")(x)
        y = L.Dense(x.shape[-1], name=f"block{i}_out")(
            L.Dense(10, activation="gelu", name=f"block{i}_wide")(y)
        )
        x = L.Add(name=f"block{i}")([x, L.Dropout(0.1)(y)])
    return L.LayerNormalization(name="norm")(x)


def vit() -> keras.Model:
    """A class token before 4×4 patches; the head reads the class token alone."""
    inputs = keras.Input((32, 32, 3))
    x = L.Reshape((16, 6), name="tokens")(L.Conv2D(6, 8, 8, name="patches")(inputs))
    x = _encoder(Positions(name="positions")(ClassToken(name="class_token")(x)))
    return draw_weights(
        keras.Model(inputs, L.Dense(3, activation="softmax", name="head")(x[:, 0]), name="vit")
    )


def vit_of_the_tutorial() -> keras.Model:
    """Patches cut by tf.image, no class token, the head on all tokens flattened; (32, 64): 2×4 patches."""
    inputs = keras.Input((32, 64, 3))
    x = L.Dense(6, name="projected")(Patches(16, name="patches")(L.Rescaling(1 / 255)(inputs)))
    x = L.Flatten()(_encoder(Positions(name="positions")(L.Reshape((8, 6), name="tokens")(x))))
    return draw_weights(
        keras.Model(inputs, L.Dense(3, name="head")(L.Dropout(0.5)(x)), name="vit_of_the_tutorial")
    )


def vit_mean() -> keras.Model:
    """Patches by reshaping alone, the head on the mean of all tokens."""
    inputs = keras.Input((32, 32, 3))
    x = L.Permute((1, 3, 2, 4, 5))(L.Reshape((4, 8, 4, 8, 3))(inputs))
    x = _encoder(
        Positions(name="positions")(L.Dense(6, name="projected")(L.Reshape((16, 192), name="tokens")(x))), 1
    )
    x = L.GlobalAveragePooling1D()(x)
    return draw_weights(
        keras.Model(inputs, L.Dense(3, activation="softmax", name="head")(x), name="vit_mean")
    )


def windows() -> keras.Model:
    """Four windows of 4×4 places, each computed by itself: four rows a picture are neither map nor grid."""
    inputs = keras.Input((SIDE, SIDE, 3))
    x = L.Conv2D(4, 2, 2, name="patches")(inputs)  # (b, 8, 8, 4)
    x = keras.ops.transpose(keras.ops.reshape(x, (-1, 2, 4, 2, 4, 4)), (0, 1, 3, 2, 4, 5))
    x = L.Conv2D(4, 3, padding="same", name="in_window")(keras.ops.reshape(x, (-1, 4, 4, 4)))
    x = keras.ops.reshape(x, (-1, 16, 4))  # (b · 4, 16, 4)
    x = L.MultiHeadAttention(1, 4, name="attention")(x, x)
    x = keras.ops.transpose(keras.ops.reshape(x, (-1, 2, 2, 4, 4, 4)), (0, 1, 3, 2, 4, 5))
    x = L.Dense(5, activation="relu", name="merged")(keras.ops.reshape(x, (-1, 64, 4)))  # (b, 64, 5)
    x = L.GlobalAveragePooling1D()(x)
    return draw_weights(keras.Model(inputs, L.Dense(3, activation="softmax", name="head")(x), name="windows"))


def tiles() -> keras.Model:
    """Four tiles of a picture, each convolved by itself, and their mean."""
    inputs = keras.Input((SIDE, SIDE, 3))
    x = keras.ops.transpose(keras.ops.reshape(inputs, (-1, 2, 8, 2, 8, 3)), (0, 1, 3, 2, 4, 5))
    x = L.Conv2D(4, 3, activation="relu", name="in_tile")(
        keras.ops.reshape(x, (-1, 8, 8, 3))
    )  # (b · 4, 6, 6, 4)
    x = keras.ops.reshape(L.GlobalAveragePooling2D()(x), (-1, 16))
    return draw_weights(keras.Model(inputs, L.Dense(3, activation="softmax", name="head")(x), name="tiles"))


def line_of_text() -> keras.Model:
    """Columns of a map read as a sequence: sixteen of them, which are no 4×4."""
    inputs = keras.Input((SIDE, SIDE, 1))
    x = L.Conv2D(4, 3, padding="same", activation="relu", name="conv")(inputs)
    x = L.Reshape((SIDE, SIDE * 4), name="columns")(L.Permute((2, 1, 3))(x))
    x = L.GRU(5, name="reader")(L.MultiHeadAttention(1, 4, name="attended")(x, x))
    return draw_weights(
        keras.Model(inputs, L.Dense(3, activation="softmax", name="head")(x), name="line_of_text")
    )


# None ---------------------------------------------------------------------------------------------------


def perceptron() -> keras.Model:
    """The text-book's Fashion-MNIST network: (28, 28), Flatten, Dense."""
    layers = [
        keras.Input((28, 28)),
        L.Flatten(),
        L.Dense(8, activation="relu"),
        L.Dense(10, activation="softmax"),
    ]
    return draw_weights(keras.Sequential(layers, name="perceptron"))


def coloured_perceptron() -> keras.Model:
    layers = [
        keras.Input((SIDE, SIDE, 3)),
        L.Flatten(),
        L.Dense(8, activation="tanh"),
        L.Dense(1, activation="sigmoid"),
    ]
    return draw_weights(keras.Sequential(layers, name="coloured_perceptron"))


CONVOLUTIONS = (depthwise, separable, transposed, dilated, grouped)
BLOCKS = (convnext, squeeze_and_excite, dense_block, addition, attention_block, dead_and_duplicate)
TOKENS = (vit, vit_of_the_tutorial, vit_mean, windows, line_of_text)
WITHOUT_MAP = (perceptron, coloured_perceptron)
