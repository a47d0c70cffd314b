"""Makes the pictures of the README from the running app: python .ci/pictures.py

Needs Chromium on the machine; it starts the dashboard itself, on a free port of this machine.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / ".ci" / "pictures"
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]

VIEWS = {
    "start": ("", "#overlay[data-ready]", 1180),
    "maps": ("maps?photo=Chelsea, a cat&channel=31", "#wall[data-ready]", 1300),
    "patterns": ("patterns?channels=0-23", "#wall[data-ready]", 1300),
    "heatmaps": ("heatmaps?photo=A motorcycle", "#overlay[data-ready]", 1000),
    "compare": (
        "compare?photos=Chelsea, a cat&photos=A raccoon&photos=A motorcycle",
        "#overlay[data-ready]",
        900,
    ),
    "report": ("heatmaps?photo=Chelsea, a cat", "#overlay[data-ready]", 1400),
    "checkup": ("checkup", "[data-testid=stDataFrame]", 1300),
    "scaling": ("checkup?part=The scaling", "[data-testid=stMain] button[kind=primary]", 1200),
    "status": ("status", "[data-testid=stTable]", 1300),
}


def main() -> None:
    OUT.mkdir(exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        "dashboard/app.py",
        "--server.headless=true",
        f"--server.port={port}",
    ]
    server = subprocess.Popen(app, cwd=ROOT)
    try:
        base = f"http://127.0.0.1:{port}"
        _wait_for(f"{base}/_stcore/health")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
            page = browser.new_page(color_scheme="light")
            for name, (path, marker, height) in VIEWS.items():
                page.set_viewport_size({"width": 1440, "height": height})
                page.goto(f"{base}/{path}")
                _settle(page, "[data-testid=stMain] button" if name == "patterns" else marker)
                if name == "patterns":
                    page.get_by_role("button", name="Make patterns").click()
                    page.wait_for_selector("#wall[data-count='24']", timeout=120_000)
                    page.locator("#wall canvas:visible").first.click(position={"x": 480, "y": 200})
                    page.wait_for_selector("#overlay[data-ready]", timeout=60_000)
                    page.mouse.move(5, 5)
                    _settle(page, marker)
                if name == "scaling":
                    page.get_by_role("button", name="Compare the scalings").click()
                    _settle(page, "[data-testid=stDataFrame]")
                if name == "report":
                    page.get_by_role("button", name="Pin to report").first.click()
                    page.get_by_role("link", name="Open the report").first.click()
                    _settle(page, "text=Figure 1")
                page.screenshot(path=OUT / f"{name}.jpg", type="jpeg", quality=85)
            browser.close()
    finally:
        server.terminate()
        server.wait(20)


def _settle(page: Page, marker: str) -> None:
    page.wait_for_selector(marker, timeout=120_000)
    page.wait_for_selector(IDLE, timeout=120_000)
    page.wait_for_timeout(1500)  # charts and canvases draw after the script


def _wait_for(address: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(address, timeout=2)
            return
        except OSError:
            time.sleep(0.3)
    raise SystemExit("The dashboard did not start.")


if __name__ == "__main__":
    main()
