"""Explanations that are served without this project: a network and one method as a SavedModel.

    formulas     the methods of the shelf that a graph can hold
    signatures   pixels, or encoded pictures → probabilities, scores, classes, heatmap
    encoded      JPEG and PNG → pixels in the network's size, inside the graph
    describing   explainer.json: which network, layer and method this is
    saving       the folder: written beside its place, opened again, compared, and only then named
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from explain.exporting.describing import description
from explain.exporting.formulas import formula
from explain.exporting.saving import check_path, save
from explain.exporting.signatures import signatures
from explain.jobs import network_of
from explain.results import Model


def export_explainer(
    model: Model,
    layer: str | None = None,
    path: str | os.PathLike[str] = "explainer",
    method: str = "gradcam",
    output: int | str | None = None,
    **options: Any,
) -> Path:
    """Write a SavedModel folder whose signatures answer with predictions and heatmaps.

    layer: None is the model's default; path: a folder that does not exist yet; method, options: of the shelf,
    and fixed in the folder; output: which output of several. Whatever runs a SavedModel runs it (TensorFlow
    Serving, tf.saved_model.load), without this project and without Keras:

        serving_default   pixels (b, h, w, C) uint8, RGB, in the network's size → the four below
        explain           pixels, class_index (b,) int32, −1 for the top class → the four below
        serve_bytes, explain_bytes    image_bytes (b,) in place of pixels: JPEG or PNG files of any size
        predict           pixels → probabilities and scores alone
        describe          nothing → json, what explainer.json says

    The four: probabilities (b, K), scores (b, K) before softmax or sigmoid, classes (b,) int32 that the
    heatmaps are for, heatmap (b, h', w') float32 in the layer's size, not normalised.

    Encoded pictures are decoded and resized by TensorFlow, which differs from `explain.read` by one level of
    255 at most on the photos it was measured on; EXIF orientation is not applied.

    Returns the folder. Raises LayerError, ClassError, MethodError for a method that a graph cannot hold,
    OptionError (the path exists or cannot be written), ModelError (Python or tables inside the network).
    """
    network, computed = network_of(model), formula(method)
    knobs = computed.method.options(options)
    index = network.output_index(output)
    target, place = network.layer(layer, index), check_path(path)
    told = description(model, target, index, computed.method, knobs)
    functions = signatures(network, target.name, index, computed.within(knobs), told)
    return save(functions, place, told, model)
