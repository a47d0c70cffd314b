"""Which scaling a network wants, when nobody says: read off the network, or a guess that says so."""

from __future__ import annotations

import math
from typing import NamedTuple

import keras
import numpy as np

from explain.image import fit
from explain.opening.clues import arithmetic, misfits
from explain.probe.anatomy import check_picture_input
from explain.probe.door import operations
from explain.probe.entrance import Entrance
from explain.results import Notice
from explain.samples import read_sample, samples
from explain.scaling import SCALINGS, USUAL, scaling_of

# Names of backbones in the wild, and what their weights were trained on.
BACKBONES = (
    ("efficientnetlite", "(x-127)/128"),
    ("efficientnet", "0..255"), ("convnext", "0..255"), ("mobilenetv3", "0..255"), ("regnet", "torch"),
    ("resnet50v2", "-1..1"), ("resnet101v2", "-1..1"), ("resnet152v2", "-1..1"), ("resnetv2", "-1..1"),
    ("mobilenet", "-1..1"), ("inception", "-1..1"), ("xception", "-1..1"), ("nasnet", "-1..1"),
    ("densenet", "torch"), ("vgg", "caffe"), ("resnet", "caffe"),
)  # fmt: skip

# Where the backbone has lost its name, one of its layers still has the one that Keras gave it.
LAYERS = {
    "block_16_project": ("MobileNetV2", "-1..1"), "conv_pw_13": ("MobileNet", "-1..1"),
    "mixed10": ("InceptionV3", "-1..1"), "conv_7b": ("InceptionResNetV2", "-1..1"),
    "block14_sepconv2": ("Xception", "-1..1"), "conv5_block3_preact_bn": ("ResNetV2", "-1..1"),
    "conv5_block3_3_conv": ("ResNet", "caffe"), "res5c_branch2c": ("ResNet", "caffe"),
    "conv5_block3_concat": ("DenseNet", "torch"), "block5_conv3": ("VGG", "caffe"),
}  # fmt: skip

FREE_SIZE = 224  # of a network that takes pictures of any size
# Of misfits: a close fit (a factor of 2 in variance), what tells two scalings apart, what cannot be chance.
CLOSE, APART, PLAINLY = 0.7, 0.25, 0.8


class Guess(NamedTuple):
    """scaling: a name; why: for people; notices: W_SCALING_GUESSED where it is a guess."""

    scaling: str
    why: str
    notices: tuple[Notice, ...] = ()


def guess_scaling(model: keras.Model, input_shape: tuple[int, int, int] | None = None) -> Guess:
    """What pixels become before `model` sees them; input_shape: (h, w, C) where it takes any size.

    Arithmetic inside the network decides; then the custom of a known backbone; then what a batch
    normalisation met in training. What is left is 0..1, and a guess. Statistics that plainly contradict
    a custom win over it, as a guess: the backbone may have been trained anew. InputError.
    """
    height, width, channels = input_shape or check_picture_input(model)
    shape = height or FREE_SIZE, width or FREE_SIZE, channels
    inside = _inside(model, shape)
    if inside is not None:
        return inside
    if Entrance(model, SCALINGS["0..255"], channels).dtype.is_integer:
        return Guess("0..255", "the network takes whole numbers")
    photos = np.stack([fit(read_sample(slug).pixels, *shape) for slug in samples()])  # (6, h, w, C)
    misfit = misfits(model, photos, USUAL)
    fitting, rivals = best_fit(misfit)
    backbone, customary = _backbone(model)
    if customary and not (fitting and misfit[customary] > misfit[fitting] + PLAINLY):
        return Guess(customary, f"customary for the backbone {backbone}")
    if fitting:
        why = "a guess: " + (
            f"customary for the backbone {backbone} is '{customary}', but " if customary else ""
        )
        why += "photos scaled like this fit what its first batch normalisation met in training"
        why += f"; '{rivals[0]}' does nearly as well" if rivals else ""
    else:
        fitting, why = "0..1", "a guess: the file does not say how pictures were scaled in training"
    sentence = (
        f"The scaling '{fitting}' is {why}. Compare the scalings on a few photos, or name the right one."
    )
    return Guess(fitting, why, (Notice("W_SCALING_GUESSED", sentence),))


def best_fit(misfit: dict[str, float]) -> tuple[str | None, tuple[str, ...]]:
    """(the usual scaling that fits best, None where none is close; those that do nearly as well, by rank)."""
    if not misfit or min(misfit[usual.name] for usual in USUAL) > CLOSE:
        return None, ()
    ranks = sorted(USUAL, key=lambda usual: misfit[usual.name])
    best = next(usual for usual in USUAL if usual.nearly(ranks[0]))  # of two alike the commoner
    close = [usual.name for usual in ranks if misfit[usual.name] < misfit[ranks[0].name] + APART]
    return best.name, tuple(name for name in close if not best.nearly(scaling_of(name)))


def _inside(model: keras.Model, shape: tuple[int, int, int]) -> Guess | None:
    """What the arithmetic before the first learnt layer wants to be given; None where there is none."""
    found = arithmetic(model, shape)
    if found is None:
        return None
    slope, offset, kinds = found
    if abs(slope - 1) < 1e-3 and abs(offset) < 1e-3:
        return None
    by = f" ({', '.join(kinds)})" if kinds else ""
    if abs(slope) < 1e-6:
        return Guess("0..255", f"the network scales every picture to its own range{by}")
    # What learnt layers are given is of about ±1, or of ±128, and has 0 not far outside: 0..255 or 0..1?
    fits = {}
    for name, top in (("0..255", 255), ("0..1", 1)):
        spread, centre = abs(slope) * top, offset + slope * top / 2
        if abs(centre) <= spread:
            fits[name] = abs(math.log(spread / 2))
    scaling = min(fits, key=fits.get) if fits else "0..255"
    return Guess(
        scaling, f"the network scales its input itself{by}" + ("" if scaling == "0..255" else ", from 0..1")
    )


def _backbone(model: keras.Model) -> tuple[str, str]:
    """(its name, the customary scaling), or empty."""
    known = operations(model)
    for name in [model.name, *(o.name for o in known if isinstance(o, keras.Model))]:
        for backbone, scaling in BACKBONES:
            if backbone in name.lower().replace("_", "").replace("-", ""):
                return f"'{name}'", scaling
    return next((LAYERS[o.name] for o in known if o.name in LAYERS), ("", ""))
