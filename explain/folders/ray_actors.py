"""What runs on Ray: a dataset with one row for each batch, mapped by actors that each hold the model.

    Plan, plan             how many actors there are, and what each of them gets
    Order, Given, Later    what they have to do, known at once or later
    answers                rows as the actors answer
    Worker                 the actor: opens the model once, then does what `run_batch` does

Ray Data restarts an actor that dies and gives its batch to another; a batch that is computed twice writes the
same files.
"""

from __future__ import annotations

import gc
import logging
import os
import pickle
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from explain.folders.job import Batch, Job
from explain.folders.work import Row, open_model, run_batch

MOST_CORES = 4  # of one actor: more of them help a network little
WRITERS = 2  # threads for each core: they wait for the disk
LOOK = 0.1  # seconds between two looks for an order
AT_A_TIME = 2  # batches in an actor: one computes, the other is read or written


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


class Order(NamedTuple):
    """What there is to do: the batches by number, which is their row in the dataset."""

    job: Job
    todo: list[Batch]


class Given(NamedTuple):
    """An order that is known when the actors begin."""

    order: Order

    def wait(self) -> Order:
        return self.order


class Later(NamedTuple):
    """An order that is left in a file, on this machine, while the actors import what they need."""

    path: str

    def leave(self, order: Order) -> None:
        with open(f"{self.path}.part", "wb") as file:
            pickle.dump(order, file)
        os.replace(f"{self.path}.part", self.path)

    def wait(self) -> Order:
        while not os.path.exists(self.path):
            time.sleep(LOOK)
        with open(self.path, "rb") as file:
            return pickle.load(file)


def answers(
    ray, workers: int | None, gpu_share: float, order: Given | Later, batches: int
) -> Iterator[list[Row]]:
    """What the actors answer, each as soon as it is there; [] for each batch that the order does not have.

    batches: at most so many are in the order. Raises what an actor raised.
    """
    import ray.data

    chosen = plan([node["Resources"] for node in ray.nodes() if node["Alive"]], workers, gpu_share)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = False
    numbers = [{"batch": number} for number in range(batches)]
    work = ray.data.from_items(numbers, override_num_blocks=batches).map_batches(
        Worker,
        fn_constructor_args=(order, chosen.cores),
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


class Worker:
    """Lives in an actor, called by `AT_A_TIME` threads of it."""

    def __init__(self, order: Given | Later, cores: int):
        gc.disable()  # until the first batch is done: what is made before that stays
        self.turn, self.refused = threading.Lock(), None
        try:
            _limit_threads(cores)
            self.pool = ThreadPoolExecutor(WRITERS * cores)
            self.job, self.todo = order.wait()
            self.model = open_model(self.job)
        except Exception as error:  # noqa: BLE001  answered later: Ray begins such an actor for ever
            self.refused = _placed(error)

    def __call__(self, several: dict[str, Any]) -> dict[str, list[bytes]]:
        return {"rows": [self._rows(int(number)) for number in several["batch"]]}

    def _rows(self, number: int) -> bytes:
        if self.refused is not None:
            return pickle.dumps(self.refused)
        if number >= len(self.todo):
            return pickle.dumps([])
        try:
            rows = run_batch(self.model, self.job, self.todo[number], self.pool.map, self.turn)
        except Exception as error:  # noqa: BLE001  raised by the driver
            return pickle.dumps(_placed(error))
        if not gc.isenabled():
            gc.freeze()  # nor is it looked through later, when the actor ends
            gc.enable()
        return pickle.dumps(rows)


def _placed(error: Exception) -> Exception:
    """With the place where it happened, which a pickle loses."""
    error.add_note(traceback.format_exc())
    return error


def _limit_threads(cores: int) -> None:
    """TensorFlow and OpenCV take no more threads than the actor has cores. Before the first tensor."""
    import cv2
    import tensorflow as tf

    cv2.setNumThreads(cores)
    tf.config.threading.set_intra_op_parallelism_threads(cores)
    tf.config.threading.set_inter_op_parallelism_threads(1)
