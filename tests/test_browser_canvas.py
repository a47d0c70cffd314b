"""The canvases in a real browser: walls and overlays under mouse and keys, and the files saved from them."""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib

import numpy as np
import pytest
from browser import browser, decoded, pixels, server, strongest, visitor, visitors  # noqa: F401
from playwright.sync_api import expect

from dashboard.text import say
from explain import render
from explain.provenance import digest
from explain.samples import read_sample

pytestmark = pytest.mark.browser

LAYER = "block4a_expand_activation"
LINK = f"{LAYER} (28×28×240)"


def test_a_click_on_the_wall_opens_the_channel_and_stands_in_the_address(visitor):
    visitor.open("maps")
    page = visitor.page
    visitor.drawn("#wall", LAYER)
    box = page.locator("#wall .field canvas").bounding_box()
    spot = box["x"] + box["width"] * 0.4, box["y"] + 130
    page.mouse.move(*spot)
    shown = page.locator("#wall .preview b")
    expect(shown).to_have_text(re.compile(r"Channel \d+"))
    number = shown.inner_text().split()[1]
    page.mouse.click(*spot)
    visitor.drawn("#overlay", f"{LAYER} {number}")
    assert visitor.asked()["channel"] == number
    expect(page.locator("#wall")).to_have_attribute("data-selected", number)
    expect(page.locator("#overlay figcaption").first).to_have_text(f"Channel {number}")

    page.reload()  # the address alone
    visitor.drawn("#overlay", f"{LAYER} {number}")
    expect(page.locator("#wall")).to_have_attribute("data-selected", number)


def test_the_wall_by_keyboard(visitor):
    visitor.open("maps")
    page = visitor.page
    visitor.drawn("#wall", LAYER)
    page.locator("#wall .window").focus()
    for key in ("End", "Home", "ArrowRight", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    expect(page.locator("#wall .spoken")).to_contain_text("Channel 3,")
    assert "channel" not in visitor.asked()  # to look is not to choose
    page.keyboard.press("Enter")
    visitor.drawn("#overlay", f"{LAYER} 3")
    assert visitor.asked()["channel"] == "3"
    page.locator("#wall [data-role=jump]").fill("200")
    page.keyboard.press("Enter")
    expect(page.locator("#wall .spoken")).to_contain_text("Channel 200,")
    page.keyboard.press("Enter")
    visitor.drawn("#overlay", f"{LAYER} 200")


def test_opacity_moves_on_the_screen_and_tells_the_server_only_when_let_go(visitor):
    visitor.open("heatmaps")
    page = visitor.page
    visitor.drawn("#overlay", "285")
    visitor.settle()
    canvas, slider = page.locator("#overlay .map").last, page.locator("#overlay [data-role=opacity]")
    hottest = strongest(canvas)

    def opacity() -> float:
        return float(page.locator("#overlay").get_attribute("data-opacity"))

    box, said = slider.bounding_box(), len(visitor.sent)
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.7, middle)
    page.mouse.down()
    seen = []
    for share in (0.6, 0.5, 0.4, 0.3, 0.2):
        page.mouse.move(box["x"] + box["width"] * share, middle)
        visitor.until(lambda near=share: abs(opacity() - near) < 0.06, f"opacity {share}")
        seen.append(strongest(canvas))
    assert seen == sorted(set(seen), reverse=True) and seen[-1] < hottest / 2
    assert len(visitor.sent) == said  # while dragging: nothing
    with visitor.rerun():
        page.mouse.up()
    assert len(visitor.sent) == said + 1
    assert strongest(canvas) == seen[-1]  # and the answer pushes nothing back

    hold = visitor.button("Hold to see the photo")
    hold.hover()
    page.mouse.down()
    expect(canvas).to_be_hidden()
    page.mouse.up()
    expect(canvas).to_be_visible()


