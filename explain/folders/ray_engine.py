"""Batches on Ray: on the cores of this machine, or on a cluster. Optional: pip install 'ray[data]'.

    Ray     the engine: a small Ray of its own, or a cluster by address
    _Host   the process in which Ray lives (`ray_host`), seen from the driver

The batches are those of the local engine, so the files are too. Ray has a process of its own: it starts while
the driver imports TensorFlow and opens its model, it stops while the driver writes its table, and nothing of
it, neither its environment nor what it prints, is left in the driver.

On this machine the driver, whose model is open first, computes a few batches while the actors open theirs.
A cluster's actors compute all: they may have other devices.

A cluster reads model and pictures and writes the results under the same paths as the driver: a shared file
system. This package is sent to it; TensorFlow and the rest of requirements.txt it has. Where it asks for a
token, Ray's own variables give it: RAY_AUTH_MODE=token with RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH.
"""

from __future__ import annotations

import pickle
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

from explain.folders import ray_host, ray_start
from explain.folders.engines import Local
from explain.folders.job import Batch, Job
from explain.folders.ray_actors import Order
from explain.folders.work import Row
from explain.results import Model

OWN = 16  # batches that the driver computes while actors start, a quarter of all at most
LOOK = 0.2  # seconds between two looks whether to stop
LONG = 10  # seconds for actors to answer after a stop, and again for Ray to stop without them


class Ray:
    """address: of a cluster ("auto", "host:6379", "ray://…"), None for this machine alone; workers: actors,
    None for as many as fit; gpu_share: of a GPU for each actor.

    A Ray that this process is connected to already is used, and left as it is.
    """

    def __init__(self, address: str | None = None, workers: int | None = None, gpu_share: float = 1.0):
        """OptionError where Ray is not installed."""
        ray_start.check_installed()
        self.address, self.workers, self.gpu_share = address, workers, gpu_share
        self._host: _Host | None = None

    @contextmanager
    def begun(self, batches: int) -> Iterator[None]:
        """Ray and its actors start at once, so that they import TensorFlow while the driver does."""
        address = self.address or ray_start.address_here()
        self._host = _Host(address, self.workers, self.gpu_share, batches)
        try:
            yield
        finally:
            self._host.end()
            self._host = None

    def run(
        self, model: Model, job: Job, batches: Iterable[Batch], stopping: Callable[[], bool]
    ) -> Iterator[list[Row]]:
        """Rows as the actors answer, in any order. OptionError where the cluster cannot be reached."""
        todo = list(batches)
        if not todo:
            return
        own = 0 if self.address is not None else min(OWN, len(todo) // 4)
        with self.begun(len(todo)) if self._host is None else nullcontext():
            host = self._host
            if host.said_enough:
                raise RuntimeError("One `begun` is for one `run`: begin again.")
            try:
                host.tell(Order(job, todo[own:]))
                for rows in Local().run(model, job, todo[:own], stopping) if own else ():
                    yield rows
                    while more := host.answer():
                        yield more
                while not (host.finished or stopping()):
                    yield host.answer(LOOK)
            finally:
                host.enough()  # Ray stops while the driver writes its table


class _Host:
    """finished: there is no answer any more; said_enough: nor will anything be done."""

    def __init__(self, address: str | None, workers: int | None, gpu_share: float, batches: int):
        self.finished = self.said_enough = False
        self._answers: queue.SimpleQueue[list[Row] | Exception | str | None] = queue.SimpleQueue()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  closed by `end`
        self._process = subprocess.Popen(
            [sys.executable, "-m", ray_host.__name__], env=ray_start.environment(),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said,
            start_new_session=True,  # Ctrl-C is for the driver, which completes what is there
        )  # fmt: skip
        self.tell((address, workers, gpu_share, batches))
        self._reader = threading.Thread(target=self._read, name="layerscope-ray", daemon=True)
        self._reader.start()

    def tell(self, message: Any) -> None:
        with suppress(BrokenPipeError):  # why it has ended, `answer` says
            pickle.dump(message, self._process.stdin)
            self._process.stdin.flush()

    def _read(self) -> None:
        while True:
            try:
                message = pickle.load(self._process.stdout)
            except (EOFError, pickle.UnpicklingError):  # the second where it was killed while it wrote
                message = None
            except Exception as error:  # noqa: BLE001  raised by `answer`, which would wait for ever
                message = error
            self._answers.put(message)
            if message is None or isinstance(message, Exception):
                return

    def answer(self, seconds: float = 0) -> list[Row]:
        """The rows of one batch, waiting so long for them; none where there are none.

        Raises what was raised there; RuntimeError where Ray's process has ended by itself.
        """
        if self.finished:
            return []
        try:
            message = self._answers.get(timeout=seconds) if seconds else self._answers.get_nowait()
        except queue.Empty:
            return []
        if isinstance(message, Exception):
            raise message
        if message is None:
            raise RuntimeError(f"Ray's process has ended, code {self._process.wait()}. {self._last_words()}")
        self.finished = message == ray_host.DONE
        return [] if self.finished else message

    def _last_words(self) -> str:
        self._said.seek(0)
        return " ".join(self._said.read()[-2000:].decode(errors="replace").split())[-300:]

    def enough(self) -> None:
        """Nothing more is wanted: Ray begins to stop."""
        if not self.said_enough:
            self.said_enough = True
            self.tell(ray_host.ENOUGH)

    def end(self) -> None:
        """Ray has stopped when it returns. Actors that do not answer are not waited for."""
        for stop in (self.enough, self._process.terminate, self._process.kill):
            stop()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(LONG)
                break
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout, self._said):
            with suppress(BrokenPipeError):
                pipe.close()
