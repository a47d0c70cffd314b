"""The nouns: frozen, numbers only, no colour and no screen.

Letters: H W the uploaded picture, h w a map inside the network, c channels, K classes, b batch,
n items. A `key` is a digest of content, never an identity and never a file name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

frozen = dataclass(frozen=True, eq=False)          # arrays do not compare, so nouns do not either


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
    kind: the class name; shape: output without the batch, (h, w, c) for a map, None where free;
    parameters: how many numbers it learnt.
    """

    name: str
    kind: str
    shape: tuple[int | None, ...]
    parameters: int = 0

    @property
    def has_map(self) -> bool:
        """Whether the output is a map: height, width, channels, more than one place in it."""
        return len(self.shape) == 3 and not (self.shape[0] == 1 and self.shape[1] == 1)


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
class Model:
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
class Prediction:
    """probability: 0..1 (NaN where the head gives none); score: y^c, before softmax or sigmoid."""

    class_index: int
    label: str
    probability: float
    score: float


@frozen
class Maps:
    """What one layer answered to one picture. values: (h, w, c) float32, raw activations."""

    layer: str
    values: np.ndarray
    image: str = ""


@frozen
class Heatmap:
    """Where the network looked, in the layer's own size.

    values: (h, w) float32, not normalised; score: y^c; note: why it is blank, flat or not finite,
    or "" when there is nothing to say; notices: the same with codes; image, model: their keys;
    options: the method's knobs.
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


@frozen
class Pattern:
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
class Verdict:
    """What a trust check found for one heatmap.

    passed: whether it beat its random baseline; value, baseline: the figures compared.
    """

    check: str
    passed: bool
    value: float
    baseline: float
    sentence: str
