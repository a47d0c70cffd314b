"""A result as plain JSON: everything that must be known to compute the same numbers again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from explain.errors import OptionError
from explain.results import Heatmap, Image, Maps, Model, Pattern

Recipe = dict[str, Any]


def heatmap_recipe(
    model: Model,
    image: Image,
    heatmap: Heatmap,
    output: int | str | None = None,
    together: Sequence[Image | str] = (),
) -> Recipe:
    """What makes a heatmap again.

    output: by name or number, None for the first; together: the pictures of its batch, or their keys, in
    their order, its own among them; () for a picture that was alone. OptionError where its own is missing.
    """
    return {
        "job": "heatmap", "model": model_of(model), "image": _image(image), "layer": heatmap.layer,
        "class_index": int(heatmap.class_index), "label": heatmap.label, "output": _output(model, output),
        "method": heatmap.method, "options": dict(heatmap.options), "score": float(heatmap.score),
        "probability": float(heatmap.probability), "facts": dict(heatmap.facts), "note": heatmap.note,
        "notices": [notice.code for notice in heatmap.notices], "values": told(heatmap.values),
        "together": _batch(image.key, together),
    }  # fmt: skip


def maps_recipe(
    model: Model,
    image: Image,
    maps: Maps,
    channels: Sequence[int] | None = None,
    layers: Sequence[str] = (),
) -> Recipe:
    """What makes a layer's maps again.

    channels: the numbers of those that are shown, None for all; `values` tells of these alone, in their
    order. layers: those that were computed in the same pass, () for this one alone.
    """
    values = maps.values if channels is None else maps.values[..., list(channels)]
    return {
        "job": "maps", "model": model_of(model), "image": _image(image), "layer": maps.layer,
        "channels": None if channels is None else [int(c) for c in channels], "layers": list(layers),
        "shape": list(maps.values.shape), "notices": [notice.code for notice in maps.notices],
        "values": told(values),
    }  # fmt: skip


def pattern_recipe(
    model: Model,
    pattern: Pattern,
    steps: int,
    size: int,
    seed: int,
    options: Mapping[str, Any],
    together: Sequence[int] = (),
) -> Recipe:
    """What makes a pattern again.

    options: the method's knobs; together: the channels that climbed in one batch, in their order, its own
    among them; () for one that climbed alone.
    """
    return {
        "job": "pattern", "model": model_of(model), "layer": pattern.layer, "channel": int(pattern.channel),
        "method": pattern.method, "options": {**options, "size": int(size)}, "steps": int(steps),
        "size": int(size), "seed": int(seed), "score": float(pattern.scores[-1]), "note": pattern.note,
        "notices": [notice.code for notice in pattern.notices], "values": told(pattern.pixels),
        "scores": told(pattern.scores), "together": _batch(int(pattern.channel), together),
    }  # fmt: skip


def model_of(model: Model) -> dict[str, Any]:
    """What identifies a model, what is known about it, and what else opened it, where that is anything."""
    return {
        "name": model.name, "key": model.key, "scaling": model.scaling, "scaling_note": model.scaling_note,
        "input_shape": list(model.input_shape), "about": model.about, "device": model.device,
        "notices": [{"code": n.code, "sentence": n.sentence} for n in model.notices],
        **({"opened": dict(model.opened)} if model.opened else {}),
    }  # fmt: skip


def digest(values: np.ndarray) -> str:
    """SHA-256 of dtype, shape and bytes (little-endian, C order), 64 hex digits: the same bits, the same digest."""
    values = np.asarray(values)
    told_of = hashlib.sha256(f"{values.dtype.name}{values.shape}".encode())
    told_of.update(np.ascontiguousarray(values, values.dtype.newbyteorder("<")).data)
    return told_of.hexdigest()


def told(values: np.ndarray) -> dict[str, Any]:
    """What a recipe says about numbers: their digest, shape and dtype, the lowest and the highest of them."""
    values = np.asarray(values)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    return {
        "sha256": digest(values), "shape": list(values.shape), "dtype": values.dtype.name, "low": low, "high": high,
    }  # fmt: skip


def _image(image: Image) -> dict[str, Any]:
    height, width = image.pixels.shape[:2]
    return {"key": image.key, "name": image.name, "size": [height, width]}


def _output(model: Model, output: int | str | None) -> str:
    if isinstance(output, str):
        return output
    return model.outputs[output or 0].name


def _batch(own: str | int, together: Sequence) -> list:
    batch = [one.key if isinstance(one, Image) else one for one in together]
    if batch and own not in batch:
        raise OptionError(f"Expected {own!r} among what was computed together, received {batch[:3]} ….")
    return batch
