"""Many small pictures side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from explain.errors import OptionError, near
from explain.render import checks, colors
from explain.render.overlays import enlarge
from explain.results import Maps, Pattern

LANDSCAPE = 16 / 10
MOST_PIXELS = 200_000_000                          # of one sheet; 0.6 GB in RGB
SCALES = ("channel", "layer")


def grid(
    maps_or_patterns: Maps | np.ndarray | Sequence[Pattern],
    columns: int | None = None,
    gap: int = 1,
    colormap: str = "viridis",
    tile: int | None = None,
    scale: str = "channel",
    smooth: bool = False,
    background: tuple[int, int, int] = (255, 255, 255),
) -> np.ndarray:
    """Lay the channels of a layer, or patterns, out as tiles: (H, W, 3) uint8 RGB.

    +---+---+---+---+---+         +---+---+---+
    | 0 | 1 | 2 | 3 | 4 |    ->   | 0 | 1 | 2 |
    +---+---+---+---+---+         +---+---+---+
                                  | 3 | 4 |   |
                                  +---+---+---+

    maps_or_patterns: Maps, (h, w, c) numbers, or Patterns of one size (which keep their colours)
    columns: tiles in a row; about a 16 : 10 landscape where None
    gap: pixels between two tiles; there is none around the sheet
    colormap: for maps; a diverging one gets limits that are even about zero
    tile: the longer side of one tile in pixels; the map's own size where None
    scale: "channel" stretches every channel from its own minimum to its own maximum, "layer" uses
        one pair of limits for all, so that tiles can be compared
    smooth: whether values are interpolated where tiles are enlarged
    background: RGB of the gaps and of empty tiles

    (H, W) = (rows · (h + gap) − gap, columns · (w + gap) − gap). Values that are not finite get the
    first colour (the middle one of a diverging map). OptionError for any option out of range.
    """
    colors.colormap(colormap)
    gap = checks.whole("gap", gap, 0, 1000)
    background = checks.color("background", background)
    if scale not in SCALES:
        raise OptionError(f"'scale' must be 'channel' or 'layer', not {scale!r}.{near(scale, SCALES)}")
    if tile is not None:
        tile = checks.whole("tile", tile, 1, 4096)

    given = maps_or_patterns.values if isinstance(maps_or_patterns, Maps) else maps_or_patterns
    in_colour = not isinstance(given, np.ndarray)
    stack = _pixels(given) if in_colour else planes(checks.maps(given))        # (n, h, w, 3) or (c, h, w)
    height, width = tile_size(stack.shape[1:3], tile)
    if columns is None:
        columns = landscape(len(stack), height + gap, width + gap)
    columns = checks.whole("columns", columns, 1)
    _check_pixels(len(stack), columns, height + gap, width + gap)

    if in_colour:
        tiles = colors.levels(stack if tile is None else resized(stack, tile, smooth), 0, 1)
    else:
        tiles = _colored(stack, tile, colormap, scale, smooth)
    return sheet(tiles, columns, gap, background)                              # tiles: (n, h, w, 3) uint8


def landscape(tiles: int, height: int, width: int) -> int:
    """How many columns make the sheet about 16 : 10 with few empty tiles."""

    def badness(columns: int) -> float:
        rows = -(-tiles // columns)
        shape = abs(math.log(columns * width / (rows * height) / LANDSCAPE))
        return shape + 3 * (rows * columns - tiles) / (rows * columns)

    return min(range(1, tiles + 1), key=badness)


def sheet(tiles: np.ndarray, columns: int, gap: int = 0, background: Sequence[int] = (0,)) -> np.ndarray:
    """(n, h, w, C) → (rows·(h + gap) − gap, columns·(w + gap) − gap, C), row by row."""
    n, h, w, depth = tiles.shape
    rows = -(-n // columns)
    cells = np.empty((rows * columns, h + gap, w + gap, depth), tiles.dtype)
    cells[:] = background
    cells[:n, :h, :w] = tiles
    cells = cells.reshape(rows, columns, h + gap, w + gap, depth).swapaxes(1, 2)
    whole = cells.reshape(rows * (h + gap), columns * (w + gap), depth)
    return np.ascontiguousarray(whole[: whole.shape[0] - gap, : whole.shape[1] - gap])


def planes(values: np.ndarray) -> np.ndarray:
    """(h, w, c) → (c, h, w), contiguous."""
    return np.ascontiguousarray(np.moveaxis(values, -1, 0))


def resized(stack: np.ndarray, longer: int, smooth: bool = True) -> np.ndarray:
    """(n, h, w, …) → the same with `longer` as the longer side of every tile, float32."""
    height, width = tile_size(stack.shape[1:3], longer)
    if (height, width) == stack.shape[1:3]:
        return stack
    return np.stack([enlarge(one, height, width, smooth) for one in stack])


def tile_size(shape: tuple[int, ...], longer: int | None) -> tuple[int, int]:
    """(height, width) in the proportions of `shape`, with `longer` as the longer side."""
    h, w = shape
    if longer is None:
        return h, w
    return max(1, round(h * longer / max(h, w))), max(1, round(w * longer / max(h, w)))


def _check_pixels(tiles: int, columns: int, height: int, width: int) -> None:
    """OptionError where the sheet would have too many pixels."""
    pixels = -(-tiles // columns) * height * columns * width
    if pixels > MOST_PIXELS:
        raise OptionError(
            f"A grid of {tiles} tiles in {columns} columns would have {pixels:,} pixels, more than the "
            f"{MOST_PIXELS:,} allowed. Choose a smaller 'tile' or fewer of them."
        )


def channel_limits(stack: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Minimum and maximum of every tile, (n,) float32 each, over finite values; (0, 0) without any."""
    flat = stack.reshape(len(stack), -1)
    finite = np.isfinite(flat)
    low, high = flat.min(axis=1), flat.max(axis=1)
    if not finite.all():
        low = np.where(finite, flat, np.inf).min(axis=1)
        high = np.where(finite, flat, -np.inf).max(axis=1)
        low, high = (np.where(finite.any(axis=1), v, 0).astype(np.float32) for v in (low, high))
    return low, high


