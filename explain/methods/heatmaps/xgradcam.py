from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from explain.probe.probing import Probe


def xgradcam(probe: Probe, *, signed: bool = False) -> np.ndarray:
    """XGrad-CAM

    Like Grad-CAM, but a channel's slopes count most where the channel answers most, so that the weights
    add up better to the score itself.

    signed: keep what speaks against the class as well, as negative numbers

    Source: Fu et al. 2020, "Axiom-based Grad-CAM: Towards accurate visualization and explanation of CNNs",
    with slopes weighted by the share of the channel's answer; a channel whose answers sum to 0 has weight 0.
    """
    maps = probe.maps
    sums = maps.sum(axis=(1, 2))                                               # (b, c)
    together = np.einsum("bhwc,bhwc->bc", probe.slopes, maps)                  # (b, c)
    weights = np.divide(together, sums, out=np.zeros_like(sums), where=sums != 0)
    heat = np.einsum("bc,bhwc->bhw", weights, maps)                            # (b, h, w)
    return heat if signed else np.maximum(heat, 0)
