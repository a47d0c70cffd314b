"""Channels of two networks that stand for each other: their maps on one photo, and what they look for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st

from dashboard import choices, pins, remember, rows, two_layers, two_patterns, widgets
from dashboard.components.overlay import Panel, overlay
from dashboard.text import clean, plain, say
from explain import report, workers
from explain.report.nouns import View
from explain.results import Image, Layer, Model
from explain.similarity import best_matches, match_layers, most_alike

MAPS = {"colormap": "viridis", "locked": False}


@dataclass(frozen=True)
class Pair:
    """A layer of the first network and the one of the second that stands for it.

    by_place: whether their channels stand for each other too; if not, the most alike map decides.
    """

    first: Model
    second: Model
    layers: tuple[str, str]
    by_place: bool

    def maps(self, image: Image) -> list[np.ndarray]:
        """What both answer to a photo: (h, w, c) each."""
        each = zip((self.first, self.second), self.layers, strict=True)
        return [remember.maps(model, image, layer).values for model, layer in each]

    def counterpart(self, image: Image, channel: int) -> int:
        """The channel of the second layer that stands for one of the first."""
        if self.by_place:
            return channel
        mine, theirs = self.maps(image)
        return most_alike(mine[:, :, channel], theirs)[0]


def channels(first: Model, second: Model, images: list[Image]) -> None:
    """A channel of the first network on the chosen photo and its counterpart; and the patterns of several."""
    if not any(layer.has_map for layer in first.layers):
        return
    st.header(say("two.maps"), anchor=False)
    found = two_layers.compared(first, second, images)
    by_place = _counterparts(first, second)
    if not by_place and found is None:
        st.info(say("two.maps.first_compare"), icon=":material/conversion_path:")
        return
    matches = by_place or {name: match for name, match, *_ in best_matches(found)}
    mapped = {layer.name for layer in second.layers if layer.has_map}
    offered = [layer for layer in first.layers if layer.has_map and matches.get(layer.name) in mapped]
    if not offered:
        st.info(say("two.no_map", model=plain(second.name)))
        return
    left, right = st.columns([3, 1])
    with left:
        name = _layer(first, offered)
    pair, image = Pair(first, second, (name, matches[name]), bool(by_place)), choices.photo()
    mine, _ = pair.maps(image)
    strength = mine.max(axis=(0, 1))
    with right:
        channel = st.number_input(
            say("two.maps.channel"), 0, mine.shape[2] - 1, int(strength.argmax()),
            help=say("two.maps.channel.help"), key=f"both_channel {first.key[:12]} {name}",
        )  # fmt: skip
    _maps(pair, image, int(channel))
    others = [int(k) for k in np.argsort(-strength, kind="stable") if k != channel]
    two_patterns.patterns(pair, image, (int(channel), *others))


def _counterparts(first: Model, second: Model) -> dict[str, str]:
    """{layer of the first: the same layer of the second}."""
    one, other = ([layer.name for layer in model.layers] for model in (first, second))
    return {one[i]: other[j] for i, j in match_layers(first, second, one, other)}


def _layer(first: Model, offered: list[Layer]) -> str:
    labels = choices.layer_labels(offered)
    if st.session_state.get("both_layer") not in labels:
        st.session_state.pop("both_layer", None)
    usual = first.default_layer if first.default_layer in labels else list(labels)[-1]
    return st.selectbox(
        say("two.maps.layer"), list(labels), list(labels).index(usual), format_func=labels.get,
        key="both_layer", help=say("two.maps.layer.help"),
    )  # fmt: skip


def _maps(pair: Pair, image: Image, channel: int) -> None:
    title, there = choices.photo_title(), pair.counterpart(image, channel)
    mine, theirs = pair.maps(image)
    if not pair.by_place:
        words = {"layer": plain(clean(pair.layers[1])), "channel": there, "count": theirs.shape[2]}
        st.caption(say("two.maps.matched", **words))
    shown = (("first", mine, channel), ("second", theirs, there))
    panels = [
        Panel(
            say("two.maps.title", side=say(f"two.side.{side}"), channel=k), values[:, :, k],
            remember.base(image), [clean(layer)], alt=say("alt.map", channel=k, layer=layer, name=title),
        )
        for layer, (side, values, k) in zip(pair.layers, shown, strict=True)
    ]  # fmt: skip
    keys = f"{image.key[:6]} {pair.first.key[:6]} {pair.second.key[:6]}"
    looks = overlay(
        panels, key="two_maps", label=say("two.maps.values"), columns=2, looks=MAPS,
        shared_scale=pair.by_place, tag=f"{keys} {pair.layers[0]} {channel}",
    )  # fmt: skip
    two_layers.figures(mine[:, :, channel], theirs[:, :, there])

    def view() -> View:
        return _view(pair, replace(image, name=title), (channel, there), looks)

    widgets.save_buttons(
        widgets.figure_files(view, (title, pair.layers[0], f"channel-{channel}", "both")), key="two maps"
    )
    pins.button(view, "two_maps")


def _view(pair: Pair, image: Image, numbers: tuple[int, int], looks: Mapping[str, Any]) -> View:
    """Both maps, each network asked anew, so that they can be made again."""
    panels = []
    models = (pair.first, pair.second)
    for side, model, layer, k in zip(("first", "second"), models, pair.layers, numbers, strict=True):
        maps = workers.activations(model, image, layer, fresh=True)
        (panel,) = report.view_of_maps(model, image, maps, [k], over=True).panels
        called = say("two.pin.channel", side=say(f"two.side.{side}"), model=clean(model.name), channel=k)
        panels.append(replace(panel, title=called))
    shared = pair.by_place and looks["locked"]
    if shared and (limits := rows.common(panels)):
        panels = [replace(panel, limits=limits) for panel in panels]
    words = {"layer": pair.layers[0], "photo": image.name}
    title, label = say("two.pin.maps", **words), say("two.maps.values")
    return rows.joined(title, panels, 2, looks, shared=shared, label=label)
