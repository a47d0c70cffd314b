"""What Keras writes passes the inspection, and the walk foresees the shape of every layer."""

from __future__ import annotations

import os

import keras
import numpy as np
import pytest
from old_files import stored

from explain.errors import BrokenModel
from explain.inspecting import sizes
from explain.inspecting.configs import check
from explain.inspecting.shapes import SAME
from explain.repairing import known
from explain.repairing.walking import layers_of, objects

L = keras.layers
FAMILIES = (
    "ConvNeXtTiny", "DenseNet121", "EfficientNetB0", "EfficientNetV2B0", "InceptionResNetV2", "InceptionV3",
    "MobileNet",
    "MobileNetV2", "MobileNetV3Small", "NASNetMobile", "ResNet50", "ResNet50V2", "VGG16", "Xception",
)  # fmt: skip
EVERY = tuple(
    n for n in dir(keras.applications) if n[0].isupper() and callable(getattr(keras.applications, n))
)
ASKED = EVERY if os.environ.get("LAYERSCOPE_SLOW") else FAMILIES


class Noting(sizes.Walk):
    """Compares every shape it foresees with the one that Keras wrote beside the reference."""

    compared = 0

    def _call_all(self, layers, by_name, answers):
        super()._call_all(layers, by_name, answers)
        for layer in layers:
            for one in tensors(layer.get("inbound_nodes")):
                name, number, output = one["keras_history"]
                foreseen = answers[name, number][output]
                if foreseen is not None:
                    assert foreseen == tuple(one["shape"][1:]), (name, by_name[name]["class_name"])
                    self.compared += 1


def tensors(value):
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        yield value["config"]
    elif isinstance(value, (dict, list)):
        for child in value.values() if isinstance(value, dict) else value:
            yield from tensors(child)


# What Keras writes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ASKED)
def test_every_architecture_of_keras_passes(name):
    """One of each family; all 40 with LAYERSCOPE_SLOW=1."""
    model = getattr(keras.applications, name)(weights=None)
    config, shapes = stored(model)
    keras.backend.clear_session()
    check(config, shapes)
    walk = Noting(shapes)
    assert walk.model(config, None) == [(1000,)] and walk.compared >= len(layers_of(config)) - 1


def test_there_are_forty():
    assert len(EVERY) == 40 and set(FAMILIES) <= set(EVERY)


PICTURE, TOKENS, VOLUME = (16, 12, 3), (10, 6), (6, 6, 6, 2)
# Each is called on one input of that shape.
LAYERS = [
    (PICTURE, lambda: L.Conv2D(4, (3, 2), strides=2, dilation_rate=1)),
    (PICTURE, lambda: L.Conv2D(6, 3, groups=3)),
    (PICTURE, lambda: L.Conv2D(4, 3, dilation_rate=2, padding="same")),
    (PICTURE, lambda: L.DepthwiseConv2D(3, depth_multiplier=2)),
    (PICTURE, lambda: L.SeparableConv2D(5, 3, depth_multiplier=2)),
    (PICTURE, lambda: L.Conv2DTranspose(4, 3, strides=2)),
    (PICTURE, lambda: L.Conv2DTranspose(4, 2, strides=3)),
    (PICTURE, lambda: L.Conv2DTranspose(4, 3, strides=2, padding="same")),
    (TOKENS, lambda: L.Conv1D(4, 3, padding="causal")), (TOKENS, lambda: L.SeparableConv1D(4, 3)),
    (VOLUME, lambda: L.Conv3D(3, 2)),
    (TOKENS, lambda: L.Conv1DTranspose(4, 3)), (TOKENS, lambda: L.DepthwiseConv1D(3)),
    (VOLUME, lambda: L.Conv3DTranspose(3, 2)),
    (PICTURE, lambda: L.MaxPooling2D(3, 2)), (PICTURE, lambda: L.AveragePooling2D(3, 2, "same")),
    (TOKENS, lambda: L.MaxPooling1D(3)),
    (PICTURE, lambda: L.GlobalMaxPooling2D(keepdims=True)), (PICTURE, lambda: L.AdaptiveAveragePooling2D(3)),
    (PICTURE, lambda: L.ZeroPadding2D(((1, 2), (0, 3)))), (TOKENS, lambda: L.ZeroPadding1D((2, 1))),
    (TOKENS, lambda: L.Cropping1D(2)),
    (PICTURE, lambda: L.Cropping2D((1, 2))), (PICTURE, lambda: L.UpSampling2D((2, 3))),
    (PICTURE, lambda: L.Permute((3, 1, 2))),
    (PICTURE, lambda: L.Reshape((-1, 6))), (PICTURE, lambda: L.Flatten()), ((5,), lambda: L.RepeatVector(3)),
    (PICTURE, lambda: L.Resizing(7, 9)), (PICTURE, lambda: L.CenterCrop(7, 9)),
    (PICTURE, lambda: L.RandomCrop(7, 9)),
    (PICTURE, lambda: L.Rescaling(1 / 255, [1.0, 2.0, 3.0])),
    (PICTURE, lambda: L.Normalization(mean=[1.0] * 3, variance=[2.0] * 3)),
    (PICTURE, lambda: L.Normalization()), (PICTURE, lambda: L.RandomFlip()),
    (PICTURE, lambda: L.RandomRotation(0.1)),
    (PICTURE, lambda: L.RandomZoom(0.1)), (PICTURE, lambda: L.RandomTranslation(0.1, 0.1)),
    (PICTURE, lambda: L.RandomContrast(0.1)),
    (PICTURE, lambda: L.RandomBrightness(0.1)), (PICTURE, lambda: L.Solarization()),
    (PICTURE, lambda: L.AutoContrast()),
    (PICTURE, lambda: L.Pipeline([L.RandomFlip(), L.RandomContrast(0.2)])),
    (PICTURE, lambda: L.BatchNormalization(axis=1)), (PICTURE, lambda: L.LayerNormalization(axis=(1, 2))),
    (PICTURE, lambda: L.GroupNormalization(3)), (PICTURE, lambda: L.RMSNormalization()),
    (PICTURE, lambda: L.UnitNormalization()),
    (PICTURE, lambda: L.SpectralNormalization(L.Conv2D(4, 3))),
    (PICTURE, lambda: L.PReLU(shared_axes=[1, 2])),
    (PICTURE, lambda: L.LeakyReLU(0.1)), (PICTURE, lambda: L.Softmax()),
    (PICTURE, lambda: L.SpatialDropout2D(0.2)),
    (PICTURE, lambda: L.GaussianNoise(0.1)), (PICTURE, lambda: L.Dense(3, activation=L.LeakyReLU(0.3))),
    (PICTURE, lambda: L.EinsumDense("abcd,de->abce", output_shape=(None, None, 7), bias_axes="e")),
    (TOKENS, lambda: L.EinsumDense("abc,cde->abde", output_shape=(None, 2, 4))),
    (TOKENS, lambda: L.TimeDistributed(L.Dense(4))), (TOKENS, lambda: L.LSTM(4)),
    (TOKENS, lambda: L.GRU(4, return_sequences=True)),
    (TOKENS, lambda: L.SimpleRNN(4)), (TOKENS, lambda: L.Bidirectional(L.LSTM(4))),
    (TOKENS, lambda: L.RNN([L.GRUCell(3), L.LSTMCell(4)])),
    ((4, 8, 8, 2), lambda: L.ConvLSTM2D(3, 3)), ((5,), lambda: L.Embedding(20, 3)),
    (PICTURE, lambda: L.Identity()),
    (PICTURE, lambda: L.Conv2D(3, 1, kernel_regularizer="l2",
    kernel_constraint=keras.constraints.MaxNorm(2))),
    (PICTURE, lambda: L.Conv2D(3, 1, dtype="mixed_float16",
    kernel_initializer=keras.initializers.Orthogonal())),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(LAYERS)))
