"""The process in which Ray lives, beside the driver: `python -m explain.folders.ray_host`.

Pickles come in by stdin and go out by stdout:

    first in      (address or None, actors or None, a GPU's share for each, how many batches at most)
    then in       an `Order`, or none; then ENOUGH
    out           lists of rows as the actors answer, then DONE; or an exception, and nothing after it

Where stdin ends the driver has died: so does this process, and Ray's with it. So they do where ENOUGH comes
without an order.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import tempfile
import threading
import time
import traceback
from contextlib import suppress
from typing import BinaryIO

from explain.errors import ExplainError
from explain.folders import ray_start
from explain.folders.ray_actors import Given, Later, answers

ENOUGH, DONE = "enough", "done"
BEGIN, STOP = 60, 10  # seconds for Ray, where there is nothing to do


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # until Ray puts its own there, which does the same
    heard = os.fdopen(os.dup(0), "rb")  # Python would wait for its own stdin, and abort, when it ends
    with os.fdopen(os.dup(1), "wb") as told:
        os.dup2(2, 1)  # what Ray prints is no answer
        try:
            _carry_out(heard, told)
        except Exception as error:  # noqa: BLE001  raised by the driver
            _tell(told, _portable(error))


def _carry_out(heard: BinaryIO, told: BinaryIO) -> None:
    address, workers, gpu_share, batches = pickle.load(heard)
    with tempfile.TemporaryDirectory(prefix="layerscope-") as folder:
        later, begun, enough = Later(os.path.join(folder, "order")), threading.Event(), threading.Event()
        # Before Ray is there, which may take long: the driver shall not wait to be heard, nor die unnoticed.
        threading.Thread(target=_listen, args=(heard, later, begun, enough), daemon=True).start()
        with ray_start.connected(address) as ray:
            begun.set()
            order = later if address is None else Given(later.wait())  # a cluster does not see this folder
            for rows in answers(ray, workers, gpu_share, order, batches):
                if rows:
                    _tell(told, rows)
                if enough.is_set():
                    break
            _tell(told, DONE)


def _listen(heard: BinaryIO, later: Later, begun: threading.Event, enough: threading.Event) -> None:
    """Leave the order for the actors, then end this process where it may not end by itself."""
    with suppress(EOFError, pickle.UnpicklingError):  # the second in the middle of an order
        while (message := pickle.load(heard)) != ENOUGH:
            later.leave(message)
        enough.set()
        if os.path.exists(later.path):
            heard.read()  # as long as the driver lives: it waits, and ends this process where it must
    begun.wait(BEGIN)  # a Ray that is half begun would leave processes behind
    os.kill(os.getpid(), signal.SIGTERM)  # as `terminate` does: Ray is stopped in good order
    time.sleep(STOP)
    os._exit(1)


def _tell(told: BinaryIO, message: object) -> None:
    pickle.dump(message, told)
    told.flush()


def _portable(error: Exception) -> Exception:
    """One that can be raised where Ray is not imported, with the place where it happened."""
    if not isinstance(error, ExplainError):
        said, where = f"{type(error).__name__}: {error}", traceback.format_exc()
        error = RuntimeError(f"Ray: {said}")
        error.add_note(where)
    return error


if __name__ == "__main__":
    main()
