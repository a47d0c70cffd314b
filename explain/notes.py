"""Why a map is blank, flat or not finite: no empty picture without a sentence."""

from __future__ import annotations

import numpy as np


def heatmap_note(values: np.ndarray, maps: np.ndarray, slopes: np.ndarray) -> str:
    """values (h, w), maps and slopes (h, w, c) → why `values` cannot be read as it is, or ""."""
    wrong = values.size - int(np.isfinite(values).sum())
    if wrong:
        culprit = "activations" if not np.isfinite(maps).all() else "slopes"
        return (
            f"{wrong} of {values.size} places are not finite, because the {culprit} of this layer are not: "
            "they are shown as 0. Look for NaN in the weights, or compute in float32."
        )
    low, high = float(values.min()), float(values.max())
    if low < high:
        return ""
    if high != 0:
        return f"Flat: every place has the same value, {high:.3g}. The layer does not tell places apart here."
    if not np.any(slopes):
        return (
            "Blank: the score of this class does not change with this layer. Either the layer is not "
            "connected to this output, or everything after it is silent for this picture."
        )
    if not np.any(maps):
        return "Blank: the layer answers 0 everywhere to this picture, so there is nothing to weigh."
    return (
        "Blank: all evidence in this layer speaks against the class, and Grad-CAM keeps only what speaks "
        "for it. Try the class that the network prefers, or an earlier layer."
    )


def pattern_note(scores: np.ndarray) -> str:
    """scores (steps,) → why the picture stayed grey, or ""."""
    if not np.isfinite(scores).all():
        return "The channel's answer is not finite: look for NaN in the weights."
    if len(scores) > 1 and np.ptp(scores) == 0:
        return (
            "The channel never changed its answer while climbing. It is dead, or the layers before it are "
            "silent on this start: try another seed, or a larger picture."
        )
    return ""
