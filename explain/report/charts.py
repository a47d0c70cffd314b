"""A chart becomes shapes: lines with their axes, ticks and legend, for pixels, SVG and PDF alike.

    ── CKA   - - by chance       what is measured up, or the lines where there are several
  1.0 |──·──·──╮
  0.5 |· · · · ╰─·──             level: a dotted line across; a diamond: the marked place
  0.0 +-----------
      1   5   10  15             numbers of the places; their names, where all have room
         what is measured across
"""

from __future__ import annotations

import math

import numpy as np

from explain.render import letters
from explain.report import ticks, vectors
from explain.report.layers import address as data_address
from explain.report.nouns import Chart
from explain.report.scenes import GREY, INK, MEASURE, Path, Scene, Words, width_of
from explain.report.texts import name, visible
from explain.report.words import say

ASPECT = 1.65  # width over height
PAGE = 460.0  # points wide, on a page of HTML
LOOKS = (  # ink and dashes of the lines; told apart without colours too
    ((31, 95, 168), ()), (GREY, (4.0, 2.5)), ((178, 84, 12), (1.2, 1.8)),
    ((20, 118, 84), (6.0, 2.0, 1.2, 2.0)),
)  # fmt: skip
FINE, RULE = (205, 205, 205), 0.4  # ink and width of the lines across
CLOSE = 3.5  # points between places, below which the line has no dots
SAMPLE = 14.0  # points of a line in the legend

Shape = Path | Words


def shapes(chart: Chart, left: float, top: float, width: float, height: float, size: float) -> list[Shape]:
    """The chart in a frame, everything in points; size: of its letters."""
    return _Drawing(chart, left, top, width, height, size).shapes


def address(chart: Chart) -> str:
    """The chart as a data address: SVG, to be shown on a page."""
    height = PAGE / ASPECT
    drawn = tuple(shapes(chart, 4, 4, PAGE - 8, height - 8, 10.0))
    return data_address("svg+xml", vectors.drawn(Scene(PAGE, height, drawn), 96))


def table(chart: Chart) -> list[list[str | float]]:
    """The numbers with a head: a row for each place, its number from 1, its name, and each line's value."""
    up = chart.labels or (chart.axes[1],)
    head: list[str | float] = [say("chart.place"), chart.axes[0], *up]
    rows = zip(chart.places, chart.values.T.tolist(), strict=True)
    return [head, *([i, place, *values] for i, (place, values) in enumerate(rows, 1))]


def number(value: str | float) -> str:
    """A cell of the table as a page shows it."""
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else say("none")
    return visible(value)


def ends(chart: Chart) -> tuple[str, ...]:
    """What the first and the last place are called, where their names have no room below the chart."""
    places = dict.fromkeys((0, len(chart.places) - 1))
    return tuple(say("chart.end", number=i + 1, name=name(chart.places[i], 60)) for i in places)


def extent(values: np.ndarray, *others: float) -> tuple[float, float]:
    """Round limits around all finite numbers: 0 to 1 where there are none."""
    finite = np.append(np.ravel(values), others)
    finite = finite[np.isfinite(finite)]
    return ticks.round_limits(float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)


