"""Other pictures in place of one: how many go through a network at once, and what stands for no content."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from explain.probe.network import Network

AT_ONCE = 16                       # pictures in one pass: more are no faster on a CPU, and cost memory
BYTES = 2**29                      # for what one pass with slopes holds
BLUR = 0.1                         # standard deviation, as a share of the side
EMPTY = {"black": 0, "grey": 128, "white": 255}


class Stopped(Exception):
    """Whoever asked does not want the rest: raised by `on_pass`, between two passes."""


def at_once(network: Network) -> int:
    """How many pictures a pass forth and back to the pixels takes, by the answers it holds: 1..AT_ONCE."""
    numbers = sum(int(np.prod([n or 1 for n in layer.shape])) for layer in network.layers)
    return int(np.clip(BYTES // max(2 * 4 * numbers, 1), 1, AT_ONCE))


def emptied(pixels: np.ndarray, fill: str) -> np.ndarray:
    """(b, h, w, C) uint8 → the same shape without content: black, grey, white, or blurred. Alpha stays.

    blurred: a Gaussian of BLUR of each side, at the border over what there is.
    """
    if fill in EMPTY:
        found = np.full_like(pixels, EMPTY[fill])
    else:
        rows, columns = (_gaussian(side) for side in pixels.shape[1:3])
        soft = np.einsum("yi,bijc,xj->byxc", rows, pixels.astype(np.float32), columns, optimize=True)
        found = np.clip(np.round(soft), 0, 255).astype(np.uint8)
    found[..., 3:] = pixels[..., 3:]
    return found


def _gaussian(side: int) -> np.ndarray:
    """(side, side) float32: row i weighs the places round i, its sum is 1."""
    away = np.arange(side)[:, None] - np.arange(side)
    weights = np.exp(-0.5 * (away / max(BLUR * side, 0.5)) ** 2)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
