"""Fingers on the maps: one reads and drags, two zoom and move, and the page scrolls only where it should."""

from __future__ import annotations

import re

import numpy as np
import pytest
from browser import browser, pixels, server, visitors  # noqa: F401
from playwright.sync_api import expect

from dashboard.components.words import OVERLAY

pytestmark = pytest.mark.browser

LINK = {"photos": "Chelsea, a cat", "methods": ["Grad-CAM", "LayerCAM"]}


class Hand:
    """Fingers on one picture; places are (down, across), shares of its box."""

    def __init__(self, visitor, picture):
        self.visitor, self.picture = visitor, picture
        self.tool = visitor.page.context.new_cdp_session(visitor.page)

    def touch(self, kind: str, *places: tuple[float, float]) -> None:
        box = self.picture.bounding_box()
        points = [
            {"x": box["x"] + across * box["width"], "y": box["y"] + down * box["height"], "id": number}
            for number, (down, across) in enumerate(places)
        ]
        self.tool.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def move(self, begin: list[tuple[float, float]], end: list[tuple[float, float]], steps: int = 8) -> None:
        """Down, all the way, and up again."""
        first, last = np.array(begin), np.array(end)
        self.picture.scroll_into_view_if_needed()
        for landed in range(1, len(begin) + 1):
            self.touch("touchStart", *begin[:landed])
        for share in np.linspace(0, 1, steps + 1)[1:]:
            self.touch("touchMove", *(first + share * (last - first)).tolist())
        self.touch("touchEnd")


@pytest.fixture
def hand(visitors):  # noqa: F811
    visitor = visitors(390, 800, touch=True)
    visitor.open("compare", **LINK)
    visitor.drawn("#overlay", "layercam")
    visitor.settle()
    picture = visitor.page.locator("#overlay .picture").first
    picture.scroll_into_view_if_needed()
    return Hand(visitor, picture)


def view(page) -> tuple[float, float, float]:
    """(scale, top, left) of the common view, from where the second panel draws its cell."""
    layer = page.locator("#overlay .layer").nth(1)
    cell = layer.locator(".cell")
    told = page.locator("#overlay .readout").nth(1).inner_text()
    row, column = map(int, re.match(r"row (\d), column (\d)", told).groups())
    style = cell.evaluate("c => [c.style.top, c.style.left, c.style.height].map(parseFloat)")
    down, across, height = (part / 100 for part in style)
    scale = height * 7
    return scale, row / 7 - down / scale, column / 7 - across / scale


def test_two_fingers_zoom_and_what_they_hold_stays_under_them(hand):
    page = hand.picture.page
    hand.move([(0.5, 0.4), (0.5, 0.6)], [(0.5, 0.2), (0.5, 0.8)])
    scale, top, left = view(page)
    assert scale == pytest.approx(3, abs=0.05)
    assert [top + 0.5 / scale, left + 0.5 / scale] == pytest.approx([0.5, 0.5], abs=0.01)
    shown = [pixels(canvas) for canvas in page.locator("#overlay .photo").all()]
    np.testing.assert_array_equal(*shown)  # both panels

    hand.move([(0.4, 0.4), (0.4, 0.6)], [(0.6, 0.5), (0.6, 0.7)])  # side by side, down and to the right
    moved, lower, further = view(page)
    assert moved == pytest.approx(scale, abs=0.05)
    assert lower == pytest.approx(top - 0.2 / scale, abs=0.01)
    assert further == pytest.approx(left - 0.1 / scale, abs=0.01)

    hand.move([(0.1, 0.5), (0.9, 0.5)], [(0.4, 0.5), (0.6, 0.5)])  # upright
    expect(page.locator("#overlay")).to_have_attribute("data-zoom", "1.00")


def test_one_finger_reads_and_drags(hand):
    page = hand.picture.page
    hand.move([(0.5, 0.2)], [(0.5, 0.5)])
    expect(page.locator("#overlay .readout").nth(1)).to_have_text(re.compile("^row 3, column 3: "))
    expect(page.locator("#overlay")).to_have_attribute("data-zoom", "1.00")
    page.locator("#overlay [data-role=nearer]").click()
    expect(page.locator("#overlay")).to_have_attribute("data-zoom", "1.50")
    before = view(page)
    hand.move([(0.5, 0.5)], [(0.3, 0.4)])
    after = view(page)
    assert after[1] - before[1] == pytest.approx(0.2 / 1.5, abs=0.01)
    assert after[2] - before[2] == pytest.approx(0.1 / 1.5, abs=0.01)


def test_the_page_scrolls_under_one_finger_and_not_under_two(hand):
    page = hand.picture.page

    def top() -> float:
        return hand.picture.bounding_box()["y"]

    start = top()
    hand.move([(0.3, 0.5), (0.7, 0.5)], [(0.1, 0.5), (0.9, 0.5)])  # upright: each finger alone would scroll
    assert top() == start and float(page.locator("#overlay").get_attribute("data-zoom")) > 1.5
    page.locator("#overlay [data-role=whole]").click()
    expect(page.locator("#overlay")).to_have_attribute("data-zoom", "1.00")
    hand.picture.scroll_into_view_if_needed()
    start = top()
    hand.move([(0.8, 0.5)], [(0.2, 0.5)])
    hand.visitor.until(lambda: top() < start, "the page to scroll")


def test_two_taps_zoom_and_two_more_show_all_of_it(hand):
    overlay = hand.picture.page.locator("#overlay")
    hand.picture.dblclick()
    expect(overlay).to_have_attribute("data-zoom", "2.00")
    hand.picture.dblclick()
    expect(overlay).to_have_attribute("data-zoom", "1.00")


@pytest.mark.parametrize("full", [False, True])
def test_every_button_obeys_a_tap(hand, full):
    visitor, overlay = hand.visitor, hand.picture.page.locator("#overlay")
    stage = overlay.locator(".stage")

    def tap(name: str) -> None:
        overlay.locator(f"[data-role={name}]").tap()

    if full:
        tap("full")
        expect(overlay).to_have_class("full")
    for name, scale in (("nearer", "1.50"), ("nearer", "2.25"), ("farther", "1.50"), ("whole", "1.00")):
        tap(name)
        expect(overlay).to_have_attribute("data-zoom", scale)
    photo = Hand(visitor, overlay.locator("[data-role=photo]"))
    photo.touch("touchStart", (0.5, 0.5))
    expect(overlay).to_have_class(re.compile(r"\bbare\b"))
    photo.touch("touchEnd")
    expect(overlay).not_to_have_class(re.compile(r"\bbare\b"))
    with visitor.rerun():
        tap("two")
    expect(stage).to_be_visible()
    chips = overlay.locator(".panels .chips").nth(1).locator("button")
    swap = stage.get_by_role("button", name=OVERLAY["swap"])
    for button, pair in ((swap, "1-0"), (chips.nth(1), "0-1"), (chips.nth(0), "1-0")):
        with visitor.rerun():
            button.tap()
        visitor.until(lambda pair=pair: visitor.asked().get("pair") == pair, f"the pair {pair}")
    with visitor.rerun():
        tap("two")
    expect(stage).to_have_count(0)
    if full:
        tap("full")
        expect(overlay).not_to_have_class(re.compile(r"\bfull\b"))
