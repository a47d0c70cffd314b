"""Small networks built by hand, and the plain arithmetic to compare with."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from explain.image import from_pixels
from explain.probe.door import operations

SIZE = 12


def pictures(many: int, size: int = SIZE, seed: int = 0) -> list:
    """Noise: `many` Images of (size, size, 3)."""
    noise = np.random.default_rng(seed)
    return [from_pixels(noise.integers(0, 256, (size, size, 3), np.uint8), f"noise {i}") for i in range(many)]


def grey(rows) -> object:
    """An Image whose three colours are all `rows` (H, W)."""
    return from_pixels(np.repeat(np.array(rows, np.uint8)[..., None], 3, axis=-1))


def draw_weights(network: keras.Model, seed: int = 0) -> keras.Model:
    """The same random weights every time, small enough that nothing saturates."""
    noise = np.random.default_rng(seed)
    for weight in network.trainable_weights:
        fan_in = max(int(np.prod(weight.shape[:-1])), 1)
        weight.assign(noise.normal(0, fan_in**-0.5, weight.shape).astype(np.float32))
    return network


# Worked out with a pencil -------------------------------------------------------------------------


def pencil(relu: bool) -> keras.Model:
    """(2, 2, 1) → conv 1×1 to two channels, A = v + a and B = b − v → [ReLU] → means → Dense(2).

    Class 0 is 4·mean(A) − 2·mean(B), class 1 is −mean(A) − mean(B).
    """
    layers = [keras.Input((2, 2, 1)), keras.layers.Conv2D(2, 1, name="conv")]
    layers += [keras.layers.ReLU(name="relu")] if relu else []
    layers += [keras.layers.GlobalAveragePooling2D(name="mean")]
    layers += [keras.layers.Dense(2, activation="softmax", name="head")]
    network = keras.Sequential(layers, name="pencil")
    a, b = (-1, 2) if relu else (0, 3)
    network.get_layer("conv").set_weights([np.array([[[[1, -1]]]], np.float32), np.array([a, b], np.float32)])
    head = np.array([[4, -1], [-2, -1]], np.float32)
    network.get_layer("head").set_weights([head, np.zeros(2, np.float32)])
    return network


# Ordinary ------------------------------------------------------------------------------------------


def plain(classes=3, channels=3, size: int | None = SIZE, activation="softmax") -> keras.Model:
    """Two convolutions, a mean, a Dense head. size None: pictures of any size."""
    return draw_weights(
        keras.Sequential(
            [
                keras.Input((size, size, channels), name="image"),
                keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="first"),
                keras.layers.MaxPooling2D(name="pool"),
                keras.layers.Conv2D(6, 3, padding="same", activation="relu", name="second"),
                keras.layers.GlobalAveragePooling2D(name="mean"),
                keras.layers.Dense(classes, activation=activation, name="head"),
            ],
            name="plain",
        )
    )


def perceptron() -> keras.Model:
    """No layer with a map."""
    return draw_weights(
        keras.Sequential(
            [keras.Input((SIZE, SIZE, 3)), keras.layers.Flatten(name="flat"), keras.layers.Dense(3)]
        )
    )


def flattened() -> keras.Model:
    """A Dense head after Flatten: its input size is fixed. 'late' lies behind the Flatten."""
    return draw_weights(
        keras.Sequential(
            [
                keras.Input((SIZE, SIZE, 3)),
                keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="early"),
                keras.layers.Conv2D(5, 3, padding="valid", name="linear"),
                keras.layers.Flatten(name="flat"),
                keras.layers.Dense(36, name="dense"),
                keras.layers.Reshape((6, 6, 1), name="folded"),
                keras.layers.Conv2D(2, 3, name="late"),
                keras.layers.Flatten(name="flat_again"),
                keras.layers.Dense(3, activation="softmax", name="head"),
            ],
            name="flattened",
        )
    )


# Nested and shared -----------------------------------------------------------------------------------


def backbone(name: str = "body") -> keras.Model:
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="conv")(inputs)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Conv2D(5, 3, padding="same", activation="relu", name="last")(x)
    return keras.Model(inputs, x, name=name)


def nested() -> keras.Model:
    """'body/conv', 'body/last', then a head."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.GlobalAveragePooling2D(name="mean")(backbone()(inputs))
    outputs = keras.layers.Dense(3, activation="softmax", name="head")(keras.layers.Dropout(0.5)(x))
    return draw_weights(keras.Model(inputs, outputs, name="nested"))


def three_deep() -> keras.Model:
    """'outer/inner/body/conv'."""
    inner = keras.Sequential([keras.Input((SIZE, SIZE, 3)), backbone()], name="inner")
    mix = keras.layers.Conv2D(4, 1, name="mix")
    outer = keras.Sequential([keras.Input((SIZE, SIZE, 3)), inner, mix], name="outer")
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.GlobalAveragePooling2D()(outer(inputs))
    x = keras.layers.Dense(3, activation="softmax")(x)
    return draw_weights(keras.Model(inputs, x, name="three_deep"))


def called_twice() -> keras.Model:
    """One convolution with shared weights: 'conv' and 'conv#2'."""
    conv = keras.layers.Conv2D(3, 3, padding="same", activation="relu", name="conv")
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.GlobalAveragePooling2D()(conv(conv(inputs)))
    x = keras.layers.Dense(3, activation="softmax", name="head")(x)
    return draw_weights(keras.Model(inputs, x, name="twice"), seed=1)


