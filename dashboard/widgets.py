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
from dashboard.text import plain, say
from explain import render
from explain.methods import shelf
from explain.opening.zoo import ZOO
from explain.results import Heatmap, Image, Model, Prediction


def heat_panel(
    heatmap: Heatmap,
    image: Image,
    photo_title: str,
    title: str | None = None,
    limits=None,
    also: Sequence[str] = (),
) -> Panel:
    """One heatmap over its photo, with score and layer in words; `also` are further lines."""
    score = f"{say('score', score=heatmap.score)} · {say('probability', probability=heatmap.probability)}"
    lines = [score, heatmap.layer, *also]
    return Panel(
        title=heatmap.label if title is None else title,
        values=heatmap.values,
        base=remember.base(image),
        lines=lines,
        limits=limits,
        alt=say("alt.heat", layer=heatmap.layer, label=heatmap.label, name=photo_title),
        note=heatmap.note,
    )


def caption(heatmap: Heatmap, model: Model, photo_title: str) -> str:
    """What a reviewer must know about one overlay, in a line."""
    return say(
        "caption", model=network_title(model), layer=f"{heatmap.layer} ({shape_text(heatmap.values.shape)})",
        label=heatmap.label, score=heatmap.score, method=method_title(heatmap), photo=photo_title,
    )  # fmt: skip


def network_title(model: Model) -> str:
    return ZOO[model.name].title if model.name in ZOO else model.name


def method_title(heatmap: Heatmap) -> str:
    return shelf("heatmaps")[heatmap.method].title


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


def overlay_pixels(
    image: Image, heatmap: Heatmap, looks: dict, limits: tuple[float, float] | None = None
) -> np.ndarray:
    """The overlay with the looks of the screen, in the photo's own size."""
    return render.overlay(
        image, heatmap, looks["opacity"], looks["colormap"], looks["threshold"], looks["smooth"], limits
    )


def heat_figure(image: Image, heatmap: Heatmap, looks: dict, text: str, limits=None) -> bytes:
    """Overlay, colour bar and caption as one PNG."""
    lo, hi = limits or render.limits(heatmap.values)
    pixels = overlay_pixels(image, heatmap, looks, limits)
    letters = min(max(14, pixels.shape[1] // 50), 400)  # to be read in a photo of any size
    return render.png(
        render.figure(
            pixels, render.Bar(lo, hi, looks["colormap"], method_title(heatmap)), text, text=letters
        )
    )


def guess_buttons(predictions: Sequence[Prediction], labels: dict, chosen: int) -> None:
    """The first guesses as buttons that choose the class; the chosen one stands out."""

    def choose(index: int) -> None:
        st.session_state["class"] = index

    with st.container(horizontal=True):
        for p in predictions:
            st.button(
                plain(f"{labels[p.class_index]} {p.probability:.1%}"), key=f"guess_{p.class_index}",
                on_click=choose, args=(p.class_index,), type="primary" if p.class_index == chosen else "secondary",
            )  # fmt: skip