def test_layers_of_keras_pass_and_their_shapes_are_foreseen(number):
    shape, make = LAYERS[number]
    model = keras.Sequential([keras.Input(shape), make()])
    config, shapes = stored(model)
    check(config, shapes)
    (foreseen,) = sizes.Walk(shapes).model(config, None)
    theirs = model.output_shape[1:]
    assert foreseen is None or all(b in (None, a) for a, b in zip(foreseen, theirs, strict=True))
    if not isinstance(model.layers[0], (L.Bidirectional, L.ConvLSTM2D, L.Pipeline, L.RNN)):
        assert foreseen is not None
    for one in (found for _, found in objects(config) if found["class_name"] in known.LAYERS):
        assert one["config"].keys() <= known.arguments_of(one["class_name"])
    again = keras.saving.deserialize_keras_object(config)  # without any build_config
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]


def test_an_attention_block_and_arithmetic():
    image = keras.Input((8, 8, 3))
    tokens = L.Reshape((16, 12))(keras.ops.relu(image / 255.0 - 0.5)[..., ::-1])
    found = L.MultiHeadAttention(2, 5)(tokens, tokens, use_causal_mask=False)
    found = L.Concatenate()([found, L.Attention()([tokens, tokens])]) * np.ones(24, "float32")
    model = keras.Model(image, L.Dense(2)(L.GlobalAveragePooling1D()(found)))
    config, shapes = stored(model)
    check(config, shapes)
    Noting(shapes).model(config, None)
    with pytest.raises(BrokenModel, match="MultiHeadAttention"):
        check(config, [shape for shape in shapes if shape != (12, 2, 5)])


def test_grouped_attention_and_its_own_sizes():
    tokens = keras.Input((10, 6))
    found = L.MultiHeadAttention(2, 5, value_dim=3, output_shape=7)(tokens, tokens)
    config, shapes = stored(keras.Model(tokens, L.GroupQueryAttention(4, 4, 2)(found, found)))
    check(config, shapes)
    for missing in ((6, 2, 5), (2, 3, 7), (7, 4, 4)):
        with pytest.raises(BrokenModel, match=" × ".join(map(str, missing))):
            check(config, [shape for shape in shapes if shape != missing])


def test_what_has_the_shape_of_its_input_is_known_to_keras():
    assert SAME <= known.LAYERS.keys() | known.OPERATIONS.keys()