def manifest_in(png: bytes) -> dict:
    start = png.index(b"manifest.json\0")
    return json.loads(zlib.decompressobj().decompress(png[start + len(b"manifest.json\0") + 4 :]))


def test_saved_files_are_what_the_screen_shows(visitor, tmp_path):
    visitor.open("heatmaps", target=LINK)
    page = visitor.page
    visitor.drawn("#overlay", LAYER)
    page.locator("#overlay [data-role=opacity]").focus()
    with visitor.rerun():
        for _ in range(3):
            page.keyboard.press("ArrowRight")
    expect(page.locator("#overlay")).to_have_attribute("data-opacity", "0.73")

    values = np.load(visitor.saved("Numbers (.npy)", tmp_path))
    assert values.shape == (28, 28) and values.dtype == np.float32 and values.max() > 0
    cat = read_sample("cat")
    looks = {"opacity": 0.73, "colormap": "inferno"}
    expected = render.overlay(cat, values, **looks)
    np.testing.assert_array_equal(decoded(visitor.saved("Overlay (PNG)", tmp_path)), expected)
    figure = visitor.saved(say("save.png"), tmp_path)
    height, width = decoded(figure).shape[:2]
    assert abs(width - 8.5 / 2.54 * 300) <= 1 and height > width * 300 / 451
    for saved in (figure, visitor.saved("Overlay (PNG)", tmp_path)):  # each says what makes it again
        (item,) = manifest_in(saved.read_bytes())["items"]
        assert item["values"]["sha256"] == digest(values) and item["layer"] == LAYER

    canvas = pixels(page.locator("#overlay .map").last).astype(float)  # the same heat over a grey picture
    grey = np.full((*canvas.shape[:2], 3), 128, np.uint8)
    alpha = canvas[..., 3:] / 255
    assert (
        np.abs(canvas[..., :3] * alpha + 128 * (1 - alpha) - render.overlay(grey, values, **looks)).max() < 3
    )


def test_the_saved_wall_is_sorted_like_the_screen(visitor, tmp_path):
    visitor.open("maps")
    visitor.drawn("#wall", LAYER)
    with visitor.rerun():
        visitor.page.locator("#wall [data-role=sort]").select_option("maximum")
    values = np.load(visitor.saved(say("save.layer_numbers"), tmp_path))
    assert values.shape == (28, 28, 240)
    largest = np.argsort(-values.max(axis=(0, 1)), kind="stable")
    expected = render.grid(values[..., largest], colormap="viridis", scale="channel", tile=56)
    np.testing.assert_array_equal(decoded(visitor.saved(say("save.wall"), tmp_path)), expected)
    visitor.page.locator("#wall .window").focus()
    visitor.page.keyboard.press("Home")
    expect(visitor.page.locator("#wall .spoken")).to_contain_text(f"Channel {largest[0]},")


def test_compare_on_one_scale_and_on_each_its_own(visitor, tmp_path):
    visitor.open("compare", photos=["Chelsea, a cat", "A raccoon"], classes=["tabby [281]"])
    page = visitor.page
    visitor.drawn("#overlay", "281")
    canvases = page.locator("#overlay .map").all()
    loud, quiet = sorted(map(strongest, canvases), reverse=True)
    assert len(canvases) == 2 and quiet < 0.8 * loud  # one of them says tabby louder
    expect(page.locator("#overlay .common")).to_contain_text("one scale for all panels")
    with visitor.rerun():
        page.get_by_label("Same scale for all").uncheck()
    expect(page.locator("#overlay .common")).to_be_hidden()
    visitor.until(lambda: min(map(strongest, canvases)) > 0.95 * loud, "each panel on its own scale")
    with zipfile.ZipFile(visitor.saved(say("save.archive"), tmp_path)) as archive:
        names = [name for name in archive.namelist() if name.endswith(".npy")]
        arrays = [np.load(io.BytesIO(archive.read(name))) for name in names]
    assert [a.shape for a in arrays] == [(7, 7)] * 2
