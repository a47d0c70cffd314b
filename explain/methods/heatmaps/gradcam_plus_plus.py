from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from explain.probe.probing import Probe


def gradcam_plus_plus(probe: Probe, *, signed: bool = False) -> np.ndarray:
    """Grad-CAM++

    Like Grad-CAM, but each place has a weight of its own, so that several objects of the class, large and
    small, all show. Places where the score does not rise with a channel count for nothing.

    signed: keep places below zero as well, where the layer's answers are negative

    Source: Chattopadhay et al. 2018, "Grad-CAM++: Generalized gradient-based visual explanations for deep
    convolutional networks", with the weights of equation 19, for the exponential of the score; the
    exponential itself, one factor for the whole map, is left out.
    """
    slopes, sums = probe.slopes, probe.maps.sum(axis=(1, 2), keepdims=True)    # (b, h, w, c), (b, 1, 1, c)
    # g² / (2g² + ΣA · g³), counted where g > 0 only: the others are lost in the ReLU.
    below = 2 + sums * slopes
    uphill = (slopes > 0) & (below != 0)
    alphas = np.divide(1, below, out=np.zeros_like(slopes), where=uphill)      # (b, h, w, c)    eq. 19
    weights = np.einsum("bhwc,bhwc->bc", alphas, np.maximum(slopes, 0))        # (b, c)
    heat = np.einsum("bc,bhwc->bhw", weights, probe.maps)                      # (b, h, w)
    return heat if signed else np.maximum(heat, 0)                             # (b, h, w)
