"""A wall of tiles: every channel of a layer, or every pattern, in one canvas.

Sorting, scaling, colouring, hovering and moving by keyboard happen in the browser. Python hears of
two things: the channel that was chosen, and how the wall looks once somebody has changed it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from dashboard.components.frame import agree, floats, frame, offered, source, tables
from dashboard.components.words import WALL
from dashboard.text import visible
from explain import render
from explain.errors import OptionError

SORTS = ("index", "mean", "maximum", "minimum", "sparsity")
SCALES = ("channel", "layer")
TILES = ("small", "medium", "large")

WORDS: dict[str, Any] = WALL | {"colormaps": {c.name: c.title for c in render.COLORMAPS.values()}}

_wall = st.components.v2.component("layerscope_wall", **source("wall", "tiles"))


def wall(
    atlas: render.Atlas,
    *,
    key: str,
    title: str,
    names: Sequence[int] | None = None,
    statistics: Mapping[str, np.ndarray] | None = None,
    labels: Sequence[str] = (),
    dead: Sequence[bool] | None = None,
    selected: int | None = None,
    sort: str = "index",
    scale: str = "channel",
    tile: str = "medium",
    colormap: str = "viridis",
    colormaps: Sequence[str] | None = None,
    pending: int = 0,
    height: int = 560,
    words: Mapping[str, Any] | None = None,
    tag: str | None = None,
) -> int | None:
    """Show n tiles; the chosen channel's number, or None.

    atlas: `render.atlas` (coloured here) or `render.atlas_rgb` (shown as it is)
    title: what the wall is called aloud; another title means another wall, which starts anew
    names: n channel numbers in the order of the atlas; 0 … n−1 where None
    statistics: what `render.statistics` gives, (n,) each; told with every tile, and to sort by
    labels: n notes, one per tile, as plain text
    dead: n flags; those of the statistics where None
    selected: the channel to choose; obeyed when it differs from the last time, so that a permalink
        works and a click is not undone
    sort, scale, tile, colormap: how it looks at first; the visitor changes it (`wall_view`)
    pending: empty places after the last tile, for those that are still being made
    height: the most the wall may take, in pixels; it scrolls inside
    words: replaces some of WORDS
    tag: what `data-ready` says once this is drawn; a digest where None

    The same key keeps sorting, choice and place on the wall while the atlas changes or grows.
    OptionError where the lengths differ or an option is unknown.
    """
    count = len(atlas.low)
    names = list(range(count)) if names is None else [int(n) for n in names]
    figures = {k: np.asarray(v) for k, v in (statistics or {}).items()}
    dead = figures.pop("dead", np.zeros(count)) if dead is None else dead
    for what, given in {"names": names, "labels": labels or names, "dead": dead, **figures}.items():
        if len(given) != count:
            raise OptionError(f"The wall has {count} tiles, but '{what}' has {len(given)} entries.")
    colormaps = offered(colormaps)
    view = _view({"sort": sort, "scale": scale, "tile": tile, "colormap": colormap})
    if view is None:
        raise OptionError(f"A wall is sorted by {SORTS}, scaled by {SCALES}, with {TILES} tiles.")

    channel = agree(key, "channel", selected, _channel)
    looks = agree(key, "view", view, _view)
    header = {
        "key": key,
        "title": visible(title),
        "names": names,
        "labels": [visible(str(label)) for label in labels],
        "statistics": list(figures),
        "dead": [int(bool(d)) for d in dead],
        "grey": atlas.png[25] == 0,                            # colour type in the PNG's IHDR chunk
        "columns": atlas.columns,
        "tile": [atlas.tile_height, atlas.tile_width],
        "pending": int(pending),
        "height": int(height),
        "colormaps": colormaps,
        "channel": [channel.sent, channel.serial],
        "view": [looks.sent, looks.serial],
        "words": WORDS | dict(words or {}),
    }
    numbers = floats([atlas.low, atlas.high, *figures.values()])                       # (2 + k, n)
    _wall(key=key, data=frame(header, [atlas.png, tables(colormaps), numbers], tag))
    return channel.value if channel.value in names else None


def wall_view(key: str) -> dict[str, str]:
    """How a wall looks now: sort, scale, tile and colormap, so that an export equals the screen.

    Call it after `wall`. KeyError for a key without a wall.
    """
    return dict(st.session_state[f"{key} view agreed"].value)


def _channel(report: Any) -> int | None:
    return report if isinstance(report, int) and not isinstance(report, bool) else None


def _view(report: Any) -> dict[str, str] | None:
    if not isinstance(report, Mapping):
        return None
    allowed = {"sort": SORTS, "scale": SCALES, "tile": TILES, "colormap": tuple(render.COLORMAPS)}
    view = {name: report.get(name) for name in allowed}
    return view if all(view[name] in known for name, known in allowed.items()) else None
