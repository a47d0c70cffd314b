"""Networks whose input is not one picture, each to be refused by name of what was found."""

from __future__ import annotations

import keras
import numpy as np
from recipes_layers import SIDE, L


def two_pictures() -> keras.Model:
    one, other = keras.Input((SIDE, SIDE, 3)), keras.Input((SIDE, SIDE, 3))
    x = L.GlobalAveragePooling2D()(L.Conv2D(4, 3)(L.Concatenate()([one, other])))
    return keras.Model([one, other], L.Dense(3, activation="softmax")(x), name="two_pictures")


def picture_and_numbers() -> keras.Model:
    picture, numbers = keras.Input((SIDE, SIDE, 3)), keras.Input((7,))
    x = L.Concatenate()([L.GlobalAveragePooling2D()(L.Conv2D(4, 3)(picture)), numbers])
    return keras.Model([picture, numbers], L.Dense(3, activation="softmax")(x), name="picture_and_numbers")


def sequence() -> keras.Model:
    return keras.Sequential(
        [keras.Input((50, 8)), L.LSTM(4), L.Dense(2, activation="softmax")], name="sequence"
    )


def vector() -> keras.Model:
    return keras.Sequential(
        [keras.Input((784,)), L.Dense(4), L.Dense(2, activation="softmax")], name="vector"
    )


def volume() -> keras.Model:
    layers = [keras.Input((8, SIDE, SIDE, 1)), L.Conv3D(2, 3), L.GlobalAveragePooling3D(), L.Dense(2)]
    return keras.Sequential(layers, name="volume")


def channels_first() -> keras.Model:
    layers = [
        keras.Input((3, SIDE, SIDE)),
        L.Conv2D(4, 3, data_format="channels_first"),
        L.Flatten(),
        L.Dense(2),
    ]
    return keras.Sequential(layers, name="channels_first")


def turned_inside() -> keras.Model:
    """The picture has its channels last, the convolutions have them first."""
    first = {"data_format": "channels_first"}
    layers = [keras.Input((SIDE, SIDE, 3)), L.Permute((3, 1, 2)), L.Conv2D(4, 3, name="conv", **first)]
    return keras.Sequential([*layers, L.GlobalAveragePooling2D(**first), L.Dense(2)], name="turned_inside")


def spectrum() -> keras.Model:
    layers = [keras.Input((SIDE, SIDE, 12)), L.Conv2D(4, 3), L.GlobalAveragePooling2D(), L.Dense(2)]
    return keras.Sequential(layers, name="spectrum")


def two_pictures_subclassed() -> keras.Model:
    class Pair(keras.Model):
        def __init__(self, **options):
            super().__init__(**options)
            self.conv, self.mean, self.head = L.Conv2D(4, 3), L.GlobalAveragePooling2D(), L.Dense(2)

        def call(self, pair):
            return self.head(self.mean(self.conv(pair[0] - pair[1])))

    network, empty = Pair(name="pair"), np.zeros((1, SIDE, SIDE, 3), np.float32)
    network([empty, empty])
    return network


NO_PICTURE = (
    two_pictures, picture_and_numbers, sequence, vector, volume, channels_first, turned_inside, spectrum,
    two_pictures_subclassed,
)  # fmt: skip
