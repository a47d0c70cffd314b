"""The report in a browser: pinned by a click, ordered by the keyboard, saved, and harmless."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from browser import browser, server, visitor, visitors  # noqa: F401
from playwright.sync_api import expect

from dashboard.text import say
from explain.samples import read_sample

pytestmark = pytest.mark.browser

PHOTO = "Chelsea, a cat"
HOSTILE = "</title><script>document.title='gone'</script><img src=http://example.org/x.png onerror=alert(1)>"


def pin(visitor, number: int) -> None:
    button = visitor.button(say("pin.button")).nth(number)
    with visitor.rerun():
        button.click()


def to_report(visitor) -> None:
    visitor.page.get_by_role("link", name=re.compile("Open the report")).first.click()
    expect(visitor.page.get_by_role("heading", name="Figure 1", exact=True)).to_be_visible()
    visitor.settle()


def titles(visitor) -> list[str]:
    return [
        box.input_value() for box in visitor.page.get_by_role("textbox", name="Title", exact=True).all()[1:]
    ]


def focused(visitor) -> str:
    """The key of the widget that has the keyboard."""
    found = visitor.page.evaluate("document.activeElement.closest('[class*=st-key-]')?.className ?? ''")
    return next((word for word in found.split() if word.startswith("st-key-")), "")


def test_pinned_ordered_written_and_saved(visitor, tmp_path: Path):
    visitor.open("maps", layer="block1a_project_bn (112×112×16)", channel="9")
    visitor.drawn("#overlay")
    pin(visitor, 1)
    expect(visitor.page.get_by_test_id("stToast")).to_contain_text("Figures in the report: 1.")
    pin(visitor, 0)
    to_report(visitor)
    visitor.until(lambda: len(titles(visitor)) == 2, "both figures")
    before = titles(visitor)
    assert before[0].startswith("Channel 9 of ")

    # By the keyboard, which stays with the figure that moves.
    visitor.button("Down", exact=True).first.focus()
    with visitor.rerun():
        visitor.page.keyboard.press("Enter")
    visitor.until(lambda: titles(visitor) == before[::-1], "the other order")
    expect(visitor.page.get_by_test_id("stToast").last).to_contain_text("is figure 2 of 2 now")
    visitor.until(lambda: focused(visitor).startswith("st-key-up-"), "the keyboard at the only way left")
    with visitor.rerun():
        visitor.page.keyboard.press("Enter")
    visitor.until(lambda: titles(visitor) == before, "the first order")
    with visitor.rerun():
        visitor.button("Down", exact=True).first.click()
    visitor.until(lambda: titles(visitor) == before[::-1], "the other order")

    caption = visitor.page.get_by_role("textbox", name="Caption").first
    caption.fill(f"Sixteen channels. {HOSTILE}")
    with visitor.rerun():
        caption.press("Control+Enter")
    for number in (0, 1):  # of the document, and of its first figure
        name = visitor.page.get_by_role("textbox", name="Title", exact=True).nth(number)
        name.fill(f"{number} {HOSTILE}")
        with visitor.rerun():
            name.press("Enter")

    # The document on the screen is the one that is saved, and no script runs in it.
    visitor.page.get_by_text(say("report.preview")).click()
    visitor.drawn("#leaf")
    inside = visitor.page.frame_locator("#leaf")
    expect(inside.get_by_role("heading", level=1)).to_have_text(f"0 {HOSTILE}")
    expect(inside.locator("figure")).to_have_count(2)
    expect(inside.get_by_text("Sixteen channels.")).to_be_visible()
    inside.get_by_role("link", name="Channel 9 of").click()  # to a place in it, not out of it
    expect(inside.get_by_role("heading", level=1)).to_have_text(f"0 {HOSTILE}")

    page = visitor.saved(say("report.document.html"), tmp_path).read_text("utf-8")
    assert page.index("1 &lt;/title&gt;") < page.index("Channel 9 of ")
    assert "Sixteen channels." in page and "<img src=http" not in page and "<script>document" not in page

    archive = zipfile.ZipFile(visitor.saved(say("report.document.zip"), tmp_path))
    assert archive.testzip() is None
    assert all(re.fullmatch(r"[\w./-]+", name) and ".." not in name for name in archive.namelist())
    assert archive.read("report.html").decode() == page
    manifest = json.loads(archive.read("manifest.json"))
    assert len(manifest["items"]) == 16 and {item["image"]["name"] for item in manifest["items"]} == {PHOTO}
    numbers = [np.load(io.BytesIO(archive.read(n))) for n in archive.namelist() if n.endswith(".npy")]
    assert len(numbers) == 17 and all(each.shape == (112, 112) for each in numbers)
    (photo,) = (n for n in archive.namelist() if n.startswith("photos/"))
    pixels = cv2.imdecode(np.frombuffer(archive.read(photo), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert np.array_equal(pixels, read_sample("cat").pixels)
    assert visitor.saved(say("report.document.pdf"), tmp_path).read_bytes().startswith(b"%PDF-")
    assert visitor.page.title() != "gone"
