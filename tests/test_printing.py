"""Pins without a page, and what is printed of them: sizes, names, captions, order."""

from __future__ import annotations

import datetime
from dataclasses import replace

import cv2
import numpy as np
import pytest
import streamlit as st
from test_pages_report import some_view

from dashboard import pins, printing
from dashboard.printing import Size
from dashboard.text import say
from explain import report


@pytest.fixture(autouse=True)
def session():
    """No page: the pins of this process."""
    st.session_state.clear()
    yield
    st.session_state.clear()


def pinned(*numbers: int) -> list[pins.Pin]:
    for number in numbers:
        assert pins.add(some_view(number)) == ""
    return pins.pins()


def titles() -> str:
    return "".join(pin.view.title[-1] for pin in pins.pins())


def width(png: bytes) -> int:
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR).shape[1]


# Pins ----------------------------------------------------------------------------------------------------


def test_all_pins_count_together(monkeypatch):
    monkeypatch.setattr(pins, "MAX_BYTES", 64 * 2)  # a view has 64 bytes
    pinned(0, 1)
    assert pins.add(some_view(2)) == "pin.too_large" and titles() == "01"


def test_nothing_moves_beyond_the_ends():
    first, _, last = pinned(0, 1, 2)
    pins.move(first.id, -1)
    pins.move(last.id, +1)
    pins.move("unknown", +1)
    assert titles() == "012"
    pins.move(last.id, -1)
    assert titles() == "021"


def test_what_was_taken_out_comes_back_to_its_place_unless_more_was_pinned():
    _, second, _ = pinned(0, 1, 2)
    pins.remove("unknown")
    assert pins.changed() is None
    pins.remove(second.id)
    pins.restore()
    assert titles() == "012" and pins.changed() is None
    pins.restore()
    assert titles() == "012"
    pins.remove(second.id)
    pinned(1)  # the same view anew: the limits hold for all that is kept
    assert pins.changed() is None and titles() == "021"


def test_a_caption_is_proposed_and_one_that_is_there_stays():
    (first,) = pinned(0)
    assert first.view.caption == "Caption 0."
    pins.add(replace(some_view(1), caption=""))
    assert pins.pins()[1].view.caption == report.captions.caption(some_view(1))


@pytest.mark.parametrize("change", [{"title": "x"}, {"lines": ("x",)}, {"note": "x"}, {"limits": (0.0, 9.0)}])
def test_what_is_said_at_a_panel_makes_another_view(change):
    view = some_view()
    assert pins.digest_of(replace(view, panels=(replace(view.panels[0], **change),))) != pins.digest_of(view)


@pytest.mark.parametrize("array", ["picture", "photo"])
def test_pictures_count_and_make_another_view(array):
    view = some_view()
    one, other = (replace(view.panels[0], **{array: np.full((3, 3, 3), n, np.uint8)}) for n in (0, 1))
    assert pins.digest_of(replace(view, panels=(one,))) != pins.digest_of(replace(view, panels=(other,)))
    assert pins.weight([replace(view, panels=(one,))]) == pins.weight([view]) + 27


# Print ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cm, dpi", [(8.5, 300), (17.4, 150), (5.0, 72)])
def test_a_png_is_as_wide_and_as_fine_as_asked(cm, dpi):
    png = printing.figure(some_view(), "png", Size(cm, dpi, "png", False))()
    assert width(png) == round(cm / 2.54 * dpi)


@pytest.mark.parametrize("caption", [False, True])
@pytest.mark.parametrize(
    "kind, write", [("png", report.figure_png), ("svg", report.figure_svg), ("pdf", report.figure_pdf)]
)
def test_each_format_says_its_caption_where_asked(kind, write, caption):
    size = Size(9.0, 150, kind, caption)
    more = (150,) if kind == "png" else ()
    assert printing.figure(some_view(), kind, size)() == write(some_view(), 9.0, *more, caption)
    assert write(some_view(), 9.0, *more, True) != write(some_view(), 9.0, *more, False)


def test_the_preview_is_the_figure_and_follows_size_and_words():
    (pin,) = pinned(0)
    small, large = Size(8.5, 300, "png", False), Size(17.4, 300, "png", False)
    assert printing.preview(pin, small) == report.figure_png(pin.view, 8.5, printing.SCREEN, False)
    assert width(printing.preview(pin, large)) == round(17.4 / 2.54 * printing.SCREEN)
    captioned = replace(small, caption=True)
    before = printing.preview(pin, captioned)
    assert before == report.figure_png(pin.view, 8.5, printing.SCREEN, True)
    for words in ({"title": "Other"}, {"caption": "Other."}):
        pins.change(pin.id, **words)
        assert printing.preview(pins.pins()[0], captioned) != before


def test_a_document_has_all_pins_in_their_order_and_a_date():
    pinned(1, 0)
    made = printing.document("", "Why.")
    assert [view.title for view in made.views] == ["View 1", "View 0"]
    assert made.title == say("report.untitled") and made.about == "Why."
    assert printing.document("On cats", "").title == "On cats"
    assert datetime.date.fromisoformat(made.made)


def test_files_of_a_figure_are_named_as_in_the_archive():
    _, second = pinned(0, 1)
    assert printing.name(1, second) == "02-View-1"
    assert printing.name(0, replace(second, view=replace(second.view, title=""))) == "01-figure"


def test_the_proposal_is_the_first_title_and_the_caption_of_the_numbers():
    (pin,) = pinned(0)
    pins.change(pin.id, title="Mine", caption="Mine.")
    (pin,) = pins.pins()
    assert printing.proposed(pin) == ("View 0", report.captions.caption(some_view(0)))
