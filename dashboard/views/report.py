"""The pinned views as a document."""

import uuid

import streamlit as st

from dashboard import pins, printing, reopening, shell
from dashboard.choices import file_name
from dashboard.components.focus import focus
from dashboard.components.leaf import leaf
from dashboard.pins import Pin
from dashboard.printing import Size
from dashboard.text import clean, plain, say
from explain import report
from explain.report import captions
from explain.report.nouns import Report

STOCKED = ("heatmaps", "compare", "maps", "patterns")  # pages with something to pin

st.title(say("report.title"), anchor=False)
st.write(say("report.about"))


@shell.fragment
def page() -> None:
    if sentence := st.session_state.pop("report_moved", ""):
        st.toast(sentence)  # read aloud too
    with st.container():
        if at := st.session_state.pop("report_focus", None):
            focus(at[0], key="report_focus_on", tag=at[1])
    reopening.arrive()
    _undo()
    if not pins.pins():
        _empty()
        return
    left, right = st.columns(2, gap="large")
    with left:
        document = _document()
    with right:
        size = _size()
    above = st.container()
    st.header(say("report.figures"), anchor=False)
    drawn = [_drawn(place, pin, size) for place, pin in enumerate(pins.pins())]
    with above:
        _save(document, size, all(drawn))
        reopening.panel()
    _clear()


def _empty() -> None:
    st.info(say("report.empty"), icon=":material/keep:")
    pages = shell.pages()
    for name in STOCKED:
        st.page_link(pages[name], label=f"**{say(f'{name}.nav')}**", icon=shell.ICONS[name])
        st.caption(say(f"{name}.about"))
    reopening.panel()


# Taken out, and back ---------------------------------------------------------------------------------


def _undo() -> None:
    change = pins.changed()
    if change is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.write(_said(change))
        st.button(say("report.undo"), on_click=pins.restore, icon=":material/undo:")


def _said(change: pins.Change) -> str:
    """What was done."""
    gone, come = len(change.removed), len(change.added)
    if change.words is not None:
        words = {"figures": reopening.figures(come), "gone": reopening.figures(gone)}
        return say("report.opened.instead" if gone else "report.opened", **words)
    if gone > 1:
        return say("report.cleared", count=gone)
    return say("report.removed", title=plain(clean(change.removed[0][1].view.title)))


def _clear() -> None:
    with st.popover(say("report.clear"), icon=":material/delete_sweep:"):
        st.write(say("report.clear.sure", count=len(pins.pins())))
        st.button(say("report.clear.yes"), on_click=pins.clear, type="primary", icon=":material/delete:")


# The document ----------------------------------------------------------------------------------------


def _document() -> Report:
    st.header(say("report.document"), anchor=False)
    title = st.text_input(
        say("report.name"), key="report_title", persist_state="session", placeholder=say("report.untitled"),
        max_chars=printing.LONGEST["title"],
    )  # fmt: skip
    about = st.text_area(
        say("report.introduction"), key="report_about", persist_state="session", height=120,
        max_chars=printing.LONGEST["about"], placeholder=say("report.introduction.hint"),
    )  # fmt: skip
    return printing.document(title, about)


def _size() -> Size:
    st.header(say("report.size"), anchor=False)
    width = st.segmented_control(
        say("report.width"), [*printing.WIDTHS, 0.0], default=printing.WIDTHS[0], required=True,
        key="report_width",
        format_func=lambda w: say(
            f"report.columns.{printing.WIDTHS.index(w)}", width=w
        ) if w else say("report.other"),
        help=say("report.width.help"), persist_state="session", wrap=True,
    )  # fmt: skip
    if not width:
        width = st.number_input(
            say("report.width.cm"), printing.NARROWEST, printing.WIDEST, 12.0, 0.1, "%.1f", key="report_cm",
            persist_state="session",
        )  # fmt: skip
    dpi = st.segmented_control(
        say("report.dpi"), [*printing.DPIS, 0], default=300, required=True, key="report_dpi",
        format_func=lambda d: say("report.dpi.of", dpi=d) if d else say("report.other"),
        help=say("report.dpi.help"), persist_state="session", wrap=True,
    )  # fmt: skip
    if not dpi:
        dpi = st.number_input(
            say("report.dpi.other"), printing.COARSEST, printing.FINEST, 450, 10, key="report_dots",
            persist_state="session",
        )  # fmt: skip
    kind = st.segmented_control(
        say("report.format"), printing.FORMATS, default="png", required=True, key="report_format",
        format_func=str.upper, help=say("report.format.help"), persist_state="session",
    )  # fmt: skip
    caption = st.toggle(
        say("report.captioned"), key="report_captioned", help=say("report.captioned.help"),
        persist_state="session"
    )
    return Size(float(width), int(dpi), kind, caption)


def _save(document: Report, size: Size, drawn: bool) -> None:
    """drawn: whether all figures can be; without one of them nothing is written."""
    if not drawn:
        st.warning(say("report.not_drawn"))
    files = {
        "zip": (lambda: report.archive(document, size.width, size.dpi), "application/zip"),
        "html": (lambda: report.html(document), "text/html"),
        "pdf": (lambda: report.pdf(document), "application/pdf"),
    }
    with st.container(horizontal=True):
        for kind, (make, mime) in files.items():
            st.download_button(
                say(f"report.document.{kind}"), data=make, file_name=file_name(document.title, suffix=kind),
                mime=mime,
                key=f"report {kind}", on_click="ignore", help=say(f"report.document.{kind}.help"),
                icon=":material/download:", type="primary" if kind == "zip" else "secondary",
                disabled=not drawn,
            )  # fmt: skip
    st.caption(say("report.keep"))
    shown = st.expander(
        say("report.preview"), icon=":material/preview:", key="report_preview", on_change="rerun"
    )
    if shown.open and drawn:
        with shown:
            _preview(document)
    with st.expander(say("report.inside"), icon=":material/inventory_2:"):
        st.write(say("report.inside.text"))
        st.code("python -m explain reproduce report.zip", language=None, wrap_lines=True)
        st.write(say("report.inside.models"))
        st.write(say("report.inside.session"))


