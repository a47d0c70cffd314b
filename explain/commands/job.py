"""A command while it runs: in a thread of its own, so that Ctrl-C is heard at once.

    main thread   waits, hears signals
    the thread    opens, computes, writes; looks at `job.stopping` between two pieces of work

TensorFlow cannot be interrupted. Where the thread does not end by itself soon after a signal, the main
thread completes what is finished — between two files, never within one — and ends the process.
"""

from __future__ import annotations

import os
import signal
import threading
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from explain.commands import FAULT, REFUSED, STOPPED
from explain.commands.console import Bar, warn
from explain.errors import Cancelled, ExplainError

PATIENCE = 1.0                                     # seconds to end by itself after a signal
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Job:
    """What a command is handed: the bar, whether to stop, and a lock around what must stay whole.

    kept: after the end, one phrase about what is there: "16 of 64 patterns in out".
    """

    def __init__(self, quiet: bool):
        self.bar = Bar(quiet)
        self.stop = threading.Event()
        self.lock = threading.RLock()
        self.kept = ""
        self._finish: Callable[[], str] | None = None

    @property
    def stopping(self) -> bool:
        return self.stop.is_set()

    @contextmanager
    def finishing(self, finish: Callable[[], str]) -> Iterator[None]:
        """Runs `finish` once: at the end of the block, after an error in it, or at a signal.

        It gives back the phrase for `kept`.
        """
        self._finish = finish
        try:
            yield
        finally:
            with self.lock:
                self.finish()

    def finish(self) -> None:
        finish, self._finish = self._finish, None
        if finish is not None:
            self.kept = finish()


def carry_out(run: Callable[[Namespace, Job], int], arguments: Namespace) -> int:
    """The exit code of `run(arguments, job)`; what it raises becomes a line on stderr."""
    job = Job(arguments.quiet)
    outcome: list[int | BaseException] = []

    def work() -> None:
        try:
            outcome.append(run(arguments, job))
        except BaseException as error:              # not dropped: looked at below, in the main thread
            outcome.append(error)

    thread = threading.Thread(target=work, daemon=True)
    with _heard(job.stop):
        thread.start()
        while thread.is_alive() and not job.stopping:
            thread.join(0.1)
        thread.join(PATIENCE if job.stopping else None)
        if thread.is_alive():
            _leave(job)
    job.bar.clear()
    return _code(outcome[0], job)


def _code(outcome: int | BaseException, job: Job) -> int:
    if job.stopping:
        if isinstance(outcome, BaseException) and not isinstance(outcome, Cancelled):
            _told(outcome)
        warn(_farewell(job))
        return STOPPED
    return outcome if isinstance(outcome, int) else _told(outcome)


def _leave(job: Job) -> None:
    """Complete what is finished and end the process, whatever the thread is computing."""
    with job.lock:                                  # kept until the end: no file is begun any more
        try:
            job.bar.clear()
            try:
                job.finish()
            except ExplainError as error:
                warn(str(error))
            warn(_farewell(job))
        finally:
            os._exit(STOPPED)


def _farewell(job: Job) -> str:
    return f"Stopped: {job.kept}." if job.kept else "Stopped; nothing was written."


def _told(error: BaseException) -> int:
    """The error in one line, and the exit code."""
    if isinstance(error, ExplainError):
        warn(f"{error} ({error.code})")
        return REFUSED
    if not isinstance(error, Exception) or os.environ.get("EXPLAIN_TRACEBACK"):
        raise error
    said = " ".join(str(error).split())[:300]
    warn(
        f"Something went wrong inside: {type(error).__name__}: {said} "
        "(EXPLAIN_TRACEBACK=1 in the environment shows where)."
    )
    return FAULT


@contextmanager
def _heard(stop: threading.Event) -> Iterator[None]:
    """While open, the signals that end a process only set `stop`."""
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
