"""What a figure consists of before it is drawn: few shapes, in points, from the top left.

scene   layouts.py puts a view together
drawn   rasters.py as pixels · vectors.py as SVG · papers.py as PDF
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np

from explain.render import letters
from explain.results import frozen

POINTS = 72 / 2.54  # in a centimetre
INK, GREY = (33, 33, 33), (95, 95, 95)
MEASURE = 64  # pixels at which text is measured


@frozen
class Words:
    """One line. x, y: where its baseline begins, is centred or ends, as `anchor` says: start, middle, end.

    room: points that it may fill, where a wider face than ours must not make it longer; 0 for any.
    """

    x: float
    y: float
    text: str
    size: float
    anchor: str = "start"
    ink: tuple[int, int, int] = INK
    bold: bool = False
    room: float = 0.0


@frozen
class Picture:
    """Pixels in a frame. pixels(height, width) → (height, width, 3) uint8 RGB, at the size of the device.

    own: how many pixels wide it is by nature.
    """

    x: float
    y: float
    width: float
    height: float
    pixels: Callable[[int, int], np.ndarray]
    own: int
    alt: str = ""


@frozen
class Ramp:
    """A colour map from left to right."""

    x: float
    y: float
    width: float
    height: float
    colormap: str


@frozen
class Stroke:
    """A short upright line from (x, y) down."""

    x: float
    y: float
    height: float
    width: float = 0.5


@frozen
class Path:
    """Straight lines from point to point, or the area between them. dash: points drawn and left out, in turn,
    () for a line without gaps."""

    points: tuple[tuple[float, float], ...]
    ink: tuple[int, int, int] = GREY
    width: float = 0.5
    dash: tuple[float, ...] = ()
    filled: bool = False


@frozen
class Scene:
    """A figure: its size in points, what is on it, and what it shows in words."""

    width: float
    height: float
    shapes: tuple[Words | Picture | Ramp | Stroke | Path, ...]
    title: str = ""
    about: str = ""


def width_of(text: str, size: float) -> float:
    """Points that a line is wide, in the face that pixels are drawn with: wider than that of the PDF."""
    return letters.width_of(text, MEASURE) / MEASURE * size


def dashes(
    points: tuple[tuple[float, float], ...], pattern: tuple[float, ...]
) -> list[tuple[tuple[float, float], ...]]:
    """The pieces of a line that are drawn, for a device that draws no dashes by itself."""
    found, piece, part, left = [], [points[0]], 0, pattern[0]
    for start, end in pairwise(points):
        length, done = math.dist(start, end), 0.0
        while length - done > left:
            done += left
            share = done / length
            turn = (start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1]))
            if part % 2 == 0:
                found.append((*piece, turn))
            piece, part = [turn], part + 1
            left = pattern[part % len(pattern)]
        left -= length - done
        piece.append(end)
    return [*found, tuple(piece)] if part % 2 == 0 and len(piece) > 1 else found
