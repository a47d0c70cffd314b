"""A model file that has just been uploaded: it is opened, asked about, or refused in a sentence.

Until it is open the network before it stays chosen, and nothing of it is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from dashboard import networks
from dashboard.networks import SIZES, Own
from dashboard.text import clean, plain, say
from dashboard.uploads import session, uploads
from explain import workers
from explain.errors import Cancelled, ExplainError, InputError, QuotaExceeded, WeightsOnly
from explain.opening.zoo import ZOO

MOST = 500  # MB of one model file; the page process holds it in memory for a moment
GUARDS = ("files", "network")  # with neither of them nothing of a stranger is opened


def off() -> str:
    """Why models are not taken here, or ""."""
    if workers.trusts_models():
        return ""
    return say(
        "models.off", why=plain("; ".join(part.why for part in workers.sandbox() if part.name in GUARDS))
    )


def megabytes() -> int:
    """The most that one model file may have."""
    return min(MOST, st.get_option("server.maxUploadSize"))


def panel() -> None:
    """The uploader, and what has become of the last file."""
    if sentence := off():
        st.caption(sentence)
        return
    file_uploader(
        say("models.upload"),
        "model_upload",
        _take,
        max_upload_size=megabytes(),
        label_visibility="collapsed",
        help=say("models.upload.help", megabytes=megabytes()),
    )
    st.caption(say("models.upload.kinds"))
    if sentence := st.session_state.pop("model_refused", ""):
        st.error(sentence)
    if arrived() is not None:
        _settle(arrived())


def file_uploader(
    label: str,
    name: str,
    take: Callable[..., None],
    *args: Any,
    widget: Callable = st.file_uploader,
    **options: Any,
) -> None:
    """An uploader that is empty again once `take(files, *args)` has them, and Streamlit lets go of them."""
    serial = st.session_state.setdefault("uploads", 0)
    key = f"{name}_{serial}"

    def taken() -> None:
        given = st.session_state.get(key) or []
        files = [f for f in (given if isinstance(given, list) else [given]) if hasattr(f, "getvalue")]
        st.session_state["uploads"] += 1
        if files:
            take(files, *args)

    widget(label, key=key, on_change=taken, **options)


# The file between its upload and its being opened -------------------------------------------------------


def arrived() -> Own | None:
    return st.session_state.get("arrived")


def _take(files: list) -> None:
    _drop()
    file = files[-1]
    try:
        digest = uploads().keep(session(), file.getvalue(), file.name)
    except QuotaExceeded as error:
        st.session_state["model_refused"] = _with_code(str(error), error)
        return
    if digest in networks.own():
        networks.choose(digest)
    else:
        st.session_state["arrived"] = Own(digest, clean(file.name))


def _drop() -> None:
    """Forget the file that was being opened."""
    one = arrived()
    _forget_questions()
    if one is not None and one.digest not in networks.own():
        st.session_state.get("said", {}).pop(one.digest, None)
        uploads().drop(session(), one.digest)


def _settle(one: Own) -> None:
    """Open it, with a bar and a way to stop; or ask what it needs to be opened."""
    if "arrived_asks" not in st.session_state and not _open(one):
        return
    st.info(st.session_state["arrived_said"])
    (_ask_network if st.session_state["arrived_asks"] == "weights" else _ask_size)(one)
    st.button(say("models.forget"), on_click=_drop, icon=":material/close:")


def _open(one: Own) -> bool:
    """Try it. True where something has to be asked first; where it is open, the page begins anew."""
    try:
        networks.opened(one.digest, one.name, _drop, one)
    except Cancelled:
        _drop()
        return False
    except ExplainError as error:
        sentence, asked = _told(error, one), st.session_state.get("arrived_asked")
        asks = _lacks(error)
        if asks:
            st.session_state["arrived_said"] = sentence
        else:
            st.error(sentence)
        if asks or asked:  # a wrong answer to a question is no reason to forget the file
            st.session_state["arrived_asks"] = st.session_state["arrived_asked"] = asks or asked
            return True
        _drop()
        return False
    networks.own()[one.digest] = one
    st.session_state["choose"] = one.digest
    _forget_questions()
    st.rerun()


def _lacks(error: ExplainError) -> str:
    """What the visitor may know that the file does not say: "weights" of which network, "size", or ""."""
    if isinstance(error, WeightsOnly):
        return "weights"
    return "size" if isinstance(error, InputError) and "input_shape" in str(error) else ""


def _forget_questions() -> None:
    for name in ("arrived", "arrived_asks", "arrived_asked", "arrived_said"):
        st.session_state.pop(name, None)


def _told(error: ExplainError, one: Own) -> str:
    return _with_code(networks.named(error, one.digest, one.name), error)


def _with_code(sentence: str, error: ExplainError) -> str:
    return f"{plain(sentence)} {say('error.code', code=error.code)}"


def _ask_network(one: Own) -> None:
    """Which network of the zoo the weights belong to."""

    def again() -> None:
        st.session_state["arrived"] = replace(one, weights_of=st.session_state["weights_of"])
        st.session_state.pop("arrived_asks", None)

    fitting = [name for name in ZOO if plain(ZOO[name].title) in st.session_state["arrived_said"]]
    likely = max(fitting, key=lambda name: len(ZOO[name].title), default=next(iter(ZOO)))
    st.selectbox(
        say("models.weights_of"),
        list(ZOO),
        list(ZOO).index(likely),
        format_func=lambda name: ZOO[name].title,
        key="weights_of",
        help=say("models.weights_of.help"),
    )
    st.button(say("models.open_weights"), on_click=again, type="primary", icon=":material/play_arrow:")


def _ask_size(one: Own) -> None:
    """The height, width and channels that the file does not say."""

    def again() -> None:
        told = (st.session_state[f"arrived_{side}"] for side in ("height", "width", "channels"))
        networks.said(one.digest)["input_shape"] = tuple(int(number) for number in told)
        st.session_state.pop("arrived_asks", None)

    cells = st.columns(3)
    cells[0].number_input(say("size.height"), *SIZES, 224, key="arrived_height")
    cells[1].number_input(say("size.width"), *SIZES, 224, key="arrived_width")
    cells[2].selectbox(say("size.channels"), [3, 1, 4], key="arrived_channels")
    st.button(say("models.open_size"), on_click=again, type="primary", icon=":material/play_arrow:")
