"""One view as one file: PNG, SVG or PDF, each with the manifest of its numbers inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from explain import render
from explain.render import checks
from explain.render.files import with_text
from explain.report import layouts, papers, rasters, recipes, vectors
from explain.report.nouns import View
from explain.report.scenes import Scene

DPI = 300  # of pictures in SVG and PDF
WIDTHS = (1.0, 200.0)  # cm


def figure_png(view: View, width_cm: float = 8.5, dpi: float = 300, caption: bool = True) -> bytes:
    """The figure as PNG, round(width_cm / 2.54 · dpi) pixels wide, with its density in it.

    Panels are drawn at this resolution, text is as large in points at any dpi, and the manifest is an iTXt
    chunk. caption: whether title and caption stand under it.

    OptionError for a view without panels, more columns than there is room for, a width outside 1..200 cm, a
    dpi outside 36..1200, or more pixels than can be drawn.
    """
    return with_manifest(render.png(rasters.drawn(_scene(view, width_cm, caption), dpi), dpi), view)


def figure_svg(view: View, width_cm: float = 8.5, caption: bool = True) -> bytes:
    """The figure as SVG: pictures as PNG at 300 dpi, text as text, bars as gradients. Errors as for PNG."""
    return vectors.drawn(_scene(view, width_cm, caption), DPI, recipes.in_ascii(recipes.manifest_of([view])))


def figure_pdf(view: View, width_cm: float = 8.5, caption: bool = True) -> bytes:
    """The figure as a PDF of one page of its size: pictures at 300 dpi without loss, the rest as vectors.

    A line that the core fonts cannot write (Korean, Greek, …) is a picture with its text beside it; the
    manifest is attached as a file. Errors as for PNG.
    """
    scene = _scene(view, width_cm, caption)
    pdf = papers.sheet(scene.width, scene.height, scene.title)
    pdf.add_page()
    papers.draw(pdf, scene, 0, 0, DPI)
    papers.attach(pdf, recipes.manifest_of([view]))
    return bytes(pdf.output())


def _scene(view: View, width_cm: float, caption: bool) -> Scene:
    return layouts.scene(view, checks.number("width_cm", width_cm, *WIDTHS), caption)


def with_manifest(png: bytes, source: View | Sequence[dict[str, Any]]) -> bytes:
    """A PNG with the manifest of a view, or of recipes, inside; the PNG as it is where there is no recipe."""
    document = recipes.manifest_of([source]) if isinstance(source, View) else recipes.written(source)
    if not document:
        return png
    return with_text(png, "manifest.json", document)
