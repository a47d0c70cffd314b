"""Panels of several networks in one view: for figures and reports, each with its own network's recipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from dashboard import widgets
from explain import render, report
from explain.methods import shelf
from explain.report import captions
from explain.report.nouns import Panel, View
from explain.results import Heatmap, Image, Model

SIGNED = "blue-red"  # where a map has a sign and the colours of the screen have no middle
LOOKS = ("opacity", "colormap", "threshold", "smooth")


class Cell(NamedTuple):
    """A heatmap that was computed fresh. called: what tells it from the others; output: of its network."""

    called: str
    model: Model
    heatmap: Heatmap
    output: int | None = None


def heatmaps(
    title: str, cells: Sequence[Cell], image: Image, looks: Mapping[str, Any], shared: bool, columns: int = 2
) -> View:
    """Heatmaps of one method on one photo. image: with the name that is shown; shared: one scale for all."""
    panels = [_heatmap(cell, image, looks) for cell in cells]
    limits = common(panels) if shared else None
    if limits:
        panels = [replace(panel, limits=limits) for panel in panels]
    label = shelf("heatmaps")[cells[0].heatmap.method].title
    return joined(title, panels, columns, looks, shared=limits is not None and len(panels) > 1, label=label)


def common(panels: Sequence[Panel]) -> tuple[float, float] | None:
    """The one scale of several maps: from the lowest to the highest limit; None where all are blank."""
    spans = [panel.limits for panel in panels if panel.values.any()]
    return (min(low for low, _ in spans), max(high for _, high in spans)) if spans else None


def joined(title: str, panels: Sequence[Panel], columns: int, looks: Mapping[str, Any], **more: Any) -> View:
    """Panels as one view, with a caption that names every network."""
    kept = {name: looks[name] for name in LOOKS if name in looks}
    view = View(title, tuple(panels), min(columns, len(panels)), **kept, **more)
    return replace(view, caption=captions.caption(view))


def _heatmap(cell: Cell, image: Image, looks: Mapping[str, Any]) -> Panel:
    made = report.view_of_heatmaps(cell.model, image, cell.heatmap, output=cell.output)
    diverging = render.COLORMAPS[looks["colormap"]].diverging
    colormap = SIGNED if cell.heatmap.signed and not diverging else ""
    return replace(widgets.printed(made.panels[0], cell.heatmap), title=cell.called, colormap=colormap)
