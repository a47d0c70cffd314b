"""One map: made larger, coloured alone, or laid over the picture it belongs to.

Always values first, colour last: a map that is coloured and then enlarged shows a lattice of colours
that belong to no value.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from explain.errors import OptionError
from explain.render import checks, colors
from explain.results import Heatmap, Image

STRIP = 128                                        # rows at a time: doubles of a whole photo are large


def enlarge(values: np.ndarray, height: int, width: int, smooth: bool = True) -> np.ndarray:
    """Another size for a map, (height, width) float32, or (height, width, c) for c up to 4.

    smooth: bilinear between the centres of the cells, flat outside the outermost centres (OpenCV's
    INTER_LINEAR). Otherwise the cells stay visible: row i shows cell floor((i + ½)·h / height).
    A side that becomes shorter is averaged over the area, either way.

        [0 4]  →  smooth, width 4:  [0 1 3 4]        not smooth:  [0 0 4 4]

    OptionError for a size below 1 or values of another shape.
    """
    height, width = checks.size((height, width))
    values = np.asarray(values)
    numeric = values.dtype.kind in "fiub" and values.size > 0
    if not numeric or values.ndim not in (2, 3) or values.shape[2:] > (4,):
        raise OptionError(
            "Only numbers (h, w), or (h, w, c) with c up to 4, can be enlarged, "
            f"not {values.shape} {values.dtype}."
        )
    values = np.array(values, np.float32, order="C")                   # a copy: the result is the caller's
    if height < values.shape[0] or width < values.shape[1]:
        h, w = min(values.shape[0], height), min(values.shape[1], width)
        values = _resized(values, h, w, cv2.INTER_AREA)
    h, w = values.shape[:2]
    if (h, w) == (height, width):
        return values
    if smooth:
        return _resized(values, height, width, cv2.INTER_LINEAR)
    rows = (2 * np.arange(height) + 1) * h // (2 * height)
    columns = (2 * np.arange(width) + 1) * w // (2 * width)
    return values[rows[:, None], columns]


def _resized(values: np.ndarray, height: int, width: int, how: int) -> np.ndarray:
    found = cv2.resize(values, (width, height), interpolation=how)
    return found.reshape(height, width, *values.shape[2:])     # OpenCV drops a last axis of one


def overlay(
    image: Image | np.ndarray,
    heatmap: Heatmap | np.ndarray,
    opacity: float = 0.5,
    colormap: str | None = None,
    threshold: float = 0.0,
    smooth: bool = True,
    limits: tuple[float, float] | None = None,
    size: tuple[int, int] | None = None,
) -> np.ndarray:
    """A heat map over its picture: (H, W, 3) uint8 RGB. Where there is no heat the picture stays.

    image: an Image or (H, W, 3) uint8 RGB
    heatmap: a Heatmap or (h, w) numbers, of any size; cells that are not finite get no colour
    opacity: 0..1, of the hottest place
    colormap: a name of `COLORMAPS`; None is "blue-red" for a Heatmap with a sign, else "inferno"
    threshold: 0..1, the share of the limits below which nothing is drawn
    smooth: whether values are interpolated or the cells stay visible
    limits: (lo, hi) to share one scale between maps; `colors.limits` of this map where None
    size: (height, width) of the result; the picture's own where None

    The browser draws the same, so this is exact (round is floor(x + ½), in doubles):

        v      = values enlarged to the picture's size
        q      = round(255 · clip((v − lo) / (hi − lo), 0, 1))
        heat   = q / 255                    diverging map:  |2q − 255| / 255
        alpha  = opacity · heat             0 where 255 · heat < threshold · 255
        result = round(picture · (1 − alpha) + lut[q] · alpha)

    A map of nothing but zeros leaves the picture as it is. OptionError for any option out of range.
    """
    picture, values = checks.picture(image), checks.heat(heatmap)
    colormap = suited(heatmap, "inferno") if colormap is None else colormap
    opacity = checks.number("opacity", opacity, 0, 1)
    threshold = checks.number("threshold", threshold, 0, 1)
    lo, hi = colors.span_of(values, limits, colormap)
    height, width = picture.shape[:2] if size is None else checks.size(size)

    if (height, width) != picture.shape[:2]:
        picture = np.floor(enlarge(picture, height, width) + 0.5).astype(np.uint8)
    if not values[np.isfinite(values)].any():
        return picture.copy()

    mixed = _mixed(colormap, opacity, threshold)                       # (3, 256 · 256)
    values = colors.finite_or_nothing(values, lo, hi, colormap)
    large = enlarge(values, height, width, smooth)                     # (H, W)
    result = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, STRIP):
        rows = slice(top, top + STRIP)
        q = colors.levels(large[rows], lo, hi).astype(np.uint16) << 8  # (rows, W)
        for color in range(3):
            result[rows, :, color] = mixed[color][q | picture[rows, :, color]]
    return result


@lru_cache(maxsize=16)
def _mixed(colormap: str, opacity: float, threshold: float) -> np.ndarray:
    """(3, 65536) uint8: at 256 · q + p of a colour what a picture's p becomes under level q of the map.

    There are no more cases than these, so that a photo needs no arithmetic of its own.
    """
    steps, picture = np.arange(256), np.arange(256)
    heat = np.abs(2 * steps - 255) if colors.colormap(colormap).diverging else steps   # (256,) 0..255
    alpha = np.where(heat < threshold * 255, 0, opacity * heat / 255)[:, None]         # (256, 1)
    table = colors.lut(colormap).T[..., None]                                          # (3, 256, 1)
    return np.floor(picture * (1 - alpha) + table * alpha + 0.5).astype(np.uint8).reshape(3, -1)


def colored(
    values: Heatmap | np.ndarray,
    colormap: str | None = None,
    limits: tuple[float, float] | None = None,
    size: tuple[int, int] | None = None,
    smooth: bool = False,
) -> np.ndarray:
    """A map alone in colour: (h, w, 3) uint8 RGB, or (*size, 3). Options as in `overlay`; colormap None is
    "blue-red" for a Heatmap with a sign, else "viridis"."""
    colormap = suited(values, "viridis") if colormap is None else colormap
    values, table = checks.heat(values), colors.lut(colormap)
    lo, hi = colors.span_of(values, limits, colormap)
    values = colors.finite_or_nothing(values, lo, hi, colormap)
    if size is not None:
        values = enlarge(values, *checks.size(size), smooth)
    return table[colors.levels(values, lo, hi)]


def suited(heatmap: Heatmap | np.ndarray, usual: str) -> str:
    """The colour map for who chooses none: a diverging one where the map has a sign, so that zero is in its
    middle."""
    return "blue-red" if isinstance(heatmap, Heatmap) and heatmap.signed else usual
