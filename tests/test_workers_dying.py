"""A process that may be slow, freeze or die: what it costs, and what comes after it."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import pytest
from networks import nested, perceptron, pictures

from explain.errors import (
    Cancelled, DeadlineExceeded, ModelError, TooMuchMemory, UnknownFile, WorkerDied, WorkerError,
)  # fmt: skip
from explain.workers import deaths
from explain.workers import worker as workers_side
from explain.workers.pool import Pool


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "nested.keras"
    nested().save(path)
    return str(path)


def source(path: str) -> dict:
    return {"name": path, "scaling": "0..1", "labels": None, "weights": None, "input_shape": None}


@pytest.fixture
def pool(path):
    made = []

    def make(**options) -> tuple[Pool, str]:
        made.append(Pool(**{"standby": False} | options))
        return made[-1], made[-1].load(source(path)).key

    yield make
    for one in made:
        one.close()


def ask(pool: Pool, key: str, layer: str = "body/last", **asked):
    return pool.ask(key, "heatmap", {"image": pictures(1)[0], "layer": layer, "class_index": 1}, **asked)


def process(pool: Pool) -> int:
    (row,) = [r for r in pool.status() if r["loaded"]]
    return row["process"]


def die_while_working(pool: Pool, key: str) -> None:
    number = process(pool)
    with ThreadPoolExecutor(1) as session:
        waiting = session.submit(pool.ask, key, "sleep", {"seconds": 60})
        until(lambda: any(w.busy for w in pool._workers.values()))
        os.kill(number, signal.SIGKILL)
        with pytest.raises(WorkerDied, match="ended by signal 9.*ask again"):
            waiting.result(30)


def ended(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().split(") ")[1][0] == "Z"
    except OSError:
        return True


def until(true, seconds: float = 60) -> None:
    start = time.monotonic()
    while not true():
        assert time.monotonic() - start < seconds, "waited in vain"
        time.sleep(0.02)


# Dying --------------------------------------------------------------------------------------------


def test_loading_can_be_cancelled(pool):
    """By one of two who wait for it; the other is told, and it counts as nobody's death."""
    made, _ = pool()
    slow = {"name": "mobilenetv2", "scaling": None, "labels": None, "weights": None, "input_shape": None}
    for _ in range(3):
        with ThreadPoolExecutor(1) as session:
            other = session.submit(made.load, slow)
            until(lambda: slow in [w.source for w in made._workers.values() if getattr(w._process, "pid", 0)])
            with pytest.raises(Cancelled):
                made.load(slow, on_progress=lambda done, total, partial: False)
            with pytest.raises(WorkerDied):
                other.result(60)
    assert len(made.load(slow, on_progress=lambda done, total, partial: True).layers) > 100


def test_a_deadline_ends_the_process(pool):
    made, key = pool()
    first, start = process(made), time.monotonic()
    with pytest.raises(DeadlineExceeded, match="no sign of life for 0.5 seconds"):
        made.ask(key, "sleep", {"seconds": 60}, deadline=0.5)
    assert time.monotonic() - start < 10
    assert ask(made, key).values.max() > 0 and process(made) != first
    until(lambda: ended(first))


def test_a_frozen_process_is_ended_too(pool):
    """It reads nothing: a question larger than the pipe must not hold the page for good."""
    made, key = pool()
    frozen = process(made)
    os.kill(frozen, signal.SIGSTOP)
    many = {"images": pictures(40, size=120)}
    with pytest.raises(WorkerError):
        made.ask(key, "heatmaps", many, deadline=1.0)
    until(lambda: ended(frozen))
    assert ask(made, key).values.max() > 0


def test_a_death_costs_one_question(pool):
    made, key = pool()
    expected, first = ask(made, key).values, process(made)
    die_while_working(made, key)
    assert np.array_equal(ask(made, key).values, expected) and process(made) != first


