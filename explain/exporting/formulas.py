"""The methods of the shelf that a graph can hold: the same equations, in TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from explain import methods
from explain.errors import MethodError
from explain.methods import Method

Compute = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]          # maps, slopes (b, h, w, c) → heat (b, h, w)


@dataclass(frozen=True)
class Formula:
    """method: of the shelf, where title, source and knobs stand; compute(maps, slopes, **knobs)."""

    method: Method
    compute: Callable[..., tf.Tensor]

    def within(self, knobs: dict[str, Any]) -> Compute:
        """With its knobs fixed; what is not finite becomes 0, as in a `Heatmap`."""

        def heat(maps, slopes):
            found = self.compute(maps, slopes, **knobs)
            return tf.where(tf.math.is_finite(found), found, 0.0)

        return heat


def formula(name: str) -> Formula:
    """MethodError for a method that is not on the shelf, or that a graph cannot hold."""
    shelved = methods.method("heatmaps", name)
    if name not in FORMULAS:
        raise MethodError(
            f"{shelved.title} cannot be exported: only methods that weigh a layer's channels by slopes can. "
            f"Expected one of {', '.join(FORMULAS)}, received '{name}'."
        )
    return Formula(shelved, FORMULAS[name])


def gradcam(maps: tf.Tensor, slopes: tf.Tensor, signed: bool) -> tf.Tensor:
    return _weighted(tf.reduce_mean(slopes, axis=(1, 2)), maps, signed)


def gradcam_plus_plus(maps: tf.Tensor, slopes: tf.Tensor, signed: bool) -> tf.Tensor:
    uphill, below = tf.nn.relu(slopes), 2 + tf.reduce_sum(maps, axis=(1, 2), keepdims=True) * slopes
    return _weighted(tf.reduce_sum(tf.math.divide_no_nan(uphill, below), axis=(1, 2)), maps, signed)


def xgradcam(maps: tf.Tensor, slopes: tf.Tensor, signed: bool) -> tf.Tensor:
    together, sums = tf.reduce_sum(slopes * maps, axis=(1, 2)), tf.reduce_sum(maps, axis=(1, 2))
    return _weighted(tf.math.divide_no_nan(together, sums), maps, signed)


def hirescam(maps: tf.Tensor, slopes: tf.Tensor, signed: bool) -> tf.Tensor:
    return _shown(tf.reduce_sum(slopes * maps, axis=-1), signed)


def layercam(maps: tf.Tensor, slopes: tf.Tensor, signed: bool) -> tf.Tensor:
    return _shown(tf.reduce_sum(tf.nn.relu(slopes) * maps, axis=-1), signed)


def _weighted(weights: tf.Tensor, maps: tf.Tensor, signed: bool) -> tf.Tensor:
    """weights: (b, c), of each channel."""
    return _shown(tf.einsum("bc,bhwc->bhw", weights, maps), signed)


def _shown(heat: tf.Tensor, signed: bool) -> tf.Tensor:
    return heat if signed else tf.nn.relu(heat)


FORMULAS = {each.__name__: each for each in (gradcam, gradcam_plus_plus, xgradcam, hirescam, layercam)}
