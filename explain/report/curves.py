"""Studies become views: how alike two networks see, layer by layer, and what a training changed.

A study is no single result, so its panels have no recipe: captions say which models and photos it is of, and
which function computes it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from explain.errors import OptionError
from explain.report import charts, facts
from explain.report.captions import FEW
from explain.report.facts import SHORT
from explain.report.nouns import Chart, Panel, View
from explain.report.texts import name
from explain.report.words import say
from explain.results import Image, Model
from explain.similarity import (
    ALIKE,
    FEWEST,
    Comparison,
    State,
    alike_to_last,
    best_matches,
    curve,
    first_below,
)

NAMED = 64  # photos that a caption names


def view_of_similarity(
    a: Model, b: Model, found: Comparison, images: Sequence[Image], title: str = "", **words: Any
) -> View:
    """Linear CKA along the layers of two models, with what chance gives.

    found: of `explain.similarity.compare_models(a, b, images)`; words: caption and remark as in `View`. Of
    models whose layers stand for each other, those pairs; of others each layer with the most alike one of
    the second, and every layer against every other as colours.

    OptionError for models or photos other than those of `found`, and where no layer has a figure.
    """
    if found.models != (a.key, b.key):
        raise OptionError("Expected the two models that were compared, in their order, received others.")
    if found.images != tuple(image.key for image in images):
        raise OptionError("Expected the photos that were compared, in their order, received others.")
    paired = bool(found.pairs)
    rows = curve(found) if paired else [(one, cka, chance) for one, _, cka, chance in best_matches(found)]
    if not rows:
        raise OptionError("No layer of these models has a figure: choose other photos, or more of them.")
    places, cka, chance = zip(*rows)
    below = first_below(cka)
    values = np.array([cka, chance], np.float32)
    chart = Chart(
        places, values, charts.extent(values, 0.0, 1.0), (say("curve.cka"), say("curve.chance")),
        (say("curve.layers"), ""), ALIKE, below,
    )  # fmt: skip
    first, second = name(a.name), name(b.name)
    known = {"count": len(places), "first": first, "second": second}
    alt = say("alt.similarity", low=_least(cka), high=_most(cka), **known)
    panels = [Panel("" if paired else say("curve.best"), charts.ends(chart), alt=alt, chart=chart)]
    if not paired:
        axes = (say("curve.matrix.of", model=first), say("curve.matrix.of", model=second))
        panels.append(_matrix(say("curve.matrix"), found.cka, axes, say("alt.matrix", **known)))
    told = [
        say("caption.similarity" if paired else "caption.similarity.best", photos=_photos(images), **known),
        say("caption.cka"),
        say("caption.debiased" if found.debiased else "caption.biased"),
        say("caption.chance"),
        _below(places, cka, below),
        say("caption.models", models="; ".join(map(_model, (a, b)))),
        say("caption.again", function="explain.similarity.compare_models"),
    ]
    return _view(title, panels, told, words)


def view_of_training(states: Sequence[State], image: Image, title: str = "", **words: Any) -> View:
    """Probability and score of one class over the checkpoints of a training.

    states: of `explain.similarity.checkpoints`, in their order; image: the photo that they were asked about.
    OptionError for no state, or another photo.
    """
    if not states or any(state.heatmap.image != image.key for state in states):
        raise OptionError("Expected checkpoints and the photo that they were looked at with.")
    places, last = tuple(state.name for state in states), states[-1].heatmap
    label = f"{name(last.label)} ({last.class_index})"
    panels = []
    for what in ("probability", "score"):
        values = np.array([[getattr(state.heatmap, what) for state in states]], np.float64)
        told = say(f"curve.{what}")
        limits = (0.0, 1.0) if what == "probability" else charts.extent(values)
        chart = Chart(places, values, limits, (told,), (say("curve.checkpoints"), ""))
        alt = say("alt.training", what=told, label=label, count=len(places))
        panels.append(Panel(told, charts.ends(chart), alt=alt, chart=chart))
    sentences = [
        say("caption.training", label=label, count=len(places), photos=_photos([image])),
        say("caption.models", models="; ".join(_checkpoint(state) for state in states)),
        say("caption.again", function="explain.similarity.checkpoints"),
    ]
    return _view(title, panels, sentences, words, columns=2)


def view_of_training_layers(
    states: Sequence[State], images: Sequence[Image], title: str = "", **words: Any
) -> View:
    """Linear CKA of every layer with the same layer of the last checkpoint, as colours: checkpoints upwards,
    layers from left to right. OptionError for checkpoints that were looked at with other photos, or none."""
    layers, values = alike_to_last(states)
    if states[-1].grams.images != tuple(image.key for image in images):
        raise OptionError("Expected the photos that the layers were compared on, received others.")
    axes = (
        say("curve.matrix.checkpoints", first=name(states[0].name), last=name(states[-1].name)),
        say("curve.layers"),
    )
    known = {"count": len(states), "layers": len(layers)}
    told = [
        say("caption.nearness", photos=_photos(images), **known),
        say("caption.cka"),
        say("caption.debiased" if len(images) >= FEWEST else "caption.biased"),
        say("caption.models", models="; ".join(_checkpoint(state) for state in states)),
        say("caption.again", function="explain.similarity.checkpoints"),
    ]
    return _view(title, [_matrix("", values, axes, say("alt.nearness", **known))], told, words)


def _matrix(title: str, values: np.ndarray, axes: tuple[str, str], alt: str) -> Panel:
    """Figures (rows, columns) as colours, the first row at the bottom, as on a chart; lying where it would be
    higher than wide. axes: what rows and columns are."""
    if values.shape[0] > values.shape[1]:
        values, axes = values.T, axes[::-1]
    told = say("curve.upwards", what=axes[0]), say("curve.across", what=axes[1])
    return Panel(title, told, None, np.ascontiguousarray(values[::-1], np.float32), (0.0, 1.0), alt=alt)


def _view(title: str, panels: list[Panel], told: list[str], words: dict[str, Any], columns: int = 1) -> View:
    unknown = set(words) - {"caption", "remark"}
    if unknown:
        raise OptionError(f"A view of a study has no look '{min(unknown)}': it has caption and remark.")
    label = say("curve.cka") if any(panel.values is not None for panel in panels) else ""
    caption = " ".join(filter(None, told))
    return View(title, tuple(panels), columns, colormap="viridis", smooth=False, label=label,
                **{"caption": caption, **words})  # fmt: skip


def _below(places: Sequence[str], cka: Sequence[float], below: int | None) -> str:
    if below is None:
        return say("caption.never_below", least=ALIKE)
    return say("caption.below", layer=name(places[below]), cka=cka[below], least=ALIKE, place=below + 1)


def _photos(images: Sequence[Image]) -> str:
    """Which they are; with the beginning of their digests where they are few."""
    if len(images) == 1:
        return say("caption.studied.one", name=name(images[0].name, 60), digest=images[0].key[:SHORT])
    few = len(images) <= FEW
    named = [name(image.name, 40) + (f" ({image.key[:SHORT]})" if few else "") for image in images[:NAMED]]
    more = ", …" if len(images) > NAMED else ""
    return say("caption.studied", count=len(images), names=", ".join(named) + more)


def _model(model: Model) -> str:
    return say("caption.model", model=name(model.name), digest=model.key[:SHORT], scaling=name(model.scaling))


def _checkpoint(state: State) -> str:
    return say("caption.checkpoint", name=name(state.name, 60), digest=state.model.key[:SHORT])


def _least(figures: Sequence[float]) -> float:
    return min((value for value in figures if facts.number(value) is not None), default=0.0)


def _most(figures: Sequence[float]) -> float:
    return max((value for value in figures if facts.number(value) is not None), default=0.0)
