"""A whole document, shown as it is and kept apart: no scripts, no forms, an origin of its own."""

from __future__ import annotations

import streamlit as st

from dashboard.components.frame import frame, source
from dashboard.text import visible

_leaf = st.components.v2.component("layerscope_leaf", **source("leaf"))


def leaf(html: bytes, *, key: str, title: str, height: int = 720, tag: str | None = None) -> None:
    """Show the document.

    html: a whole page in UTF-8; title: what it is, for those who do not see it; height: in pixels, it
    scrolls inside; tag: what `data-ready` says once it is there, a digest where None
    """
    header = {"title": visible(title), "height": int(height)}
    _leaf(key=key, data=frame(header, [html], tag))
