"""Figures and documents as they are printed: how large, how fine, and the files behind the save buttons."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from dashboard.pins import Pin, pins
from dashboard.text import say
from explain import report
from explain.report import captions
from explain.report.nouns import Report, View
from explain.results import frozen

WIDTHS = (8.5, 17.4)  # cm, one column and two
WIDEST, NARROWEST = 60.0, 3.0
DPIS = (150, 300, 600)
COARSEST, FINEST = 72, 1200
FORMATS = ("png", "pdf", "svg")
MIMES = {"png": "image/png", "pdf": "application/pdf", "svg": "image/svg+xml"}
SHOWN = 16 * 2**20  # bytes of a document on the screen
SCREEN = 150  # dots per inch of a preview
LONGEST = {"title": 200, "caption": 2000, "remark": 4000, "about": 8000}


@frozen
class Size:
    """How figures are printed. width: cm; dpi: of PNG; kind: format to include; caption: whether title and
    caption stand in the figure."""

    width: float
    dpi: int
    kind: str
    caption: bool


def preview(pin: Pin, size: Size) -> bytes:
    """The figure as it is printed, for the screen, as PNG."""
    words = (pin.view.title, pin.view.caption) if size.caption else ()
    return _preview(pin.digest, words, size.width, pin.view)


@st.cache_resource(max_entries=80, show_spinner=False)
def _preview(digest: str, words: tuple[str, ...], width: float, _view: View) -> bytes:
    return report.figure_png(_view, width, SCREEN, bool(words))


def figure(view: View, kind: str, size: Size) -> Callable[[], bytes]:
    """What writes the figure in that format."""
    if kind == "png":
        return lambda: report.figure_png(view, size.width, size.dpi, size.caption)
    write = report.figure_svg if kind == "svg" else report.figure_pdf
    return lambda: write(view, size.width, size.caption)


def document(title: str, about: str) -> Report:
    """All pins in their order."""
    today = datetime.date.today().isoformat()
    return Report(title or say("report.untitled"), tuple(pin.view for pin in pins()), about, today)


def proposed(pin: Pin) -> tuple[str, str]:
    """Title and caption as they were before anybody wrote over them."""
    return pin.proposed, captions.caption(replace(pin.view, title=pin.proposed, caption=""))


def name(place: int, pin: Pin) -> str:
    """The file of this figure, without its ending: as in the archive."""
    return f"{place + 1:02}-{report.texts.file_name(pin.view.title or 'figure', longest=50)}"
