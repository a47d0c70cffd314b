"""Maps over photos: one panel, or several that share controls, scale and cursor.

Opacity, threshold, colours and before/after work in the browser. Python hears of a new look once,
when a control is let go, so that an export equals the screen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from dashboard.components.frame import agree, floats, frame, offered, source, tables
from dashboard.components.words import OVERLAY
from dashboard.text import visible
from explain import render
from explain.errors import OptionError
from explain.results import frozen

LOOKS: dict[str, Any] = {
    "opacity": 0.7, "threshold": 0.0, "colormap": "inferno", "smooth": True, "locked": True,
}

WORDS: dict[str, Any] = OVERLAY | {"colormaps": {c.name: c.title for c in render.COLORMAPS.values()}}

_overlay = st.components.v2.component(
    "layerscope_overlay", **source("overlay", "overlay_draw", "overlay_zoom", "overlay_pair")
)


@frozen
class Panel:
    """One picture of an overlay.

    title, lines: above and below it; alt: what it shows, for those who do not see it
    values: (h, w) numbers in the layer's own size, or None where there is no map
    base: an encoded picture (JPEG, WebP, PNG) to lie under it, or None for the map alone; panels
        with equal bytes share it
    limits: (lo, hi), the numbers of the first and the last colour; `render.limits` where None
    note: why the map is blank, or anything else that has to be said on the picture
    signed: whether zero is the middle of its colours; as the whole overlay where None
    scale: panels with the same one measure the same thing, and may share the limits
    label: what the numbers are; as the whole overlay where ""
    group: the line of the grid that it stands in, said above the first one of it
    name: its title where it stands alone, to be told from all others; the title where ""
    """

    title: str
    values: np.ndarray | None
    base: bytes | None = None
    lines: Sequence[str] = ()
    limits: tuple[float, float] | None = None
    alt: str = ""
    note: str = ""
    signed: bool | None = None
    scale: str = ""
    label: str = ""
    group: str = ""
    name: str = ""


@frozen
class Alike:
    """How alike two panels are. figures: (name, value, what it says) of each, in words; notes: what else has to
    be known about them."""

    figures: Sequence[tuple[str, str, str]]
    notes: Sequence[str] = ()


def overlay(
    panels: Sequence[Panel],
    *,
    key: str,
    label: str = "",
    looks: Mapping[str, Any] | None = None,
    colormaps: Sequence[str] | None = None,
    signed: bool = False,
    shared_scale: bool = True,
    columns: int = 3,
    controls: bool = True,
    pair: Sequence[int] | None = None,
    alike: Callable[[int, int], Alike] | None = None,
    words: Mapping[str, Any] | None = None,
    tag: str | None = None,
) -> dict[str, Any]:
    """Show the panels; how they look: opacity, threshold, colormap, smooth, locked.

    label: what the numbers are, for the colour bar: "Grad-CAM"
    looks: replaces some of LOOKS; obeyed when it differs from the last time, so that a permalink
        works and a slider is not pushed back
    colormaps: names for the menu; every sequential one where None, or every diverging one where signed
    signed: whether zero is the middle; the limits are symmetrical then
    shared_scale: whether one scale for all panels that measure the same thing may be offered
    columns: the most panels side by side; narrow screens have fewer
    controls: False shows the pictures alone
    pair: two panels, by number, to be looked at closely, or () for none yet; None does not offer it
    alike: asked for the figures of the two, once they are chosen
    words: replaces some of WORDS
    tag: what `data-ready` says once this is drawn; a digest where None

    The picture is exactly `render.overlay` with these looks, and `limits` of the panel, or
    `shared_limits` of those with its scale where `looks["locked"]`. Signed panels among others have the
    first diverging colour map. With `pair`, the answer has "pair" as well: (a, b), or () for none.
    OptionError for values that are not (h, w), an unknown look, or no panel at all.
    """
    if not panels:
        raise OptionError("An overlay needs at least one panel.")
    colormaps = offered(colormaps, signed)
    usual = LOOKS if LOOKS["colormap"] in colormaps else LOOKS | {"colormap": colormaps[0]}
    wished = _looks(usual | dict(looks or {}))
    if wished is None:
        raise OptionError(f"These looks cannot be shown: {dict(looks or {})}. Known are {LOOKS}.")
    held = agree(key, "looks", wished, _looks)
    usable = _couple(len(panels))
    couple = None if pair is None else agree(key, "pair", list(pair), usable)

    photos = list(dict.fromkeys(p.base for p in panels if p.base is not None))
    maps = [_map(p) for p in panels]
    signs = [signed if panel.signed is None else panel.signed for panel in panels]
    among = not signed and (any(signs) or couple is not None)  # a difference has a sign as well
    known = colormaps + (offered(None, True)[:1] if among else [])
    header = {
        "key": key,
        "photos": len(photos),
        "colormaps": colormaps,
        "diverging": [render.COLORMAPS[name].diverging for name in known],
        "shareable": bool(shared_scale) and _several(panels, maps),
        "columns": max(1, min(int(columns), len(panels))),
        "controls": bool(controls),
        "looks": [held.sent, held.serial],
        "paired": couple is not None,
        "pair": None if couple is None else [couple.sent, couple.serial],
        "alike": _likeness(alike, usable(couple.value) or [], maps) if couple and alike else None,
        "words": WORDS | dict(words or {}),
        "panels": [
            _told(panel, values, sign, label)
            | {"photo": None if panel.base is None else photos.index(panel.base)}
            for panel, values, sign in zip(panels, maps, signs, strict=True)
        ],
    }
    numbers = [b"" if values is None else floats(values) for values in maps]
    _overlay(key=key, data=frame(header, [*photos, tables(known), *numbers], tag))
    return dict(held.value) | ({} if couple is None else {"pair": tuple(usable(couple.value) or ())})


def _told(panel: Panel, values: np.ndarray | None, signed: bool, label: str) -> dict[str, Any]:
    """A panel as the browser has it."""
    return {
        "title": visible(panel.title),
        "name": visible(panel.name or panel.title),
        "group": visible(panel.group),
        "lines": [visible(str(line)) for line in panel.lines],
        "alt": visible(panel.alt),
        "note": visible(panel.note),
        "label": visible(panel.label or label),
        "scale": panel.scale,
        "signed": bool(signed),
        "shape": None if values is None else list(values.shape),
        "limits": None if values is None else list(_limits(panel, signed)),
        "blank": _blank(values),
    }


def _likeness(ask: Callable[[int, int], Alike], pair: list[int], maps: Sequence) -> dict[str, Any] | None:
    """The answer as the browser has it; None while there are no two maps."""
    if not pair or any(maps[index] is None for index in pair):
        return None
    found = ask(*pair)
    figures = [[visible(text) for text in figure] for figure in found.figures]
    return {"pair": pair, "figures": figures, "notes": [visible(note) for note in found.notes]}


def _several(panels: Sequence[Panel], maps: Sequence[np.ndarray | None]) -> bool:
    """Whether two maps measure the same thing."""
    scales = [panel.scale for panel, values in zip(panels, maps, strict=True) if values is not None]
    return len(set(scales)) < len(scales)


def shared_limits(panels: Sequence[Panel], signed: bool = False) -> tuple[float, float] | None:
    """The one scale of several panels: from the lowest of their limits to the highest.

    Blank panels have no say; None where all are blank, and each keeps its own limits then.
    """
    every = [
        _limits(panel, signed if panel.signed is None else panel.signed)
        for panel in panels
        if not _blank(_map(panel))
    ]
    return (min(lo for lo, _ in every), max(hi for _, hi in every)) if every else None


def _blank(values: np.ndarray | None) -> bool:
    return values is None or not values[np.isfinite(values)].any()


def _map(panel: Panel) -> np.ndarray | None:
    """(h, w) float32, or None. OptionError for another shape."""
    if panel.values is None:
        return None
    values = np.asarray(panel.values, np.float32)
    if values.ndim != 2 or values.size == 0:
        raise OptionError(f"The map of panel '{panel.title}' must be (h, w), not {values.shape}.")
    return values


def _limits(panel: Panel, signed: bool) -> tuple[float, float]:
    lo, hi = render.limits(panel.values, signed) if panel.limits is None else map(float, panel.limits)
    if not (math.isfinite(lo) and math.isfinite(hi) and lo <= hi):
        raise OptionError(f"The limits of panel '{panel.title}' must be finite, lo <= hi, not {lo} and {hi}.")
    return lo, hi


def _couple(count: int) -> Callable[[Any], list[int] | None]:
    """What makes two different panels, or none of them, of a report; None of anything else."""

    def usable(report: Any) -> list[int] | None:
        if not isinstance(report, (list, tuple)) or len(report) not in (0, 2):
            return None
        whole = all(isinstance(n, int) and not isinstance(n, bool) and 0 <= n < count for n in report)
        return list(report) if whole and len(set(report)) == len(report) else None

    return usable


def _looks(report: Any) -> dict[str, Any] | None:
    """The five looks, checked one by one, or None: a browser may send anything."""
    if not isinstance(report, Mapping) or set(report) != set(LOOKS):
        return None
    numbers = (report["opacity"], report["threshold"])
    fine = (
        all(isinstance(n, (int, float)) and not isinstance(n, bool) and 0 <= n <= 1 for n in numbers)
        and report["colormap"] in tuple(render.COLORMAPS)           # a tuple: the report may not hash
        and isinstance(report["smooth"], bool)
        and isinstance(report["locked"], bool)
    )
    return {name: report[name] for name in LOOKS} if fine else None
