"""Two networks from the inside: layer by layer on many photos."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import numpy as np
import streamlit as st

from dashboard import choices, layer_charts, networks, pins, remember, tray, widgets
from dashboard.text import clean, plain, say, told
from explain.report import view_of_similarity
from explain.report.nouns import View
from explain.results import Image, Model, Similarity
from explain.similarity import (
    ALIKE,
    Comparison,
    best_matches,
    compare_grams,
    curve,
    first_below,
    match_layers,
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
    figures = (
        (say("similarity.spearman"), f"{found.spearman:.2f}", say("similarity.spearman.help")),
        (say("similarity.ssim"), f"{found.ssim:.2f}", say("similarity.ssim.help")),
        (say("similarity.top", share=found.share), f"{found.top_k:.0%}", say("similarity.top.help")),
    )
    with st.container(horizontal=True):
        for name, value, about in figures:
            st.metric(name, value.replace("-", "−"), help=about, border=True, width="content")
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
    if found.pairs or best_matches(found):
        _pin(first, second, found)


def _pin(first: Model, second: Model, found: Comparison) -> None:
    def view() -> View:
        title = say("two.pin.layers", first=clean(first.name), second=clean(second.name))
        return view_of_similarity(first, second, found, tray.titled(found.images), title)

    pins.button(view, "two_layers", "two.pin.help")


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
