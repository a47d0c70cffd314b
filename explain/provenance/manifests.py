"""One JSON document that lists recipes; also written item by item, for more of them than fit into memory."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable, Mapping
from typing import IO, Any

import numpy as np

from explain.provenance.surroundings import surroundings

FORMAT = 2  # a reader may rely on the fields of a format


def manifest(recipes: Iterable[Mapping[str, Any]], device: str | None = None, **more: Any) -> dict[str, Any]:
    """The document. more: further fields at its top, such as the command.

    device: where its numbers were computed; None for where its models compute, and where they do not tell,
    see `surroundings`. Models stand once under "models", by their keys; an item's "model" is that key.
    """
    models: dict[str, Any] = dict(more.pop("models", {}))
    items = [hoisted(recipe, models) for recipe in recipes]
    told = surroundings(_devices(models) if device is None else device)
    return {"format": FORMAT, **more, **told, "models": models, "items": items}


def enclosed(recipes: Iterable[Mapping[str, Any]], told: Mapping[str, Any] | None = None) -> bytes:
    """The manifest of a picture's recipes on one line, to travel inside it; b"" for none.

    told: what `surroundings` said, None to ask it. Where the photos lay is left out: others are sent the file.
    """
    models: dict[str, Any] = {}
    items = [hoisted(_without_paths(recipe), models) for recipe in recipes]
    if not items:
        return b""
    told = surroundings(_devices(models)) if told is None else told
    return line({"format": FORMAT, **told, "models": models, "items": items})


def _without_paths(recipe: Mapping[str, Any]) -> dict[str, Any]:
    image = recipe.get("image")
    if not isinstance(image, Mapping):
        return dict(recipe)
    return {**recipe, "image": {name: value for name, value in image.items() if name != "path"}}


def _devices(models: Mapping[str, Any]) -> str | None:
    """Where the models compute, each place once: a page does not compute itself, its workers do."""
    found = dict.fromkeys(model.get("device") for model in models.values())
    return "; ".join(filter(None, found)) or None


def hoisted(recipe: Mapping[str, Any], models: dict[str, Any]) -> dict[str, Any]:
    """The recipe with its model's key for the model, which goes into `models`."""
    model = recipe.get("model")
    if not isinstance(model, Mapping):
        return dict(recipe)
    models.setdefault(model["key"], dict(model))
    return {**recipe, "model": model["key"]}


def dumps(document: Mapping[str, Any]) -> bytes:
    """The document as JSON, UTF-8; each item stands on a line of its own."""
    file = io.BytesIO()
    write(file, document)
    return file.getvalue()


def write(file: IO[bytes], document: Mapping[str, Any]) -> None:
    """`dumps` into an open file. A value that is an iterator is written item by item, as a list."""
    lead = "{\n  "
    for name, value in document.items():
        file.write(_bytes(f"{lead}{json.dumps(name)}: "))
        lead = ",\n  "
        if isinstance(value, (Mapping, str)) or not isinstance(value, Iterable):
            text = json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False)
            file.write(_bytes(text.replace("\n", "\n  ")))
        else:
            _write_list(file, value)
    file.write(b"\n}\n")


def _write_list(file: IO[bytes], values: Iterable[Any]) -> None:
    lead = b"[\n    "
    for value in values:
        file.write(lead + line(value))
        lead = b",\n    "
    file.write(b"[]" if lead.startswith(b"[") else b"\n  ]")


def line(value: Any) -> bytes:
    """One value as JSON on one line, UTF-8."""
    return _bytes(json.dumps(plain(value), ensure_ascii=False, allow_nan=False))


def plain(value: Any) -> Any:
    """For JSON: what is not finite becomes null, tuples lists, numbers of numpy Python's own."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _bytes(text: str) -> bytes:
    # A file name may hold bytes that are no text; as an escape, JSON can still say them.
    return text.encode("utf-8", "backslashreplace")
