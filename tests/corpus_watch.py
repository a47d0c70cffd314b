"""What must not notice that a hostile file is opened: server, neighbour, Keras here, files, network."""

from __future__ import annotations

import os
import socket
import statistics
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from corpus import Sample, Target, recipe
from networks import pictures
from serving import running

from explain import workers
from explain.errors import ExplainError
from explain.results import Model

PATIENCE = 1.0  # seconds in which the server must answer, whatever is being opened
PAUSE = 0.05


@dataclass(frozen=True)
class Outcome:
    """code: of the error, "" when it opened; sentence: the error's; seconds: until then."""

    code: str
    sentence: str
    seconds: float
    model: Model | None = None


class Listener:
    """A server on this machine that counts who calls."""

    def __init__(self) -> None:
        self.calls = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                caller, _ = self._socket.accept()
            except OSError:
                return  # closed
            self.calls += 1
            caller.close()

    def close(self) -> None:
        self._socket.close()


class Pulse:
    """Asks a health address several times a second, and looks how long this process's threads are held up."""

    def __init__(self, url: str) -> None:
        self.url, self.answers, self.gaps = f"{url}/_stcore/health", [0.0], [0.0]
        self.watched, self._done = threading.Event(), threading.Event()
        for task in (self._ask, self._beat):
            threading.Thread(target=task, daemon=True).start()

    def _ask(self) -> None:
        while not self._done.wait(PAUSE):
            start, counts = time.monotonic(), self.watched.is_set()
            with urllib.request.urlopen(self.url, timeout=30) as answer:
                assert answer.read() == b"ok"
            if counts or self.watched.is_set():
                self.answers.append(time.monotonic() - start)

    def _beat(self) -> None:
        before = time.monotonic()
        while not self._done.wait(PAUSE):
            now = time.monotonic()
            if self.watched.is_set():
                self.gaps.append(now - before - PAUSE)
            before = now

    def stop(self) -> None:
        self._done.set()


def keras_state() -> tuple:
    """Everything global that a file could change in this process."""
    import keras
    from keras.src.saving import object_registration, serialization_lib

    config = keras.config
    return (
        config.floatx(), config.image_data_format(), config.epsilon(), config.backend(),
        config.dtype_policy().name, len(object_registration.GLOBAL_CUSTOM_OBJECTS),
        serialization_lib.in_safe_mode(), os.getcwd(),
        {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"},
    )  # fmt: skip


@dataclass
class Watch:
    """The surroundings of one run over the corpus."""

    target: Target
    listener: Listener
    pulse: Pulse
    folder: Path
    neighbour: Model | None = None
    before: tuple = ()
    scores: list = field(default_factory=list)
    process: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    def settle(self) -> None:
        """Open the neighbour, a model of another user's, and remember what it answers."""
        healthy = self.folder / "neighbour.keras"
        healthy.write_bytes(recipe("networks", "squeezed", ".keras"))  # no sample has its weights
        self.neighbour = workers.load(healthy)
        self.scores, self.process = self._asked(), self._process()

    def made(self, sample: Sample) -> Path | str:
        folder = self.folder / sample.name
        folder.mkdir()
        return sample.make(folder, self.target)

    def opened(self, path: Path | str, **options) -> Outcome:
        """Open a file as the dashboard does. Errors of any other kind than ours go through."""
        self.before = keras_state()
        start, model, code, sentence = time.monotonic(), None, "", ""
        self.pulse.watched.set()
        try:
            model = workers.load(path, **options)
        except ExplainError as error:
            code, sentence = error.code, str(error)
        finally:
            self.pulse.watched.clear()
        return Outcome(code, sentence, time.monotonic() - start, model)

    def check(self) -> None:
        """Nothing has happened."""
        found = [file.name for file in self.target.marker.parent.glob(f"{self.target.marker.name}*")]
        assert not found, "the payload ran: it made a file"
        assert self.listener.calls == 0, "the payload ran: it called an address"
        assert keras_state() == self.before, "this process was changed"
        assert self._asked() == self.scores, "the neighbour's answers changed"

    def undisturbed(self) -> None:
        """The same process has answered the neighbour all the time."""
        assert self._process() == self.process

    def _asked(self) -> list:
        return [(p.class_index, p.score) for p in workers.predict(self.neighbour, pictures(1)[0])]

    def _process(self) -> int:
        rows = (row for row in workers.status() if row["loaded"])
        return next(row["process"] for row in rows if row["key"] == self.neighbour.key)

    def told(self) -> str:
        """How long the refusals took, and how long the server."""
        times = sorted(self.seconds.values()) or [0.0]
        half, most = statistics.median(times), times[int(0.95 * (len(times) - 1))]
        slowest = sorted(self.seconds, key=self.seconds.get)[-3:]
        answers, gaps = self.pulse.answers, self.pulse.gaps
        return (
            f"\n{len(self.seconds)} refusals: median {half:.2f} s, 95th percentile {most:.2f} s, "
            f"slowest {', '.join(slowest) or 'none'}; of {len(answers):,} answers of the health address "
            f"the slowest took {max(answers):.2f} s; this process stood still for {max(gaps):.2f} s at most"
        )


@contextmanager
def watching(folder: Path) -> Iterator[Watch]:
    """A dashboard that runs beside, a listener, a neighbour. Afterwards all workers are ended."""
    aim, files, server_folder = (folder / name for name in ("aim", "files", "server"))
    for one in (aim, files, server_folder):
        one.mkdir()
    (aim / "secret.txt").write_text("root\nof\nall\n", encoding="utf-8")
    listener = Listener()
    with running(server_folder) as server:
        pulse = Pulse(server.url)
        target = Target(aim / "marker", aim / "secret.txt", listener.port)
        watch = Watch(target, listener, pulse, files)
        try:
            watch.settle()
            yield watch
        finally:
            pulse.stop()
            listener.close()
            workers.close()
