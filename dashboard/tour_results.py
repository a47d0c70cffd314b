"""What the checkpoints of a training showed: where they looked, what they said, what has changed in them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from dashboard import choices, layer_charts, two_layers, widgets
from dashboard.components.overlay import overlay
from dashboard.labels import class_label, labelled
from dashboard.text import clean, plain, say, told
from explain.results import Image
from explain.similarity import Block, State, alike_to_last, blocks


def results(states: list[State], image: Image, title: str) -> None:
    """states: at least one, in their order; image, title: the photo."""
    last = states[-1]
    label = class_label(last.model, last.heatmap.class_index)
    names = [state.name for state in states]
    st.header(say("tour.heatmaps", label=plain(label)), anchor=False)
    shown = states[0]
    if len(states) > 1:
        places = st.select_slider(
            say("tour.which"),
            list(range(len(states))),
            format_func=names.__getitem__,
            key=f"tour_at {len(states)}",
        )
        shown = states[places]
    highest = max(float(state.heatmap.values.max()) for state in states)
    scale = (0.0, highest) if highest > 0 else None
    pairs = [(say("tour.last", name=clean(last.name)), last)]
    if len(states) > 1:
        pairs.insert(0, (clean(shown.name), shown))
    panels = [
        replace(
            widgets.heat_panel(labelled(state.heatmap, state.model, None), image, title, name), limits=scale
        )
        for name, state in pairs
    ]
    overlay(
        panels,
        key="tour_heat",
        label=widgets.method_title(last.heatmap),
        columns=2,
        tag=f"{shown.name} {image.key[:6]}",
    )
    if len(states) < 2:
        return
    two_layers.figures(shown.heatmap.values, last.heatmap.values)
    _curves(states, names, label)
    _blocks(states, names)
    _layers(states, names)


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
            columns, hide_index=True, column_config={say("tour.said.probability"): bar, say("tour.said.score"): number},
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
        say("tour.block.changed"): [
            ", ".join(name for name, many in zip(names, block.changes, strict=True) if many) or "–"
            for block in found
        ],
    }
    st.dataframe(
        columns,
        hide_index=True,
        height=min(38 + 35 * len(found), 460),
        alt=say("tour.blocks.alt", count=len(found)),
    )


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
