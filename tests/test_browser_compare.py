"""Comparing in a real browser: one view and one cross for all panels, two of them closely, the full screen."""

from __future__ import annotations

import re

import numpy as np
import pytest
from browser import browser, pixels, server, visitor, visitors  # noqa: F401
from playwright.sync_api import expect

from dashboard.components.words import OVERLAY

pytestmark = pytest.mark.browser

LINK = {"photos": "Chelsea, a cat", "methods": ["Grad-CAM", "LayerCAM"]}


def opened(visitor, **address):
    visitor.open("compare", **LINK | address)
    visitor.drawn("#overlay", "layercam")
    visitor.settle()
    return visitor.page


def tool(page, name: str):
    return page.locator(f"#overlay [data-role={name}]")


def value(text: str) -> float:
    return float(re.search(r"(−?[\d.]+)$", text)[1].replace("−", "-"))


def test_zoom_and_cross_are_the_same_in_all_panels_and_the_server_hears_nothing(visitor):
    page = opened(visitor)
    said, whole = len(visitor.sent), pixels(page.locator("#overlay .photo").first)
    box = page.locator("#overlay .picture").first.bounding_box()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.25 * box["height"])
    readouts = page.locator("#overlay .readout")
    expect(readouts.nth(0)).to_have_text(re.compile("row 1, column 5: "))
    expect(readouts.nth(1)).to_have_text(re.compile("row 1, column 5: "))
    page.keyboard.down("Control")
    page.mouse.wheel(0, -400)
    page.keyboard.up("Control")
    expect(page.locator("#overlay")).not_to_have_attribute("data-zoom", "1.00")
    zoomed = float(page.locator("#overlay").get_attribute("data-zoom"))
    assert 1.5 < zoomed < 4
    first, second = (pixels(canvas) for canvas in page.locator("#overlay .photo").all())
    np.testing.assert_array_equal(first, second)
    expect(readouts.nth(1)).to_have_text(
        re.compile("row 1, column 5: ")
    )  # the place stayed under the pointer

    def part() -> np.ndarray:  # where the zoomed photo lies in the whole one, enlarged alike
        h, w = whole.shape[:2]
        top, left = 0.25 * (1 - 1 / zoomed), 0.75 * (1 - 1 / zoomed)
        rows = ((top + (np.arange(h) + 0.5) / h / zoomed) * h).astype(int)
        columns = ((left + (np.arange(w) + 0.5) / w / zoomed) * w).astype(int)
        return whole[rows][:, columns]

    near = np.abs(part().astype(float) - first).mean()
    assert near < 0.35 * np.abs(whole.astype(float) - first).mean()

    page.mouse.down()
    page.mouse.move(box["x"] + 0.55 * box["width"], box["y"] + 0.25 * box["height"], steps=4)
    page.mouse.up()
    expect(readouts.nth(1)).to_have_text(re.compile("row 1, column 5: "))  # dragged along
    page.keyboard.press("0")  # the picture has the focus
    expect(page.locator("#overlay")).to_have_attribute("data-zoom", "1.00")
    for _ in range(2):
        tool(page, "nearer").click()
    expect(tool(page, "whole")).to_have_text("225 %")
    tool(page, "whole").click()
    expect(tool(page, "farther")).to_be_disabled()
    np.testing.assert_array_equal(pixels(page.locator("#overlay .photo").first), whole)
    assert len(visitor.sent) == said


def test_two_closely_difference_slider_and_address(visitor):
    page = opened(visitor)
    with visitor.rerun():
        tool(page, "two").click()
    stage = page.locator("#overlay .stage")
    expect(stage).to_be_visible()
    visitor.until(lambda: visitor.asked().get("pair") == "0-1", "the pair in the address")
    expect(page.get_by_test_id("stMetric")).to_have_count(3)
    expect(stage).to_contain_text(OVERLAY["shares"])  # of two methods

    contrast = stage.locator(".contrast")
    visitor.settle()
    contrast.locator(".picture").hover(position={"x": 150, "y": 80})
    expect(contrast.locator(".readout")).not_to_be_empty()
    grid = page.locator("#overlay .panels .readout")
    a, b = (value(grid.nth(i).inner_text()) for i in range(2))
    ends = [
        value(page.locator("#overlay .panels figure .numbers span:last-child").nth(i).inner_text())
        for i in range(2)
    ]
    assert value(contrast.locator(".readout").inner_text()) == pytest.approx(
        a / ends[0] - b / ends[1], abs=0.02
    )
    expect(stage.locator(".swipe .readout")).to_have_text(re.compile(r"^A: [\d.]+, B: [\d.]+$"))
    colours = pixels(contrast.locator(".map"))
    seen = colours[colours[..., 3] > 4].astype(int)
    assert len(seen) and (seen[:, 0] > seen[:, 2]).any() and (seen[:, 2] > seen[:, 0]).any()  # red and blue

    clip = stage.locator(".clip")
    slider = stage.get_by_label(OVERLAY["split"])
    slider.fill("0.25")
    expect(clip).to_have_css(
        "clip-path", re.compile(r"inset\(0px calc\(75%\) 0px 0px\)|inset\(0px 75% 0px 0px\)")
    )
    with visitor.rerun():
        stage.get_by_role("button", name=OVERLAY["swap"]).click()
    visitor.until(lambda: visitor.asked().get("pair") == "1-0", "the swapped pair")
    with visitor.rerun():
        page.locator("#overlay .panels .chips button").first.click()  # A is the first panel again
    visitor.until(lambda: visitor.asked().get("pair") == "0-1", "the pair by a click under a panel")

    page.reload()  # the address alone
    expect(page.locator("#overlay .stage")).to_be_visible()
    visitor.settle()
    with visitor.rerun():
        tool(page, "two").click()
    expect(page.locator("#overlay .stage")).to_have_count(0)
    visitor.until(lambda: "pair" not in visitor.asked(), "the pair to leave the address")


def test_the_full_screen_and_the_way_back(visitor):
    page = opened(visitor)
    overlay = page.locator("#overlay")
    tool(page, "full").click()
    expect(overlay).to_have_class(re.compile(r"\bfull\b"))
    expect(tool(page, "full")).to_have_text(OVERLAY["leave"])
    box = overlay.bounding_box()
    assert box["x"] <= 0 and box["width"] >= 1279
    tool(page, "full").click()
    expect(overlay).not_to_have_class(re.compile(r"\bfull\b"))

    page.evaluate("Element.prototype.requestFullscreen = undefined")  # as on a telephone
    tool(page, "full").click()
    expect(overlay).to_have_class(re.compile(r"\bfull\b"))
    box = overlay.bounding_box()
    assert box["x"] <= 0 and box["width"] >= 1279
    page.keyboard.press("Escape")
    expect(overlay).not_to_have_class(re.compile(r"\bfull\b"))


def test_a_figure_of_the_screen_is_saved_in_three_formats(visitor, tmp_path):
    opened(visitor)
    heads = {"PNG": b"\x89PNG", "SVG": b"<?xml", "PDF": b"%PDF"}
    for kind, head in heads.items():
        assert visitor.saved(f"Figure ({kind}", tmp_path).read_bytes().startswith(head)
