"""The numbers under a colour bar: as many as there is room for, and none over another."""

from __future__ import annotations

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
