"""A small training whose states can be looked at: discs, squares and triangles on noise.

python .ci/training.py FOLDER writes epoch-0.keras … epoch-6.keras there, with the class names inside labels.txt.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import keras
import numpy as np

SIDE, KINDS = 96, ("disc", "square", "triangle")


def pictures(many: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, 96, 96, 3) uint8 with one shape each, and the number of its kind (n,)."""
    chance = np.random.default_rng(seed)
    found, kinds = chance.integers(40, 130, (many, SIDE, SIDE, 3), np.uint8), np.arange(many) % len(KINDS)
    for picture, kind in zip(found, kinds, strict=True):
        color = tuple(int(c) for c in chance.integers(150, 256, 3))
        radius = int(chance.integers(12, 24))
        x, y = (int(c) for c in chance.integers(radius, SIDE - radius, 2))
        if kind == 0:
            cv2.circle(picture, (x, y), radius, color, -1)
        else:
            corners = [(-1, -1), (1, -1), (1, 1), (-1, 1)] if kind == 1 else [(0, -1), (1, 1), (-1, 1)]
            cv2.fillPoly(picture, [np.array([(x + radius * a, y + radius * b) for a, b in corners])], color)
    return found, kinds


def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    layers = [keras.Input((SIDE, SIDE, 3)), keras.layers.Rescaling(1 / 255)]
    for i, filters in enumerate((12, 24, 32)):
        layers += [
            keras.layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"block{i + 1}_conv"),
            keras.layers.MaxPooling2D(name=f"block{i + 1}_pool"),
        ]
    layers += [keras.layers.Conv2D(32, 3, padding="same", activation="relu", name="block4_conv")]
    head = [keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(len(KINDS), activation="softmax")]
    return keras.Sequential([*layers, *head], name="shapes")


def train(folder: Path, epochs: int = 6) -> list[Path]:
    """One file for each state, the untrained one first. The first block stays as it was."""
    folder.mkdir(parents=True, exist_ok=True)
    model = network()
    model.get_layer("block1_conv").trainable = False
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    inputs, kinds = pictures(1500, 1)
    paths = [folder / f"epoch-{epoch}.keras" for epoch in range(epochs + 1)]
    model.save(paths[0])
    for path in paths[1:]:
        model.fit(inputs, kinds, batch_size=32, verbose=2)
        model.save(path)
    for kind, picture in zip(KINDS, pictures(len(KINDS), 2)[0], strict=True):
        cv2.imwrite(str(folder / f"{kind}.png"), picture[..., ::-1])
    (folder / "labels.txt").write_text("\n".join(KINDS) + "\n")
    return paths


if __name__ == "__main__":
    train(Path(sys.argv[1]))
