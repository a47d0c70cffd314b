"""Why a result is blank, flat, negative or not finite, and what to try: no empty picture without a sentence.

Numbers go in, notices come out. What the numbers alone cannot tell, whether a layer is connected at all or
which weights are broken, is asked of `Circumstances`, and only where it matters.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from explain.blanks import SATURATED, Circumstances, of_layer, of_pixels, saturated
from explain.results import Notice

# Every code of a notice in this package, with its title. `explain.errors` has those of refusals.
CODES = {
    "W_ALL_NEGATIVE": "All evidence speaks against the class",
    "W_BATCH_NORM": "A batch normalisation is out of order",
    "W_BLANK": "The map is blank",
    "W_DEAD_FILTER": "Filters whose weights are all zero",
    "W_DEAD_LAYER": "A layer that answers 0 everywhere",
    "W_DUPLICATE_FILTERS": "Filters that look for the same",
    "W_FLAT": "The same value at every place",
    "W_GRAPH_SWITCH": "A switch of the graph was set to 'in use'",
    "W_HEAD_CONSTANT": "The answer does not depend on the picture",
    "W_INCOMPLETE": "The parts do not add up to the whole",
    "W_LABELS": "The labels do not fit the classes",
    "W_LABELS_UNREADABLE": "The labels beside the model cannot be read",
    "W_NOT_CONNECTED": "The layer does not lead to the chosen output",
    "W_NOT_FINITE": "Numbers that are not finite",
    "W_NO_MAP": "No layer has places to show",
    "W_NO_SLOPE": "A step holds the slopes back",
    "W_OUTPUT_NOT_FINITE": "The outputs are not finite",
    "W_PATTERN_SILENT": "The channel never changed its answer",
    "W_REPAIRED": "An old configuration was brought up to date",
    "W_SATURATED": "A probability of 1 to the last digit",
    "W_SCALING_GUESSED": "The scaling is a guess",
    "W_SCALING_SUSPECTED": "The scaling may be wrong",
    "W_SILENT_CHANNELS": "Channels that answered the same to all that was tried",
    "W_SILENT_HEAD": "Everything after the layer is silent",
    "W_UNTRAINED": "The weights are random",
    "W_WEIGHTS_NOT_FINITE": "Weights that are not finite",
}  # fmt: skip

UNIFORM = 0.97  # of the largest possible entropy: nothing was recognised
GAP = 0.05  # of the whole that integrated gradients may miss


def joined(notices: tuple[Notice, ...]) -> str:
    """Their sentences as one text."""
    return " ".join(notice.sentence for notice in notices)


def heatmap_notices(
    values: np.ndarray,
    maps: np.ndarray | None,
    slopes: np.ndarray | None,
    scores: np.ndarray,
    probabilities: np.ndarray,
    class_index: int,
    around: Circumstances,
) -> tuple[Notice, ...]:
    """values (h, w), maps and slopes (h, w, c), scores and probabilities (K,) → why `values` cannot be read
    as they are. () where nothing is in the way. Maps and slopes are read of a layer only, and only where
    `values` are blank or not finite."""
    wrong = values.size - int(np.isfinite(values).sum())
    if wrong and not around.layer:
        return _not_finite(wrong, values.size, "scores or slopes of this picture", around)
    if wrong:
        culprit = "activations" if not np.isfinite(maps).all() else "slopes"
        return _not_finite(wrong, values.size, f"{culprit} of this layer", around)
    low, high = float(values.min()), float(values.max())
    found = ()
    if low == high:
        blank = partial(of_layer, maps, slopes) if around.layer else of_pixels
        found = (_flat(high, around) if high else blank(scores, class_index, around), *_broken(around))
    elif saturated(scores, class_index, around):
        found = (
            Notice("W_SATURATED", "Not to be relied on: " + SATURATED.format(score=scores[class_index])),
        )
    return found + _suspected(probabilities, around)


def incomplete(facts: dict[str, float]) -> tuple[Notice, ...]:
    """For a heatmap whose parts should sum to a difference of scores, and miss more than GAP of it."""
    missed = facts.get("completeness_gap_relative", 0.0)
    if missed <= GAP:
        return ()
    sentence = (
        f"The parts of this map miss {missed:.0%} of the difference between the scores of the picture and of "
        "what it is compared with. Raise the steps (option 'steps')."
    )
    return (Notice("W_INCOMPLETE", sentence),)


def maps_notices(values: np.ndarray, around: Circumstances) -> tuple[Notice, ...]:
    """values (h, w, c): what a layer answered → why there is nothing to see in it."""
    wrong = values.size - int(np.isfinite(values).sum())
    if wrong:
        return _not_finite(wrong, values.size, "activations of this layer", around)
    if not values.any():
        sentence = f"Layer '{around.layer}' answers 0 everywhere to this picture."
        found = Notice("W_DEAD_LAYER", f"{sentence} Look at an earlier layer, or try another picture.")
        return (found, *_broken(around))
    return (_flat(float(values.max()), around), *_broken(around)) if values.min() == values.max() else ()


def pattern_notices(
    scores: np.ndarray, dead: Callable[[], bool], broken: Callable[[], str]
) -> tuple[Notice, ...]:
    """scores (steps,) → why the picture stayed grey. dead() → whether the filter's weights are all zero."""
    if not np.isfinite(scores).all():
        wrong = int((~np.isfinite(scores)).sum())
        bad = f"The channel's answer is not finite in {wrong} of {len(scores)} steps."
        return (Notice("W_NOT_FINITE", f"{bad} {_where(broken())}"),)
    if len(scores) < 2 or np.ptp(scores) > 0:
        return ()
    if dead():
        sentence = "The filter is dead: all its weights are 0, so it gives the same answer to every picture."
        return (Notice("W_DEAD_FILTER", f"{sentence} Choose another."),)
    sentence = (
        "The channel never changed its answer while climbing: it is dead, or silent on this start, and what "
        "is silent has no slope to climb. Try another seed, or a larger picture."
    )
    return (Notice("W_PATTERN_SILENT", sentence),)


