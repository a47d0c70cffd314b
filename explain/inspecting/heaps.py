"""The one damage in an HDF5 file that the library itself never returns from.

Long strings, a model's configuration among them, lie in global heaps: a header and a chain of objects, each
telling its length. A wrong length that leads back to the same place makes libhdf5 (1.14 and 2.0) walk in a
circle, with Python's lock held. So the chains are walked here before the library sees the file.

Source: HDF5 File Format Specification 3.0, section III.E, and superblocks in section II.A.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

from explain.errors import BrokenModel
from explain.inspecting.kinds import HDF5
from explain.inspecting.limits import quoted
from explain.inspecting.stretches import Stretch

HEAP = b"GCOL\x01"                                     # signature and version
WIDTHS = {0: 13, 1: 13, 2: 9, 3: 9}                  # superblock version → where the widths of numbers stand
HEADER = 16
MOST = 2**16                                         # objects of one heap: their numbers have 16 bits
BLOCK = 2**20


def check_heaps(stretch: Stretch, name: str) -> None:
    """BrokenModel when a chain of a global heap does not end where its header says.

    stretch: where an HDF5 file should lie.
    """
    with stretch.open() as file:
        head = file.read(24)
        if head[:8] != HDF5 or len(head) < 24:
            raise _damaged(name, "it does not begin like one")
        widths = WIDTHS.get(head[8], 0)
        if head[widths:widths + 2] != b"\x08\x08":
            raise _damaged(name, "its numbers are not 8 bytes wide")
        for heap in _heaps(file, stretch.length):
            if not _ends(file, heap, stretch.length):
                raise _damaged(name, f"the lengths in its heap at byte {heap:,} contradict each other")


def _heaps(file: io.RawIOBase, length: int) -> Iterator[int]:
    """Where heaps begin, or what looks like one."""
    for start in range(0, length, BLOCK):
        file.seek(start)
        block = file.read(BLOCK + len(HEAP) - 1)
        at = block.find(HEAP)
        while at >= 0:
            yield start + at
            at = block.find(HEAP, at + 1)


def _ends(file: io.RawIOBase, at: int, most: int) -> bool:
    header = _read(file, at, HEADER)
    end = at + struct.unpack_from("<Q", header, 8)[0] if len(header) == HEADER else most + 1
    if end > most:                                     # a cut file, or no heap: the library says so
        return True
    at += HEADER
    for _ in range(MOST):
        if at + HEADER > end:
            return True
        index, length = struct.unpack("<H6xQ", _read(file, at, HEADER))
        # Number 0 is the free rest, whose length counts its own header; the others are padded to 8.
        at += length if index == 0 else HEADER + -(-length // 8) * 8
        if at > end:
            return False
    return False                                       # a length of 0, for one, leads nowhere


def _read(file: io.RawIOBase, at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)


def _damaged(name: str, reason: str) -> BrokenModel:
    return BrokenModel(
        f"{quoted(name)} is a damaged HDF5 file: {reason}. Fetch the file or save the model again."
    )
