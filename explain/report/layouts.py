"""A view becomes a scene: where titles, pictures, colour bars, notes and the caption stand.

title              title              row by row, each as high as its highest panel
+---------+        +---------+
| picture |        | picture |
+---------+        +---------+
=========          =========          a colour bar each, where each has its own scale
0       4.8        0       2.1        the high number below the low one, where the cell is narrow
lines              lines              the map's own size, a note where the map is blank
         ===========                  one bar, where all have one scale
         0   2.4   4.8
      label · one scale for all panels
Caption
"""

from __future__ import annotations

import numpy as np

from explain import render
from explain.errors import OptionError
from explain.render import letters
from explain.report import charts, scales, ticks
from explain.report.captions import alt
from explain.report.nouns import Panel, View
from explain.report.scenes import (
    GREY,
    INK,
    MEASURE,
    POINTS,
    Picture,
    Ramp,
    Scene,
    Stroke,
    Words,
    width_of,
)
from explain.report.texts import paragraphs, visible
from explain.report.words import say

MARGIN, GAP = 4.0, 7.0  # points: around everything, between panels
TALLEST = 1.5  # of a picture, in widths of its cell
NARROWEST = 20.0  # points of one panel
MOST_LINES = {"title": 2, "lines": 4, "note": 4}


def scene(view: View, width_cm: float, caption: bool = True) -> Scene:
    """The figure of a view, `width_cm` wide and as high as it has to be.

    caption: whether title and caption of the view stand under it. OptionError for a view without panels or
    more columns than the width has room for.
    """
    if not view.panels:
        raise OptionError("A figure needs at least one panel, received a view without any.")
    return _Sheet(view, width_cm * POINTS).drawn(caption)


def aspect(panel: Panel) -> float:
    """Width over height of what the panel shows."""
    if panel.chart is not None:
        return charts.ASPECT
    height, width = shown(panel).shape[:2]
    return width / height


