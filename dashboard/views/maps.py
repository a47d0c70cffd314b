"""What every channel of a layer answers to the photo."""

from dataclasses import replace

import numpy as np
import streamlit as st

from dashboard import charts, choices, pins, remember, shell, widgets
from dashboard.components.overlay import LOOKS, Panel, overlay
from dashboard.components.wall import wall, wall_view
from dashboard.settings import to_checkup
from dashboard.text import clean, plain, say
from explain import render, report, workers
from explain.provenance import maps_recipe
from explain.report.nouns import View
from explain.results import Maps

PRINTED, ACROSS = 64, 8  # channels of a wall that can still be read on paper

st.title(say("maps.title"), anchor=False)
st.write(say("maps.about"))

model = choices.model()


@shell.fragment
def page() -> None:
    image, title = choices.photo(), choices.photo_title()
    layer = choices.layer(model)
    maps = remember.maps(model, image, layer.name)
    atlas, statistics = remember.wall(model, image, layer.name)
    asked = choices.numbered("channel")
    if maps.notices:
        st.warning(plain(widgets.note_of(maps)))
        to_checkup()
    left, right = st.columns([3, 2], gap="large")
    with left:
        channel = wall(
            atlas,
            key="maps_wall",
            title=say("maps.wall", layer=layer.name),
            statistics=statistics,
            selected=asked if asked is not None and asked < layer.map_shape[2] else None,
            height=720,
            tag=f"{image.key[:12]} {layer.name}",
        )
        choices.note_number("channel", channel)
        view = wall_view("maps_wall")
        name = (title, layer.name)

        def wall_png() -> bytes:
            return _wall_png(image, title, layer, statistics, view)

        def numbers() -> bytes:
            return widgets.npy(_fresh(image, layer).values)

        widgets.save_buttons(
            [
                ("save.wall", wall_png, (*name, "wall"), "png", "image/png"),
                ("save.layer_numbers", numbers, name, "npy", "application/octet-stream"),
            ],
            key="maps_wall",
        )
        pins.button(lambda: _wall_view(image, title, layer, statistics, view), "maps_wall")
    with right:
        if channel is None:
            st.info(say("maps.none"), icon=":material/touch_app:")
        else:
            _one_channel(image, title, layer, maps, channel, statistics)


def _order(statistics, view) -> np.ndarray:
    """The channels as the wall sorts them: largest first, as in wall.js."""
    if view["sort"] in statistics:
        return np.argsort(-statistics[view["sort"]], kind="stable")
    return np.arange(len(statistics["mean"]))


def _one_channel(image, title, layer, maps, channel: int, statistics) -> None:
    values = maps.values[:, :, channel]
    alt = say("alt.map", channel=channel, layer=layer.name, name=title)
    if statistics["dead"][channel] and not maps.notices:
        st.warning(say("maps.dead", value=f"{values.flat[0]:.3g}"))
    looks = overlay(
        [
            Panel(say("maps.alone", channel=channel), values, None, [clean(layer.name)], alt=alt),
            Panel(say("maps.over", channel=channel), values, remember.base(image), [title], alt=alt),
        ],
        key="maps_channel",
        label=say("maps.values"),
        looks=LOOKS | {"colormap": "viridis", "smooth": False},
        columns=1,
        shared_scale=False,
        tag=f"{image.key[:12]} {layer.name} {channel}",
    )
    figures = {what: float(statistics[what][channel]) for what in ("mean", "maximum", "minimum", "sparsity")}
    st.write(
        " · ".join(
            f"{say(f'stat.{what}')} **{value:.0%}**"
            if what == "sparsity"
            else f"{say(f'stat.{what}')} **{value:.3g}**"
            for what, value in figures.items()
        )
    )
    about = say("maps.histogram", channel=channel)
    st.caption(about)
    charts.histogram(values, "maps_histogram", say("maps.values"), say("maps.places"), about)
    name = (title, layer.name, f"channel-{channel}")

    def view(over: bool) -> View:
        return _channel_view(image, title, layer, channel, looks, over)

    def numbers() -> bytes:
        return widgets.npy(_fresh(image, layer).values[:, :, channel])

    widgets.save_buttons(
        [
            *widgets.figure_files(lambda: view(False), name),
            ("save.overlay", lambda: _over_png(view(True), looks), (*name, "overlay"), "png", "image/png"),
            ("save.numbers", numbers, name, "npy", "application/octet-stream"),
        ],
        key="maps_channel",
    )
    pins.button(lambda: view(True), "maps_channel")


# For files and the report: computed in a pass of their own, so that they can be reproduced --------------


def _fresh(image, layer) -> Maps:
    return workers.activations(model, image, layer.name, fresh=True)


def _wall_png(image, title, layer, statistics, view) -> bytes:
    """Every channel in the order and the colours of the wall, with the recipe of them all."""
    maps = _fresh(image, layer)
    values = maps.values[..., _order(statistics, view)]
    tile = max(values.shape[0], 56)
    wall = render.png(render.grid(values, colormap=view["colormap"], scale=view["scale"], tile=tile))
    return report.with_manifest(wall, [maps_recipe(model, replace(image, name=title), maps)])


def _wall_view(image, title, layer, statistics, view) -> View:
    """The first channels of the wall, in its order and on its scale."""
    maps = _fresh(image, layer)
    order = _order(statistics, view)
    shown = [int(channel) for channel in order[:PRINTED]]
    words = {"layer": layer.name, "shown": len(shown), "count": len(order)}
    made = report.view_of_maps(
        model, replace(image, name=title), maps, shown, say("maps.pinned", **words), ACROSS if len(shown) > 16 else 4,
        view["scale"] == "layer", colormap=view["colormap"], smooth=False,
    )  # fmt: skip
    limits = render.limits(maps.values) if made.shared else None  # of all channels, as on the screen
    panels = tuple(
        replace(panel, title=str(channel), limits=limits or panel.limits)
        for panel, channel in zip(made.panels, shown, strict=True)
    )
    return replace(made, panels=panels, caption="")


def _channel_view(image, title, layer, channel: int, looks, over: bool) -> View:
    """The channel alone, or over the photo."""
    words = {"channel": channel, "layer": layer.name, "photo": title}
    shown = {name: looks[name] for name in ("opacity", "colormap", "threshold", "smooth")}
    photo, maps = replace(image, name=title), _fresh(image, layer)
    heading = say("maps.pinned.one", **words)
    return report.view_of_maps(model, photo, maps, [channel], heading, over=over, **shown)


def _over_png(view: View, looks) -> bytes:
    """The overlay alone, in the photo's own size."""
    (panel,) = view.panels
    how = (looks[name] for name in ("opacity", "colormap", "threshold", "smooth"))
    return report.with_manifest(render.png(render.overlay(panel.picture, panel.values, *how)), view)


page()
