"""Nouns as they are written in JSON: what is no number becomes null, and whole texts keep to 80 columns."""

from __future__ import annotations

import dataclasses
import json
import math
import textwrap
from typing import Any

WIDTH = 80


def json_of(document: Any) -> str:
    """Nouns, tuples and numbers as one JSON text."""
    return json.dumps(plain(document), indent=2, ensure_ascii=True, allow_nan=False)


def plain(value: Any) -> Any:
    """A noun as a dictionary of its fields, a number that is not finite as None, tuples as lists."""
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def paragraph(title: str, text: str, indent: int = 14) -> str:
    """'title         text', wrapped behind the title."""
    room = " " * indent
    lines = textwrap.wrap(text, WIDTH, initial_indent=room, subsequent_indent=room, break_on_hyphens=False)
    first = (lines or [room])[0][indent:]
    return "\n".join(
        [title.ljust(indent) + first if len(title) < indent else f"{title}\n{room}{first}", *lines[1:]]
    )


def shortened(name: str, most: int) -> str:
    """A long name without its middle: 'sequential/…/block_16_project'."""
    if len(name) <= most:
        return name
    end = (most - 1) * 2 // 3
    return f"{name[: most - 1 - end]}…{name[-end:]}"
