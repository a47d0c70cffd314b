"""The names of classes that came with a model: labels.txt, one per line, '0 cat' or 'cat'."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from explain.inspecting.limits import LABELS, LABELS_BYTES, quoted

if TYPE_CHECKING:
    from explain.results import Notice

FILE = "labels.txt"
NUMBERED = re.compile(r"(\d+)[\s:,]\s*(\S.*)")


def parse(text: bytes, name: str) -> tuple[tuple[str, ...], tuple[Notice, ...]]:
    """(names, notices). Names are () with a notice where the file cannot be used: it is no reason to
    refuse the model beside it."""
    from explain.results import Notice

    lines = []
    if len(text) <= LABELS_BYTES:
        try:
            lines = [line.strip() for line in text.decode("utf-8-sig").splitlines()]
        except UnicodeDecodeError:
            pass                                              # told below
    lines = [line for line in lines if line]
    if not lines or len(lines) > LABELS or not all(line.isprintable() for line in lines):
        sentence = (
            f"{quoted(name)} was not used: expected is a text in UTF-8 with the name of one class per line. "
            "The classes have numbers instead of names."
        )
        return (), (Notice("W_LABELS_UNREADABLE", sentence),)
    numbered = [NUMBERED.fullmatch(line) for line in lines]
    if all(numbered) and [int(match[1]) for match in numbered] == list(range(len(lines))):
        lines = [match[2] for match in numbered]
    return tuple(line[:200] for line in lines), ()
