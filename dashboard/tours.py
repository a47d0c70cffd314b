"""A look at every checkpoint of a training: a job in a thread of this process that opens one after the other.

Clicks on the page do not disturb it, what is there stays, and it stops when it is told to or when nobody has
looked at it for a while. The workers let go of the models by themselves, so memory does not grow.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from explain import workers
from explain.errors import Cancelled, ExplainError
from explain.results import Image
from explain.similarity import State, look
from explain.store import Store

PATIENCE = 20.0  # seconds without a look, then the page was left


@dataclass(frozen=True)
class Stop:
    """One checkpoint. source: the arguments of `workers.load`, as (name, value) pairs."""

    digest: str
    name: str
    source: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Wish:
    """What every checkpoint is asked. class_index: None is the first guess of the last one."""

    image: str
    layer: str | None
    class_index: int | None
    method: str
    photos: tuple[str, ...]


@dataclass
class Tour:
    """stops: in their order; failures: {digest: error} of those that could not be looked at."""

    stops: tuple[Stop, ...]
    wish: Wish
    store: Store
    failures: dict[str, ExplainError] = field(default_factory=dict)
    now: str = ""
    stopped: bool = False
    looked: float = field(default_factory=time.monotonic)
    _thread: threading.Thread | None = None

    def start(self, image: Image, photos: Sequence[Image]) -> None:
        self._thread = threading.Thread(target=self._run, args=(image, list(photos)), daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    @property
    def asked(self) -> Wish:
        """The wish with its class: the last checkpoint's first guess, where none was named."""
        last = self.store.get((self.stops[-1].source, self.wish))
        if self.wish.class_index is not None or last is None:
            return self.wish
        return replace(self.wish, class_index=last.heatmap.class_index)

    def states(self) -> list[State]:
        """What is there, in the order of the stops. To look is to want the rest."""
        self.looked = time.monotonic()
        return [state for stop in self.stops if (state := self._state(stop)) is not None]

    def stop(self) -> None:
        self.stopped = True

    def _state(self, stop: Stop) -> State | None:
        last = stop is self.stops[-1]
        return self.store.get((stop.source, self.wish if last else self.asked))

    def _wanted(self) -> bool:
        return not self.stopped and time.monotonic() - self.looked < PATIENCE

    def _run(self, image: Image, photos: list[Image]) -> None:
        for stop in (self.stops[-1], *self.stops[:-1]):
            if not self._wanted():
                return
            if self._state(stop) is not None:
                continue
            self.now = stop.name
            try:
                state = self._look(stop, image, photos)
            except Cancelled:
                return
            except ExplainError as error:
                self.failures[stop.digest] = error
                if stop is self.stops[-1] and self.wish.class_index is None:
                    return  # without the last one there is no class to ask the others for
            else:
                last = stop is self.stops[-1]
                self.store.put((stop.source, self.wish if last else self.asked), state)

    def _look(self, stop: Stop, image: Image, photos: list[Image]) -> State:
        wish = self.asked if stop is not self.stops[-1] else self.wish
        model = workers.load(**dict(stop.source), on_progress=lambda *_: self._wanted())
        model = replace(model, name=stop.name)  # not that of the file, which is a digest
        return look(model, stop.name, image, wish.class_index, wish.layer, wish.method, photos)
