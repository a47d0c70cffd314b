"""The detective: which scaling a network was trained with, as far as photos tell.

__init__.py    every scaling on the photos, in batches
evidence.py    from probabilities to the figures of one trial
verdict.py     from trials to a recommendation, its certainty, and a sentence
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from explain.detective.evidence import trial_of
from explain.detective.verdict import decide
from explain.errors import Cancelled, OptionError
from explain.jobs import class_number, enough_memory, network_of, pixels_of
from explain.notes import scaling_notices
from explain.opening.clues import misfits
from explain.probe import door
from explain.probe.heads import read_head
from explain.probe.network import Network
from explain.results import Detection, Image, Model
from explain.scaling import USUAL, Scaling, scaling_of

AT_ONCE = 16  # photos in a batch
FOR_STATISTICS = 32  # photos: more change nothing
DARKER = 0.8  # of the brightness

Progress = Callable[[int, int, Any], bool | None]


def detect_scaling(
    model: Model,
    images: Sequence[Image],
    classes: Sequence[int | str] | None = None,
    output: int | str | None = None,
    on_progress: Progress | None = None,
) -> Detection:
    """Every scaling, and each with red and blue exchanged, on photos such as the network was trained on.

    classes: the true class of each photo, by number or label; then what is named rightly counts.
    on_progress(scalings done, in all, the new trial) is called after each; False ends with what is done.
    Raises OptionError, ClassError, TooMuchMemory, Cancelled.
    """
    network, pixels = network_of(model), pixels_of(network_of(model), images)
    index = network.output_index(output)
    truth, several = (
        _truth(model, network, classes, len(images), index),
        network.outputs[index].head == "sigmoid",
    )
    tried = _worth_trying(network)
    fits = misfits(network.model, pixels[:FOR_STATISTICS], tried)
    trials = []
    for scaling in tried:
        seen = [_probabilities(network, version, scaling, index) for version in _versions(pixels)]
        trials.append(
            trial_of(scaling.name, seen[0], seen[1:], several, truth, fits.get(scaling.name, math.nan))
        )
        if on_progress and on_progress(len(trials), len(tried), trials[-1]) is False:
            raise Cancelled("The comparison of the scalings was stopped.")
    verdict = decide(trials, truth, network.scaling.name)
    return Detection(
        present=network.scaling.name,
        recommended=verdict.recommended,
        certainty=verdict.certainty,
        sentence=verdict.sentence,
        possible=verdict.possible,
        trials=tuple(trials),
        images=tuple(image.key for image in images),
        notices=scaling_notices(network.scaling.name, verdict.recommended, verdict.possible),
    )


def _truth(model: Model, network: Network, classes, photos: int, output: int) -> np.ndarray | None:
    if classes is None:
        return None
    if isinstance(classes, str) or len(classes) != photos:
        raise OptionError(f"Expected the true class of each of {photos} photos, received {classes!r}.")
    numbers = np.array([class_number(model, one, output) for one in classes])
    if (numbers < 0).any():
        raise OptionError("Expected the true class of every photo, received none for some.")
    network.check_classes(numbers, output)
    return numbers


def _worth_trying(network: Network) -> list[Scaling]:
    """All that make a difference: whole numbers cannot be scaled, and grey has no colours to exchange."""
    possible = [scaling_of("0..255")] if network.entrance.dtype.is_integer else USUAL
    return [*possible, *(scaling.swapped for scaling in possible if network.input_shape[2] == 3)]


def _versions(pixels: np.ndarray) -> list[np.ndarray]:
    """The photos (n, h, w, C), mirrored, and darker."""
    return [pixels, pixels[:, :, ::-1], (DARKER * pixels.astype(np.float32))]


def _probabilities(network: Network, pixels: np.ndarray, scaling: Scaling, output: int) -> np.ndarray:
    """(n, K) of all photos under one scaling, some at a time."""

    def make():
        def answer(inputs):
            return read_head(door.run(network.model, network.fitted(inputs))[output]).probabilities

        return network.trace(answer, tf.TensorSpec((None, *network.input_shape), tf.float32))

    answer = network.compiled(("answer", output), make)
    parts = [pixels[i : i + AT_ONCE].astype(np.float32) for i in range(0, len(pixels), AT_ONCE)]
    return np.concatenate(
        [enough_memory(lambda: answer(tf.constant(scaling.apply(p))).numpy()) for p in parts]
    )
