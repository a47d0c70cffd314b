"""Heatmaps side by side: photos × layers × classes."""

import io
import zipfile

import numpy as np
import streamlit as st

from dashboard import choices, remember, shell, tray, widgets
from dashboard.components.overlay import overlay, shared_limits
from dashboard.text import plain, say
from explain import render

MOST = 24

st.title(say("compare.title"), anchor=False)
st.write(say("compare.about"))

model = choices.model()


@shell.fragment
def page() -> None:
    if not model.default_layer:
        st.info(say("no_map", model=plain(model.name)))
        return
    titles = tray.photos()
    output = choices.output(model)
    labels = choices.class_labels(model, output)
    usable = choices.layer_labels([each for each in model.layers if each.has_map])
    _follow(choices.photo_id())
    _keep("layers", usable, model.default_layer)
    _keep("classes", labels, None)
    left, middle, right = st.columns(3)
    with left:
        photos = st.multiselect(
            say("compare.photos"), list(titles), [choices.photo_id(), *[p for p in titles if p != choices.photo_id()][:1]],
            format_func=titles.get, key="photos", wrap=True, bind="query-params", help=say("choose.photo.help"),
        )  # fmt: skip
    with middle:
        layers = st.multiselect(
            say("compare.layers"), list(reversed(usable)), [model.default_layer], format_func=usable.get, key="layers", wrap=True,
            bind="query-params", help=say("choose.target.help"),
        )  # fmt: skip
    with right:
        classes = st.multiselect(
            say("compare.classes"), list(labels), [None], format_func=labels.get, key="classes", wrap=True, bind="query-params",
            help=say("choose.class.help"),
        )  # fmt: skip
    count = len(photos) * len(layers) * len(classes)
    if count == 0:
        st.info(say("compare.empty"), icon=":material/compare:")
        return
    if count > MOST:
        st.warning(say("compare.too_many", count=count, most=MOST))
        return
    images = [tray.photo(name) for name in photos]
    rows = []  # (photo title, image, heatmap), photo by photo
    wanted = [(la, k) for la in layers for k in classes]
    found = {(la, k): remember.heatmaps(model, images, "gradcam", la, k, output) for la, k in wanted}
    for i, image in enumerate(images):
        rows += [(titles[photos[i]], image, found[la, k][i]) for la, k in wanted]
    # Grad-CAM of different layers differs by orders of magnitude: one scale for all would hide one of them.
    several = len(layers) > 1
    limits = {la: _limits([h for _, _, h in rows if h.layer == la]) for la in layers} if several else {}
    also = [say("compare.per_layer")] if several else []
    panels = [
        widgets.heat_panel(h, image, title, f"{title}: {h.label}", limits.get(h.layer), also)
        for title, image, h in rows
    ]
    if several:
        st.caption(say("compare.per_layer.why"))
    across = len(layers) * len(classes)
    columns = across if 1 < across <= 4 else min(len(panels), 3)
    looks = overlay(
        panels, key="compare_heat", label="Grad-CAM", columns=columns, shared_scale=not several,
        tag=" ".join(f"{h.image[:6]} {h.layer} {h.class_index}" for _, _, h in rows),
    )  # fmt: skip
    shared = shared_limits(panels) if not several and looks["locked"] and len(panels) > 1 else None
    scales = [shared or p.limits or render.limits(p.values) for p in panels]
    widgets.save_buttons(
        [
            (
                "save.figure",
                lambda: _sheet(rows, looks, scales, columns),
                ("compare", model.name),
                "png",
                "image/png",
            ),
            ("save.archive", lambda: _numbers(rows), ("compare", model.name), "zip", "application/zip"),
        ],
        key="compare",
    )


def _follow(photo: str) -> None:
    """A photo that is chosen in the side bar while one compares joins the others."""
    before, st.session_state["compare_before"] = st.session_state.get("compare_before"), photo
    shown = st.session_state.get("photos")
    if before not in (None, photo) and shown is not None and photo not in shown:
        st.session_state["photos"] = [*shown, photo]


def _keep(key: str, known, usual) -> None:
    """What was chosen of another network is chosen no more; never nothing because of that."""
    before = st.session_state.get(key)
    if before and not set(before) & set(known):
        st.session_state[key] = [usual]


def _limits(heatmaps) -> tuple[float, float]:
    """One scale for several maps of one layer."""
    every = [render.limits(h.values) for h in heatmaps if h.values.any()] or [(0.0, 1.0)]
    return min(lo for lo, _ in every), max(hi for _, hi in every)


def _sheet(rows, looks, scales, columns: int) -> bytes:
    figures = []
    for (title, image, heatmap), (lo, hi) in zip(rows, scales):
        pixels = render.overlay(
            image, heatmap, looks["opacity"], looks["colormap"], looks["threshold"], looks["smooth"], (lo, hi),
            size=(360, round(360 * image.pixels.shape[1] / image.pixels.shape[0])),
        )  # fmt: skip
        bar = render.Bar(lo, hi, looks["colormap"], widgets.method_title(heatmap))
        figures.append(render.figure(pixels, bar, widgets.caption(heatmap, model, title)))
    return render.png(render.sheet(figures, columns))


def _numbers(rows) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for i, (title, _, heatmap) in enumerate(rows):
            name = choices.file_name(f"{i:02}", title, heatmap.label, heatmap.layer, suffix="npy")
            archive.writestr(name, widgets.npy(np.asarray(heatmap.values)))
    return buffer.getvalue()


page()
