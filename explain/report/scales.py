"""Which numbers get which colours, and the sentence that says so."""

from __future__ import annotations

import numpy as np

from explain import render
from explain.errors import OptionError
from explain.render.figures import numbers
from explain.report.nouns import Panel, View
from explain.report.words import say

SIGNED = "blue-red"  # the colour map of maps with a sign
STOPS = 65  # colours of a gradient: no channel is off by more than 2


def limits_of(panel: Panel, view: View) -> tuple[float, float]:
    """The numbers of the first and the last colour of a panel with values."""
    if panel.limits is not None:
        return panel.limits
    return render.limits(panel.values, render.COLORMAPS[colormap_of(panel, view)].diverging)


def colormap_of(panel: Panel, view: View) -> str:
    """The name of the colour map of a panel: its own, or that of the view."""
    return panel.colormap or view.colormap


def common(maps: list[np.ndarray], signed: bool) -> tuple[float, float]:
    """Limits for several maps of any sizes, as `render.limits` of them all."""
    return render.limits(np.concatenate([np.ravel(each) for each in maps]), signed)


def coloured(view: View) -> list[Panel]:
    """The panels that have numbers."""
    return [panel for panel in view.panels if panel.values is not None]


def shared(view: View) -> tuple[float, float] | None:
    """The limits of all panels where the view says that they are shared; None where there are several.

    OptionError where it says so and they are not.
    """
    every = {limits_of(panel, view) for panel in coloured(view)}
    if view.shared and len(every) > 1:
        raise OptionError(
            f"A view with one scale needs the same limits in every panel, received {len(every)} different "
            "ones. Give all panels the same 'limits', or say shared=False."
        )
    return every.pop() if len(every) == 1 and (view.shared or len(coloured(view)) == 1) else None


def one_bar(view: View) -> tuple[float, float, str] | None:
    """Limits and colour map of the one bar that all panels have; None where each needs its own."""
    limits = shared(view)
    colormaps = {colormap_of(panel, view) for panel in coloured(view)}
    return (*limits, colormaps.pop()) if limits and len(colormaps) == 1 else None


def statement(view: View) -> str:
    """Whether the panels can be compared by colour, in words; "" for one panel, or none with numbers."""
    panels = coloured(view)
    if len(panels) < 2:
        return ""
    different = {limits_of(panel, view) for panel in panels}
    if view.shared or len(different) == 1:
        return say("scale.shared")
    return say("scale.own" if len(different) == len(panels) else "scale.mixed")


def span(low: float, high: float, key: str = "scale.span") -> str:
    """'0.00 to 4.83'."""
    first, last = numbers(low, high, 1)
    return say(key, low=first, high=last)


def stops(colormap: str) -> list[tuple[float, tuple[int, int, int]]]:
    """[(share of the way 0..1, (red, green, blue))], for a gradient that shows the colour map."""
    table = render.lut(colormap)
    places = np.linspace(0, 255, STOPS).round().astype(int)
    return [(place / 255, tuple(int(c) for c in table[place])) for place in places]
