"""A saved report comes back to the page: the uploader, and what becomes of its file.

The file waits in the session until it is opened, so that a page that begins anew meanwhile loses nothing.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import pins
from dashboard.arrivals import file_uploader
from dashboard.text import clean, plain, say
from explain.errors import ExplainError
from explain.report import open_archive

MOST = 500  # MB of one file; the page process holds it in memory for a moment
WAYS = ("behind", "instead")


def panel() -> None:
    """The uploader; with figures on the page, whether those of the file come behind or instead of them."""
    there = bool(pins.pins())
    with st.expander(
        say("report.open"), icon=":material/folder_open:", expanded=not there, key=f"report_open {there}"
    ):
        if there:
            st.segmented_control(
                say("report.way"), WAYS, default=WAYS[0], required=True, key="report_way", wrap=True,
                format_func=lambda way: say(f"report.way.{way}"), persist_state="session",
            )  # fmt: skip
        file_uploader(
            say("report.open.label"), "report_upload", _take, label_visibility="collapsed",
            max_upload_size=min(MOST, st.get_option("server.maxUploadSize")),
        )  # fmt: skip
        st.caption(say("report.open.help"))
    if sentence := st.session_state.pop("report_refused", ""):
        st.error(sentence)


def arrive() -> None:
    """Open the file that has come, if one has. Before the title of the document is drawn."""
    if "report_arrived" not in st.session_state:
        return
    name, data, instead = st.session_state["report_arrived"]
    place = st.empty()
    bar = place.progress(0.0, say("report.opening", name=plain(clean(name))))

    def heard(done: int, count: int) -> None:
        bar.progress(done / count, say("report.opening", name=plain(clean(name))))

    try:
        report = open_archive(data, clean(name), pins.MAX_BYTES, heard)
        added = pins.open_report(report, instead)
    except Exception as error:
        del st.session_state["report_arrived"]  # what failed is not tried at each rerun
        if not isinstance(error, ExplainError):
            raise
        st.session_state["report_refused"] = f"{plain(error)} {say('error.code', code=error.code)}"
    else:
        del st.session_state["report_arrived"]
        twice = len(report.views) - added
        st.toast(say("report.opened.toast", figures=figures(added)), icon=":material/folder_open:")
        if twice:
            st.toast(say("report.opened.twice", figures=figures(twice)), icon=":material/content_copy:")
    place.empty()


def figures(count: int) -> str:
    """“1 figure”, “4 figures”."""
    return say("report.count.one") if count == 1 else say("report.count", count=count)


def _take(files: list[Any]) -> None:
    instead = bool(pins.pins()) and st.session_state.get("report_way") == "instead"
    st.session_state["report_arrived"] = files[-1].name, files[-1].getvalue(), instead