def test_a_spare_answers_at_once(pool, capsys):
    made, key = pool(standby=True, quiet=0.2)
    expected = ask(made, key).values
    until(lambda: made._spare is not None and made._spare.ready.is_set() and not made._spare.busy)
    first = process(made)
    os.kill(first, signal.SIGKILL)
    start = time.monotonic()
    try:
        found = ask(made, key)                                  # the death may be noticed before or during it
    except WorkerDied:
        found = ask(made, key)
    seconds = time.monotonic() - start
    with capsys.disabled():
        print(f" [first answer {seconds:.2f} s after a death]", end="")
    assert np.array_equal(found.values, expected) and seconds < 3 and process(made) != first


def test_three_deaths_are_enough(pool):
    made, key = pool()
    for _ in range(3):
        ask(made, key)
        die_while_working(made, key)
    with pytest.raises(ModelError, match="3 times and is not opened again"):
        ask(made, key)
    with pytest.raises(ModelError, match="not opened again"):
        made.load(next(iter(made._names.values())))


def test_deaths_are_forgotten(pool, monkeypatch):
    made, key = pool()
    for _ in range(2):
        ask(made, key)
        die_while_working(made, key)
    ask(made, key)
    monkeypatch.setattr(deaths, "MEMORY_OF_DEATHS", 0.0)
    die_while_working(made, key)
    assert ask(made, key).values.size


def test_three_deaths_while_opening_are_enough(pool):
    made, _ = pool()
    slow = {"name": "mobilenetv2", "scaling": None, "labels": None, "weights": None, "input_shape": None}
    for _ in range(3):
        worker = made.worker(slow)
        until(lambda: worker._process is not None and worker._process.pid is not None)
        os.kill(worker._process.pid, signal.SIGKILL)
        with pytest.raises(WorkerDied):
            made.load(slow)
    with pytest.raises(ModelError, match="not opened again"):
        made.load(slow)


def test_an_error_of_loading_is_no_death(pool, tmp_path):
    made, _ = pool()
    (tmp_path / "broken.keras").write_bytes(b"no model")
    for _ in range(4):
        with pytest.raises(UnknownFile, match="is no Keras model"):
            made.load(source(str(tmp_path / "broken.keras")))


# How many -----------------------------------------------------------------------------------------


def test_the_least_recently_used_goes(pool, tmp_path):
    made, key = pool(most=1)
    first = process(made)
    perceptron().save(tmp_path / "other.keras")
    other = made.load(source(str(tmp_path / "other.keras"))).key
    assert len(made.status()) == 1
    until(lambda: ended(first))
    assert len(made.ask(other, "predict", {"image": pictures(1)[0]})) == 3
    assert ask(made, key).values.max() > 0                                    # opened again without a word
    assert len(made.status()) == 1


def test_closing_tells_whoever_waits(pool):
    made, key = pool()
    first = process(made)
    with ThreadPoolExecutor(1) as session:
        waiting = session.submit(made.ask, key, "sleep", {"seconds": 60})
        until(lambda: next(iter(made._workers.values())).busy)
        made.close()
        with pytest.raises(WorkerDied):
            waiting.result(30)
    until(lambda: ended(first))


def test_lack_of_memory_is_a_sentence(pool, path, tmp_path, monkeypatch):
    network = keras.Sequential(
        [keras.Input((None, None, 3)), keras.layers.Conv2D(64, 3, name="conv"),
         keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2, activation="softmax")]
    )  # fmt: skip
    network.save(tmp_path / "free.keras")
    monkeypatch.setattr(workers_side, "MEMORY_BYTES", 1000 * 2**20)
    made, _ = pool()
    free = source(str(tmp_path / "free.keras"))
    with pytest.raises(TooMuchMemory, match="0.77. GB at layer 'conv'"):      # before it is computed
        made.load(free | {"input_shape": (1800, 1800, 3)})
    key = made.load(free | {"input_shape": (600, 600, 3)}).key
    with pytest.raises((TooMuchMemory, WorkerDied)):
        made.ask(key, "heatmaps", {"images": pictures(16, size=600)})                        # 1.4 GB of maps
    assert made.ask(key, "status", {})["memory_bytes"] < 1000 * 2**20
