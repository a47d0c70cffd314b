"""A wall of feature maps: from numbers to the one PNG that the browser gets."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np

import explain
from benchmarks.networks import opened, photos
from benchmarks.timing import Row, in_turns
from explain import render

LAYERS = {14: "block5_conv3", 28: "block4_conv3"}          # of VGG16, 512 channels each


def wall(side: int, quick: bool = False) -> Row:
    """The other side only writes the finished pixels, as OpenCV does it by default."""
    model = opened("vgg16")
    values = explain.activations(model, photos(model)[0], LAYERS[side]).values                # (h, w, 512)
    atlas = render.atlas(values)
    pixels = cv2.imdecode(np.frombuffer(atlas.png, np.uint8), cv2.IMREAD_UNCHANGED)
    times = in_turns(lambda: render.atlas(values), lambda: cv2.imencode(".png", pixels), 60, quick)
    plain = len(cv2.imencode(".png", pixels)[1])
    return Row(
        f"wall/{side}", f"wall of {values.shape[2]} maps of {side}×{side}, numbers to PNG",
        "cv2.imencode of the finished pixels", *times,
        note=f"{len(atlas.png):,} bytes; OpenCV's {plain:,}",
    )  # fmt: skip


ROWS = {f"wall/{side}": partial(wall, side) for side in LAYERS}
