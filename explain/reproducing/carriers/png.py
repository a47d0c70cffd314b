"""A manifest in a text chunk of a PNG (PNG 3rd edition, 11.3.3)."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

from explain.reproducing.carriers.limits import (
    MANIFEST_BYTES,
    Damaged,
    bounded,
    inflated,
)

KEYWORD = b"manifest.json\0"
MOST_CHUNKS = 1_000_000  # encoders write pieces of some KB


def manifest(path: Path) -> bytes | None:
    """Its text, None where no chunk has that keyword. Pixels are passed over. Damaged, OSError."""
    size = os.path.getsize(path)
    with path.open("rb") as file:
        file.seek(8)
        for _ in range(MOST_CHUNKS):
            head = file.read(8)
            if len(head) < 8 or head[4:] == b"IEND":
                return None
            length, kind = struct.unpack(">I4s", head)
            if file.tell() + length + 4 > size:
                raise Damaged("it ends in the middle of a chunk")
            if kind in (b"iTXt", b"zTXt", b"tEXt") and length >= len(KEYWORD):
                found = _text(file, kind, length)
                if found is not None:
                    return found
            else:
                file.seek(length + 4, os.SEEK_CUR)
    raise Damaged(f"it has more than {MOST_CHUNKS:,} chunks")


def _text(file: BinaryIO, kind: bytes, length: int) -> bytes | None:
    """The text of the chunk that begins here; None, and the file is behind it, where it has another keyword."""
    keyword = file.read(len(KEYWORD))
    if keyword != KEYWORD:
        file.seek(length - len(KEYWORD) + 4, os.SEEK_CUR)
        return None
    if length > MANIFEST_BYTES:
        raise Damaged(f"its manifest is larger than {MANIFEST_BYTES >> 20} MB")
    data = file.read(length - len(KEYWORD))
    if file.read(4) != struct.pack(">I", zlib.crc32(kind + keyword + data)):
        raise Damaged("the checksum of its manifest is wrong")
    if kind == b"tEXt":
        return data
    if kind == b"zTXt":
        return inflated(data[1:])
    compressed = data[:1] == b"\1"
    _language, mark, rest = data[2:].partition(b"\0")
    _translated, other, text = rest.partition(b"\0")
    if not (mark and other):
        raise Damaged("its manifest ends in the middle")
    return inflated(text) if compressed else bounded(text)
