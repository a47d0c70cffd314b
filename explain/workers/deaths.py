"""How often a model ended its process, by content: the same file under another name has the same deaths."""

from __future__ import annotations

import time

from explain.errors import ModelError

MAX_DEATHS = 3                                       # of one model …
MEMORY_OF_DEATHS = 600.0                             # … within these seconds, then it is refused


class Deaths:
    """Not safe for many threads by itself: the pool asks under its lock."""

    def __init__(self) -> None:
        self._when: dict[str, list[float]] = {}

    def note(self, content: str) -> None:
        self._when.setdefault(content, []).append(time.monotonic())

    def too_many(self, content: str) -> bool:
        now = time.monotonic()
        recent = [when for when in self._when.pop(content, ()) if now - when < MEMORY_OF_DEATHS]
        if recent:
            self._when[content] = recent
        return len(recent) >= MAX_DEATHS

    def check(self, content: str) -> None:
        """ModelError where the process has ended too often."""
        if self.too_many(content):
            raise ModelError(
                f"This model ended its process {MAX_DEATHS} times and is not opened again for "
                f"{MEMORY_OF_DEATHS / 60:.0f} minutes. Choose another one, or give workers more memory "
                "(EXPLAIN_WORKER_MB)."
            )
