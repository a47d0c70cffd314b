from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from explain.probe.probing import Probe


def gradient(probe: Probe, *, signed: bool = False) -> np.ndarray:
    """Gradient

    Which pixels would change the score most if they changed a little: the classic saliency map. Fine as the
    picture itself, and often noisy, because it tells how sensitive the score is, not what it is made of.

    Looks at: the pixels

    signed: whether the score rises (above zero) or falls with brightness, instead of how much it moves

    Source: Simonyan, Vedaldi, Zisserman 2013, "Deep inside convolutional networks: Visualising image
    classification models and saliency maps", section 3.1: the colour with the steepest slope.
    """
    slopes = probe.input_slopes                                                # (b, h, w, C)
    steepest = np.abs(slopes).argmax(axis=-1)[..., None]
    heat = np.take_along_axis(slopes, steepest, axis=-1)[..., 0]               # (b, h, w)
    return heat if signed else np.abs(heat)
