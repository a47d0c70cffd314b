"""From pixels 0..255 to the numbers a network was trained on: always (pixels − mean) / divide.

The arithmetic is written once with plain operators, so that numpy arrays and TensorFlow tensors
both pass through it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from explain.errors import OptionError, near

Array = TypeVar("Array")


@dataclass(frozen=True)
class Scaling:
    """name: as users write it; order: "rgb" or "bgr"; mean, divide: one number per channel."""

    name: str
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    divide: tuple[float, float, float] = (1.0, 1.0, 1.0)
    order: str = "rgb"

    def apply(self, pixels: Array) -> Array:
        """(…, C) in 0..255, RGB, float32 → (…, C) as the network wants it. C is 3, or 1 for grey."""
        channels = pixels.shape[-1]
        if self.order == "bgr" and channels == 3:
            pixels = pixels[..., ::-1]
        mean, divide = (np.asarray(v, np.float32) for v in (self.mean, self.divide))
        if channels == 1:                                     # grey: the three agree on average
            mean, divide = mean.mean(keepdims=True), divide.mean(keepdims=True)
        if channels == 4:                                     # alpha is scaled like a colour
            mean, divide = np.append(mean, mean.mean()), np.append(divide, divide.mean())
        return (pixels - mean) / divide


SCALINGS = {
    s.name: s
    for s in (
        Scaling("0..255"),
        Scaling("0..1", divide=(255.0,) * 3),
        Scaling("-1..1", mean=(127.5,) * 3, divide=(127.5,) * 3),
        Scaling("caffe", mean=(103.939, 116.779, 123.68), order="bgr"),
        Scaling("torch", mean=(123.675, 116.28, 103.53), divide=(58.395, 57.12, 57.375)),
        Scaling("(x-127)/128", mean=(127.0,) * 3, divide=(128.0,) * 3),
    )
}


def scaling_of(name: str | Scaling) -> Scaling:
    """The scaling of that name. OptionError with near misses for any other."""
    if isinstance(name, Scaling):
        return name
    if name not in SCALINGS:
        known = ", ".join(f"'{s}'" for s in SCALINGS)
        raise OptionError(f"There is no scaling '{name}'. Known are {known}.{near(name, SCALINGS)}")
    return SCALINGS[name]
