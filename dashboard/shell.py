"""The frame around every page: navigation, the sidebar's choices, and the one place where errors
become sentences."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path

import streamlit as st

from dashboard import sidebar
from dashboard.text import plain, say
from explain import workers
from explain.errors import ExplainError

HERE = Path(__file__).parent
LOG = logging.getLogger("layerscope")

PAGES = ("start", "maps", "patterns", "heatmaps", "compare", "models", "checkpoints", "report", "checkup", "status")
ICONS = {
    "start": ":material/visibility:", "maps": ":material/grid_view:", "patterns": ":material/texture:",
    "heatmaps": ":material/local_fire_department:", "compare": ":material/compare:",
    "models": ":material/difference:", "checkpoints": ":material/timeline:", "report": ":material/article:", "checkup": ":material/stethoscope:", "status": ":material/dns:",
}  # fmt: skip


def main() -> None:
    # Before the navigation, whose icons would be fetched from elsewhere for the browser's tab.
    st.set_page_config(page_icon=str(HERE / "icon.png"), layout="wide")
    page = st.navigation(list(pages().values()))
    workers.warm()
    lost = sidebar.lost()                                 # before the pickers tidy the address
    with st.sidebar, guard():
        sidebar.sidebar()
    for sentence in lost:
        st.warning(sentence)
    with guard():
        page.run()


def pages() -> dict[str, st.Page]:
    """The pages by name, for links from one to another."""
    return {
        name: st.Page(
            HERE / "views" / f"{name}.py",
            title=say(f"{name}.nav"),
            icon=ICONS[name],
            url_path="" if name == "start" else name,
            default=name == "start",
            help=say(f"{name}.about"),
        )
        for name in PAGES
    }


@contextmanager
def guard() -> Iterator[None]:
    """Every error ends here, as one sentence; what is not ours to expect is logged with its traceback."""
    try:
        yield
    except ExplainError as error:
        st.error(plain(error), icon=":material/error:")
        st.caption(say("error.help", code=error.code))
    except Exception:
        incident = uuid.uuid4().hex[:8]
        LOG.exception("Incident %s", incident)
        st.error(say("error.internal", incident=incident), icon=":material/error:")


def fragment(page, run_every: float | None = None):
    """`st.fragment` whose errors become sentences too: its reruns do not pass through `main`."""

    @wraps(page)                                          # Streamlit names a fragment by its function
    def guarded() -> None:
        with guard():
            page()

    return st.fragment(guarded, run_every=run_every)
