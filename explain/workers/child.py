"""The child's side: one process, one model, and the questions about it.

Messages in:  (id, verb, keywords)        verb "load" first; ("cancel", id) at any time
Messages out: (id, "progress", (done, total, partial)) … then (id, "result" | "error", value)
"""

from __future__ import annotations

import glob
import os
import queue
import signal
import stat
import sys
import tempfile
import threading
import time
import traceback
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

from explain import sandbox
from explain.errors import ExplainError, InternalError, OptionError, TooMuchMemory, Untrusted
from explain.sandbox import Grants, Part
from explain.workers import wire
from explain.workers.terms import UNTRUSTED

QUICK_THREADS = 2                # so that one session's tracing does not hold up another's click
# These queue behind each other, never in front of quick questions.
SLOW = ("patterns", "examine", "detect_scaling", "grams")
WITH_PROGRESS = ("load", "heatmaps", *SLOW)
OPENING = ("load", "open")       # by name, or a canonical copy
NO_MEMORY = (
    "There is not enough memory for this. Choose a smaller model, or give workers more (EXPLAIN_WORKER_MB)."
)


def serve(connection: Connection, grants: Grants, guarded: bool) -> None:
    """The whole life of a worker; it ends when the page's end of the pipe closes.

    guarded: refuse to open anything where no sandbox holds.
    """
    preloaded = "tensorflow" in sys.modules and "keras" in sys.modules
    signal.signal(signal.SIGINT, signal.SIG_IGN)         # Ctrl-C is the page's to handle
    _close_others(connection)
    _import_core()
    gpu = _may_use_gpu()                                 # its driver maps far more memory than it uses
    parts = sandbox.enter(replace(grants, devices=gpu, memory_bytes=0 if gpu else grants.memory_bytes))
    if grants.scratch:
        _move_to(grants.scratch)
    _Worker(connection, preloaded, parts, guarded and not sandbox.confines(parts)).run()
    os._exit(0)                                          # no clean-up of TensorFlow's threads


def _import_core() -> None:
    """While the interpreter may still write what it compiled beside our files."""
    from explain import device, jobs  # noqa: F401
    from explain.opening import loading  # noqa: F401


def _close_others(connection: Connection) -> None:
    """Of pipes and sockets keep only the one to the page. Those that a fork hands down lead to the processes
    that start and tidy up for everybody, and would keep them running after the page has gone."""
    if os.name == "nt":
        return
    for handle in range(3, 1024):
        try:
            mode = os.fstat(handle).st_mode
        except OSError:
            continue
        if handle != connection.fileno() and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
            os.close(handle)


def _move_to(scratch: str) -> None:
    """Whatever a library wants to write goes to the scratch folder."""
    os.environ |= dict.fromkeys(("TMPDIR", "HOME", "KERAS_HOME", "XDG_CACHE_HOME"), scratch)
    tempfile.tempdir = scratch


def _may_use_gpu() -> bool:
    return os.environ.get("EXPLAIN_DEVICE", "auto") != "cpu" and bool(glob.glob("/dev/nvidia[0-9]*"))


def _resident() -> int | None:
    """Bytes of memory that this process holds, where the system tells."""
    try:
        with open("/proc/self/statm", encoding="utf-8") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


class _Worker:
    def __init__(self, connection: Connection, preloaded: bool, parts: tuple[Part, ...], refuses: bool):
        self.connection, self.preloaded, self.parts, self.refuses = connection, preloaded, parts, refuses
        self.sending, self.loaded = threading.Lock(), threading.Event()
        self.model: Any = None
        self.cancelled: set[int] = set()
        self.quick: queue.Queue = queue.Queue()
        self.slow: queue.Queue = queue.Queue()

    def run(self) -> None:
        for todo in [self.quick] * QUICK_THREADS + [self.slow]:
            threading.Thread(target=self.work, args=(todo,), daemon=True).start()
        while True:
            try:
                message = wire.unpack(self.connection.recv_bytes())
            except (EOFError, OSError):
                return
            if message[0] == "cancel":
                self.cancelled.add(message[1])
            elif message[1] == "status" and self.loaded.is_set():
                self.answer(*message)                    # at once, whatever is being worked on
            elif message[1] in OPENING:
                threading.Thread(target=self.answer, args=message, daemon=True).start()
            else:
                (self.slow if message[1] in SLOW else self.quick).put(message)

    def work(self, todo: queue.Queue) -> None:
        self.loaded.wait()
        while True:
            self.answer(*todo.get())

    def answer(self, number: int, verb: str, keywords: dict[str, Any]) -> None:
        try:
            self.send(number, "result", self.ask(number, verb, keywords))
        except Exception as error:
            self.send(number, "error", _told(error, verb))
        finally:
            self.cancelled.discard(number)

    def ask(self, number: int, verb: str, keywords: dict[str, Any]) -> Any:
        from explain import device, jobs

        if verb in WITH_PROGRESS:

            def on_progress(done, total, partial=None):
                self.send(number, "progress", (done, total, partial))
                return number not in self.cancelled

            keywords = keywords | {"on_progress": on_progress}
        if verb in OPENING:
            return self.open(verb, keywords)
        if verb == "status":
            return {
                "device": device.ready(),
                "preloaded": self.preloaded,
                "process": os.getpid(),
                "store_bytes": self.model.network.store.weight,
                "memory_bytes": _resident(),
                "sandbox": self.parts,
            }
        if verb == "forget":                             # for measuring: as if nothing had been asked
            return self.model.network.store.clear()
        if verb == "sleep":                              # for testing deadlines
            return time.sleep(keywords["seconds"])
        if verb == "examine":
            from explain.doctor import examine

            return examine(self.model, **keywords)
        if verb == "detect_scaling":
            from explain.detective import detect_scaling

            return detect_scaling(self.model, **keywords)
        if verb in ("grams", "fingerprints"):
            from explain import representations

            return getattr(representations, verb)(self.model, **keywords)
        if verb not in ("predict", "activations", "heatmap", "heatmaps", "patterns"):
            raise OptionError(f"A worker cannot be asked '{verb}'.")
        return getattr(jobs, verb)(self.model, **keywords)

    def open(self, verb: str, keywords: dict[str, Any]) -> Any:
        from explain.opening import loading

        if self.refuses:
            raise Untrusted(UNTRUSTED)
        self.model = loading.load(**keywords) if verb == "load" else loading.open_inspected(**keywords)
        sandbox.lift_cpu_limit()                         # of opening; from now on the page's deadlines hold
        self.loaded.set()
        return self.model

    def send(self, number: int, kind: str, value: Any) -> None:
        data = wire.pack((number, kind, value))
        with self.sending:
            self.connection.send_bytes(data)


def _told(error: Exception, verb: str) -> ExplainError:
    """What the page is told. A want of memory may be wrapped in whatever Keras makes of it."""
    if not isinstance(error, TooMuchMemory) and any(map(_is_want_of_memory, _chain(error))):
        return TooMuchMemory(NO_MEMORY)
    if isinstance(error, ExplainError):
        return error
    incident = uuid.uuid4().hex[:8]
    with suppress(OSError):                              # a log that is full must not cost the answer
        print(f"Incident {incident} in the worker, question '{verb}':", file=sys.stderr)
        traceback.print_exception(error)
    sentence = f"Something went wrong inside. The server's log tells more under incident {incident}."
    return InternalError(sentence)


def _is_want_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
