"""The real server in a process group of its own, and a look at its processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pages import APP


@dataclass(frozen=True)
class Server:
    """url: without a slash at its end; pid: of the page process."""

    url: str
    pid: int
    written: Path

    def log(self) -> str:
        return self.written.read_text("utf-8", "replace")


@contextmanager
def running(folder: Path, *options: str, **environment: str) -> Iterator[Server]:
    """`streamlit run dashboard/app.py`, started in `folder`, on a free port, until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "streamlit", "run", str(APP), "--server.headless=true", f"--server.port={port}",
        "--server.address=127.0.0.1", "--browser.gatherUsageStats=false", *options,
    ]  # fmt: skip
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    clean |= {"EXPLAIN_STANDBY": "0"} | environment  # one worker a model, so that it can be found
    with tempfile.NamedTemporaryFile("wb", suffix=".log") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=clean, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        server = Server(f"http://127.0.0.1:{port}", process.pid, Path(log.name))
        try:
            _wait(server, process)
            yield server
        finally:
            _end(process)


def _wait(server: Server, process: subprocess.Popen, patience: float = 60) -> None:
    until = time.monotonic() + patience
    while time.monotonic() < until:
        assert process.poll() is None, server.log()
        try:
            with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=5) as answer:
                assert answer.read() == b"ok"
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise AssertionError(f"The server did not answer within {patience} s:\n{server.log()}")


def _end(process: subprocess.Popen) -> None:
    """The server politely, then whatever is left of its group."""
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # all gone: as it should be
    process.wait(5)


def children(pid: int) -> list[int]:
    """The processes that this one started. Linux only."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(word) for file in found for word in file.read_text().split()]


def libraries(pid: int) -> set[str]:
    """The shared libraries that a process has loaded. Linux only."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return {line.split(maxsplit=5)[-1] for line in lines if ".so" in line}
