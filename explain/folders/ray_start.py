"""Ray, started on this machine or reached by address, and stopped again."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import secrets
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from explain.errors import OptionError

PACKAGE = Path(__file__).parents[1]
OLDEST = (2, 60)  # asks for its token by itself, so that a Ray of one's own answers to nobody else
TOKEN = Path("~/.ray/auth_token")  # where Ray looks for one
STORE_BYTES = 100_000_000  # paths and rows pass through it, never pictures
PATIENCE = 10  # seconds for a cluster to answer
SETTINGS = b"\4"  # the kind of a frame
GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + SETTINGS + bytes(5)


def check_installed() -> None:
    """OptionError where Ray is not installed, or too old."""
    missing = [name for name in ("ray", "pyarrow") if importlib.util.find_spec(name) is None]
    if missing:
        raise OptionError(
            "The engine 'ray' needs Ray, which is not installed here: pip install 'ray[data]', or leave "
            "--engine away to compute on this machine without it."
        )
    version = importlib.metadata.version("ray")
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        raise OptionError(
            f"The engine 'ray' needs Ray {OLDEST[0]}.{OLDEST[1]} or later, received {version}: "
            "pip install --upgrade 'ray[data]'."
        )


def address_here() -> str | None:
    """Of the Ray to which this process, a notebook's perhaps, is connected already; None without one."""
    ray = sys.modules.get("ray")
    return ray.get_runtime_context().gcs_address if ray and ray.is_initialized() else None


@contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """Ray, by address or started here, and then stopped again. OptionError where it cannot be."""
    import ray

    try:
        if address is not None:
            knock(address)
        else:
            keep_token_to_oneself()
        ray.init(**_where(address), log_to_driver=False, logging_level="ERROR")
    except (RuntimeError, ValueError, OSError, OverflowError, SystemExit) as error:  # the last: no token
        said = " ".join(str(error.__cause__ or error).split())[:200]
        where = f"reached at '{address}'" if address else "started on this machine"
        raise OptionError(f"Ray cannot be {where}. It says: {said or type(error).__name__}") from error
    if address is None:
        _without_monitors()
    try:
        yield ray
    finally:
        ray.shutdown()


def _without_monitors() -> None:
    """End the two helpers that a Ray of one machine has no use for: one asks for more machines, and is waited
    for at the end, the other collects what is printed. Where they are not found, nothing is lost but time."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            words = (folder / "cmdline").read_bytes().split(b"\0") if parent == os.getpid() else ()
            if any(word.endswith((b"/monitor.py", b"/log_monitor.py")) for word in words):
                os.kill(int(folder.name), signal.SIGKILL)


def keep_token_to_oneself() -> None:
    """A token where there is none, which only its owner may read: Ray's own file could be read by all."""
    if os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH"):
        return
    path = TOKEN.expanduser()
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with suppress(FileExistsError):
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(number, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32))


def knock(address: str) -> None:
    """OSError where nobody, or something else than Ray, answers at "host:port", which Ray would wait for.

    Both of its doors speak HTTP/2 (RFC 9113, 3.4): who is greeted answers with a frame of settings.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdecimal():
        return
    with socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE) as door:
        if os.environ.get("RAY_USE_TLS", "0") not in ("", "0"):  # speaks to those with a certificate only
            return
        door.sendall(GREETING)
        if door.recv(4)[3:] != SETTINGS:
            raise OSError("what answers there is no Ray.")


def environment() -> dict[str, str]:
    """What Ray's process inherits, and all that it starts: quiet, telling nobody, finding this package.

    A Ray of one's own listens on all addresses of the machine; the token that it has keeps others out.
    """
    path = os.pathsep.join(filter(None, [os.fspath(PACKAGE.parent), os.environ.get("PYTHONPATH")]))
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}
    return {**os.environ, **quiet, "PYTHONPATH": path}


def _where(address: str | None) -> dict[str, Any]:
    """What `ray.init` is told: a small Ray of one's own, or a cluster to which this package is sent."""
    if address is not None:
        return {"address": address, "runtime_env": {"py_modules": [os.fspath(PACKAGE)]}}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "address": "local", "num_cpus": cores, "object_store_memory": STORE_BYTES, "include_dashboard": False,
    }  # fmt: skip
