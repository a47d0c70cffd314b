"""Files of sessions: in a folder of ours, under their digests, within quotas, gone with the session.

Nothing here is found by a name that a visitor gave, and a session reaches only what it holds itself. Two
sessions that upload the same bytes share one file, which stays while one of them is there.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.text import clean, say
from explain import workers
from explain.errors import QuotaExceeded

SESSION_BYTES = int(float(os.environ.get("EXPLAIN_SESSION_MB", 1000)) * 2**20)
ALL_BYTES = int(float(os.environ.get("EXPLAIN_UPLOADS_MB", 4000)) * 2**20)
LOOK_EVERY = 5.0  # seconds between two looks at who is still there, at most


class Uploads:
    """Which session holds which files. Safe for many threads.

    session_bytes, all_bytes: the quotas; a file that two sessions hold counts for each, and once in all.
    """

    def __init__(self, session_bytes: int = SESSION_BYTES, all_bytes: int = ALL_BYTES):
        self.session_bytes, self.all_bytes = session_bytes, all_bytes
        self._folder = tempfile.TemporaryDirectory(prefix="layerscope-")  # mode 0700; gone with the server
        self._held: dict[str, dict[str, int]] = {}  # session → {digest: bytes}
        self._lock = threading.Lock()

    def path(self, digest: str) -> Path:
        return Path(self._folder.name) / digest

    def keep(self, session: str, data: bytes, name: str) -> str:
        """Store the bytes for the session → their digest. QuotaExceeded, and nothing is kept."""
        digest = hashlib.sha256(data).hexdigest()
        with self._lock:
            mine = self._held.setdefault(session, {})
            if digest not in mine:
                self._check(mine, digest, len(data), name)
                self._write(digest, data, name)
                mine[digest] = len(data)
        return digest

    def drop(self, session: str, digest: str) -> None:
        """The session needs this file no more."""
        with self._lock:
            if self._held.get(session, {}).pop(digest, None) is not None:
                self._tidy(digest)

    def forget(self, session: str) -> None:
        """The session has ended: what only it held is deleted."""
        with self._lock:
            for digest in self._held.pop(session, {}):
                self._tidy(digest)

    def sessions(self) -> list[str]:
        with self._lock:
            return list(self._held)

    def used(self, session: str | None = None) -> int:
        """Bytes held by one session, or in all."""
        with self._lock:
            return sum(self._sizes().values() if session is None else self._held.get(session, {}).values())

    def _sizes(self) -> dict[str, int]:
        return {digest: size for held in self._held.values() for digest, size in held.items()}

    def _check(self, mine: dict[str, int], digest: str, size: int, name: str) -> None:
        held, everyone = sum(mine.values()), self._sizes()
        numbers = {"name": clean(name), "megabytes": _megabytes(size)}
        if held + size > self.session_bytes:
            limit = _megabytes(self.session_bytes)
            raise QuotaExceeded(say("uploads.session_full", held=_megabytes(held), limit=limit, **numbers))
        if digest not in everyone and sum(everyone.values()) + size > self.all_bytes:
            raise QuotaExceeded(say("uploads.all_full", limit=_megabytes(self.all_bytes), **numbers))

    def _write(self, digest: str, data: bytes, name: str) -> None:
        """Whole or not at all."""
        path = self.path(digest)
        if path.exists():
            return
        part = path.with_suffix(".part")
        try:
            part.write_bytes(data)
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            numbers = {"name": clean(name), "megabytes": _megabytes(len(data))}
            raise QuotaExceeded(say("uploads.no_room", reason=error.strerror or "", **numbers)) from error

    def _tidy(self, digest: str) -> None:
        if digest not in self._sizes():
            self.path(digest).unlink(missing_ok=True)
            workers.discard(self.path(digest))


def _megabytes(count: int) -> str:
    return f"{count / 2**20:.3g}" if count < 2**20 * 999 else f"{count / 2**20:.0f}"


# Whose -----------------------------------------------------------------------------------------------


@st.cache_resource(max_entries=1, show_spinner=False)
def uploads() -> Uploads:
    """The uploads of this server, and a thread that looks for sessions that have ended."""
    keeper = Uploads()
    if runtime.exists():
        alive, patience = (
            runtime.get_instance().is_active_session,
            st.get_option("server.disconnectedSessionTTL"),
        )
        threading.Thread(target=_watch, args=(keeper, alive, patience), daemon=True).start()
    return keeper


def session() -> str:
    """This session: Streamlit's random name for it, which is never shown and stands in no address."""
    return get_script_run_ctx().session_id


def _watch(keeper: Uploads, alive: Callable[[str], bool], patience: float) -> None:
    """For ever: Streamlit tells nobody when it gives a session up, and may wait with it for the next one."""
    seen: dict[str, float] = {}
    while True:
        time.sleep(min(LOOK_EVERY, patience / 4 + 0.1))
        tidy(keeper, alive, patience, seen, time.monotonic())


def tidy(
    keeper: Uploads, alive: Callable[[str], bool], patience: float, seen: dict[str, float], now: float
) -> None:
    """Forget sessions whose browser has been away for longer than they could come back in.

    seen: when each session was last there; it is kept up here.
    """
    for one in keeper.sessions():
        if alive(one) or one not in seen:
            seen[one] = now
        elif now - seen[one] > patience:
            keeper.forget(one)
    for gone in seen.keys() - set(keeper.sessions()):
        del seen[gone]
