"""The text-books' networks, built as their books build them, with fewer filters and drawn weights."""

from __future__ import annotations

import keras
from custom_layers import ResidualUnit
from keras.src.applications import resnet
from networks import draw_weights

L = keras.layers


def mnist_convnet() -> keras.Model:
    """(28, 28, 1), functional: convolutions and max pooling, Flatten, softmax of ten digits."""
    inputs = keras.Input((28, 28, 1))
    x = L.Conv2D(4, 3, activation="relu")(inputs)
    x = L.MaxPooling2D(2)(x)
    x = L.Conv2D(8, 3, activation="relu")(x)
    x = L.MaxPooling2D(2)(x)
    x = L.Conv2D(8, 3, activation="relu")(x)
    x = L.Flatten()(x)
    return draw_weights(keras.Model(inputs, L.Dense(10, activation="softmax")(x), name="mnist_convnet"))


def lenet5() -> keras.Model:
    """LeNet-5: tanh, average pooling, 28 pixels padded to 32; its last convolution answers 1×1."""
    return draw_weights(
        keras.Sequential(
            [
                keras.Input((28, 28, 1)),
                L.ZeroPadding2D(2),
                L.Conv2D(6, 5, activation="tanh", name="c1"),
                L.AveragePooling2D(2, name="s2"),
                L.Conv2D(16, 5, activation="tanh", name="c3"),
                L.AveragePooling2D(2, name="s4"),
                L.Conv2D(120, 5, activation="tanh", name="c5"),
                L.Flatten(),
                L.Dense(84, activation="tanh", name="f6"),
                L.Dense(10, activation="softmax", name="out"),
            ],
            name="lenet5",
        )
    )


def cats_and_dogs() -> keras.Model:
    """(150, 150, 3): four convolutions with max pooling, Flatten, Dropout, one sigmoid unit."""
    layers = [keras.Input((150, 150, 3)), L.Rescaling(1 / 255)]
    for filters in (2, 4, 4, 6):
        layers += [L.Conv2D(filters, 3, activation="relu"), L.MaxPooling2D(2)]
    layers += [L.Flatten(), L.Dropout(0.5), L.Dense(16, activation="relu"), L.Dense(1, activation="sigmoid")]
    return draw_weights(keras.Sequential(layers, name="cats_and_dogs"))


def resnet34() -> keras.Model:
    """ResNet-34: a Sequential of sixteen subclassed residual units (here of 2 to 16 filters)."""
    layers = [
        keras.Input((64, 64, 3)),
        L.Conv2D(2, 7, strides=2, padding="same", use_bias=False),
        L.BatchNormalization(),
        L.Activation("relu"),
        L.MaxPool2D(pool_size=3, strides=2, padding="same"),
    ]
    before = 2
    for filters in [2] * 3 + [4] * 4 + [8] * 6 + [16] * 3:
        layers.append(ResidualUnit(filters, strides=1 if filters == before else 2))
        before = filters
    layers += [L.GlobalAvgPool2D(), L.Flatten(), L.Dense(10, activation="softmax")]
    return draw_weights(keras.Sequential(layers, name="resnet34"))


def augmentation() -> keras.Model:
    steps = [L.RandomFlip("horizontal"), L.RandomRotation(0.1), L.RandomZoom(0.2)]
    return keras.Sequential(steps, name="augmentation")


def mini_xception() -> keras.Model:
    """(180, 180, 3): augmentation, Rescaling, separable convolutions in residual blocks, sigmoid."""
    inputs = keras.Input((180, 180, 3))
    x = L.Rescaling(1.0 / 255)(augmentation()(inputs))
    x = L.Conv2D(2, 5, use_bias=False)(x)
    for size in (2, 4, 4, 8, 8):
        residual = x
        for _ in range(2):
            x = L.Activation("relu")(L.BatchNormalization()(x))
            x = L.SeparableConv2D(size, 3, padding="same", use_bias=False)(x)
        x = L.MaxPooling2D(3, strides=2, padding="same")(x)
        residual = L.Conv2D(size, 1, strides=2, padding="same", use_bias=False)(residual)
        x = L.add([x, residual])
    x = L.Dropout(0.5)(L.GlobalAveragePooling2D()(x))
    return draw_weights(keras.Model(inputs, L.Dense(1, activation="sigmoid")(x), name="mini_xception"))


