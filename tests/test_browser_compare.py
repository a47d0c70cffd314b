"""Comparing in a real browser: one view and one cross for all panels, two of them closely, the full screen."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile

import cv2
import numpy as np
import pytest
from browser import browser, pixels, server, visitor, visitors  # noqa: F401
from playwright.sync_api import expect

from dashboard.components.words import OVERLAY
from dashboard.text import say
from explain.samples import read_sample

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
    page.keyboard.press("+")  # the picture has the focus
    page.keyboard.press("0")
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
    figures = [re.compile(form) for form in (r"^0\.\d\d$", r"^0\.\d\d$", r"^\d+%$")]
    expect(stage.locator(".alike > dl dd")).to_have_text(figures)
    expect(stage).to_contain_text(OVERLAY["shares"])  # of two methods
    for bar in page.locator("#overlay .panels .bar p").all():
        expect(bar).to_contain_text(OVERLAY["own"])
    expect(stage.locator(".contrast .lines")).to_contain_text("A: Grad-CAM: Egyptian cat")

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


def test_figures_of_another_pair_are_never_shown(visitor):
    page = opened(visitor, methods=["Grad-CAM", "LayerCAM", "Eigen-CAM"], pair="0-1")
    figures = page.locator("#overlay .alike > dl dd")
    expect(figures).to_have_text([re.compile(r"\d")] * 3)
    first, spoken = figures.all_inner_texts(), page.locator("#overlay .spoken").inner_text()
    chip = page.locator("#overlay .panels .chips").nth(2).get_by_text("B")
    with visitor.rerun():
        at_once = chip.evaluate(  # before anything can have been answered
            "b => { const root = b.closest('#overlay'); b.click();"
            " return [...root.querySelectorAll('.alike > dl dd, .spoken')].map((e) => e.textContent) }"
        )
    assert at_once == ["…"] * 3 + [spoken]
    visitor.until(lambda: visitor.asked().get("pair") == "0-2", "the other pair")
    expect(figures).to_have_text([re.compile(r"\d")] * 3)
    assert figures.all_inner_texts() != first


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


def test_the_full_screen_by_the_keyboard_alone(visitor):
    page = opened(visitor, pair="0-1")
    tool(page, "full").focus()
    page.keyboard.press("Enter")
    overlay, stage = page.locator("#overlay"), page.locator("#overlay .stage")
    expect(overlay).to_have_class(re.compile(r"\bfull\b"))
    figures = stage.locator(".alike > dl dd")
    expect(figures).to_have_text([re.compile(r"\d")] * 3)
    first = figures.all_inner_texts()

    def focused() -> str:
        return overlay.evaluate(
            "o => (e => e && `${e.tagName} ${e.dataset.role ?? e.getAttribute('aria-label') ?? ''}`)"
            "(o.getRootNode().activeElement)"
        )

    seen, start = [], focused()
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.append(focused())
        if seen[-1] == start:
            break
    assert seen[-1] == start and None not in seen  # all the way round, and never behind the screen
    assert {"INPUT opacity", "BUTTON two", "BUTTON nearer", "SUMMARY "} <= set(seen)
    assert f"INPUT {OVERLAY['split']}" in seen
    assert f"BUTTON {OVERLAY['swap']}" in seen and sum("Arrow keys" in each for each in seen) == 4
    page.keyboard.press("Shift+Tab")
    assert focused() == seen[-2]

    stage.get_by_label(OVERLAY["swap"]).focus()
    with visitor.rerun():
        page.keyboard.press("Enter")
    visitor.until(lambda: visitor.asked().get("pair") == "1-0", "the swapped pair")
    expect(figures).to_have_text(first)  # of B and A they are the same
    stage.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(stage).to_contain_text(say("compare.spearman.help"))
    page.locator("#overlay .panels .picture").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("+")
    expect(overlay).to_have_attribute("data-zoom", "1.50")
    expect(page.locator("#overlay .spoken")).to_have_text(re.compile(r"row 3, column 3: "))


def test_two_photos_of_different_shapes_keep_them(visitor):
    page = opened(visitor, photos=["Chelsea, a cat", "A raccoon"], methods=["LayerCAM"], pair="0-1")
    shapes = [sample.pixels.shape for sample in map(read_sample, ("cat", "raccoon"))]
    aspects = [width / height for height, width, _ in shapes]
    assert aspects[0] != pytest.approx(aspects[1], abs=0.02)
    page.set_viewport_size({"width": 1280, "height": 1800})  # so that nothing has to be scrolled to
    swipe = page.locator("#overlay .swipe")
    frame = swipe.locator(".picture").bounding_box()
    a, b = swipe.locator(".clip .layer"), swipe.locator(".picture > .layer")
    boxes = [layer.bounding_box() for layer in (a, b)]
    for box, layer, aspect in zip(boxes, (a, b), aspects, strict=True):
        assert box["width"] / box["height"] == pytest.approx(aspect, abs=0.02)
        height, width = pixels(layer.locator(".photo")).shape[:2]
        assert width / height == pytest.approx(aspect, abs=0.02)
        assert box["height"] == pytest.approx(frame["height"], abs=1)
        assert box["x"] + box["width"] / 2 == pytest.approx(frame["x"] + frame["width"] / 2, abs=1)

    readout, narrow = swipe.locator(".readout"), min(boxes, key=lambda box: box["width"])
    place = narrow["x"] + 0.9 * narrow["width"], narrow["y"] + 0.1 * narrow["height"]
    swipe.get_by_label(OVERLAY["split"]).fill("0" if narrow is boxes[1] else "1")  # the narrow one alone
    page.mouse.move(*place)
    expect(readout).not_to_be_empty()
    grid = page.locator("#overlay .panels .readout").first
    expect(grid).to_have_text(re.compile("row 0, column 6: "))
    cells = [swipe.locator(".cell").nth(i).bounding_box() for i in range(2)]
    assert abs(cells[0]["x"] - cells[1]["x"]) > 3  # the same place of each photo, not of the frame
    page.mouse.move(narrow["x"] + narrow["width"] + 4, place[1])  # in the bar beside it
    expect(readout).to_be_empty()


def test_a_figure_of_the_screen_is_saved_in_three_formats(visitor, tmp_path):
    opened(visitor)
    heads = {"PNG": b"\x89PNG", "SVG": b"<?xml", "PDF": b"%PDF"}
    for kind, head in heads.items():
        assert visitor.saved(f"Figure ({kind}", tmp_path).read_bytes().startswith(head)


def test_everything_is_saved_and_the_cross_reads_its_numbers(visitor, tmp_path):
    page = opened(visitor, photos=["Chelsea, a cat", "A raccoon"], pair="1-2")
    with zipfile.ZipFile(visitor.saved(say("save.archive"), tmp_path)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    names = sorted(files)
    ends = {".png", ".svg", ".pdf", ".npy", ".csv", ".html", ".json", ".tex", ".md"}
    assert {name[name.rindex(".") :] for name in names} == ends
    rows = list(csv.DictReader(files["scores.csv"].decode("utf-8-sig").splitlines()))
    assert [(row["photo"], row["method"]) for row in rows] == [
        ("Chelsea, a cat", "gradcam"), ("Chelsea, a cat", "layercam"),
        ("A raccoon", "gradcam"), ("A raccoon", "layercam"), ("", ""),
    ]  # fmt: skip
    maps = [np.load(io.BytesIO(files[row["file"]])) for row in rows]
    items = json.loads(files["manifest.json"])["items"]
    assert [item["values"]["sha256"] for item in items] == [row["values_sha256"] for row in rows[:4]]
    photos = [cv2.imdecode(np.frombuffer(files[n], np.uint8), 1) for n in names if n.startswith("photos/")]
    cat = read_sample("cat").pixels
    assert len(photos) == 2 and any(np.array_equal(photo[..., ::-1], cat) for photo in photos)

    seen = pixels(page.locator("#overlay .contrast .map")).astype(int)
    height, width = seen.shape[:2]
    for row, column in np.argwhere(np.abs(maps[4]) > 0.2).tolist():
        red, _, blue, _ = seen[int((row + 0.5) / 7 * height), int((column + 0.5) / 7 * width)]
        assert (red > blue) == (maps[4][row, column] > 0), (row, column)
    assert (maps[4] > 0.2).any() and (maps[4] < -0.2).any()

    readouts = page.locator("#overlay .panels .readout")
    page.locator("#overlay .panels .picture").nth(1).scroll_into_view_if_needed()
    for row, column in ((0, 0), (2, 4), (6, 6)):
        box = page.locator("#overlay .panels .picture").nth(1).bounding_box()
        across, down = (column + 0.3) / 7 * box["width"], (row + 0.7) / 7 * box["height"]
        page.mouse.move(box["x"] + across, box["y"] + down)
        for i, values in enumerate(maps[:4]):
            expect(readouts.nth(i)).to_have_text(re.compile(f"^row {row}, column {column}: "))
            read = value(readouts.nth(i).inner_text())
            assert read == pytest.approx(values[row, column], rel=6e-3, abs=1e-6)
        between = value(page.locator("#overlay .contrast .readout").inner_text())
        assert between == pytest.approx(maps[4][row, column], rel=6e-3, abs=1e-4)
