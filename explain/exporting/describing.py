"""What an exported explainer says about itself."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from explain.methods import Method
from explain.results import Layer, Model

FORMAT = 1                                         # of the document; a reader may rely on its fields
FILE = "explainer.json"
LIBRARIES = ("tensorflow", "keras", "numpy")


def description(
    model: Model, layer: Layer, output: int, method: Method, knobs: dict[str, Any]
) -> dict[str, Any]:
    """Plain values. labels: [] where the output has no names for its classes."""
    told = model.outputs[output]
    return {
        "format": FORMAT,
        "model": {
            "name": model.name, "key": model.key, "about": model.about,
            "input_shape": list(model.input_shape), "colours": "RGB, 0..255",
            "scaling": model.scaling, "scaling_note": model.scaling_note,
        },
        "output": {"name": told.name, "head": told.head, "classes": told.classes, "note": told.note},
        "labels": list(model.labels) if len(model.labels) == told.classes else [],
        "layer": {
            "name": layer.name, "kind": layer.kind, "map_shape": list(layer.map_shape), "note": layer.note,
        },
        "method": {
            "name": method.name, "title": method.title, "source": method.source, "options": knobs,
        },
        "versions": {name: version(name) for name in LIBRARIES},
    }  # fmt: skip
