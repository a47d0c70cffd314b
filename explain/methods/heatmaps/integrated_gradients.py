from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from explain.probe.probing import Probe


def integrated_gradients(
    probe: Probe, *, steps: int = 64, baseline: str = "black", signed: bool = True
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Integrated gradients

    How much each pixel added to the score on the way from an empty picture to this one. The parts sum to the
    whole, the difference of the two scores, but for a gap that is measured and shrinks with more steps.

    Looks at: the pixels

    steps: pictures on the way, one pass each [1..1024]
    baseline: the empty picture that the way begins at [black | grey | white | blurred]
    signed: keep what speaks against the class as well, as negative numbers

    Source: Sundararajan, Taly, Yan 2017, "Axiomatic attribution for deep networks": the path integral by the
    Gauss-Legendre rule, which asks most often near both ends, where scores change fastest; completeness:
    proposition 1.
    """
    empty = probe.emptied(baseline)                                            # (b, h, w, C)
    start = empty.astype(np.float32)
    way = probe.pixels - start                                                 # (b, h, w, C)
    places, weights = np.polynomial.legendre.leggauss(steps)                   # on −1..1, weights sum to 2
    shares = ((places + 1) / 2).astype(np.float32)[:, None, None, None]

    def between(numbers):
        return start[:, None] + shares[numbers] * way[:, None]                 # (b, n, h, w, C)

    parts = way * probe.mean_slopes(weights / 2, between)                      # (b, h, w, C)
    total = parts.sum(axis=(1, 2, 3), dtype=np.float64)                        # (b,)
    rise = probe.scores.astype(np.float64) - probe.score(empty)                # (b,)
    gap, larger = np.abs(total - rise), np.maximum(np.abs(total), np.abs(rise))
    relative = np.divide(gap, larger, out=np.zeros_like(gap), where=larger != 0)
    heat = parts.sum(axis=-1)                                                  # (b, h, w)
    facts = {"completeness_gap": gap, "completeness_gap_relative": relative}
    return heat if signed else np.maximum(heat, 0), facts
