"""What is asked about: pictures, files, networks and what they consist of."""

from __future__ import annotations

from dataclasses import field
from typing import Any

import numpy as np

from explain.results.basics import Shown, frozen


@frozen
class Image(Shown):
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
    to know about it (repaired, NaN in the weights, …); device: where it computes, "CPU, 8 cores"; opened: what
    else must be given to open its file again, {} for nothing: "custom_objects", base names of Python files, and
    "trusted".
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
    device: str = ""
    opened: dict[str, Any] = field(default_factory=dict)
    network: Any = field(default=None, repr=False)

    def label(self, class_index: int) -> str:
        """The name of a class, or 'class 7' where the model has no names."""
        return self.labels[class_index] if class_index < len(self.labels) else f"class {class_index}"
