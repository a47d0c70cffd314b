"""Makes the pictures of the README from the running app: python .ci/pictures.py [NAME...]

Needs Chromium on the machine; it starts the dashboard itself, on a free port of this machine.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
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
        "compare?photos=Chelsea, a cat&photos=A motorcycle&methods=Grad-CAM&methods=LayerCAM&methods=Integrated gradients",
        "#overlay[data-ready]",
        1500,
    ),
    "models": ("models", "[data-testid=stMain] [data-testid=stSelectbox]", 1900),
    "checkpoints": ("checkpoints", "[data-testid=stMain] [data-testid=stFileUploader]", 1850),
    "report": ("heatmaps?photo=Chelsea, a cat", "#overlay[data-ready]", 1400),
    "checkup": ("checkup", "[data-testid=stDataFrame]", 1300),
    "scaling": ("checkup?part=The scaling", "[data-testid=stMain] button[kind=primary]", 1200),
    "status": ("status", "[data-testid=stTable]", 1300),
}


def main(names: list[str]) -> None:
    """Those pictures, or all of them."""
    OUT.mkdir(exist_ok=True)
    folder = tempfile.mkdtemp()
    subprocess.run([sys.executable, ROOT / ".ci" / "training.py", folder], check=True)
    states = [Path(folder, f"epoch-{epoch}.keras") for epoch in (0, 1, 2, 3, 6)]
    shapes = [Path(folder, f"{kind}.png") for kind in ("disc", "square", "triangle")]
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
                if names and name not in names:
                    continue
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
                if name in ("models", "checkpoints"):
                    _give(page, "Add photos", shapes)
                    _choose(page, "Photo", "square")
                if name == "models":
                    _give(page, "Open a model of your own", [states[1]])
                    _give(page, "Open a model of your own", [states[-1]])
                    _settle(page, "#overlay[data-ready]")
                if name == "checkpoints":
                    page.locator("[data-testid=stMain] input[type=file]").first.set_input_files(states)
                    page.get_by_role("button", name="Look at the training").click()
                    page.wait_for_selector("#overlay[data-ready]", timeout=120_000)
                    page.wait_for_selector("button:has-text('Stop')", state="detached", timeout=120_000)
                    _settle(page, "#overlay[data-ready]")
                if name == "report":
                    page.get_by_role("button", name="Pin to report").first.click()
                    page.get_by_role("link", name="Open the report").first.click()
                    _settle(page, "text=Figure 1")
                page.screenshot(path=OUT / f"{name}.jpg", type="jpeg", quality=85)
            browser.close()
    finally:
        server.terminate()
        server.wait(20)


def _give(page: Page, panel: str, paths: list[Path]) -> None:
    """Upload files in that panel of the side bar."""
    panel = page.get_by_test_id("stSidebar").get_by_test_id("stExpander").filter(has_text=panel)
    files = panel.locator("input[type=file]").first
    if not files.count() or not panel.get_by_test_id("stFileUploader").first.is_visible():
        panel.locator("summary").click()
    files.set_input_files(paths)
    page.wait_for_timeout(4000)
    page.wait_for_selector(IDLE, timeout=120_000)


def _choose(page: Page, what: str, name: str) -> None:
    page.get_by_test_id("stSidebar").get_by_role("combobox", name=what).click()
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    page.wait_for_timeout(1000)
    page.wait_for_selector(IDLE, timeout=120_000)


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
    main(sys.argv[1:])
