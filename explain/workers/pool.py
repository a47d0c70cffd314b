"""The page's side: which workers there are, and how they are started, asked and replaced.

One process per opened model, forked from a server that has imported TensorFlow and never run an
operation (a fork after the first operation dead-locks). Why processes at all: see README, "How it
is built".
"""

from __future__ import annotations

import itertools
import multiprocessing.spawn
import os
import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from explain.errors import Cancelled, DeadlineExceeded, ExplainError, ModelError, WorkerDied, WorkerError
from explain.results import Image, Model
from explain.workers import child, wire

MAX_WORKERS = int(os.environ.get("EXPLAIN_WORKERS", 3))
MEMORY_BYTES = int(float(os.environ.get("EXPLAIN_WORKER_MB", 4096)) * 2**20)       # 0: no limit
DEADLINE = float(os.environ.get("EXPLAIN_DEADLINE", 120))        # seconds without a sign of life
STANDBY = os.environ.get("EXPLAIN_STANDBY", "1") != "0"           # keep a second worker of the last model
QUIET = 5.0                                                      # seconds without a question, then it is made
MAX_DEATHS = 3                                                   # of one model, then it is refused

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
    """One process and the questions that wait for its answers. Safe for many threads."""

    def __init__(self, source: dict[str, Any]):
        self.source = source
        self.model: Model | None = None
        self.progress: tuple[int, int] = (0, 0)            # of loading: bytes fetched, in all
        self.ready, self.failure = threading.Event(), None
        self.used = time.monotonic()
        self._numbers, self._waiting = itertools.count(1), {}
        self._lock, self._process, self._connection, self._dead = threading.Lock(), None, None, False
        self._starter = threading.Thread(target=self._start, daemon=True)
        self._starter.start()

    @property
    def name(self) -> str:
        return _name(self.source)

    @property
    def alive(self) -> bool:
        return not self._dead and self.failure is None

    @property
    def busy(self) -> bool:
        return bool(self._waiting) or not self.ready.is_set()

    def _start(self) -> None:
        """In a thread of its own, because the very first start waits for TensorFlow's import."""
        try:
            chosen = context()
            self._connection, theirs = chosen.Pipe()
            self._process = chosen.Process(target=child.serve, args=(theirs, MEMORY_BYTES), name=NAME, daemon=True)
            self._process.start()
            theirs.close()
            threading.Thread(target=self._listen, daemon=True).start()
            self.model = self._question("load", self.source, self._note_progress, DEADLINE)
        except ExplainError as error:
            self.failure = error
            self.close()
        except Exception as error:  # the process could not be started at all
            self.failure = WorkerDied(f"No worker could be started for this model: {error}")
            raise
        finally:
            self.ready.set()

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
        self._process.join(1)
        code = self._process.exitcode
        how = f"by signal {-code}" if code is not None and code < 0 else f"with code {code}"
        return WorkerDied(
            f"The process of this model ended {how} while it was working, most likely for want of memory. "
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
                    raise DeadlineExceeded(
                        f"There was no sign of life for {deadline:g} seconds, so the work was stopped. "
                        "Choose a smaller size, fewer channels or an earlier layer."
                    ) from None
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


def _name(source: dict[str, Any]) -> str:
    return repr(sorted(source.items()))


class Pool:
    """At most `most` workers; the least recently used idle one goes. Models are known by their key.

    With `standby`, once nobody has asked anything for `quiet` seconds, one more worker of the last
    model is opened and warmed up: should the first die in front of a class, the next click is served.
    """

    def __init__(self, most: int = MAX_WORKERS, standby: bool = STANDBY, quiet: float = QUIET):
        self.most, self.standby, self.quiet = max(most, 1), standby, quiet
        self._spare: Worker | None = None
        self._spare_wanted = False
        self._workers: OrderedDict[str, Worker] = OrderedDict()       # by source
        self._names: dict[str, dict] = {}                             # model key → source
        self._deaths: dict[str, int] = {}
        self._lock = threading.Lock()

    def worker(self, source: dict[str, Any]) -> Worker:
        """The worker of that source, started when there is none alive."""
        name = _name(source)
        with self._lock:
            worker = self._workers.get(name)
            if worker is None or not worker.alive:
                if self._deaths.get(name, 0) >= MAX_DEATHS:
                    raise ModelError(
                        f"This model ended its process {MAX_DEATHS} times and is not opened again. "
                        "Choose another one, or give workers more memory (EXPLAIN_WORKER_MB)."
                    )
                self._make_room()
                worker = self._workers[name] = self._new(source)
            self._workers.move_to_end(name)
            return worker

    def _new(self, source: dict[str, Any]) -> Worker:
        spare = self._spare
        if spare is not None and spare.alive and spare.name == _name(source):
            self._spare = None
            return spare
        return Worker(source)

    def _make_room(self) -> None:
        for name in [n for n, w in self._workers.items() if not w.alive]:
            self._workers.pop(name).close()
        idle_first = sorted(self._workers, key=lambda n: (self._workers[n].busy, self._workers[n].used))
        for name in idle_first[: max(len(self._workers) + 1 - self.most, 0)]:
            self._workers.pop(name).close()

    def load(self, source: dict[str, Any], on_progress: Progress | None = None) -> Model:
        """Wait until the source's model is loaded; `on_progress` is told how far, and may cancel."""
        worker = self.worker(source)
        while not worker.ready.wait(0.2):
            if on_progress and on_progress(*worker.progress, None) is False:
                with self._lock:
                    if self._workers.get(worker.name) is worker:
                        del self._workers[worker.name]
                worker.close()
                raise Cancelled("Opening the model was cancelled.")
        if isinstance(worker.failure, (WorkerDied, DeadlineExceeded)):
            self._replace(worker)
        if worker.failure:
            raise worker.failure
        self._names[worker.model.key] = source
        return worker.model

    def ask(self, key: str, verb: str, keywords: dict, on_progress=None, deadline=None) -> Any:
        """One question to the model of that key. A death costs this question; the next worker is
        started at once, before anybody asks."""
        source = self._names.get(key)
        if source is None:
            raise ModelError("This model is not open any more. Choose it again.")
        worker = self.worker(source)
        try:
            return worker.ask(verb, keywords, on_progress, deadline)
        except (WorkerDied, DeadlineExceeded):
            self._replace(worker)
            raise
        finally:
            self._want_spare()

    def _replace(self, dead: Worker) -> None:
        name = dead.name
        with self._lock:
            if self._workers.get(name) is not dead:
                return                                    # somebody else saw it first
            self._deaths[name] = self._deaths.get(name, 0) + 1
            if self._deaths[name] < MAX_DEATHS:
                self._workers[name] = self._new(dead.source)
            else:
                del self._workers[name]

    def _want_spare(self) -> None:
        with self._lock:
            if self.standby and not self._spare_wanted:
                self._spare_wanted = True
                threading.Thread(target=self._make_spare, daemon=True).start()

    def _make_spare(self) -> None:
        """In a thread of its own: wait for a quiet moment, then open and warm up the spare."""
        while any(w.busy for w in list(self._workers.values())) or self._idle_for() < self.quiet:
            time.sleep(min(self.quiet, 0.5))
        with self._lock:
            self._spare_wanted = False
            latest = next(reversed(self._workers.values()), None)
            if latest is None or not latest.alive or latest.model is None:
                return
            if self._spare is not None and self._spare.alive and self._spare.name == latest.name:
                return
            if self._spare is not None:
                self._spare.close()
            spare = self._spare = Worker(latest.source)
        grey = np.full(latest.model.input_shape, 127, np.uint8)
        verb = "heatmap" if latest.model.default_layer else "predict"
        try:
            spare.ask(verb, {"image": Image("", grey)}, None, None)
        except WorkerError:
            pass                                          # it was taken or closed meanwhile: that is its job

    def _idle_for(self) -> float:
        return time.monotonic() - max((w.used for w in list(self._workers.values())), default=0.0)

    def is_open(self, source: dict[str, Any]) -> bool:
        """Whether that source's model is loaded, or being loaded, in a worker."""
        worker = self._workers.get(_name(source))
        return worker is not None and worker.alive

    def status(self) -> list[dict[str, Any]]:
        """One row per worker: its source, whether it is loaded, its model's key, process and device."""
        rows = []
        for worker in list(self._workers.values()):
            row = {"name": worker.source.get("name"), "loaded": worker.ready.is_set() and worker.alive}
            if row["loaded"]:
                row |= worker.ask("status", {}, None, None) | {"key": worker.model.key}
            rows.append(row)
        return rows

    def close(self) -> None:
        """End all workers."""
        with self._lock:
            for worker in [*self._workers.values(), self._spare]:
                if worker is not None:
                    worker.close()
            self._workers.clear()
            self._spare = None
