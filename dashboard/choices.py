"""What the visitor chose: network, photo, layer, class. Every choice stands in the address, so that
a link opens the same view."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from dashboard import remember, tray
from dashboard.text import plain, say, slug
from explain import workers
from explain.errors import LayerError, ModelError, NoInternet
from explain.image import limits
from explain.opening.zoo import DEFAULT, ZOO
from explain.results import Image, Layer, Model
from explain.samples import samples

LINKED = {"bind": "query-params"}


# The sidebar ---------------------------------------------------------------------------------------


def sidebar() -> None:
    """Network and photo, on every page."""
    _say_if_lost()
    _model_picker()
    titles = tray.photos()
    st.selectbox(
        say("choose.photo"), list(titles), format_func=titles.get, key="photo", help=say("choose.photo.help"), **LINKED
    )
    st.image(remember.base(photo(), 512), alt=say("alt.photo", name=titles[photo_id()]), width="stretch")
    if tray.credit(photo_id()):
        st.caption(plain(tray.credit(photo_id())))
    add_photos("side")
    if tray.own():
        st.button(say("photos.remove"), on_click=_clear, help=say("photos.remove.help"), icon=":material/delete:")
    with st.expander(say("models.upload"), icon=":material/upload_file:"):
        _own_model()


def photo_id() -> str:
    """The id of the chosen photo."""
    chosen = st.session_state.get("photo")
    return chosen if chosen in tray.photos() else next(iter(samples()))


def photo() -> Image:
    """The chosen photo."""
    return tray.photo(photo_id())


def photo_title() -> str:
    return tray.photos()[photo_id()]


def _say_if_lost() -> None:
    """A link may name a photo of another session: say so, once, instead of silently showing another."""
    asked = st.query_params.get("photo")
    if "greeted" not in st.session_state:
        st.session_state["greeted"] = True
        if asked and asked not in tray.photos().values():
            st.warning(say("photos.lost", name=plain(asked)))


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
    for sentence in st.session_state.pop(f"refused_{where}", []):                # where one looks just then
        st.error(sentence)


def _take(key: str, where: str) -> None:
    given = st.session_state.get(key) or []
    ids, st.session_state[f"refused_{where}"] = tray.add(given if isinstance(given, list) else [given])
    if ids:
        st.session_state["photo"] = ids[-1]
    st.session_state["uploads"] += 1                      # a new key: Streamlit lets go of the files


def _clear() -> None:
    tray.clear()
    st.session_state["photo"] = next(iter(samples()))


# The network ---------------------------------------------------------------------------------------


def _own() -> dict[str, str]:
    """{path: title} of the models that this session uploaded."""
    return st.session_state.setdefault("own_models", {})


def _model_title(name: str) -> str:
    if name in _own():
        return say("models.own", name=_own()[name])
    return ZOO[name].title


def _model_picker() -> None:
    titles = {name: _model_title(name) for name in (*ZOO, *_own())}
    st.selectbox(
        say("choose.model"), list(titles), format_func=titles.get, key="model", help=say("choose.model.help"), **LINKED
    )


def model_name() -> str:
    chosen = st.session_state.get("model")
    return chosen if chosen in ZOO or chosen in _own() else DEFAULT


def model() -> Model:
    """The chosen network, opened. Until it is there the page says what it waits for.

    Weights are fetched only when the visitor asks for them. ModelError and NoInternet are shown here,
    with the embedded network as the way on, and end the page.
    """
    name = model_name()
    title = _model_title(name)
    if name in ZOO and not ZOO[name].embedded and not _asked_for(name):
        st.stop()
    slot = st.empty()

    def show(done: int, total: int, partial) -> None:
        with slot.container():
            if total:
                share, most = min(done / total, 1.0), total / 2**20
                text = say("models.fetching", title=plain(title), done=f"{done / 2**20:.0f}", total=f"{most:.0f}")
                st.progress(share, text)
            elif done:
                st.info(say("models.fetching_some", title=plain(title), done=f"{done / 2**20:.0f}"))
            else:
                with st.skeleton(height=320):
                    pass
                st.info(say("models.waiting", title=plain(title)), icon=":material/hourglass_top:")

    try:
        opened = workers.load(name, on_progress=show)
    except ModelError as error:
        slot.empty()
        st.session_state.setdefault("approved", set()).discard(name)
        st.error(plain(error), icon=":material/cloud_off:" if isinstance(error, NoInternet) else ":material/error:")
        st.caption(say("error.help", code=error.code))
        st.button(say("models.back", title=ZOO[DEFAULT].title), on_click=_back, type="primary")
        st.stop()
    slot.empty()
    return opened


def _asked_for(name: str) -> bool:
    """Whether the visitor asked for the weights of this network; the question, where not yet."""
    approved = st.session_state.setdefault("approved", set())
    if name in approved:
        return True
    entry = ZOO[name]
    st.info(say("models.ask", title=entry.title, megabytes=entry.megabytes), icon=":material/cloud_download:")
    with st.container(horizontal=True):
        st.button(say("models.fetch", title=entry.title), on_click=approved.add, args=(name,), type="primary")
        st.button(say("models.back", title=ZOO[DEFAULT].title), on_click=_back)
    return False


def _back() -> None:
    st.session_state["model"] = DEFAULT


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
    return tempfile.TemporaryDirectory(prefix="layerscope-")          # gone when the server ends


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
    _own()[str(path)] = file.name
    st.session_state["model"] = str(path)
    st.session_state["model_uploads"] += 1


# Layers and classes --------------------------------------------------------------------------------


def shape_text(shape: Sequence[int | None]) -> str:
    return "×".join("?" if n is None else str(n) for n in shape)


def layer_label(layer: Layer) -> str:
    return f"{layer.name} ({shape_text(layer.shape)})"


def block_of(name: str) -> str:
    """The part of the network that a layer belongs to: its folder, or its first word."""
    folder, _, last = name.rpartition("/")
    return folder or last.split("_")[0]


def layer(opened: Model) -> Layer:
    """Block and layer, for pages that show channels. LayerError when there is no layer with a map."""
    usable = [each for each in opened.layers if each.has_map]
    if not usable:
        raise LayerError(say("no_map", model=opened.name))
    blocks = list(dict.fromkeys(block_of(each.name) for each in usable))
    every = say("choose.every_block")
    left, right = st.columns([1, 3])
    with left:
        block = st.selectbox(say("choose.block"), [every, *blocks], key="block", help=say("choose.block.help"), **LINKED)
    shown = [each for each in usable if block in (every, block_of(each.name))]
    labels = {each.name: layer_label(each) for each in shown}
    with right:
        name = st.selectbox(
            say("choose.layer"), list(labels), format_func=labels.get, key="layer", help=say("choose.layer.help"),
            index=_telling(shown, opened.input_shape[0]), **LINKED,
        )  # fmt: skip
    return next(each for each in shown if each.name == name)


def _telling(layers: Sequence[Layer], height: int) -> int:
    """Which layer to show first: the last activation whose maps still show the photo's parts."""
    fine = [i for i, each in enumerate(layers) if (each.shape[0] or height) * 8 >= height]
    active = [i for i in fine if any(word in layers[i].kind for word in ("Activation", "ReLU"))]
    return (active or fine or [0])[-1]