def columns_in(width: float) -> int:
    """How many panels have room beside each other in so many points."""
    return max(0, int((width - 2 * MARGIN + GAP) // (NARROWEST + GAP)))


def pixels_of(panel: Panel, view: View, height: int, width: int) -> np.ndarray:
    """What the panel shows, (height, width, 3) uint8 RGB: as `explain.render` draws it."""
    if panel.values is None:
        return np.floor(render.enlarge(panel.picture, height, width) + 0.5).astype(np.uint8)
    limits, colormap = scales.limits_of(panel, view), scales.colormap_of(panel, view)
    if panel.picture is None:
        return render.colored(panel.values, colormap, limits, (height, width), view.smooth)
    return render.overlay(
        panel.picture, panel.values, view.opacity, colormap, view.threshold, view.smooth, limits,
        (height, width),
    )  # fmt: skip


def remarks(panel: Panel, view: View) -> list[str]:
    """What stands under a picture: its lines, and the map's own size where that differs between panels."""
    size = [] if panel.values is None or one_size(view) else [_size(panel.values)]
    return [visible(line) for line in panel.lines] + size


def told(view: View) -> str:
    """What the colours measure, the size of the maps where it is one, and whether panels can be compared."""
    return " · ".join(filter(None, [visible(view.label), one_size(view), scales.statement(view)]))


def one_size(view: View) -> str:
    """The maps' own size where all have the same, or ""."""
    sizes = {_size(panel.values) for panel in scales.coloured(view)}
    return sizes.pop() if len(sizes) == 1 else ""


def shown(panel: Panel) -> np.ndarray:
    """The picture, or the map that stands alone. OptionError where there is neither."""
    found = panel.values if panel.picture is None else panel.picture
    if found is None:
        raise OptionError(f"A panel needs a picture or values, received neither in '{visible(panel.title)}'.")
    return found


def _size(values: np.ndarray) -> str:
    return say("size", height=values.shape[0], width=values.shape[1])


class _Sheet:
    """One figure while it is put together, from top to bottom."""

    def __init__(self, view: View, width: float):
        self.view, self.width = view, width
        self.columns = max(1, min(view.columns, len(view.panels)))
        self.cell = (width - 2 * MARGIN - (self.columns - 1) * GAP) / self.columns
        if self.cell < NARROWEST:
            raise OptionError(
                f"Expected room for {self.columns} columns, but a figure {width / POINTS:.3g} cm wide holds "
                f"{columns_in(width)}. Choose a larger width or fewer columns."
            )
        self.size = 8.0 if self.cell >= 75 else 7.0 if self.cell >= 50 else 6.0
        self.small = max(self.size - 1, 5.5)
        self.shapes: list = []
        self.y = MARGIN

    def drawn(self, caption: bool) -> Scene:
        view, bar = self.view, scales.one_bar(self.view)
        for first in range(0, len(view.panels), self.columns):
            if first:
                self.y += GAP
            self._row(view.panels[first : first + self.columns], bar is None)
        if bar is not None:
            self._one_bar(*bar)
        elif said := told(self.view):
            self.y += 5
            self._lines([said], MARGIN, self.width - 2 * MARGIN, self.small, GREY, 2)
        if caption:
            self._caption()
        return Scene(self.width, self.y + MARGIN, tuple(self.shapes), visible(view.title), alt(view))

    def _row(self, panels: tuple[Panel, ...], bars: bool) -> None:
        titles = [wrapped(visible(p.title), self.size, self.cell, MOST_LINES["title"]) for p in panels]
        top = self.y + max(map(len, titles)) * _line(self.size)
        tallest = max(min(self.cell / aspect(p), self.cell * TALLEST) for p in panels)
        ends = []
        for i, (panel, title) in enumerate(zip(panels, titles)):
            left = MARGIN + i * (self.cell + GAP)
            self.y = top - len(title) * _line(self.size)
            self._put(title, left, self.size, room=self.cell)
            self.y = top + 1
            self._picture(panel, left)
            self.y = top + 1 + tallest
            if bars and panel.values is not None:
                self.y += 3
                colormap = scales.colormap_of(panel, self.view)
                self._bar(left, self.cell, *scales.limits_of(panel, self.view), colormap)
            self.y += 1.5
            lines = _joined(remarks(panel, self.view), self.small, self.cell)
            self._lines(lines, left, self.cell, self.small, GREY, MOST_LINES["lines"])
            if panel.note:
                self._lines([visible(panel.note)], left, self.cell, self.small, most=MOST_LINES["note"])
            ends.append(self.y)
        self.y = max(ends)

    def _picture(self, panel: Panel, left: float) -> None:
        ratio = aspect(panel)
        if panel.chart is not None:
            self.shapes += charts.shapes(panel.chart, left, self.y, self.cell, self.cell / ratio, self.size)
            return
        height = min(self.cell / ratio, self.cell * TALLEST)
        width = height * ratio

        def pixels(rows: int, columns: int) -> np.ndarray:
            return pixels_of(panel, self.view, rows, columns)

        own = shown(panel).shape[1]
        self.shapes.append(
            Picture(left, self.y, width, height, pixels, own, visible(panel.alt or panel.title))
        )

    def _one_bar(self, low: float, high: float, colormap: str) -> None:
        room = self.width - 2 * MARGIN
        width = self.cell if self.columns == 1 else min(room, max(0.5 * room, 110.0))
        self.y += 6
        left = MARGIN + (room - width) / 2
        self._bar(left, width, low, high, colormap, 6)
        if said := told(self.view):
            self._lines([said], MARGIN, room, self.small, GREY, 2, centred=True)

    def _bar(
        self, left: float, width: float, low: float, high: float, colormap: str, height: float = 4.5
    ) -> None:
        """The colours, and under them as many numbers as there is room for: both ends always."""
        self.shapes.append(Ramp(left, self.y, width, height, colormap))
        shown, size, below = ticks.fitting(low, high, width, self.small)
        baseline, steps = self.y + height + 2.3 + 0.8 * size, len(shown) - 1
        for i, number in enumerate(shown):
            x = left + width * i / steps
            anchor = "start" if i == 0 else "end" if i == steps else "middle"
            if 0 < i < steps:
                self.shapes.append(Stroke(x, self.y + height, 1.5))
            y = baseline + (_line(size) if below and i else 0)
            self.shapes.append(Words(x, y, number, size, anchor, GREY, room=width_of(number, size)))
        self.y = y + 0.35 * size

    def _caption(self) -> None:
        title, room = visible(self.view.title), self.width - 2 * MARGIN
        if title or self.view.caption.strip():
            self.y += 5
        for line in wrapped(title, 8.0, room, 4) if title else ():
            self._put([line], MARGIN, 8.0, room=room, bold=True)
        for paragraph in paragraphs(self.view.caption, 4000):
            self._put(wrapped(paragraph, 8.0, room, 60), MARGIN, 8.0, room=room)

    def _lines(self, texts, left, room, size, ink=None, most=4, centred=False) -> None:
        lines = [line for text in texts for line in wrapped(text, size, room, most)][:most]
        if centred:
            self._put(lines, left + room / 2, size, ink, room, anchor="middle")
        else:
            self._put(lines, left, size, ink, room)

    def _put(self, lines, x, size, ink=None, room=0.0, bold=False, anchor="start") -> None:
        for line in lines:
            self.shapes.append(Words(x, self.y + 0.95 * size, line, size, anchor, ink or INK, bold, room))
            self.y += _line(size)


def _joined(lines: list[str], size: float, room: float) -> list[str]:
    """Short lines beside each other, where two have room on one."""
    found: list[str] = []
    for line in lines:
        together = f"{found[-1]} · {line}" if found else line
        if found and width_of(together, size) <= room:
            found[-1] = together
        else:
            found.append(line)
    return found


def _line(size: float) -> float:
    return 1.28 * size


def wrapped(text: str, size: float, width: float, most: int) -> list[str]:
    """At most `most` lines of at most `width` points; where more is left out, the last ends with dots.

    Measured in the face that pixels are drawn with, which is wider than that of the PDF.
    """
    room = max(1, int(width / size * MEASURE))
    longest = int(most * room / MEASURE * 6)  # letters that could possibly fit
    lines = letters.wrapped(text[:longest], MEASURE, room)
    if len(lines) <= most and len(text) <= longest:
        return lines
    return [*lines[: most - 1], letters.shortened(f"{' '.join(lines[most - 1 :])} ...", MEASURE, room)]