def scaling_notices(present: str, recommended: str, possible: tuple[str, ...]) -> tuple[Notice, ...]:
    """For a model that is open with another scaling than the photos speak for."""
    if not recommended or present in possible:
        return ()
    sentence = (
        f"The model is open with '{present}', the photos speak for '{recommended}': open it with that one."
    )
    return (Notice("W_SCALING_SUSPECTED", sentence),)


def nearly_uniform(probabilities: np.ndarray) -> bool:
    """(K,) → whether all classes are about equally likely."""
    many = len(probabilities)
    if many < 2 or not np.isfinite(probabilities).all() or not 0.99 < probabilities.sum() < 1.01:
        return False
    return float(-(probabilities * np.log(np.maximum(probabilities, 1e-30))).sum()) > UNIFORM * np.log(many)


def _flat(value: float, around: Circumstances) -> Notice:
    where = "layer" if around.layer else "method"
    sentence = f"Flat: every place has the same value, {value:.3g}."
    return Notice("W_FLAT", f"{sentence} The {where} does not tell places apart here. Try another {where}.")


def _not_finite(wrong: int, size: int, culprit: str, around: Circumstances) -> tuple[Notice, ...]:
    first = f"{wrong} of {size} places are not finite, because the {culprit} are not: "
    first += "they are shown as 0."
    broken = _broken(around)
    return (Notice("W_NOT_FINITE", first if broken else f"{first} {_where('')}"), *broken)


def _broken(around: Circumstances) -> tuple[Notice, ...]:
    """A ReLU turns NaN into 0: broken weights may be behind what is blank as well."""
    broken = around.broken()
    return (Notice("W_WEIGHTS_NOT_FINITE", _where(broken)),) if broken else ()


def _where(broken: str) -> str:
    if broken:
        bad = f"The weights of layer '{broken}' hold NaN or infinite numbers"
        return f"{bad}: train again, or take an earlier checkpoint."
    return (
        "No weight is NaN or infinite, so numbers grow too large on the way: compute in float32, or look at "
        "the scaling."
    )


def _suspected(probabilities, around: Circumstances) -> tuple[Notice, ...]:
    if not around.guessed or not nearly_uniform(probabilities):
        return ()
    sentence = (
        f"The network finds all {len(probabilities)} classes about equally likely, and its scaling is a "
        "guess: it may be the wrong one. Compare the scalings on this photo."
    )
    return (Notice("W_SCALING_SUSPECTED", sentence),)
