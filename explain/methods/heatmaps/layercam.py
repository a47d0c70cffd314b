from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from explain.probe.probing import Probe


def layercam(probe: Probe, *, signed: bool = False) -> np.ndarray:
    """LayerCAM

    Like Grad-CAM, with a weight for each place: its slope where that is positive. Fine enough for early
    layers, where other CAMs are noise.

    signed: keep places below zero as well, where the layer's answers are negative

    Source: Jiang et al. 2021, "LayerCAM: Exploring hierarchical class activation maps for localization".
    """
    heat = np.einsum("bhwc,bhwc->bhw", np.maximum(probe.slopes, 0), probe.maps)
    return heat if signed else np.maximum(heat, 0)                             # (b, h, w)
