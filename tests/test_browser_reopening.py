"""A report saved in one session and opened in the next: the same figures, and the same files from them."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from browser import browser, decoded, server, visitor, visitors  # noqa: F401
from playwright.sync_api import expect
from test_browser_report import pin, titles, to_report

from dashboard.text import say
from explain.report import open_archive

pytestmark = pytest.mark.browser


def upload(visitor, path: Path) -> None:
    with visitor.rerun():
        visitor.page.set_input_files("[data-testid=stMain] input[type=file]", path)


def written(visitor, label: str, text: str, number: int = 0) -> None:
    box = visitor.page.get_by_role("textbox", name=label, exact=True).nth(number)
    box.fill(text)
    with visitor.rerun():
        box.press("Control+Enter" if label != "Title" else "Enter")


def shown(visitor) -> list[bytes]:
    """The figures on the page, as the files that the browser got."""
    visitor.until(
        lambda: visitor.page.evaluate(
            "[...document.querySelectorAll('[data-testid=stMain] [data-testid=stImage] img')]"
            ".every(image => image.complete && image.naturalWidth)"
        ),
        "the figures",
    )
    found = visitor.page.locator("[data-testid=stMain] [data-testid=stImage] img")
    return [visitor.page.request.get(image.evaluate("i => i.src")).body() for image in found.all()]


def figure(visitor, folder: Path) -> Path:
    """The PNG file of the first figure."""
    visitor.page.get_by_text(say("report.one")).first.click()
    return visitor.saved(say("report.save.png", dpi=150), folder)


def test_what_one_session_saves_another_one_opens(visitors, tmp_path: Path):
    first = visitors()
    first.open("maps", layer="block1a_project_bn (112×112×16)", channel="9")
    first.drawn("#overlay")
    pin(first, 1)
    expect(first.page.get_by_test_id("stToast")).to_be_visible()
    pin(first, 0)
    to_report(first)
    written(first, "Title", "On whiskers")
    written(first, "Introduction", "Why.\nOf two lines.")
    written(first, "Remarks", "Look at the nose.", 1)
    with first.rerun():
        first.button("Down", exact=True).first.click()
    with first.rerun():  # not what the archive would choose itself
        first.page.get_by_test_id("stMain").get_by_text("150 dpi", exact=True).click()
    before = titles(first), shown(first)
    path = first.saved(say("report.document.zip"), tmp_path)
    (tmp_path / "before").mkdir()
    exported = figure(first, tmp_path / "before")

    second = visitors(width=390)
    second.open("report")
    expect(second.page.get_by_text(say("report.empty"))).to_be_visible()
    upload(second, path)
    expect(second.page.get_by_role("heading", name="Figure 2", exact=True)).to_be_visible()
    second.settle()
    said = say("report.opened", figures="2 figures")
    expect(second.page.get_by_text(said)).to_be_visible()  # the toast may be gone by now
    second.until(lambda: titles(second) == before[0], "the titles")  # the page is drawn twice
    assert shown(second) == before[1] and len(before[1]) == 2
    expect(second.page.get_by_role("textbox", name="Title", exact=True).first).to_have_value("On whiskers")
    expect(second.page.get_by_role("textbox", name="Introduction")).to_have_value("Why.\nOf two lines.")
    expect(second.page.get_by_role("textbox", name="Remarks").first).to_have_value("Look at the nose.")
    with second.rerun():
        second.page.get_by_test_id("stMain").get_by_text("150 dpi", exact=True).click()
    assert figure(second, tmp_path).read_bytes() == exported.read_bytes()
    with zipfile.ZipFile(path) as archive:  # and the ZIP has it, too
        assert exported.read_bytes() == archive.read(
            next(n for n in archive.namelist() if n.endswith(".png"))
        )
    assert decoded(exported).std() > 20  # a picture
    again = second.saved(say("report.document.zip"), tmp_path / "again")
    assert again.read_bytes() == path.read_bytes()

    # What is no report is a sentence, and what is there stays; what is opened can be taken back.
    wrong = tmp_path / "![x](http:example.org).zip"
    wrong.write_bytes(b"PK\3\4 nothing")
    second.page.get_by_text(say("report.open"), exact=True).click()
    upload(second, wrong)
    expect(second.page.get_by_test_id("stAlert")).to_contain_text("E_REPORT_BROKEN")
    expect(second.page.get_by_test_id("stAlert")).to_contain_text("![x](http:")
    second.until(lambda: titles(second) == before[0], "the titles")
    with second.rerun():
        second.button(say("report.undo")).click()
    expect(second.page.get_by_text(say("report.empty"))).to_be_visible()

    # The numbers of the file, without a page.
    report = open_archive(path)
    with zipfile.ZipFile(path) as archive:
        numbers = [np.load(io.BytesIO(archive.read(n))) for n in archive.namelist() if n.endswith(".npy")]
    values = [panel.values for view in report.views for panel in view.panels]
    assert len(values) == 17 and all(np.array_equal(a, b) for a, b in zip(values, numbers, strict=True))
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", report.made)
