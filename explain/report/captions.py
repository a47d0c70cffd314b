"""Sentences about a view, made of the recipes of its panels: what a reviewer has to know about a figure."""

from __future__ import annotations

from typing import Any

import numpy as np

from explain.report import facts, scales
from explain.report.facts import SHORT, number
from explain.report.nouns import Panel, View
from explain.report.texts import name, visible
from explain.report.words import say

FEW = 6  # panels whose numbers stand in the caption


def caption(view: View) -> str:
    """Model, layer, class, score, probability, method, options, scale, looks, and the photo's digest.

    What differs between panels is told panel by panel where there are few. One line of sentences; without
    recipes only what the view itself knows.
    """
    recipes = [panel.recipe for panel in view.panels if panel.recipe]
    parts = [
        _subject(recipes),
        *_numbers(view),
        _options(recipes),
        _scale(view),
        _photos(recipes),
        _blank(view),
    ]
    sentences = [f"{part[:1].upper()}{part[1:]}" for part in parts if part]
    return " ".join(each if each.endswith("…") else f"{each}." for each in sentences)


def alt(view: View) -> str:
    """The figure in words, for those who do not see it."""
    if len(view.panels) == 1:
        return visible(view.panels[0].alt or view.panels[0].title)
    titles = [name(panel.title, 40) for panel in view.panels[:FEW]]
    rest = ", …" if len(view.panels) > FEW else ""
    return say("alt.figure", count=len(view.panels), titles=", ".join(titles) + rest)


def where(values: np.ndarray) -> str:
    """In which ninth of the picture the largest number lies, in words; that a map is blank, where it is."""
    finite = np.where(np.isfinite(values), np.abs(values), 0)
    if not finite.any():
        return say("alt.blank")
    row, column = np.unravel_index(int(finite.argmax()), finite.shape)
    third = [min(2, 3 * (2 * i + 1) // (2 * n)) for i, n in zip((row, column), finite.shape)]
    return say("alt.hottest", place=say(f"place.{3 * third[0] + third[1]}"))


def _subject(recipes: list[dict[str, Any]]) -> str:
    """Which method, of which model, at which layer, for which class."""
    if not recipes:
        return ""
    job = recipes[0].get("job")
    methods = [facts.method_title(r.get("method", "")) for r in recipes if r.get("method")]
    layers = _each(name(r.get("layer", "")) for r in recipes)
    known = {
        "method": _each(methods, 12),
        "model": _each(name((r.get("model") or {}).get("name", "")) for r in recipes),
        "layer": layers,
    }
    if job not in facts.HEATMAP:
        said = say("caption.maps" if job in facts.MAPS else "caption.patterns", **known)
        channels = _each((facts.channels_text(r) for r in recipes), 12)
        key = "caption.channel" if channels.isdigit() else "caption.channels"
        return f"{said}, {say(key, channels=channels)}" if channels else said
    said = say("caption.heatmap" if layers else "caption.pixels", **known)
    classes = {(name(r.get("label", "")), r.get("class_index")) for r in recipes}
    if len(classes) > 1:
        return said
    label, index = classes.pop()
    return f"{said} {say('caption.class', label=label, index=index)}"


def _numbers(view: View) -> list[str]:
    """Score and probability of each panel."""
    told = [(panel, _score(panel)) for panel in view.panels]
    scored = [(panel, said) for panel, said in told if said]
    if not scored:
        return []
    if len({said for _, said in scored}) == 1:
        return [scored[0][1]]
    if len(scored) > FEW:
        return [say("caption.numbers")]
    return ["; ".join(f"{name(panel.title, 60)}: {said}" for panel, said in scored)]


def _score(panel: Panel) -> str:
    recipe = panel.recipe or {}
    if recipe.get("job") not in facts.HEATMAP:
        return ""
    score, probability = number(recipe.get("score")), number(recipe.get("probability"))
    said = [] if score is None else [say("caption.score", score=score)]
    if probability is not None:
        said.append(say("caption.probability", probability=probability))
    return ", ".join(said)


def _options(recipes: list[dict[str, Any]]) -> str:
    options = list(dict.fromkeys(filter(None, map(_settings, recipes))))
    return say("caption.options", options="; ".join(options[:FEW])) if options else ""


def _settings(recipe: dict[str, Any]) -> str:
    """The method's options, and how a pattern was climbed to."""
    climbed = {k: recipe[k] for k in ("steps", "seed") if recipe.get("job") in facts.PATTERN and k in recipe}
    return facts.options_text({**climbed, **(recipe.get("options") or {})})


def _scale(view: View) -> str:
    """The scale, and the looks that change what is seen."""
    panels = scales.coloured(view)
    if not panels:
        return ""
    limits = scales.shared(view)
    stated = scales.statement(view)
    said = [stated] if stated else []
    if limits:
        said.append(scales.span(*limits, key="scale.span" if stated else "scale.one"))
    colours = dict.fromkeys(scales.colormap_of(panel, view) for panel in panels)
    looks = [say("caption.colours", colormap=" / ".join(colours))]
    if any(panel.picture is not None for panel in panels):
        looks.append(say("caption.opacity", opacity=view.opacity))
    if view.threshold:
        looks.append(say("caption.threshold", threshold=view.threshold))
    if not view.smooth:
        looks.append(say("caption.cells"))
    first = ", ".join(said)
    return f"{first[:1].upper()}{first[1:]}. {', '.join(looks)}"


def _photos(recipes: list[dict[str, Any]]) -> str:
    images = {r["image"].get("key", ""): r["image"] for r in recipes if r.get("image")}
    if not images:
        return ""
    if len(images) > FEW:
        return say("caption.photos.many", count=len(images))
    named = [(name(image.get("name", ""), 60), str(key)[:SHORT]) for key, image in images.items()]
    if len(named) == 1:
        return say("caption.photo", name=named[0][0], digest=named[0][1])
    return say("caption.photos", names=", ".join(f"{title} ({digest})" for title, digest in named))


def _blank(view: View) -> str:
    blank = [p for p in view.panels if p.values is not None and not p.values[np.isfinite(p.values)].any()]
    if not blank:
        return ""
    return say("caption.blank", titles=", ".join(name(panel.title, 40) for panel in blank[:FEW]))


def _each(values, most: int = 4) -> str:
    """What is said of several panels, nothing twice."""
    found = list(dict.fromkeys(filter(None, values)))
    return ", ".join(found[:most]) + (", …" if len(found) > most else "")
