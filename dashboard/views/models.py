"""Two networks on the same photos: what they say, where they look, and from which layer on they differ."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace

import streamlit as st

from dashboard import (
    choices,
    networks,
    pins,
    remember,
    rows,
    shell,
    tray,
    two_channels,
    two_layers,
    widgets,
)
from dashboard.components.overlay import overlay
from dashboard.labels import class_label
from dashboard.networks import AUTOMATIC
from dashboard.text import clean, plain, say, told
from explain.methods import Method
from explain.report.nouns import View
from explain.results import Heatmap, Image, Model
from explain.similarity import match_classes, named, same_architecture

MOST = 24  # photos
OWN_SCALE = {"locked": False}  # at first: a class that one of them hardly sees would be left without colour

st.title(say("models.title"), anchor=False)
st.write(say("models.about"))

first = choices.model()


@dataclass(frozen=True)
class Side:
    """One of the two, and which of its outputs is looked at; side: "first" or "second"."""

    side: str
    model: Model
    output: int | None

    def called(self, heatmap: Heatmap) -> str:
        return f"{say(f'two.heat.{self.side}', model=clean(self.model.name))}: {heatmap.label}"


@shell.fragment
def page() -> None:
    other, photos = _choices()
    if other == AUTOMATIC:
        st.info(say("two.none"), icon=":material/difference:")
        return
    second = networks.open_beside(other, _forget)
    if second is None:
        return
    sides = _sides(second)
    if not photos:
        st.info(say("two.no_photos"), icon=":material/photo_library:")
        return
    titles = tray.photos()
    images = [tray.photo(photo) for photo in photos]
    classes = _about(*sides)
    _predictions(sides, images, [titles[photo] for photo in photos], classes)
    _heatmaps(sides, classes)
    two_layers.layers(first, second, images)
    two_channels.channels(first, second, images)


# Which -------------------------------------------------------------------------------------------------


def _choices() -> tuple[str, list[str]]:
    """(id of the second network, ids of the photos)."""
    chosen, titles = networks.chosen(), tray.photos()
    others = {name: title for name, title in networks.titles().items() if name != chosen}
    labels = {AUTOMATIC: say("two.choose")} | others
    if st.session_state.get("other") not in labels:
        st.session_state.pop("other", None)
    _offer([name for name in others if name in networks.own()])
    _follow()
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
            say("two.photos"), list(titles), format_func=titles.get, key="both_photos", wrap=True,
            max_selections=MOST, help=say("two.photos.help", most=MOST),
        )  # fmt: skip
    return other, photos


def _offer(mine: list[str]) -> None:
    """The newest own network beside the chosen one is what most want; once, then the choice is theirs."""
    before, st.session_state["offered"] = st.session_state.get("offered"), mine
    if mine and mine != before and not st.session_state.get("other") and "other" not in st.query_params:
        st.session_state["other"] = mine[-1]


def _follow() -> None:
    """Photos that are added join the chosen ones; where none was chosen by hand, they replace the samples."""
    before, known = st.session_state.get("both_usual"), set(st.session_state.get("both_known", ()))
    usual, every = choices.usual_photos(MOST), list(tray.photos())
    st.session_state["both_usual"], st.session_state["both_known"] = usual, every
    held = st.session_state.get("both_photos")
    if held is None or held == before:
        st.session_state["both_photos"] = usual
        return
    new = [name for name in every if name not in known]
    kept = [name for name in held if name in every and name not in new]
    st.session_state["both_photos"] = [*new, *kept][:MOST]


def _exchange(one: str, other: str) -> None:
    networks.choose(other)
    st.session_state["other"] = one


def _forget() -> None:
    st.session_state["other"] = AUTOMATIC


def _sides(second: Model) -> tuple[Side, Side]:
    """Both, with their outputs, which are asked for where there are several."""
    outputs = {}
    cells = st.columns(2)
    for cell, side, model, key in zip(
        cells, ("first", "second"), (first, second), ("output", "other_output"), strict=True
    ):
        with cell:
            if st.session_state.get(key, 0) not in range(len(model.outputs)):
                st.session_state.pop(key)
            outputs[side] = choices.output(model, say(f"two.output.{side}"), key)
    return Side("first", first, outputs["first"]), Side("second", second, outputs["second"])


def _about(one: Side, other: Side) -> dict[int, int]:
    """What the two have in common, in a sentence → {class of the first: class of the second}."""
    classes = match_classes(one.model, other.model, one.output or 0, other.output or 0)
    alike = same_architecture(one.model, other.model)
    words = [say("two.same" if alike else "two.unlike")]
    if alike:
        weights = [remember.fingerprints(side.model).digests for side in (one, other)]
        equal, many = sum(a == b for a, b in zip(*weights, strict=True)), len(weights[0])
        if equal == many:
            st.warning(say("two.twins"), icon=":material/content_copy:")
            return classes
        words.append(say("two.equal_weights", equal=equal, count=many))
    elif not classes:
        words.append(say("two.classes.none"))
    elif all(named(side.model, side.output or 0) for side in (one, other)):
        words.append(say("two.classes", count=len(classes)))
    else:
        words.append(say("two.classes.numbers"))
    st.caption(" ".join(words))
    return classes


# What they say -----------------------------------------------------------------------------------------


def _predictions(
    sides: tuple[Side, Side], images: list[Image], titles: list[str], classes: dict[int, int]
) -> None:
    st.header(say("two.predictions"), anchor=False)
    tops = [tuple(remember.predictions(side.model, i, side.output)[0] for side in sides) for i in images]
    known = [a.class_index in classes and b.class_index in classes.values() for a, b in tops]
    same = [classes.get(a.class_index) == b.class_index for a, b in tops]
    if any(known):
        counted = sum(s for s, k in zip(same, known, strict=True) if k)
        st.metric(
            say("two.agreement"), say("two.agreement.of", same=counted, many=sum(known)),
            help=say("two.agreement.help"),
        )  # fmt: skip
    names = told({side.side: side.model.name for side in sides})
    words = {True: say("two.agree.yes"), False: say("two.agree.no")}
    unknown = say("two.agree.unknown")
    agree = [words[s] if k else unknown for s, k in zip(same, known, strict=True)]
    columns, sure = {say("two.photo"): titles, say("two.agree"): agree}, []
    for i, side in enumerate(sides):
        guesses = [class_label(side.model, pair[i].class_index, side.output) for pair in tops]
        sure.append(say("two.sure", side=say(f"two.side.{side.side}")))
        columns[say("two.guess", model=names[side.side])] = guesses
        columns[sure[i]] = [100 * pair[i].probability for pair in tops]
    bar = st.column_config.ProgressColumn(format="%.1f %%", min_value=0, max_value=100)
    st.dataframe(
        columns, hide_index=True, column_config=dict.fromkeys(sure, bar), height="content",
        alt=say("two.predictions.alt", count=len(images)),
    )  # fmt: skip


# Where they look ---------------------------------------------------------------------------------------


def _heatmaps(sides: tuple[Side, Side], classes: dict[int, int]) -> None:
    st.header(say("two.heatmaps"), anchor=False)
    image, title = choices.photo(), choices.photo_title()
    left, right = st.columns(2)
    with left:
        asked = choices.any_class(
            first, say("two.class.first"), "both_class", say("two.class.help"), sides[0].output
        )
    with right:
        method = choices.method("both_method", say("two.method"))
    for side in sides:
        if method.layered and not side.model.default_layer:
            st.info(say("two.no_map", model=plain(side.model.name)))
            return
    slow = st.spinner(say("heatmaps.making", method=method.title), show_time=True)
    with nullcontext() if method.layered else slow:
        found = _asked(sides, image, method, asked, classes)
    mine, theirs = found
    if mine.class_index not in classes:
        st.caption(say("two.no_counterpart", second=plain(sides[1].model.name), label=plain(mine.label)))
    alike = same_architecture(*(side.model for side in sides))
    if not alike:
        st.caption(say("two.scales"))
    panels = [
        widgets.heat_panel(heatmap, image, title, side.called(heatmap))
        for side, heatmap in zip(sides, found, strict=True)
    ]
    keys = " ".join(each[:6] for each in (image.key, *(side.model.key for side in sides)))
    looks = overlay(
        panels, key="two_heat_signed" if mine.signed else "two_heat", label=method.title, columns=2,
        shared_scale=alike, signed=mine.signed, looks=OWN_SCALE,
        tag=f"{keys} {method.name} {mine.class_index}",
    )  # fmt: skip
    two_layers.figures(mine.values, theirs.values)

    def view() -> View:
        fresh = _asked(sides, image, method, asked, classes, fresh=True)
        cells = [
            rows.Cell(side.called(heatmap), side.model, heatmap, side.output)
            for side, heatmap in zip(sides, fresh, strict=True)
        ]
        words = {"method": method.title, "photo": title}
        shared = alike and looks["locked"]
        heading, photo = say("two.pin.heatmaps", **words), replace(image, name=title)
        return rows.heatmaps(heading, cells, photo, looks, shared)

    widgets.save_buttons(widgets.figure_files(view, (title, mine.label, method.name, "both")), key="two heat")
    pins.button(view, "two_heat")


def _asked(
    sides: tuple[Side, Side], image: Image, method: Method, asked: int | None, classes: dict[int, int],
    fresh: bool = False,
) -> tuple[Heatmap, Heatmap]:  # fmt: skip
    """The class of the first network, and the same of the second, or else its own first guess."""
    one, other = sides
    mine = remember.heatmap(one.model, image, method.name, None, asked, one.output, fresh=fresh)
    there = classes.get(mine.class_index)
    return mine, remember.heatmap(other.model, image, method.name, None, there, other.output, fresh=fresh)


page()
