"""A real Chromium in front of the real server: fixtures, and waits that look instead of sleeping.

Every page reports what must never happen: an error of a script, and a request that leaves this machine.
"""

from __future__ import annotations

import base64
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import cv2
import numpy as np
import pytest
from pages import ROOT
from serving import Server, running
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

if not os.environ.get("CI"):
    pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
from playwright.sync_api import expect, sync_playwright

FLAGS = (
    "--no-sandbox --disable-gpu --disable-dev-shm-usage --disable-background-networking "
    "--disable-component-update --disable-sync --no-first-run --force-color-profile=srgb"
).split()
HERE = ("127.0.0.1", "localhost", "")  # "": data and blob addresses
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"
PATIENCE = 45_000  # ms; machines are busy
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def chromium() -> str:
    """The program. Where there is none the test is skipped, but never in CI."""
    named = os.environ.get("LAYERSCOPE_CHROMIUM")
    program = named if named and Path(named).is_file() else next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        why = "there is no Chromium on the path, and LAYERSCOPE_CHROMIUM names none"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    return program


@pytest.fixture(scope="module")
def browser():
    """One headless Chromium for a file of tests; its event loop must not outlive them."""
    program = chromium()
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(browser) -> Iterator[Server]:
    """The dashboard; what it wrote may hold no traceback."""
    with running(ROOT) as server:
        yield server
        log = server.log()
    assert "Traceback" not in log and "Incident" not in log, log[-5000:]


class Visitor:
    """One browser window, `page`, and what happened in it."""

    def __init__(self, context, url: str):
        self.url, self.faults, self.sent, self.runs = url, [], [], 0
        context.set_default_timeout(PATIENCE)
        context.route("**/*", self._only_here)
        self.page = context.new_page()
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.page.on("websocket", self._socket)

    def _only_here(self, route) -> None:
        if urlsplit(route.request.url).hostname in (None, *HERE):
            route.continue_()
        else:
            self.faults.append(f"left the machine: {route.request.url}")
            route.abort()

    def _socket(self, socket) -> None:
        if urlsplit(socket.url).hostname not in HERE:
            self.faults.append(f"left the machine: {socket.url}")
        socket.on("framesent", lambda message: self.sent.append(message))
        socket.on("framereceived", self._heard)

    def _heard(self, message: bytes | str) -> None:
        if isinstance(message, bytes):
            self.runs += ForwardMsg.FromString(message).WhichOneof("type") == "script_finished"

    def open(self, page: str = "", **address: str | list[str]) -> None:
        """Go there, and wait until the page has been run."""
        query = urlencode(address, doseq=True, quote_via=quote)
        self.page.goto(f"{self.url}/{page}" + (f"?{query}" if query else ""))
        self.settle()

    def settle(self) -> None:
        """Until the script of the page has ended."""
        self.page.wait_for_selector(IDLE)

    @contextmanager
    def rerun(self) -> Iterator[None]:
        """Wait for the run of the page that the block causes. Only then are its save buttons alive again."""
        before = self.runs
        yield
        self.until(lambda: self.runs > before, "the page to run again")
        self.settle()

    def until(self, look: Callable[[], Any], what: str = "it") -> Any:
        """Look again and again, while the browser goes on; what was found, once it is something."""
        end = time.monotonic() + PATIENCE / 1000
        while not (found := look()):
            assert time.monotonic() < end, f"waited in vain for {what}"
            self.page.wait_for_timeout(50)
        return found

    def drawn(self, component: str, ready: str = "") -> Any:
        """The component ("#wall", "#overlay"), once it has drawn what has `ready` in its tag."""
        return self.page.wait_for_selector(
            f"{component}[data-ready*='{ready}']" if ready else f"{component}[data-ready]"
        )

    def asked(self) -> dict[str, str]:
        """The address as it stands now: {parameter: value}."""
        return dict(self.page.evaluate("[...new URL(location).searchParams]"))

    def button(self, name: str, exact: bool = False):
        return self.page.get_by_role("button", name=name, exact=exact)

    def go(self, page: str) -> None:
        """By the navigation at the side."""
        self.page.get_by_test_id("stSidebarNav").get_by_role("link", name=page, exact=True).click()

    def saved(self, name: str, folder: Path) -> Path:
        """The file behind a save button."""
        with self.page.expect_download() as waiting:
            self.button(name).click()
        path = folder / waiting.value.suggested_filename
        waiting.value.save_as(path)
        return path


@pytest.fixture
def visitors(browser, server):
    """Opens windows: visitors(width=…, scheme=…); in the end none of them may have a fault."""
    opened = []

    def visitor(
        width: int = 1280, height: int = 900, scheme: str = "light", touch: bool = False
    ) -> Visitor:
        size = {"width": width, "height": height}
        context = browser.new_context(viewport=size, color_scheme=scheme, has_touch=touch)
        opened.append((context, Visitor(context, server.url)))
        return opened[-1][1]

    yield visitor
    for context, _ in opened:
        context.close()
    assert [fault for _, visitor in opened for fault in visitor.faults] == []


@pytest.fixture
def visitor(visitors) -> Visitor:
    return visitors()


# What a canvas or a saved file shows ----------------------------------------------------------------


def pixels(canvas) -> np.ndarray:
    """The canvas as it is: (H, W, 4) uint8 RGBA."""
    png = base64.b64decode(canvas.evaluate("c => c.toDataURL('image/png')").partition(",")[2])
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)


def strongest(canvas) -> int:
    """The alpha of the hottest pixel, quickly: 0..255."""
    return canvas.evaluate(
        """c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data
               .reduce((most, value, i) => i % 4 === 3 && value > most ? value : most, 0)"""
    )


def decoded(path: Path) -> np.ndarray:
    """A PNG as (H, W, 3) uint8 RGB."""
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
