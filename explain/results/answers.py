"""What one network answers to one picture."""

from __future__ import annotations

from dataclasses import field
from typing import Any

import numpy as np

from explain.results.basics import Shown, frozen
from explain.results.networks import Notice


@frozen
class Prediction(Shown):
    """probability: 0..1 (NaN where the head gives none); score: y^c, before softmax or sigmoid."""

    class_index: int
    label: str
    probability: float
    score: float


@frozen
class Maps(Shown):
    """What one layer answered to one picture.

    values: (h, w, c) float32, raw activations; notices: why there is nothing to see in them.
    """

    layer: str
    values: np.ndarray
    image: str = ""
    notices: tuple[Notice, ...] = ()


@frozen
class Heatmap(Shown):
    """Where the network looked, in the layer's own size.

    layer: its path, "" where the method looks at the pixels and not at a layer; values: (h, w) float32,
    not normalised; score: y^c; note: why it is blank, flat or not finite, or "" when there is nothing to
    say; notices: the same with codes; image, model: their keys; options: the method's knobs; facts:
    figures that the method found beside the map, {"completeness_gap": 0.01}.
    """

    layer: str
    class_index: int
    label: str
    score: float
    probability: float
    method: str
    values: np.ndarray
    note: str = ""
    image: str = ""
    model: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()
    facts: dict[str, float] = field(default_factory=dict)

    @property
    def signed(self) -> bool:
        """Whether numbers below zero speak against the class: colours are then centred on zero."""
        return bool(self.options.get("signed", False))


@frozen
class Pattern(Shown):
    """What one channel would like to see.

    pixels: (H, W, 3) float32 in 0..1; scores: (steps,) float32, the channel's mean activation
    along the ascent; note: why it is grey when it is.
    """

    layer: str
    channel: int
    pixels: np.ndarray
    scores: np.ndarray
    method: str = ""
    note: str = ""
    notices: tuple[Notice, ...] = ()


@frozen
class Verdict(Shown):
    """What a trust check found for one heatmap.

    passed: whether it beat its random baseline; value, baseline: the figures compared.
    """

    check: str
    passed: bool
    value: float
    baseline: float
    sentence: str