class _Drawing:
    """One chart while it is drawn: the frame becomes smaller until the lines have what is left."""

    def __init__(self, chart: Chart, left: float, top: float, width: float, height: float, size: float):
        self.chart, self.size, self.line = chart, size, 1.3 * size
        self.left, self.right, self.top, self.bottom = left, left + width, top, top + height
        self.shapes: list[Shape] = []
        self._legend()
        self.bottom -= self.line * (2 if chart.axes[0] else 1) + 2
        self._up()
        self._across()
        for row in reversed(range(len(chart.values))):  # the first on top
            self._line(chart.values[row], *LOOKS[row % len(LOOKS)])
        if chart.marked is not None:
            self._diamond(chart.marked)

    # Beside the lines ------------------------------------------------------------------------------------

    def _legend(self) -> None:
        if self.chart.axes[1]:
            self._words(self.left, self.top + 0.95 * self.size, self.chart.axes[1], self.right - self.left)
            self.top += self.line
        x, labels = self.left, self.chart.labels if len(self.chart.values) > 1 else ()
        for i, label in enumerate(labels):
            room = SAMPLE + 4 + width_of(visible(label), self.size)
            if x > self.left and x + room > self.right:
                x, self.top = self.left, self.top + self.line
            ink, dash = LOOKS[i % len(LOOKS)]
            y = self.top + 0.6 * self.size
            self.shapes.append(Path(((x, y), (x + SAMPLE, y)), ink, 1.0, dash))
            self._words(x + SAMPLE + 4, self.top + 0.95 * self.size, label, self.right - x - SAMPLE - 4)
            x += room + 10
        self.top += (self.line if labels else 0) + 0.6 * self.size

    def _up(self) -> None:
        """The axis on the left, its numbers, and a fine line across at each."""
        low, high = self.chart.limits
        steps = max(1, min(6, int((self.bottom - self.top) / (1.5 * self.line))))
        places = ticks.marks(low, high, steps)
        shown = _numbers(places)
        self.left += max((width_of(text, self.size) for text in shown), default=0.0) + 4
        for place, text in zip(places, shown):
            y = self._y(place)
            self.shapes.append(Path(((self.left, y), (self.right, y)), FINE, RULE))
            self.shapes.append(Words(self.left - 4, y + 0.35 * self.size, text, self.size, "end", GREY))
        if self.chart.level is not None:
            y = self._y(self.chart.level)
            self.shapes.append(Path(((self.left, y), (self.right, y)), INK, 0.6, (1.0, 2.0)))

    def _across(self) -> None:
        """The axis below, with the names of the places where all have room, or else with some numbers."""
        count, corner = len(self.chart.places), (self.left, self.bottom)
        self.shapes.append(Path(((self.left, self.top), corner, (self.right, self.bottom)), GREY, 0.6))
        names = [visible(place) for place in self.chart.places]
        room = (self.right - self.left) / count
        if all(width_of(text, self.size) + 4 <= room for text in names):
            chosen, texts = list(range(count)), names
        else:
            most = int((self.right - self.left) / (width_of(str(count), self.size) + 2 * self.size))
            chosen = [number - 1 for number in ticks.counted(count, max(1, min(most, 8)))]
            texts = [str(i + 1) for i in chosen]
        y = self.bottom + 2 + 0.95 * self.size
        for i, text in zip(chosen, texts):
            x = self._x(i)
            self.shapes.append(Path(((x, self.bottom), (x, self.bottom + 2)), GREY, 0.6))
            self.shapes.append(Words(x, y, text, self.size, "middle", GREY))
        if self.chart.axes[0]:
            middle, wide = (self.left + self.right) / 2, self.right - self.left
            self._words(middle, y + self.line, self.chart.axes[0], wide, "middle")

    def _words(self, x: float, y: float, text: str, room: float, anchor: str = "start") -> None:
        wide = max(1, int(room / self.size * MEASURE))
        text = visible(text)
        if width_of(text, self.size) > room:
            text = letters.shortened(text, MEASURE, wide)
        self.shapes.append(Words(x, y, text, self.size, anchor, GREY, room=max(room, 1.0)))

    # The lines -------------------------------------------------------------------------------------------

    def _line(self, values: np.ndarray, ink: tuple[int, int, int], dash: tuple[float, ...]) -> None:
        """Where a number is missing the line has a gap."""
        known = np.flatnonzero(np.isfinite(values))
        if not len(known):
            return
        for run in np.split(known, np.flatnonzero(np.diff(known) > 1) + 1):
            points = tuple((self._x(i), self._y(values[i])) for i in run)
            if len(points) > 1:
                self.shapes.append(Path(points, ink, 1.0, dash))
            apart = (self.right - self.left) / len(self.chart.places) >= CLOSE
            if len(points) == 1 or (apart and not dash):
                self.shapes += [Path(_round(x, y, 1.5), ink, filled=True) for x, y in points]

    def _diamond(self, place: int) -> None:
        value = self.chart.values[0][place]
        if math.isfinite(value):
            x, y, r = self._x(place), self._y(value), 4.0
            corners = ((x, y - r), (x + r, y), (x, y + r), (x - r, y))
            self.shapes.append(Path(corners, LOOKS[0][0], filled=True))

    def _x(self, place: int) -> float:
        return self.left + (place + 0.5) / len(self.chart.places) * (self.right - self.left)

    def _y(self, value: float) -> float:
        low, high = self.chart.limits
        share = min(1.0, max(0.0, (float(value) - low) / (high - low)))
        return self.bottom - share * (self.bottom - self.top)


def _round(x: float, y: float, radius: float, corners: int = 12) -> tuple[tuple[float, float], ...]:
    turns = (2 * math.pi * i / corners for i in range(corners))
    return tuple((x + radius * math.cos(turn), y + radius * math.sin(turn)) for turn in turns)


def _numbers(values: list[float]) -> list[str]:
    """With as many digits as tell them apart, and a true minus."""
    step = min((b - a for a, b in zip(values, values[1:])), default=1.0)
    if max(map(abs, values), default=0.0) >= 1e5 or step < 1e-4:
        return [f"{value:.3g}".replace("-", "−") for value in values]
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return [f"{value if abs(value) > step / 2 else 0.0:.{digits}f}".replace("-", "−") for value in values]
