"""The nouns: frozen, numbers only, no colour and no screen.

Letters: H W the uploaded picture, h w a map inside the network, c channels, K classes, b batch,
n items. A `key` is a digest of content, never an identity and never a file name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

frozen = dataclass(frozen=True, eq=False)          # arrays do not compare, so nouns do not either


class Shown:
    """What shows itself in a notebook. How it looks is decided by `explain.report.notebook`."""

    def _repr_html_(self) -> str:
        from explain.report import notebook

        return notebook.html(self)

    def _repr_png_(self) -> bytes | None:
        from explain.report import notebook

        return notebook.png(self)


@frozen
class Image:
    """A picture as it was uploaded: upright, never resized.

    key: SHA-256 of shape and pixels, hex; pixels: (H, W, 3) uint8 RGB; name: for people only.
    """

    key: str
    pixels: np.ndarray
    name: str = "image"


@frozen
class Notice:
    """Something to know about a model or a result that is no refusal.

    code: stable, W_…, in the README's table; sentence: what was found, why, and what to do.
    """

    code: str
    sentence: str


@frozen
class Inspection:
    """What the inspection of a file found out. The file itself is not needed any more.

    digest: SHA-256 of the upload, hex; kind: "keras", "hdf5", "weights" or "graph"; path: the canonical
    copy, written by us; labels: names of the classes that came with it; notices: what was repaired.
    """

    digest: str
    kind: str
    path: str
    labels: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()


@frozen
class Layer:
    """One call of one layer.

    name: its path, "body/conv" when nested, "body/conv#2" when the layer is called a second time;
    kind: the class name; shape: output without the batch, None where free; parameters: how many
    numbers it learnt; map_shape: (h, w, c) as which its answer can be looked at, its own shape or the
    grid that its tokens form, () where it is no map; note: what to know about that map.
    """

    name: str
    kind: str
    shape: tuple[int | None, ...]
    parameters: int = 0
    map_shape: tuple[int | None, ...] = ()
    note: str = ""

    @property
    def has_map(self) -> bool:
        """Whether the output is a map: height, width, channels, more than one place in it."""
        return len(self.map_shape) == 3 and self.map_shape[:2] != (1, 1)


@frozen
class Output:
    """One output of a network.

    head: "softmax", "sigmoid" (several labels), "binary" (one sigmoid unit: two classes) or
    "linear"; classes: K; note: where the score is taken, when that needs saying.
    """

    name: str
    head: str
    classes: int
    note: str = ""


@frozen
class Model(Shown):
    """An opened network. `network` is None where it lives in a worker.

    key: digest of architecture and weights; input_shape: (h, w, C); scaling: a name of
    `explain.scaling`; scaling_note: why this scaling; labels: K names or (); layers in the order
    in which their outputs are made; default_layer: the one that `layer=None` means; notices: what
    to know about it (repaired, NaN in the weights, …).
    """

    key: str
    name: str
    input_shape: tuple[int, int, int]
    layers: tuple[Layer, ...]
    outputs: tuple[Output, ...]
    scaling: str
    labels: tuple[str, ...] = ()
    default_layer: str | None = None
    scaling_note: str = ""
    about: str = ""
    notices: tuple[Notice, ...] = ()
    network: Any = field(default=None, repr=False)

    def label(self, class_index: int) -> str:
        """The name of a class, or 'class 7' where the model has no names."""
        return self.labels[class_index] if class_index < len(self.labels) else f"class {class_index}"


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
class Detection:
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
class CheckUp:
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
