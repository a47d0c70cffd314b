"""One worker, seen from the page: its process, and the questions that wait for its answers."""

from __future__ import annotations

import itertools
import multiprocessing.spawn
import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from explain.errors import DeadlineExceeded, ExplainError, WorkerDied
from explain.results import Model
from explain.workers import child, wire
from explain.workers.terms import Terms, name_of, zoo_terms

MEMORY_BYTES = int(float(os.environ.get("EXPLAIN_WORKER_MB", 4096)) * 2**20)       # 0: no limit
DEADLINE = float(os.environ.get("EXPLAIN_DEADLINE", 120))        # seconds without a sign of life

Progress = Callable[[int, int, Any], bool | None]

NAME = "layerscope worker"


def _without_main(prepare):
    """Workers need nothing of `__main__`: run again there, an unguarded script would start workers of
    its own, and a page of Streamlit's would fail. Other processes of this program are left alone."""

    def get_preparation_data(name: str) -> dict:
        data = prepare(name)
        if name == NAME:
            data.pop("init_main_from_path", None)
            data.pop("init_main_from_name", None)
        return data

    return get_preparation_data


multiprocessing.spawn.get_preparation_data = _without_main(multiprocessing.spawn.get_preparation_data)


def context():
    """The fork server where there is one, else spawn. Only foreign modules are preloaded: ours are
    not found by a server that was started from another folder, and the failure is silent."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    chosen = multiprocessing.get_context("forkserver")
    chosen.set_forkserver_preload(["tensorflow", "keras", "h5py", "cv2", "PIL.Image"])
    return chosen


class Worker:
    """One process and the questions that wait for its answers. Safe for many threads.

    prepare: gives the terms; asked in the worker's own thread, because it may have to inspect a file. None
    for a network of the zoo.
    """

    def __init__(self, source: dict[str, Any], prepare: Callable[[], Terms] | None = None):
        self.source, self._prepare = source, prepare or (lambda: zoo_terms(source, MEMORY_BYTES))
        self.terms: Terms | None = None
        self.model: Model | None = None
        self.progress: tuple[int, int] = (0, 0)            # of loading: bytes fetched, in all
        self.ready, self.failure = threading.Event(), None
        self.used = time.monotonic()
        self._numbers, self._waiting = itertools.count(1), {}
        self._lock, self._process, self._connection, self._dead = threading.Lock(), None, None, False
        self._retired = False
        self._starter = threading.Thread(target=self._start, daemon=True)
        self._starter.start()

    @property
    def name(self) -> str:
        return name_of(self.source)

    @property
    def alive(self) -> bool:
        return not self._dead and self.failure is None

    @property
    def busy(self) -> bool:
        return bool(self._waiting) or not self.ready.is_set()

    def _start(self) -> None:
        """In a thread of its own, because the very first start waits for TensorFlow's import."""
        try:
            terms = self._agree()
            chosen = context()
            self._connection, theirs = chosen.Pipe()
            given = theirs, terms.grants, terms.guarded
            self._process = chosen.Process(target=child.serve, args=given, name=NAME, daemon=True)
            self._process.start()
            theirs.close()
            threading.Thread(target=self._listen, daemon=True).start()
            patience = terms.patience or DEADLINE
            self.model = self._question(terms.verb, terms.keywords, self._note_progress, patience)
        except ExplainError as error:
            self.failure = error
            self.close()
        except Exception as error:  # the process could not be started at all
            self.failure = WorkerDied(f"No worker could be started for this model: {error}")
            raise
        finally:
            self.ready.set()

    def _agree(self) -> Terms:
        terms = self._prepare()
        with self._lock:
            self.terms = terms
            if not self._retired:
                return terms
        terms.release()
        raise self._obituary()

    def _note_progress(self, done: int, total: int, partial: Any) -> None:
        self.progress = (done, total)

    def _listen(self) -> None:
        while True:
            try:
                number, kind, value = wire.unpack(self._connection.recv_bytes())
                verb, waiting = self._waiting.get(number, (None, None))
            except (EOFError, OSError):
                break
            except (ValueError, TypeError):              # no message: what it says cannot be relied on
                self.close()
                break
            if waiting is not None:
                waiting.put((kind, value))
            if kind == "progress" and verb in child.SLOW:
                for other_verb, other in list(self._waiting.values()):
                    if other_verb in child.SLOW and other is not waiting:
                        other.put(("alive", None))       # it queues behind this one, which moves
        with self._lock:
            self._dead = True
            for _, waiting in self._waiting.values():
                waiting.put(("error", self._obituary()))

    def _obituary(self) -> WorkerDied:
        if self._process is None:
            return WorkerDied("The process of this model was ended before it began. Open the model again.")
        self._process.join(1)
        code = self._process.exitcode
        how = f"by signal {-code}" if code is not None and code < 0 else f"with code {code}"
        if code == -getattr(signal, "SIGXCPU", 0):
            why = "because opening it took too much processor time"
        else:
            why = "most likely for want of memory"
        if not self.ready.is_set():
            return WorkerDied(
                f"The process of this model ended {how} while it opened it, {why}. Choose a smaller model."
            )
        return WorkerDied(
            f"The process of this model ended {how} while it was working, {why}. "
            "A new one is being started: ask again, or choose a smaller model or fewer pictures."
        )

    def ask(self, verb: str, keywords: dict, on_progress: Progress | None, deadline: float | None) -> Any:
        """The answer, once the model is loaded. WorkerDied, DeadlineExceeded, or the model's own error."""
        self.used = time.monotonic()
        self.ready.wait()
        if self.failure:
            raise self.failure
        return self._question(verb, keywords, on_progress, deadline or DEADLINE)

    def _question(self, verb, keywords, on_progress, deadline):
        number, answers = next(self._numbers), queue.Queue()
        with self._lock:
            if self._dead:
                raise self._obituary()
            self._waiting[number] = verb, answers
        try:
            self._send((number, verb, keywords), deadline)
            while True:
                try:
                    kind, value = answers.get(timeout=deadline)
                except queue.Empty:
                    self.close()
                    raise _too_long(verb, deadline) from None
                if kind == "progress":
                    if on_progress and on_progress(*value) is False:
                        self._send(("cancel", number))
                elif kind == "error":
                    raise value
                elif kind == "result":
                    return value
        except BaseException as error:
            # Whoever asked has gone (a page that was left): nobody waits for the rest.
            if not isinstance(error, ExplainError) and not self._dead:
                self._send(("cancel", number))
            raise
        finally:
            self.used = time.monotonic()
            with self._lock:
                self._waiting.pop(number, None)

    def _send(self, message, patience: float = DEADLINE) -> None:
        data = wire.pack(message)
        # A frozen process reads nothing, and a full pipe would hold this thread and the lock for good.
        watchdog = threading.Timer(patience, self.close)
        with self._lock:
            if self._dead:
                raise self._obituary()
            watchdog.start()
            try:
                self._connection.send_bytes(data)
            except OSError:
                raise self._obituary() from None
            finally:
                watchdog.cancel()

    def close(self) -> None:
        """End the process now. Whoever waits for it is told."""
        self._dead = True
        if self._process is not None and self._process.pid is not None:      # else it is still being started
            self._process.kill()

    def retire(self) -> None:
        """End the process, and let go of what was kept for it. Nobody comes after it on the same terms."""
        self.close()
        with self._lock:
            first, self._retired = not self._retired, True
        if first and self.terms is not None:
            self.terms.release()


def _too_long(verb: str, seconds: float) -> DeadlineExceeded:
    if verb in child.OPENING:
        return DeadlineExceeded(
            f"The model was not open after {seconds:g} seconds, so its process was stopped. Choose a smaller "
            "model; whoever runs this server may allow more (EXPLAIN_LOAD_SECONDS, EXPLAIN_DEADLINE)."
        )
    return DeadlineExceeded(
        f"There was no sign of life for {seconds:g} seconds, so the work was stopped. "
        "Choose a smaller size, fewer channels or an earlier layer."
    )
