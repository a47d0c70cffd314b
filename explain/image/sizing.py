"""A picture in the size that a network or a screen wants."""

from __future__ import annotations

import cv2
import numpy as np

from explain.errors import OptionError


def fit(pixels: np.ndarray, height: int, width: int, channels: int = 3) -> np.ndarray:
    """The whole picture squashed to a network's size; nothing is cut off, nothing is padded.

    pixels: (H, W, 1, 3 or 4) or (H, W) uint8. Returns (height, width, channels) uint8;
    channels: 1 for luma grey (ITU-R BT.601), 3 for RGB, 4 for RGB with alpha 255.
    What already fits is returned as it is, so fitting twice changes nothing.

    Each axis by itself: averaged where it shrinks (no aliasing), interpolated where it grows.
    """
    if height < 1 or width < 1 or channels not in (1, 3, 4):
        raise OptionError(
            f"Expected a size of at least 1 × 1 and 1, 3 or 4 channels, "
            f"received {height} × {width} and {channels}."
        )
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    high, wide = pixels.shape[:2]
    pixels = _resized(pixels, min(high, height), min(wide, width), cv2.INTER_AREA)
    pixels = _resized(pixels, height, width, cv2.INTER_LINEAR)
    return _with_channels(pixels, channels)


def preview(pixels: np.ndarray, longest: int = 1024) -> np.ndarray:
    """(H, W, c) uint8 shrunk in proportion until no side is longer than `longest`; never enlarged."""
    high, wide = pixels.shape[:2]
    share = longest / max(high, wide)
    if share >= 1:
        return pixels
    return _resized(pixels, max(1, round(high * share)), max(1, round(wide * share)), cv2.INTER_AREA)


def _resized(pixels: np.ndarray, height: int, width: int, method: int) -> np.ndarray:
    if pixels.shape[:2] == (height, width):
        return pixels
    resized = cv2.resize(pixels, (width, height), interpolation=method)
    return resized.reshape(height, width, *pixels.shape[2:])  # cv2 drops an axis of one channel


def _with_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    given = pixels.shape[2]                                   # 1, 3 or 4
    if given == channels:
        return pixels
    if channels == 1:
        return cv2.cvtColor(np.ascontiguousarray(pixels[..., :3]), cv2.COLOR_RGB2GRAY)[..., None]
    colour = np.repeat(pixels, 3, axis=-1) if given == 1 else pixels[..., :3]
    if channels == 3:
        return np.ascontiguousarray(colour)
    return np.concatenate([colour, np.full_like(colour[..., :1], 255)], axis=-1)
