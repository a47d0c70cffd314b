"""The numbers of then and now: the same bits, or by how much they differ, and what else does."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from explain.errors import OptionError
from explain.folders.files import npy
from explain.provenance import digest, surroundings, told
from explain.reproducing.box import Numbers
from explain.reproducing.recipes import Document, Recipe, shown
from explain.results import Heatmap, Maps, Pattern

Result = Heatmap | Maps | Pattern

SAME, DIFFERENT, MISSING = "same bits", "different", "not computed"


@dataclass(frozen=True)
class Outcome:
    """place: of the item, from 0; state: SAME, DIFFERENT or MISSING; sentence: for people; gap: the largest
    difference, as a share of the largest number, NaN where the numbers of then are not there; result: what was
    computed now, None where nothing was."""

    place: int
    item: Recipe
    state: str
    sentence: str
    gap: float = float("nan")
    result: Result | None = field(default=None, repr=False)
    values: np.ndarray | None = field(default=None, repr=False)

    @property
    def title(self) -> str:
        """Which item that is."""
        item = self.item
        parts = [item["image"]["path"] or item["image"]["name"]] if "image" in item else []
        parts += [item["layer"]] if item["layer"] else []
        parts += {
            "heatmap": lambda: [item["method"], item["label"] or f"class {item['class_index']}"],
            "maps": lambda: ["maps"],
            "pattern": lambda: [f"pattern of channel {item['channel']}"],
        }[item["job"]]()
        return ", ".join(shown(part) for part in parts)


def missing(place: int, item: Recipe, why: str) -> Outcome:
    return Outcome(place, item, MISSING, f"not computed: {shown(why, 400)}")


def compared(place: int, item: Recipe, result: Result, numbers: Numbers) -> Outcome:
    """The outcome of an item that could be computed."""
    try:
        values = values_of(item, result)
    except OptionError as error:
        return missing(place, item, str(error))
    gap, said = _numbers(item, values, numbers)
    said += _figures(item, result)
    if said:
        return Outcome(place, item, DIFFERENT, "; ".join(said), gap, result, values)
    return Outcome(place, item, SAME, SAME, 0.0, result, values)


def values_of(item: Recipe, result: Result) -> np.ndarray:
    """The numbers that a recipe tells of."""
    if isinstance(result, Pattern):
        return result.pixels
    if isinstance(result, Maps) and item["channels"] is not None:
        if max(item["channels"], default=0) >= result.values.shape[-1]:
            raise OptionError(f"There is no channel {max(item['channels'])} in layer '{result.layer}'.")
        return result.values[..., item["channels"]]
    return result.values


def _numbers(item: Recipe, values: np.ndarray, numbers: Numbers) -> tuple[float, list[str]]:
    """(gap, what is different about the numbers)."""
    then, file = item["values"], item["file"]
    if then is not None and then["sha256"] == digest(values):
        return 0.0, []
    if then is None and file is not None and file["sha256"] == hashlib.sha256(npy(values)).hexdigest():
        return 0.0, []  # format 1 knows the digest of the file only
    before = None
    if then is not None:
        before = numbers.of(then["sha256"], file and file["name"])
    elif file is not None:
        before = numbers.at(file["name"])
    if before is None:
        return float("nan"), [
            "other bits, by how much is unknown: the numbers of then are not beside the manifest"
        ]
    if before.shape != values.shape:
        return float("nan"), [f"another shape: {before.shape} then, {values.shape} now"]
    gap, largest = gap_of(before, values)
    return gap, [f"differs by at most {largest:.2g}, which is {gap:.2g} of the largest number"]


def gap_of(before: np.ndarray, now: np.ndarray) -> tuple[float, float]:
    """(largest difference as a share of the largest number of then, the difference itself)."""
    before, now = np.asarray(before, np.float64), np.asarray(now, np.float64)
    largest = float(np.abs(now - before).max(initial=0.0))
    span = float(np.abs(before).max(initial=0.0))
    return (largest / span if span else float(largest > 0)), largest


def _figures(item: Recipe, result: Any) -> list[str]:
    """Which of the recorded figures are others now."""
    now: dict[str, float] = {}
    if isinstance(result, Heatmap):
        now = _recorded(result) | result.facts
    elif isinstance(result, Pattern):
        now = _recorded(result)
    then = item["recorded"] | item.get("facts", {})
    return [
        f"{shown(name)} was {value:.9g}, is {now[name]:.9g}"
        if name in now
        else f"{shown(name)} was {value:.9g}, is unknown"
        for name, value in then.items()
        if now.get(name) != value
    ]


def _recorded(result: Result) -> dict[str, float]:
    if isinstance(result, Heatmap):
        return {"score": result.score, "probability": result.probability}
    return {"score": float(result.scores[-1])} if isinstance(result, Pattern) else {}


def recipe_of(outcome: Outcome) -> dict[str, Any]:
    """The item as a recipe of the numbers of now, for a manifest of format 2."""
    kept = {name: value for name, value in outcome.item.items() if name not in ("file", "recorded", "facts")}
    facts = {"facts": outcome.result.facts} if isinstance(outcome.result, Heatmap) else {}
    return {**kept, **_recorded(outcome.result), **facts, "values": told(outcome.values)}


def differences(document: Document, device: str | None = None) -> list[str]:
    """What is different here: versions, device, processor, settings. 'tensorflow 2.20.0 then, 2.21.0 now'."""
    then, now = document.surroundings, surroundings(device)
    found = _changed(then["versions"], now["versions"], "")
    if then["device"] and then["device"] != now["device"]:
        found.append(f"device {then['device']} then, {now['device']} now")
    found += _changed(then["processor"], now["processor"], "processor ")
    if document.format > 1:
        found += _changed(then["settings"], now["settings"], "setting ", both=True)
    return found


def _changed(then: dict[str, Any], now: dict[str, Any], kind: str, both: bool = False) -> list[str]:
    names = [*then, *(name for name in now if both and name not in then)]
    return [
        f"{kind}{shown(name)} {shown(then.get(name, 'unset'))} then, {shown(now.get(name, 'unset'))} now"
        for name in names if then.get(name) != now.get(name)
    ]  # fmt: skip
