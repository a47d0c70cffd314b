"""What a caller hands in, looked at once, at the door."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from explain.errors import OptionError
from explain.results import Heatmap, Image

LONGEST = 32_767                                   # OpenCV's longest side of a picture


def number(name: str, value: Any, least: float, most: float) -> float:
    """`value` as a float from `least` to `most`. OptionError otherwise."""
    found = _float(value)
    if not least <= found <= most:                 # also refuses NaN
        raise OptionError(f"'{name}' must be a number from {least:g} to {most:g}, not {value!r}.")
    return found


def whole(name: str, value: Any, least: int, most: int = LONGEST) -> int:
    """`value` as an int from `least` to `most`. OptionError otherwise."""
    try:
        found = operator.index(value)
    except TypeError:
        found = least - 1
    if not least <= found <= most:
        raise OptionError(f"'{name}' must be a whole number from {least} to {most}, not {value!r}.")
    return found


def size(value: Any) -> tuple[int, int]:
    """(height, width), both at least 1. OptionError otherwise."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise OptionError(f"'size' must be two whole numbers (height, width), not {value!r}.")
    return whole("height", value[0], 1), whole("width", value[1], 1)


def span(value: Any) -> tuple[float, float]:
    """(lo, hi), finite and lo < hi. OptionError otherwise."""
    pair = isinstance(value, (tuple, list, np.ndarray)) and len(value) == 2
    lo, hi = map(_float, value) if pair else (math.nan, math.nan)
    if not (math.isfinite(lo) and math.isfinite(hi) and lo < hi):
        raise OptionError(f"'limits' must be two numbers (lo, hi) with lo < hi, not {value!r}.")
    return lo, hi


def color(name: str, value: Any) -> tuple[int, int, int]:
    """(red, green, blue), whole numbers in 0..255. OptionError otherwise."""
    if not isinstance(value, (tuple, list)) or len(value) != 3:
        raise OptionError(f"'{name}' must be (red, green, blue) in 0..255, not {value!r}.")
    red, green, blue = (whole(name, v, 0, 255) for v in value)
    return red, green, blue


def picture(value: Image | np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 of an Image or of an array that is already one. OptionError otherwise."""
    pixels = value.pixels if isinstance(value, Image) else value
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or not _has(pixels, 3, last=3):
        raise OptionError(f"A picture must be an Image or a (H, W, 3) uint8 array, not {_seen(value)}.")
    return pixels


def heat(value: Heatmap | np.ndarray) -> np.ndarray:
    """(h, w) float32 of a Heatmap or of an array of numbers. OptionError otherwise."""
    values = value.values if isinstance(value, Heatmap) else value
    if not _is_real(values) or not _has(values, 2):
        raise OptionError(f"A heat map must be a Heatmap or a (h, w) array of numbers, not {_seen(value)}.")
    return values.astype(np.float32, copy=False)


def maps(value: np.ndarray) -> np.ndarray:
    """(h, w, c) float32 of an array of numbers, nothing of it empty. OptionError otherwise."""
    if not _is_real(value) or not _has(value, 3):
        raise OptionError(f"Maps must be a (h, w, c) array of numbers, not {_seen(value)}.")
    return value.astype(np.float32, copy=False)


def _float(value: Any) -> float:
    """The number, or NaN, which no range contains, where it is none."""
    return float(value) if isinstance(value, (int, float, np.number)) else math.nan


def _is_real(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "fiub"


def _has(array: np.ndarray, dimensions: int, last: int | None = None) -> bool:
    return array.ndim == dimensions and array.size > 0 and last in (None, array.shape[-1])


def _seen(value: Any) -> str:
    """What was handed in, in few words, however large it is."""
    if isinstance(value, (Image, Heatmap)):
        value = value.pixels if isinstance(value, Image) else value.values
    if isinstance(value, np.ndarray):
        return f"an array {value.shape} {value.dtype}"
    return f"a {type(value).__name__}"
