"""What several pages show: heatmaps over photos, and the buttons that save them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import streamlit as st

from dashboard import remember
from dashboard.choices import file_name, shape_text
from dashboard.components.overlay import Panel
from dashboard.text import say
from explain import render
from explain.results import Heatmap, Image, Model, Prediction


def heat_panel(heatmap: Heatmap, image: Image, photo_title: str, title: str | None = None) -> Panel:
    """One heatmap over its photo, with score and layer in words."""
    lines = [f"{say('score', score=heatmap.score)} · {say('probability', probability=heatmap.probability)}", heatmap.layer]
    return Panel(
        title=heatmap.label if title is None else title,
        values=heatmap.values,
        base=remember.base(image),
        lines=lines,
        alt=say("alt.heat", layer=heatmap.layer, label=heatmap.label, name=photo_title),
        note=heatmap.note,
    )


def caption(heatmap: Heatmap, model: Model, photo_title: str) -> str:
    """What a reviewer must know about one overlay, in a line."""
    return say(
        "caption", model=model.name, layer=f"{heatmap.layer} ({shape_text(heatmap.values.shape)})",
        label=heatmap.label, score=heatmap.score, method=heatmap.method, photo=photo_title,
    )  # fmt: skip


def npy(values: np.ndarray) -> bytes:
    """An array as a .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def save_buttons(files: Sequence[tuple[str, Callable[[], bytes], Sequence[Any], str, str]], key: str) -> None:
    """One button a file: (text key, bytes made on the click, parts of the name, ending, MIME)."""
    with st.container(horizontal=True):
        for text, make, parts, suffix, mime in files:
            st.download_button(
                say(text),
                data=make,
                file_name=file_name(*parts, suffix=suffix),
                mime=mime,
                key=f"{key} {text}",
                on_click="ignore",
                help=say("save.numbers.help" if suffix in ("npy", "zip") else "save.help"),
                icon=":material/download:",
            )


def overlay_pixels(image: Image, heatmap: Heatmap, looks: dict, limits: tuple[float, float] | None = None) -> np.ndarray:
    """The overlay with the looks of the screen, in the photo's own size."""
    return render.overlay(
        image, heatmap, looks["opacity"], looks["colormap"], looks["threshold"], looks["smooth"], limits
    )


def heat_figure(image: Image, heatmap: Heatmap, looks: dict, text: str, limits=None) -> bytes:
    """Overlay, colour bar and caption as one PNG."""
    lo, hi = limits or render.limits(heatmap.values)
    pixels = overlay_pixels(image, heatmap, looks, limits)
    letters = min(max(14, pixels.shape[1] // 50), 400)    # to be read in a photo of any size
    return render.png(render.figure(pixels, render.Bar(lo, hi, looks["colormap"], heatmap.method), text, text=letters))


def guess_buttons(predictions: Sequence[Prediction], labels: dict) -> None:
    """The first guesses as buttons that choose the class."""

    def choose(index: int) -> None:
        st.session_state["class"] = index

    with st.container(horizontal=True):
        for p in predictions:
            st.button(
                f"{labels[p.class_index]} {p.probability:.0%}", key=f"guess_{p.class_index}", on_click=choose, args=(p.class_index,)
            )