def _preview(document: Report) -> None:
    page = report.html(document)
    if len(page) > printing.SHOWN:
        st.info(say("report.preview.large", megabytes=len(page) // 2**20, most=printing.SHOWN // 2**20))
        return
    leaf(page, key="report_leaf", title=say("report.preview"))
    st.caption(say("report.preview.help"))


# One figure ------------------------------------------------------------------------------------------


def _drawn(place: int, pin: Pin, size: Size) -> bool:
    """Show one figure; False where it cannot be, and the page says why."""
    with st.container(border=True), shell.guard():
        _figure(place, pin, size)
        return True
    return False


def _figure(place: int, pin: Pin, size: Size) -> None:
    head, buttons = st.columns([3, 2], vertical_alignment="center")
    head.subheader(say("report.figure", number=place + 1), anchor=False)
    with buttons:
        _order(place, pin)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        png = printing.preview(pin, size)
        st.image(png, output_format="PNG", alt=captions.alt(pin.view), width="content")
    with right:
        _words(pin)
    closer = st.expander(
        say("report.one"), icon=":material/download:", key=f"one {pin.id}", on_change="rerun"
    )
    if closer.open:
        with closer:
            _one(place, pin, size)


def _order(place: int, pin: Pin) -> None:
    last = len(pins.pins()) - 1
    title = plain(clean(pin.view.title))
    with st.container(horizontal=True, horizontal_alignment="right"):
        for text, by, icon, end in (("up", -1, "upward", 0), ("down", 1, "downward", last)):
            st.button(
                say(f"report.move.{text}"), key=f"{text} {pin.id}", on_click=_move, args=(pin, by),
                disabled=place == end,
                icon=f":material/arrow_{icon}:", help=say(f"report.move.{text}.help", title=title),
            )  # fmt: skip
        st.button(
            say("report.remove"), key=f"remove {pin.id}", on_click=pins.remove, args=(pin.id,),
            icon=":material/delete:",
            help=say("report.remove.help", title=title),
        )  # fmt: skip


def _move(pin: Pin, by: int) -> None:
    pins.move(pin.id, by)
    place = [one.id for one in pins.pins()].index(pin.id)
    numbers = {"number": place + 1, "count": len(pins.pins())}
    ways = (f"{'up' if by < 0 else 'down'} {pin.id}", f"{'down' if by < 0 else 'up'} {pin.id}")
    st.session_state["report_focus"] = (ways, uuid.uuid4().hex)
    st.session_state["report_moved"] = say("report.moved", title=plain(clean(pin.view.title)), **numbers)


def _words(pin: Pin) -> None:
    """Title, caption and remarks, to be written over."""
    proposed = printing.proposed(pin)
    _word(pin, "title", st.text_input)
    _word(pin, "caption", st.text_area, height="content")
    if (pin.view.title, pin.view.caption) != proposed:
        st.button(
            say("report.proposed"), key=f"proposed {pin.id}", on_click=_propose, args=(pin,), type="tertiary",
            icon=":material/restart_alt:", help=say("report.proposed.help"),
        )  # fmt: skip
    _word(pin, "remark", st.text_area, height="content", placeholder=say("report.remark.hint"))


def _word(pin: Pin, what: str, widget, **looks) -> None:
    key, known = f"{what} {pin.id}", getattr(pin.view, what)
    if st.session_state.get(key) != known:  # set back, or lost while another page was looked at
        st.session_state[key] = known

    def noted() -> None:
        pins.change(pin.id, **{what: st.session_state[key]})

    widget(say(f"report.word.{what}"), key=key, on_change=noted, max_chars=printing.LONGEST[what], **looks)


def _propose(pin: Pin) -> None:
    title, caption = printing.proposed(pin)
    pins.change(pin.id, title=title, caption=caption)


def _one(place: int, pin: Pin, size: Size) -> None:
    """The files of one figure, and what to paste."""
    name = printing.name(place, pin)
    with st.container(horizontal=True):
        for one in printing.FORMATS:
            st.download_button(
                say("report.save.png", dpi=size.dpi) if one == "png" else one.upper(),
                data=printing.figure(pin.view, one, size), file_name=f"{name}.{one}",
                mime=printing.MIMES[one],
                key=f"{one} {pin.id}", on_click="ignore", icon=":material/download:",
                type="primary" if one == size.kind else "secondary",
            )  # fmt: skip
    latex, markdown, alt = st.tabs(["LaTeX", "Markdown", say("report.alt")])
    kind = size.kind
    with latex:  # which cannot include SVG
        st.code(report.latex(pin.view, f"{name}.{'pdf' if kind == 'svg' else kind}"), None, wrap_lines=True)
    with markdown:  # and no PDF here
        included = f"{name}.{'svg' if kind == 'pdf' else kind}"
        st.code(report.markdown(pin.view, included), None, wrap_lines=True)
    with alt:
        st.code(captions.alt(pin.view), None, wrap_lines=True)


page()
