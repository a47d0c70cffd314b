"""A report in a real browser, from a file: offline, without errors, and readable where scripts do not run."""

# ruff: noqa: F811  (fixtures are imported)
from __future__ import annotations

import numpy as np
import pytest
from browser import browser  # noqa: F401
from reporting import decoded, heat, hostile, view, wall  # noqa: F401

from explain import render, report

pytestmark = pytest.mark.browser


@pytest.fixture
def opened(browser, tmp_path):
    """Opens a report; what was asked of the network, and what went wrong, is kept."""
    contexts, faults = [], []

    def open_it(document, **options):
        path = tmp_path / "report.html"
        path.write_bytes(report.html(document))
        context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on(
            "request", lambda r: r.url.startswith(("file:", "data:")) or faults.append(f"asked for {r.url}")
        )
        page.on(
            "console", lambda message: message.type in ("error", "warning") and faults.append(message.text)
        )
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda dialog: faults.append(f"dialog {dialog.message}"))
        page.goto(path.as_uri())
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert not faults, faults


def test_the_slider_changes_the_overlay_and_nothing_else(opened, view, cat, heat):
    page = opened(report.Report("Cats", (view,)))
    over, slider = page.locator(".over"), page.get_by_role("slider", name="Opacity")
    assert over.evaluate("e => getComputedStyle(e).opacity") == "0.5"
    slider.fill("20")
    assert over.evaluate("e => getComputedStyle(e).opacity") == "0.2"
    assert page.locator("output").inner_text() == "20%"
    stack = page.locator(".stack")
    shot = decoded(stack.screenshot())[..., :3]
    expected = render.overlay(cat, heat, 0.2, limits=view.panels[0].limits, size=shot.shape[:2])
    assert np.abs(shot.astype(float) - expected).mean() < 6


def test_without_scripts_everything_can_be_read(opened, default_model, cat, wall):
    views = report.view_of_heatmaps(default_model, cat, wall, "Six", shared=False)
    page = opened(report.Report("Cats", (views,)), java_script_enabled=False)
    assert page.locator(".slider").is_hidden()
    for words in (
        "Cats",
        "Figure 1. Six",
        "class 3",
        "each panel has its own scale",
        "Where the numbers come from",
    ):
        assert page.get_by_text(words).first.is_visible(), words
    images = page.locator("img").all()
    assert len(images) == 18 and all(image.bounding_box()["width"] > 50 for image in images)
    assert page.locator(".over").first.is_visible()


@pytest.mark.parametrize("width", [390, 1280])
def test_hostile_names_do_nothing_and_fit(opened, hostile, width):
    page = opened(hostile, color_scheme="dark")
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.querySelectorAll('script').length") == 2
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(14, 17, 23)"
