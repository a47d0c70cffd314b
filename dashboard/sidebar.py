"""The sidebar: network and photo, the uploaders, on every page."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import arrivals, networks, remember, settings, tray
from dashboard.arrivals import file_uploader
from dashboard.choices import LINKED, photo, photo_id
from dashboard.text import plain, say
from explain.image import limits
from explain.samples import samples


def sidebar() -> None:
    """Network and photo."""
    _model_picker()
    settings.place()
    with st.expander(
        say("models.open"), icon=":material/upload_file:", expanded=arrivals.arrived() is not None
    ):
        arrivals.panel()
    _photo_picker()
    add_photos("side")
    if tray.own():
        st.button(
            say("photos.remove"), on_click=_clear, help=say("photos.remove.help"), icon=":material/delete:"
        )


def _model_picker() -> None:
    if name := st.session_state.pop("choose", None):  # opened in the run before this one
        networks.choose(name)
    titles = networks.titles()
    st.selectbox(
        say("choose.model"),
        list(titles),
        format_func=titles.get,
        key="model",
        help=say("choose.model.help"),
        **LINKED,
    )


def _photo_picker() -> None:
    titles = tray.photos()
    st.selectbox(
        say("choose.photo"),
        list(titles),
        format_func=titles.get,
        key="photo",
        help=say("choose.photo.help"),
        **LINKED,
    )
    alt = say("alt.photo", name=titles[photo_id()])
    st.image(remember.base(photo(), 512), alt=alt, width="stretch")
    if tray.credit(photo_id()):
        st.caption(plain(tray.credit(photo_id())))


def lost() -> list[str]:
    """A link may name a photo or a network of another session: sentences about it, once, so that nobody
    is silently shown another one."""
    first = not st.session_state.get("greeted")
    st.session_state["greeted"] = True
    if not first:
        return []
    here = {"photo": tray.photos().values(), "model": networks.titles().values()}
    asked = {what: st.query_params.get(what) for what in here}
    return [
        say(f"lost.{what}", name=plain(name))
        for what, name in asked.items()
        if name and name not in here[what]
    ]


def add_photos(where: str) -> None:
    """Upload and camera. A taken file goes into the tray at once, and the uploader is emptied."""
    with st.expander(say("photos.add"), icon=":material/add_photo_alternate:", expanded=where == "main"):
        megabytes = max(limits().bytes // 2**20, 1)
        file_uploader(
            say("photos.upload"), f"upload_{where}", _take, where, accept_multiple_files=True, type="image/*",
            max_upload_size=megabytes, help=say("photos.upload.help", megabytes=megabytes),
        )  # fmt: skip
        if st.toggle(say("photos.camera"), key=f"camera_on_{where}"):
            file_uploader(say("photos.camera.label"), f"camera_{where}", _take, where, widget=st.camera_input)
    for sentence in st.session_state.pop(f"refused_{where}", []):  # where one looks just then
        st.error(sentence)


def _take(files: list[Any], where: str) -> None:
    ids, st.session_state[f"refused_{where}"] = tray.add(files)
    if ids:
        st.session_state["photo"] = ids[-1]


def _clear() -> None:
    tray.clear()
    st.session_state["photo"] = next(iter(samples()))
