from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from explain.probe.probing import Probe


def smoothgrad(
    probe: Probe, *, samples: int = 32, noise: float = 0.15, seed: int = 0, signed: bool = False
) -> np.ndarray:
    """SmoothGrad

    The gradient, on average over copies of the picture with a little noise each: what is chance in a single
    gradient falls away, what lasts stays. One pass for each copy, so it takes its time.

    Looks at: the pixels

    samples: how many noisy copies [1..1024]
    noise: standard deviation of the noise, as a share of the picture's range of brightness [0..1]
    seed: which noise; the same for every picture [0..2147483647]
    signed: whether the score rises (above zero) or falls with brightness, instead of how much it moves

    Source: Smilkov et al. 2017, "SmoothGrad: removing noise by adding noise"; the colours as in
    Simonyan et al. 2013.
    """
    pixels = probe.pixels[:, None].astype(np.float32)                          # (b, 1, h, w, C)
    amounts = noise * np.ptp(pixels, axis=(1, 2, 3, 4), keepdims=True)         # (b, 1, 1, 1, 1)

    def noisy(numbers):
        each = (np.random.default_rng([seed, k]) for k in numbers)
        drawn = np.stack([one.standard_normal(pixels.shape[2:], np.float32) for one in each])
        return pixels + amounts * drawn                                        # (b, n, h, w, C)

    slopes = probe.mean_slopes(np.full(samples, 1 / samples), noisy)           # (b, h, w, C)
    steepest = np.abs(slopes).argmax(axis=-1)[..., None]
    heat = np.take_along_axis(slopes, steepest, axis=-1)[..., 0]               # (b, h, w)
    return heat if signed else np.abs(heat)
