"""Batches on Ray: on the cores of this machine, or on a cluster. Optional: pip install 'ray[data]'.

    Ray        the engine: a small Ray of its own, or a cluster by address; one dataset row for each batch
    _Worker    an actor of Ray Data: opens the model once, then does what `run_batch` does
    Plan       how many actors there are, and what each of them gets

The batches are those of the local engine, so the files are too. Ray Data restarts an actor that dies and
gives its batch to another; a batch that is computed twice writes the same files.

A cluster reads model and pictures and writes the results under the same paths as the driver: a shared file
system. This package is sent to it; TensorFlow and the rest of requirements.txt it has. Where it asks for a
token, Ray's own variables give it: RAY_AUTH_MODE=token with RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import pickle
import secrets
import socket
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from explain.errors import ExplainError, OptionError
from explain.folders.job import Batch, Job
from explain.folders.work import Row, open_model, run_batch
from explain.results import Model

PACKAGE = Path(__file__).parents[1]
MOST_CORES = 4                                     # of one actor: more of them help a network little
STORE_BYTES = 100_000_000                          # paths and rows pass through it, never pictures
WRITERS = 2                                        # threads for each core: they wait for the disk
PATIENCE = 10                                      # seconds for a cluster to answer
WAITING = 2                                        # batches that an actor has in hand, so that it never idles
TOKEN = secrets.token_hex(32)                      # one for all runs of a process: Ray remembers its first


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
    None for as many as fit; gpu_share: of a GPU for each actor."""

    def __init__(self, address: str | None = None, workers: int | None = None, gpu_share: float = 1.0):
        """OptionError where Ray is not installed."""
        missing = [name for name in ("ray", "pyarrow") if importlib.util.find_spec(name) is None]
        if missing:
            raise OptionError(
                "The engine 'ray' needs Ray, which is not installed here: pip install 'ray[data]', or leave "
                "--engine away to compute on this machine without it."
            )
        self.address, self.workers, self.gpu_share = address, workers, gpu_share

    def run(
        self, model: Model, job: Job, batches: Iterable[Batch], stopping: Callable[[], bool]
    ) -> Iterator[list[Row]]:
        """Rows as the actors answer, in any order. OptionError where the cluster cannot be reached."""
        todo = [{"batch": pickle.dumps(batch)} for batch in batches]
        if not todo:
            return
        with _started(self.address) as ray:
            nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
            chosen = plan(nodes, self.workers, self.gpu_share)
            for answer in _answers(ray, job, todo, chosen):
                rows = pickle.loads(answer)
                if isinstance(rows, Exception):
                    raise rows
                yield rows
                if stopping():
                    return


def _answers(ray, job: Job, todo: list[dict[str, bytes]], chosen: Plan) -> Iterator[bytes]:
    """What the actors answer, each as soon as it is there."""
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = False
    work = ray.data.from_items(todo, override_num_blocks=len(todo)).map_batches(
        _Worker,
        fn_constructor_args=(job, chosen.cores),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=chosen.workers, max_tasks_in_flight_per_actor=WAITING),
        num_cpus=chosen.cores,
        num_gpus=chosen.gpus or None,
    )
    for row in work.iter_rows():
        yield row["rows"]


class _Worker:
    """Lives in an actor."""

    def __init__(self, job: Job, cores: int):
        _limit_threads(cores)
        self.job, self.pool, self.refused = job, ThreadPoolExecutor(WRITERS * cores), None
        try:
            self.model = open_model(job)
        except ExplainError as error:              # answered later: Ray begins such an actor for ever
            self.refused = error

    def __call__(self, several: dict[str, Any]) -> dict[str, list[bytes]]:
        return {"rows": [self._rows(pickle.loads(each)) for each in several["batch"]]}

    def _rows(self, batch: Batch) -> bytes:
        if self.refused is not None:
            return pickle.dumps(self.refused)
        try:
            return pickle.dumps(run_batch(self.model, self.job, batch, self.pool.map))
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


@contextmanager
def _started(address: str | None) -> Iterator[Any]:
    """Ray, connected; what was started here is stopped again. OptionError where it cannot be."""
    with _surroundings(alone=address is None):
        import ray

        if ray.is_initialized():                   # in a notebook, say: it is not ours to stop
            yield ray
            return
        try:
            if address is not None:
                _knock(address)
            ray.init(**_where(address), log_to_driver=False, logging_level="ERROR")
        except (RuntimeError, ValueError, OSError, SystemExit) as error:     # the last without a token
            said = " ".join(str(error.__cause__ or error).split())[:200]
            where = f"reached at '{address}'" if address else "started on this machine"
            raise OptionError(f"Ray cannot be {where}. It says: {said or type(error).__name__}") from error
        try:
            yield ray
        finally:
            ray.shutdown()


def _knock(address: str) -> None:
    """OSError where nobody answers at "host:port": Ray itself waits two minutes and ends the process."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE).close()


def _where(address: str | None) -> dict[str, Any]:
    """What `ray.init` is told: a small Ray of one's own, or a cluster to which this package is sent."""
    if address is not None:
        return {"address": address, "runtime_env": {"py_modules": [os.fspath(PACKAGE)]}}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "address": "local", "num_cpus": cores, "object_store_memory": STORE_BYTES, "include_dashboard": False,
    }  # fmt: skip


@contextmanager
def _surroundings(alone: bool) -> Iterator[None]:
    """The environment that Ray and its processes inherit: quiet, telling nobody, finding this package.

    A Ray of one's own listens on all addresses of the machine: a token keeps others out.
    """
    wanted = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}
    if alone:
        path = os.pathsep.join(filter(None, [os.fspath(PACKAGE.parent), os.environ.get("PYTHONPATH")]))
        wanted |= {"PYTHONPATH": path, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
