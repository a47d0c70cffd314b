"""The two pictures that a browser lays over each other: the photo, and the heat with its own transparency.

Seen with the opacity of the view, the second over the first gives what `explain.render.overlay` draws:
alpha = opacity · heat. So the reader's slider changes one number of the style sheet, and nothing else.
"""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np

from explain import render
from explain.render import colors
from explain.render.files import _chunk
from explain.report import scales
from explain.report.nouns import Panel, View

LONGEST = 720  # pixels of a picture's longer side on a page
LOSSLESS = 150 * 150  # pixels: so small a picture, as a pattern, is kept as it is


def base(pixels: np.ndarray) -> str:
    """A photo as a data address, at most 720 pixels a side: PNG where it is small, else WebP."""
    height, width = fitting(pixels.shape[0], pixels.shape[1])
    if (height, width) != pixels.shape[:2]:
        pixels = np.floor(render.enlarge(pixels, height, width) + 0.5).astype(np.uint8)
    if height * width <= LOSSLESS:
        return address("png", render.png(pixels))
    return address("webp", render.webp(pixels, 90))


def heat(panel: Panel, view: View) -> tuple[str, bool]:
    """(the values as a data address, whether its cells are to be kept sharp).

    Over a photo every colour has the transparency of its heat, 0 below the threshold; alone none has any.
    """
    name = scales.colormap_of(panel, view)
    table, diverging = render.lut(name), render.COLORMAPS[name].diverging
    low, high = scales.limits_of(panel, view)
    values = colors.finite_or_nothing(np.asarray(panel.values, np.float32), low, high, name)
    if view.smooth:
        shape = panel.picture.shape if panel.picture is not None else _enlarged(values.shape)
        values = render.enlarge(values, *fitting(*shape[:2]))
    alphas = np.full(256, 255, np.uint8)
    if panel.picture is not None:
        steps = np.arange(256)
        strength = np.abs(2 * steps - 255) if diverging else steps
        alphas = np.where(strength < view.threshold * 255, 0, strength).astype(np.uint8)
        if not panel.values[np.isfinite(panel.values)].any():
            alphas[:] = 0  # nothing but zeros leaves the photo as it is
    return address("png", palette_png(colors.levels(values, low, high), table, alphas)), not view.smooth


def bar(colormap: str) -> str:
    """The colour map from left to right, one pixel high."""
    return address("png", render.png(render.lut(colormap)[None]))


def palette_png(q: np.ndarray, table: np.ndarray, alphas: np.ndarray) -> bytes:
    """q (H, W) uint8 with table (256, 3) and alphas (256,) uint8 → a PNG of 8 bits a pixel."""
    height, width = q.shape
    above = np.vstack([np.zeros((1, width), np.uint8), q[:-1]])
    rows = np.hstack([np.full((height, 1), 2, np.uint8), q - above])  # filter 2: the difference from above
    return b"".join([
        b"\x89PNG\r\n\x1a\n",
        _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        _chunk(b"PLTE", np.ascontiguousarray(table).tobytes()),
        _chunk(b"tRNS", alphas.tobytes()),
        _chunk(b"IDAT", zlib.compress(rows.tobytes(), 6)),
        _chunk(b"IEND", b""),
    ])  # fmt: skip


def fitting(height: int, width: int) -> tuple[int, int]:
    """The size at which a page shows it, never larger than it is."""
    share = min(1.0, LONGEST / max(height, width))
    return max(1, round(height * share)), max(1, round(width * share))


def address(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _enlarged(shape: tuple[int, ...]) -> tuple[int, int]:
    """A size for a map that stands alone: large enough that it is interpolated by us."""
    share = max(1, 360 // max(shape))
    return shape[0] * share, shape[1] * share
