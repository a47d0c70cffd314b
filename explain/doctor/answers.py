"""What every layer answers to what is tried: one pass for all of them, which keeps the extremes only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from explain.jobs import enough_memory
from explain.probe import door
from explain.probe.heads import read_head
from explain.probe.network import Network

AT_ONCE = 4  # pictures, with every answer of the network to them in memory for a moment


@dataclass(frozen=True, eq=False)
class Answers:
    """low, high: {layer: (c,)} over all places and pictures; broken: layers that gave a number that is not
    finite, in the order in which they answer; scores, probabilities: (n, K) of each output."""

    low: dict[str, np.ndarray]
    high: dict[str, np.ndarray]
    broken: tuple[str, ...]
    scores: tuple[np.ndarray, ...]
    probabilities: tuple[np.ndarray, ...]


def batches(network: Network, pixels: np.ndarray) -> Iterator[Answers]:
    """The answers to (n, h, w, C) uint8, so many pictures at a time. TooMuchMemory."""
    names: list[str] = []

    def make():
        def function(pixels):
            outputs, calls = door.survey(network.model, network.prepare(pixels))
            heads = [read_head(tensor) for _, tensor in outputs]
            kept = {call.name: call.tensor for call in calls if _has_channels(call.tensor)}
            names.extend(kept)
            extremes = []
            for tensor in kept.values():
                axes = list(range(tensor.shape.rank - 1))
                finite = tf.reduce_all(tf.math.is_finite(tensor))
                low, high = tf.reduce_min(tensor, axes), tf.reduce_max(tensor, axes)  # (c,)
                extremes.append((tf.cast(low, tf.float32), tf.cast(high, tf.float32), finite))
            return extremes, [(head.scores, head.probabilities) for head in heads]

        return network.trace(function, network.pixels_spec()), tuple(names)

    function, known = network.compiled(("doctor",), make)
    for start in range(0, len(pixels), AT_ONCE):
        extremes, ends = enough_memory(lambda: function(tf.constant(pixels[start : start + AT_ONCE])))
        yield Answers(
            low={name: low.numpy() for name, (low, _, _) in zip(known, extremes, strict=True)},
            high={name: high.numpy() for name, (_, high, _) in zip(known, extremes, strict=True)},
            broken=tuple(name for name, (_, _, finite) in zip(known, extremes, strict=True) if not finite),
            scores=tuple(scores.numpy() for scores, _ in ends),
            probabilities=tuple(probabilities.numpy() for _, probabilities in ends),
        )


def merged(parts: list[Answers]) -> Answers:
    """The answers to all batches as one."""
    order = list(parts[0].low)
    broken = {name for part in parts for name in part.broken}
    return Answers(
        low={name: np.min([part.low[name] for part in parts], axis=0) for name in order},
        high={name: np.max([part.high[name] for part in parts], axis=0) for name in order},
        broken=tuple(name for name in order if name in broken),
        scores=tuple(np.concatenate(each) for each in zip(*(part.scores for part in parts))),
        probabilities=tuple(np.concatenate(each) for each in zip(*(part.probabilities for part in parts))),
    )


def _has_channels(tensor: tf.Tensor) -> bool:
    """Whether it is (b, …, c) of fractions, with c known."""
    return tensor.dtype.is_floating and tensor.shape.rank not in (None, 0, 1) and tensor.shape[-1] is not None
