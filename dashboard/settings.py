"""What the visitor may say about the chosen network: scaling, size, names of its classes."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import networks
from dashboard.arrivals import file_uploader
from dashboard.networks import AUTOMATIC, SIZES
from dashboard.text import plain, say
from explain.opening.labels import MAX_LABELS_BYTES, labels_in
from explain.results import Model
from explain.scaling import SCALINGS

GUESSED = "W_SCALING_GUESSED"


def place() -> None:
    """Keep a place in the side bar for what can be said only once the network is open."""
    st.session_state["settings_place"] = st.container()


def settings(opened: Model) -> None:
    """Scaling, size and class names of the network, in the place kept for them."""
    name = networks.chosen()
    with (
        st.session_state.get("settings_place", st.sidebar),
        st.expander(say("settings.title"), icon=":material/tune:"),
    ):
        _scaling(opened)
        if name in networks.own():
            _size(opened, name)
            _labels(opened, name)
            st.button(
                say("settings.remove"), on_click=networks.remove, args=(name,), icon=":material/delete:",
                help=say("settings.remove.help"),
            )  # fmt: skip


def is_guess(opened: Model) -> bool:
    """Whether nobody knows the scaling."""
    return any(notice.code == GUESSED for notice in opened.notices)


def use_scaling(scaling: str) -> None:
    """For callbacks: this scaling from now on."""
    st.session_state["scaling"] = scaling
    networks.said(networks.chosen())["scaling"] = scaling


def _scaling(opened: Model) -> None:
    def noted() -> None:
        use_scaling(st.session_state["scaling"])

    automatic = say("settings.automatic")
    st.selectbox(
        say("settings.scaling"), [AUTOMATIC, *SCALINGS], format_func=lambda s: s or automatic, key="scaling",
        on_change=noted, help=say("settings.scaling.help"), bind="query-params",
    )  # fmt: skip
    st.caption(say("settings.scaling.now", scaling=plain(opened.scaling), why=plain(opened.scaling_note)))


def _size(opened: Model, name: str) -> None:
    def noted() -> None:
        shape = (int(st.session_state["height"]), int(st.session_state["width"]), opened.input_shape[2])
        networks.said(name)["input_shape"] = shape

    with st.form(f"size {name}", border=False):
        cells = st.columns(2)
        for cell, side, value in zip(cells, ("height", "width"), opened.input_shape):
            cell.number_input(say(f"size.{side}"), *SIZES, value, key=side, help=say("size.help"))
        st.form_submit_button(say("size.use"), on_click=noted)


def _labels(opened: Model, name: str) -> None:
    file_uploader(
        say("labels.upload"), f"labels {name}", _take_labels, name, [one.classes for one in opened.outputs],
        max_upload_size=MAX_LABELS_BYTES // 2**20, help=say("labels.upload.help", classes=opened.outputs[0].classes),
    )  # fmt: skip
    if sentence := st.session_state.pop("labels_refused", ""):
        st.error(sentence)
    if networks.said(name).get("labels"):
        st.button(say("labels.remove"), on_click=networks.said(name).pop, args=("labels",))


def _take_labels(files: list[Any], name: str, classes: list[int]) -> None:
    file = files[-1]
    try:
        labels = labels_in(file.getvalue().decode("utf-8-sig"))
    except UnicodeDecodeError:
        st.session_state["labels_refused"] = say("labels.no_text", name=plain(file.name))
        return
    if len(labels) not in classes:
        st.session_state["labels_refused"] = say("labels.count", expected=classes[0], received=len(labels))
        return
    networks.said(name)["labels"] = labels
