"""A manifest in the element <script id="manifest"> of a page."""

from __future__ import annotations

import re
from pathlib import Path

from explain.reproducing.carriers.limits import Damaged, bounded, whole

# What stands between the tags of a script is taken as it is: there are no entities (HTML standard, 13.2.5.4).
_BEGIN = re.compile(
    rb"""<script\b[^<>]{0,200}?\sid\s*=\s*["']?manifest["']?(?=[\s>])[^<>]{0,200}>""", re.IGNORECASE
)
_END = re.compile(rb"</script", re.IGNORECASE)


def manifest(path: Path) -> bytes | None:
    """Its text, None where there is no such element. Damaged, OSError."""
    data = whole(path)
    begin = _BEGIN.search(data)
    if begin is None:
        return None
    end = _END.search(data, begin.end())
    if end is None:
        raise Damaged("its manifest ends in the middle")
    return bounded(data[begin.end() : end.start()])
