"""A scene on a page of PDF: text and colour bars as vectors, pictures without loss (Flate).

The core fonts of PDF know Western European letters (Windows-1252). A line with any other letter (Korean,
Greek, …) is drawn as a picture by `explain.render.letters` and carries its text as alternative text: it can
be read and heard, but not searched.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from explain.render import files
from explain.report import rasters, scales
from explain.report.layers import palette_png
from explain.report.scenes import Path, Picture, Ramp, Scene, Stroke, Words

if TYPE_CHECKING:
    from fpdf import FPDF

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # instead of the present: the same report, the same bytes
LETTERS_DPI = 600  # of lines that are pictures
STANDINS = {"−": "–", "\u2009": " ", "\u202f": " ", "→": "->", "≤": "<=", "≥": ">="}


def sheet(width: float, height: float, title: str, made: str = "") -> FPDF:
    """A document in points without margins, nothing on it yet, not even a page."""
    from fpdf import FPDF

    pdf = FPDF(unit="pt", format=(width, height))
    pdf.core_fonts_encoding = "cp1252"
    pdf.set_margin(0)
    pdf.c_margin = 0
    pdf.set_auto_page_break(False)
    pdf.set_creation_date(date_of(made))
    pdf.set_producer("Layerscope")
    pdf.set_creator("Layerscope")
    pdf.set_lang("en")
    pdf.set_title(title)
    return pdf


def date_of(made: str) -> datetime:
    """The date that a report says, or always the same."""
    try:
        found = datetime.fromisoformat(made)
    except ValueError:
        return EPOCH
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def draw(pdf: FPDF, scene: Scene, left: float, top: float, dpi: float) -> None:
    """The scene on the present page, its upper left corner at (left, top)."""
    for shape in scene.shapes:
        if isinstance(shape, Words):
            write(pdf, shape, left, top)
        elif isinstance(shape, Ramp):
            _ramp(pdf, shape, left, top)
        elif isinstance(shape, Stroke):
            pdf.set_fill_color(95)
            pdf.rect(left + shape.x - shape.width / 2, top + shape.y, shape.width, shape.height, style="F")
        elif isinstance(shape, Path):
            _path(pdf, shape, left, top)
        else:
            _picture(pdf, shape, left, top, dpi)


def write(pdf: FPDF, words: Words, left: float = 0.0, top: float = 0.0) -> None:
    """One line, as text where the font has its letters and as a picture where it has not."""
    text = in_font(words.text)
    if text is None:
        _drawn_letters(pdf, words, left, top)
        return
    pdf.set_font("helvetica", "B" if words.bold else "", words.size)
    pdf.set_text_color(*words.ink)
    before = {"start": 0.0, "middle": 0.5, "end": 1.0}[words.anchor]
    width = pdf.get_string_width(text) if before else 0.0
    pdf.text(left + words.x - before * width, top + words.y, text)


def in_font(text: str) -> str | None:
    """The text as the core fonts can write it, or None."""
    for letter, instead in STANDINS.items():
        text = text.replace(letter, instead)
    try:
        text.encode("cp1252")
    except UnicodeEncodeError:
        return None
    return text


def image(pdf: FPDF, pixels: np.ndarray, x: float, y: float, width: float, height: float, alt: str) -> None:
    """Pixels, (H, W, 3) uint8, without loss, with their alternative text."""
    pdf.image(files.quick_png(pixels), x, y, width, height, alt_text=alt or None)


def attach(pdf: FPDF, manifest: bytes) -> None:
    """manifest.json as a file in the document, where there is one."""
    if manifest:
        pdf.embed_file(
            bytes=manifest, basename="manifest.json", desc="provenance", mime_type="application/json",
            compress=True,
            creation_date=EPOCH, modification_date=EPOCH,
        )  # fmt: skip


def _drawn_letters(pdf: FPDF, words: Words, left: float, top: float) -> None:
    dot = LETTERS_DPI / 72
    covered, start, baseline = rasters.line(words, dot)
    width, height = covered.shape[1] / dot, covered.shape[0] / dot
    before = {"start": 0.0, "middle": 0.5, "end": 1.0}[words.anchor] * (width - 2 * start)
    x, y = left + words.x - start - before, top + words.y - baseline
    ink = np.full((256, 3), words.ink, np.uint8)
    data = palette_png(covered, ink, np.arange(256, dtype=np.uint8))  # on any ground
    pdf.image(data, x, y, width, height, alt_text=words.text)


def _ramp(pdf: FPDF, shape: Ramp, left: float, top: float) -> None:
    from fpdf.pattern import LinearGradient

    stops = scales.stops(shape.colormap)
    x, y = left + shape.x, top + shape.y
    colors = [color for _, color in stops]
    bounds = [share for share, _ in stops[1:-1]]
    gradient = LinearGradient(x, y, x + shape.width, y, colors, bounds=bounds)
    with pdf.use_pattern(gradient):
        pdf.rect(x, y, shape.width, shape.height, style="F")


def _path(pdf: FPDF, shape: Path, left: float, top: float) -> None:
    points = [(left + x, top + y) for x, y in shape.points]
    if shape.filled:
        pdf.set_fill_color(*shape.ink)
        pdf.polygon(points, style="F")
        return
    with pdf.local_context(draw_color=shape.ink, line_width=shape.width):
        pdf.set_dash_pattern(*(shape.dash or (0, 0)))
        pdf.polyline(points)
        pdf.set_dash_pattern()


def _picture(pdf: FPDF, shape: Picture, left: float, top: float, dpi: float) -> None:
    pixels = shape.pixels(*rasters.enough(shape, dpi))
    image(pdf, pixels, left + shape.x, top + shape.y, shape.width, shape.height, shape.alt)
