"""The climb: gradient ascent on pictures, many channels at once, inside one compiled loop."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from explain.errors import LayerError
from explain.probe import door
from explain.probe.network import Network

LUMA = (0.299, 0.587, 0.114)                                       # Rec. 601, as for photos


@dataclass(frozen=True)
class Recipe:
    """How to climb, as four small functions to be traced.

    start(seed (2,) int32) → parameters of one picture, the same for every channel;
    draw(parameters (n, …)) → pictures (n, H, W, 3) in 0..1;
    disturb(pictures, step_seed (2,)) → pictures of the same shape, seen by the network instead;
    improve(parameters, slopes, memory, step ()) → parameters, memory; `memory` starts as zeros,
    shaped like two copies of the parameters; show(parameters) → what a person sees, in 0..1.
    """

    start: Callable
    draw: Callable
    disturb: Callable
    improve: Callable
    show: Callable


def climb(network: Network, layer: str, key: tuple, recipe: Recipe):
    """(channels (n,) int32, steps (), seed ()) → pictures (n, H, W, 3) float32, scores (n, steps).

    A channel's score is the mean of its map (Olah et al. 2017, "channel objective"). Pictures are
    independent: the batch gives what each would give alone. `key` names recipe and size.
    LayerError where something before the layer cannot work at this size; InputError as `check_smooth`.
    """

    def fires(pictures, channels):
        """What each channel answers, and what to climb: (n,) each."""
        inputs = network.prepare(_as_input(pictures, network), smooth=True)
        maps = door.tap(network.model, inputs, [layer], as_it_is=True)[layer]

        def mean(tensor):
            places = tf.cast(network.places(layer, tensor), tf.float32)                       # (n, …, c)
            means = tf.reduce_mean(places, axis=range(1, places.shape.rank - 1))              # (n, c)
            return tf.gather(means, channels, axis=1, batch_dims=1)                           # (n,)

        fired = mean(maps)
        if maps.op.type not in ("Relu", "Relu6"):
            return fired, fired
        # A silent channel has no slope: climb what goes into its ReLU until it speaks.
        return fired, tf.where(fired > 0, fired, mean(maps.op.inputs[0]))

    def function(channels, steps, seed):
        seeds = tf.stack([seed, 0])
        one = recipe.start(seeds)
        parameters = tf.repeat(one[None], tf.size(channels), axis=0)                          # (n, …)
        memory = tf.zeros_like(tf.stack([parameters, parameters]))                            # (2, n, …)
        scores = tf.TensorArray(tf.float32, steps, element_shape=(None,))

        def step(i, parameters, memory, scores):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(parameters)
                pictures = recipe.disturb(recipe.draw(parameters), tf.stack([seed, i + 1]))
                fired, aim = fires(pictures, channels)
            slopes = tape.gradient(aim, parameters)
            parameters, memory = recipe.improve(parameters, slopes, memory, i)
            return i + 1, parameters, memory, scores.write(i, fired)

        _, parameters, _, scores = tf.while_loop(
            lambda i, *rest: i < steps, step, (0, parameters, memory, scores), parallel_iterations=1
        )
        return recipe.show(parameters), tf.transpose(scores.stack())

    @contextmanager
    def at_this_size():
        try:
            yield
        except (ValueError, TypeError, AssertionError, tf.errors.InvalidArgumentError) as error:
            raise _too_small_or_fixed(network, layer, error) from error

    def make():
        scalar = tf.TensorSpec((), tf.int32)
        with at_this_size():
            return network.trace(function, tf.TensorSpec((None,), tf.int32), scalar, scalar)

    network.check_smooth()
    compiled = network.compiled(("climb", layer, *key), make)

    def run(*numbers):
        with at_this_size():                               # a shape may be known no sooner than here
            return compiled(*numbers)

    return run


def _too_small_or_fixed(network: Network, layer: str, error: Exception) -> LayerError:
    height, width, _ = network.input_shape
    own, why = f"a larger size, the network's own ({height}×{width}), or", ""
    if height != width:
        own, why = "a larger size or", f" The network's pictures are {height}×{width}, patterns are square."
    return LayerError(
        f"Layer '{layer}' cannot be computed on pictures of this size. Choose {own} an earlier layer.{why} "
        f"TensorFlow says: {_reason(error)}"
    )


def memory_per_picture(network: Network, layer: str, size: int) -> int:
    """Estimated bytes of one step on one picture: every answer up to the layer, there and back."""
    height, width, _ = network.input_shape
    floats = 0
    for each in network.layers:
        floats += int(np.prod([d or 1 for d in each.shape])) if len(each.shape) > 1 else 0
        if each.name == layer:
            break
    return int(3 * 4 * floats * (size / height) * (size / width))


def _as_input(pictures, network: Network):
    """(n, H, W, 3) in 0..1 → (n, H, W, C) in 0..255."""
    channels = network.input_shape[2]
    if channels == 1:
        pictures = tf.reduce_sum(pictures * tf.constant(LUMA), axis=-1, keepdims=True)       # (n, H, W, 1)
    if channels == 4:
        pictures = tf.concat([pictures, tf.ones_like(pictures[..., :1])], axis=-1)           # (n, H, W, 4)
    return pictures * 255


def _reason(error: Exception) -> str:
    """What TensorFlow found, without where: Keras puts the layer first and paints the rest bold."""
    where = ("Exception encountered", "Graph execution error", "Detected at node", "File ", "[[{{node")
    lines = [re.sub(r"\x1b\[\d*m", "", line).strip() for line in str(error).splitlines()]
    telling = [line.partition(" for '{{node")[0] for line in lines if line and not line.startswith(where)]
    return (telling[0] if telling else type(error).__name__)[:200]
