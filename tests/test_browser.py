"""What only a browser can tell: clicks and links, uploads, patterns, narrow screens, a killed worker."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest
from browser import browser, pixels, server, visitor, visitors  # noqa: F401
from picture_files import corners, noise, saved
from playwright.sync_api import expect
from serving import children

from dashboard.text import say
from explain.image import read
from explain.samples import read_sample

pytestmark = pytest.mark.browser

LAYER = "block4a_expand_activation"
LINK = f"{LAYER} (28×28×240)"
READY = {
    "Start": "#overlay",
    "Feature maps": "#wall",
    "Filter patterns": None,
    "Heatmaps": "#overlay",
    "Compare": "#overlay",
    "Report": None,
    "Check-up": None,
    "Status": None,
}
ADDRESSES = ("", "maps", "patterns", "heatmaps", "compare", "report", "checkup", "status")


def test_the_first_page_shows_a_heatmap_and_guesses(visitor):
    visitor.open()
    page = visitor.page
    visitor.drawn("#overlay", "285")
    expect(page.get_by_role("heading", level=1)).to_have_text(say("start.title"))
    expect(page.get_by_text("Where it looked for “Egyptian cat”")).to_be_visible()
    expect(page.get_by_test_id("stPlotlyChart").get_by_text("Egyptian cat")).to_be_visible()
    heat = pixels(page.locator("#overlay .map"))
    assert heat.shape[1] > 300 and heat[..., 3].max() > 150  # something is hot
    assert heat[..., 3].min() < 40  # and something is not
    assert pixels(page.locator("#overlay .photo"))[..., :3].std() > 20  # over a photo


def test_every_page_by_the_navigation(visitor):
    visitor.open()
    for name, component in reversed(READY.items()):
        visitor.go(name)
        title = say("start.title") if name == "Start" else name
        expect(visitor.page.get_by_role("heading", level=1)).to_have_text(title)
        if component:
            visitor.drawn(component)
        visitor.settle()
        expect(visitor.page.get_by_role("alert").filter(has_text="incident")).to_have_count(0)


def test_photos_from_files_even_with_hostile_names(visitor):
    visitor.open()
    page, name = visitor.page, "![x](http://example.org/x.png) <img src=http://example.org/y.png>.png"
    files = [("quarters.jpg", saved(corners(240, 320), "JPEG")), ("cut.png", saved(noise(), "PNG")[:900]),
             (name, saved(noise(), "PNG"))]  # fmt: skip
    with page.expect_file_chooser() as chooser:
        page.get_by_test_id("stMain").get_by_test_id("stFileUploader").locator(
            "button", has_text="Upload"
        ).click()
    chooser.value.set_files([{"name": n, "mimeType": "image/png", "buffer": data} for n, data in files])
    visitor.drawn("#overlay", read(files[2][1]).key[:12])  # the last good one is the current photo
    expect(page.get_by_role("combobox", name="Photo")).to_have_value(name)
    expect(
        page.get_by_text("Not added: 'cut.png'").or_(page.get_by_text("Not added: “cut.png”"))
    ).to_be_visible()
    told = name.replace("://", ":\u2060//")  # with a joiner, or Markdown would make links of addresses
    expect(visitor.button(told, exact=True)).to_be_visible()  # in the tray, as plain text
    assert page.locator("img[src*=example]").count() == page.locator("a[href*=example]").count() == 0
    visitor.button("quarters.jpg", exact=True).click()
    visitor.drawn("#overlay", read(files[0][1]).key[:12])
    visitor.button(say("photos.remove")).click()
    visitor.drawn("#overlay", read_sample("cat").key[:12])


def test_what_one_visitor_chose_another_opens_by_the_link(visitors):
    one, other = visitors(), visitors()
    one.open("heatmaps")
    one.drawn("#overlay", "285")
    one.page.get_by_role("combobox", name="Photo").click()
    one.page.keyboard.type("raccoon")
    one.page.keyboard.press("Enter")
    raccoon = read_sample("raccoon").key[:12]
    one.drawn("#overlay", raccoon)
    guess = one.page.get_by_role("button", name=re.compile(r"\[\d+\] [\d.]+%$")).nth(1)
    name, number = re.match(r"(.*) \[(\d+)\]", guess.inner_text()).groups()
    guess.click()
    one.drawn("#overlay", f"{raccoon} top_activation {number}")
    one.page.get_by_role("combobox", name="Layer").click()
    one.page.keyboard.type(LAYER)
    one.page.keyboard.press("Enter")
    one.drawn("#overlay", f"{raccoon} {LAYER} {number}")
    other.page.goto(one.page.url)
    other.drawn("#overlay", f"{raccoon} {LAYER} {number}")
    expect(other.page.locator("#overlay figcaption").last).to_have_text(name)


def test_a_link_written_by_hand(visitor):
    visitor.open("heatmaps", photo="A raccoon", target=LINK, **{"class": "tabby [281]"})
    visitor.drawn("#overlay", f"{read_sample('raccoon').key[:12]} {LAYER} 281")


def test_patterns_fill_the_wall_and_open_by_a_key(visitor):
    visitor.open("patterns", channels="4-7", size="64", steps="4", seed="1")
    page = visitor.page
    visitor.button(say("patterns.make")).click()
    expect(page.locator("#wall")).to_have_attribute("data-count", "4")
    expect(visitor.button(say("patterns.make"))).to_have_count(0)
    colours = pixels(page.locator("#wall .field canvas"))
    assert len(np.unique(colours.reshape(-1, 4), axis=0)) > 1000
    expect(visitor.button(say("patterns.stop"))).to_have_count(0)
    page.locator("#wall .window").focus()
    for key in ("Home", "ArrowRight", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    visitor.drawn("#overlay", f"{LAYER} 6")
    assert visitor.asked()["pattern"] == "6"
    expect(page.get_by_text(f"Channel 6 of {LAYER}")).to_be_visible()


def count(visitor) -> int:
    """How many patterns are on the wall. While a page changes there may be an old wall beside the new one."""
    return max(
        visitor.page.locator("#wall").evaluate_all("walls => walls.map(w => Number(w.dataset.count))"),
        default=0,
    )


def test_stop_keeps_what_is_done(visitor):
    visitor.open("patterns", channels="0-99", size="64", steps="60", seed="2")
    visitor.button(say("patterns.make")).click()
    visitor.until(lambda: count(visitor) >= 4, "the first patterns")
    visitor.button(say("patterns.stop")).click()
    expect(visitor.button(say("patterns.go_on"))).to_be_visible()
    sentence = visitor.page.get_by_text(re.compile(r"Stopped after \d+ of 100")).inner_text()
    done = int(re.search(r"\d+", sentence)[0])
    assert 4 <= done < 100
    expect(visitor.page.locator("#wall")).to_have_attribute("data-count", str(done))


@pytest.mark.parametrize("width, scheme", [(390, "dark"), (1280, "light")])
def test_no_page_is_wider_than_the_screen(visitors, width, scheme):
    visitor = visitors(width=width, height=844, scheme=scheme)
    for address, component in zip(ADDRESSES, READY.values(), strict=True):
        visitor.open(address, **({"channel": "9"} if address == "maps" else {}))
        if component:
            visitor.drawn(component)
        wide = visitor.page.evaluate(
            "[document.documentElement, document.querySelector('[data-testid=stMain]')]"
            ".map(e => e.scrollWidth - e.clientWidth)"
        )
        assert max(wide) <= 0, (address, wide)
        colour = visitor.page.evaluate(
            "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
        )
        red = int(re.search(r"\d+", colour)[0])
        assert red < 60 if scheme == "dark" else red > 200


# At the end, as it kills ----------------------------------------------------------------------------


def workers(server) -> list[int]:
    """The processes that hold a network: children of the fork server."""
    return [pid for child in children(server.pid) for pid in children(child)]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="there is no /proc to find the worker in")
def test_a_killed_worker_is_a_sentence_and_the_next_click_works(visitor, server):
    visitor.open("patterns", channels="0-15", size="64", steps="120", seed="3")
    visitor.button(say("patterns.make")).click()
    visitor.until(lambda: count(visitor) >= 4, "the first patterns")
    (worker,) = workers(server)
    os.kill(worker, signal.SIGKILL)
    expect(visitor.page.get_by_text("ended by signal 9")).to_be_visible()
    expect(visitor.page.get_by_text("Code E_WORKER_DIED")).to_be_visible()
    done = visitor.until(lambda: count(visitor))  # what is done stays
    assert 4 <= done < 16
    visitor.button(say("patterns.go_on")).click()
    visitor.until(lambda: count(visitor) > done, "a new worker's patterns")
    assert workers(server) and worker not in workers(server)
    visitor.button(say("patterns.stop")).click()
    visitor.go("Heatmaps")
    visitor.drawn("#overlay", "285")
