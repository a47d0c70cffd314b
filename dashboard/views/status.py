"""How this server guards itself, what runs on it, and its limits. No paths, and nobody else's names."""

import platform
from importlib.metadata import version

import streamlit as st

from dashboard import arrivals, networks, pins, tray
from dashboard.text import plain, say
from dashboard.uploads import session, uploads
from explain import workers
from explain.image import limits
from explain.opening.zoo import ZOO

PACKAGES = ("tensorflow", "keras", "streamlit", "numpy", "opencv-python", "h5py")
MEGABYTE = 2**20

st.title(say("status.title"), anchor=False)
st.write(say("status.about"))


def guards() -> None:
    st.header(say("status.guards"), anchor=False)
    if sentence := arrivals.off():
        st.warning(sentence, icon=":material/lock:")
    elif _confined(workers.sandbox()):
        st.success(say("status.on"), icon=":material/verified_user:")
    else:
        st.warning(say("status.trusted"), icon=":material/lock_open:")
    rows = [
        (plain(p.name), say("status.yes") if p.active else say("status.no"), plain(p.why))
        for p in workers.sandbox()
    ]
    _table(("status.part", "status.active", "status.why"), rows)


def running() -> None:
    st.header(say("status.workers"), anchor=False)
    rows = [_worker(row) for row in workers.status()]
    if rows:
        _table(("status.network", "status.state", "status.device", "status.memory", "status.sandboxed"), rows)
    else:
        st.caption(say("status.no_workers"))


def _worker(row: dict) -> tuple[str, ...]:
    state = say("status.open") if row.get("loaded") else say("status.opening")
    held = row.get("memory_bytes")
    return (
        plain(_title(str(row.get("name")))),
        state,
        plain(row.get("device", "–")),
        f"{held / MEGABYTE:.0f} MB" if held else "–",
        say("status.yes") if _confined(row.get("sandbox", ())) else say("status.no"),
    )


def _confined(parts) -> bool:
    return any(part.active for part in parts if part.name in arrivals.GUARDS)


def _title(name: str) -> str:
    """What a worker holds, without telling the names of other sessions' files."""
    known = {entry: ZOO[entry].title for entry in ZOO} | {
        digest: networks.title(digest) for digest in networks.own()
    }
    return known.get(name) or say("status.somebodys")


def limiting() -> None:
    st.header(say("status.limits"), anchor=False)
    keeper, most = uploads(), limits()
    rows = [
        (say("limit.photo"), f"{most.bytes // MEGABYTE} MB, {most.pixels / 1e6:.0f} MP"),
        (say("limit.photos"), f"{tray.MAX_BYTES // MEGABYTE} MB"),
        (say("limit.pins"), say("limit.pins.of", count=pins.MOST, megabytes=pins.MAX_BYTES // MEGABYTE)),
        (say("limit.model"), f"{arrivals.megabytes()} MB"),
        (say("limit.session"), _share(keeper.used(session()), keeper.session_bytes)),
        (say("limit.uploads"), _share(keeper.used(), keeper.all_bytes)),
    ]
    _table(("status.limit", "status.value"), rows)


def _share(used: int, most: int) -> str:
    return say("limit.share", used=f"{used / MEGABYTE:.0f}", most=most // MEGABYTE)


def versions() -> None:
    st.header(say("status.versions"), anchor=False)
    found = [(plain(name), plain(version(name))) for name in PACKAGES]
    _table(("status.package", "status.version"), [("Python", plain(platform.python_version())), *found])


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Cells are Markdown: made plain where they are not ours."""
    st.table({say(head): list(column) for head, column in zip(heads, zip(*rows), strict=True)})


for part in (guards, running, limiting, versions):
    part()
