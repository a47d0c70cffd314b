"""A visitor's own network in a real browser: opened, refused, stopped, unseen by others, gone in the end."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browser import browser, visitor, visitors  # noqa: F401
from pages import ROOT
from playwright.sync_api import expect
from serving import running
from small_models import saved as saved_models

from dashboard.text import say

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, bytes]:
    return saved_models(tmp_path_factory.mktemp("models"), "plain", "deep")


@pytest.fixture(scope="module")
def temporary(tmp_path_factory) -> Path:
    """Where the server keeps what is temporary."""
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def server(browser, temporary):
    """A server that gives a session up two seconds after its tab was closed."""
    with running(ROOT, "--server.disconnectedSessionTTL=2", TMPDIR=str(temporary)) as server:
        yield server
        log = server.log()
    assert "Traceback" not in log and "Incident" not in log, log[-5000:]


def kept(temporary: Path) -> list[Path]:
    """The uploaded files: under their digests, and nothing of a stranger in their paths."""
    return [path for path in temporary.rglob("*") if re.fullmatch("[0-9a-f]{64}", path.name)]


def give_model(visitor, name: str, data: bytes) -> None:
    page = visitor.page
    panel = page.get_by_test_id("stSidebar").get_by_test_id("stExpander").filter(has_text=say("models.open"))
    if not panel.get_by_test_id("stFileUploader").first.is_visible():
        panel.locator("summary").click()
    expect(panel.get_by_test_id("stFileUploader").first).to_be_visible()
    with page.expect_file_chooser() as chooser:
        panel.get_by_test_id("stFileUploader").first.locator("button", has_text="Upload").click()
    chooser.value.set_files([{"name": name, "mimeType": "application/octet-stream", "buffer": data}])


def test_an_own_network_is_opened_and_is_nobody_elses(visitors, files, temporary):
    one, other = visitors(), visitors()
    one.open()
    one.drawn("#overlay", "285")
    give_model(one, "my net.keras", files["plain"])
    title = say("models.own", name="my net.keras")
    expect(one.page.get_by_role("combobox", name="Network")).to_have_value(title)
    expect(one.page.get_by_text("3 classes, input 12×12×3")).to_be_visible()
    assert len(kept(temporary)) == 1 and kept(temporary)[0].read_bytes() == files["plain"]
    assert one.asked()["model"] == title

    other.page.goto(one.page.url)
    expect(other.page.get_by_text(say("lost.model", name=title))).to_be_visible()
    expect(other.page.get_by_role("combobox", name="Network")).to_have_value("EfficientNet-Lite0")
    other.drawn("#overlay", "285")
    other.go("Status")
    expect(other.page.get_by_text(say("status.somebodys"))).to_be_visible()
    expect(other.page.get_by_text("my net")).to_have_count(0)
    assert str(temporary) not in other.page.content()

    one.page.context.close()
    other.until(lambda: not kept(temporary), "the file to go with its session")
    assert not list(temporary.rglob("copy-*/*"))  # nor anything made of it


def test_what_is_refused_is_a_sentence_and_the_network_before_stays(visitor):
    visitor.open()
    visitor.drawn("#overlay", "285")
    give_model(visitor, "letter.keras", b"Dear network, this is no model.")
    expect(visitor.page.get_by_text("code E_MODEL_KIND")).to_be_visible()
    expect(visitor.page.get_by_text(re.compile("'letter.keras'"))).to_be_visible()
    expect(visitor.page.get_by_role("combobox", name="Network")).to_have_value("EfficientNet-Lite0")
    visitor.drawn("#overlay", "285")


def test_opening_can_be_cancelled(visitor, files, temporary):
    visitor.open()
    visitor.drawn("#overlay", "285")
    give_model(visitor, "deep.keras", files["deep"])
    expect(visitor.page.get_by_text("Opening deep.keras")).to_be_visible()
    visitor.button(say("models.cancel"), exact=True).click()
    expect(visitor.button(say("models.cancel"), exact=True)).to_have_count(0)
    expect(visitor.page.get_by_role("combobox", name="Network")).to_have_value("EfficientNet-Lite0")
    visitor.drawn("#overlay", "285")
    visitor.until(lambda: not kept(temporary), "the file to be forgotten")
    visitor.go("Status")
    expect(visitor.page.get_by_role("heading", name=say("status.limits"))).to_be_visible()
    expect(visitor.page.get_by_text(say("status.somebodys"))).to_have_count(0)


def test_a_scaling_is_chosen_by_the_detective(visitor, files):
    visitor.open()
    visitor.drawn("#overlay", "285")
    give_model(visitor, "net.keras", files["plain"])
    expect(visitor.page.get_by_role("combobox", name="Network")).to_have_value("net.keras (uploaded)")
    visitor.go("Check-up")
    expect(visitor.page.get_by_text("(code W_SCALING_GUESSED)").first).to_be_visible()
    visitor.page.get_by_role("tab", name=say("detective.tab")).click()
    visitor.button(say("detective.run")).click()
    expect(visitor.page.get_by_role("heading", name=say("detective.trials"))).to_be_visible()
    assert visitor.asked()["part"] == say("detective.tab")
