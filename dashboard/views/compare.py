"""Heatmaps side by side: photos × methods × layers × classes × networks."""

from functools import partial

import streamlit as st

from dashboard import (
    choices,
    comparing,
    grids,
    knobs,
    networks,
    pairs,
    pins,
    shell,
    tray,
    widgets,
)
from dashboard.components.overlay import overlay
from dashboard.grids import AXES, Asker
from dashboard.networks import AUTOMATIC
from dashboard.text import plain, say
from explain.methods import shelf
from explain.results import Model
from explain.similarity import match_classes

MOST = 24  # cells
MOST_MODELS = 3  # as many as have a process of their own at once
USUAL = "gradcam"
METHODS = shelf("heatmaps")

st.title(say("compare.title"), anchor=False)
st.write(say("compare.about"))

model = choices.model()


@shell.fragment
def page() -> None:
    output = choices.output(model)
    labels = choices.class_labels(model, output)
    chosen = _choices(labels)
    chosen, models = _opened(chosen)
    with st.expander(say("compare.settings"), icon=":material/tune:"):
        rows, columns = _axes()
        options = knobs.knobs([METHODS[name] for name in chosen["methods"]])
    if not all(chosen.values()):
        st.info(say("compare.empty"), icon=":material/compare:")
        return
    if any(METHODS[name].layered for name in chosen["methods"]):
        for each in models.values():
            if not each.default_layer:
                st.info(say("compare.no_map", model=plain(each.name)), icon=":material/grid_off:")
    plan = grids.plan(chosen, rows, columns)
    matched = {name: match_classes(model, other, output or 0) for name, other in models.items()}
    asker = Asker(models, networks.chosen(), matched, labels, output)
    lines = grids.cells(chosen, plan, asker)
    count = sum(map(len, lines))
    if count > MOST:
        st.warning(say("compare.too_many", count=count, most=MOST))
        return
    grid = comparing.answered(comparing.Grid(plan, lines, asker, options))
    titles = comparing.axis_labels(chosen, tray.photos(), networks.titles(), labels)
    shown = comparing.Screen(grid, titles)
    if shown.scales > 1:
        st.caption(say("compare.scales.why"))
    looks = overlay(
        shown.panels, key="compare_heat", columns=plan.wide, label=METHODS[chosen["methods"][0]].title,
        signed=all(panel.signed for panel in shown.panels if panel.values is not None),
        pair=pairs.asked(), alike=partial(pairs.likeness, shown), tag=shown.tag,
        words={"locked": say("compare.lock")} if shown.scales > 1 else None,
    )  # fmt: skip
    pairs.note(looks["pair"])
    st.divider()
    name = ("compare", model.name)
    widgets.save_buttons(
        [*widgets.figure_files(lambda: shown.view(looks), name),
         ("save.archive", partial(shown.archive, looks), name, "zip", "application/zip")],
        key="compare",
    )  # fmt: skip
    pins.button(lambda: shown.view(looks), "compare")


def _choices(labels: dict[int | None, str]) -> dict[str, list]:
    """What the visitor chose on each axis."""
    titles, names = tray.photos(), networks.titles()
    layers = _layer_labels([model])
    _follow(choices.photo_id())
    _keep("layers", layers, AUTOMATIC)
    _keep("classes", labels, None)
    _keep("models", names, networks.chosen())
    _lead(networks.chosen())
    photos = [choices.photo_id(), *[p for p in titles if p != choices.photo_id()][:1]]
    methods = {name: method.title for name, method in METHODS.items()}
    upper, lower = st.columns(3), st.columns(2)
    return {
        "photos": _pick(upper[0], "photos", titles, photos, say("choose.photo.help")),
        "methods": _pick(upper[1], "methods", methods, [USUAL], say("compare.methods.help")),
        "layers": _pick(lower[0], "layers", layers, [AUTOMATIC], say("compare.layers.help")),
        "classes": _pick(lower[1], "classes", labels, [None], say("choose.class.help")),
        "models": _pick(
            upper[2], "models", names, [networks.chosen()], say("compare.models.help", most=MOST_MODELS), MOST_MODELS
        ),
    }  # fmt: skip


def _pick(place, axis: str, labels: dict, usual: list, about: str, most: int | None = None) -> list:
    with place:
        return st.multiselect(
            say(f"compare.pick.{axis}"), list(labels), usual, format_func=labels.get, key=axis, wrap=True, bind="query-params",
            help=about, max_selections=most,
        )  # fmt: skip


def _layer_labels(models: list[Model]) -> dict[str, str]:
    every = {one.name: one for each in models for one in each.layers if one.has_map}
    return {AUTOMATIC: say("compare.last_layer")} | choices.layer_labels(list(every.values())[::-1])


def _opened(chosen: dict[str, list]) -> tuple[dict[str, list], dict[str, Model]]:
    """The chosen networks that are open; the page says what is with the others."""
    models: dict[str, Model] = {}
    for name in chosen["models"]:
        found = model if name == networks.chosen() else networks.open_beside(name, lambda n=name: _without(n))
        if found is not None:
            models[name] = found
    return chosen | {"models": list(models)}, models


def _without(name: str) -> None:
    st.session_state["models"] = [each for each in st.session_state.get("models", []) if each != name]


def _axes() -> tuple[str, str]:
    labels = {axis: say(f"compare.axis.{axis}") for axis in AXES}
    left, right, _ = st.columns([1, 1, 2])
    with left:
        rows = st.selectbox(
            say("compare.rows"), AXES, 0, format_func=labels.get, key="rows", help=say("compare.axes.help"),
            **choices.LINKED,
        )  # fmt: skip
    with right:
        columns = st.selectbox(
            say("compare.columns"), AXES, 1, format_func=labels.get, key="columns", help=say("compare.axes.help"),
            **choices.LINKED,
        )  # fmt: skip
    return rows, columns


def _follow(photo: str) -> None:
    """A photo that is chosen in the side bar while one compares joins the others."""
    before, st.session_state["compare_before"] = st.session_state.get("compare_before"), photo
    shown = st.session_state.get("photos")
    if before not in (None, photo) and shown is not None and photo not in shown:
        st.session_state["photos"] = [*shown, photo]


def _lead(name: str) -> None:
    """So does a network, in the place of the one that was chosen there before."""
    before, st.session_state["compare_led"] = st.session_state.get("compare_led"), name
    shown = st.session_state.get("models")
    if before not in (None, name) and shown is not None and name not in shown:
        st.session_state["models"] = [name, *(each for each in shown if each != before)]


def _keep(key: str, known, usual) -> None:
    """What was chosen of another network is chosen no more; never nothing because of that."""
    before = st.session_state.get(key)
    if before and not set(before) & set(known):
        st.session_state[key] = [usual]


page()
