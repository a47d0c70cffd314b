"""What several pages show: heatmaps over photos, and the buttons that save them."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from dashboard import remember
from dashboard.choices import file_name
from dashboard.components.overlay import Panel
from dashboard.networks import AUTOMATIC
from dashboard.settings import to_checkup
from dashboard.text import clean, plain, say
from explain import render, report
from explain.methods import shelf
from explain.report.nouns import View
from explain.results import Heatmap, Image, Maps, Model, Pattern, Prediction

FORMATS = {
    "save.png": ("png", "image/png"), "save.svg": ("svg", "image/svg+xml"), "save.pdf": ("pdf", "application/pdf"),
}  # fmt: skip
WIDTHS, DPI = (8.5, 17.4), 300  # cm, one column and two; of figures that are saved
STRONGEST = 0.99  # of the pixels have a colour of their own
SAID = "W_INCOMPLETE"  # by a line under the map, with its figures


def heat_panel(heatmap: Heatmap, image: Image, photo_title: str, title: str | None = None) -> Panel:
    """One heatmap over its photo, with what is known about it in words."""
    method = shelf("heatmaps")[heatmap.method]
    score = f"{say('score', score=heatmap.score)} · {say('probability', probability=heatmap.probability)}"
    place = clean(heatmap.layer) if heatmap.layer else say("compare.pixels")
    lines = [score if method.class_specific else say("heatmaps.classless"), place, *facts(heatmap)]
    lines += [] if method.layered else [say("heatmaps.ends")]
    label = heatmap.label if method.class_specific else method.title
    return Panel(
        title=label if title is None else title,
        values=heatmap.values,
        base=remember.base(image),
        lines=lines,
        limits=heat_limits(heatmap),
        alt=say("alt.heat", layer=place, label=label, name=photo_title),
        note=note_of(heatmap),
        signed=heatmap.signed,
        label=method.title,
    )


def heat_limits(heatmap: Heatmap) -> tuple[float, float]:
    """The numbers of the first and the last colour. Among pixels a few are far stronger than all others, which
    would be left without any: colours end at STRONGEST there, and a line under the map says so."""
    values = heatmap.values
    if heatmap.layer or not values.any():
        return render.limits(values, heatmap.signed)
    most = float(np.quantile(np.abs(values), STRONGEST)) or float(np.abs(values).max())
    return render.limits(np.clip(values, -most, most), heatmap.signed)


def printed(panel: report.Panel, heatmap: Heatmap) -> report.Panel:
    """The panel of a figure with the scale that the screen has."""
    more = () if heatmap.layer else (say("heatmaps.ends"),)
    return replace(panel, limits=heat_limits(heatmap), lines=(*panel.lines, *more))


def facts(heatmap: Heatmap) -> list[str]:
    """What the method found beside the map, a sentence each."""
    known = dict(heatmap.facts)
    gap, relative = (known.pop(f"completeness_gap{end}", None) for end in ("", "_relative"))
    told = [] if gap is None else [say("fact.completeness", gap=gap, relative=relative or 0.0)]
    return told + [say("fact.other", name=k.replace("_", " "), value=v) for k, v in known.items()]


def note_of(result: Heatmap | Maps | Pattern) -> str:
    """Why it cannot be read as it is, with the codes; "" where it can."""
    return " ".join(f"{each.sentence} ({each.code})" for each in result.notices if each.code != SAID)


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
                help=say({"npy": "save.numbers.help", "zip": "save.archive.help"}.get(suffix, "save.help")),
                icon=":material/download:",
            )


def overlay_pixels(
    image: Image, heatmap: Heatmap, looks: dict, limits: tuple[float, float] | None = None
) -> np.ndarray:
    """The overlay with the looks of the screen, in the photo's own size."""
    return render.overlay(
        image, heatmap, looks["opacity"], looks["colormap"], looks["threshold"], looks["smooth"], limits
    )


def figure_files(make: Callable[[], View], name: Sequence[Any]) -> list[tuple]:
    """A view in every format of figures, for `save_buttons`."""
    return [
        (text, partial(_figure, make, kind), name, kind, mime)
        for text, (kind, mime) in FORMATS.items()
    ]


def _figure(make: Callable[[], View], kind: str) -> bytes:
    """One column wide, or two where panels stand side by side."""
    view = make()
    width = WIDTHS[view.columns > 1]
    if kind == "png":
        return report.figure_png(view, width, DPI)
    return (report.figure_svg if kind == "svg" else report.figure_pdf)(view, width)


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


ELSEWHERE = (
    "W_NOT_CONNECTED",
    "W_NO_SLOPE",
    "W_SILENT_HEAD",
    "W_DEAD_LAYER",
    "W_FLAT",
    "W_BLANK",
    "W_ALL_NEGATIVE",
)


def next_steps(heatmap: Heatmap, preferred: Prediction | None = None, sign: str = "") -> None:
    """What to do about a map that cannot be read, as buttons; the reasons stand on the map.

    preferred: the network's first guess, which has evidence where another class has none, on a page where
    class and layer are chosen; sign: the key of the switch for a signed map, or "" where there is none.
    """
    codes = {each.code for each in heatmap.notices} - {SAID}
    if not codes:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        if "W_ALL_NEGATIVE" in codes:
            if preferred and preferred.class_index != heatmap.class_index:
                _step(say("next.preferred", label=plain(preferred.label)), "class", preferred.class_index)
            if sign:
                _step(say("next.signed"), sign, True)
        if preferred and codes & set(ELSEWHERE) and st.session_state.get("target"):
            _step(say("next.automatic"), "target", AUTOMATIC)
        to_checkup(scaling=any(code.startswith("W_SCALING") for code in codes))


def _step(label: str, key: str, value: Any) -> None:
    def choose() -> None:
        st.session_state[key] = value

    st.button(label, on_click=choose, icon=":material/arrow_forward:")


def about_network(model: Model) -> None:
    """What to know about the chosen network, quietly."""
    if not model.notices:
        return
    with st.expander(say("notices.title", count=len(model.notices)), icon=":material/info:"):
        for notice in model.notices:
            st.write(f"{plain(notice.sentence)} {say('error.code', code=notice.code)}")
        to_checkup()
