"""What the recipes of a view say, as words: for captions and tables."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from explain.methods import shelf
from explain.report import scales
from explain.report.nouns import Panel, View
from explain.report.texts import name, visible
from explain.report.words import say

SHORT = 12  # letters of a digest in a sentence
HEATMAP, MAPS, PATTERN = ("heatmap", "heatmaps"), ("maps", "activations"), ("pattern", "patterns")


def method_title(method: str, folder: str = "heatmaps") -> str:
    """'Grad-CAM' for 'gradcam'; the name itself where the shelf does not have it."""
    known = shelf(folder)
    return known[method].title if method in known else name(method)


def number(value: Any) -> float | None:
    """A finite float, or None."""
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if usable else None


def extent(panel: Panel) -> tuple[float | None, float | None]:
    """The lowest and the highest finite number of a panel, (None, None) where there is none."""
    finite = () if panel.values is None else panel.values[np.isfinite(panel.values)]
    return (float(finite.min()), float(finite.max())) if len(finite) else (None, None)


def options_text(options: dict[str, Any] | None) -> str:
    """'signed = no, samples = 25'."""
    return ", ".join(f"{name(k)} = {_value(v)}" for k, v in (options or {}).items())


def rows(panel: Panel, view: View) -> dict[str, str]:
    """{what: its value} of one panel, in the order of a table; nothing that is not known."""
    recipe = panel.recipe or {}
    model, image = recipe.get("model") or {}, recipe.get("image") or {}
    job = recipe.get("job", "")
    folder = "patterns" if job in PATTERN else "heatmaps"
    label, index = recipe.get("label"), recipe.get("class_index")
    score, probability = number(recipe.get("score")), number(recipe.get("probability"))
    found = {
        "job": say(f"job.{'heatmap' if job in HEATMAP else 'maps' if job in MAPS else 'pattern'}")
        if job
        else "",
        "model": name(model.get("name", "")),
        "scaling": name(model.get("scaling", "")),
        "input": " × ".join(str(n) for n in model.get("input_shape", ())),
        "opened": _opened_text(model),
        "photo": name(image.get("name", "")),
        "layer": name(recipe["layer"]) or say("fact.pixels") if "layer" in recipe else "",
        "output": "" if recipe.get("output") is None else name(recipe["output"]),
        "class": "" if index is None else f"{name(label if label is not None else '')} ({index})",
        "channel": channels_text(recipe),
        "method": method_title(recipe["method"], folder) if recipe.get("method") else "",
        "options": options_text(recipe.get("options")),
        "steps": str(recipe.get("steps", "")),
        "seed": str(recipe.get("seed", "")),
        "score": "" if score is None or job not in HEATMAP else f"{score:.6g}",
        "activation": "" if score is None or job not in PATTERN else f"{score:.6g}",
        "probability": "" if probability is None else f"{probability:.2%}",
        "scale": "" if panel.values is None else scales.span(*scales.limits_of(panel, view)),
        "size": "" if panel.values is None else " × ".join(map(str, panel.values.shape)),
        "facts": ", ".join(f"{name(k)} = {_value(v)}" for k, v in (recipe.get("facts") or {}).items()),
        "model_key": str(model.get("key", "")),
        "image_key": str(image.get("key", "")),
        "values_key": str((recipe.get("values") or {}).get("sha256", "")),
    }
    return {key: visible(value) for key, value in found.items() if value}


def opened(model: dict[str, Any]) -> tuple[list[str], bool]:
    """(base names of the Python files that a model's own classes are in, whether it was opened uninspected)."""
    told = model.get("opened") or {}
    return [str(file) for file in told.get("custom_objects") or ()], bool(told.get("trusted"))


def _opened_text(model: dict[str, Any]) -> str:
    files, trusted = opened(model)
    said = [say("opened.custom_objects", files=", ".join(map(name, files)))] if files else []
    return "; ".join([*said, *([say("opened.trusted")] if trusted else [])])


def table(view: View) -> tuple[dict[str, str], list[str], list[dict[str, str]]]:
    """(what holds for all panels, the names of what differs, a row a panel with "panel" for its title).

    With one panel everything holds for all.
    """
    every = [rows(panel, view) for panel in view.panels]
    keys = list(dict.fromkeys(key for row in every for key in row))
    together = {k: every[0][k] for k in keys if len({row.get(k) for row in every}) == 1}
    differing = [k for k in keys if k not in together]
    listed = [
        {"panel": visible(panel.title), **{k: row[k] for k in differing if k in row}}
        for panel, row in zip(view.panels, every)
    ]
    return together, differing, listed if differing else []


def channels_text(recipe: dict[str, Any]) -> str:
    """'3' or '0, 4, 9' of a recipe that knows channels."""
    found = recipe.get("channels", recipe.get("channel"))
    if found is None:
        return ""
    return ", ".join(map(str, found)) if isinstance(found, (list, tuple)) else str(found)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return say("yes" if value else "no")
    return f"{value:.6g}" if isinstance(value, float) else name(value)
