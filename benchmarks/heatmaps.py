"""Grad-CAM, its relatives, and activations, as the public face gives them, against one forward pass."""

from __future__ import annotations

import itertools
from functools import partial

import explain
from benchmarks.networks import forward, opened, photos, prepared, unseen
from benchmarks.timing import Row, in_turns
from explain.methods import shelf

ROUNDS = {"efficientnet-lite0": 60, "mobilenetv2": 60, "resnet50": 40, "vgg16": 20}
FORWARD = "compiled forward pass"
BATCH = 16


def new_picture(name: str, quick: bool = False) -> Row:
    """Nothing is remembered of the picture: every round has its own key."""
    model = opened(name)
    images = photos(model)
    function, inputs = forward(model, 1), prepared(model, images)
    times = in_turns(
        lambda: explain.heatmap(model, unseen(images)[0]),
        lambda: function(inputs).numpy(), ROUNDS[name], quick,
    )  # fmt: skip
    return Row(f"gradcam-new/{name}", f"Grad-CAM of a new picture, {name}", FORWARD, *times, 1.15)


def another_class(name: str, quick: bool = False) -> Row:
    """The layer's maps and its head's answers are in the store; the class is another one in every round."""
    model = opened(name)
    images = photos(model)
    function, inputs = forward(model, 1), prepared(model, images)
    classes = itertools.count(1)
    model.network.store.clear()
    explain.heatmap(model, images[0], class_index=0)
    times = in_turns(
        lambda: explain.heatmap(model, images[0], class_index=next(classes)),
        lambda: function(inputs).numpy(), ROUNDS[name], quick,
    )  # fmt: skip
    limit = 0.2 if name == "vgg16" else 0.1               # its two dense layers are 7 % of it, forth and back
    what = f"Grad-CAM of another class, maps in the store, {name}"
    return Row(f"gradcam-class/{name}", what, FORWARD, *times, limit)


def batch(name: str, quick: bool = False) -> Row:
    model = opened(name)
    images = photos(model, BATCH)
    function, inputs = forward(model, BATCH), prepared(model, images)
    times = in_turns(
        lambda: explain.heatmaps(model, unseen(images), batch=BATCH),
        lambda: function(inputs).numpy(), ROUNDS[name] // 2, quick,
    )  # fmt: skip
    what = f"Grad-CAM of {BATCH} new pictures, {name}"
    return Row(f"gradcam-batch/{name}", what, f"{FORWARD}, same batch", *times, 1.15)


def every_cam(name: str, quick: bool = False) -> Row:
    """All methods of the shelf that look at a layer, one after the other, of a picture never seen before."""
    model = opened(name)
    images = photos(model)
    function, inputs = forward(model, 1), prepared(model, images)
    cams = [each.name for each in shelf("heatmaps").values() if each.layered]

    def all_of_one():
        (image,) = unseen(images)
        return [explain.heatmap(model, image, cam, class_index=1) for cam in cams]

    times = in_turns(all_of_one, lambda: function(inputs).numpy(), ROUNDS[name], quick)
    what = f"{len(cams)} CAMs of one new picture, layer and class, {name}"
    return Row(f"cams/{name}", what, FORWARD, *times, 1.6)


def early_activations(name: str, layer: str, limit: float, quick: bool = False) -> Row:
    """Only what lies before the layer is computed; all its maps are brought to numpy."""
    model = opened(name)
    images = photos(model)
    function, inputs = forward(model, 1), prepared(model, images)
    times = in_turns(
        lambda: explain.activations(model, unseen(images)[0], layer),
        lambda: function(inputs).numpy(), ROUNDS[name], quick,
    )  # fmt: skip
    what = f"all activations of {layer}, {name}"
    return Row(f"activations/{name}", what, f"{FORWARD} of the whole network", *times, limit)


ROWS = {
    **{f"gradcam-new/{name}": partial(new_picture, name) for name in ROUNDS},
    **{f"gradcam-class/{name}": partial(another_class, name) for name in ROUNDS},
    **{f"gradcam-batch/{name}": partial(batch, name) for name in ("mobilenetv2", "resnet50")},
    **{f"cams/{name}": partial(every_cam, name) for name in ROUNDS},
    "activations/vgg16": partial(early_activations, "vgg16", "block2_conv2", 0.6),
}
