"""What stands in a network's weights: numbers that are not finite, filters that are dead or there twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import keras
import numpy as np

SAME = 0.9999  # |cosine| of two kernels that look for the same
FEW = 9  # weights in a kernel; with fewer, two point the same way by chance
ROWS, BLOCK = 1024, 1024  # of a product that compares kernels: 1024 × 1024 × filters at a time
FILTERS = ("Conv1D", "Conv2D", "Conv2DTranspose", "SeparableConv2D", "DepthwiseConv2D", "Dense")


@dataclass(frozen=True)
class Kernel:
    """columns: (n, filters) float32, one filter a column; groups: filters of other groups see other
    channels; alike: whether filters of one group see the same, so that two of them can be duplicates."""

    columns: np.ndarray
    groups: int = 1
    alike: bool = True


def kernel_of(operation: keras.Operation) -> Kernel | None:
    """The filters of a layer, also of a graph; None where it is of a kind that has none."""
    kind = next((each.__name__ for each in type(operation).__mro__ if each.__name__ in FILTERS), None)
    name = "pointwise_kernel" if kind == "SeparableConv2D" else "kernel"
    ranks = (2,) if kind == "Dense" else (3,) if kind == "Conv1D" else (4,)
    # In a graph they have no name of their own; beside them stand vectors only.
    own = [w for w in getattr(operation, "weights", ()) if len(w.shape) in ranks]
    weight = getattr(operation, name, None) if hasattr(operation, name) else own[0] if len(own) == 1 else None
    if kind is None or weight is None or len(weight.shape) not in ranks:
        return None
    values = np.asarray(weight, np.float32)
    if kind == "DepthwiseConv2D":  # (h, w, C, multiplier): each sees one channel
        return Kernel(values.reshape(-1, values.shape[-2] * values.shape[-1]), alike=False)
    if kind == "Conv2DTranspose":  # (h, w, filters, C)
        values = np.moveaxis(values, -2, -1)
    return Kernel(values.reshape(-1, values.shape[-1]), getattr(operation, "groups", 1))


def dead_filters(kernel: Kernel) -> np.ndarray:
    """Numbers of the filters whose weights are all 0."""
    return np.flatnonzero(~kernel.columns.any(axis=0))


def duplicate_filters(kernel: Kernel) -> list[list[int]]:
    """Groups of filters that are equal or proportional (|cosine| > SAME); dead ones are none.

    Long kernels are compared on ROWS of their weights first, which is the same for those that are
    proportional, and on all of them where these agree. Memory: BLOCK × filters numbers.
    """
    n, filters = kernel.columns.shape
    if not kernel.alike or n < FEW or not np.isfinite(kernel.columns).all():
        return []
    unit, whole = _unit(kernel.columns[:: max(n // ROWS, 1)]), _unit(kernel.columns)
    group, leader = np.arange(filters) // max(filters // kernel.groups, 1), np.arange(filters)
    for start in range(0, filters, BLOCK):
        agree = np.abs(unit[:, start : start + BLOCK].T @ unit) > SAME  # (block, filters)
        for a in start + np.flatnonzero(agree.sum(axis=1) > 1):
            if leader[a] == a:
                rest = np.flatnonzero(agree[a - start] & (leader == np.arange(filters)) & (group == group[a]))
                rest = rest[rest > a]
                leader[rest[np.abs(whole[:, a] @ whole[:, rest]) > SAME]] = a
    groups = [np.flatnonzero(leader == first) for first in np.unique(leader)]
    return [each.tolist() for each in groups if len(each) > 1]


def not_finite(operations: Mapping[str, keras.Operation]) -> dict[str, tuple[int, int]]:
    """{layer: (how many weights are not finite, of how many)}, in the order in which layers answer.

    A weight is counted once, for the innermost layer that holds it.
    """
    found, seen = {}, set()
    for name, operation in operations.items():
        own = [w for w in getattr(operation, "weights", ()) if id(w) not in seen]
        seen.update(map(id, own))
        values = [np.asarray(w, np.float32) for w in own if "float" in str(w.dtype)]
        bad = sum(int(v.size - np.isfinite(v).sum()) for v in values)
        if bad:
            found[name] = bad, sum(v.size for v in values)
    return found


@dataclass(frozen=True)
class Norm:
    """What is wrong with a batch normalisation. negative, still: numbers of the channels whose variance is
    below 0, or 0; magnified: 1 / √ε, by which what little comes there is."""

    negative: np.ndarray
    still: np.ndarray
    magnified: float


def norms(operations: Mapping[str, keras.Operation]) -> dict[str, Norm]:
    """{layer: what is wrong} of the batch normalisations that are out of order."""
    found = {}
    for name, operation in operations.items():
        if isinstance(operation, keras.layers.BatchNormalization):
            variance = np.asarray(operation.moving_variance, np.float32)
            norm = Norm(
                np.flatnonzero(variance < 0), np.flatnonzero(variance == 0), float(operation.epsilon) ** -0.5
            )
            if len(norm.negative) or len(norm.still):
                found[name] = norm
    return found


def first_not_finite(operations: Mapping[str, keras.Operation]) -> str:
    """The first layer whose weights are not finite, or ""."""
    return next(iter(not_finite(operations)), "")


def is_dead(operation: keras.Operation, channel: int) -> bool:
    """Whether the filter of that channel has only zeros."""
    kernel = kernel_of(operation)
    return kernel is not None and channel < kernel.columns.shape[1] and not kernel.columns[:, channel].any()


def _unit(columns: np.ndarray) -> np.ndarray:
    """Each column with length 1; those of zeros stay. Scaled first, so that no square overflows."""
    largest = np.abs(columns).max(axis=0)
    scaled = columns / np.where(largest > 0, largest, 1)
    length = np.linalg.norm(scaled, axis=0)
    return scaled / np.where(length > 0, length, 1)
