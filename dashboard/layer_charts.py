"""Figures layer by layer: a curve from input to output, and every layer against every other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas  # noqa: F401  # whole, before Plotly finds one that another session just imports
import plotly.graph_objects as go

from dashboard.charts import ACCENT, QUIET, show
from dashboard.text import for_chart, say

LONGEST = 28  # letters of a layer's name beside a chart
TICKS, FEW = 14, 8  # names along a chart, and below it


def curve(
    names: Sequence[str],
    figures: Sequence[float],
    chance: Sequence[float],
    key: str,
    marked: int | None,
    least: float,
) -> None:
    """CKA along the layers, what chance gives, and the first layer below `least`."""
    x, shown = list(range(len(names))), [for_chart(name, 60) for name in names]
    figure = go.Figure()
    figure.add_hline(least, line={"color": QUIET, "width": 1, "dash": "dot"})
    figure.add_scatter(
        x=x, y=list(chance), mode="lines", name=say("two.layers.chance"),
        line={"color": QUIET, "dash": "dash"}, customdata=shown, hovertemplate="%{customdata}<br>%{y:.2f}",
    )  # fmt: skip
    figure.add_scatter(
        x=x, y=list(figures), mode="lines+markers", name=say("two.layers.cka"), line={"color": ACCENT},
        marker={"size": 5}, customdata=shown, hovertemplate="%{customdata}<br>%{y:.3f}",
    )  # fmt: skip
    if marked is not None:
        figure.add_scatter(
            x=[marked], y=[figures[marked]], mode="markers",
            marker={"size": 13, "color": ACCENT, "symbol": "diamond"}, hoverinfo="skip", showlegend=False,
        )  # fmt: skip
    figure.update_xaxes(title=say("two.layers.axis"), showticklabels=False, range=[-0.5, len(x) - 0.5])
    figure.update_yaxes(title=say("two.layers.cka"), range=[min(-0.05, _least(figures, chance)), 1.05])
    figure.update_layout(legend={"orientation": "h", "y": 1.12, "x": 0})
    known = [f for f in figures if np.isfinite(f)]
    alt = say("two.layers.curve.alt", count=len(x), low=min(known, default=0.0), high=max(known, default=0.0))
    show(figure, key, 340, alt, legend=True)


def lines(
    names: Sequence[str], figures: Sequence[float], key: str, label: str, alt: str, top: float | None = None
) -> None:
    """One figure for each name, in their order. top: where the axis ends."""
    shown = [for_chart(name, LONGEST) for name in names]
    figure = go.Figure(
        go.Scatter(
            x=list(range(len(names))), y=list(figures), mode="lines+markers", line={"color": ACCENT},
            customdata=shown, hovertemplate="%{customdata}<br>%{y:.3g}<extra></extra>",
        )
    )  # fmt: skip
    # Room for the last name, and turned so that it ends below its place.
    figure.update_xaxes(range=[-0.5, len(names) - 0.5], autotickangles=[0, -30, -60], **_ticks(names, FEW))
    figure.update_yaxes(title=label, range=None if top is None else [0, top])
    show(figure, key, 260, alt)


def matrix(
    rows: Sequence[str],
    columns: Sequence[str],
    figures: np.ndarray,
    key: str,
    alt: str,
    axes: tuple[str, str],
    height: int = 560,
    named: bool = True,
) -> None:
    """figures (rows, columns), 0..1, as colour; the first row at the bottom. axes: what rows and columns are;
    named: whether names stand below the columns, for which a low chart has no room."""
    figure = go.Figure(
        go.Heatmap(
            z=figures, zmin=0, zmax=1, colorscale="Viridis",
            colorbar={"title": say("two.layers.cka"), "thickness": 12},
            x=list(range(len(columns))), y=list(range(len(rows))),
            text=[[f"{for_chart(r, 60)}<br>{for_chart(c, 60)}" for c in columns] for r in rows],
            hovertemplate="%{text}<br>%{z:.2f}<extra></extra>",
        )
    )  # fmt: skip
    figure.update_xaxes(title=axes[1], constrain="domain", showticklabels=named, **_ticks(columns, FEW))
    figure.update_yaxes(title=axes[0], **_ticks(rows))
    show(figure, key, height, alt)


def _ticks(names: Sequence[str], most: int = TICKS) -> dict:
    places = np.unique(np.linspace(0, len(names) - 1, min(most, len(names))).round().astype(int))
    return {"tickvals": places.tolist(), "ticktext": [for_chart(names[i], LONGEST) for i in places]}


def _least(*figures: Sequence[float]) -> float:
    known = [f for each in figures for f in each if np.isfinite(f)]
    return min(known, default=0.0) - 0.05
