"""Patterns being made: a job in a thread of this process that asks the worker, chunk by chunk.

Clicks on the page do not disturb it, what is done stays, and it stops when it is told to or when
nobody has looked at it for a while.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from explain import workers
from explain.errors import ExplainError
from explain.results import Model, Pattern, frozen
from explain.store import Store

AT_ONCE = 4                                  # small chunks: the wall fills while one watches
LARGE = 128 * 128 * 150                      # pixels × steps from which on one at a time is slow enough
PATIENCE = 20.0                              # seconds without a look, then the page was left


@dataclass(frozen=True)
class Wish:
    """What is asked for: everything a pattern depends on, but the channel."""

    model: str
    layer: str
    method: str
    steps: int
    size: int
    seed: int

    def key(self, channel: int) -> tuple:
        return (self, channel)


@frozen
class Made(Pattern):
    """together: the channels that climbed in one batch, in their order: the last bits depend on it."""

    together: tuple[int, ...] = ()


@dataclass
class Climb:
    """One job. `done` of `channels` are in the store as `Made`; `failure` is what ended it early."""

    wish: Wish
    channels: tuple[int, ...]
    store: Store
    failure: ExplainError | None = None
    stopped: bool = False
    looked: float = field(default_factory=time.monotonic)
    started: float = field(default_factory=time.monotonic)
    _thread: threading.Thread | None = None

    def start(self, model: Model) -> None:
        self.first_done = len(self.done)
        self._thread = threading.Thread(target=self._run, args=(model,), daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    @property
    def done(self) -> list[int]:
        """The channels that are there, in the order asked for. To look is to want the rest."""
        self.looked = time.monotonic()
        return [c for c in self.channels if self.store.get(self.wish.key(c)) is not None]

    def seconds_left(self) -> int | None:
        """By the pace so far; None before the first chunk."""
        made = len(self.done) - self.first_done
        if made <= 0:
            return None
        return round((time.monotonic() - self.started) / made * (len(self.channels) - len(self.done)))

    def stop(self) -> None:
        self.stopped = True

    def _run(self, model: Model) -> None:
        missing = [c for c in self.channels if self.store.get(self.wish.key(c)) is None]

        def keep(done: int, total: int, new: Any) -> bool:
            together = tuple(pattern.channel for pattern in new)
            for pattern in new:
                self.store.put(self.wish.key(pattern.channel), Made(**vars(pattern), together=together))
            return not self.stopped and time.monotonic() - self.looked < PATIENCE

        try:
            workers.patterns(
                model, self.wish.layer, missing, self.wish.steps, self.wish.size, self.wish.seed,
                self.wish.method, 1 if self.wish.size**2 * self.wish.steps > LARGE else AT_ONCE, keep,
            )  # fmt: skip
        except ExplainError as error:
            self.failure = error


def channels_from(text: str, most: int) -> list[int] | None:
    """"0-15, 40" → numbers up to `most`, once each; None where it is not that, or all of it is beyond."""
    wanted: list[int] = []
    for part in filter(None, (p.strip() for p in text.split(","))):
        first, dash, last = (s.strip() for s in part.partition("-"))
        last = last if dash else first
        if not (first.isdecimal() and last.isdecimal()) or max(len(first), len(last)) > 6:
            return None
        wanted += range(int(first), min(int(last), most) + 1)
    return list(dict.fromkeys(wanted)) or None
