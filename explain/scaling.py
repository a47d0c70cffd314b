"""From pixels 0..255 to the numbers a network was trained on: always (pixels − mean) / divide.

The arithmetic is written once with plain operators, so that numpy arrays and TensorFlow tensors
both pass through it. Each scaling is there twice, the second time with red and blue exchanged:
"0..1" and "0..1 bgr", "caffe", which is BGR itself, and "caffe rgb".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from explain.errors import OptionError, near

Array = TypeVar("Array")


@dataclass(frozen=True)
class Scaling:
    """name: as users write it; order: "rgb" or "bgr"; mean, divide: one number per channel, in that order."""

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

    @property
    def swapped(self) -> Scaling:
        """The same for a network that saw red and blue exchanged: each colour keeps its own numbers."""
        base, _, order = self.name.partition(" ")
        other = "rgb" if self.order == "bgr" else "bgr"
        name = base if order else f"{base} {other}"
        return replace(self, name=name, mean=self.mean[::-1], divide=self.divide[::-1], order=other)

    def nearly(self, other: Scaling) -> bool:
        """Whether both give the same numbers to 2 % of their range, for every pixel of every colour."""
        if self.order != other.order:
            return False
        ends = np.array([[0] * 3, [255] * 3], np.float32)                                     # (2, 3)
        ours, theirs = self.shift(ends), other.shift(ends)
        return bool((np.abs(ours - theirs) <= 0.02 * np.abs(ours[1] - ours[0])).all())


def _minus(pixels, numbers):
    return pixels - numbers


def _over(pixels, numbers):
    return pixels / numbers


USUAL = (
    Scaling("0..255"),
    Scaling("0..1", divide=(255.0,) * 3),
    Scaling("-1..1", mean=(127.5,) * 3, divide=(127.5,) * 3),
    Scaling("caffe", mean=(103.939, 116.779, 123.68), order="bgr"),
    Scaling("torch", mean=(123.675, 116.28, 103.53), divide=(58.395, 57.12, 57.375)),
    Scaling("(x-127)/128", mean=(127.0,) * 3, divide=(128.0,) * 3),
)
SCALINGS = {scaling.name: scaling for scaling in (*USUAL, *(usual.swapped for usual in USUAL))}


def scaling_of(name: str | Scaling) -> Scaling:
    """The scaling of that name. OptionError with near misses for any other."""
    if isinstance(name, Scaling):
        return name
    if name not in SCALINGS:
        known = ", ".join(f"'{s}'" for s in SCALINGS)
        raise OptionError(f"There is no scaling '{name}'. Known are {known}.{near(name, SCALINGS)}")
    return SCALINGS[name]
