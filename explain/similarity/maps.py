"""Two maps compared cell by cell, as three figures that notice different things.

spearman   whether the cells stand in the same order; blind to the scale
ssim       whether the same shapes stand at the same places; sees the scale
top_k      whether the hottest cells are the same; blind to everything else
"""

from __future__ import annotations

import math

import numpy as np

from explain.errors import OptionError
from explain.render import checks, enlarge
from explain.results import Heatmap, Notice, Similarity

WINDOW, SIGMA = 11, 1.5  # Wang et al. 2004, section III B
K1, K2 = 0.01, 0.03


def similarity(a: Heatmap | np.ndarray, b: Heatmap | np.ndarray, share: float = 0.1) -> Similarity:
    """How alike two maps (h, w) are. See `spearman`, `ssim` and `top_overlap`.

    Maps of different sizes are brought to the larger height and the larger width of the two, bilinearly.
    share: of the cells that count as hottest, above 0 and up to 1. A map that has the same value
    everywhere, or numbers that are not finite, is like nothing: all figures are NaN, and notices say why.
    OptionError for what is no map, or a share out of range.
    """
    first, second = checks.heat(a), checks.heat(b)
    share = _share(share)
    notices = tuple(n for which, m in (("first", first), ("second", second)) for n in _hindrance(which, m))
    if notices:
        return Similarity(math.nan, math.nan, math.nan, share, notices)
    height, width = np.maximum(first.shape, second.shape).tolist()
    first, second = enlarge(first, height, width), enlarge(second, height, width)
    return Similarity(spearman(first, second), ssim(first, second), top_overlap(first, second, share), share)


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's ρ of two arrays of one shape, −1..1: Pearson's correlation of the ranks.

    Equal values share the mean of their ranks. NaN where all values of one array are equal.

        [1 2 3 4] and [1 3 2 4]  →  1 − 6·(0 + 1 + 1 + 0) / (4·(16 − 1)) = 0.8
    """
    _check_alike(a, b)
    x, y = _ranks(a), _ranks(b)
    x, y = x - x.mean(), y - y.mean()
    length = math.sqrt((x @ x) * (y @ y))
    return float(np.clip(x @ y / length, -1, 1)) if length else math.nan


def ssim(a: np.ndarray, b: np.ndarray) -> float:
    """Mean structural similarity of two maps (h, w), −1..1; 1 for equal ones.

    Z. Wang et al., Image quality assessment: from error visibility to structural similarity, IEEE TIP
    13(4), 2004, eq. 13, with K1 = 0.01, K2 = 0.03, a Gaussian window of 11 × 11 cells and σ = 1.5, averaged
    over all places where the window lies wholly inside. The data range L is that of both maps together. A
    side of n < 11 cells gets a window of n cells, with σ = 1.5 · n / 11. NaN where L is 0.

    The scale counts: maps whose units differ are to be divided by their largest values first.
    """
    _check_alike(a, b)
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    extent = max(x.max(), y.max()) - min(x.min(), y.min())
    if not extent > 0:
        return math.nan
    x, y = x / extent, y / extent  # so that L = 1
    mean_x, mean_y = _windowed(x), _windowed(y)
    # Around a common origin: squares of large offsets would drown the variances.
    low = min(x.min(), y.min())
    near_x, near_y = x - low, y - low
    square_x, square_y, product = _windowed(near_x**2), _windowed(near_y**2), _windowed(near_x * near_y)
    variance_x, variance_y = square_x - (mean_x - low) ** 2, square_y - (mean_y - low) ** 2
    covariance = product - (mean_x - low) * (mean_y - low)
    c1, c2 = K1**2, K2**2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    structure = (2 * covariance + c2) / (variance_x + variance_y + c2)
    return float((luminance * structure).mean())


def top_overlap(a: np.ndarray, b: np.ndarray, share: float = 0.1) -> float:
    """How many of the hottest cells two arrays of one shape have in common: intersection over union, 0..1.

    The k hottest are the largest values, k = share of all cells, rounded, at least one. Cells that are equal
    at the border divide the places that are left among them, so that no order of reading decides:

        [9 5 5 0] and [9 5 0 0], share ½  →  [1 ½ ½ 0] and [1 1 0 0]  →  (1 + ½) / (1 + 1 + ½) = 0.6
    """
    _check_alike(a, b)
    x, y = _membership(a, _share(share)), _membership(b, _share(share))
    return float(np.minimum(x, y).sum() / np.maximum(x, y).sum())


def most_alike(values: np.ndarray, maps: np.ndarray) -> tuple[int, float]:
    """(channel, ρ) of the one of maps (h', w', c) whose order of the places is most like a map's (h, w).

    (0, NaN) where the map, or every channel, has the same value everywhere.
    """
    height, width = np.maximum(values.shape, maps.shape[:2]).tolist()
    one = enlarge(values, height, width)
    figures = [spearman(one, enlarge(maps[:, :, k], height, width)) for k in range(maps.shape[2])]
    if np.isnan(figures).all():
        return 0, math.nan
    best = int(np.nanargmax(figures))
    return best, figures[best]


def _ranks(values: np.ndarray) -> np.ndarray:
    """(n,) float64 ranks from 1 on, equal values at the mean of theirs."""
    _, group, count = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[group.ravel()]


def _windowed(values: np.ndarray) -> np.ndarray:
    """Weighted means under the window, (h − n + 1, w − m + 1), axis by axis."""
    for axis in (0, 1):
        window = _window(values.shape[axis])
        pieces = np.lib.stride_tricks.sliding_window_view(values, len(window), axis)
        values = pieces @ window
    return values


def _window(side: int) -> np.ndarray:
    """Weights (n,) that sum to 1."""
    n = min(WINDOW, side)
    steps = np.arange(n) - (n - 1) / 2
    weights = np.exp(-0.5 * (steps / (SIGMA * n / WINDOW)) ** 2)
    return weights / weights.sum()


def _membership(values: np.ndarray, share: float) -> np.ndarray:
    """(n,) 0..1: how far each cell belongs to the k hottest; k in all."""
    flat = np.asarray(values).ravel()
    k = max(1, math.floor(share * flat.size + 0.5))
    border = np.partition(flat, flat.size - k)[flat.size - k]
    above, at = flat > border, flat == border
    return above + at * ((k - above.sum()) / at.sum())


def _hindrance(which: str, values: np.ndarray) -> tuple[Notice, ...]:
    wrong = int((~np.isfinite(values)).sum())
    if wrong:
        sentence = (
            f"{wrong} of {values.size} numbers of the {which} map are not finite, so nothing is compared."
        )
        return (Notice("W_NOT_FINITE", sentence),)
    if values.min() == values.max():
        sentence = (
            f"The {which} map has the value {values.flat[0]:g} everywhere: it has no order and no hottest "
            "place that could be compared."
        )
        return (Notice("W_FLAT", sentence),)
    return ()


def _share(value: float) -> float:
    if not (found := checks.number("share", value, 0, 1)):
        raise OptionError("'share' must be a number above 0 and up to 1, not 0.")
    return found


def _check_alike(a: np.ndarray, b: np.ndarray) -> None:
    if np.shape(a) != np.shape(b) or not np.size(a):
        raise OptionError(f"Expected two maps of one shape, received {np.shape(a)} and {np.shape(b)}.")
