"""Which scaling a network wants, when nobody says: read off its layers, or a guess that says so."""

from __future__ import annotations

import keras

from explain.probe.door import operations

INSIDE = ("Rescaling", "Normalization")

# Names of backbones in the wild, and what their weights were trained on.
BACKBONES = (
    ("efficientnetlite", "(x-127)/128"),
    ("efficientnet", "0..255"), ("convnext", "0..255"), ("mobilenetv3", "0..255"), ("regnet", "torch"),
    ("resnet50v2", "-1..1"), ("resnet101v2", "-1..1"), ("resnet152v2", "-1..1"), ("resnetv2", "-1..1"),
    ("mobilenet", "-1..1"), ("inception", "-1..1"), ("xception", "-1..1"), ("nasnet", "-1..1"),
    ("densenet", "torch"), ("vgg", "caffe"), ("resnet", "caffe"),
)  # fmt: skip


def guess_scaling(model: keras.Model) -> tuple[str, str]:
    """(scaling, why). Layers that scale inside the model, then a known backbone, then a plain guess."""
    kinds = {type(operation).__name__ for operation in operations(model)}
    if kinds & set(INSIDE):
        return "0..255", f"the network scales its input itself ({', '.join(sorted(kinds & set(INSIDE)))})"
    names = [model.name, *(o.name for o in operations(model) if isinstance(o, keras.Model))]
    for name in names:
        for backbone, scaling in BACKBONES:
            if backbone in name.lower().replace("_", "").replace("-", ""):
                return scaling, f"customary for the backbone '{name}'"
    return "0..1", "a guess: the file does not say how pictures were scaled in training"