def _colored(stack: np.ndarray, tile: int | None, colormap: str, scale: str, smooth: bool) -> np.ndarray:
    """(c, h, w) → (c, tile height, tile width, 3) uint8."""
    table, diverging = colors.lut(colormap), colors.colormap(colormap).diverging
    low, high = channel_limits(stack)
    if scale == "layer":
        low, high = np.full_like(low, low.min()), np.full_like(high, high.max())
    if diverging:
        high = np.maximum(np.abs(low), np.abs(high))
        high = np.where(high > 0, high, 1)                             # nothing but zeros: the middle
        low = -high
    low, high = low[:, None, None], high[:, None, None]                # (c, 1, 1)
    stack = np.where(np.isfinite(stack), stack, (low + high) / 2 if diverging else low)
    if tile is not None:
        stack = resized(stack, tile, smooth)
    return table[colors.levels(stack, low, high)]


def _pixels(patterns: Sequence[Pattern]) -> np.ndarray:
    """(n, h, w, 3) float32 of patterns of one size. OptionError for anything else."""
    if not isinstance(patterns, Sequence) or not all(isinstance(p, Pattern) for p in patterns):
        raise OptionError(
            "A grid needs Maps, a (h, w, c) array or a sequence of Patterns, "
            f"not {type(patterns).__name__}."
        )
    shapes = {p.pixels.shape for p in patterns}
    if len(shapes) != 1:
        found = ", ".join(map(str, sorted(shapes))) or "no pattern at all"
        raise OptionError(f"A grid needs patterns of one size, not {found}.")
    stack = np.stack([p.pixels for p in patterns]).astype(np.float32, copy=False)
    return np.clip(np.nan_to_num(stack), 0, 1)
