"""The same heatmap by other libraries, where they are installed: same weights, same picture, same layer.

They are no dependency. One that is missing or fails with this TensorFlow is a line that says so.
"""

from __future__ import annotations

from functools import partial

import explain
from benchmarks.networks import opened, photos, prepared, unseen
from benchmarks.timing import Row, in_turns

NETWORKS = ("mobilenetv2", "resnet50", "vgg16")
CLASS = 7


def tf_keras_vis(model, images):
    """Its Grad-CAM of the score before the softmax."""
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

    gradcam = Gradcam(model.network.model, model_modifier=ReplaceToLinear(), clone=True)
    inputs, score = prepared(model, images).numpy(), CategoricalScore([CLASS])
    return lambda: gradcam(score, inputs, penultimate_layer=model.default_layer)


def tf_explain(model, images):
    """Its Grad-CAM, which takes the probability as the score and gives a coloured picture."""
    from tf_explain.core.grad_cam import GradCAM

    gradcam, inputs = GradCAM(), prepared(model, images).numpy()
    return lambda: gradcam.explain((inputs, None), model.network.model, CLASS, layer_name=model.default_layer)


def peer(library, name: str, quick: bool = False) -> Row:
    model = opened(name)
    images = photos(model)
    theirs = library(model, images)
    times = in_turns(lambda: explain.heatmap(model, unseen(images)[0], class_index=CLASS), theirs, 10, quick)
    title = library.__name__.replace("_", "-")
    return Row(f"{title}/{name}", f"Grad-CAM of a new picture, {name}", title, *times, 1.0)


ROWS = {
    f"{library.__name__.replace('_', '-')}/{name}": partial(peer, library, name)
    for name in NETWORKS
    for library in (tf_keras_vis, tf_explain)
}
