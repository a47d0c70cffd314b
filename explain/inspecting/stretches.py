"""A stretch of a file, read where it lies: a whole file, or a member of a zip that is stored unpacked.

Keras does not pack the weights in a .keras file, so half a gigabyte need not be written out to be read.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple


class Stretch(NamedTuple):
    """`length` bytes of the file `path` from byte `start`."""

    path: Path
    start: int
    length: int

    @classmethod
    def whole(cls, path: Path) -> Stretch:
        return cls(path, 0, path.stat().st_size)

    def open(self) -> io.RawIOBase:
        """A file object of these bytes alone, to read and to seek in."""
        return _Window(self)


class _Window(io.RawIOBase):
    def __init__(self, stretch: Stretch) -> None:
        super().__init__()
        self._file = stretch.path.open("rb")
        self._start, self._length, self._at = stretch.start, stretch.length, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:
        left = max(0, self._length - self._at)
        self._file.seek(self._start + self._at)
        count = self._file.readinto(memoryview(buffer).cast("B")[:left])
        self._at += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()
