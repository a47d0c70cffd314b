"""What is found out by many questions: likeness, scaling, the state of a network."""

from __future__ import annotations

import numpy as np

from explain.results.basics import Shown, frozen
from explain.results.networks import Notice, Output


@frozen
class Similarity:
    """How alike two maps are. See `explain.similarity`.

    spearman: rank correlation of the cells, −1..1; ssim: structural similarity, −1..1; top_k: intersection
    over union of the hottest cells, 0..1; share: of the cells that count as hottest; notices: why the figures
    are NaN where they are.
    """

    spearman: float
    ssim: float
    top_k: float
    share: float = 0.1
    notices: tuple[Notice, ...] = ()


@frozen
class Grams:
    """How alike each layer of one model finds every two of n photos. See `explain.similarity.linear_cka`.

    layers: L names, in the order in which their answers are made; values: (L, n, n) float32, centred linear
    Gram matrices; images, model: their keys.
    """

    layers: tuple[str, ...]
    values: np.ndarray
    images: tuple[str, ...]
    model: str = ""

    def of(self, layer: str) -> np.ndarray:
        """(n, n) of one layer."""
        return self.values[self.layers.index(layer)]


@frozen
class Fingerprints:
    """A digest of each layer's weights: equal where two models have the same numbers.

    layers: names of those that have weights; digests: SHA-256, hex, one for each; model: its key.
    """

    layers: tuple[str, ...]
    digests: tuple[str, ...]
    model: str = ""


@frozen
class ScalingTrial:
    """What a network answered to photos under one scaling.

    classes, confidences, entropies: one for each photo: the top class, its probability, and the entropy as a
    share of the largest possible (0 certain, 1 nothing recognised); agreement: share of photos that keep
    their top class when mirrored or darkened; told_apart: how much the answer depends on the photo, 0..1;
    misfit: how far the photos miss what the first batch normalisation met in training; accuracy: share
    of the photos named rightly. NaN where it is not known.
    """

    scaling: str
    classes: tuple[int, ...]
    confidences: tuple[float, ...]
    entropies: tuple[float, ...]
    agreement: float
    told_apart: float
    misfit: float = float("nan")
    accuracy: float = float("nan")

    @property
    def confidence(self) -> float:
        """The mean over the photos."""
        return float(np.mean(self.confidences))

    @property
    def entropy(self) -> float:
        """The mean over the photos."""
        return float(np.mean(self.entropies))


@frozen
class Detection(Shown):
    """Which scaling a network was trained with, as far as photos tell.

    present: the scaling the model is open with; recommended: a name of `explain.scaling`, "" where nothing
    speaks for one; certainty: "good", "weak" or "none"; sentence: the evidence, for people; possible:
    all that the evidence leaves; trials: one for each scaling; images: keys of the photos.
    """

    present: str
    recommended: str
    certainty: str
    sentence: str
    possible: tuple[str, ...]
    trials: tuple[ScalingTrial, ...]
    images: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()


@frozen
class LayerCheck:
    """What is wrong with one layer, by numbers of its channels.

    filters: how many it has, 0 for a layer without weights of that kind; channels: of its answer; dead:
    filters whose weights are all 0; duplicates: groups of equal or proportional ones; silent: channels that
    answered one and the same to everything that was tried.
    """

    layer: str
    kind: str
    filters: int
    channels: int
    dead: tuple[int, ...] = ()
    duplicates: tuple[tuple[int, ...], ...] = ()
    silent: tuple[int, ...] = ()


@frozen
class CheckUp(Shown):
    """What the doctor found out about a model.

    parameters: how many numbers it learnt; explainable: layers with a map that lead to the first output;
    default_layers: one for each output, None where there is none; not_finite: {layer: (how many weights are
    not finite, of how many)}; layers: one for each that has filters, a map to explain, or silent channels;
    tried: the pictures that the answers were tested on, in words; notices: the findings, the gravest first.
    """

    model: str
    name: str
    input_shape: tuple[int, int, int]
    outputs: tuple[Output, ...]
    scaling: str
    scaling_note: str
    parameters: int
    explainable: tuple[str, ...]
    default_layers: tuple[str | None, ...]
    layers: tuple[LayerCheck, ...]
    not_finite: dict[str, tuple[int, int]]
    tried: tuple[str, ...]
    notices: tuple[Notice, ...] = ()
