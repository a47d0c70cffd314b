"""The first screen: a result on a photo, before anybody has done anything."""

import streamlit as st

from dashboard import charts, choices, remember, shell, sidebar, tray, widgets
from dashboard.components.overlay import overlay
from dashboard.text import plain, say
from explain import report

st.title(say("start.title"), anchor=False)
st.write(say("start.about"))

model = choices.model()
image, title = choices.photo(), choices.photo_title()
output = choices.output(model)
guesses = remember.predictions(model, image, output)
left, right = st.columns([3, 2], gap="large")
with left:
    if model.default_layer:
        heatmap = remember.heatmap(model, image, "gradcam", None, None, output)
        st.header(say("start.heat", label=plain(heatmap.label)), anchor=False)
        looks = overlay(
            [widgets.heat_panel(heatmap, image, title, title="")],
            key="start_heat",
            label="Grad-CAM",
            tag=f"{image.key[:12]} {heatmap.class_index}",
        )
        widgets.next_steps(heatmap)

        def view() -> report.View:
            fresh = remember.heatmap(model, image, "gradcam", None, None, output, fresh=True)
            kept = {look: looks[look] for look in ("opacity", "colormap", "threshold", "smooth")}
            return report.view_of_heatmaps(model, image, fresh, output=output, **kept)

        name = (title, heatmap.label, "gradcam")
        widgets.save_buttons(widgets.figure_files(view, name)[:1], key="start")
    else:
        st.info(say("no_map", model=plain(model.name)))
with right:
    st.header(say("start.guesses"), anchor=False)
    charts.guesses(guesses, "start_guesses", guesses[0].class_index)
    with st.expander(say("start.how"), icon=":material/help:"):
        st.write(say("start.how.text"))
    st.header(say("start.next"), anchor=False)
    for name, page in list(shell.pages().items())[1:-1]:
        st.page_link(page, label=f"**{say(f'{name}.nav')}**", icon=shell.ICONS[name])
        st.caption(say(f"{name}.about"))
    st.caption(
        say(
            "models.facts", layers=len(model.layers), classes=model.outputs[output or 0].classes,
            size=choices.shape_text(model.input_shape), scaling=plain(model.scaling), why=plain(model.scaling_note),
        )
        + " · " + say("models.device", device=plain(remember.device(model.key)))
    )  # fmt: skip
    widgets.about_network(model)

st.header(say("start.photos"), anchor=False)


def look_at(photo: str) -> None:
    st.session_state["photo"] = photo


gallery = st.grid("auto", min_column_width=130)
for name, title in tray.photos().items():
    with gallery.cell():
        st.image(remember.thumbnail(tray.photo(name)), alt=say("alt.photo", name=title), width="stretch")
        st.button(
            plain(title), key=f"look_{name}", on_click=look_at, args=(name,), width="stretch",
            help=say("start.use"), type="primary" if name == choices.photo_id() else "secondary",
        )  # fmt: skip
sidebar.add_photos("main")
