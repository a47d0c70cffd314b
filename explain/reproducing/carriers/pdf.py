"""A manifest attached to a PDF as a file (ISO 32000-1, 7.11.4), as our writer attaches it.

This is no reader of PDF in general: objects inside compressed streams, and documents that are encrypted, are
not looked into.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from explain.reproducing.carriers.limits import Damaged, bounded, inflated, whole

NAME = b"(manifest.json)"
MOST_TRIES = 8  # places that name it: we write three
DICTIONARY = 4096  # bytes of one, at most

_FILE = re.compile(rb"/EF\s*<<\s*/F\s+(\d{1,9})\s+(\d{1,5})\s+R")
_LENGTH = re.compile(rb"/Length\s+(\d{1,10})\b(?!\s+\d+\s+R)")
_FILTER = re.compile(rb"/Filter\s*(\[?)\s*/(\w+)")
_STREAM = re.compile(rb"\bstream\r?\n")


def manifest(path: Path) -> bytes | None:
    """The attached file, None where there is none. Damaged, OSError."""
    data = whole(path)
    number = next(_numbers(data), None)
    if number is None:
        return None
    for head in re.finditer(rb"(?<!\d)%d\s+%d\s+obj\b" % number, data):
        begin = _STREAM.search(data, head.end(), head.end() + DICTIONARY)
        if begin and b"/EmbeddedFile" in data[head.end() : begin.start()]:
            return _stream(data, data[head.end() : begin.start()], begin.end())
    raise Damaged("the file that it names as its manifest is not in it")


def _numbers(data: bytes) -> Iterator[tuple[int, int]]:
    """Number and generation of the objects that hold the attached file."""
    at = -1
    for _ in range(MOST_TRIES):
        at = data.find(NAME, at + 1)
        if at < 0:
            return
        first = data.rfind(b" obj", max(0, at - DICTIONARY), at)
        last = data.find(b"endobj", at, at + DICTIONARY)
        found = _FILE.search(data, first, last) if 0 <= first < last else None
        if found:
            yield int(found[1]), int(found[2])


def _stream(data: bytes, told: bytes, begin: int) -> bytes:
    """The content of the stream that begins there; told: its dictionary."""
    length, how = _LENGTH.search(told), _FILTER.search(told)
    if length is None or (how and how[2] != b"FlateDecode"):
        raise Damaged("its manifest is written in another way than ours")
    content = data[begin : begin + int(length[1])]
    if not re.match(rb"\s{0,2}endstream", data[begin + int(length[1]) : begin + int(length[1]) + 11]):
        raise Damaged("its manifest ends in the middle")
    return inflated(content) if how else bounded(content)
