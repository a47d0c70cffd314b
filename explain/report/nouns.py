"""What a report is made of: pictures with their scale, charts, captions and recipes. Numbers and words only."""

from __future__ import annotations

from typing import Any

import numpy as np

from explain.results import Shown, frozen


@frozen
class Chart:
    """Lines over places that have an order: layers from the input to the output, checkpoints of a training.

    places: what each of the n is called; labels: of the lines, () for one that needs none; values: (lines, n)
    floats, NaN where there is none; axes: what is measured across, and up; limits: the numbers at the bottom
    and at the top; level: the number of a dotted line across, or None; marked: the place at which the first
    line has a diamond, or None.
    """

    places: tuple[str, ...]
    values: np.ndarray
    limits: tuple[float, float]
    labels: tuple[str, ...] = ()
    axes: tuple[str, str] = ("", "")
    level: float | None = None
    marked: int | None = None


@frozen
class Panel:
    """One picture of a view.

    title: what is said above it; lines: what is said under it, a line each; picture: (H, W, 3) uint8 RGB,
    None where a map stands alone; values: (h, w) float32, the map laid over it, None for a picture alone;
    limits: the numbers of the first and the last colour, None without values; note: why the map is blank,
    or ""; alt: the picture in words; recipe: what makes the numbers again (`explain.provenance`), or None;
    photo: (H, W, 3) uint8 RGB, the one that the recipe names, where `picture` is another or None;
    colormap: its own, where maps with and without a sign stand together; "" for that of the view;
    computed: (H, W, 3) float32 in 0..1, the numbers of a pattern, of which `picture` shows 8 bits, or None;
    chart: lines, instead of a picture or a map, or None.
    """

    title: str
    lines: tuple[str, ...] = ()
    picture: np.ndarray | None = None
    values: np.ndarray | None = None
    limits: tuple[float, float] | None = None
    note: str = ""
    alt: str = ""
    recipe: dict[str, Any] | None = None
    photo: np.ndarray | None = None
    colormap: str = ""
    computed: np.ndarray | None = None
    chart: Chart | None = None


@frozen
class View(Shown):
    """What was on a page, as it is printed.

    columns: panels in a row; opacity, colormap, threshold, smooth: as in `explain.render.overlay`; label:
    what the colours measure; shared: whether all panels have one scale, which the figure says; caption: a
    sentence or two under the figure, made by `explain.report.captions` or written by a person; remark:
    a person's own notes, lines kept.
    """

    title: str
    panels: tuple[Panel, ...]
    columns: int = 1
    opacity: float = 0.5
    colormap: str = "inferno"
    threshold: float = 0.0
    smooth: bool = True
    label: str = ""
    shared: bool = False
    caption: str = ""
    remark: str = ""


@frozen
class Report(Shown):
    """A document: views in their order. about: an introduction, lines kept; made: ISO 8601 date, or ""."""

    title: str
    views: tuple[View, ...]
    about: str = ""
    made: str = ""
