"""What the checkpoints of a training showed: where they looked, what they said, what has changed in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st

from dashboard import choices, layer_charts, pins, rows, shell, tray, two_layers, widgets
from dashboard.components.overlay import overlay, shared_limits
from dashboard.labels import class_label, labelled
from dashboard.text import clean, plain, say, told
from explain import report
from explain.report.nouns import View
from explain.results import Image
from explain.similarity import Block, State, alike_to_last, blocks

PRINTED, ACROSS = 12, 6  # checkpoints of a figure, evenly over the training, and in a row of it


@dataclass(frozen=True)
class Shown:
    """What is looked at. states: at least one, in their order; image, title: the photo; names: of all
    checkpoints, those without a state too."""

    states: list[State]
    image: Image
    title: str
    names: list[str]


def results(shown: Shown) -> None:
    states = shown.states
    names = [state.name for state in states]
    label = class_label(states[-1].model, states[-1].heatmap.class_index)
    st.header(say("tour.heatmaps", label=plain(label)), anchor=False)
    # Of its own, so that moving along the training draws two maps and nothing else.
    shell.fragment(lambda: _heatmaps(shown, names, label))()
    if len(states) < 2:
        return
    _curves(states, names, label)
    pins.button(lambda: _view_of_said(shown, label), "tour_said", "two.pin.help")
    _blocks(states, names)
    if states[-1].grams is not None:
        _layers(states, names)
        pins.button(lambda: _view_of_layers(states), "tour_layers", "two.pin.help")


def _heatmaps(shown: Shown, names: list[str], label: str) -> None:
    """One checkpoint beside the last; all of them on one scale."""
    states, last = shown.states, shown.states[-1]
    one = states[_place(names)] if len(states) > 1 else last
    maps = [labelled(state.heatmap, state.model, None) for state in states]
    panels = [
        widgets.heat_panel(each, shown.image, shown.title, clean(state.name))
        for each, state in zip(maps, states, strict=True)
    ]
    scale = shared_limits(panels, last.heatmap.signed)
    pair = [replace(panels[states.index(one)], limits=scale)] if len(states) > 1 else []
    pair.append(replace(panels[-1], limits=scale, title=say("tour.last", name=clean(last.name))))
    method = widgets.method_title(last.heatmap)
    looks = overlay(
        pair, key="tour_heat_signed" if last.heatmap.signed else "tour_heat", columns=2, shared_scale=False,
        label=method, signed=last.heatmap.signed, words={"own": say("tour.scale")},
        tag=f"{one.name} {shown.image.key[:6]} {last.heatmap.method} {last.heatmap.class_index}",
    )  # fmt: skip
    if len(states) < 2:
        return
    two_layers.figures(one.heatmap.values, last.heatmap.values)

    def view() -> View:
        return _view(shown, label, looks)

    widgets.save_buttons(
        widgets.figure_files(view, (shown.title, label, last.heatmap.method, "training")), key="tour heat"
    )
    pins.button(view, "tour_heat")


def _place(names: list[str]) -> int:
    """Which checkpoint is looked at: the same as before, also when others have come to it."""

    def noted() -> None:
        st.session_state["tour_shown"] = st.session_state["tour_at"]

    kept = st.session_state.get("tour_shown")
    st.session_state["tour_at"] = kept if kept in names else names[0]
    chosen = st.select_slider(
        say("tour.which"), names, key="tour_at", on_change=noted, help=say("tour.slider.help")
    )
    return names.index(chosen)


def _view(shown: Shown, label: str, looks: Mapping[str, Any]) -> View:
    """A row over the training. Its numbers were computed fresh, each checkpoint with this photo alone."""
    states = shown.states
    places = np.unique(np.linspace(0, len(states) - 1, min(PRINTED, len(states))).round().astype(int))
    cells = [
        rows.Cell(state.name, state.model, labelled(state.heatmap, state.model, None))
        for state in (states[place] for place in places)
    ]
    words = {
        "method": widgets.method_title(states[-1].heatmap), "label": label, "photo": shown.title,
        "shown": len(cells), "count": len(states),
    }  # fmt: skip
    title = say("tour.pinned" if len(cells) == len(states) else "tour.pinned.some", **words)
    image = replace(shown.image, name=shown.title)
    return rows.heatmaps(title, cells, image, looks, True, columns=min(len(cells), ACROSS))


def _view_of_said(shown: Shown, label: str) -> View:
    title = say("tour.pinned.said", label=label, photo=shown.title)
    states = [
        replace(state, heatmap=labelled(state.heatmap, state.model, None), name=clean(state.name))
        for state in shown.states
    ]
    return report.view_of_training(states, replace(shown.image, name=shown.title), title)


def _view_of_layers(states: list[State]) -> View:
    photos = tray.titled(states[-1].grams.images)
    return report.view_of_training_layers(states, photos, say("tour.pinned.layers"))


def _curves(states: list[State], names: list[str], label: str) -> None:
    st.header(say("tour.curves"), anchor=False)
    left, right = st.columns(2)
    for cell, what, top in ((left, "probability", 1.02), (right, "score", None)):
        with cell:
            word = say(f"tour.said.{what}")
            alt = say("tour.curve.alt", what=word, label=label, count=len(states))
            layer_charts.lines(
                names, [getattr(s.heatmap, what) for s in states], f"tour_{what}", word, alt, top
            )
    columns = {
        say("tour.which"): names,
        say("tour.guess"): [class_label(s.model, s.guess.class_index) for s in states],
        say("tour.said.probability"): [100 * s.heatmap.probability for s in states],
        say("tour.said.score"): [s.heatmap.score for s in states],
    }
    bar = st.column_config.ProgressColumn(format="%.1f %%", min_value=0, max_value=100)
    number = st.column_config.NumberColumn(format="%.3g")
    with st.expander(say("tour.guesses")):
        st.dataframe(
            columns, hide_index=True,
            column_config={say("tour.said.probability"): bar, say("tour.said.score"): number},
            alt=say("tour.guesses.alt", count=len(states)),
        )  # fmt: skip


def _blocks(states: list[State], names: list[str]) -> None:
    st.header(say("tour.blocks"), anchor=False)
    st.caption(say("tour.blocks.about"))
    found = blocks(states, choices.block_of)
    if not found:
        st.info(say("tour.blocks.none"))
        return
    if all(block.frozen for block in found):
        st.info(say("tour.blocks.all_frozen"))
    for kind, some in (
        ("frozen", [b for b in found if b.frozen]),
        ("tuned", [b for b in found if not b.frozen]),
    ):
        if some:
            st.write(say(f"tour.blocks.are.{kind}", blocks=", ".join(plain(clean(b.name)) for b in some)))
    columns = {
        say("tour.block"): list(told({b.name: b.name for b in found}).values()),
        say("tour.block.state"): [_state_of(block) for block in found],
        say("tour.block.layers"): [block.layers for block in found],
        say("tour.block.changed"): [_changed_in(block, names) for block in found],
    }
    st.dataframe(
        columns,
        hide_index=True,
        height=min(38 + 35 * len(found), 460),
        alt=say("tour.blocks.alt", count=len(found)),
    )


def _changed_in(block: Block, names: list[str]) -> str:
    changed = [name for name, many in zip(names, block.changes, strict=True) if many]
    if len(changed) == len(names) - 1 > 2:
        return say("tour.block.every")
    return ", ".join(changed) or "–"


def _state_of(block: Block) -> str:
    if block.frozen:
        return say("tour.block.frozen")
    if not block.unchanged:
        return say("tour.block.tuned")
    return say("tour.block.partly", unchanged=block.unchanged, layers=block.layers)


def _layers(states: list[State], names: list[str]) -> None:
    st.header(say("tour.layers"), anchor=False)
    many = len(states[-1].grams.images)
    word = say("two.layers.trust.enough" if many >= two_layers.ENOUGH else "two.layers.trust.few")
    st.caption(say("tour.layers.about", count=many, word=word))
    layers, figures = alike_to_last(states)
    if unlike := [name for name, row in zip(names, figures, strict=True) if np.isnan(row).all()]:
        st.warning(say("tour.layers.unlike", names=plain(", ".join(unlike))))
    axes = say("tour.layers.checkpoints"), say("two.layers.axis")
    alt = say("tour.layers.alt", count=len(names), layers=len(layers))
    height = 110 + 34 * min(len(names), 14)
    layer_charts.matrix(names, layers, figures, "tour_matrix", alt, axes, height, named=False)
