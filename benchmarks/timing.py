"""Two sides in turns, their medians, and the row of the table that they become."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

QUICK_ROUNDS = 3
WARM_UPS = 2

Side = Callable[[], object]


class NotHere(Exception):
    """A row that needs what this machine does not have, and what that is."""


@dataclass(frozen=True)
class Row:
    """One comparison.

    what, against: the two sides in words; ours, theirs: one figure per round, in `unit`; limit: the largest
    ratio that is allowed, or None where the row only reports; note: what else the reader should know.
    """

    name: str
    what: str
    against: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    limit: float | None = None
    unit: str = "ms"
    note: str = ""

    @property
    def medians(self) -> tuple[float, float]:
        return statistics.median(self.ours), statistics.median(self.theirs)

    @property
    def ratio(self) -> float:
        ours, theirs = self.medians
        return ours / theirs

    @property
    def met(self) -> bool | None:
        """Whether the ratio is within its limit; None where there is no limit."""
        return None if self.limit is None else self.ratio <= self.limit


def in_turns(
    ours: Side, theirs: Side, rounds: int, quick: bool = False, before: Side | None = None,
    warm_ups: int = WARM_UPS,
) -> tuple[tuple[float, ...], tuple[float, ...]]:  # fmt: skip
    """Milliseconds of both sides, one after the other in every round.

    `before` runs ahead of each of ours and is not timed. The first `warm_ups` rounds do not count: that is
    where functions are compiled.
    """
    mine, yours = [], []
    for _ in range(warm_ups + (min(rounds, QUICK_ROUNDS) if quick else rounds)):
        if before is not None:
            before()
        mine.append(milliseconds(ours))
        yours.append(milliseconds(theirs))
    return tuple(mine[warm_ups:]), tuple(yours[warm_ups:])


def milliseconds(side: Side) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    side()
    return 1e3 * (time.perf_counter() - start)
