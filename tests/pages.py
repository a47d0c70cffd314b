"""The dashboard without a browser: a page opened in this process, and what stands on it."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[1]
APP = ROOT / "dashboard" / "app.py"
PAGES = ("start", "maps", "patterns", "heatmaps", "compare", "models", "checkpoints", "report", "checkup", "status")


def visit(page: str = "start", **address: str | list[str]) -> AppTest:
    """A new session that opens the page of that name with that address."""
    at = AppTest.from_file(APP, default_timeout=120)
    at.query_params |= address
    at.run()
    return at if page == "start" else at.switch_page(f"views/{page}.py").run()


def told(at: AppTest) -> str:
    """Every sentence on the screen, sidebar included."""
    kinds = (at.title, at.header, at.markdown, at.caption, at.info, at.warning, at.error, at.success)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def payload(at: AppTest, key: str) -> tuple[dict, list[bytes]]:
    """Header and blobs that a component was sent: what frame.py wrote and shared.js reads."""
    data = at.get_by_key(key).proto.bytes
    (length,) = struct.unpack_from("<I", data)
    header = json.loads(data[4 : 4 + length])
    ends = 4 + length + np.cumsum([0, *header["sizes"]])
    return header, [data[a:b] for a, b in zip(ends, ends[1:], strict=False)]


def panels(at: AppTest, key: str) -> list[dict]:
    """The panels of an overlay, each with its `values` (h, w), or None for the photo alone."""
    header, blobs = payload(at, key)
    found = header["panels"]
    for panel, blob in zip(found, blobs[header["photos"] + 1 :], strict=True):
        panel["values"] = np.frombuffer(blob, "<f4").reshape(panel["shape"]) if panel["shape"] else None
    return found


def bars(at: AppTest, key: str) -> list[str]:
    """The texts of a bar chart, best on top."""
    return json.loads(at.get_by_key(key).proto.spec)["data"][0]["text"][::-1]


def button(at: AppTest, label: str):
    """The one button with that label."""
    found = [each for each in at.button if each.label == label]
    assert len(found) == 1, [each.label for each in at.button]
    return found[0]


def uploader(at: AppTest, label: str):
    """The uploader with that label, wherever it is."""
    return next(each for each in at.get("file_uploader") if each.label == label)


def choice(at: AppTest, label: str):
    """The one selectbox with that label."""
    return next(each for each in at.selectbox if each.label == label)
