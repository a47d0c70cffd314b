"""What the visitor chose: network, photo, layer, class. Every choice stands in the address, so that
a link opens the same view."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard import tray
from dashboard.text import plain, say, slug
from explain import workers
from explain.errors import LayerError, ModelError, NoInternet
from explain.opening.zoo import DEFAULT, ZOO
from explain.results import Image, Layer, Model
from explain.samples import samples

LINKED = {"bind": "query-params"}


# The photo -----------------------------------------------------------------------------------------


def photo_id() -> str:
    """The id of the chosen photo."""
    chosen = st.session_state.get("photo")
    return chosen if chosen in tray.photos() else next(iter(samples()))


def photo() -> Image:
    """The chosen photo."""
    return tray.photo(photo_id())


def photo_title() -> str:
    return tray.photos()[photo_id()]


# The network ---------------------------------------------------------------------------------------


def own_models() -> dict[str, str]:
    """{path: title} of the models that this session uploaded."""
    return st.session_state.setdefault("own_models", {})


def model_title(name: str) -> str:
    if name in own_models():
        return say("models.own", name=own_models()[name])
    return ZOO[name].title


def model_name() -> str:
    chosen = st.session_state.get("model")
    return chosen if chosen in ZOO or chosen in own_models() else DEFAULT


def model() -> Model:
    """The chosen network, opened. Until it is there the page says what it waits for.

    Weights are fetched only when the visitor asks for them. ModelError and NoInternet are shown here,
    with the embedded network as the way on, and end the page.
    """
    name = model_name()
    title = model_title(name)
    st.caption(say("frame.now", model=plain(title), photo=plain(photo_title())))
    fetched = name not in ZOO or ZOO[name].embedded or workers.is_open(name)
    if not fetched and not _asked_for(name):
        st.stop()
    slot = st.empty()

    def show(done: int, total: int, partial) -> None:
        with slot.container():
            if total:
                share, most = min(done / total, 1.0), total / 2**20
                text = say(
                    "models.fetching", title=plain(title), done=f"{done / 2**20:.0f}", total=f"{most:.0f}"
                )
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
        st.error(
            plain(error), icon=":material/cloud_off:" if isinstance(error, NoInternet) else ":material/error:"
        )
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
        block = st.selectbox(
            say("choose.block"), [every, *blocks], key="block", help=say("choose.block.help"), **LINKED
        )
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
        say("choose.layer"),
        list(labels),
        format_func=labels.get,
        key="target",
        help=say("choose.target.help"),
        **LINKED,
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
        say("choose.class"),
        order,
        format_func=labels.get,
        key="class",
        help=say("choose.class.help"),
        **LINKED,
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
