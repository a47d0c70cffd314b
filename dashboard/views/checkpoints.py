"""One network over its training: the same photo, layer and class in every checkpoint, and what has changed."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import (
    arrivals,
    choices,
    networks,
    remember,
    shell,
    tour_results,
    tray,
)
from dashboard.networks import AUTOMATIC, Own
from dashboard.text import clean, plain, say, told
from dashboard.tours import Stop, Tour, Wish
from dashboard.uploads import session, uploads
from explain.errors import QuotaExceeded
from explain.opening.zoo import ZOO
from explain.similarity import natural

METHOD = "gradcam"
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
    states = job.states()
    if states:
        tour_results.results(states, choices.photo(), choices.photo_title())
    if running() != POLLED:  # begin, or cease, to look again and again
        st.rerun()


# The files ---------------------------------------------------------------------------------------------


def _upload() -> None:
    with st.expander(say("tour.upload"), icon=":material/upload_file:", expanded=len(files()) < 2):
        arrivals.file_uploader(
            say("tour.upload"), "checkpoint_upload", _take, accept_multiple_files=True, label_visibility="collapsed",
            max_upload_size=arrivals.megabytes(), help=say("tour.upload.help", megabytes=arrivals.megabytes()),
        )  # fmt: skip
        st.caption(say("tour.upload.help", megabytes=arrivals.megabytes()))
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
    for file in given:
        try:
            digest = uploads().keep(session(), file.getvalue(), file.name)
        except QuotaExceeded as error:
            refused = st.session_state.setdefault("checkpoints_refused", [])
            refused.append(say("tour.refused", sentence=plain(error), code=error.code))
        else:
            st.session_state["checkpoint_files"][digest] = Own(digest, clean(file.name))


def _forget() -> None:
    if running():
        tour().stop()
    for digest in st.session_state.pop("checkpoint_files", {}):
        if digest not in networks.own():
            uploads().drop(session(), digest)
    st.session_state.pop("tour", None)


def _stops() -> tuple[Stop, ...]:
    """Files with weights alone are told from whole models by their names, as Keras names them."""
    of = st.session_state.get("checkpoint_weights_of") or None
    stops = []
    for digest, name in _names().items():
        weights = of if name.endswith((".weights.h5", ".weights")) else None
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
    image, photos = choices.photo(), list(tray.photos())[:MOST]
    layer = class_index = None
    if states := job.states() if job else []:
        st.session_state["tour_model"] = job.stops, states[-1].model
    known, model = st.session_state.get("tour_model", (None, None))
    if model is not None and known == stops:  # it stays while other questions are being answered
        left, right = st.columns(2)
        with left:
            labels = choices.layer_labels([each for each in model.layers if each.has_map][::-1])
            automatic = say("choose.automatic", layer=model.default_layer)
            picked = st.selectbox(
                say("tour.layer"), [AUTOMATIC, *labels], format_func=({AUTOMATIC: automatic} | labels).get,
                key="tour_layer", help=say("choose.target.help"),
            )  # fmt: skip
            layer = picked or None
        with right:
            classes = choices.class_labels(model) | {None: say("tour.class.last")}
            class_index = st.selectbox(
                say("choose.class"),
                list(classes),
                format_func=classes.get,
                key="tour_class",
                help=say("choose.class.help"),
            )
    keys = tuple(tray.photo(photo).key for photo in photos)
    return Wish(image.key, layer, class_index, METHOD, keys)


def _start(job: Tour) -> None:
    st.session_state["tour"] = again = Tour(job.stops, job.wish, job.store)
    again.start(choices.photo(), [tray.photo(photo) for photo in list(tray.photos())[:MOST]])


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
