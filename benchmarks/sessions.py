"""Ten visitors clicking through the real dashboard, against one."""

from __future__ import annotations

import itertools
import os
import random
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.timing import Row, milliseconds
from benchmarks.visitor import Visitor
from explain.samples import samples

ROOT = Path(__file__).parents[1]
VISITORS, TURNS, CLICKS = 10, 3, 8
THINK = (1.0, 3.0)                                         # seconds between two clicks
LAYERS = 6                                                 # spread over the network
START = 120                                                # seconds until the server answers


def sessions(quick: bool = False) -> Row:
    """Every click asks for a class that nobody has seen in that layer; every layer was visited before.

    The same visitor and all ten take turns. A click's time ends when the page has run to its end and
    the new heatmap was among what it sent.
    """
    turns, clicks, warm = (1, 2, 2) if quick else (TURNS, CLICKS, LAYERS)
    alone, together, costs = [], [], []
    with _server() as (port, process):
        visitors = [_visitor(port, i) for i in range(VISITORS)]
        new = _Unseen(visitors[0], warm)
        for visitor, layer in itertools.product(visitors[: len(samples())], new.layers):
            for _ in range(2):                             # first the head, then its slopes
                _click(visitor, *new.of(layer))
        for _ in range(turns):
            alone += _visit(visitors[:1], clicks, new)
            before = _cpu_ms(process.pid)
            together += _visit(visitors, clicks, new)
            costs.append((_cpu_ms(process.pid) - before) / (clicks * VISITORS))
        for visitor in visitors:
            visitor.close()
    slowest = statistics.quantiles(together, n=20)[-1]
    return Row(
        "sessions/heatmaps", f"from click to finished page, {VISITORS} sessions on the dashboard's Heatmaps",
        "1 session", tuple(together), tuple(alone), 3,
        note=f"95 %: {slowest:.0f} ms; {statistics.median(costs):.0f} ms CPU of the page process per click",
    )  # fmt: skip


class _Unseen:
    """Pairs of layer and class, as the page writes them, each given out once."""

    def __init__(self, visitor: Visitor, many: int):
        options = visitor.pickers["target"].options[1:]    # the first is "automatic"
        self.layers = options[:: max(len(options) // many, 1)][:many]
        classes = list(visitor.pickers["class"].options[1:])
        random.Random(0).shuffle(classes)
        self._classes = {layer: iter(classes) for layer in self.layers}
        self._turn = itertools.cycle(self.layers)

    def of(self, layer: str) -> tuple[str, str]:
        return layer, next(self._classes[layer])

    def next(self) -> tuple[str, str]:
        return self.of(next(self._turn))


def _visitor(port: int, number: int) -> Visitor:
    """On the Heatmaps page, with the photos of the samples in turn."""
    titles = [sample.title for sample in samples().values()]
    return Visitor(port, "heatmaps", urlencode({"photo": titles[number % len(titles)]}))


def _visit(visitors: list[Visitor], clicks: int, new: _Unseen) -> list[float]:
    """All of them click so many times, each in its own time."""
    asked = [[new.next() for _ in range(clicks)] for _ in visitors]

    def clicking(number: int) -> list[float]:
        pause, times = random.Random(number), []
        for layer, label in asked[number]:
            time.sleep(pause.uniform(*THINK))
            times.append(milliseconds(lambda: _click(visitors[number], layer, label)))
        return times

    with ThreadPoolExecutor(len(visitors)) as threads:
        return [t for times in threads.map(clicking, range(len(visitors))) for t in times]


def _click(visitor: Visitor, layer: str, label: str) -> None:
    """RuntimeError when the heatmap asked for is not among what the page sends."""
    sent = visitor.choose(**{"target": layer, "class": label})
    name, number = layer.partition(" (")[0], label.rpartition("[")[2].rstrip("]")
    if f'{name} {number}"'.encode() not in sent:           # the tag of the overlay
        raise RuntimeError(f"The page ran, and did not show the heatmap of layer '{layer}' for '{label}'.")


@contextmanager
def _server() -> Iterator[tuple[int, subprocess.Popen]]:
    """The dashboard as its users start it, on a free port of this machine only."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "dashboard/app.py", "--server.headless", "true"]
    command += ["--server.address", "127.0.0.1", "--server.port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await(f"http://127.0.0.1:{port}/_stcore/health", process)
        yield port, process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(address: str, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:                                    # not listening yet
            time.sleep(0.1)
    raise RuntimeError(f"The dashboard did not start within {START} seconds.")


def _cpu_ms(process: int) -> float:
    """What a process has computed so far, without its children. NaN where the kernel does not tell."""
    stat = Path(f"/proc/{process}/stat")
    if not stat.exists():
        return float("nan")
    fields = stat.read_text().rpartition(")")[2].split()
    return 1e3 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


ROWS = {"sessions/heatmaps": sessions}
