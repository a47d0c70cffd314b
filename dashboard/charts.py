"""The few charts: bars of guesses, a histogram, a climb. Plotly; they know no network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from dashboard.text import for_chart, say
from explain.results import Prediction

ACCENT, QUIET = "#c2410c", "#a8a29e"
CONFIG = {"displayModeBar": False}


def show(figure: go.Figure, key: str, height: int, alt: str, legend: bool = False) -> None:
    """Draw it in the page's width. alt: what it shows, for those who do not see it."""
    figure.update_layout(height=height, margin={"l": 0, "r": 8, "t": 8, "b": 0}, showlegend=legend)
    st.plotly_chart(figure, key=key, config=CONFIG, alt=alt)


def guesses(predictions: Sequence[Prediction], key: str, chosen: int | None = None) -> None:
    """The first guesses as bars, best on top; the chosen class stands out."""
    best_last = list(reversed(predictions))
    names = [for_chart(p.label, 28) for p in best_last]
    shares = [p.probability for p in best_last]
    colours = [ACCENT if p.class_index == chosen else QUIET for p in best_last]
    figure = go.Figure(
        go.Bar(
            x=shares,
            y=list(range(len(names))),
            orientation="h",
            marker_color=colours,
            text=[f"{name}  {share:.1%}" for name, share in zip(names, shares)],
            textposition="outside",
            textfont={"size": 14, "color": _ink()},
            cliponaxis=False,
            hovertext=[f"score {p.score:.3g}" for p in best_last],
            hoverinfo="text",
        )
    )
    figure.update_yaxes(visible=False)
    figure.update_xaxes(range=[0, max(1.0, max(shares, default=1)) * 1.9], visible=False)
    said = ", ".join(f"{p.label} {p.probability:.1%}" for p in predictions)
    show(figure, key, 44 * len(names) + 12, say("chart.alt", guesses=said))


def histogram(values: np.ndarray, key: str, label: str, places: str, alt: str) -> None:
    """How often each value occurs."""
    counts, edges = np.histogram(values[np.isfinite(values)], bins=32)
    figure = go.Figure(go.Bar(x=(edges[:-1] + edges[1:]) / 2, y=counts, marker_color=ACCENT))
    figure.update_layout(bargap=0.05)
    figure.update_xaxes(title=label)
    figure.update_yaxes(title=places)
    show(figure, key, 220, alt)


def climb(scores: np.ndarray, key: str, step: str, activation: str, alt: str) -> None:
    """The channel's mean activation, step by step."""
    figure = go.Figure(go.Scatter(x=np.arange(1, len(scores) + 1), y=scores, mode="lines", line_color=ACCENT))
    figure.update_xaxes(title=step)
    figure.update_yaxes(title=activation, rangemode="tozero")
    show(figure, key, 220, alt)


def _ink() -> str:
    """Plotly's own grey is too pale to read."""
    return "#f5f0ea" if st.context.theme.type == "dark" else "#1c1917"
