"""Rows on disk as they become ready. A line that was torn by a crash is not believed, the others are."""

from __future__ import annotations

import json
import os
import zlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from explain.errors import OptionError
from explain.folders.files import cannot, sync_folder
from explain.provenance import line

try:
    import fcntl
except ImportError:  # Windows: two runs at once are not noticed there
    fcntl = None

NAME = ".heatmaps.journal"
ABSENT = -1


class Journal:
    """The journal of a folder: a head, then a row on each line, behind its CRC-32.

    Only one run at a time has it open. Of several rows with one number the last believed one counts.
    """

    def __init__(self, folder: str, wanted: int):
        """wanted: how many rows there will be. OptionError where another run has it open, or for the folder."""
        self.path, self._folder = os.path.join(folder, NAME), folder
        self._offsets = array("q", [ABSENT]) * wanted
        try:
            self.is_new = not os.path.exists(self.path)
            self._file = open(self.path, "a+b", buffering=0)  # noqa: SIM115  closed by `close`
        except OSError as error:
            raise cannot(self.path, error) from error
        self._lock()

    def head(self) -> dict[str, Any] | None:
        """What the run was begun with; None where there is none that can be read."""
        self._file.seek(0)
        head = _parsed(self._file.readline())
        return head if head is not None and "n" not in head else None

    def begin(self, head: Mapping[str, Any]) -> None:
        """Nothing but this head."""
        try:
            self._file.truncate(0)
            self._write(_line_of(head))
            sync_folder(self._folder)
        except OSError as error:
            raise cannot(self.path, error) from error

    def mend(self) -> None:
        """A last line that has no end is cut off, so that the next row begins on a line of its own."""
        size = self._file.seek(0, os.SEEK_END)
        back = min(size, 1)
        while back < size and self._at(size - back, 1) != b"\n":
            back += 1
        if back > 1:
            self._file.truncate(size - back + 1)

    def rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """(offset, row) of every line that is whole, in the order of writing."""
        with open(self.path, "rb") as file:
            offset = len(file.readline())
            for text in file:
                row = _parsed(text)
                if row is not None and isinstance(row.get("n"), int) and 0 <= row["n"] < len(self._offsets):
                    yield offset, row
                offset += len(text)

    def believe(self, number: int, offset: int) -> None:
        self._offsets[number] = offset

    def has(self, number: int) -> bool:
        return self._offsets[number] != ABSENT

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """On the disk when it returns. NotWritten where it is full: what was there before remains."""
        offset = self._file.seek(0, os.SEEK_END)
        lines = [_line_of(row) for row in rows]
        try:
            self._write(b"".join(lines))
        except OSError as error:
            self._file.truncate(offset)  # frees what was taken, so this a full disk can do
            raise cannot(self.path, error) from error
        for row, text in zip(rows, lines):
            self.believe(row["n"], offset)
            offset += len(text)

    def in_order(self) -> Iterator[dict[str, Any]]:
        """The believed rows by their numbers, one at a time."""
        with open(self.path, "rb") as file:
            for offset in self._offsets:
                if offset != ABSENT:
                    file.seek(offset)
                    row = _parsed(file.readline())
                    if row is not None:
                        yield row

    def close(self) -> None:
        self._file.close()

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:  # unbuffered, so that nothing waits to be written later
            left = left[self._file.write(left) :]
        os.fsync(self._file.fileno())

    def _at(self, offset: int, count: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(count)

    def _lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise OptionError(
                f"Another run is writing into '{self._folder}'. Wait for its end, or choose another folder for --out."
            ) from error
        except OSError:  # a file system without locks: then nobody is kept out
            pass


def _line_of(value: Mapping[str, Any]) -> bytes:
    text = line(value)
    return b"%08x " % zlib.crc32(text) + text + b"\n"


def _parsed(text: bytes) -> dict[str, Any] | None:
    """The value of a line; None where it is torn or damaged."""
    crc, space, rest = text.partition(b" ")
    if not space or not rest.endswith(b"\n") or crc != b"%08x" % zlib.crc32(rest[:-1]):
        return None
    value = json.loads(rest)
    return value if isinstance(value, dict) else None
