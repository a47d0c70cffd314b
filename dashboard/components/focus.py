"""Where the keyboard is after a click that moves its own button to another place of the page."""

from __future__ import annotations

import re
from collections.abc import Sequence

import streamlit as st

from dashboard.components.frame import frame, source

_focus = st.components.v2.component("layerscope_focus", **source("focus"))


def focus(targets: Sequence[str], *, key: str, tag: str) -> None:
    """Give the keyboard to the first of these buttons that can be used, once for each tag.

    targets: keys of widgets; tag: what is different for every occasion
    """
    header = {"key": key, "targets": [re.sub(r"[^A-Za-z0-9_-]", "-", target) for target in targets]}
    _focus(key=key, data=frame(header, [], tag))
