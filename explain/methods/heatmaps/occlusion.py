from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from explain.probe.probing import Probe


def occlusion(
    probe: Probe, *, patch: float = 0.15, stride: float = 0.5, fill: str = "grey", signed: bool = True
) -> np.ndarray:
    """Occlusion

    How much the score falls when a patch of the picture is covered. It asks the network itself and needs no
    slopes, so it can be trusted where gradients are noisy; one pass for every place of the patch.

    Looks at: the pixels

    patch: side of the covered square, as a share of the picture's shorter side [0.05..1]
    stride: how far it moves on each time, as a share of its side [0.25..1]
    fill: what covers it [grey | black | white | blurred]
    signed: keep places whose covering raises the score as well, as negative numbers

    Source: Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks", section 4.2; a
    pixel shows the mean over all patches that covered it.
    """
    pixels, cover = probe.pixels[:, None], probe.emptied(fill)[:, None]        # (b, 1, h, w, C)
    h, w = pixels.shape[2:4]
    side = max(round(patch * min(h, w)), 1)
    step = max(round(stride * side), 1)
    rows, columns = (_squares(length, side, step) for length in (h, w))        # (y, h), (x, w) bool

    def covered(numbers):
        y, x = np.divmod(numbers, len(columns))
        masks = rows[y][:, :, None, None] & columns[x][:, None, :, None]       # (n, h, w, 1)
        return np.where(masks, cover, pixels)                                  # (b, n, h, w, C)

    scores = probe.scores_of(len(rows) * len(columns), covered)                # (b, y · x)
    falls = (probe.scores[:, None] - scores).reshape(-1, len(rows), len(columns))
    many = np.outer(rows.sum(axis=0), columns.sum(axis=0)).astype(np.float32)  # (h, w)
    heat = np.einsum("byx,yh,xw->bhw", falls, rows, columns, optimize=True) / many
    return heat if signed else np.maximum(heat, 0)


def _squares(length: int, side: int, step: int) -> np.ndarray:
    """(n, length) bool: where each patch lies along one side; the last ends with the picture."""
    starts = np.unique(np.append(np.arange(0, length - side, step), length - side))[:, None]
    places = np.arange(length)
    return (starts <= places) & (places < starts + side)
