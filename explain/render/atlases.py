"""What the wall in the browser is made of: all tiles in one PNG, and figures about every channel."""

from __future__ import annotations

import numpy as np

from explain.errors import OptionError
from explain.render import checks, colors, files, tiles
from explain.results import frozen


@frozen
class Atlas:
    """n tiles in one PNG, row by row, without gaps; cells after the last tile are black.

    png: 8-bit gray (maps) or RGB (patterns), columns·tile_width by rows·tile_height pixels;
    low, high: (n,) float32, the values behind 0 and 255 in every tile.

    Tile i stands at column i % columns and row i // columns, and shows
    low[i] + gray / 255 · (high[i] − low[i]).
    """

    png: bytes
    columns: int
    rows: int
    tile_height: int
    tile_width: int
    low: np.ndarray
    high: np.ndarray


def atlas(values: np.ndarray, most: int = 56) -> Atlas:
    """Every channel of (h, w, c) numbers as a gray tile, stretched from its own minimum to its maximum.

    most: tiles with a longer side than this are averaged down to it first, and `low` and `high` are
        those of the tile as it is shown.

    A constant channel, and values that are not finite, are 0. OptionError for another shape or size.
    """
    most = checks.whole("most", most, 1, 4096)
    stack = tiles.planes(checks.maps(values))                          # (c, h, w)
    stack = _at_most(_without_holes(stack), most)
    low, high = tiles.channel_limits(stack)
    gray = colors.levels(stack, low[:, None, None], high[:, None, None])
    return _bound(gray[..., None], low, high)


def atlas_rgb(pixels: np.ndarray, most: int = 128) -> Atlas:
    """Every picture of (n, H, W, 3) numbers in 0..1 as a coloured tile; `low` is 0 and `high` 1.

    most: as in `atlas`. OptionError for another shape or size.
    """
    most = checks.whole("most", most, 1, 4096)
    pixels = np.asarray(pixels)
    if pixels.ndim != 4 or pixels.shape[-1] != 3 or pixels.size == 0 or pixels.dtype.kind != "f":
        raise OptionError(f"Patterns must be (n, H, W, 3) floats in 0..1, not {pixels.shape} {pixels.dtype}.")
    stack = _at_most(np.clip(np.nan_to_num(pixels.astype(np.float32, copy=False)), 0, 1), most)
    n = len(stack)
    return _bound(colors.levels(stack, 0, 1), np.zeros(n, np.float32), np.ones(n, np.float32))


def statistics(values: np.ndarray) -> dict[str, np.ndarray]:
    """Figures about every channel of (h, w, c) numbers, each (c,).

    mean, maximum, minimum: float32, over the finite values; 0 where there is none
    sparsity: float32 in 0..1, the share of places where the channel is silent: |value| at most a
        millionth of the layer's largest magnitude
    dead: bool, the channel says the same everywhere, or something in it is not finite

    OptionError for another shape.
    """
    flat = checks.maps(values).reshape(-1, np.shape(values)[-1])       # (h·w, c)
    finite = np.isfinite(flat)
    counted = finite.sum(axis=0)                                       # (c,)
    known = np.where(finite, flat, 0)
    some = counted > 0
    mean = known.sum(axis=0, dtype=np.float64) / np.maximum(counted, 1)
    maximum = np.where(some, np.where(finite, flat, -np.inf).max(axis=0), 0)
    minimum = np.where(some, np.where(finite, flat, np.inf).min(axis=0), 0)
    silent = (np.abs(known) <= 1e-6 * np.abs(known).max()) & finite
    return {
        "mean": mean.astype(np.float32),
        "maximum": maximum.astype(np.float32),
        "minimum": minimum.astype(np.float32),
        "sparsity": silent.mean(axis=0, dtype=np.float32),
        "dead": (maximum == minimum) | (counted < len(flat)),
    }


def _without_holes(stack: np.ndarray) -> np.ndarray:
    """(c, h, w) with the channel's minimum where a value is not finite."""
    finite = np.isfinite(stack)
    if finite.all():
        return stack
    low, _ = tiles.channel_limits(stack)
    return np.where(finite, stack, low[:, None, None])


def _at_most(stack: np.ndarray, most: int) -> np.ndarray:
    return tiles.resized(stack, most) if max(stack.shape[1:3]) > most else stack


def _bound(cells: np.ndarray, low: np.ndarray, high: np.ndarray) -> Atlas:
    n, height, width, _ = cells.shape
    columns = tiles.landscape(n, height, width)
    whole = tiles.sheet(cells, columns)                                # (H, W, 1 or 3)
    return Atlas(files.quick_png(whole), columns, -(-n // columns), height, width, low, high)
