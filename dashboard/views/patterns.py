"""What a channel would like to see."""

from dataclasses import replace

import numpy as np
import streamlit as st

from dashboard import charts, choices, climbing, pins, remember, shell, widgets
from dashboard.climbs import Climb, Made, Wish
from dashboard.components.overlay import LOOKS, Panel, overlay
from dashboard.components.wall import wall
from dashboard.text import clean, plain, say
from explain import render, report
from explain.report.nouns import View

MOST = 256
PRINTED, ACROSS = 64, 8  # patterns of a wall that can still be told apart on paper

st.title(say("patterns.title"), anchor=False)
st.write(say("patterns.about"))

model = choices.model()


def climb() -> Climb | None:
    return st.session_state.get("climb")


def running() -> bool:
    return climb() is not None and climb().running


def page() -> None:
    layer = choices.layer(model)
    wish, channels = _wish(layer)
    if channels is None:
        return
    job = climb()
    if job is None or (job.wish, job.channels) != (wish, channels):
        if job is not None:
            job.stop()
        job = st.session_state["climb"] = Climb(wish, channels, remember.patterns())
    with st.container():  # always one element: the wall below keeps its place
        climbing.progress([job], lambda: _start(job))
    done = job.done
    if done:
        _results(layer, job, done)
    elif not job.running:
        st.info(say("patterns.nothing"), icon=":material/texture:")
    if running() != POLLED:  # begin, or cease, to look every second
        st.rerun()


def _wish(layer) -> tuple[Wish, tuple[int, ...] | None]:
    most = layer.map_shape[2] - 1
    left, right = st.columns([1, 3])
    with left:
        text = st.text_input(
            say("choose.channels"), f"0-{min(15, most)}", key="channels", bind="query-params",
            help=say("choose.channels.help", most=most),
        )  # fmt: skip
    with right, st.expander(say("choose.more")):
        wish = climbing.settings(model, layer.name)
    return wish, climbing.channels(text, most, MOST)


def _start(job: Climb) -> None:
    st.session_state["climb"] = again = Climb(job.wish, job.channels, job.store)
    again.start(model)


def _results(layer, job: Climb, done: list[int]) -> None:
    patterns = [job.store.get(job.wish.key(c)) for c in done]
    patterns = [p for p in patterns if p is not None]
    left, right = st.columns([3, 2], gap="large")
    with left:
        asked = choices.numbered("pattern")
        channel = wall(
            render.atlas_rgb(np.stack([p.pixels for p in patterns])),
            key="pattern_wall",
            title=say("patterns.wall", layer=layer.name),
            names=[p.channel for p in patterns],
            selected=asked,
            tile="large",
            height=720,
            pending=len(job.channels) - len(patterns) if job.running else 0,
            tag=f"{layer.name} {len(patterns)}",
        )
        choices.note_number("pattern", channel)
        name = (model.name, layer.name, "patterns", f"seed-{job.wish.seed}")
        pixels = np.stack([p.pixels for p in patterns])
        widgets.save_buttons(
            [
                ("save.wall", lambda: _wall_png(job.wish, patterns), name, "png", "image/png"),
                ("save.numbers", lambda: widgets.npy(pixels), name, "npy", "application/octet-stream"),
            ],
            key="pattern_wall",
        )
        pins.button(lambda: _wall_view(layer, job.wish, patterns), "pattern_wall")
    with right:
        chosen = next((p for p in patterns if p.channel == channel), None)
        if chosen is None:
            st.info(say("patterns.none"), icon=":material/touch_app:")
        else:
            _one(layer, job.wish, chosen)


def _one(layer, wish: Wish, pattern: Made) -> None:
    image, title = choices.photo(), choices.photo_title()
    channel = pattern.channel
    png = _png(pattern.pixels)
    st.image(
        png, output_format="PNG", width="stretch", alt=say("alt.pattern", channel=channel, layer=layer.name)
    )
    st.caption(say("patterns.large", channel=channel, layer=plain(clean(layer.name))))
    if note := widgets.note_of(pattern):
        st.warning(plain(note))
    about = say("patterns.curve", channel=channel)
    st.caption(about)
    charts.climb(pattern.scores, "pattern_climb", say("patterns.step"), say("patterns.activation"), about)
    maps = remember.maps(model, image, layer.name)
    overlay(
        [
            Panel(
                say("patterns.map"), maps.values[:, :, channel], remember.base(image), [title],
                alt=say("alt.map", channel=channel, layer=layer.name, name=title),
            )
        ],
        key="pattern_map",
        label=say("maps.values"),
        looks=LOOKS | {"colormap": "viridis"},
        columns=1,
        tag=f"{image.key[:12]} {layer.name} {channel}",
    )  # fmt: skip
    name = (model.name, layer.name, f"channel-{channel}", "pattern")

    def view() -> View:
        title = say("patterns.pinned.one", channel=channel, layer=layer.name)
        return climbing.view(model, wish, pattern, title)

    widgets.save_buttons(
        [
            *widgets.figure_files(view, (*name, "figure")),
            ("save.pattern", lambda: report.with_manifest(png, view()), name, "png", "image/png"),
            ("save.numbers", lambda: widgets.npy(pattern.pixels), name, "npy", "application/octet-stream"),
        ],
        key="pattern_one",
    )
    pins.button(view, "pattern_one")


def _wall_png(wish: Wish, patterns: list[Made]) -> bytes:
    """All of them as tiles, with the recipe of each."""
    recipes = [climbing.view(model, wish, pattern, "").panels[0].recipe for pattern in patterns]
    return report.with_manifest(render.png(render.grid(patterns, gap=2)), recipes)


def _wall_view(layer, wish: Wish, patterns: list[Made]) -> View:
    shown = patterns[:PRINTED]
    title = say("patterns.pinned", layer=layer.name, shown=len(shown), count=len(patterns))
    views = [climbing.view(model, wish, pattern, title) for pattern in shown]
    panels = tuple(
        replace(view.panels[0], title=str(pattern.channel)) for view, pattern in zip(views, shown, strict=True)
    )
    return replace(views[0], panels=panels, columns=ACROSS if len(panels) > 16 else 4, caption="")


def _png(pixels: np.ndarray) -> bytes:
    """Pixels 0..1 as they are: small pictures are enlarged without smoothing by the browser."""
    return render.png((pixels * 255 + 0.5).astype(np.uint8))


POLLED = running()
shell.fragment(page, run_every=1.0 if POLLED else None)()
