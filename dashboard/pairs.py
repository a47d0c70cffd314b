"""Two cells of a comparison closely: which they are, how alike, and their difference on paper.

The browser draws the difference by the same rule; see components/overlay_pair.js.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from dashboard import tray
from dashboard.text import plain, say
from explain import render
from explain.report.nouns import Panel
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


def likeness(shown: Screen, pair: Sequence[int]) -> None:
    """How alike A and B are, in three figures."""
    maps = [shown.panels[index].values for index in pair]
    if len(maps) != 2 or any(values is None for values in maps):
        return
    a, b = (shown.cells[index] for index in pair)
    names = {which: plain(shown.panels[index].name) for which, index in zip("ab", pair, strict=True)}
    st.write(say("compare.alike", **names))
    found = similarity(*maps, share=SHARE)
    figures = {"spearman": found.spearman, "ssim": found.ssim, "top_k": found.top_k}
    row, values = st.container(horizontal=True), {"share": SHARE}
    for name, value in figures.items():
        text = (
            "–"
            if math.isnan(value)
            else f"{value:.0%}"
            if name == "top_k"
            else f"{value:.2f}".replace("-", "−")
        )
        label, about = say(f"compare.{name}", **values), say(f"compare.{name}.help", **values)
        row.metric(label, text, help=about, border=True, width="content")
    for notice in found.notices:
        st.caption(plain(f"{notice.sentence} ({notice.code})"))
    if a.on("photos") != b.on("photos"):
        st.caption(say("compare.other_photos"))


def difference(a: np.ndarray, b: np.ndarray, alike: bool) -> tuple[np.ndarray, float]:
    """A − B (h, w) float32, and the magnitude of the strongest colour.

    Both are enlarged to the larger height and width, bilinearly. alike: whether they are measured on one
    scale; if not, each is a share of its strongest value, and the answer goes from −1 to 1.
    """
    height, width = np.maximum(a.shape, b.shape).tolist()
    reach = [max(map(abs, render.limits(values))) for values in (a, b)]
    large = [render.enlarge(values, height, width) for values in (a, b)]
    if alike:
        return large[0] - large[1], max(reach)
    return large[0] / np.float32(reach[0]) - large[1] / np.float32(reach[1]), 1.0


def printed(shown: Screen, a: Cell, b: Cell) -> Panel:
    """Their difference as a panel of a figure; over their photo, where it is one."""
    first, second = (shown.grid.found[cell] for cell in (a, b))
    alike = shown.scale(a) == shown.scale(b)
    values, most = difference(first.values, second.values, alike)
    axes = (*shown.grid.plan.heading, *shown.grid.plan.title)
    title = say("compare.difference", a=shown.called(a, axes), b=shown.called(b, axes))
    line = say("compare.difference.raw" if alike else "compare.difference.share")
    picture = tray.photo(a.on("photos")).pixels if a.on("photos") == b.on("photos") else None
    return Panel(title, (line,), picture, values, (-most, most), alt=title, colormap=SIGNED)
