"""The child's side: one process, one model, and the questions about it.

Messages in:  (id, verb, keywords)        verb "load" first; ("cancel", id) at any time
Messages out: (id, "progress", (done, total, partial)) … then (id, "result" | "error", value)
"""

from __future__ import annotations

import glob
import os
import queue
import signal
import sys
import threading
import time
import traceback
import uuid
from multiprocessing.connection import Connection
from typing import Any

from explain.errors import ExplainError, InternalError, OptionError, TooMuchMemory
from explain.workers import wire

QUICK_THREADS = 2                # so that one session's tracing does not hold up another's click
SLOW = ("patterns",)             # these queue behind each other, never in front of quick questions
WITH_PROGRESS = ("load", "patterns", "heatmaps")


def serve(connection: Connection, memory_bytes: int) -> None:
    """The whole life of a worker; it ends when the page's end of the pipe closes."""
    preloaded = "tensorflow" in sys.modules and "keras" in sys.modules
    signal.signal(signal.SIGINT, signal.SIG_IGN)         # Ctrl-C is the page's to handle
    if memory_bytes and not _may_use_gpu():              # a GPU's driver maps far more than it uses
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    _Worker(connection, preloaded).run()
    os._exit(0)                                          # no clean-up of TensorFlow's threads


def _may_use_gpu() -> bool:
    return os.environ.get("EXPLAIN_DEVICE", "auto") != "cpu" and bool(glob.glob("/dev/nvidia[0-9]*"))


class _Worker:
    def __init__(self, connection: Connection, preloaded: bool):
        self.connection, self.preloaded = connection, preloaded
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
            elif message[1] == "load":
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
        except ExplainError as error:
            self.send(number, "error", error)
        except MemoryError:
            self.send(number, "error", TooMuchMemory("The worker has no memory left for this question."))
        except Exception:
            incident = uuid.uuid4().hex[:8]
            print(f"Incident {incident} in the worker, question '{verb}':", file=sys.stderr)
            traceback.print_exc()
            sentence = f"Something went wrong inside. The server's log tells more under incident {incident}."
            self.send(number, "error", InternalError(sentence))
        finally:
            self.cancelled.discard(number)

    def ask(self, number: int, verb: str, keywords: dict[str, Any]) -> Any:
        from explain import device, jobs
        from explain.opening import loading

        if verb in WITH_PROGRESS:

            def on_progress(done, total, partial=None):
                self.send(number, "progress", (done, total, partial))
                return number not in self.cancelled

            keywords = keywords | {"on_progress": on_progress}
        if verb == "load":
            self.model = loading.load(**keywords)
            self.loaded.set()
            return self.model
        if verb == "status":
            return {
                "device": device.ready(),
                "preloaded": self.preloaded,
                "process": os.getpid(),
                "store_bytes": self.model.network.store.weight,
            }
        if verb == "forget":                             # for measuring: as if nothing had been asked
            return self.model.network.store.clear()
        if verb == "sleep":                              # for testing deadlines
            return time.sleep(keywords["seconds"])
        if verb not in ("predict", "activations", "heatmap", "heatmaps", "patterns"):
            raise OptionError(f"A worker cannot be asked '{verb}'.")
        return getattr(jobs, verb)(self.model, **keywords)

    def send(self, number: int, kind: str, value: Any) -> None:
        data = wire.pack((number, kind, value))
        with self.sending:
            self.connection.send_bytes(data)
