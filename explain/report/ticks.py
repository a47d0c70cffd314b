"""The numbers of a scale: as many as there is room for, and none over another."""

from __future__ import annotations

import math
from collections.abc import Sequence

from explain.render.figures import numbers
from explain.report.scenes import width_of

STEPS = (4, 2, 1)  # parts of a bar, the first that leaves room
WIDER = 1.12  # than measured a number may come out: letters have whole pixels
AIR = 0.6  # between two numbers, in sizes


def fitting(low: float, high: float, width: float, size: float) -> tuple[list[str], float, bool]:
    """(the numbers from left to right, their size, whether all but the first stand a line lower).

    width: of the bar, size: of the letters, in points. Where even the two ends have no room beside each
    other, they stand on two lines, and where one is wider than the bar both are smaller.
    """
    for steps in STEPS:
        shown = numbers(low, high, steps)
        if _apart(shown, width, size):
            return shown, size, False
    widest = WIDER * max(width_of(number, size) for number in shown)
    return shown, size * min(1.0, width / widest), True


def _apart(shown: Sequence[str], width: float, size: float) -> bool:
    """Whether they leave air between them: the first begins with the bar, the last ends with it, and each
    other stands in the middle of its place."""
    wide = [WIDER * width_of(number, size) for number in shown]
    places = [width * i / (len(shown) - 1) for i in range(len(shown))]
    shares = [0.0, *[0.5] * (len(shown) - 2), 1.0]  # of a number that is left of its place
    starts = [place - share * w for place, share, w in zip(places, shares, wide)]
    ends = [start + w for start, w in zip(starts, wide)]
    return all(after - before >= AIR * size for before, after in zip(ends, starts[1:]))


def round_limits(low: float, high: float, steps: int = 6) -> tuple[float, float]:
    """The nearest limits around both that are multiples of 1, 2 or 5 · 10ᵏ, with at most `steps` between."""
    if low == high:  # a level line stands in the middle
        low, high = low - (abs(low) or 1.0) / 2, high + (abs(high) or 1.0) / 2
    span = high - low
    size = 10 ** math.floor(math.log10(span / steps))
    for step in (size * factor for factor in (1, 2, 5, 10, 20)):
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        last = max(last, first + 1)
        if last - first <= steps:
            break
    return first * step, last * step


def marks(low: float, high: float, steps: int = 5) -> list[float]:
    """Multiples of 1, 2 or 5 · 10ᵏ from `low` to `high`, at most `steps` apart."""
    size = 10 ** math.floor(math.log10((high - low) / steps))
    for step in (size * factor for factor in (1, 2, 5, 10, 20)):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first <= steps:
            break
    return [i * step for i in range(first, last + 1)]


def counted(count: int, steps: int) -> list[int]:
    """1, then multiples of 1, 2 or 5 · 10ᵏ, at most `steps` of them, and `count` instead of one close to it."""
    step = next(f * 10**k for k in range(10) for f in (1, 2, 5) if f * 10**k * steps >= count)
    found = [1, *range(step if step > 2 else 1 + step, count, step)]
    if count - found[-1] < 0.6 * step and len(found) > 1:
        found.pop()
    return [*found, count] if count > 1 else found
