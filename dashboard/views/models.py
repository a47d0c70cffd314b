"""Two networks on the same photos: what they say, where they look, and from which layer on they differ."""

from __future__ import annotations

import streamlit as st

from dashboard import choices, networks, remember, shell, tray, two_layers, widgets
from dashboard.components.overlay import overlay
from dashboard.labels import class_label
from dashboard.networks import AUTOMATIC
from dashboard.text import clean, plain, say, told
from explain.methods import shelf
from explain.results import Image, Model
from explain.similarity import match_classes, named, same_architecture

MOST = 24  # photos
USUAL = "gradcam"
OWN_SCALE = {"locked": False}  # at first: a class that one of them hardly sees would be left without colour

st.title(say("models.title"), anchor=False)
st.write(say("models.about"))

first = choices.model()


@shell.fragment
def page() -> None:
    other, photos = _choices()
    if other == AUTOMATIC:
        st.info(say("two.none"), icon=":material/difference:")
        return
    second = networks.open_beside(other, _forget)
    if second is None:
        return
    if not photos:
        st.info(say("two.no_photos"), icon=":material/photo_library:")
        return
    titles = tray.photos()
    images = [tray.photo(photo) for photo in photos]
    classes = _about(second)
    _predictions(second, images, [titles[photo] for photo in photos], classes)
    _heatmaps(second, classes)
    two_layers.layers(first, second, images)
    two_layers.one_channel(first, second, images)


# Which -------------------------------------------------------------------------------------------------


def _choices() -> tuple[str, list[str]]:
    """(id of the second network, ids of the photos)."""
    chosen, titles = networks.chosen(), tray.photos()
    others = {name: title for name, title in networks.titles().items() if name != chosen}
    labels = {AUTOMATIC: say("two.choose")} | others
    if st.session_state.get("other") not in labels:
        st.session_state.pop("other", None)
    _offer([name for name in others if name in networks.own()])
    left, right = st.columns(2)
    with left:
        other = st.selectbox(
            say("two.other"), list(labels), format_func=labels.get, key="other", help=say("two.other.help"),
            **choices.LINKED,
        )  # fmt: skip
        if other != AUTOMATIC:
            st.button(
                say("two.exchange"), on_click=_exchange, args=(chosen, other), icon=":material/swap_horiz:"
            )
    with right:
        photos = st.multiselect(
            say("two.photos"), list(titles), list(titles)[:MOST], format_func=titles.get, key="both_photos", wrap=True,
            max_selections=MOST, help=say("two.photos.help", most=MOST),
        )  # fmt: skip
    return other, photos


def _offer(mine: list[str]) -> None:
    """The newest own network beside the chosen one is what most want to compare with; once, then it is theirs."""
    before, st.session_state["offered"] = st.session_state.get("offered"), mine
    if mine and mine != before and not st.session_state.get("other") and "other" not in st.query_params:
        st.session_state["other"] = mine[-1]


def _exchange(one: str, other: str) -> None:
    networks.choose(other)
    st.session_state["other"] = one


def _forget() -> None:
    st.session_state["other"] = AUTOMATIC


def _about(second: Model) -> dict[int, int]:
    """What the two have in common, in a sentence → {class of the first: class of the second}."""
    classes = match_classes(first, second)
    alike = same_architecture(first, second)
    words = [say("two.same" if alike else "two.unlike")]
    if alike:
        one, other = (remember.fingerprints(model).digests for model in (first, second))
        equal = sum(a == b for a, b in zip(one, other, strict=True))
        if equal == len(one):
            st.warning(say("two.twins"), icon=":material/content_copy:")
            return classes
        words.append(say("two.equal_weights", equal=equal, count=len(one)))
    elif not classes:
        words.append(say("two.classes.none"))
    elif named(first) and named(second):
        words.append(say("two.classes", count=len(classes)))
    else:
        words.append(say("two.classes.numbers"))
    st.caption(" ".join(words))
    return classes


# What they say -----------------------------------------------------------------------------------------


def _predictions(second: Model, images: list[Image], titles: list[str], classes: dict[int, int]) -> None:
    st.header(say("two.predictions"), anchor=False)
    tops = [(remember.predictions(first, i)[0], remember.predictions(second, i)[0]) for i in images]
    known = [a.class_index in classes and b.class_index in classes.values() for a, b in tops]
    same = [classes.get(a.class_index) == b.class_index for a, b in tops]
    if any(known):
        counted = sum(s for s, k in zip(same, known, strict=True) if k)
        st.metric(
            say("two.agreement"), say("two.agreement.of", same=counted, many=sum(known)),
            help=say("two.agreement.help"),
        )  # fmt: skip
    names = told({0: first.name, 1: second.name})
    sure = [say("two.sure", side=say(f"two.side.{side}")) for side in ("first", "second")]
    words = {True: say("two.agree.yes"), False: say("two.agree.no")}
    unknown = say("two.agree.unknown")
    agree = [words[s] if k else unknown for s, k in zip(same, known, strict=True)]
    columns = {say("two.photo"): titles, say("two.agree"): agree}
    for i, model in enumerate((first, second)):
        columns[say("two.guess", model=names[i])] = [class_label(model, pair[i].class_index) for pair in tops]
        columns[sure[i]] = [100 * pair[i].probability for pair in tops]
    bar = st.column_config.ProgressColumn(format="%.1f %%", min_value=0, max_value=100)
    st.dataframe(
        columns, hide_index=True, column_config=dict.fromkeys(sure, bar), height="content",
        alt=say("two.predictions.alt", count=len(images)),
    )  # fmt: skip


# Where they look ---------------------------------------------------------------------------------------


def _heatmaps(second: Model, classes: dict[int, int]) -> None:
    st.header(say("two.heatmaps"), anchor=False)
    image, title = choices.photo(), choices.photo_title()
    left, right = st.columns(2)
    with left:
        labels = choices.class_labels(first) | {None: say("two.class.first")}
        asked = st.selectbox(
            say("choose.class"),
            list(labels),
            format_func=labels.get,
            key="both_class",
            help=say("two.class.help"),
        )
    with right:
        methods = shelf("heatmaps")
        method = st.selectbox(
            say("two.method"), sorted(methods, key=lambda m: m != USUAL), format_func=lambda m: methods[m].title,
            key="both_method",
        )  # fmt: skip
    for model in (first, second):
        if methods[method].layered and not model.default_layer:
            st.info(say("two.no_map", model=plain(model.name)))
            return
    one = remember.heatmap(first, image, method, None, asked)
    counterpart = classes.get(one.class_index)
    if counterpart is None:
        st.caption(say("two.no_counterpart", second=plain(second.name), label=plain(one.label)))
    other = remember.heatmap(second, image, method, None, counterpart)
    alike = same_architecture(first, second)
    if not alike:
        st.caption(say("two.scales"))
    panels = [
        widgets.heat_panel(h, image, title, f"{say(f'two.heat.{side}', model=clean(m.name))}: {h.label}")
        for side, m, h in (("first", first, one), ("second", second, other))
    ]
    overlay(
        panels, key="two_heat_signed" if one.signed else "two_heat", label=methods[method].title, columns=2, shared_scale=alike, signed=one.signed,
        looks=OWN_SCALE,
        tag=f"{image.key[:6]} {first.key[:6]} {second.key[:6]} {method} {one.class_index}",
    )  # fmt: skip
    two_layers.figures(one.values, other.values)


page()
