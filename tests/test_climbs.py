"""Patterns in the making: chunks arrive, what is done stays, and nobody climbs for a page that was left."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from dashboard import climbs
from dashboard.climbs import Climb, Wish, channels_from
from explain.errors import WorkerDied
from explain.results import Pattern
from explain.store import Store

WISH = Wish("model", "conv", "robust", 30, 64, 0)


def pattern(channel: int) -> Pattern:
    return Pattern("conv", channel, np.zeros((4, 4, 3), np.float32), np.zeros(3, np.float32))


class Worker:
    """Makes one chunk whenever `step` is released; notes what it was asked for."""

    def __init__(self):
        self.step, self.error, self.asked = threading.Semaphore(0), None, []

    def patterns(self, model, layer, channels, steps, size, seed, method, at_once, on_progress):
        self.asked.append((model, layer, list(channels), steps, size, seed, method, at_once))
        for start in range(0, len(channels), at_once):
            self.step.acquire()
            if self.error:
                raise self.error
            chunk = channels[start : start + at_once]
            if on_progress(start + len(chunk), len(channels), [pattern(c) for c in chunk]) is False:
                return


@pytest.fixture
def worker(monkeypatch):
    worker = Worker()
    monkeypatch.setattr(climbs, "workers", SimpleNamespace(patterns=worker.patterns))
    return worker


@pytest.fixture
def store():
    return Store(limit=2**20, weigh=lambda p: p.pixels.nbytes)


def until(condition, seconds: float = 10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def test_chunks_arrive_one_by_one(worker, store):
    job = Climb(WISH, tuple(range(6)), store)
    assert job.done == [] and not job.running
    job.start("a model")
    assert job.running and job.seconds_left() is None
    worker.step.release()
    until(lambda: job.done)
    assert job.done == [0, 1, 2, 3] and job.running and job.seconds_left() is not None
    worker.step.release()
    until(lambda: not job.running)
    assert job.done == list(range(6)) and job.failure is None and not job.stopped
    assert worker.asked == [("a model", "conv", list(range(6)), 30, 64, 0, "robust", climbs.AT_ONCE)]


def test_stop_keeps_what_is_done_and_the_rest_can_be_made_later(worker, store):
    job = Climb(WISH, tuple(range(12)), store)
    job.start("a model")
    worker.step.release()
    until(lambda: job.done)
    job.stop()
    worker.step.release()
    until(lambda: not job.running)
    assert job.stopped and job.done == list(range(8)) and job.failure is None

    rest = Climb(WISH, tuple(range(12)), store)
    assert rest.done == list(range(8))
    rest.start("a model")
    worker.step.release()
    until(lambda: not rest.running)
    assert rest.done == list(range(12)) and worker.asked[1][2] == [8, 9, 10, 11]


def test_nobody_climbs_for_a_page_that_was_left(worker, store, monkeypatch):
    monkeypatch.setattr(climbs, "PATIENCE", 0.05)
    job = Climb(WISH, tuple(range(12)), store)
    job.start("a model")
    time.sleep(0.1)  # nobody looks
    worker.step.release()
    until(lambda: not job.running)
    assert job.done == [0, 1, 2, 3] and not job.stopped and job.failure is None


def test_a_failure_is_kept_beside_what_is_done(worker, store):
    job = Climb(WISH, tuple(range(8)), store)
    job.start("a model")
    worker.step.release()
    until(lambda: job.done)
    worker.error = WorkerDied("It ended by signal 9.")
    worker.step.release()
    until(lambda: not job.running)
    assert job.failure is worker.error and job.done == [0, 1, 2, 3]


def test_large_patterns_come_one_at_a_time(worker, store):
    job = Climb(Wish("model", "conv", "robust", 200, 256, 0), (1, 2), store)
    job.start("a model")
    worker.step.release()
    until(lambda: job.done)
    assert job.done == [1] and worker.asked[0][-1] == 1
    worker.step.release()
    until(lambda: not job.running)


@pytest.mark.parametrize("change", ["model", "layer", "method", "steps", "size", "seed"])
def test_another_wish_shares_nothing(store, change):
    store.put(WISH.key(3), pattern(3))
    fields = {name: getattr(WISH, name) for name in WISH.__dataclass_fields__}
    other = Wish(**fields | {change: 7 if isinstance(fields[change], int) else "other"})
    assert Climb(WISH, (3,), store).done == [3]
    assert Climb(other, (3,), store).done == []


@pytest.mark.parametrize(
    "text, channels",
    [
        ("0-3", [0, 1, 2, 3]),
        (" 5 , 2 - 3,5 ", [5, 2, 3]),
        ("7", [7]),
        ("9-9,", [9]),
        ("", None),
        (",", None),
        ("3-1", None),
        ("10", None),
        ("-3", None),
        ("1-", None),
        ("1-2-3", None),
        ("1.5", None),
        ("one", None),
        ("²", None),
        ("0-99999999999999", None),
    ],
)
def test_channels_from_text(text, channels):
    assert channels_from(text, most=9) == channels
