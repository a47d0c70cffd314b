from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from explain.probe.probing import Probe


def gradcam(probe: Probe, *, signed: bool = False) -> np.ndarray:
    """Grad-CAM

    Where the layer found evidence for the class: its channels, weighted by how much the class
    score rises with each, and only what speaks for the class. Coarse when the layer is small.

    signed: keep what speaks against the class as well, as negative numbers

    Source: Selvaraju et al. 2017, "Grad-CAM: Visual explanations from deep networks via
    gradient-based localization", equations 1 and 2; the score is taken before the softmax.
    """
    weights = probe.slopes.mean(axis=(1, 2))                                   # (b, c)         eq. 1
    heat = np.einsum("bc,bhwc->bhw", weights, probe.maps)                      # (b, h, w)
    return heat if signed else np.maximum(heat, 0)                             # (b, h, w)      eq. 2
