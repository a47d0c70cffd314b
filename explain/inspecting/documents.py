"""The stored architecture: JSON, read so that its shape can harm nobody.

The depth is counted on the text before anything is built from it, and a name that stands twice in one
object is refused: two readers might believe different ones of the two.
"""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from explain.errors import BrokenModel, ModelTooLarge
from explain.inspecting.limits import CONFIG_BYTES, JSON_DEPTH, quoted, size

# A string, closed or not, is taken whole, so that no text makes this slower than its length.
STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
OTHERS = bytes(set(range(256)) - set(b"[]{}"))


def parse(text: bytes | str, what: str, name: str, most: int = CONFIG_BYTES) -> Any:
    """The value of a JSON text. `what` and `name` are for the sentence: 'config.json' of 'cats.keras'.

    NaN and Infinity are read, because Keras writes them. ModelTooLarge: longer than `most` bytes, or
    nested more than JSON_DEPTH levels; BrokenModel: no JSON, or a name twice in one object.
    """
    where = f"{what} of {quoted(name)}"
    data = text.encode() if isinstance(text, str) else text
    if len(data) > most:
        raise ModelTooLarge(f"{where} has {size(len(data))}; at most {size(most)} of configuration are read.")
    if _depth(data) > JSON_DEPTH:
        raise ModelTooLarge(
            f"{where} is nested more than {JSON_DEPTH} levels deep. An ordinary model needs about ten."
        )
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_once)
    except ValueError as error:         # of JSON, or of UTF-8
        raise BrokenModel(
            f"{where} is no JSON that can be read ({_reason(error)}). The file is damaged: fetch or save it "
            "again."
        ) from error


def without_compilation(config: Any) -> Any:
    """The same configuration without optimizers, losses and metrics, at every level: they are not needed
    to look at a model, and what is not there cannot be attacked."""
    if isinstance(config, dict):
        return {key: without_compilation(value) for key, value in config.items() if key != "compile_config"}
    if isinstance(config, list):
        return [without_compilation(value) for value in config]
    return config


def _depth(data: bytes) -> int:
    brackets = np.frombuffer(STRING.sub(b"", data).translate(None, delete=OTHERS), np.uint8)
    steps = np.where((brackets == ord("[")) | (brackets == ord("{")), 1, -1)
    return int(np.cumsum(steps).max(initial=0))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {quoted(twice)} stands twice in one object")
    return found


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos:,}"
    return "it is no text in UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)[:200]
