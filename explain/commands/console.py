"""Answers go to stdout, what is said about them to stderr; a bar only where somebody sees it."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Sequence

CELLS = 24                                             # of the bar
REDRAW = 0.1                                           # seconds
WINDOW = 64                                            # drawings, whose pace tells how much time is left
CLEAR = "\r\x1b[K"


def say(text: str) -> bool:
    """One or more lines of the answer. False when nobody reads them, as after `| head`."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Python flushes stdout once more on its way out: that shall go nowhere, silently.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        return False
    return True


def warn(text: str) -> None:
    """One line on stderr, whatever the text: the name of a file could steer a terminal."""
    plain = "".join(c if c.isprintable() else "·" for c in " ".join(text.split()))
    print(plain, file=sys.stderr, flush=True)


def table(header: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[int] = ()) -> str:
    """Columns two spaces apart; those numbered in `right` are flush right."""
    lines = [list(header), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    place = [str.rjust if i in right else str.ljust for i in range(len(header))]
    return "\n".join(
        "  ".join(put(cell, width) for put, cell, width in zip(place, line, widths)).rstrip()
        for line in lines
    )


def number_of(count: int, thing: str) -> str:
    """'1 heatmap', '12 heatmaps'."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


class Bar:
    """`heatmaps  [#########...............]  38 %  24 of 64  0:41 left`, on a terminal only."""

    def __init__(self, quiet: bool = False):
        self.shown = not quiet and sys.stderr is not None and sys.stderr.isatty()
        self._what, self._drawn = "", 0.0
        self._pace: deque[tuple[float, int]] = deque(maxlen=WINDOW)       # (seconds, done)

    def note(self, text: str) -> None:
        """What is going on while there is nothing to count."""
        self._draw(text)

    def update(self, what: str, done: int, total: int, per_unit: int = 1, unit: str = "") -> None:
        """`done` of `total` (0: unknown), counted in units of `per_unit`: bytes in MB, say.

        The time that is left is told by the latest pace: what was done before the first call does not count.
        """
        now = time.monotonic()
        if what != self._what:
            self._what, self._drawn = what, 0.0
            self._pace.clear()
        if now - self._drawn < REDRAW and done != total:
            return
        self._drawn = now
        self._pace.append((now, done))
        if not total:
            return self._draw(f"{what}  {done // per_unit}{unit}")
        part = done / total
        full = int(CELLS * part)
        began, first = self._pace[0]
        left = f"  {_clock((now - began) * (total - done) / (done - first))} left" if first < done < total else ""
        self._draw(
            f"{what}  [{'#' * full}{'.' * (CELLS - full)}] {int(100 * part):3d} %  "
            f"{done // per_unit} of {total // per_unit}{unit}{left}"
        )

    def clear(self) -> None:
        if self.shown:
            print(CLEAR, end="", file=sys.stderr, flush=True)

    def warn(self, text: str) -> None:
        """A line that stays; the bar comes back with its next update."""
        self.clear()
        self._drawn = 0.0
        warn(text)

    def _draw(self, text: str) -> None:
        if self.shown:
            width = os.get_terminal_size(sys.stderr.fileno()).columns or 80
            print(CLEAR + text[: width - 1], end="", file=sys.stderr, flush=True)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
