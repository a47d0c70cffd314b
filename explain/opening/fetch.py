"""Fetches a file over the internet: with progress, with a cancel that acts at once, whole or not at all.

    thread: connect, read ──► queue ──► caller: write .part, report, verify ──► rename

The thread only listens; name look-up and a stalled line can hold it for long, so the caller waits on
the queue and not on the network. A file gets its name only once it is verified: nobody ever sees half.

`keras.applications` knows where its weights are, network by network, and says so in one place only: the
arguments it calls `get_file` with. `answering` lets us give the answer there, so no address is repeated here.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import queue
import shutil
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

import h5py

from explain.errors import Cancelled, ModelError, NoInternet

Progress = Callable[[int, int, None], object]        # (bytes done, bytes in all or 0, None); False cancels

PATIENCE = 10.0                                      # seconds without a byte
_CHUNK = 2**18
_LOOK = 0.1                                          # seconds between two looks at the cancel
_LOCK = threading.Lock()


class Wanted(NamedTuple):
    """A file that Keras asks for: its name in the cache, its address, its MD5 or SHA-256 or ''."""

    name: str
    url: str
    digest: str = ""

    @property
    def path(self) -> Path:
        """Where Keras keeps it, whether or not it is there yet: $KERAS_HOME/models or ~/.keras/models."""
        return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "models" / self.name


@contextmanager
def answering(answer: Callable[[Wanted], str]) -> Iterator[None]:
    """While open, `keras.applications` asks `answer` for a file's path, in this thread only.

    Every other thread goes on to Keras's own `get_file`. One at a time, and undone whatever happens.
    """
    from keras.src.utils import file_utils  # where all of keras.applications look it up

    with _LOCK:
        original, here = file_utils.get_file, threading.get_ident()
        names = inspect.signature(original)

        def ours(*args, **kwargs):
            if threading.get_ident() != here:
                return original(*args, **kwargs)
            asked = names.bind(*args, **kwargs).arguments
            return answer(Wanted(asked["fname"], asked["origin"], asked.get("file_hash") or ""))

        file_utils.get_file = ours
        try:
            yield
        finally:
            file_utils.get_file = original


def is_whole(path: Path, digest: str = "") -> bool:
    """Whether the file has that MD5 or SHA-256; without a digest, whether it is HDF5 to its end."""
    if digest:
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, "md5" if len(digest) == 32 else "sha256").hexdigest()
        return found == digest.lower()
    try:
        h5py.File(path, "r").close()                # HDF5 notes its own length, so a cut is noticed
    except OSError:
        return False
    return True


def fetch(
    url: str, target: Path, digest: str = "", on_progress: Progress | None = None, patience: float = PATIENCE
) -> Path:
    """Fetch `url` into `target` and give `target` back.

    on_progress: called at least every 0.2 s while waiting; returning False cancels.
    patience: seconds without a byte after which the line counts as dead.

    Raises NoInternet when the server cannot be reached or falls silent; ModelError when it refuses, when
    what came is not the whole file, or when the disk has no room; Cancelled. `target` is then as before.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        handle, part = tempfile.mkstemp(prefix=f"{target.name}.", suffix=".part", dir=target.parent)
    except OSError as error:
        raise ModelError(
            f"The folder '{target.parent}' cannot be written to ({error.strerror}); "
            "name another one in the environment variable KERAS_HOME."
        ) from error
    try:
        with os.fdopen(handle, "wb") as file:
            done, total = _copy(url, file, target.parent, on_progress, patience)
        if done < total or not is_whole(Path(part), digest):
            raise ModelError(
                f"what {_host(url)} sent is damaged or cut short "
                f"({done:,} of {total or done:,} bytes); try again"
            )
        os.replace(part, target)
    except OSError as error:
        raise ModelError(f"'{target}' could not be written ({error.strerror or error})") from error
    finally:
        Path(part).unlink(missing_ok=True)
    return target


def _copy(
    url: str, file: BinaryIO, folder: Path, on_progress: Progress | None, patience: float
) -> tuple[int, int]:
    """(bytes written, bytes announced or 0)."""
    arrivals: queue.Queue = queue.Queue(maxsize=16)
    stop = threading.Event()
    threading.Thread(target=_listen, args=(url, patience, arrivals, stop), daemon=True).start()
    done, total = 0, 0
    heard = said = time.monotonic()
    try:
        while True:
            now = time.monotonic()
            if now - said >= _LOOK:
                said = now
                if on_progress is not None and on_progress(done, total, None) is False:
                    raise Cancelled("Fetching was stopped; nothing was kept.")
            try:
                arrival = arrivals.get(timeout=_LOOK)
            except queue.Empty:
                if now - heard > patience:
                    raise NoInternet(f"{_host(url)} was silent for {patience:.0f} seconds") from None
                continue
            heard = now
            match arrival:
                case int():
                    total = arrival
                    _require_room(folder, total)
                case bytes():
                    done += file.write(arrival)
                case None:
                    break
                case error:
                    raise _sentence(error, url) from error
    finally:
        stop.set()
    if on_progress is not None:
        on_progress(done, total or done, None)
    return done, total


def _listen(url: str, patience: float, arrivals: queue.Queue, stop: threading.Event) -> None:
    """In its own thread: the announced size, the chunks, then None; or the error instead."""

    def tell(arrival: object) -> None:
        while not stop.is_set():
            try:
                return arrivals.put(arrival, timeout=_LOOK)
            except queue.Full:
                continue

    try:
        with urllib.request.urlopen(url, timeout=patience) as answer:
            tell(int(answer.headers.get("Content-Length") or 0))
            while not stop.is_set() and (chunk := answer.read(_CHUNK)):
                tell(chunk)
        tell(None)
    except Exception as error:                       # not dropped: raised again on the waiting side
        tell(error)


def _sentence(error: Exception, url: str) -> ModelError:
    if isinstance(error, urllib.error.HTTPError):
        return ModelError(f"{_host(url)} answered {error.code} {error.reason}")
    reason = getattr(error, "reason", error)
    return NoInternet(f"{_host(url)} cannot be reached ({getattr(reason, 'strerror', None) or reason})")


def _require_room(folder: Path, total: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < 1.05 * total:
        raise ModelError(f"the disk has {free / 1e6:.0f} MB free, the file needs {total / 1e6:.0f} MB")


def _sweep(target: Path) -> None:
    """Remove what a killed process left behind more than a day ago."""
    for part in target.parent.glob(f"{target.name}.*.part"):
        if time.time() - part.stat().st_mtime > 86_400:
            part.unlink(missing_ok=True)


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).hostname or url
