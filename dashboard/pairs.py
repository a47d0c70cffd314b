"""Two cells of a comparison closely: which they are, how alike, and their difference on paper.

The browser draws the difference by the same rule, and shows the figures; see components/overlay_pair.js.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from dashboard import tray, widgets
from dashboard.components.overlay import Alike
from dashboard.text import say
from explain import render
from explain.report.nouns import Panel
from explain.results import Heatmap, Similarity
from explain.similarity import similarity

if TYPE_CHECKING:
    from dashboard.comparing import Screen
    from dashboard.grids import Cell

SIGNED = "blue-red"
SHARE = 0.1  # of the places that count as hottest


def asked() -> tuple[int, ...]:
    """The two cells that the address names, "0-3", or ()."""
    numbers = st.query_params.get("pair", "").split("-")
    plain_numbers = len(numbers) == 2 and all(n.isdecimal() and n.isascii() and len(n) < 4 for n in numbers)
    return tuple(map(int, numbers)) if plain_numbers else ()


def note(pair: Sequence[int]) -> None:
    """Write them into the address."""
    text = "-".join(map(str, pair))
    if not text:
        st.query_params.pop("pair", None)
    elif st.query_params.get("pair") != text:
        st.query_params["pair"] = text


def likeness(shown: Screen, first: int, second: int) -> Alike:
    """How alike two panels are that have a map, in three figures."""
    a, b = (shown.cells[index] for index in (first, second))
    found = _similarity(*(shown.grid.found[cell] for cell in (a, b)), shown.scale(a) == shown.scale(b))
    values = {"share": SHARE}
    figures = [
        (say(f"compare.{name}", **values), text, say(f"compare.{name}.help", **values))
        for name, text in _written(found).items()
    ]
    notes = [f"{notice.sentence} ({notice.code})" for notice in found.notices]
    return Alike(figures, notes + [say("compare.other_photos")] * (a.on("photos") != b.on("photos")))


def difference(
    a: np.ndarray, b: np.ndarray, reach: tuple[float, float], alike: bool
) -> tuple[np.ndarray, float]:
    """A − B (h, w) float32, and the magnitude of the strongest colour.

    Both are enlarged to the larger height and width, bilinearly. reach: magnitudes of their own strongest
    colours, above 0; alike: whether they are measured on one scale; if not, each is a share of its reach, and
    the colours go from −1 to 1.
    """
    height, width = np.maximum(a.shape, b.shape).tolist()
    first, second = (render.enlarge(values, height, width) for values in (a, b))
    if alike:
        return first - second, max(reach)
    return first / np.float32(reach[0]) - second / np.float32(reach[1]), 1.0


def printed(shown: Screen, a: Cell, b: Cell) -> Panel:
    """Their difference as a panel of a figure; over their photo, where it is one."""
    first, second = (shown.grid.found[cell] for cell in (a, b))
    alike = shown.scale(a) == shown.scale(b)
    values, most = difference(first.values, second.values, (_reach(first), _reach(second)), alike)
    axes = (*shown.grid.plan.heading, *shown.grid.plan.title)
    title = say("compare.difference", a=shown.called(a, axes), b=shown.called(b, axes))
    figures = say("compare.figures", share=SHARE, **_written(_similarity(first, second, alike)))
    lines = (say("compare.difference.raw" if alike else "compare.difference.share"), figures)
    picture = tray.photo(a.on("photos")).pixels if a.on("photos") == b.on("photos") else None
    return Panel(title, lines, picture, values, (-most, most), alt=f"{title}. {figures}", colormap=SIGNED)


def _reach(heatmap: Heatmap) -> float:
    return max(map(abs, widgets.heat_limits(heatmap)))


def _similarity(a: Heatmap, b: Heatmap, alike: bool) -> Similarity:
    """On one scale as they are, else of each as a share, as the difference shows them."""
    maps = [each.values if alike else each.values / np.float32(_reach(each)) for each in (a, b)]
    return similarity(*maps, share=SHARE)


def _written(found: Similarity) -> dict[str, str]:
    """{figure: as it is read}."""

    def text(value: float, form: str) -> str:
        return "–" if math.isnan(value) else f"{value:{form}}".replace("-", "−")

    return {
        "spearman": text(found.spearman, ".2f"),
        "ssim": text(found.ssim, ".2f"),
        "top_k": text(found.top_k, ".0%"),
    }
