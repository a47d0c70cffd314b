"""The three jobs, asked of any network: every map there, a heatmap by itself, and a pattern."""

from __future__ import annotations

import warnings
from pathlib import Path

import keras
import numpy as np
from networks import close

import explain
from explain.image import from_pixels
from explain.results import Heatmap, Image, Model

CUSTOM = Path(__file__).with_name("custom_layers.py")
SPATIAL = ("Conv", "Residual", "Block", "Add", "Concatenate", "Attention")  # kinds whose answer is looked at


def picture(seed: int = 0, height: int = 48, width: int = 48) -> Image:
    """Noise with a bright half, so that places differ."""
    pixels = np.random.default_rng(seed).integers(0, 128, (height, width, 3), np.uint8)
    pixels[:, : width // 2] += 127
    return from_pixels(pixels, f"noise {seed}")


def looked_at(model: Model, image: Image) -> list[str]:
    """The names of the layers with a map that are a convolution's or its like, after a look at each."""
    paths = [layer.name for layer in model.layers]
    assert len(set(paths)) == len(paths) and not any(path.startswith("/") for path in paths)
    names = [x.name for x in model.layers if x.has_map and any(kind in x.kind for kind in SPATIAL)]
    shapes = {layer.name: layer.map_shape for layer in model.layers}
    for maps in explain.activations(model, image, names):
        assert maps.values.dtype == np.float32 and np.isfinite(maps.values).all(), maps.layer
        assert all(n in (None, m) for n, m in zip(shapes[maps.layer], maps.values.shape, strict=True)), (
            maps.layer
        )
    return names


def explained(model: Model, image: Image, output: int = 0) -> tuple[Heatmap, ...]:
    """Grad-CAM at the layer chosen by itself, of the class chosen by itself and of each (of nine at most).

    Some are not blank, and none is so silently.
    """
    classes = [None, *range(min(model.outputs[output].classes, 9))]
    found = explain.heatmaps(model, [image] * len(classes), class_index=classes, output=output)
    for heat in found:
        assert heat.layer == model.network.default_layers[output] and np.isfinite(heat.values).all()
        assert heat.values.min() >= 0 and (heat.values.max() > heat.values.min() or heat.note), heat.layer
    assert any(heat.values.max() > heat.values.min() for heat in found), (
        f"only blank maps at {found[0].layer}"
    )
    return found


def dreamt(model: Model, layer: str, size: int = 32) -> None:
    """A pattern of the layer's first channel."""
    (pattern,) = explain.patterns(model, layer, [0], steps=2, size=size)
    assert pattern.pixels.shape == (size, size, 3) and np.isfinite(pattern.pixels).all()
    assert np.isfinite(pattern.scores).all()


def explored(
    network: keras.Model, pattern: str | None = "default", size: int = 32, files=(), folder=None
) -> Model:
    """All three jobs, of all outputs; and the same maps, to 1e-5 of the maximum, from files of these endings.

    pattern: the layer to dream of, or how its name begins; None for none.
    """
    model, image = explain.wrap(network, "0..1"), picture()
    assert looked_at(model, image)
    found = [explained(model, image, output) for output in range(len(model.outputs))]
    if pattern:
        layer = model.default_layer if pattern == "default" else pattern
        dreamt(model, next(x.name for x in model.layers if x.has_map and x.name.startswith(layer)), size)
    for ending in files:
        opened = reopened(network, ending, folder)
        assert [x.map_shape for x in opened.layers] == [x.map_shape for x in model.layers]
        for output, heats in enumerate(found):
            for again, heat in zip(explained(opened, image, output), heats, strict=True):
                assert close(again.values, heat.values, 1e-5), ending
    return model


def reopened(network: keras.Model, ending: str, folder: Path) -> Model:
    """Saved, inspected and opened again, with the classes of this folder's own file."""
    path = folder / f"network.{ending}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras' advice about .h5 and unbuilt layers
        network.save(path)
        return explain.load(path, scaling="0..1", custom_objects=str(CUSTOM))
