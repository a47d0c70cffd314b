"""The sidebar: network and photo, the uploaders, on every page."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import streamlit as st

from dashboard import remember, tray
from dashboard.choices import LINKED, model_title, own_models, photo, photo_id
from dashboard.text import plain, say
from explain.image import limits
from explain.opening.zoo import ZOO
from explain.samples import samples


def sidebar() -> None:
    """Network and photo."""
    _model_picker()
    _photo_picker()
    add_photos("side")
    if tray.own():
        st.button(
            say("photos.remove"), on_click=_clear, help=say("photos.remove.help"), icon=":material/delete:"
        )
    with st.expander(say("models.upload"), icon=":material/upload_file:"):
        _own_model()


def _model_picker() -> None:
    titles = {name: model_title(name) for name in (*ZOO, *own_models())}
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
    st.image(remember.base(photo(), 512), alt=say("alt.photo", name=titles[photo_id()]), width="stretch")
    if tray.credit(photo_id()):
        st.caption(plain(tray.credit(photo_id())))


def lost_photo() -> str | None:
    """A link may name a photo of another session: its name, once, so that nobody is silently shown another."""
    asked = st.query_params.get("photo")
    first = not st.session_state.get("greeted")
    st.session_state["greeted"] = True
    return asked if first and asked and asked not in tray.photos().values() else None


def add_photos(where: str) -> None:
    """Upload and camera. A taken file goes into the tray at once, and the uploader is emptied."""
    with st.expander(say("photos.add"), icon=":material/add_photo_alternate:", expanded=where == "main"):
        serial = st.session_state.setdefault("uploads", 0)
        key = f"upload_{where}_{serial}"
        st.file_uploader(
            say("photos.upload"),
            accept_multiple_files=True,
            type=["jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff"],
            key=key,
            on_change=_take,
            args=(key, where),
            help=say("photos.upload.help", megabytes=limits().bytes // 2**20),
        )
        if st.toggle(say("photos.camera"), key=f"camera_on_{where}"):
            camera = f"camera_{where}_{serial}"
            st.camera_input(say("photos.camera.label"), key=camera, on_change=_take, args=(camera, where))
    for sentence in st.session_state.pop(f"refused_{where}", []):  # where one looks just then
        st.error(sentence)


def _take(key: str, where: str) -> None:
    given = st.session_state.get(key) or []
    ids, st.session_state[f"refused_{where}"] = tray.add(given if isinstance(given, list) else [given])
    if ids:
        st.session_state["photo"] = ids[-1]
    st.session_state["uploads"] += 1  # a new key: Streamlit lets go of the files


def _clear() -> None:
    tray.clear()
    st.session_state["photo"] = next(iter(samples()))


def _own_model() -> None:
    if os.environ.get("EXPLAIN_TRUST_MODELS") != "1":
        st.caption(say("models.off"))
        return
    key = f"model_upload_{st.session_state.setdefault('model_uploads', 0)}"
    st.file_uploader(
        say("models.upload"), type=["keras", "h5", "hdf5"], key=key, on_change=_take_model, args=(key,),
        help=say("models.upload.help"), label_visibility="collapsed",
    )  # fmt: skip


@st.cache_resource(max_entries=1, show_spinner=False)
def _models() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="layerscope-")  # gone when the server ends


def _model_folder() -> Path:
    return Path(_models().name)


def _take_model(key: str) -> None:
    """The upload lives under a name of ours: its digest."""
    file = st.session_state.get(key)
    if file is None:
        return
    data = file.getvalue()
    path = _model_folder() / (hashlib.sha256(data).hexdigest() + Path(file.name).suffix.lower())
    path.write_bytes(data)
    others = [title for name, title in own_models().items() if name != str(path)]
    own_models()[str(path)] = tray.unlike(file.name, others)
    st.session_state["model"] = str(path)
    st.session_state["model_uploads"] += 1
