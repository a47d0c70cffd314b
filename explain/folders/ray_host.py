"""The process in which Ray lives, beside the driver: `python -m explain.folders.ray_host`.

Pickles come in by stdin and go out by stdout:

    first in      (address or None, actors or None, a GPU's share for each, how many batches at most)
    then in       an `Order`, or none; then ENOUGH
    out           lists of rows as the actors answer, then DONE; or an exception, and nothing after it

Where stdin ends without ENOUGH the driver has died: so does this process, and Ray's with it.
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
from typing import BinaryIO

from explain.errors import ExplainError
from explain.folders import ray_start

ENOUGH, DONE = "enough", "done"
LONG = 5  # seconds for Ray to stop without the driver


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # Ray puts its own in its place, which does the same
    heard = sys.stdin.buffer
    with os.fdopen(os.dup(1), "wb") as told:
        os.dup2(2, 1)  # what Ray prints is no answer
        try:
            _carry_out(heard, told)
        except Exception as error:  # noqa: BLE001  raised by the driver
            _tell(told, _portable(error))


def _carry_out(heard: BinaryIO, told: BinaryIO) -> None:
    address, workers, gpu_share, batches = pickle.load(heard)
    with tempfile.TemporaryDirectory(prefix="layerscope-") as folder, ray_start.connected(address) as ray:
        from explain.folders import ray_actors  # meanwhile Ray's processes start

        later = ray_actors.Later(os.path.join(folder, "order"))
        enough = threading.Event()
        listener = threading.Thread(target=_listen, args=(heard, later, enough), daemon=True)
        listener.start()
        order = later
        if address is not None:  # its machines do not see this folder
            order = later.wait() and ray_actors.Given(later.wait())
        for rows in ray_actors.answers(ray, workers, gpu_share, order, batches) if order else ():
            if rows:
                _tell(told, rows)
            if enough.is_set():
                break
        _tell(told, DONE)


def _listen(heard: BinaryIO, later, enough: threading.Event) -> None:
    try:
        while (message := pickle.load(heard)) != ENOUGH:
            later.leave(message)
    except EOFError:
        os.kill(os.getpid(), signal.SIGTERM)  # as `terminate` does: Ray is stopped in good order
        time.sleep(LONG)
        os._exit(1)
    enough.set()
    if not os.path.exists(later.path):
        later.leave(None)


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
