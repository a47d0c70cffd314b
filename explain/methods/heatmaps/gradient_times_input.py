from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from explain.probe.probing import Probe


def gradient_times_input(probe: Probe, *, signed: bool = True) -> np.ndarray:
    """Gradient × input

    How much each pixel, with the brightness it has, adds to the score: its slope times its value. Compared
    with a black picture, so black pixels add nothing; the same however the pixels are scaled for the
    network.

    Looks at: the pixels

    signed: keep what speaks against the class as well, as negative numbers

    Source: Shrikumar et al. 2016, "Not just a black box: Learning important features through propagating
    activation differences", with values counted from black.
    """
    heat = np.einsum("bhwc,bhwc->bhw", probe.input_slopes, probe.pixels.astype(np.float32))   # (b, h, w)
    return heat if signed else np.maximum(heat, 0)