def target(opened: Model) -> str | None:
    """The layer of a heatmap; None is the automatic one."""
    usable = [each for each in opened.layers if each.has_map]
    if not opened.default_layer:
        raise LayerError(say("no_map", model=opened.name))
    labels = {None: say("choose.automatic", layer=opened.default_layer)}
    labels |= {each.name: layer_label(each) for each in reversed(usable)}
    return st.selectbox(
        say("choose.layer"), list(labels), format_func=labels.get, key="target", help=say("choose.target.help"), **LINKED
    )


def class_labels(opened: Model) -> dict[int | None, str]:
    """{class index: label with its number}; None stands for the network's first guess."""
    many = opened.outputs[0].classes
    return {None: say("choose.top_class")} | {k: f"{opened.label(k)} [{k}]" for k in range(many)}


def explained_class(opened: Model, first: Sequence[int]) -> int | None:
    """The class to explain, the first guesses on top; None for the network's first guess."""
    labels = class_labels(opened)
    order = [None, *first, *(k for k in labels if k is not None and k not in first)]
    return st.selectbox(
        say("choose.class"), order, format_func=labels.get, key="class", help=say("choose.class.help"), **LINKED
    )


def numbered(key: str) -> int | None:
    """A channel number from the address, or None."""
    text = st.query_params.get(key, "")
    return int(text) if text.isdecimal() and len(text) < 7 else None


def note_number(key: str, value: int | None) -> None:
    """Write a channel number into the address."""
    if value is None:
        st.query_params.pop(key, None)
    elif st.query_params.get(key) != str(value):
        st.query_params[key] = str(value)


def file_name(*parts: object, suffix: str) -> str:
    return f"{slug(*parts)}.{suffix}"
