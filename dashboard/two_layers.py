"""Two networks from the inside: layer by layer on many photos, and one channel of both on one photo."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import numpy as np
import streamlit as st

from dashboard import choices, layer_charts, networks, remember, widgets
from dashboard.components.overlay import Panel, overlay
from dashboard.text import clean, plain, say, told
from explain.results import Image, Model, Similarity
from explain.similarity import (
    ALIKE,
    Comparison,
    best_matches,
    compare_grams,
    curve,
    first_below,
    match_layers,
    most_alike,
    similarity,
    steepest,
)  # fmt: skip

ENOUGH = 24  # photos
SAME = 0.9995  # shown as 1.00


def figures(one: np.ndarray, other: np.ndarray) -> None:
    """How alike two maps (h, w) are, in numbers; or why that cannot be said.

    Each is divided by its largest value: what two networks answer has no common unit.
    """
    found: Similarity = similarity(*(m / (np.abs(m).max() or 1) for m in (one, other)))
    if found.notices:
        st.info(" ".join(f"{plain(n.sentence)} {say('error.code', code=n.code)}" for n in found.notices))
        return
    cells = st.columns(3)
    cells[0].metric(
        say("similarity.spearman"), f"{found.spearman:.2f}", help=say("similarity.spearman.help"), border=True
    )
    cells[1].metric(
        say("similarity.ssim"), f"{found.ssim:.2f}", help=say("similarity.ssim.help"), border=True
    )
    cells[2].metric(
        say("similarity.top", share=found.share),
        f"{found.top_k:.0%}",
        help=say("similarity.top.help"),
        border=True,
    )
    if one.shape != other.shape:
        sizes = {"first": choices.shape_text(one.shape), "second": choices.shape_text(other.shape)}
        st.caption(say("similarity.sizes", **sizes))


# Layer by layer ----------------------------------------------------------------------------------------


def layers(first: Model, second: Model, images: list[Image]) -> None:
    """Linear CKA of all layers, once the visitor asks for it."""
    st.header(say("two.layers"), anchor=False)
    st.caption(say("two.layers.about"))
    if len(images) < 2:
        st.info(say("two.layers.few"), icon=":material/photo_library:")
        return
    wish = (first.key, second.key, *(image.key for image in images))
    known = all(remember.has_grams(model, images) for model in (first, second))
    if not known and st.session_state.get("layers_wish") != wish:
        st.button(
            say("two.layers.run"), on_click=_wish, args=(wish,), type="primary", icon=":material/play_arrow:"
        )
        return
    found = _compare(first, second, images)
    _say_trust(found)
    if found.pairs:
        _show_curve(found)
    if not found.pairs or len(found.pairs) < min(map(len, found.layers)):
        _show_matrix(found)


def _wish(wish: tuple | None) -> None:
    st.session_state["layers_wish"] = wish


def _compare(first: Model, second: Model, images: list[Image]) -> Comparison:
    grams = []
    for sentence, model in (("two.layers.progress.first", first), ("two.layers.progress.second", second)):
        if remember.has_grams(model, images):
            grams.append(remember.grams(model, images, None))
            continue
        with _progress(sentence, _wish, None) as show:
            grams.append(remember.grams(model, images, show))
    one, other = grams
    return compare_grams(one, other, match_layers(first, second, one.layers, other.layers))


def compared(first: Model, second: Model, images: list[Image]) -> Comparison | None:
    """The comparison, where it has been made."""
    if len(images) < 2 or not all(remember.has_grams(model, images) for model in (first, second)):
        return None
    return _compare(first, second, images)


class _progress:
    """A bar and a way to stop; both go when the work is done."""

    def __init__(self, sentence: str, cancel: Callable, *arguments):
        self.sentence, self.cancel, self.arguments = sentence, cancel, arguments

    def __enter__(self) -> Callable:
        self.slot = st.empty()
        with self.slot.container():
            self.bar = st.progress(0.0, say(self.sentence, done=0, total="…"))
            networks.cancel_button(self.sentence, self.cancel, *self.arguments)
        return self.show

    def show(self, done: int, total: int, partial: object) -> None:
        self.bar.progress(min(done / max(total, 1), 1.0), say(self.sentence, done=done, total=total))

    def __exit__(self, *failure) -> None:
        self.slot.empty()


def _say_trust(found: Comparison) -> None:
    many = len(found.images)
    if not found.debiased:
        st.warning(say("two.layers.biased", count=many))
    else:
        word = say("two.layers.trust.enough" if many >= ENOUGH else "two.layers.trust.few")
        st.caption(say("two.layers.trust", count=many, word=word))


def _show_curve(found: Comparison) -> None:
    names, values, chance = (list(each) for each in zip(*curve(found), strict=True))
    place = first_below(values)
    _say_where(names, values, place)
    st.subheader(say("two.layers.curve"), anchor=False)
    layer_charts.curve(names, values, chance, "two_curve", place, ALIKE)
    with st.expander(say("two.layers.table")):
        _table(names, values, chance)
    rows = zip(names, values, chance, strict=True)
    _save(["layer", "cka", "chance"], list(rows))


def _say_where(names: list[str], values: list[float], place: int | None) -> None:
    """The first layer that differs at all, the first that differs clearly, and the steepest fall."""
    shown = [plain(clean(name)) for name in names]
    changed, fall = first_below(values, SAME), steepest(values)
    if changed is None:
        st.success(say("two.layers.equal", count=len(names)), icon=":material/check_circle:")
        return
    words = []
    if place is not None:
        words.append(say("two.layers.first", layer=f"**{shown[place]}**", cka=values[place], least=ALIKE))
    else:
        words.append(say("two.layers.above", least=ALIKE))
    if changed > 0:
        words.append(say("two.layers.same_until", layer=shown[changed - 1]))
    if fall is not None:
        before = next(v for v in reversed(values[:fall]) if np.isfinite(v))
        words.append(say("two.layers.fall", layer=shown[fall], before=before, after=values[fall]))
    st.write(" ".join(words))
    if missing := sum(not np.isfinite(v) for v in values):
        st.caption(say("two.layers.undefined", count=missing))


def _table(
    names: list[str], values: list[float], chance: list[float], matches: list[str] | None = None
) -> None:
    columns = {say("two.layers.layer"): list(told(dict(enumerate(names))).values())}
    if matches:
        columns[say("two.layers.match")] = [clean(match) for match in matches]
    columns |= {say("two.layers.cka"): values, say("two.layers.chance"): chance}
    bar = st.column_config.ProgressColumn(format="%.2f", min_value=0, max_value=1)
    number = st.column_config.NumberColumn(format="%.2f", help=say("two.layers.chance.help"))
    st.dataframe(
        columns, hide_index=True, height=min(38 + 35 * len(names), 560),
        column_config={say("two.layers.cka"): bar, say("two.layers.chance"): number},
        alt=say("two.layers.table.alt", count=len(names)),
    )  # fmt: skip


def _show_matrix(found: Comparison) -> None:
    st.subheader(say("two.layers.matrix"), anchor=False)
    st.caption(say("two.layers.matrix.read"))
    axes = say("two.layers.axis.first"), say("two.layers.axis.second")
    rows, columns = map(len, found.layers)
    alt = say("two.layers.matrix.alt", rows=rows, columns=columns)
    layer_charts.matrix(*found.layers, found.cka, "two_matrix", alt, axes)
    matches = best_matches(found)
    if matches:
        names, best, values, chance = (list(each) for each in zip(*matches, strict=True))
        with st.expander(say("two.layers.table"), expanded=True):
            _table(names, values, chance, best)
    header = ["", *found.layers[1]]
    rows = [[name, *map(float, row)] for name, row in zip(found.layers[0], found.cka, strict=True)]
    _save(header, rows, "matrix")


def _save(header: list[str], rows: list, key: str = "curve") -> None:
    def text() -> bytes:
        buffer = io.StringIO()
        csv.writer(buffer).writerows([header, *rows])
        return buffer.getvalue().encode()

    widgets.save_buttons([("two.layers.csv", text, ("cka", key), "csv", "text/csv")], key=f"two {key}")


# One channel -------------------------------------------------------------------------------------------


def one_channel(first: Model, second: Model, images: list[Image]) -> None:
    """A channel of the first network on the chosen photo, and its counterpart."""
    usable = {layer.name: layer for layer in first.layers if layer.has_map}
    if not usable:
        return
    st.header(say("two.maps"), anchor=False)
    found = compared(first, second, images)
    by_place = dict(_counterparts(first, second))
    if not by_place and found is None:
        st.info(say("two.maps.first_compare"))
        return
    matches = by_place or {name: match for name, match, *_ in best_matches(found)}
    mapped = {layer.name for layer in second.layers if layer.has_map}
    offered = {name: usable[name] for name in usable if matches.get(name) in mapped}
    if not offered:
        st.info(say("two.no_map", model=plain(second.name)))
        return
    labels = choices.layer_labels(list(offered.values()))
    if st.session_state.get("both_layer") not in labels:
        st.session_state.pop("both_layer", None)
    usual = first.default_layer if first.default_layer in labels else list(labels)[-1]
    left, right = st.columns([3, 1])
    with left:
        name = st.selectbox(
            say("two.maps.layer"), list(labels), list(labels).index(usual), format_func=labels.get, key="both_layer",
            help=say("two.maps.layer.help"),
        )  # fmt: skip
    with right:
        maps = remember.maps(first, choices.photo(), name).values
        strongest = int(maps.max(axis=(0, 1)).argmax())
        asked = st.number_input(
            say("two.maps.channel"), 0, maps.shape[2] - 1, strongest, key=f"both_channel {first.key[:12]} {name}",
            help=say("two.maps.channel.help"),
        )  # fmt: skip
        channel = int(asked)
    _two_maps(first, second, name, matches[name], channel, by_place=bool(by_place))


def _counterparts(first: Model, second: Model) -> list[tuple[str, str]]:
    """(layer of the first, the same layer of the second)."""
    one, other = ([layer.name for layer in model.layers] for model in (first, second))
    return [(one[i], other[j]) for i, j in match_layers(first, second, one, other)]


def _two_maps(first: Model, second: Model, name: str, match: str, channel: int, by_place: bool) -> None:
    image, title = choices.photo(), choices.photo_title()
    mine = remember.maps(first, image, name).values[:, :, channel]
    theirs = remember.maps(second, image, match).values
    there = channel
    if not by_place:
        there, _ = most_alike(mine, theirs)
        st.caption(say("two.maps.matched", layer=plain(clean(match)), channel=there, count=theirs.shape[2]))
    panels = [
        Panel(
            say("two.maps.title", side=say(f"two.side.{side}"), channel=k), values, remember.base(image), [clean(layer)],
            alt=say("alt.map", channel=k, layer=layer, name=title),
        )
        for side, layer, k, values in (
            ("first", name, channel, mine), ("second", match, there, theirs[:, :, there]),
        )
    ]  # fmt: skip
    overlay(
        panels, key="two_maps", label=say("two.maps.values"), columns=2, looks={"colormap": "viridis", "locked": False},
        shared_scale=by_place, tag=f"{image.key[:6]} {first.key[:6]} {second.key[:6]} {name} {channel}",
    )  # fmt: skip
    figures(mine, theirs[:, :, there])
