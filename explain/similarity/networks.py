"""Two models layer by layer, on the same photos."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from explain.errors import OptionError
from explain.results import Grams, Image, Model, frozen
from explain.similarity.pairing import match_layers
from explain.similarity.representations import FEWEST, chance, cka_matrix

ALIKE = 0.9  # of CKA: below it layers see clearly differently

Progress = Callable[[int, int, Any], bool | None]


@frozen
class Comparison:
    """How alike the layers of two models see the same photos: linear CKA.

    layers: names of the first model's, and of the second's; cka: (La, Lb) float32, NaN where a layer answers
    the same to every photo; chance: (La, Lb), what shuffled photos give at most; pairs: (i, j) of the layers
    that stand for each other, () for unlike architectures; debiased: whether the estimate is free of the bias
    of few photos; images, models: keys.
    """

    layers: tuple[tuple[str, ...], tuple[str, ...]]
    cka: np.ndarray
    chance: np.ndarray
    pairs: tuple[tuple[int, int], ...]
    debiased: bool
    images: tuple[str, ...]
    models: tuple[str, str] = ("", "")


def compare_models(
    a: Model,
    b: Model,
    images: Sequence[Image],
    layers: Sequence[str] | None = None,
    on_progress: Progress | None = None,
) -> Comparison:
    """Every layer of one model against every layer of the other, on the same 2 to 64 photos.

    a, b: opened here or by `explain.workers`; layers: names that both have, or None for all that answer
    something of their own. on_progress(layers done, in all, None), twice: for each model.
    Raises LayerError, OptionError, TooMuchMemory, Cancelled.
    """
    first = _grams(a, images, layers, on_progress)
    second = _grams(b, images, layers, on_progress)
    return compare_grams(first, second, match_layers(a, b, first.layers, second.layers))


def compare_grams(a: Grams, b: Grams, pairs: Sequence[tuple[int, int]] | None = None) -> Comparison:
    """The same from Gram matrices of the same photos. pairs: which layers stand for each other; those of
    equal names where None. Debiased from 4 photos on. OptionError for other photos."""
    if a.images != b.images:
        raise OptionError("Expected Gram matrices of the same photos in the same order.")
    if pairs is None:
        pairs = [(i, b.layers.index(name)) for i, name in enumerate(a.layers) if name in b.layers]
    debiased = len(a.images) >= FEWEST
    return Comparison(
        layers=(a.layers, b.layers),
        cka=cka_matrix(a.values, b.values, debiased).astype(np.float32),
        chance=chance(a.values, b.values, debiased).astype(np.float32),
        pairs=tuple((int(i), int(j)) for i, j in pairs),
        debiased=debiased,
        images=a.images,
        models=(a.model, b.model),
    )


def curve(found: Comparison) -> list[tuple[str, float, float]]:
    """(layer of the first model, CKA, chance) of the layers that stand for each other, from the input on."""
    return [(found.layers[0][i], float(found.cka[i, j]), float(found.chance[i, j])) for i, j in found.pairs]


def first_below(figures: Sequence[float], least: float = ALIKE) -> int | None:
    """Where the first figure below `least` stands, or None. What is not known (NaN) is passed over."""
    return next((i for i, figure in enumerate(figures) if figure < least), None)


def steepest(figures: Sequence[float]) -> int | None:
    """Where the figures fall the most from one that is known to the next, or None where they never do."""
    known = [(i, figure) for i, figure in enumerate(figures) if not math.isnan(figure)]
    falls = [(before - now, i) for (_, before), (i, now) in pairwise(known)]
    fall, place = max(falls, key=lambda each: each[0], default=(0.0, 0))
    return place if fall > 0 else None


def best_matches(found: Comparison) -> list[tuple[str, str, float, float]]:
    """(layer of the first model, the most alike one of the second, CKA, chance). Layers without any figure
    are left out."""
    matches = []
    for i, row in enumerate(found.cka):
        if not np.isnan(row).all():
            j = int(np.nanargmax(row))
            matches.append((found.layers[0][i], found.layers[1][j], float(row[j]), float(found.chance[i, j])))
    return matches


def _grams(model: Model, images: Sequence[Image], layers, on_progress: Progress | None) -> Grams:
    if model.network is None:
        from explain.workers import grams
    else:
        from explain.representations import grams
    return grams(model, images, layers, on_progress)
