"""What the visitor pinned: views for the report, in their order, and the button that pins.

Pins live in the session, whatever page or network is looked at, and are gone with it; the ZIP of the report
brings them back. They hold their own copy of numbers and photos, so that nothing which happens elsewhere
changes them.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from dashboard import shell
from dashboard.text import plain, say
from explain.errors import OptionError
from explain.report import captions
from explain.report.nouns import Panel, Report, View
from explain.results import frozen

MOST = 40  # views of one session
MAX_BYTES = int(float(os.environ.get("EXPLAIN_PINS_MB", 200)) * 2**20)  # their numbers and photos
TITLES = ("report_title", "report_about")  # of the document: its title and its introduction
WORDS = ("title", "caption", "remark")  # what a person may write; they do not make another view


@frozen
class Pin:
    """One pinned view. id: of this pin alone; digest: of what is to be seen; proposed: its first title."""

    id: str
    view: View
    digest: str
    proposed: str


@frozen
class Change:
    """The last change that can be undone. removed: pins with the places they had; added: ids of those that an
    opened report brought; words: title and introduction before it."""

    removed: tuple[tuple[int, Pin], ...] = ()
    added: tuple[str, ...] = ()
    words: tuple[str, str] | None = None


# The button ------------------------------------------------------------------------------------------


def button(make: Callable[[], View | Sequence[View]], key: str, about: str = "pin.help") -> None:
    """“Pin to report”, and the way there once something is pinned.

    make: the view, or several, computed fresh; called on the click only. Its errors are shown here, and
    the page goes on. about: the key of the sentence that tells what it does.
    """
    with st.container(horizontal=True, vertical_alignment="center"):
        clicked = st.button(say("pin.button"), key=f"pin {key}", icon=":material/keep:", help=say(about))
        there = st.empty()
    if clicked:
        with shell.guard(), st.spinner(say("pin.making")):
            made = make()
            _pin((made,) if isinstance(made, View) else tuple(made))
    if pins():
        to_report(there)


def to_report(place: Any = st) -> None:
    """A link to the report, with the number of its figures."""
    label = say("pin.to_report", count=len(pins()))
    place.page_link(shell.pages()["report"], label=label, icon=shell.ICONS["report"])


def _pin(views: Iterable[View]) -> None:
    """Add them, and say what became of each."""
    for view in views:
        refused = add(view)
        title = plain(view.title)
        if refused:
            st.warning(say(refused, title=title, most=MOST, megabytes=MAX_BYTES // 2**20))
        else:
            st.toast(say("pin.done", title=title, count=len(pins())), icon=":material/keep:")


# The list --------------------------------------------------------------------------------------------


def pins() -> list[Pin]:
    """In the order of the report. To be read; the functions below change it."""
    return st.session_state.setdefault("pins", [])


def add(view: View) -> str:
    """At the end → "", or the key of the sentence that says why not.

    What was taken out before cannot be brought back then: the limits hold for all that is kept.
    """
    made = _pinned(view)
    if any(pin.digest == made.digest for pin in pins()):
        return "pin.twice"
    if len(pins()) >= MOST:
        return "pin.too_many"
    if weight([*(pin.view for pin in pins()), view]) > MAX_BYTES:
        return "pin.too_large"
    st.session_state.pop("pins_change", None)
    pins().append(made)
    return ""


def open_report(report: Report, instead: bool) -> int:
    """Its views behind those that are there, or instead of them; all of them, or OptionError → how many.

    What is in the report already, exactly so, is not added again. Title and introduction come along where
    there are none yet, or instead. `restore` takes all of it back.
    """
    known = {} if instead else {pin.digest: pin for pin in pins()}
    made = [pin for pin in map(_pinned, report.views) if pin.digest not in known]
    kept = [] if instead else pins()
    if len(kept) + len(made) > MOST:
        raise OptionError(say("report.open.too_many", most=MOST, count=len(kept) + len(made)))
    if weight(pin.view for pin in [*pins(), *made]) > MAX_BYTES:  # those that could be brought back, too
        raise OptionError(say("report.open.too_large", megabytes=MAX_BYTES // 2**20))
    before = tuple(st.session_state.get(key, "") for key in TITLES)
    gone = tuple(enumerate(pins())) if instead else ()
    st.session_state["pins_change"] = Change(gone, tuple(pin.id for pin in made), before)
    pins()[:] = [*kept, *made]
    for key, words in zip(TITLES, (report.title, report.about), strict=True):
        if instead or not st.session_state.get(key):
            st.session_state[key] = words
    return len(made)


def change(pin: str, **words: str) -> None:
    """Other words for that pin: title, caption, remark."""
    for i, one in enumerate(pins()):
        if one.id == pin:
            pins()[i] = replace(one, view=replace(one.view, **words))


def move(pin: str, by: int) -> None:
    """Up (−1) or down (+1); nothing at the ends."""
    place = _place(pin)
    if place is not None and 0 <= place + by < len(pins()):
        pins().insert(place + by, pins().pop(place))


def remove(pin: str) -> None:
    """Take it out; `restore` brings it back."""
    place = _place(pin)
    if place is not None:
        st.session_state["pins_change"] = Change(((place, pins().pop(place)),))


def clear() -> None:
    """Take all of them out; `restore` brings them back."""
    st.session_state["pins_change"] = Change(tuple(enumerate(pins())))
    pins().clear()


def changed() -> Change | None:
    """What was taken out or opened last, if that can be undone."""
    return st.session_state.get("pins_change")


def restore() -> None:
    """Undo that: what an opened report brought goes, and what was taken out comes back, each to its place."""
    change = st.session_state.pop("pins_change", None) or Change()
    pins()[:] = [pin for pin in pins() if pin.id not in change.added]
    for place, pin in change.removed:
        pins().insert(place, pin)
    for key, words in zip(TITLES, change.words or ()):
        st.session_state[key] = words


def _pinned(view: View) -> Pin:
    view = view if view.caption else replace(view, caption=captions.caption(view))
    return Pin(uuid.uuid4().hex[:12], view, digest_of(view), view.title)


def _place(pin: str) -> int | None:
    return next((i for i, one in enumerate(pins()) if one.id == pin), None)


# What a view is --------------------------------------------------------------------------------------


def digest_of(view: View) -> str:
    """SHA-256 of what is to be seen: other words are the same view, another opacity is another one."""
    looks = {k: v for k, v in vars(view).items() if k not in (*WORDS, "panels")}
    told = hashlib.sha256(json.dumps(looks, sort_keys=True).encode())
    for panel in view.panels:
        said = (panel.title, panel.lines, panel.limits, panel.note)
        told.update(json.dumps(said, default=float).encode())
        if panel.chart is not None:
            drawn = {key: value for key, value in vars(panel.chart).items() if key != "values"}
            told.update(json.dumps(drawn, sort_keys=True).encode())
        for array in _arrays(panel):
            told.update(f"{array.dtype.name}{array.shape}".encode())
            told.update(np.ascontiguousarray(array).data)
    return told.hexdigest()


def weight(views: Iterable[View]) -> int:
    """Bytes of their arrays; one that several panels share counts once."""
    arrays = {id(array): array.nbytes for view in views for panel in view.panels for array in _arrays(panel)}
    return sum(arrays.values())


def _arrays(panel: Panel) -> list[np.ndarray]:
    chart = None if panel.chart is None else panel.chart.values
    every = (panel.picture, panel.values, panel.photo, panel.computed, chart)
    return [array for array in every if array is not None]
