"""Who computes the batches."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import numpy as np

from explain.errors import ImageError, OptionError, near
from explain.folders import work
from explain.folders.files import sync_folder
from explain.folders.job import Batch, Job
from explain.folders.work import Picture, Row
from explain.results import Model

ENGINES = ("local", "ray")
AHEAD = 1  # batches that are read while another is computed


class Engine(Protocol):
    """What the driver asks of an engine; see the package's docstring."""

    def begun(self, batches: int) -> AbstractContextManager:
        """While it is open, what takes its time has begun, for so many batches at most. `run` does not need it."""

    def run(
        self, model: Model, job: Job, batches: Iterable[Batch], stopping: Callable[[], bool]
    ) -> Iterator[list[Row]]:
        """Rows as they become ready, in any order."""


def engine_of(
    name: str, address: str | None = None, workers: int | None = None, gpu_share: float | None = None
) -> Engine:
    """The engine of that name; address: of a Ray cluster; workers, gpu_share: its actors, what each gets.

    OptionError for an unknown one, and for options that it does not have.
    """
    if name not in ENGINES:
        raise OptionError(f"There is no engine '{name}'.{near(name, ENGINES)} Engines: {', '.join(ENGINES)}.")
    if name == "local":
        given = {"--address": address, "--workers": workers, "--gpu-share": gpu_share}
        for option, value in given.items():
            if value is not None:
                raise OptionError(f"{option} is for Ray: it goes with --engine ray.")
        return Local()
    from explain.folders.ray_engine import Ray  # late: Ray is an optional install

    return Ray(address, workers, gpu_share or 1.0)


class Local:
    """This process: tf.data reads ahead, the network computes, a few threads draw and write."""

    def __init__(self, threads: int | None = None):
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self.threads = threads or max(2, min(cores, 8))

    def begun(self, batches: int) -> AbstractContextManager:
        return nullcontext()

    def run(
        self, model: Model, job: Job, batches: Iterable[Batch], stopping: Callable[[], bool]
    ) -> Iterator[list[Row]]:
        """At any time one batch is written, one computed, and `AHEAD` are read."""
        writing: list[Future[Row]] = []
        with ThreadPoolExecutor(self.threads, "layerscope-write") as pool:
            try:
                for batch, found in self._read(model, job, batches):
                    if stopping():
                        break
                    begun = self._begin(pool, model, job, batch, found)
                    yield _ready(job, writing)
                    writing = begun
                yield _ready(job, writing)
            finally:
                pool.shutdown(cancel_futures=True)  # those that are being written are completed

    def _begin(self, pool, model: Model, job: Job, batch: Batch, found: list) -> list[Future[Row]]:
        """Compute a batch and hand its pictures to the writers."""
        places = [i for i, one in enumerate(found) if isinstance(one, Picture)]
        together = [found[i].small.key for i in places]
        heatmaps = dict(zip(places, work.compute(model, job, [found[i] for i in places])))
        return [
            pool.submit(work.write, model, job, batch, i, one, heatmaps[i], together)
            if isinstance(one, Picture)
            else pool.submit(work.row_of_skipped, batch, i, one)
            for i, one in enumerate(found)
        ]  # fmt: skip

    def _read(self, model: Model, job: Job, batches: Iterable[Batch]) -> Iterator[tuple[Batch, list]]:
        """Each batch with a Picture or an ImageError for every source; read in parallel, ahead, in order.

        tf.data carries numbers only: what was read waits in a table, so that no photo is copied into a
        tensor and out again.
        """
        import tensorflow as tf

        todo: dict[int, Batch] = {}
        table: dict[tuple[int, int], Picture | Exception] = {}

        def places() -> Iterator[tuple[int, int]]:
            for batch in batches:
                todo[batch.number] = batch
                yield from ((batch.number, place) for place in range(len(batch.sources)))

        def read(number: np.ndarray, place: np.ndarray) -> np.ndarray:
            at = int(number), int(place)
            try:
                table[at] = work.read(todo[at[0]].sources[at[1]], model.input_shape)
            except Exception as error:  # raised below, where it is not wrapped
                table[at] = error
            return number

        whole = tf.TensorSpec((), tf.int64)
        numbers = tf.data.Dataset.from_generator(places, output_signature=(whole, whole))
        numbers = numbers.map(
            lambda *at: tf.numpy_function(read, at, tf.int64),
            num_parallel_calls=self.threads,
            deterministic=True,
        )
        limits = tf.data.Options()
        limits.threading.private_threadpool_size = self.threads + 1
        # Nothing here is left to tune, and the tuner, asleep for ever longer, is waited for at the end.
        limits.autotune.enabled = False
        # Only the last batch of all is short, so equal counts are the batches.
        for several in numbers.batch(job.batch).prefetch(AHEAD).with_options(limits).as_numpy_iterator():
            batch = todo.pop(int(several[0]))
            found = [table.pop((batch.number, place)) for place in range(len(batch.sources))]
            for one in found:
                if isinstance(one, Exception) and not isinstance(one, ImageError):
                    raise one
            yield batch, found


def _ready(job: Job, writing: list[Future[Row]]) -> list[Row]:
    """The rows of files that are on the disk, names and all."""
    rows = [future.result() for future in writing]
    if rows:
        sync_folder(job.out)
    return rows
