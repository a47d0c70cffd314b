"""Why a heatmap is blank: the first reason that holds, of a layer or of the pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from explain.results import Notice

SURE = 1e-6  # this close to 0 or 1 a probability has no slope left

SATURATED = (
    "the network gives only a probability here, and at {score:.6g} its softmax or sigmoid has no slope left. "
    "The score before it (the logit) has: save the network so that it ends with its softmax or sigmoid."
)


@dataclass(frozen=True)
class Circumstances:
    """What is known about a layer on its way to an output, or about the pixels (layer "").

    connected, sloped: as in `probe.reach`; instead: a layer on the way, or ""; logit: whether the score is
    taken before a softmax or sigmoid; guessed: whether the scaling is a guess; signed: whether a heatmap
    keeps what speaks against the class; broken() → the first layer whose weights are not finite, or "";
    constant() → whether noise and grey get the same answer; slopeless() → whether the pixels have no slope.
    """

    layer: str
    connected: bool = True
    sloped: bool = True
    instead: str = ""
    logit: bool = True
    guessed: bool = False
    signed: bool = False
    broken: Callable[[], str] = lambda: ""
    constant: Callable[[], bool] = lambda: False
    slopeless: Callable[[], bool] = lambda: False


def of_layer(maps, slopes, scores, class_index, around: Circumstances) -> Notice:
    """The first reason that holds for a map of zeros."""
    instead = (
        f" Choose a layer on its way, such as '{around.instead}'."
        if around.instead
        else " Choose another output."
    )
    if not around.connected:
        return Notice(
            "W_NOT_CONNECTED", f"Blank: layer '{around.layer}' is not connected to this output.{instead}"
        )
    if not np.any(maps):
        return Notice(
            "W_DEAD_LAYER",
            "Blank: the layer answers 0 everywhere to this picture, so there is nothing to weigh. "
            "Try an earlier layer, or another picture; the check-up tells whether the layer is ever awake.",
        )
    if not around.sloped:
        return Notice(
            "W_NO_SLOPE",
            "Blank: between this layer and the score lies a step without a slope (rounding, a comparison, a "
            f"held gradient), so no gradient comes back.{instead}",
        )
    if not np.any(slopes):
        return _no_slopes(scores, class_index, around)
    signed = np.einsum("c,hwc->hw", slopes.mean(axis=(0, 1)), maps)
    if signed.max() <= 0 and signed.min() < 0:
        best = int(np.argmax(scores))
        other = (
            f"explain the class that the network prefers ({best})"
            if best != class_index
            else "try an earlier layer"
        )
        return Notice(
            "W_ALL_NEGATIVE",
            "Blank: all evidence in this layer speaks against the class, and only what speaks for it is "
            f"kept. Show the signed map (option 'signed'), or {other}.",
        )
    sentence = (
        "Blank: what speaks for the class and what speaks against it cancel out here. Try another layer."
    )
    return Notice("W_BLANK", sentence)


def of_pixels(scores, class_index, around: Circumstances) -> Notice:
    """The first reason that holds for a map of zeros over the pixels."""
    if known := _unmoved(scores, class_index, around):
        return known
    if around.slopeless():
        return Notice(
            "W_NO_SLOPE",
            "Blank: the score of this class does not move with small changes of this picture: a step without "
            "a slope (rounding, a comparison) lies in the network, or it is silent for this picture. "
            "Occlusion asks without slopes: try it with larger patches, or another class.",
        )
    if not around.signed:
        return Notice(
            "W_ALL_NEGATIVE",
            "Blank: nothing in this picture speaks for the class, and only what speaks for it is kept. Show "
            "the signed map (option 'signed').",
        )
    return Notice(
        "W_BLANK",
        "Blank: nothing in this picture differs from what it is compared with, or its differences change "
        "nothing. Compare it with something else, or try another picture.",
    )


def _unmoved(scores, class_index, around: Circumstances) -> Notice | None:
    """For a score that cannot move: saturated, or the same whatever the picture."""
    if saturated(scores, class_index, around):
        return Notice("W_SATURATED", "Blank: " + SATURATED.format(score=scores[class_index]))
    if around.constant():
        where = "after this layer " if around.layer else ""
        return Notice(
            "W_HEAD_CONSTANT",
            "Blank: the score of this class does not change, whatever the picture: noise and grey get the "
            f"same answer. The weights {where}are 0, or silent for good: look into the check-up.",
        )
    return None


def _no_slopes(scores, class_index, around: Circumstances) -> Notice:
    """Why a connected layer that does answer has no slope."""
    return _unmoved(scores, class_index, around) or Notice(
        "W_SILENT_HEAD",
        "Blank: the score of this class does not change with this layer. It is connected, but everything "
        "after it is silent for this picture. Try a later layer, or another class.",
    )


def saturated(scores, class_index, around: Circumstances) -> bool:
    """Whether the score is itself a probability, and so near to 0 or 1 that it has no slope left."""
    score = scores[class_index]
    return (
        not around.logit
        and len(scores) > 1
        and abs(scores.sum() - 1) < 1e-3
        and min(abs(score), abs(1 - score)) < SURE
    )
