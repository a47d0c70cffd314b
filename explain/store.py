"""What was computed once and may be asked again, bounded: least recently used goes first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any


class Store:
    """A dictionary with a budget. `weigh(value)` is in the unit of `limit` (bytes, or 1 each).

    A value heavier than the whole budget is not kept. Safe for many threads.
    """

    def __init__(self, limit: int, weigh: Callable[[Any], int] = lambda value: 1):
        self.limit, self.weigh, self.weight = limit, weigh, 0
        self._items: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Any | None:
        with self._lock:
            if key not in self._items:
                return None
            self._items.move_to_end(key)
            return self._items[key]

    def put(self, key: Hashable, value: Any) -> None:
        weight = self.weigh(value)
        with self._lock:
            if key in self._items:
                self.weight -= self.weigh(self._items.pop(key))
            if weight > self.limit:
                return
            self._items[key] = value
            self.weight += weight
            while self.weight > self.limit:
                self.weight -= self.weigh(self._items.popitem(last=False)[1])

    def clear(self) -> None:
        with self._lock:
            self._items.clear()
            self.weight = 0

    def __len__(self) -> int:
        return len(self._items)
