"""The network of this session: which one, how it is opened, and what the visitor says about it.

A network of the zoo goes by its name, an uploaded one by the digest of its file. What the visitor says
(scaling, size, names of the classes) is kept for each network of the session.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from dashboard.text import plain, say, told
from dashboard.uploads import session, uploads
from explain import workers
from explain.errors import Cancelled, ExplainError, NoInternet
from explain.opening.zoo import DEFAULT, ZOO
from explain.results import Model
from explain.scaling import SCALINGS

AUTOMATIC = ""  # None would be no choice at all to a selectbox
SIZES = (1, 4096)  # pixels a side, for networks that take any size


@dataclass(frozen=True)
class Own:
    """A file of this session. digest: where it lies; name: as the visitor called it, clean; weights_of: the
    network of the zoo whose weights it holds, or None for a whole model."""

    digest: str
    name: str
    weights_of: str | None = None


# Which ----------------------------------------------------------------------------------------------


def own() -> dict[str, Own]:
    """{digest: network} of those that this session uploaded."""
    return st.session_state.setdefault("own_networks", {})


def titles() -> dict[str, str]:
    """{id: title} of every network to choose from."""
    mine = {one.digest: say("models.own", name=one.name) for one in own().values()}
    return told({name: entry.title for name, entry in ZOO.items()} | mine)


def title(name: str) -> str:
    return titles()[name]


def chosen() -> str:
    """The id of the chosen network."""
    name = st.session_state.get("model")
    return name if name in ZOO or name in own() else DEFAULT


def choose(name: str) -> None:
    """Make it the chosen one. For callbacks, and before the picker is drawn."""
    st.session_state["model"] = name


def link() -> None:
    """A link may name a scaling: it is needed before its widget can read the address."""
    asked = st.query_params.get("scaling")
    if "scaling" not in st.session_state and asked in SCALINGS:
        said(chosen())["scaling"] = asked


def said(name: str) -> dict[str, Any]:
    """What the visitor said about a network: scaling, size, labels. To be written into."""
    return st.session_state.setdefault("said", {}).setdefault(name, {})


def remove(name: str) -> None:
    """Forget an uploaded network, and its file."""
    own().pop(name, None)
    st.session_state.get("said", {}).pop(name, None)
    uploads().drop(session(), name)
    choose(DEFAULT)


# Opening --------------------------------------------------------------------------------------------


def source(name: str, given: Own | None = None) -> dict[str, Any]:
    """The arguments of `workers.load` for a network of this session, or for a file that is not one yet."""
    one, words = given or own().get(name), said(name)
    if one is None:
        arguments: dict[str, Any] = {"name": name}
    elif one.weights_of is None:
        arguments = {"name": str(uploads().path(one.digest))}
    else:
        arguments = {"name": one.weights_of, "weights": str(uploads().path(one.digest))}
    arguments |= {key: words[key] for key in ("scaling", "input_shape") if words.get(key)}
    return arguments


def opened(name: str, shown: str, cancel: Callable[[], None], given: Own | None = None) -> Model:
    """The network, once a worker has it. Until then the page says how far it is, and offers to cancel.

    shown: its title, by which those of the zoo are called; one's own have the name of their file, as recipes
    need it; cancel: what else the button does. Any ExplainError.
    """
    arguments, slot, one = source(name, given), st.empty(), given or own().get(name)
    drawn = None

    def show(done: int, total: int, partial: Any) -> None:
        nonlocal drawn
        text = _progress_text(shown, done, total)
        if drawn is None:  # the button must not be made twice in one run
            with slot.container():
                drawn = st.empty()
                cancel_button(f"cancel {name}", _cancel, arguments, cancel)
        if total:
            drawn.progress(min(done / total, 1.0), text)
        else:
            drawn.info(text, icon=":material/hourglass_top:")

    try:
        model = workers.load(**arguments, on_progress=show)
    finally:
        slot.empty()
    labels = said(name).get("labels")
    return replace(model, name=one.name if one else shown, labels=labels or model.labels)


def cancel_button(key: str, call: Callable[..., None], *arguments: Any) -> None:
    """The way out of work that takes its time."""
    st.button(say("models.cancel"), key=key, on_click=call, args=arguments, icon=":material/close:")


def _progress_text(shown: str, done: int, total: int) -> str:
    if not done:
        return say("models.waiting", title=plain(shown))
    numbers = {"title": plain(shown), "done": f"{done / 2**20:.0f}"}
    if not total:
        return say("models.fetching_some", **numbers)
    return say("models.fetching", total=f"{total / 2**20:.0f}", **numbers)


def _cancel(arguments: dict[str, Any], cancel: Callable[[], None]) -> None:
    """The run that waited has ended with the click: what it waited for is stopped here."""
    try:
        workers.load(**arguments, on_progress=lambda *_: False)
    except ExplainError:
        pass  # cancelled, as it was asked to be; or it failed at last, and nobody wants to know
    cancel()


def open_chosen() -> Model:
    """The chosen network, opened.

    Weights are fetched only when the visitor asks for them. What goes wrong is a sentence here, with the
    embedded network as the way on, and ends the page.
    """
    link()
    name = chosen()
    shown = title(name)
    if not at_hand(name) and not _asked_for(name):
        st.stop()
    back = st.session_state.get("opened_before", DEFAULT)
    try:
        model = opened(name, shown, lambda: choose(back if back != name else DEFAULT))
    except Cancelled:
        st.stop()
    except ExplainError as error:
        _not_opened(name, error)
        st.stop()
    st.session_state["opened_before"] = name
    return model


def at_hand(name: str) -> bool:
    """Whether it can be opened without fetching anything, as far as is known."""
    return name not in ZOO or ZOO[name].embedded or workers.is_open(name)


def open_beside(name: str, cancel: Callable[[], None]) -> Model | None:
    """Another network than the chosen one, opened. None where it is not here: the reason is on the page, and
    nothing else of the page is lost. cancel: what giving up the opening does."""
    approved = st.session_state.setdefault("approved", set())
    if not at_hand(name) and name not in approved:
        entry = ZOO[name]
        st.info(say("models.ask", title=entry.title, megabytes=entry.megabytes), icon=":material/cloud_download:")
        st.button(say("models.fetch", title=entry.title), on_click=approved.add, args=(name,), type="primary")
        return None
    try:
        return opened(name, title(name), cancel)
    except Cancelled:
        return None
    except ExplainError as error:
        approved.discard(name)
        icon = ":material/cloud_off:" if isinstance(error, NoInternet) else ":material/error:"
        st.error(plain(named(error, name)), icon=icon)
        st.caption(say("error.help", code=error.code))
        return None


def _not_opened(name: str, error: ExplainError) -> None:
    """The sentence, its code and the ways on. What the visitor said may be the reason: it is taken back."""
    st.session_state.setdefault("approved", set()).discard(name)
    icon = ":material/cloud_off:" if isinstance(error, NoInternet) else ":material/error:"
    st.error(plain(named(error, name)), icon=icon)
    st.caption(say("error.help", code=error.code))
    with st.container(horizontal=True):
        if said(name):
            st.button(say("models.usual"), on_click=_forget_said, args=(name,), type="primary")
        if name != DEFAULT:
            st.button(
                say("models.back", title=ZOO[DEFAULT].title), on_click=choose, args=(DEFAULT,), type="primary"
            )


def _forget_said(name: str) -> None:
    st.session_state["said"].pop(name, None)


def named(error: ExplainError, digest: str, name: str = "") -> str:
    """What an error says, with the visitor's name for a file in place of ours."""
    name = name or (own()[digest].name if digest in own() else "")
    return str(error).replace(digest, name) if name else str(error)


def _asked_for(name: str) -> bool:
    """Whether the visitor asked for the weights of this network; the question, where not yet."""
    approved = st.session_state.setdefault("approved", set())
    if name in approved:
        return True
    entry = ZOO[name]
    st.info(say("models.ask", title=entry.title, megabytes=entry.megabytes), icon=":material/cloud_download:")
    with st.container(horizontal=True):
        st.button(say("models.fetch", title=entry.title), on_click=approved.add, args=(name,), type="primary")
        st.button(say("models.back", title=ZOO[DEFAULT].title), on_click=choose, args=(DEFAULT,))
    return False
