"""The items of a manifest, checked field by field before anything is done with them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from explain.errors import OptionError
from explain.provenance import FORMAT
from explain.reproducing.box import Box

JOBS = {"heatmap": "heatmaps", "maps": "activations", "pattern": "patterns"}  # and their commands
MOST_ITEMS = 1_000_000
MOST_TOGETHER = 4096
LONGEST = 4096  # of a text

Recipe = dict[str, Any]


@dataclass(frozen=True)
class Document:
    """A manifest whose fields can be relied on.

    format: 1 or 2; items: recipes; models: {key: what is known of it}; arguments: the command's, {} where no
    command wrote it; surroundings: versions, device, processor, settings; damaged: why items were left out.
    """

    format: int
    items: tuple[Recipe, ...]
    models: dict[str, dict[str, Any]]
    arguments: dict[str, Any]
    surroundings: dict[str, Any]
    damaged: tuple[str, ...]


def read_document(box: Box) -> Document:
    """The manifest of a box. OptionError where it is none, or of a later format."""
    data = box.manifest()
    try:
        raw = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise OptionError(
            f"Expected a manifest in JSON, or an export that carries one, but {box.called} is none: "
            f"{str(error)[:100]}."
        ) from error
    if (
        not isinstance(raw, dict)
        or not isinstance(raw.get("items"), list)
        or type(raw.get("format")) is not int
    ):
        raise OptionError(
            f"Expected a manifest with 'format' and 'items', but {box.called} has other content."
        )
    if not 1 <= raw["format"] <= FORMAT:
        raise OptionError(
            f"Expected a manifest of format 1 to {FORMAT}, received {raw['format']}: use a later Layerscope."
        )
    if len(raw["items"]) > MOST_ITEMS:
        raise OptionError(
            f"Expected at most {MOST_ITEMS:,} items in a manifest, received {len(raw['items']):,}."
        )
    items, damaged, models = [], [], _models(raw)
    given = _format_1(raw, models) if raw["format"] == 1 else raw["items"]
    for number, item in enumerate(given):
        try:
            items.append(_checked(item, models))
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            what = f"'{error.args[0]}' is missing" if isinstance(error, KeyError) else str(error)
            damaged.append(f"item {number + 1}: {shown(what, 160)}")
    return Document(
        raw["format"], tuple(items), models, _dict(raw.get("arguments")), _surroundings(raw), tuple(damaged)
    )


def shown(text: Any, most: int = 80) -> str:
    """A stranger's text on one line of a terminal: nothing in it steers the terminal."""
    text = "".join(c if c.isprintable() else "·" for c in str(text)[: 4 * most])
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _models(raw: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = [m for m in _dict(raw.get("models")).values() if isinstance(m, dict)]
    found += [raw["model"]] if isinstance(raw.get("model"), dict) else []
    return {m["key"]: _model(m) for m in found if isinstance(m.get("key"), str)}


def _model(raw: dict[str, Any]) -> dict[str, Any]:
    shape = raw.get("input_shape")
    whole = (
        isinstance(shape, list) and len(shape) == 3 and all(type(n) is int and 0 < n <= 4096 for n in shape)
    )
    texts = {
        name: raw[name] if isinstance(raw.get(name), str) else "" for name in ("name", "scaling", "about")
    }
    return {"key": raw["key"], "input_shape": tuple(shape) if whole else None, **texts, "opened": _opened(raw)}


def _opened(raw: dict[str, Any]) -> str:
    """What else it was opened with, in words: only told, as code that is named here is never run."""
    told = _dict(raw.get("opened"))
    files = told.get("custom_objects")
    named = [shown(file) for file in files[:4]] if isinstance(files, list) else []
    said = [f"--custom-objects ({', '.join(named)})"] if named else []
    return " and ".join([*said, *(["--trusted"] if told.get("trusted") is True else [])])


def _checked(raw: Any, models: dict[str, dict[str, Any]]) -> Recipe:
    """A recipe whose fields have their types. KeyError, TypeError, ValueError."""
    if not isinstance(raw, dict) or raw.get("job") not in JOBS:
        raise ValueError("it is no recipe of a heatmap, of maps or of a pattern")
    key = raw["model"]
    if isinstance(key, dict):  # a recipe that stands alone
        models.setdefault(_text(key["key"]), _model(key))
        key = key["key"]
    if _text(key) not in models:
        raise ValueError("its model is not described")
    item = {
        "job": raw["job"],
        "model": key,
        "layer": _text(raw["layer"]),
        "values": _values(raw.get("values")),
    }
    item["file"] = _file(raw)
    item["recorded"] = {
        name: _number(raw[name]) for name in ("score", "probability") if raw.get(name) is not None
    }
    return item | {"heatmap": _heatmap, "maps": _maps, "pattern": _pattern}[raw["job"]](raw)


def _heatmap(raw: dict[str, Any]) -> Recipe:
    output = raw.get("output")
    return {
        "image": _image(raw["image"]), "class_index": _whole(raw["class_index"], 0, 2**31),
        "label": _text(raw.get("label") or ""), "output": None if output is None else _text(output),
        "method": _text(raw["method"]), "options": _options(raw["options"]),
        "facts": {_text(name): _number(value) for name, value in _dict(raw.get("facts")).items() if value is not None},
        "together": tuple(_text(key) for key in _list(raw.get("together") or [], MOST_TOGETHER)),
    }  # fmt: skip


def _maps(raw: dict[str, Any]) -> Recipe:
    channels = raw.get("channels")
    return {
        "image": _image(raw["image"]),
        "layers": tuple(_text(layer) for layer in _list(raw.get("layers") or [], MOST_TOGETHER)),
        "channels": None if channels is None else [_whole(c, 0, 2**31) for c in _list(channels, 2**20)],
    }


def _pattern(raw: dict[str, Any]) -> Recipe:
    return {
        "channel": _whole(raw["channel"], 0, 2**31), "method": _text(raw["method"]),
        "options": _options(raw["options"]), "steps": _whole(raw["steps"], 1, 2**31),
        "seed": _whole(raw["seed"], -(2**31), 2**31),
        "together": tuple(_whole(c, 0, 2**31) for c in _list(raw.get("together") or [], MOST_TOGETHER)),
    }  # fmt: skip


def _format_1(raw: dict[str, Any], models: dict[str, Any]) -> list[Any]:
    """Its items as recipes: they lack the digest of the numbers and the batch; the file's digest is there."""
    jobs = {command: job for job, command in JOBS.items()}
    job, args = jobs.get(str(raw.get("command"))), _dict(raw.get("arguments"))
    if job is None:
        raise OptionError(
            "Expected a manifest of heatmaps, activations or patterns; this one tells of something else."
        )
    key, layers = next(iter(models), ""), [_dict(item).get("layer") for item in raw["items"]]
    common = {
        "job": job,
        "model": key,
        **({"layers": layers} if job == "maps" else {"output": args.get("output")}),
    }
    return [{**common, **item} if isinstance(item, dict) else item for item in raw["items"]]


def _surroundings(raw: dict[str, Any]) -> dict[str, Any]:
    versions = {str(k): shown(v) for k, v in _dict(raw.get("versions")).items()}
    device = versions.pop("device", None) or raw.get("device") or ""  # in format 1 among the versions
    parts = {name: {str(k): v for k, v in _dict(raw.get(name)).items()} for name in ("processor", "settings")}
    return {"versions": versions, "device": shown(device), **parts}


def _image(raw: Any) -> Recipe:
    raw = _dict(raw)
    return {"key": _text(raw["key"]), "name": str(raw.get("name") or "")[:LONGEST],
            "path": str(raw.get("path") or "")[:LONGEST]}  # fmt: skip


def _values(raw: Any) -> Recipe | None:
    if raw is None:
        return None
    return {
        "sha256": _text(raw["sha256"]),
        "low": _number(raw.get("low", 0)),
        "high": _number(raw.get("high", 0)),
    }


def _file(raw: dict[str, Any]) -> dict[str, str] | None:
    """Where the numbers lie beside the manifest."""
    files = _dict(raw.get("files"))
    told = _dict(files.get("values") or files.get("pixels"))
    if not isinstance(told.get("name"), str) or not isinstance(told.get("sha256"), str):
        return None
    return {"name": told["name"][:LONGEST], "sha256": told["sha256"]}


def _options(raw: Any) -> dict[str, Any]:
    for name, value in raw.items():
        if not isinstance(value, (bool, int, float, str)) or len(str(value)) > LONGEST:
            raise ValueError(f"the option '{name}' is no number and no text")
    return dict(raw)


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST or not (value.isprintable() or not value):
        raise ValueError(f"a text is expected, received {str(value)[:60]!r}")
    return value


def _whole(value: Any, low: int, high: int) -> int:
    if type(value) is not int or not low <= value < high:
        raise ValueError(f"a whole number from {low} is expected, received {str(value)[:60]!r}")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"a number is expected, received {str(value)[:60]!r}")
    return float(value)


def _list(value: Any, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise ValueError(f"a list of at most {most:,} is expected")
    return value


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
