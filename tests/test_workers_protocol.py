"""What page and worker say to each other, the worker being a thread of ours that says what it is told."""

from __future__ import annotations

import os
import queue
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import Pipe

import pytest

from explain.errors import DeadlineExceeded, WorkerDied
from explain.workers import worker as workers_side
from explain.workers import wire
from explain.workers.worker import Worker

pytestmark = pytest.mark.skipif(os.name == "nt", reason="pipes are no sockets there")


class Child:
    """Stands in for multiprocessing's context, process and worker: says what the test wants it to say."""

    pid, exitcode = 1, 0

    def __init__(self, monkeypatch):
        self.asked: queue.Queue = queue.Queue()
        monkeypatch.setattr(workers_side, "context", lambda: self)
        self.worker = Worker({"name": "made up"})
        number, verb, _ = self.next()
        assert verb == "load"
        self.say((number, "result", None))
        self.worker.ready.wait(10)

    def Pipe(self):
        mine, theirs = Pipe()
        self.connection = theirs
        return mine, self

    def Process(self, **options):
        return self

    def start(self):
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        try:
            while True:
                self.asked.put(wire.unpack(self.connection.recv_bytes()))
        except (EOFError, OSError):
            self.asked.put(None)

    def next(self):
        return self.asked.get(timeout=10)

    def say(self, message):
        self.connection.send_bytes(wire.pack(message))

    def kill(self):
        """Both ends of the pipe see its end, as when a process goes."""
        with socket.socket(fileno=os.dup(self.connection.fileno())) as pipe:
            pipe.shutdown(socket.SHUT_RDWR)

    def close(self):
        """The page closes its copy of the child's end."""

    def join(self, seconds):
        pass


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", b"\0\0\0\0", wire.pack(7), wire.pack([1, 2]), wire.pack(([], "result", 1))],
    ids=repr,
)
def test_a_child_that_talks_nonsense_is_ended(monkeypatch, data):
    child = Child(monkeypatch)
    with ThreadPoolExecutor(1) as session:
        waiting = session.submit(child.worker.ask, "predict", {}, None, 30)
        child.next()
        child.connection.send_bytes(data)
        with pytest.raises(WorkerDied):
            waiting.result(10)
    assert not child.worker.alive


def test_progress_of_the_climb_before_it_is_a_sign_of_life(monkeypatch):
    """Two climbs queue: the second one's patience counts from the first one's last progress."""
    child, told = Child(monkeypatch), []
    with ThreadPoolExecutor(2) as sessions:
        first = sessions.submit(child.worker.ask, "patterns", {}, lambda *new: told.append(new), 1)
        number = child.next()[0]
        second = sessions.submit(child.worker.ask, "patterns", {}, None, 1)
        other = child.next()[0]
        for done in range(15):
            time.sleep(0.1)
            child.say((number, "progress", (done, 15, None)))
        assert not first.done() and not second.done() and child.worker.alive        # after 1.5 seconds
        child.say((number, "result", "first"))
        child.say((other, "result", "second"))
        assert (first.result(10), second.result(10)) == ("first", "second") and len(told) == 15


def test_a_quick_question_hears_nothing_of_a_climb(monkeypatch):
    """It does not queue behind it: when it is silent, something is wrong."""
    child = Child(monkeypatch)
    with ThreadPoolExecutor(2) as sessions:
        climb = sessions.submit(child.worker.ask, "patterns", {}, None, 30)
        number = child.next()[0]
        quick = sessions.submit(child.worker.ask, "predict", {}, None, 0.5)
        child.next()
        child.say((number, "progress", (1, 2, None)))
        with pytest.raises(DeadlineExceeded):
            quick.result(10)
        with pytest.raises(WorkerDied):
            climb.result(10)


def test_saying_no_sends_one_cancel_and_waits_for_what_is_done(monkeypatch):
    child = Child(monkeypatch)
    with ThreadPoolExecutor(1) as session:
        waiting = session.submit(child.worker.ask, "patterns", {}, lambda *told: False, 10)
        number = child.next()[0]
        child.say((number, "progress", (1, 5, None)))
        assert child.next() == ("cancel", number)
        child.say((number, "result", ["what is done"]))
        assert waiting.result(10) == ["what is done"] and not child.worker.busy
