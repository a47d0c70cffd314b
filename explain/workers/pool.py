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
from pathlib import Path
from typing import Any

import numpy as np

from explain.errors import (
    Cancelled, DeadlineExceeded, InternalError, ModelError, WorkerDied, WorkerError,
)  # fmt: skip
from explain.results import Image, Model
from explain.sandbox import Part
from explain.workers import worker as one_worker
from explain.workers.copies import Copies
from explain.workers.deaths import Deaths
from explain.workers.terms import Terms, name_of, terms_of
from explain.workers.worker import Progress, Worker

MAX_WORKERS = int(os.environ.get("EXPLAIN_WORKERS", 3))
STANDBY = os.environ.get("EXPLAIN_STANDBY", "1") != "0"           # keep a second worker of the last model
QUIET = 5.0                                                      # seconds without a question, then it is made


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
        self._contents: dict[str, str] = {}                           # source → what deaths are counted by
        self._deaths, self._copies = Deaths(), Copies()
        self._lock = threading.RLock()

    def worker(self, source: dict[str, Any]) -> Worker:
        """The worker of that source, started when there is none alive."""
        name = name_of(source)
        with self._lock:
            worker = self._workers.get(name)
            if worker is None or not worker.alive:
                self._deaths.check(self._contents.get(name, name))
                terms = self._same_terms(worker)                  # before room is made, and the copy let go
                self._make_room()
                worker = self._workers[name] = self._new(source, terms)
            self._workers.move_to_end(name)
            return worker

    def _new(self, source: dict[str, Any], terms: Terms | None) -> Worker:
        """The spare one, or another; on these terms, or on those that an inspection gives."""
        spare = self._spare
        if spare is None or not spare.alive or spare.name != name_of(source):
            return Worker(source, lambda: terms or self._agree(source))
        self._spare = None
        if terms is not None:
            terms.release()
        return spare

    def _same_terms(self, worker: Worker | None) -> Terms | None:
        """For another worker of the same source: its file is inspected already."""
        return worker.terms.again(self._copies) if worker is not None and worker.terms is not None else None

    def _agree(self, source: dict[str, Any]) -> Terms:
        terms = terms_of(source, self._copies, one_worker.MEMORY_BYTES)
        try:
            with self._lock:
                self._contents[name_of(source)] = terms.content
                self._deaths.check(terms.content)
        except ModelError:
            terms.release()
            raise
        return terms

    def _make_room(self) -> None:
        for name in [n for n, w in self._workers.items() if not w.alive]:
            self._workers.pop(name).retire()
        idle_first = sorted(self._workers, key=lambda n: (self._workers[n].busy, self._workers[n].used))
        for name in idle_first[: max(len(self._workers) + 1 - self.most, 0)]:
            self._workers.pop(name).retire()

    def load(self, source: dict[str, Any], on_progress: Progress | None = None) -> Model:
        """Wait until the source's model is loaded; `on_progress` is told how far, and may cancel."""
        worker = self.worker(source)
        while not worker.ready.wait(0.2):
            if on_progress and on_progress(*worker.progress, None) is False:
                self._drop(worker)
                raise Cancelled("Opening the model was cancelled.")
        if worker.failure:
            self._drop(worker, died=isinstance(worker.failure, (WorkerDied, DeadlineExceeded)))
            raise worker.failure
        try:
            self._note_name(worker)
        except InternalError:
            self._drop(worker)
            raise
        return worker.model

    def _note_name(self, worker: Worker) -> None:
        """The key becomes its address. It says the key itself, and does not get that of another file."""
        with self._lock:
            if not isinstance(worker.model, Model):
                raise InternalError("The process of this model answered with something that is no model.")
            known = self._names.get(worker.model.key, worker.source)
            of_known = self._contents.get(name_of(known))
            if worker.terms.verb == "open" and of_known != worker.terms.content:
                raise InternalError("The process of this model gave itself out as another model.")
            self._names[worker.model.key] = worker.source

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
        with self._lock:
            terms = self._same_terms(dead)
            if self._drop(dead, died=True) and not self._deaths.too_many(self._content(dead)):
                self._workers[dead.name] = self._new(dead.source, terms)
            elif terms is not None:
                terms.release()

    def _drop(self, worker: Worker, died: bool = False) -> bool:
        """Let it go. Whether it was there: somebody else may have seen it first."""
        with self._lock:
            there = self._workers.get(worker.name) is worker
            if there:
                del self._workers[worker.name]
            if there and died:
                self._deaths.note(self._content(worker))
        worker.retire()
        return there

    def _content(self, worker: Worker) -> str:
        return self._contents.get(worker.name, worker.name)

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
                self._spare.retire()
            terms = self._same_terms(latest)
            spare = self._spare = Worker(latest.source, lambda: terms)
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
        """One row per worker: its model's name, whether it is loaded, and what the worker says of itself."""
        rows = []
        for worker in list(self._workers.values()):
            # The name alone: where an upload lies is nobody's business.
            row = {"name": Path(worker.source["name"]).name, "loaded": worker.ready.is_set() and worker.alive}
            try:
                if row["loaded"]:
                    row |= worker.ask("status", {}, None, None) | {"key": worker.model.key}
                    row["sandbox"] = tuple(Part(*part) for part in row["sandbox"])
            except WorkerError:
                row["loaded"] = False                     # it ended meanwhile
            rows.append(row)
        return rows

    def discard(self, path: str) -> None:
        """End the workers that hold this file of a user, and let its copy go."""
        with self._lock:
            holders = [*self._workers.values(), *filter(None, [self._spare])]
            for worker in [w for w in holders if path in (w.source["name"], w.source["weights"])]:
                self._drop(worker)
                self._spare = None if worker is self._spare else self._spare

    def close(self) -> None:
        """End all workers, and remove what was kept for them."""
        with self._lock:
            for worker in [*self._workers.values(), self._spare]:
                if worker is not None:
                    worker.retire()
            self._workers.clear()
            self._spare = None
            self._copies.close()
