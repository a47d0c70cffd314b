"""What goes into a report: a picture, the bar that says what its colours mean, and a caption."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explain.errors import OptionError
from explain.render import checks, colors, letters
from explain.render.overlays import enlarge

PAPER, INK = (255, 255, 255), (33, 33, 33)
NIGHT, CHALK = (14, 17, 23), (232, 232, 232)
STEPS = (4, 2, 1)                                  # a bar is divided by the first that leaves room


@dataclass(frozen=True)
class Bar:
    """A colour bar to be drawn beside a picture: the limits, the colour map, what is measured."""

    lo: float
    hi: float
    colormap: str = "inferno"
    label: str = ""


def colorbar(
    lo: float,
    hi: float,
    colormap: str = "inferno",
    height: int = 256,
    width: int | None = None,
    label: str = "",
    dark: bool = False,
    text: int = 14,
) -> np.ndarray:
    """The colours from lo (below) to hi (above) with numbers: (height, width, 3) uint8 RGB.

    lo, hi: finite, lo < hi; both are always among the numbers
    width: of the whole picture; as narrow as possible where None
    label: one line along the bar, read from below; shortened where it is longer than the bar
    dark: light letters on a dark ground
    text: height of the letters in pixels, 6..400

    OptionError for an unknown colour map or limits, height, width or text out of range.
    """
    lo, hi = checks.span((lo, hi))
    text = checks.whole("text", text, 6, 400)
    height = checks.whole("height", height, 2 * text)
    table, (paper, ink) = colors.lut(colormap), _ground(dark)

    strip, tick, air = round(1.1 * text), max(2, text // 3), max(2, text // 3)
    widest = max(letters.width_of(n, text) for n in numbers(lo, hi, STEPS[0]))
    label_left = strip + tick + air + widest + air
    needed = label_left + (letters.line_height(text) if label else 0)
    width = needed if width is None else checks.whole("width", width, needed)

    canvas = _canvas(height, width, paper)
    q = np.floor((1 - (np.arange(height) + 0.5) / height) * 256).astype(np.uint8)
    canvas[:, :strip] = table[q][:, None]

    steps = next((s for s in STEPS if height >= 2.2 * text * s), 1)
    for i, shown in enumerate(numbers(lo, hi, steps)):
        row = round((height - 1) * (1 - i / steps))
        line = max(1, text // 14)
        top = min(max(0, row - line // 2), height - line)
        canvas[top : top + line, strip : strip + tick] = ink
        baseline = min(max(row + round(0.36 * text), round(0.74 * text)), height - 1)  # kept inside
        left = strip + tick + air + widest - letters.width_of(shown, text)             # right-aligned
        letters.write(canvas, shown, left, baseline, text, ink)
    if label:
        label = letters.shortened(label, text, height)
        turned = _canvas(letters.line_height(text), height, paper)
        letters.write(turned, label, (height - letters.width_of(label, text)) // 2, text, text, ink)
        turned = np.rot90(turned)                                      # reads from below
        canvas[:, label_left : label_left + turned.shape[1]] = turned
    return canvas


def numbers(lo: float, hi: float, steps: int) -> list[str]:
    """steps + 1 numbers from lo to hi as people write them: three digits that matter, one style.

        0 … 4.83        0.00  1.21  2.42  3.62  4.83
        0 … 0.00002     0  5.00e−6  1.00e−5  1.50e−5  2.00e−5
    """
    values = [lo + (hi - lo) * i / steps for i in range(steps)] + [hi]
    values = [v if abs(v) > 1e-9 * (hi - lo) else 0.0 for v in values]
    most = max(abs(lo), abs(hi))
    if 1e-3 <= most < 1e5:
        decimals = max(0, 2 - math.floor(math.log10(hi - lo)))
        if decimals <= 6:
            return [f"{round(v, decimals) + 0.0:.{decimals}f}".replace("-", "−") for v in values]
    return [_scientific(v) for v in values]


def _scientific(value: float) -> str:
    if value == 0:
        return "0"
    digits, exponent = f"{value:.2e}".split("e")
    return f"{digits}e{int(exponent)}".replace("-", "−")


def figure(
    pixels: np.ndarray,
    bar: Bar | None = None,
    caption: str = "",
    dark: bool = False,
    text: int = 14,
    width: int | None = None,
) -> np.ndarray:
    """A picture with its colour bar on the right and its caption below: (H, W, 3) uint8 RGB.

    +-----------------+----+
    | picture         |bar |
    +-----------------+----+
    | caption, wrapped     |
    +----------------------+

    pixels: (h, w, 3) uint8 RGB
    caption: line feeds begin new lines, long lines are wrapped
    dark: light letters on a dark ground
    text: height of the letters in pixels, 6..400; 8 points at 600 dpi are 67
    width: of the whole; the picture is resized to fill it. Where None the picture keeps its size

    OptionError for anything out of range, or a width that leaves no room for the picture.
    """
    picture = checks.picture(pixels)
    text = checks.whole("text", text, 6, 400)
    paper, ink = _ground(dark)
    margin = text
    aside = 0 if bar is None else margin + _drawn(bar, 2 * text, None, dark, text).shape[1]
    if width is not None:
        width = checks.whole("width", width, 1)
        room = width - 2 * margin - aside
        if room < text:
            raise OptionError(
                f"A figure {width} pixels wide has no room for the picture beside letters of {text} "
                f"pixels; it needs at least {width - room + text}. Choose a larger width or smaller text."
            )
        height = max(1, round(picture.shape[0] * room / picture.shape[1]))
        picture = np.floor(enlarge(picture, height, room) + 0.5).astype(np.uint8)
    h, w = picture.shape[:2]

    least = 0 if width is not None or not caption else 24 * text       # or a caption is a column of words
    inner = max(w + aside, least)
    top_height = h if bar is None else max(h, 8 * text)                # or a bar has no room for numbers
    lines = letters.wrapped(caption, text, inner)
    below = round(0.6 * margin) + len(lines) * letters.line_height(text) if lines else 0

    canvas = _canvas(margin + top_height + below + margin, margin + inner + margin, paper)
    canvas[margin : margin + h, margin : margin + w] = picture
    if bar is not None:
        strip = _drawn(bar, top_height, aside - margin, dark, text)
        left = margin + w + margin
        canvas[margin : margin + top_height, left : left + strip.shape[1]] = strip
    baseline = margin + top_height + round(0.6 * margin) + text
    for i, line in enumerate(lines):
        letters.write(canvas, line, margin, baseline + i * letters.line_height(text), text, ink)
    return canvas


def sheet(figures: Sequence[np.ndarray], columns: int = 3, dark: bool = False) -> np.ndarray:
    """Several figures (H, W, 3) uint8 as one, row by row, each in a cell of the largest's size.

    +----+----+            +----+----+
    | 0  | 1  |    and     | 2  |    |    one below the other, the rest is paper
    +----+----+            +----+----+

    OptionError for no figure, or fewer than one column.
    """
    columns = checks.whole("columns", columns, 1)
    if not figures:
        raise OptionError("A sheet needs at least one figure.")
    columns = min(columns, len(figures))
    height, width = (max(f.shape[axis] for f in figures) for axis in (0, 1))
    canvas = _canvas(-(-len(figures) // columns) * height, columns * width, _ground(dark)[0])
    for i, one in enumerate(figures):
        top, left = i // columns * height, i % columns * width
        canvas[top : top + one.shape[0], left : left + one.shape[1]] = one
    return canvas


def _drawn(bar: Bar, height: int, width: int | None, dark: bool, text: int) -> np.ndarray:
    return colorbar(bar.lo, bar.hi, bar.colormap, height, width, bar.label, dark, text)


def _ground(dark: bool) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    return (NIGHT, CHALK) if dark else (PAPER, INK)


def _canvas(height: int, width: int, paper: tuple[int, int, int]) -> np.ndarray:
    canvas = np.empty((height, width, 3), np.uint8)
    canvas[:] = paper
    return canvas
