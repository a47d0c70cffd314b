"""Classes of an operator's own, in a file that --custom-objects could name: text-book blocks, a small ViT."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable()
class ResidualUnit(keras.layers.Layer):
    """The text-book's unit of ResNet-34: two 3×3 convolutions, and a 1×1 one round them where they stride."""

    def __init__(self, filters, strides=1, activation="relu", **options):
        super().__init__(**options)
        self.filters, self.strides = filters, strides
        self.activation = keras.activations.get(activation)
        conv = dict(kernel_size=3, padding="same", use_bias=False, kernel_initializer="he_normal")
        self.main_layers = [
            keras.layers.Conv2D(filters, strides=strides, **conv),
            keras.layers.BatchNormalization(),
            self.activation,
            keras.layers.Conv2D(filters, **conv),
            keras.layers.BatchNormalization(),
        ]
        self.skip_layers = []
        if strides > 1:
            around = keras.layers.Conv2D(filters, 1, strides=strides, padding="same", use_bias=False)
            self.skip_layers = [around, keras.layers.BatchNormalization()]

    def call(self, inputs):
        main, skip = inputs, inputs
        for layer in self.main_layers:
            main = layer(main)
        for layer in self.skip_layers:
            skip = layer(skip)
        return self.activation(main + skip)

    def get_config(self):
        own = {"filters": self.filters, "strides": self.strides}
        return {**super().get_config(), **own, "activation": keras.activations.serialize(self.activation)}


class Patches(keras.layers.Layer):
    """The tutorial's cut into patches, no convolution: (b, H, W, C) → (b, places, patch · patch · C)."""

    def __init__(self, patch, **options):
        super().__init__(**options)
        self.patch = patch

    def call(self, images):
        sides = [1, self.patch, self.patch, 1]
        patches = tf.image.extract_patches(images, sides, sides, [1, 1, 1, 1], "VALID")
        return tf.reshape(patches, [tf.shape(images)[0], -1, patches.shape[-1]])

    def get_config(self):
        return {**super().get_config(), "patch": self.patch}


class ClassToken(keras.layers.Layer):
    """(b, n, c) → (b, 1 + n, c): a learnt token before the others."""

    def build(self, shape):
        self.token = self.add_weight(shape=(1, 1, shape[-1]), initializer="random_normal", name="token")

    def call(self, tokens):
        first = tf.tile(tf.cast(self.token, tokens.dtype), [tf.shape(tokens)[0], 1, 1])
        return tf.concat([first, tokens], axis=1)

    def compute_output_shape(self, shape):
        return shape[0], shape[1] + 1, shape[2]


class Positions(keras.layers.Layer):
    """(b, n, c) + a learnt place (n, c) for each token."""

    def build(self, shape):
        self.places = self.add_weight(shape=(1, *shape[1:]), initializer="random_normal", name="places")

    def call(self, tokens):
        return tokens + tf.cast(self.places, tokens.dtype)


def _block() -> list:
    return [
        keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="first"),
        keras.layers.MaxPooling2D(name="pool"),
        keras.layers.Conv2D(6, 3, padding="same", activation="relu", name="second"),
    ]


def _tail() -> list:
    return [
        keras.layers.GlobalAveragePooling2D(name="mean"),
        keras.layers.Dense(3, activation="softmax", name="head"),
    ]


def _through(layers, x):
    for layer in layers:
        x = layer(x)
    return x


class Block(keras.layers.Layer):
    """Two convolutions as one layer."""

    def __init__(self, **options):
        super().__init__(**options)
        self.inner = _block()

    def call(self, x):
        return _through(self.inner, x)


class Subclassed(keras.Model):
    """The block and a head, with a `call` of its own."""

    def __init__(self, **options):
        super().__init__(**options)
        self.block, self.tail = Block(name="block"), _tail()

    def call(self, x):
        return _through(self.tail, self.block(x))


class Traced(Subclassed):
    """The same, its `call` a tf.function."""

    @tf.function
    def call(self, x):
        return _through(self.tail, self.block(x))


class Around(keras.Model):
    """A subclassed model round a functional one, as custom training steps are written."""

    def __init__(self, **options):
        super().__init__(**options)
        inputs = keras.Input((12, 12, 3))
        self.body, self.tail = keras.Model(inputs, _through(_block(), inputs), name="body"), _tail()

    def call(self, images, training=False):
        return _through(self.tail, self.body(images, training=training))
