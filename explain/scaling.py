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
        """(…, C) in 0..255, RGB, float32 → (…, C) as the network wants it. C is 3, 1 (grey) or 4."""
        return self.shift(pixels[..., ::-1] if self.swaps(pixels.shape[-1]) else pixels)

    def swaps(self, channels: int) -> bool:
        """Whether red and blue change places, before `shift`."""
        return self.order == "bgr" and channels == 3

    def shift(self, pixels: Array) -> Array:
        """(pixels − mean) / divide, for channels that stand in the network's order."""
        for numbers, neutral, change in ((self.mean, 0, _minus), (self.divide, 1, _over)):
            if pixels.shape[-1] != 3:                         # grey and alpha: the three on average
                numbers = (sum(numbers) / 3,)
            if len(set(numbers)) == 1:                        # one number is quicker than three alike
                numbers = numbers[:1]
            if set(numbers) != {neutral}:
                pixels = change(pixels, np.asarray(numbers, np.float32))
        return pixels


def _minus(pixels, numbers):
    return pixels - numbers


def _over(pixels, numbers):
    return pixels / numbers


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
