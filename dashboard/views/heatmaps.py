"""Where a layer found evidence for a class."""

import streamlit as st

from dashboard import choices, remember, shell, widgets
from dashboard.components.overlay import Panel, overlay
from dashboard.text import clean, plain, say
from explain import render
from explain.methods import shelf

st.title(say("heatmaps.title"), anchor=False)
st.write(say("heatmaps.about"))

model = choices.model()
METHODS = shelf("heatmaps")


@shell.fragment
def page() -> None:
    image, title = choices.photo(), choices.photo_title()
    output = choices.output(model)
    guesses = remember.predictions(model, image, output)
    labels = choices.class_labels(model, output)
    left, middle, right = st.columns([3, 3, 2])
    with left:
        layer = choices.target(model, output)
    with middle:
        class_index = choices.explained_class(model, [p.class_index for p in guesses], output)
    with right:
        method = st.selectbox(
            say("choose.method"), list(METHODS), format_func=lambda m: METHODS[m].title, key="method", bind="query-params",
            help=" ".join(METHODS[next(iter(METHODS))].help.split()),
        )  # fmt: skip
    knobs = _knobs(method)
    heatmap = remember.heatmap(model, image, method, layer, class_index, output, **knobs)
    signed = knobs.get("signed", False)
    st.caption(say("heatmaps.top"))
    widgets.guess_buttons(guesses, labels, heatmap.class_index)
    looks = overlay(
        [
            Panel(
                say("heatmaps.photo"), None, remember.base(image), [title], alt=say("alt.photo", name=title)
            ),
            widgets.heat_panel(heatmap, image, title),
        ],
        key="heat_signed" if signed else "heat",
        label=METHODS[method].title,
        signed=signed,
        columns=2,
        shared_scale=False,
        tag=f"{image.key[:12]} {heatmap.layer} {heatmap.class_index}",
    )
    widgets.next_steps(heatmap, guesses[0], "signed" in knobs and not signed)
    text = widgets.caption(heatmap, model, title)
    name = (title, heatmap.label, heatmap.layer, method)
    widgets.save_buttons(
        [
            (
                "save.figure",
                lambda: widgets.heat_figure(image, heatmap, looks, text),
                name,
                "png",
                "image/png",
            ),
            (
                "save.overlay",
                lambda: _overlay_png(image, heatmap, looks),
                (*name, "overlay"),
                "png",
                "image/png",
            ),
            ("save.numbers", lambda: widgets.npy(heatmap.values), name, "npy", "application/octet-stream"),
        ],
        key="heat",
    )
    with st.expander(say("heatmaps.how")):
        st.write(plain(METHODS[method].help))
        st.write(
            say(
                "heatmaps.coarse",
                layer=plain(clean(heatmap.layer)),
                size=choices.shape_text(heatmap.values.shape),
            )
        )
        st.caption(plain(METHODS[method].source))


def _knobs(method: str) -> dict[str, bool]:
    """The switches of the method."""
    return {
        knob.name: st.toggle(
            say(f"knob.{knob.name}"), knob.default, key=knob.name, help=plain(knob.help), bind="query-params"
        )
        for knob in METHODS[method].knobs
        if isinstance(knob.default, bool)
    }


def _overlay_png(image, heatmap, looks) -> bytes:
    return render.png(widgets.overlay_pixels(image, heatmap, looks))


page()
