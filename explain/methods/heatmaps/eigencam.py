from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from explain.probe.probing import Probe


def eigencam(probe: Probe, *, signed: bool = False) -> np.ndarray:
    """Eigen-CAM

    What the layer as a whole answers to most strongly: the one pattern of channels that explains most of
    its answers. No class is asked and no slope is needed, so it shows what stands out, not why a class.

    Looks at: a layer, whatever the class

    signed: keep places that answer the other way round as well, as negative numbers

    Source: Muhammad and Yeasin 2020, "Eigen-CAM: Class activation map using principal components": the
    answers, not centred, projected on their first singular vector. That has no sign of its own: here the
    map's mean is made positive.
    """
    b, h, w, c = probe.maps.shape
    maps = probe.maps.reshape(b, h * w, c).astype(np.float64)
    few = maps if h * w <= c else maps.transpose(0, 2, 1)                      # (b, n, m), n the smaller
    products = few @ few.transpose(0, 2, 1)                                    # (b, n, n)
    finite = np.isfinite(products).all(axis=(1, 2), keepdims=True)
    squares, vectors = np.linalg.eigh(np.where(finite, products, 0))
    first, length = vectors[..., -1], np.sqrt(np.maximum(squares[:, -1:], 0))  # (b, n), (b, 1)
    # Of the places the vector is the map but for its length; of the channels, maps are projected on it.
    heat = first * length if h * w <= c else np.einsum("bnc,bc->bn", maps, first)
    heat *= np.where(heat.sum(axis=1, keepdims=True) < 0, -1, 1)
    heat = np.where(finite[..., 0], heat, np.nan).reshape(b, h, w).astype(np.float32)
    return heat if signed else np.maximum(heat, 0)                             # (b, h, w)
