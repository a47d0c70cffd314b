"""What is wrong with the network, or with what it is given: the doctor and the preprocessing detective."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from dashboard import choices, networks, remember, settings, tray
from dashboard.labels import class_label
from dashboard.text import clean, plain, say, told
from explain.results import CheckUp, Detection, LayerCheck
from explain.scaling import SCALINGS

ENOUGH, MOST = 12, 24  # photos for the doctor, and for the detective
# Findings that hold for many a good network.
MINOR = ("W_SILENT_CHANNELS", "W_DEAD_FILTER", "W_DUPLICATE_FILTERS", "W_SCALING_GUESSED", "W_SCALING_ALIKE")

st.title(say("checkup.title"), anchor=False)
st.write(say("checkup.about"))

model = choices.model()
output = choices.output(model)


@contextmanager
def _progress(
    sentence: str, cancel: Callable | None = None, *args
) -> Iterator[Callable[[int, int, object], None]]:
    """A bar, and a button where the work can be done without; both go when the work is done."""
    slot = st.empty()
    with slot.container():
        bar = st.progress(0.0, say(sentence, done=0, total="…"))
        if cancel:
            networks.cancel_button(sentence, cancel, *args)

    def show(done: int, total: int, partial: object) -> None:
        bar.progress(min(done / max(total, 1), 1.0), say(sentence, done=done, total=total))

    yield show
    slot.empty()


# The doctor -------------------------------------------------------------------------------------------


def doctor() -> None:
    with _progress("doctor.progress") as show:
        found = remember.checkup(model, _tried(), show)
    st.header(say("doctor.findings"), anchor=False)
    if not [notice for notice in found.notices if notice.code not in MINOR]:
        st.success(say("doctor.healthy"), icon=":material/check_circle:")
    for notice in found.notices:
        box = st.info if notice.code in MINOR else st.warning
        box(f"{plain(notice.sentence)} {say('error.code', code=notice.code)}")
    if any(notice.code.startswith("W_SCALING") for notice in found.notices):
        st.button(say("doctor.to_detective"), on_click=_to_detective, icon=":material/tune:")
    st.caption(say("doctor.tried", pictures=plain(", ".join(found.tried))))
    _facts(found)
    _layers(found)


def _tried() -> list:
    """The chosen photo and the others of this session: a channel may sleep on one and answer to the next."""
    others = [photo for photo in tray.photos() if photo != choices.photo_id()]
    used = {choices.photo_id(), *others[: ENOUGH - 1]}
    return [tray.photo(photo) for photo in tray.photos() if photo in used]


def _to_detective() -> None:
    st.session_state["part"] = say("detective.tab")


def _facts(found: CheckUp) -> None:
    st.header(say("doctor.facts"), anchor=False)
    heads = [
        say("doctor.head", name=plain(clean(one.name)), kind=plain(one.head), classes=one.classes)
        + (f" ({plain(one.note)})" if one.note else "")
        for one in found.outputs
    ]
    layers = [plain(clean(name)) if name else "–" for name in found.default_layers]
    facts = {
        say("doctor.input"): plain(choices.shape_text(found.input_shape)),
        say("doctor.scaling"): plain(f"{found.scaling} ({found.scaling_note})"),
        say("doctor.heads"): "; ".join(heads),
        say("doctor.parameters"): f"{found.parameters:,}",
        say("doctor.default_layer"): "; ".join(layers),
        say("doctor.explainable"): say("doctor.layers_count", count=len(found.explainable)),
    }
    st.table({say("doctor.what"): list(facts), say("doctor.found"): list(facts.values())})
    if found.explainable:
        with st.expander(say("doctor.explainable.list")):
            st.write(", ".join(plain(clean(name)) for name in found.explainable))


def _layers(found: CheckUp) -> None:
    """One row a layer, in a data frame: it draws text, never Markdown, and holds a thousand rows."""
    st.header(say("doctor.layers"), anchor=False)
    if not found.layers:
        st.caption(say("doctor.no_filters"))
        return
    ill = [
        one
        for one in found.layers
        if one.dead or one.duplicates or one.silent or one.layer in found.not_finite
    ]
    st.write(say("doctor.layers.some", ill=len(ill), count=len(found.layers)))
    every = st.toggle(say("doctor.layers.all"), key="every_layer", disabled=not ill, value=not ill)
    shown = found.layers if every or not ill else ill
    names = told({i: one.layer for i, one in enumerate(shown)})
    columns = {
        say("doctor.layer"): list(names.values()),
        say("doctor.kind"): [clean(one.kind) for one in shown],
        say("doctor.channels"): [one.channels for one in shown],
        say("doctor.silent"): [_share(len(one.silent), one) for one in shown],
        say("doctor.dead"): [len(one.dead) for one in shown],
        say("doctor.duplicates"): [sum(map(len, one.duplicates)) for one in shown],
        say("doctor.not_finite"): [found.not_finite.get(one.layer, (0, 0))[0] for one in shown],
    }
    bar = st.column_config.ProgressColumn(
        format="%.0f %%", min_value=0, max_value=100, help=say("doctor.silent.help")
    )
    st.dataframe(
        columns,
        hide_index=True,
        column_config={say("doctor.silent"): bar},
        height=min(38 + 35 * len(shown), 560),
        alt=say("doctor.layers.alt", count=len(shown)),
    )
    st.caption(say("doctor.layers.help"))


def _share(count: int, one: LayerCheck) -> float:
    return 100 * count / one.channels if one.channels else 0.0


# The detective --------------------------------------------------------------------------------------------


def detective() -> None:
    st.write(say("detective.about"))
    titles = tray.photos()
    chosen = st.multiselect(
        say("detective.photos"),
        list(titles),
        list(titles)[:MOST],
        format_func=titles.get,
        key="evidence",
        wrap=True,
        max_selections=MOST,
        help=say("detective.photos.help", most=MOST),
    )
    if not chosen:
        st.info(say("detective.none"), icon=":material/photo_library:")
        return
    truth = _truth(chosen, titles)
    wish = (model.key, output, tuple(chosen), truth)
    if st.session_state.get("detective") != wish:
        st.button(
            say("detective.run"), on_click=_start, args=(wish,), type="primary", icon=":material/play_arrow:"
        )
        return
    found = _detect(chosen, truth)
    _verdict(found)
    _trials(found, chosen, titles)


def _truth(chosen: list[str], titles: dict[str, str]) -> tuple[int, ...] | None:
    """What is on the photos, where the visitor says so for all of them."""
    labels = choices.class_labels(model, output) | {None: say("detective.unknown")}
    with st.expander(say("detective.truth"), icon=":material/label:"):
        st.caption(say("detective.truth.help"))
        answers = [
            st.selectbox(
                plain(titles[photo]), list(labels), format_func=labels.get, key=f"truth {model.key} {photo}"
            )
            for photo in chosen
        ]
    return None if None in answers else tuple(answers)


def _start(wish: tuple) -> None:
    st.session_state["detective"] = wish


def _detect(chosen: list[str], truth: tuple[int, ...] | None) -> Detection:
    with _progress("detective.progress", _start, None) as show:
        return remember.detection(model, [tray.photo(photo) for photo in chosen], truth, output, show)


def _verdict(found: Detection) -> None:
    st.header(say("detective.verdict"), anchor=False)
    present = clean(found.present)
    if not found.recommended:
        st.info(plain(found.sentence), icon=":material/help:")
    elif SCALINGS[found.recommended].nearly(SCALINGS[found.present]):
        st.success(say("detective.right", scaling=plain(present)), icon=":material/check_circle:")
        st.write(plain(found.sentence))
    else:
        st.warning(
            say("detective.other", scaling=plain(found.recommended), present=plain(present)),
            icon=":material/swap_horiz:",
        )
        st.write(plain(found.sentence))
        st.button(
            say("detective.use", scaling=plain(found.recommended)),
            on_click=settings.use_scaling,
            args=(found.recommended,),
            type="primary",
            icon=":material/check:",
        )
    if found.recommended:
        st.caption(say(f"detective.certainty.{found.certainty}"))


def _trials(found: Detection, chosen: list[str], titles: dict[str, str]) -> None:
    """Scalings × (how sure the network is, what it takes each photo for)."""
    st.header(say("detective.trials"), anchor=False)
    order = sorted(
        found.trials, key=lambda t: (t.scaling != found.recommended, t.scaling not in found.possible)
    )
    columns = {
        say("detective.column.scaling"): [trial.scaling for trial in order],
        say("detective.column.mark"): [_mark(trial.scaling, found) for trial in order],
        say("detective.column.confidence"): [100 * trial.confidence for trial in order],
        say("detective.column.entropy"): [100 * trial.entropy for trial in order],
        say("detective.column.agreement"): [100 * trial.agreement for trial in order],
    }
    if any(not math.isnan(trial.misfit) for trial in order):
        columns[say("detective.column.misfit")] = [trial.misfit for trial in order]
    if any(not math.isnan(trial.accuracy) for trial in order):
        columns[say("detective.column.accuracy")] = [100 * trial.accuracy for trial in order]
    for i, photo in enumerate(chosen):
        columns[titles[photo]] = [
            f"{class_label(model, t.classes[i], output)} {t.confidences[i]:.0%}" for t in order
        ]
    share = {
        say(f"detective.column.{name}"): st.column_config.ProgressColumn(
            format="%.0f %%", min_value=0, max_value=100, help=say(f"detective.column.{name}.help")
        )
        for name in ("confidence", "entropy", "agreement", "accuracy")
    }
    mark = st.column_config.TextColumn(width="medium")
    misfit = st.column_config.NumberColumn(format="%.2f", help=say("detective.column.misfit.help"))
    st.dataframe(
        columns,
        hide_index=True,
        height="content",
        column_config=share | {say("detective.column.misfit"): misfit, say("detective.column.mark"): mark},
        alt=say("detective.trials.alt", count=len(order)),
    )


def _mark(scaling: str, found: Detection) -> str:
    marks = []
    if scaling == found.recommended:
        marks.append(say("detective.recommended"))
    if scaling == found.present:
        marks.append(say("detective.present"))
    return ", ".join(marks)


checkup_tab, detective_tab = st.tabs(
    [say("doctor.tab"), say("detective.tab")], key="part", on_change="rerun", bind="query-params"
)
with checkup_tab:
    if checkup_tab.open:
        doctor()
with detective_tab:
    if detective_tab.open:
        detective()
