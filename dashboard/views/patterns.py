"""What a channel would like to see."""

from dataclasses import replace

import numpy as np
import streamlit as st

from dashboard import charts, choices, pins, remember, shell, widgets
from dashboard.climbs import Climb, Made, Wish, channels_from
from dashboard.components.overlay import LOOKS, Panel, overlay
from dashboard.components.wall import wall
from dashboard.text import clean, plain, say
from explain import render, report
from explain.methods import shelf
from explain.report.nouns import View

RECIPES = shelf("patterns")
USUAL = "robust"
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
        _progress(job)
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
        names = sorted(RECIPES, key=lambda name: name != USUAL)
        method = st.selectbox(
            say("choose.recipe"), names, format_func=lambda m: RECIPES[m].title, key="recipe", bind="query-params",
            help="\n\n".join(f"{RECIPES[m].title}: {plain(RECIPES[m].help)}" for m in names),
        )  # fmt: skip
        size_knob = next(k for k in RECIPES[method].knobs if k.name == "size")
        cells = st.columns(3)
        steps = cells[0].number_input(
            say("choose.steps"), 1, 512, 30, key="steps", bind="query-params", help=say("choose.steps.help")
        )
        size = cells[1].number_input(
            size_knob.name.capitalize(), int(size_knob.low), int(size_knob.high), size_knob.default, 32, key="size",
            bind="query-params", help=size_knob.help,
        )  # fmt: skip
        seed = cells[2].number_input(
            say("choose.seed"), 0, 2**31 - 1, 0, key="seed", bind="query-params", help=say("choose.seed.help")
        )
    wish = Wish(model.key, layer.name, method, int(steps), int(size), int(seed))
    channels = channels_from(text, most)
    if channels is None:
        st.error(say("patterns.bad_channels", most=most, text=plain(text)))
    elif len(channels) > MOST:
        st.error(say("patterns.too_many", most=MOST, count=len(channels)))
        channels = None
    return wish, None if channels is None else tuple(channels)


def _progress(job: Climb) -> None:
    done, total = len(job.done), len(job.channels)
    if job.running:
        left = job.seconds_left()
        text = say("patterns.progress", done=done, total=total)
        if left is not None:
            text = say("patterns.left", done=done, total=total, seconds=left)
        st.progress(done / total, text)
        st.button(say("patterns.stop"), on_click=job.stop, icon=":material/stop_circle:")
        return
    if job.failure:
        st.error(plain(job.failure))
        st.caption(say("error.help", code=job.failure.code))
    elif job.stopped and done < total:
        st.info(say("patterns.stopped", done=done, total=total))
    if done < total:
        st.button(
            say("patterns.go_on" if done else "patterns.make"), on_click=_start, args=(job,), type="primary",
            icon=":material/play_arrow:",
        )  # fmt: skip


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
                ("save.wall", lambda: render.png(render.grid(patterns, gap=2)), name, "png", "image/png"),
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
    widgets.save_buttons(
        [
            ("save.pattern", lambda: png, name, "png", "image/png"),
            ("save.numbers", lambda: widgets.npy(pattern.pixels), name, "npy", "application/octet-stream"),
        ],
        key="pattern_one",
    )
    words = {"channel": channel, "layer": layer.name}
    pins.button(lambda: _view(wish, pattern, say("patterns.pinned.one", **words)), "pattern_one")


def _wall_view(layer, wish: Wish, patterns: list[Made]) -> View:
    shown = patterns[:PRINTED]
    title = say("patterns.pinned", layer=layer.name, shown=len(shown), count=len(patterns))
    views = [_view(wish, pattern, title) for pattern in shown]
    panels = tuple(
        replace(view.panels[0], title=str(pattern.channel)) for view, pattern in zip(views, shown, strict=True)
    )
    return replace(views[0], panels=panels, columns=ACROSS if len(panels) > 16 else 4, caption="")


def _view(wish: Wish, pattern: Made, title: str) -> View:
    """Numbers as they were made: a pattern depends on nothing that is remembered, but on its batch."""
    options = RECIPES[wish.method].options({"size": wish.size})
    return report.view_of_patterns(
        model, pattern, title, steps=wish.steps, size=wish.size, seed=wish.seed, options=options,
        together=pattern.together,
    )  # fmt: skip


def _png(pixels: np.ndarray) -> bytes:
    """Pixels 0..1 as they are: small pictures are enlarged without smoothing by the browser."""
    return render.png((pixels * 255 + 0.5).astype(np.uint8))


POLLED = running()
shell.fragment(page, run_every=1.0 if POLLED else None)()