def twin() -> keras.Model:
    """One backbone sees the picture and its mirror: 'body/last' and 'body#2/last'."""
    body = backbone()
    inputs = keras.Input((SIZE, SIZE, 3))
    both = keras.layers.Concatenate(name="both")([body(inputs), body(keras.ops.flip(inputs, axis=2))])
    x = keras.layers.GlobalAveragePooling2D()(both)
    return draw_weights(keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x), name="twin"))


def with_operators() -> keras.Model:
    """A functional model with bare x + y and x * 2."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="conv")(inputs)
    y = keras.layers.Conv2D(4, 1, name="side")(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x * 2.0 + y)
    return draw_weights(keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="head")(x)))


def skipping() -> keras.Model:
    """A connection leads round 'conv': what is resumed there still needs the picture."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="stem")(inputs)
    y = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="conv")(x)
    x = keras.layers.Add(name="add")([x, y])
    x = keras.layers.Flatten()(keras.layers.Conv2D(2, 3, activation="tanh", name="after")(x))
    return draw_weights(keras.Model(inputs, keras.layers.Dense(3, activation="softmax", name="head")(x)))


def two_outputs() -> keras.Model:
    """'kind' has three classes, 'side' one sigmoid unit; 'only_kind' does not touch 'side'."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="shared")(inputs)
    own = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="only_kind")(x)
    own = keras.layers.GlobalAveragePooling2D()(own)
    kind = keras.layers.Dense(3, activation="softmax", name="kind")(own)
    side = keras.layers.Dense(1, activation="sigmoid", name="side")(keras.layers.GlobalAveragePooling2D()(x))
    return draw_weights(keras.Model(inputs, [kind, side], name="two_outputs"))


def squeezed() -> keras.Model:
    """A squeeze-and-excite block before 'after': vectors lie before the layer as well as behind it."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="conv")(inputs)
    share = keras.layers.GlobalAveragePooling2D(name="squeeze")(x)
    share = keras.layers.Dense(4, activation="sigmoid", name="excite")(share)
    x = keras.layers.Multiply(name="scale")([x, keras.layers.Reshape((1, 1, 4))(share)])
    x = keras.layers.Conv2D(5, 3, padding="same", activation="relu", name="after")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return draw_weights(keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x), name="squeezed"))


def with_positions() -> keras.Model:
    """Patches as tokens, with places learnt: between layer and head lie (16, 5), which has no batch."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Conv2D(5, 3, 3, name="patches")(inputs)
    x = keras.layers.Reshape((16, 5))(x)
    places = keras.layers.Embedding(16, 5, name="places")(keras.ops.arange(16))
    x = keras.layers.LayerNormalization()(x + places)
    x = keras.layers.MultiHeadAttention(1, 5, name="attention")(x, x)
    x = keras.layers.GlobalAveragePooling1D()(x)
    x = keras.layers.Dense(3, activation="softmax")(x)
    return draw_weights(keras.Model(inputs, x, name="with_positions"))


def with_rows() -> keras.Model:
    """Every place is a row of its own for a while: between layer and head lies (b · 16, 5)."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Conv2D(5, 3, 3, name="patches")(inputs)
    x = keras.ops.reshape(x, (-1, 5))
    x = keras.layers.Dense(4, activation="tanh", name="each_row")(x)
    x = keras.layers.GlobalAveragePooling1D()(keras.ops.reshape(x, (-1, 16, 4)))
    return draw_weights(keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x), name="with_rows"))


# Subclassed --------------------------------------------------------------------------------------------


class Residual(keras.layers.Layer):
    """A block whose layers no symbolic graph shows."""

    def __init__(self, filters: int, **options):
        super().__init__(**options)
        self.filters = filters
        self.conv = keras.layers.Conv2D(filters, 3, padding="same", activation="relu", name="conv")

    def build(self, shape):
        self.conv.build(shape)

    def call(self, x):
        return x + self.conv(x)

    def compute_output_shape(self, shape):
        return shape


class Subclassed(keras.Model):
    """stem → two residual blocks → means → head."""

    def __init__(self, **options):
        super().__init__(**options)
        self.stem = keras.layers.Conv2D(4, 3, padding="same", name="stem")
        self.blocks = [Residual(4, name="one"), Residual(4, name="two")]
        self.head = keras.layers.Dense(3, name="head")

    def call(self, x):                                                       # without a `training` argument
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return tf.nn.softmax(self.head(tf.reduce_mean(x, axis=(1, 2))))


class Traced(Subclassed):
    """The same, its call being a tf.function."""

    @tf.function
    def call(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return tf.nn.softmax(self.head(tf.reduce_mean(x, axis=(1, 2))))


def subclassed(kind: type[keras.Model] = Subclassed) -> keras.Model:
    network = kind(name="subclassed")
    network(np.zeros((1, SIZE, SIZE, 3), np.float32))
    return draw_weights(network)


# To compare with ------------------------------------------------------------------------------------------


def softmax(scores: np.ndarray) -> np.ndarray:
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def grad_cam(maps: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Equations 1 and 2, for one picture: (h, w, c) twice → (h, w)."""
    h, w, c = maps.shape
    heat = np.zeros((h, w), np.float64)
    for k in range(c):
        heat += slopes[..., k].astype(np.float64).mean() * maps[..., k]
    return np.maximum(heat, 0)


def close(found: np.ndarray, expected: np.ndarray, tolerance: float) -> bool:
    """Whether all places agree to `tolerance` of the largest expected value."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape
    return bool(np.abs(found - expected).max() <= tolerance * max(np.abs(expected).max(), 1e-20))


def fingerprint(network: keras.Model):
    """Everything on a network that a trace could have left behind: attributes and weights."""
    own = {id(o): sorted(vars(o)) for o in [network, *operations(network)]}
    return own, [w.numpy().tobytes() for w in network.weights]
