"""Batches on Ray: on the cores of this machine, or on a cluster. Optional: pip install 'ray[data]'.

    Ray        the engine: a small Ray of its own, or a cluster by address; one dataset row for each batch
    _Thread    where Ray lives from its start to its end, beside the driver
    _Worker    an actor of Ray Data: opens the model once, then does what `run_batch` does
    Plan       how many actors there are, and what each of them gets

The batches are those of the local engine, so the files are too. Ray Data restarts an actor that dies and
gives its batch to another; a batch that is computed twice writes the same files.

On this machine the driver, whose model is open already, computes a few batches while the actors open theirs.
A cluster's actors compute all: they may have other devices.

A cluster reads model and pictures and writes the results under the same paths as the driver: a shared file
system. This package is sent to it; TensorFlow and the rest of requirements.txt it has. Where it asks for a
token, Ray's own variables give it: RAY_AUTH_MODE=token with RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH.
"""

from __future__ import annotations

import logging
import pickle
import queue
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Self

from explain.errors import ExplainError
from explain.folders import ray_start
from explain.folders.engines import Local
from explain.folders.job import Batch, Job
from explain.folders.work import Row, open_model, run_batch
from explain.results import Model

MOST_CORES = 4  # of one actor: more of them help a network little
WRITERS = 2  # threads for each core: they wait for the disk
AT_A_TIME = 2  # batches in an actor: one computes, the other is read or written
OWN = 16  # batches that the driver computes while actors start, a quarter of all at most
LOOK = 0.2  # seconds between two looks whether to stop
LONG = 10  # seconds for actors to answer after a stop


class Plan(NamedTuple):
    """workers: actors; cores, gpus: of each."""

    workers: int
    cores: int
    gpus: float


