"""Where the evidence for a class is: in a layer, or in the pixels."""

from contextlib import nullcontext
from dataclasses import replace

import streamlit as st

from dashboard import choices, knobs, pins, remember, shell, widgets
from dashboard.components.overlay import Panel, overlay
from dashboard.text import clean, plain, say
from explain import render, report
from explain.methods import Method, shelf
from explain.results import Heatmap

st.title(say("heatmaps.title"), anchor=False)
st.write(say("heatmaps.about"))

model = choices.model()
METHODS = shelf("heatmaps")
USUAL = "gradcam"


@shell.fragment
def page() -> None:
    image, title = choices.photo(), choices.photo_title()
    output = choices.output(model)
    guesses = remember.predictions(model, image, output)
    method = _method()
    layer, class_index = _asked(method, guesses, output)
    options = knobs.knobs([method])[method.name]
    slow = (
        nullcontext()
        if method.layered
        else st.spinner(say("heatmaps.making", method=method.title), show_time=True)
    )
    with slow:
        heatmap = remember.heatmap(model, image, method.name, layer, class_index, output, **options)
    if method.class_specific:
        st.caption(say("heatmaps.top"))
        widgets.guess_buttons(guesses, choices.class_labels(model, output), heatmap.class_index)
    looks = overlay(
        [
            Panel(
                say("heatmaps.photo"), None, remember.base(image), [title], alt=say("alt.photo", name=title)
            ),
            widgets.heat_panel(heatmap, image, title),
        ],
        key="heat_signed" if heatmap.signed else "heat",
        label=method.title,
        signed=heatmap.signed,
        columns=2,
        shared_scale=False,
        tag=f"{image.key[:12]} {heatmap.layer} {heatmap.class_index} {method.name}",
    )
    if heatmap.signed:
        st.caption(say("heatmaps.sign"))
    may_sign = "signed" in options and not heatmap.signed
    widgets.next_steps(heatmap, guesses[0], knobs.key_of(method, _knob(method, "signed")) if may_sign else "")
    name = (title, heatmap.label, heatmap.layer, method.name)

    def fresh() -> Heatmap:
        return remember.heatmap(model, image, method.name, layer, class_index, output, fresh=True, **options)

    def view(made: Heatmap | None = None) -> report.View:
        made = made or fresh()
        kept = {look: looks[look] for look in ("opacity", "colormap", "threshold", "smooth")}
        heading = f"{method.title}: {heatmap.label}" if method.class_specific else method.title
        found = report.view_of_heatmaps(model, image, made, heading, output=output, **kept)
        return replace(found, panels=(widgets.printed(found.panels[0], made),))

    def overlay_png() -> bytes:
        made = fresh()
        pixels = widgets.overlay_pixels(image, made, looks, widgets.heat_limits(made))
        return report.with_manifest(render.png(pixels), view(made))

    widgets.save_buttons(
        [
            *widgets.figure_files(view, name),
            ("save.overlay", overlay_png, (*name, "overlay"), "png", "image/png"),
            ("save.numbers", lambda: widgets.npy(fresh().values), name, "npy", "application/octet-stream"),
        ],
        key="heat",
    )
    pins.button(view, "heat")
    _how(method, heatmap)


def _method() -> Method:
    titles = {name: each.title for name, each in METHODS.items()}
    place, about = st.columns([3, 5], vertical_alignment="bottom")
    with place:
        name = st.selectbox(
            say("choose.method"), list(titles), list(titles).index(USUAL), format_func=titles.get, key="method",
            bind="query-params", help=say("compare.methods.help"),
        )  # fmt: skip
    about.caption(plain(METHODS[name].help))
    return METHODS[name]


def _asked(method: Method, guesses, output: int | None) -> tuple[str | None, int | None]:
    """Layer and class, where the method needs them. What is not asked now stays chosen."""
    for key in ("target", "class"):
        if key in st.session_state:
            st.session_state[key] = st.session_state[key]
    left, right = st.columns(2)
    layer = class_index = None
    with left:
        if method.layered:
            layer = choices.target(model, output)
        else:
            st.write(say("heatmaps.no_layer"))
    with right:
        if method.class_specific:
            class_index = choices.explained_class(model, [p.class_index for p in guesses], output)
        else:
            st.write(say("heatmaps.no_class"))
    return layer, class_index


def _knob(method: Method, name: str):
    return next(knob for knob in method.knobs if knob.name == name)


def _how(method: Method, heatmap) -> None:
    with st.expander(say("heatmaps.how")):
        st.write(plain(method.help))
        size = choices.shape_text(heatmap.values.shape)
        if method.layered:
            st.write(say("heatmaps.coarse", layer=plain(clean(heatmap.layer)), size=size))
        else:
            st.write(say("heatmaps.fine", size=size))
        st.caption(plain(method.source))


page()
