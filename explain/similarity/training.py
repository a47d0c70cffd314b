"""One network over its training: what each checkpoint says, where it looks, and what has changed in it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from explain.errors import Cancelled, OptionError
from explain.results import (
    Fingerprints,
    Grams,
    Heatmap,
    Image,
    Model,
    Prediction,
    frozen,
)
from explain.similarity.pairing import match_layers
from explain.similarity.representations import FEWEST, cka_matrix

ENDINGS, WEIGHTS = (".keras", ".h5", ".hdf5"), (".weights.h5",)  # of whole models, and of weights alone

Progress = Callable[[int, int, Any], bool | None]


@frozen
class State:
    """What one checkpoint shows. name: the file's; heatmap: with score and probability of the class that was
    asked for; guess: its own first guess; grams: of the photos, None where none were given."""

    name: str
    model: Model
    heatmap: Heatmap
    guess: Prediction
    fingerprints: Fingerprints
    grams: Grams | None = None


@frozen
class Block:
    """Layers whose names begin alike. layers: how many have weights; unchanged: how many of them hold the
    same in all checkpoints; changes: for each checkpoint how many differ from the one before, 0 for the
    first."""

    name: str
    layers: int
    unchanged: int
    changes: tuple[int, ...]

    @property
    def frozen(self) -> bool:
        """Whether training left the whole block alone."""
        return self.unchanged == self.layers


def checkpoints(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    image: Image,
    class_index: int | str | None = None,
    layer: str | None = None,
    method: str = "gradcam",
    images: Sequence[Image] = (),
    on_progress: Progress | None = None,
    **opening: Any,
) -> tuple[State, ...]:
    """The same photo, layer and class in every checkpoint of a training, in the natural order of the names.

    paths: a folder of checkpoints (see `checkpoint_files`), or files that `explain.load` opens;
    class_index: None is the first guess of the last checkpoint; images: 2 to 64 photos to compare layers on,
    or none; opening: further arguments of `explain.load`. Opened by `explain.workers` one after the other,
    the last first; on_progress(done, in all, the new State), and False from it ends with Cancelled. Raises
    what opening a file raises, OptionError, LayerError, ClassError.
    """
    from explain import workers

    if isinstance(paths, (str, os.PathLike)):
        paths = checkpoint_files(paths)
    if not paths:
        raise OptionError("Expected at least one checkpoint, received none.")
    ordered = sorted(map(os.fspath, paths), key=natural)
    found: dict[str, State] = {}
    for path in [ordered[-1], *ordered[:-1]]:
        state = look(
            workers.load(path, **opening), os.path.basename(path), image, class_index, layer, method, images
        )
        class_index = state.heatmap.class_index
        found[path] = state
        if on_progress and on_progress(len(found), len(ordered), state) is False:
            raise Cancelled("Looking at the checkpoints was stopped.")
    return tuple(found[path] for path in ordered)


def checkpoint_files(folder: str | os.PathLike[str]) -> tuple[str, ...]:
    """The checkpoints of a folder, in the natural order of their names: .keras, .h5 and .hdf5 files, and
    SavedModel folders. Hidden ones and weights without a model are left out. OptionError where none is.
    """
    if not os.path.isdir(folder):
        raise OptionError(f"Expected a folder of checkpoints, received '{os.fspath(folder)}'.")
    found = [os.path.join(folder, name) for name in os.listdir(folder) if is_checkpoint(name)]
    found += [
        os.path.join(folder, name)
        for name in os.listdir(folder)
        if os.path.isfile(os.path.join(folder, name, "saved_model.pb"))
    ]
    if not found:
        raise OptionError(
            f"The folder '{os.fspath(folder)}' holds no checkpoint: expected are {', '.join(ENDINGS)} files, "
            "as ModelCheckpoint(save_weights_only=False) writes them, or SavedModel folders."
        )
    return tuple(sorted(found, key=natural))


def is_checkpoint(name: str) -> bool:
    """Whether a file is called as a whole model is."""
    known = name.lower().endswith(ENDINGS) and not name.lower().endswith(WEIGHTS)
    return known and not name.startswith(".")


def look(
    model: Model,
    name: str,
    image: Image,
    class_index: int | str | None = None,
    layer: str | None = None,
    method: str = "gradcam",
    images: Sequence[Image] = (),
) -> State:
    """One checkpoint, open already: here, or in a worker. Its heatmap is computed from the photo alone, and
    not from what is remembered, so that the same bits can be made again."""
    if model.network is None:
        from explain import workers as face
        from explain.workers import fingerprints, grams
    else:
        from explain import jobs as face
        from explain.representations import fingerprints, grams
    return State(
        name=name,
        model=model,
        heatmap=face.heatmap(model, image, method, layer, class_index, fresh=True),
        guess=face.predict(model, image, 1)[0],
        fingerprints=fingerprints(model),
        grams=grams(model, images) if images else None,
    )


def natural(name: str) -> tuple:
    """A key to sort names by: "epoch-2" comes before "epoch-10"."""
    return tuple((1, int(p), "") if p.isdecimal() else (0, 0, p) for p in re.split(r"(\d+)", name.casefold()))


def alike_to_last(states: Sequence[State]) -> tuple[tuple[str, ...], np.ndarray]:
    """(layers of the last checkpoint, CKA with it (states, layers)); NaN where a layer has no counterpart."""
    last = states[-1]
    if last.grams is None:
        raise OptionError("Expected checkpoints that were looked at with photos, received none.")
    debiased = len(last.grams.images) >= FEWEST
    found = np.full((len(states), len(last.grams.layers)), np.nan)
    for row, state in zip(found, states, strict=True):
        pairs = match_layers(state.model, last.model, state.grams.layers, last.grams.layers)
        both = cka_matrix(state.grams.values, last.grams.values, debiased) if pairs else None
        for i, j in pairs:
            row[j] = both[i, j]
    return last.grams.layers, found


def blocks(states: Sequence[State], block_of: Callable[[str], str] | None = None) -> tuple[Block, ...]:
    """Which parts training left alone, and which it changed, grouped by the beginning of the layers' names.

    Only layers that stand in every checkpoint. block_of: name of a layer → name of its part; the folder, or
    the first word, where None.
    """
    digests = [dict(zip(s.fingerprints.layers, s.fingerprints.digests, strict=True)) for s in states]
    common = [name for name in digests[-1] if all(name in each for each in digests)]
    grouped: dict[str, list[str]] = {}
    for name in common:
        grouped.setdefault((block_of or _block_of)(name), []).append(name)
    return tuple(_block(block, names, digests) for block, names in grouped.items())


def _block(name: str, layers: list[str], digests: list[dict[str, str]]) -> Block:
    changes = [sum(now[n] != before[n] for n in layers) for before, now in pairwise(digests)]
    unchanged = sum(len({each[n] for each in digests}) == 1 for n in layers)
    return Block(name, len(layers), unchanged, (0, *changes))


def _block_of(name: str) -> str:
    folder, _, last = name.rpartition("/")
    return folder or last.split("_")[0]
