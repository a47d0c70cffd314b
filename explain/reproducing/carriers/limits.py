"""How much is read and inflated of a stranger's file."""

from __future__ import annotations

import zlib
from pathlib import Path

MANIFEST_BYTES = 64 * 2**20  # of one manifest inside a file: tens of thousands of recipes
WHOLE_BYTES = 512 * 2**20  # of a file that has to be read as a whole


class Damaged(Exception):
    """Why a manifest that is there cannot be read, as the end of a sentence."""


def whole(path: Path) -> bytes:
    """The bytes of a file. Damaged where there are too many."""
    with path.open("rb") as file:
        data = file.read(WHOLE_BYTES + 1)
    if len(data) > WHOLE_BYTES:
        raise Damaged(f"it is larger than {WHOLE_BYTES >> 20} MB")
    return data


def inflated(data: bytes) -> bytes:
    """A zlib stream of at most MANIFEST_BYTES: no more memory than that is taken. Damaged for any other."""
    stream = zlib.decompressobj()
    try:
        found = stream.decompress(data, MANIFEST_BYTES + 1)
    except zlib.error as error:
        raise Damaged("its manifest cannot be decompressed") from error
    return bounded(found, stream.eof)


def bounded(found: bytes, complete: bool = True) -> bytes:
    """The same bytes. Damaged where they are too many, or not all."""
    if len(found) > MANIFEST_BYTES:
        raise Damaged(f"its manifest is larger than {MANIFEST_BYTES >> 20} MB")
    if not complete:
        raise Damaged("its manifest ends in the middle")
    return found
