"""What the visitor chose: network, photo, layer, class. Every choice stands in the address, so that
a link opens the same view."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard import networks, settings, tray
from dashboard.labels import class_label
from dashboard.networks import AUTOMATIC
from dashboard.text import LONGEST, clean, plain, say, slug, told
from explain.errors import LayerError
from explain.methods import Method, shelf
from explain.results import Image, Layer, Model
from explain.samples import samples

LINKED = {"bind": "query-params"}
USUAL = "gradcam"
ENOUGH = 4  # photos of one's own, for figures that need several; below it samples join them


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


def usual_photos(most: int) -> list[str]:
    """Ids of the photos to compare on at first: the visitor's own, the newest `most`, and samples where
    these are few."""
    every = list(tray.photos())
    own = [name for name in every if name not in samples()][-most:]
    return own if len(own) >= ENOUGH else [*own, *(name for name in every if name in samples())][:most]


# The network ---------------------------------------------------------------------------------------


def model() -> Model:
    """The chosen network, opened, with its title as its name and what is known about it at the side.

    While it is not there, the page says so and ends.
    """
    shown = say("frame.now", model=plain(networks.title(networks.chosen())), photo=plain(photo_title()))
    st.caption(shown)
    opened = networks.open_chosen()
    settings.settings(opened)
    return opened


# Outputs, layers and classes -----------------------------------------------------------------------


def output(opened: Model, label: str = "", key: str = "output") -> int | None:
    """Which of several outputs to explain; None where there is one only."""
    if len(opened.outputs) < 2:
        return None
    labels = told({i: one.name for i, one in enumerate(opened.outputs)})
    return st.selectbox(
        label or say("choose.output"), list(labels), format_func=labels.get, key=key,
        help=say("choose.output.help"), **LINKED,
    )  # fmt: skip


def shape_text(shape: Sequence[int | None]) -> str:
    return "×".join("?" if n is None else str(n) for n in shape)


def layer_label(layer: Layer) -> str:
    return f"{clean(layer.name)} ({shape_text(layer.map_shape or layer.shape)})"


def layer_labels(layers: Sequence[Layer]) -> dict[str, str]:
    """{name: label with its size}, each label told apart from the others."""
    return told({each.name: layer_label(each) for each in layers}, LONGEST + 40)


def block_of(name: str) -> str:
    """The part of the network that a layer belongs to: its folder, or its first word."""
    folder, _, last = name.rpartition("/")
    return folder or last.split("_")[0]


def layer(opened: Model) -> Layer:
    """Block and layer, for pages that show channels. LayerError when there is no layer with a map."""
    usable = [each for each in opened.layers if each.has_map]
    if not usable:
        raise LayerError(say("no_map", model=opened.name))
    every = say("choose.every_block")
    blocks = told({name: name for name in (every, *(block_of(each.name) for each in usable))})
    left, right = st.columns([1, 3])
    with left:
        block = st.selectbox(
            say("choose.block"),
            list(blocks),
            format_func=blocks.get,
            key="block",
            help=say("choose.block.help"),
            **LINKED,
        )
    shown = [each for each in usable if block in (every, block_of(each.name))]
    labels = layer_labels(shown)
    with right:
        name = st.selectbox(
            say("choose.layer"),
            list(labels),
            format_func=labels.get,
            key="layer",
            help=say("choose.layer.help"),
            index=_telling(shown, opened.input_shape[0]),
            **LINKED,
        )
    return next(each for each in shown if each.name == name)


def _telling(layers: Sequence[Layer], height: int) -> int:
    """Which layer to show first: the last activation whose maps still show the photo's parts."""
    fine = [i for i, each in enumerate(layers) if (each.map_shape[0] or height) * 8 >= height]
    active = [i for i in fine if any(word in layers[i].kind for word in ("Activation", "ReLU"))]
    return (active or fine or [0])[-1]


def method(key: str, label: str) -> Method:
    """The method of a heatmap, where its knobs are left as they are. label: what the choice is called."""
    known = shelf("heatmaps")
    name = st.selectbox(
        label, sorted(known, key=lambda m: m != USUAL), format_func=lambda m: known[m].title, key=key,
        help=say("compare.methods.help"),
    )  # fmt: skip
    return known[name]


def target(opened: Model, output: int | None = None, key: str = "target", label: str = "") -> str | None:
    """The layer of a heatmap; None is the automatic one, which is known by name for the first output."""
    usable = [each for each in opened.layers if each.has_map]
    if not opened.default_layer:
        raise LayerError(say("no_map", model=opened.name))
    automatic = say("choose.automatic", layer=opened.default_layer)
    labels = {AUTOMATIC: say("choose.automatic_of") if output else automatic} | layer_labels(usable[::-1])
    linked = LINKED if key == "target" else {}
    chosen = st.selectbox(
        label or say("choose.layer"), list(labels), format_func=labels.get, key=key,
        help=say("choose.target.help"), **linked,
    )  # fmt: skip
    return None if chosen == AUTOMATIC else chosen


def class_labels(opened: Model, output: int | None = None) -> dict[int | None, str]:
    """{class index: label with its number}; None stands for the network's first guess."""
    many = opened.outputs[output or 0].classes
    return {None: say("choose.top_class")} | {
        k: f"{class_label(opened, k, output)} [{k}]" for k in range(many)
    }


def explained_class(opened: Model, first: Sequence[int], output: int | None = None) -> int | None:
    """The class to explain, the first guesses on top; None for the network's first guess."""
    labels = class_labels(opened, output)
    order = [None, *first, *(k for k in labels if k is not None and k not in first)]
    return st.selectbox(
        say("choose.class"),
        order,
        format_func=labels.get,
        key="class",
        help=say("choose.class.help"),
        **LINKED,
    )


def any_class(opened: Model, none: str, key: str, about: str, output: int | None = None) -> int | None:
    """A class, of several networks perhaps. none: what None is called, and about: what the choice is for."""
    labels = class_labels(opened, output) | {None: none}
    if st.session_state.get(key) not in labels:  # of another network, or another output
        st.session_state.pop(key, None)
    return st.selectbox(say("choose.class"), list(labels), format_func=labels.get, key=key, help=about)


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
