"""What channels of two networks look for, side by side: patterns that both climb to at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from dashboard import climbing, pins, remember, rows, shell, widgets
from dashboard.climbs import Climb, Made
from dashboard.text import clean, plain, say
from explain import render
from explain.report.nouns import View
from explain.results import Image

if TYPE_CHECKING:
    from dashboard.two_channels import Pair

AT_FIRST, MOST = 4, 16  # channels
ACROSS = 2  # pairs side by side
GAP = 4  # pixels between two patterns
GREY = 0.5  # of the place of one that is missing

Jobs = tuple[Climb, Climb]
Row = tuple[int, int]  # a channel of the first network, and the one of the second that stands for it


def patterns(pair: Pair, image: Image, likely: Sequence[int]) -> None:
    """likely: channels of the first layer, the most interesting first."""
    st.subheader(say("two.patterns"), anchor=False)
    st.caption(say("two.patterns.about"))
    polled = _running()

    def page() -> None:
        wished = _wish(pair, image, likely)
        if wished is None:
            return
        jobs, between = wished
        with st.container():  # always one element: what is below keeps its place
            climbing.progress(_apart(jobs), lambda: _start(pair, jobs), "two_patterns")
        _results(pair, jobs, between)
        if _running() != polled:  # begin, or cease, to look every second
            st.rerun()

    shell.fragment(page, run_every=1.0 if polled else None)()


def _running() -> bool:
    return any(job.running for job in st.session_state.get("two_climbs", ()))


def _wish(pair: Pair, image: Image, likely: Sequence[int]) -> tuple[Jobs, list[Row]] | None:
    """The jobs that are wished for, those there are where nothing is new; and which channels meet."""
    left, right = st.columns([1, 3])
    with left:
        names = [each for each in pair.first.layers if each.name == pair.layers[0]]
        last = names[0].map_shape[2] - 1
        text = st.text_input(
            say("choose.channels"), ", ".join(map(str, likely[:AT_FIRST])),
            help=say("choose.channels.help", most=last),
            key=f"both_channels {pair.first.key[:12]} {pair.layers[0]} {likely[0]}",
        )  # fmt: skip
    with right, st.expander(say("choose.more")):
        wish = climbing.settings(pair.first, pair.layers[0])
    chosen = climbing.channels(text, last, MOST)
    if chosen is None:
        return None
    between = [(channel, pair.counterpart(image, channel)) for channel in chosen]
    wishes = wish, replace(wish, model=pair.second.key, layer=pair.layers[1])
    asked = chosen, tuple(dict.fromkeys(there for _, there in between))
    jobs = st.session_state.get("two_climbs")
    if jobs is None or [(job.wish, job.channels) for job in jobs] != list(zip(wishes, asked, strict=True)):
        for job in jobs or ():
            job.stop()
        jobs = tuple(Climb(*each, remember.patterns()) for each in zip(wishes, asked, strict=True))
        st.session_state["two_climbs"] = jobs
    return jobs, between


def _apart(jobs: Jobs) -> list[Climb]:
    """Those that have work of their own: two networks with the same weights climb once."""
    return list({(job.wish, job.channels): job for job in jobs}.values())


def _start(pair: Pair, jobs: Jobs) -> None:
    again = tuple(Climb(job.wish, job.channels, job.store) for job in jobs)
    st.session_state["two_climbs"] = again
    for job in _apart(again):
        job.start(pair.first if job.wish.model == pair.first.key else pair.second)


def _results(pair: Pair, jobs: Jobs, between: list[Row]) -> None:
    shown = [(row, found) for row in between if any(found := _made(jobs, row))]
    if not shown:
        return
    for start in range(0, len(shown), ACROSS):  # row by row: on a narrow screen they keep their order
        for cell, (row, found) in zip(st.columns(ACROSS, gap="large"), shown[start : start + ACROSS]):
            with cell:
                _row(pair, row, found)
    complete = [(row, found) for row, found in shown if all(found)]
    if not complete:
        return

    def view() -> View:
        return _view(pair, jobs, complete)

    channels = "-".join(str(row[0]) for row, _ in complete[:AT_FIRST])
    name = (pair.layers[0], f"channels-{channels}", "patterns", "both")
    widgets.save_buttons(widgets.figure_files(view, name), key="two patterns")
    pins.button(view, "two_patterns")


def _made(jobs: Jobs, row: Row) -> list[Made | None]:
    return [job.store.get(job.wish.key(channel)) for job, channel in zip(jobs, row, strict=True)]


def _row(pair: Pair, row: Row, found: list[Made | None]) -> None:
    """Two patterns as one picture, so that they stay side by side on a narrow screen."""
    usual = next(each.pixels for each in found if each is not None)
    tiles = [np.full_like(usual, GREY) if each is None else each.pixels for each in found]
    height = max(tile.shape[0] for tile in tiles)
    tiles = [np.pad(t, ((0, height - len(t)), (0, 0), (0, 0)), constant_values=1) for t in tiles]
    tiles.insert(1, np.ones((height, GAP, 3), np.float32))
    pixels = (np.concatenate(tiles, axis=1) * 255 + 0.5).astype(np.uint8)
    words = {"first": row[0], "second": row[1]}
    st.write(say("two.patterns.row" if pair.by_place else "two.patterns.rows", **words))
    st.image(
        render.png(pixels), output_format="PNG", width="stretch",
        alt=say("two.patterns.alt", one=pair.layers[0], other=pair.layers[1], **words),
    )  # fmt: skip
    said = []
    for side, each in zip(("first", "second"), found, strict=True):
        word = say(f"two.side.{side}")
        if each is None:
            said.append(say("two.patterns.missing", side=word))
            continue
        said.append(say("two.patterns.reached", side=word, score=float(each.scores[-1])))
        said += [plain(note)] if (note := widgets.note_of(each)) else []
    st.caption(" · ".join(said))


def _view(pair: Pair, jobs: Jobs, complete: list[tuple[Row, list[Made]]]) -> View:
    """In pairs, the first network's on the left; the numbers are those that were climbed to."""
    models, panels = (pair.first, pair.second), []
    title = say("two.pin.patterns", layer=pair.layers[0], count=len(complete))
    for row, found in complete:
        each = zip(("first", "second"), models, jobs, found, row, strict=True)
        for side, model, job, made, channel in each:
            (panel,) = climbing.view(model, job.wish, made, title).panels
            words = {"side": say(f"two.side.{side}"), "model": clean(model.name), "channel": channel}
            panels.append(replace(panel, title=say("two.pin.channel", **words)))
    return rows.joined(title, panels, 4 if len(complete) > 1 else 2, {})
