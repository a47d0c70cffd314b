"""Views of real heatmaps for the tests of reports, and what strangers might call their things."""

from __future__ import annotations

import base64
import io
import re
import struct
from dataclasses import replace
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

import explain
from explain import report
from explain.report import layouts
from explain.report.scenes import Words
from explain.results import Image

SVG = "{http://www.w3.org/2000/svg}"

HOSTILE = (
    '"><script>alert(1)</script><img src=x onerror=alert(2)>',
    '=HYPERLINK("http://example.invalid")',
    "\\input{/etc/passwd} 100% & $x_1^2$ #{~}",
    "![x](http://example.invalid) `code` *bold* <b>",
    "\u202egnp.exe\u2066 \x00\x1b[31m line\nfeed\r\u2028",
    "고양이 猫 кошка 😀",
    "x" * 10_000,
)


def chunks(png: bytes) -> dict[bytes, bytes]:
    """The parts of a PNG by kind."""
    found, at = {}, 8
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        found[kind], at = png[at + 8 : at + 8 + length], at + 12 + length
    return found


def said(scene) -> list[str]:
    """The texts of a scene."""
    return [shape.text for shape in scene.shapes if isinstance(shape, Words)]


def scene_of(view, width=8.5):
    return layouts.scene(view, width)


@pytest.fixture(scope="session")
def heat(default_model, cat):
    """Grad-CAM of the cat, fresh."""
    return explain.heatmap(default_model, cat, fresh=True)


@pytest.fixture(scope="session")
def signed(default_model, cat):
    """A map of pixels with a sign, of the same photo."""
    return explain.heatmap(default_model, cat, "gradient_times_input", fresh=True)


@pytest.fixture(scope="session")
def view(default_model, cat, heat):
    return report.view_of_heatmaps(default_model, cat, heat, "Where it looked")


@pytest.fixture(scope="session")
def wall(default_model, cat, heat):
    """Six panels, one of them blank."""
    factors = (1, 2, 3, 0, 5, 6)
    several = [
        replace(heat, values=heat.values * factor, class_index=i, label=f"class {i}")
        for i, factor in enumerate(factors)
    ]
    note = explain.Notice("W_BLANK", "Blank: nothing speaks for it.")
    several[3] = replace(several[3], notices=(note,))
    return several


@pytest.fixture(scope="session")
def hostile(default_model, cat, heat):
    """A report in which every text is meant ill."""
    views = []
    for name in HOSTILE:
        model = replace(default_model, name=name)
        photo = Image(cat.key, cat.pixels, name)
        other = replace(heat, label=name, layer=name, class_index=1)
        views.append(report.view_of_heatmaps(model, photo, [other, heat], name, remark=name, label=name))
    return report.Report(HOSTILE[0], tuple(views), about=HOSTILE[3], made=HOSTILE[0])


def decoded(data: bytes) -> np.ndarray:
    """The pixels of a PNG or WebP, RGB or RGBA."""
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return cv2.cvtColor(found, cv2.COLOR_BGRA2RGBA if found.shape[-1] == 4 else cv2.COLOR_BGR2RGB)


def in_addresses(text: str) -> list[np.ndarray]:
    """The pictures of all data addresses, in their order."""
    found = re.findall(r"data:image/\w+;base64,([A-Za-z0-9+/=]+)", text)
    return [decoded(base64.b64decode(one)) for one in found]


def loaded(data: bytes) -> np.ndarray:
    return np.load(io.BytesIO(data), allow_pickle=False)


VOID = {"meta", "img", "input", "br"}


class Page(HTMLParser):
    """Every tag with its attributes, the text, and whether all that was opened is closed."""

    def __init__(self, data: bytes):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(data.decode())
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]
