from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from explain.probe.probing import Probe


def hirescam(probe: Probe, *, signed: bool = False) -> np.ndarray:
    """HiResCAM

    Where the layer's answers themselves raised the score: slope times answer, place by place, with no mean
    over places in between. It shows only what the network used; Grad-CAM may spread it.

    signed: keep what speaks against the class as well, as negative numbers

    Source: Draelos and Carin 2020, "Use HiResCAM instead of Grad-CAM for faithful explanations of
    convolutional neural networks"; what is below zero is left out unless signed.
    """
    heat = np.einsum("bhwc,bhwc->bhw", probe.slopes, probe.maps)               # (b, h, w)
    return heat if signed else np.maximum(heat, 0)
