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
                say("settings.remove"),
                on_click=networks.remove,
                args=(name,),
                icon=":material/delete:",
                help=say("settings.remove.help"),
            )


def use_scaling(scaling: str) -> None:
    """For callbacks: this scaling from now on."""
    networks.said(networks.chosen())["scaling"] = scaling


def to_checkup(scaling: bool = False) -> None:
    """A link to the check-up of this network, or to that of its scaling."""
    from dashboard.shell import pages

    label, part = ("next.scaling", "detective.tab") if scaling else ("next.checkup", "doctor.tab")
    st.page_link(
        pages()["checkup"], label=say(label), icon=":material/stethoscope:", query_params={"part": say(part)}
    )


def _scaling(opened: Model) -> None:
    def noted() -> None:
        use_scaling(st.session_state["scaling"])

    known = networks.said(networks.chosen()).get("scaling", AUTOMATIC)
    if st.session_state.get("scaling") != known:  # of another network, or lost on a page without it
        st.session_state["scaling"] = known
    automatic = say("settings.automatic")
    st.selectbox(
        say("settings.scaling"),
        [AUTOMATIC, *SCALINGS],
        format_func=lambda s: s or automatic,
        key="scaling",
        on_change=noted,
        help=say("settings.scaling.help"),
        bind="query-params",
    )
    st.caption(say("settings.scaling.now", scaling=plain(opened.scaling), why=plain(opened.scaling_note)))
    if any(notice.code.startswith("W_SCALING") for notice in opened.notices):
        to_checkup(scaling=True)


def _size(opened: Model, name: str) -> None:
    keys = [f"{side} {name}" for side in ("height", "width")]

    def noted() -> None:
        sides = (int(st.session_state[key]) for key in keys)
        networks.said(name)["input_shape"] = (*sides, opened.input_shape[2])

    with st.form(f"size {name}", border=False):
        for cell, key, value in zip(st.columns(2), keys, opened.input_shape):
            side = key.split()[0]
            cell.number_input(
                say(f"size.{side}"), *SIZES, min(value, SIZES[1]), key=key, help=say("size.help")
            )
        st.form_submit_button(say("size.use"), on_click=noted)


def _labels(opened: Model, name: str) -> None:
    file_uploader(
        say("labels.upload"),
        f"labels {name}",
        _take_labels,
        name,
        [one.classes for one in opened.outputs],
        max_upload_size=MAX_LABELS_BYTES // 2**20,
        help=say("labels.upload.help", classes=opened.outputs[0].classes),
    )
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
