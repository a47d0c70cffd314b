"""Patterns being made, as pages show them: what is asked for, how far it is, and what a report is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard.climbs import Climb, Made, Wish, channels_from
from dashboard.text import plain, say
from explain import report
from explain.methods import shelf
from explain.report.nouns import View
from explain.results import Model

RECIPES = shelf("patterns")
USUAL = "robust"


def settings(model: Model, layer: str) -> Wish:
    """Recipe, steps, size and seed, drawn side by side."""
    names = sorted(RECIPES, key=lambda name: name != USUAL)
    method = st.selectbox(
        say("choose.recipe"), names, format_func=lambda m: RECIPES[m].title, key="recipe",
        bind="query-params", help="\n\n".join(f"{RECIPES[m].title}: {plain(RECIPES[m].help)}" for m in names),
    )  # fmt: skip
    knob = next(k for k in RECIPES[method].knobs if k.name == "size")
    cells = st.columns(3)
    steps = cells[0].number_input(
        say("choose.steps"), 1, 512, 30, key="steps", bind="query-params", help=say("choose.steps.help")
    )
    size = cells[1].number_input(
        knob.name.capitalize(), int(knob.low), int(knob.high), knob.default, 32, key="size",
        bind="query-params", help=knob.help,
    )  # fmt: skip
    seed = cells[2].number_input(
        say("choose.seed"), 0, 2**31 - 1, 0, key="seed", bind="query-params", help=say("choose.seed.help")
    )
    return Wish(model.key, layer, method, int(steps), int(size), int(seed))


def channels(text: str, last: int, most: int) -> tuple[int, ...] | None:
    """The channels that a text names, up to number `last`; None, with a sentence on the page, where it is not
    understood or names more than `most`."""
    found = channels_from(text, last)
    if found is None:
        st.error(say("patterns.bad_channels", most=last, text=plain(text)))
    elif len(found) > most:
        st.error(say("patterns.too_many", most=most, count=len(found)))
        return None
    return None if found is None else tuple(found)


def progress(jobs: Sequence[Climb], start: Callable[[], None], key: str = "patterns") -> None:
    """How far the jobs are together, with a way to stop them, or to make what is missing."""
    done, total = sum(len(job.done) for job in jobs), sum(len(job.channels) for job in jobs)
    running = [job for job in jobs if job.running]
    if running:
        left = [job.seconds_left() for job in running]
        text = say("patterns.progress", done=done, total=total)
        if None not in left:
            text = say("patterns.left", done=done, total=total, seconds=max(left))
        st.progress(done / total, text)
        st.button(
            say("patterns.stop"), key=f"{key} stop", on_click=_stop, args=(running,),
            icon=":material/stop_circle:",
        )  # fmt: skip
        return
    failures = [job.failure for job in jobs if job.failure]
    for failure in failures:
        st.error(plain(failure))
        st.caption(say("error.help", code=failure.code))
    if not failures and done < total and any(job.stopped for job in jobs):
        st.info(say("patterns.stopped", done=done, total=total))
    if done < total:
        st.button(
            say("patterns.go_on" if done else "patterns.make"), key=f"{key} make", on_click=start,
            type="primary", icon=":material/play_arrow:",
        )  # fmt: skip


def _stop(jobs: Sequence[Climb]) -> None:
    for job in jobs:
        job.stop()


def view(model: Model, wish: Wish, pattern: Made, title: str) -> View:
    """Numbers as they were made: a pattern depends on nothing that is remembered, but on its batch."""
    options = RECIPES[wish.method].options({"size": wish.size})
    return report.view_of_patterns(
        model, pattern, title, steps=wish.steps, size=wish.size, seed=wish.seed, options=options,
        together=pattern.together,
    )  # fmt: skip
