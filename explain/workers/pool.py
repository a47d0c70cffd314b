"""Which workers there are, and how they are started, asked and replaced.

One process per opened model, forked from a server that has imported TensorFlow and never run an
operation (a fork after the first operation dead-locks). Why processes at all: see README, "How it
is built".
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from typing import Any

import numpy as np

from explain.errors import Cancelled, DeadlineExceeded, ModelError, WorkerDied, WorkerError
from explain.results import Image, Model
from explain.workers.worker import Progress, Worker, name_of

MAX_WORKERS = int(os.environ.get("EXPLAIN_WORKERS", 3))
STANDBY = os.environ.get("EXPLAIN_STANDBY", "1") != "0"           # keep a second worker of the last model
QUIET = 5.0                                                      # seconds without a question, then it is made
MAX_DEATHS = 3                                                   # of one model …
MEMORY_OF_DEATHS = 600.0                                         # … within these seconds, then it is refused


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
        self._deaths: dict[str, list[float]] = {}                     # name → when
        self._lock = threading.Lock()

    def worker(self, source: dict[str, Any]) -> Worker:
        """The worker of that source, started when there is none alive."""
        name = name_of(source)
        with self._lock:
            worker = self._workers.get(name)
            if worker is None or not worker.alive:
                if self._recent_deaths(name) >= MAX_DEATHS:
                    raise ModelError(
                        f"This model ended its process {MAX_DEATHS} times and is not opened again for "
                        f"{MEMORY_OF_DEATHS / 60:.0f} minutes. Choose another one, or give workers more memory "
                        "(EXPLAIN_WORKER_MB)."
                    )
                self._make_room()
                worker = self._workers[name] = self._new(source)
            self._workers.move_to_end(name)
            return worker

    def _new(self, source: dict[str, Any]) -> Worker:
        spare = self._spare
        if spare is not None and spare.alive and spare.name == name_of(source):
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
            self._deaths.setdefault(name, []).append(time.monotonic())
            if self._recent_deaths(name) < MAX_DEATHS:
                self._workers[name] = self._new(dead.source)
            else:
                del self._workers[name]

    def _recent_deaths(self, name: str) -> int:
        now = time.monotonic()
        recent = [when for when in self._deaths.get(name, ()) if now - when < MEMORY_OF_DEATHS]
        if recent:
            self._deaths[name] = recent
        else:
            self._deaths.pop(name, None)
        return len(recent)

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
        worker = self._workers.get(name_of(source))
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
