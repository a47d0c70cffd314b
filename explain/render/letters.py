"""Text inside pictures: OpenCV's own TrueType face, which includes Hangul, kana and Chinese."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

FACE = "uni"                                       # "sans" slashes its zeros and sets digits tight
ROOM = (1_000_000, 1_000_000)                      # so large that measuring never wraps
LINE = 1.4                                         # from one baseline to the next, in sizes


def width_of(text: str, size: int) -> int:
    """Pixels from the first letter's left to the last letter's right."""
    return cv2.getTextSize(ROOM, text, (0, 0), cv2.FontFace(FACE), size)[2]


def write(
    canvas: np.ndarray, text: str, left: int, baseline: int, size: int, ink: tuple[int, int, int]
) -> None:
    """Draw one line into canvas, (H, W, 3) uint8, which must be contiguous."""
    cv2.putText(canvas, text, (left, baseline), ink, cv2.FontFace(FACE), size, wrap=(0, ROOM[0]))


def line_height(size: int) -> int:
    return round(size * LINE)


def wrapped(text: str, size: int, width: int) -> list[str]:
    """Lines of at most `width` pixels; a line feed begins a new one, too long a word is cut."""
    lines = []
    for paragraph in text.splitlines():
        line = ""
        for word in _pieces(paragraph, size, width):
            longer = f"{line} {word}" if line else word
            if line and width_of(longer, size) > width:
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
    return lines


def shortened(text: str, size: int, width: int) -> str:
    """The text, or as much of its beginning as fits before three dots."""
    if width_of(text, size) <= width:
        return text
    return f"{text[:_fitting(text, size, width - width_of('...', size))].rstrip()}..."


def _pieces(paragraph: str, size: int, width: int) -> Iterator[str]:
    """The words, those that fit on no line in pieces that do."""
    for word in paragraph.split():
        while len(word) > (kept := max(1, _fitting(word, size, width))):
            yield word[:kept]
            word = word[kept:]
        yield word


def _fitting(text: str, size: int, width: int) -> int:
    """How many of the first letters are at most `width` pixels wide."""
    return next((n for n in range(len(text)) if width_of(text[: n + 1], size) > width), len(text))
