"""A scene as pixels: every panel drawn at the resolution of the device, letters in their true size."""

from __future__ import annotations

import cv2
import numpy as np

from explain import render
from explain.errors import OptionError
from explain.render import checks, letters
from explain.report.scenes import POINTS, Path, Picture, Ramp, Scene, Stroke, Words, dashes

MOST_PIXELS = 120_000_000  # of one figure: 0.36 GB
LEAST_DPI = 150  # of pictures in vector files
PAPER = 255
FINE = 4  # binary places of a pixel that points have
SMALLEST = 6  # pixels of letters that can be read
STANDINS = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "…": "..."})  # the face has them wide


def drawn(scene: Scene, dpi: float) -> np.ndarray:
    """(H, W, 3) uint8 RGB on white. OptionError for a dpi outside 36..1200 or too many pixels."""
    dpi = checks.number("dpi", dpi, 36, 1200)
    dot = dpi / 72
    height, width = round(scene.height * dot), round(scene.width * dot)
    if height * width > MOST_PIXELS or max(height, width) > checks.LONGEST:
        raise OptionError(
            f"A figure of {scene.width / POINTS:.3g} × {scene.height / POINTS:.3g} cm at {dpi:g} dpi has "
            f"{width} × {height} pixels, more than can be drawn. Choose a smaller width or dpi."
        )
    canvas = np.full((height, width, 3), PAPER, np.uint8)
    for shape in scene.shapes:
        _HOW[type(shape)](canvas, shape, dot)
    return canvas


def frame(shape: Picture | Ramp, dot: float) -> tuple[slice, slice]:
    """Rows and columns of its pixels: neighbours share an edge, and nothing is lost by rounding."""
    top, left = round(shape.y * dot), round(shape.x * dot)
    bottom, right = round((shape.y + shape.height) * dot), round((shape.x + shape.width) * dot)
    return slice(top, max(bottom, top + 1)), slice(left, max(right, left + 1))


def enough(shape: Picture, dpi: float) -> tuple[int, int]:
    """(height, width) in pixels for a picture in a vector file: its own, at least 150 dpi, at most `dpi`.

    More would be larger and show nothing more: what enlarges it further is the reader's device.
    """
    most = frame(shape, dpi / 72)
    height, width = (edge.stop - edge.start for edge in most)
    own = max(shape.own, LEAST_DPI / dpi * width)
    share = min(1.0, own / width)
    return max(1, round(height * share)), max(1, round(width * share))


def line(words: Words, dot: float) -> tuple[np.ndarray, float, float]:
    """How much of each pixel a line alone covers, (H, W) uint8, and where its left and its baseline stand in
    it, in points."""
    size = max(SMALLEST, round(words.size * dot))
    air = size // 2
    text = words.text.translate(STANDINS)
    canvas = np.zeros((2 * size, letters.width_of(text, size) + 2 * air, 3), np.uint8)
    for shift in _twice(words, size):
        letters.write(canvas, text, air + shift, round(1.4 * size), size, (255, 255, 255))
    return np.ascontiguousarray(canvas[..., 0]), air / dot, round(1.4 * size) / dot


def _words(canvas: np.ndarray, shape: Words, dot: float) -> None:
    size, text = round(shape.size * dot), shape.text.translate(STANDINS)
    if size < SMALLEST:  # too small to be read, but never wider than its place
        size = max(1, int(shape.size * dot))
    before = {"start": 0.0, "middle": 0.5, "end": 1.0}[shape.anchor] * letters.width_of(text, size)
    left, baseline = round(shape.x * dot - before), round(shape.y * dot)
    for shift in _twice(shape, size):
        letters.write(canvas, text, left + shift, baseline, size, shape.ink)


def _twice(words: Words, size: int) -> tuple[int, ...]:
    """The face has one weight: what is bold is written twice, a little apart."""
    return (0, max(1, round(size / 30))) if words.bold else (0,)


def _picture(canvas: np.ndarray, shape: Picture, dot: float) -> None:
    rows, columns = frame(shape, dot)
    canvas[rows, columns] = shape.pixels(rows.stop - rows.start, columns.stop - columns.start)


def _ramp(canvas: np.ndarray, shape: Ramp, dot: float) -> None:
    rows, columns = frame(shape, dot)
    width = columns.stop - columns.start
    q = np.floor((np.arange(width) + 0.5) / width * 256).astype(np.uint8)
    canvas[rows, columns] = render.lut(shape.colormap)[q]


def _stroke(canvas: np.ndarray, shape: Stroke, dot: float) -> None:
    thick = max(1, round(shape.width * dot))
    left = round(shape.x * dot - thick / 2)
    canvas[round(shape.y * dot) : round((shape.y + shape.height) * dot), left : left + thick] = 95


def _path(canvas: np.ndarray, shape: Path, dot: float) -> None:
    """With smooth edges, and in parts of a pixel: OpenCV counts from the middle of the first one."""
    pieces = dashes(shape.points, shape.dash) if shape.dash else [shape.points]
    for piece in pieces:
        points = np.rint((np.asarray(piece, np.float64) * dot - 0.5) * 2**FINE).astype(np.int32)
        if shape.filled:
            cv2.fillPoly(canvas, [points], shape.ink, cv2.LINE_AA, FINE)
        else:
            thick = max(1, round(shape.width * dot - 0.5))  # smooth edges add to it
            cv2.polylines(canvas, [points], False, shape.ink, thick, cv2.LINE_AA, FINE)


_HOW = {Words: _words, Picture: _picture, Ramp: _ramp, Stroke: _stroke, Path: _path}
