"""The knobs of methods, drawn from the shelf: whatever lies there can be turned here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard.sentences import ENGLISH
from dashboard.text import plain, say
from explain.methods import Knob, Method

IN_A_ROW = 4


def key_of(method: Method, knob: Knob) -> str:
    """Its name in the session and in the address. Switches that are off by default mean the same to every
    method, and stay as they are from one to the next; anything else belongs to its method."""
    return knob.name if knob.default is False else f"{method.name}_{knob.name}"


def knobs(methods: Sequence[Method]) -> dict[str, dict[str, Any]]:
    """Draw the knobs of these methods, a shared one once → {method: {knob: value}}."""
    owners: dict[str, list[tuple[Method, Knob]]] = {}
    for method in methods:
        for knob in method.knobs:
            owners.setdefault(key_of(method, knob), []).append((method, knob))
    chosen: dict[str, dict[str, Any]] = {method.name: {} for method in methods}
    for key, place in _places(owners).items():
        those = owners[key]
        with place:
            value = _draw(those[0][1], key, [method.title for method, _ in those] if len(methods) > 1 else [])
        for method, knob in those:
            chosen[method.name][knob.name] = value
    return chosen


def _places(owners: dict[str, list[tuple[Method, Knob]]]) -> dict[str, Any]:
    """{key: where its widget stands}: fields side by side, then the switches, whose words need room."""
    switches = [key for key, those in owners.items() if isinstance(those[0][1].default, bool)]
    fields = [key for key in owners if key not in switches]
    places: dict[str, Any] = {}
    for start in range(0, len(fields), IN_A_ROW):
        row = fields[start : start + IN_A_ROW]
        columns = st.columns(max(len(row), min(len(fields), IN_A_ROW)), vertical_alignment="bottom")
        places |= dict(zip(row, columns))
    if switches:
        places |= dict.fromkeys(switches, st.container(horizontal=True))
    return places


def _name(knob: Knob, short: bool = False) -> str:
    """What it is called: a sentence of ours, or its own name where a new method brings it along."""
    if short and f"knob.{knob.name}.short" in ENGLISH:
        return say(f"knob.{knob.name}.short")
    if f"knob.{knob.name}" in ENGLISH:
        return say(f"knob.{knob.name}")
    return knob.name.replace("_", " ").capitalize()


def _draw(knob: Knob, key: str, of: list[str]) -> Any:
    """One widget. of: the methods it belongs to, where that has to be said."""
    label = plain(say("of_methods", name=_name(knob, True), methods=", ".join(of)) if of else _name(knob))
    about = {"key": key, "help": plain(knob.help), "bind": "query-params"}
    if isinstance(knob.default, bool):
        return st.toggle(label, knob.default, **about)
    if knob.choices:
        return st.selectbox(label, knob.choices, knob.choices.index(knob.default), **about)
    if isinstance(knob.default, str):
        return st.text_input(label, knob.default, **about)
    kind = type(knob.default)
    low, high = (None if end is None else kind(end) for end in (knob.low, knob.high))
    step = 1 if kind is int else 0.05
    return st.number_input(label, low, high, knob.default, step, **about)
