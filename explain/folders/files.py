"""Whole files or none, also when the power goes: write, flush, sync, rename."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import threading
from collections.abc import Callable
from typing import IO, Any

import numpy as np

from explain.errors import NotWritten

PART = ".part"  # ends the name of a file that is being written


def write_whole(folder: str, name: str, data: bytes) -> dict[str, Any]:
    """{"name", "sha256", "bytes"} of a file in `folder`. NotWritten where it cannot be written."""
    write_stream(folder, name, lambda file: file.write(data))
    return {"name": name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}


def write_stream(folder: str, name: str, write: Callable[[IO[bytes]], Any]) -> None:
    """What `write(file)` writes, under another name, to the disk, and only then under its own."""
    target = os.path.join(folder, name)
    part = os.path.join(folder, f".{name}.{os.getpid()}-{threading.get_ident()}{PART}")
    try:
        try:
            with open(part, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, target)
        finally:
            remove(part)
    except OSError as error:
        raise cannot(target, error) from error


def npy(values: np.ndarray) -> bytes:
    """Any shape, as float32 in NPY."""
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(values, np.float32), allow_pickle=False)
    return file.getvalue()


def sync_folder(folder: str) -> None:
    """The names in it reach the disk too, where the system lets a folder be opened."""
    try:
        number = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EBADF, errno.EACCES):
            raise cannot(folder, error) from error
    finally:
        os.close(number)


def remove(path: str) -> None:
    """A file that may be gone already."""
    try:
        os.remove(path)
    except FileNotFoundError:
        pass


def remove_parts(folder: str) -> None:
    """What runs that were killed left half written."""
    if os.path.isdir(folder):
        with os.scandir(folder) as entries:
            left = [e.path for e in entries if e.name.startswith(".") and e.name.endswith(PART)]
        for path in left:
            remove(path)


def is_whole(folder: str, told: dict[str, Any]) -> bool:
    """Whether the file that `write_whole` told of is there, and is still the same."""
    path = os.path.join(folder, told["name"])
    try:
        if os.path.getsize(path) != told["bytes"]:
            return False
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == told["sha256"]
    except OSError:
        return False


def cannot(path: str, error: OSError) -> NotWritten:
    """The error to raise where `path` cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG):
        return NotWritten(
            f"'{path}' cannot be written: {error.strerror}. What is finished is kept: make room, then give the "
            "same command again."
        )
    return NotWritten(f"Expected a folder to write into, but '{path}' cannot be written: {error.strerror}.")