def residual_blocks() -> keras.Model:
    """(32, 32, 3): blocks with max pooling, a 1×1 convolution round each, and one block without pooling."""
    inputs = keras.Input((32, 32, 3))
    x = L.Rescaling(1.0 / 255)(inputs)
    for filters, pooling in ((4, True), (6, True), (8, False)):
        residual = x
        x = L.Conv2D(filters, 3, activation="relu", padding="same")(x)
        x = L.Conv2D(filters, 3, activation="relu", padding="same")(x)
        if pooling:
            x = L.MaxPooling2D(2, padding="same")(x)
            residual = L.Conv2D(filters, 1, strides=2)(residual)
        elif filters != residual.shape[-1]:
            residual = L.Conv2D(filters, 1)(residual)
        x = L.add([x, residual])
    x = L.GlobalAveragePooling2D()(x)
    return draw_weights(keras.Model(inputs, L.Dense(1, activation="sigmoid")(x), name="residual_blocks"))


def small_resnet50(shape=(64, 64, 3)) -> keras.Model:
    """Keras' own ResNet with the four stacks of ResNet50, two blocks each and a sixteenth of the filters."""

    def stacks(x):
        for i, filters in enumerate((4, 8, 16, 32)):
            x = resnet.stack_residual_blocks_v1(
                x, filters, 2, stride1=1 if i == 0 else 2, name=f"conv{i + 2}"
            )
        return x

    return resnet.ResNet(
        stacks,
        False,
        True,
        include_top=False,
        weights=None,
        input_shape=shape,
        name="resnet50",
        weights_name="resnet50",
    )


def resnet50_cifar100() -> keras.Model:
    """CIFAR-100 on ResNet50: pictures enlarged inside, some macro-blocks frozen, a new head."""
    base = small_resnet50()
    for layer in base.layers:
        layer.trainable = layer.name.startswith(("conv4", "conv5"))
    return draw_weights(
        keras.Sequential(
            [
                keras.Input((32, 32, 3)),
                L.UpSampling2D(2),
                base,
                L.GlobalAveragePooling2D(),
                L.Dropout(0.25),
                L.Dense(32, activation="relu"),
                L.BatchNormalization(),
                L.Dense(100, activation="softmax"),
            ],
            name="cifar100",
        )
    )


def xception_with_box() -> keras.Model:
    """A backbone of separable convolutions with two heads on it: the flower's class and its box."""
    inputs = keras.Input((48, 48, 3))
    x = L.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="block1_conv1")(inputs)
    for block, filters in enumerate((6, 8), 2):
        side = L.Conv2D(filters, 1, strides=2, padding="same")(x)
        x = L.SeparableConv2D(filters, 3, padding="same", activation="relu", name=f"block{block}_sepconv1")(x)
        x = L.add([L.MaxPooling2D(3, strides=2, padding="same", name=f"block{block}_pool")(x), side])
    x = L.SeparableConv2D(10, 3, padding="same", name="block14_sepconv2")(x)
    x = L.GlobalAveragePooling2D()(L.Activation("relu", name="block14_sepconv2_act")(x))
    kind = L.Dense(5, activation="softmax", name="class")(x)
    return draw_weights(keras.Model(inputs, [kind, L.Dense(4, name="box")(x)], name="xception"))


def head_on_features() -> keras.Model:
    """Feature extraction: the head that is trained on the base's 4×4×512 answers. It sees no picture."""
    inputs = keras.Input((4, 4, 512))
    x = L.Dropout(0.5)(L.Dense(16, activation="relu")(L.Flatten()(inputs)))
    return draw_weights(keras.Model(inputs, L.Dense(1, activation="sigmoid")(x), name="head"))


def vgg16_base(size: int = 64) -> keras.Model:
    """VGG16 without its top: 'block5_conv3' has 4×4 places at 64 pixels, its pooled answer 2×2×512."""
    return keras.applications.VGG16(include_top=False, weights=None, input_shape=(size, size, 3))


def vgg16_transfer() -> keras.Model:
    """The text-book's transfer model: VGG16, Flatten, Dense, one sigmoid unit."""
    base = vgg16_base()
    base.trainable = False
    head = [L.Flatten(), L.Dense(16, activation="relu"), L.Dense(1, activation="sigmoid")]
    return keras.Sequential([keras.Input((64, 64, 3)), base, *head], name="vgg16_transfer")