def plan(nodes: list[dict[str, Any]], workers: int | None, gpu_share: float) -> Plan:
    """One actor to a GPU's share, or to a few cores, two at least; nodes: the resources of each machine."""
    cores = [int(node.get("CPU", 0)) for node in nodes]
    gpus = [int(node.get("GPU", 0)) for node in nodes]
    if any(gpus):
        many = workers or max(1, int(sum(gpus) / gpu_share))
        with_gpu = sum(c for c, g in zip(cores, gpus) if g)
        return Plan(many, max(1, min(MOST_CORES, with_gpu // many)), gpu_share)
    if workers:
        return Plan(workers, max(1, sum(cores) // workers), 0)
    each = max(1, min(MOST_CORES, min(cores) // 2))
    return Plan(sum(c // each for c in cores), each, 0)


class Ray:
    """address: of a cluster ("auto", "host:6379", "ray://…"), None for this machine alone; workers: actors,
    None for as many as fit; gpu_share: of a GPU for each actor.

    As a context it starts Ray at once, so that the driver opens its model meanwhile.
    """

    def __init__(self, address: str | None = None, workers: int | None = None, gpu_share: float = 1.0):
        """OptionError where Ray is not installed."""
        ray_start.check_installed()
        self.address, self.workers, self.gpu_share = address, workers, gpu_share
        self._thread: _Thread | None = None

    def __enter__(self) -> Self:
        if self._thread is None:
            self._thread = _Thread(self)
            self._thread.begin()
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            self._thread.end()
            self._thread = None

    def run(
        self, model: Model, job: Job, batches: Iterable[Batch], stopping: Callable[[], bool]
    ) -> Iterator[list[Row]]:
        """Rows as the actors answer, in any order. OptionError where the cluster cannot be reached."""
        todo = list(batches)
        if not todo:
            return
        own = 0 if self.address is not None else min(OWN, len(todo) // 4)
        with self:
            self._thread.tasks.put((job, todo[own:]))
            for rows in Local().run(model, job, todo[:own], stopping) if own else ():
                yield rows
                while more := self._thread.answer():
                    yield more
            while not (self._thread.finished or stopping()):
                yield self._thread.answer(LOOK)


class _Thread(threading.Thread):
    """Ray's processes end with the thread that began them, so this one has Ray to itself.

    tasks: takes (job, batches) once, or None; finished: there is no answer any more.
    """

    def __init__(self, engine: Ray):
        super().__init__(name="layerscope-ray", daemon=True)
        self.engine, self.finished = engine, False
        self.tasks: queue.SimpleQueue[tuple[Job, list[Batch]] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[list[Row] | Exception | None] = queue.SimpleQueue()
        self._enough, self._asking = threading.Event(), False
        self._surroundings = ray_start.surroundings(alone=engine.address is None)

    def begin(self) -> None:
        # Here and not in the thread: TensorFlow, which is imported meanwhile, reads the environment too.
        self._surroundings.__enter__()
        import ray
        import ray.data  # noqa: F401

        self.start()

    def run(self) -> None:
        try:
            with ray_start.connected(self.engine.address) as ray:
                task = self.tasks.get()
                self._asking = task is not None
                for rows in _answers(ray, self.engine, *task) if task else ():
                    self._answers.put(rows)
                    if self._enough.is_set():
                        break
                self._asking = False
            self._answers.put(None)
        except Exception as error:  # noqa: BLE001  raised by `answer`
            self._answers.put(error)

    def answer(self, seconds: float = 0) -> list[Row]:
        """The rows of one batch, waiting so long for them; none where there are none. Raises what was raised."""
        try:
            rows = self._answers.get(timeout=seconds) if seconds else self._answers.get_nowait()
        except queue.Empty:
            return []
        if isinstance(rows, Exception):
            raise rows
        self.finished = rows is None
        return rows or []

    def end(self) -> None:
        """Ray is stopped when it returns, unless actors do not answer: they are not waited for."""
        self._enough.set()
        self.tasks.put(None)
        self.join(LONG if self._asking else None)
        self._surroundings.__exit__(None, None, None)


def _answers(ray, engine: Ray, job: Job, todo: list[Batch]) -> Iterator[list[Row]]:
    """What the actors answer, each as soon as it is there. Raises what an actor raised."""
    import ray.data

    chosen = plan(
        [node["Resources"] for node in ray.nodes() if node["Alive"]], engine.workers, engine.gpu_share
    )
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = False
    tasks = [{"batch": pickle.dumps(batch)} for batch in todo]
    work = ray.data.from_items(tasks, override_num_blocks=len(tasks)).map_batches(
        _Worker,
        fn_constructor_args=(job, chosen.cores),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(
            size=chosen.workers, max_tasks_in_flight_per_actor=AT_A_TIME,
            max_concurrent_calls_per_actor=AT_A_TIME, enable_true_multi_threading=True,
        ),
        num_cpus=chosen.cores,
        num_gpus=chosen.gpus or None,
    )  # fmt: skip
    for row in work.iter_rows():
        rows = pickle.loads(row["rows"])
        if isinstance(rows, Exception):
            raise rows
        yield rows


class _Worker:
    """Lives in an actor, called by `AT_A_TIME` threads of it."""

    def __init__(self, job: Job, cores: int):
        _limit_threads(cores)
        self.job, self.refused = job, None
        self.pool, self.turn = ThreadPoolExecutor(WRITERS * cores), threading.Lock()
        try:
            self.model = open_model(job)
        except ExplainError as error:  # answered later: Ray begins such an actor for ever
            self.refused = error

    def __call__(self, several: dict[str, Any]) -> dict[str, list[bytes]]:
        return {"rows": [self._rows(pickle.loads(each)) for each in several["batch"]]}

    def _rows(self, batch: Batch) -> bytes:
        if self.refused is not None:
            return pickle.dumps(self.refused)
        try:
            return pickle.dumps(run_batch(self.model, self.job, batch, self.pool.map, self.turn))
        except Exception as error:  # noqa: BLE001  raised by the driver, with the place where it happened
            error.add_note(traceback.format_exc())
            return pickle.dumps(error)


def _limit_threads(cores: int) -> None:
    """TensorFlow and OpenCV take no more threads than the actor has cores. Before the first tensor."""
    import cv2
    import tensorflow as tf

    cv2.setNumThreads(cores)
    tf.config.threading.set_intra_op_parallelism_threads(cores)
    tf.config.threading.set_inter_op_parallelism_threads(1)
