"""One network over its training: the same photo, layer and class in every checkpoint, and what changed."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import (
    arrivals,
    bundles,
    choices,
    networks,
    remember,
    shell,
    tour_results,
    tray,
)
from dashboard.networks import AUTOMATIC, Own
from dashboard.text import plain, say, told
from dashboard.tour_results import Shown
from dashboard.tours import Stop, Tour, Wish
from dashboard.uploads import session, uploads
from explain.opening.zoo import ZOO
from explain.results import Image, Model
from explain.similarity import natural

MOST = 24  # photos

st.title(say("checkpoints.title"), anchor=False)
st.write(say("checkpoints.about"))


def files() -> dict[str, Own]:
    """{digest: checkpoint} of this session, in the natural order of their names."""
    held = st.session_state.setdefault("checkpoint_files", {})
    return dict(sorted(held.items(), key=lambda item: natural(item[1].name)))


def tour() -> Tour | None:
    return st.session_state.get("tour")


def running() -> bool:
    return tour() is not None and tour().running


def page() -> None:
    if sentence := arrivals.off():
        st.info(sentence)
        return
    _upload()
    if len(files()) < 2:
        st.info(say("tour.one" if files() else "tour.none"), icon=":material/timeline:")
        return
    job = _job()
    with st.container():  # always one element: what is below keeps its place
        _progress(job)
    if job.states() and not _model(job.stops):  # others have asked before: now layers and classes are known
        _note_model(job)
        st.rerun()
    if shown := _shown(job):
        tour_results.results(shown)
    if running() != POLLED:  # begin, or cease, to look again and again
        st.rerun()


def _shown(job: Tour) -> Shown | None:
    """What is there; while it is less than two checkpoints, what was there before the last choice."""
    states, before = job.states(), st.session_state.get("tour_before")
    names = [stop.name for stop in job.stops]
    if len(states) < 2 and job.running and before and before.names == names:
        st.caption(say("tour.before"))
        return before
    if not states:
        return None
    found = Shown(states, choices.photo(), choices.photo_title(), names)
    if len(states) > 1:
        st.session_state["tour_before"] = found
    return found


# The files ---------------------------------------------------------------------------------------------


def _upload() -> None:
    about = say("tour.upload.help", megabytes=arrivals.megabytes())
    with st.expander(say("tour.upload"), icon=":material/upload_file:", expanded=len(files()) < 2):
        arrivals.file_uploader(
            say("tour.upload"), "checkpoint_upload", _take, accept_multiple_files=True,
            label_visibility="collapsed", max_upload_size=arrivals.megabytes(), help=about,
        )  # fmt: skip
        st.caption(about)
        if files():
            st.write(", ".join(plain(name) for name in _names().values()))
            zoo = {AUTOMATIC: say("tour.weights_of.none")} | {
                name: entry.title for name, entry in ZOO.items()
            }
            st.selectbox(
                say("tour.weights_of"), list(zoo), format_func=zoo.get, key="checkpoint_weights_of",
                help=say("tour.weights_of.help"),
            )  # fmt: skip
            st.button(say("tour.forget"), on_click=_forget, icon=":material/delete:")
    for sentence in st.session_state.pop("checkpoints_refused", []):
        st.error(sentence)


def _names() -> dict[str, str]:
    return told({digest: one.name for digest, one in files().items()})


def _take(given: list[Any]) -> None:
    held, refused = files(), st.session_state.setdefault("checkpoints_refused", [])
    for file in given:
        refused += bundles.take(file, held, arrivals.megabytes() * 2**20)
    st.session_state["checkpoint_files"] = held


def _forget() -> None:
    if running():
        tour().stop()
    for digest in st.session_state.pop("checkpoint_files", {}):
        if digest not in networks.own():
            uploads().drop(session(), digest)
    for name in ("tour", "tour_before", "tour_model"):
        st.session_state.pop(name, None)


def _stops() -> tuple[Stop, ...]:
    """Files with weights alone are told from whole models by their names, as Keras names them."""
    of = st.session_state.get("checkpoint_weights_of") or None
    stops = []
    for digest, name in _names().items():
        weights = of if name.lower().endswith(bundles.WEIGHTS) else None
        arguments = networks.source(digest, Own(digest, name, weights))
        stops.append(Stop(digest, name, tuple(sorted(arguments.items()))))
    return tuple(stops)


# The job -----------------------------------------------------------------------------------------------


def _job() -> Tour:
    """The tour that is wished for: the one there is, or a new one that goes on where nothing is new."""
    job, stops = tour(), _stops()
    wish = _wish(job, stops)
    if job is None or (job.stops, job.wish) != (stops, wish):
        begun = job is not None and job.stops == stops and (job.running or bool(job.states()))
        if job is not None:
            job.stop()
        job = st.session_state["tour"] = Tour(stops, wish, remember.tours())
        if begun:
            _start(job)
    return job


def _wish(job: Tour | None, stops: tuple[Stop, ...]) -> Wish:
    left, middle, right = st.columns(3)
    with left:
        method = choices.method("tour_method", say("choose.method"))
    if job and job.states():
        _note_model(job)
    layer = class_index = None
    if model := _model(stops):
        with middle:
            if not method.layered:
                st.write(say("tour.no_layer"))
            elif model.default_layer:
                layer = choices.target(model, key="tour_layer", label=say("tour.layer"))
        with right:
            class_index = choices.any_class(
                model, say("tour.class.last"), "tour_class", say("choose.class.help")
            )
    return Wish(choices.photo().key, layer, class_index, method.name, tuple(photo.key for photo in _photos()))


def _note_model(job: Tour) -> None:
    st.session_state["tour_model"] = job.stops, job.states()[-1].model


def _model(stops: tuple[Stop, ...]) -> Model | None:
    """The last checkpoint that was opened; it stays known while other questions are being answered."""
    known, model = st.session_state.get("tour_model", (None, None))
    return model if known == stops else None


def _photos() -> list[Image]:
    """What layers are compared on."""
    return [tray.photo(photo) for photo in choices.usual_photos(MOST)]


def _start(job: Tour) -> None:
    st.session_state["tour"] = again = Tour(job.stops, job.wish, job.store)
    again.start(choices.photo(), _photos())


def _progress(job: Tour) -> None:
    done, total = len(job.states()), len(job.stops)
    if job.running:
        text = say("tour.opening", done=done, total=total, name=plain(job.now)) if job.now else ""
        st.progress(done / total, text or say("tour.progress", done=done, total=total))
        st.button(say("tour.stop"), on_click=job.stop, icon=":material/stop_circle:")
        return
    names = _names()
    for digest, error in job.failures.items():
        sentence = networks.named(error, digest, names.get(digest, ""))
        st.error(
            say("tour.failed", name=plain(names.get(digest, "")), sentence=plain(sentence), code=error.code)
        )
    missing = total - done - len(job.failures)
    if job.stopped and missing:
        st.info(say("tour.stopped", done=done, total=total))
    elif done and missing:
        st.caption(say("tour.progress", done=done, total=total))
    if missing or job.failures:
        st.button(
            say("tour.go_on" if done else "tour.start"), on_click=_start, args=(job,), type="primary",
            icon=":material/play_arrow:",
        )  # fmt: skip


POLLED = running()
shell.fragment(page, run_every=2.0 if POLLED else None)()
