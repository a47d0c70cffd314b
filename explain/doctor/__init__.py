"""The doctor: what a network is made of, and what is wrong with it.

__init__.py    the whole check-up
answers.py     every layer's answers to what is tried, in one pass
findings.py    from facts to notices, the gravest first
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from explain.causes import plain_pictures
from explain.doctor.answers import Answers, batches, merged
from explain.doctor.findings import Facts, findings
from explain.errors import Cancelled
from explain.jobs import network_of, pixels_of
from explain.probe.anatomy import NOT_A_TARGET
from explain.probe.network import Network
from explain.probe.weights import dead_filters, duplicate_filters, kernel_of, norms, not_finite
from explain.results import CheckUp, Image, Layer, LayerCheck, Model
from explain.samples import read_sample, samples

Progress = Callable[[int, int, Any], bool | None]


def examine(
    model: Model, image: Image | Sequence[Image] | None = None, on_progress: Progress | None = None
) -> CheckUp:
    """The check-up of a model: its parts, dead and duplicate filters, broken numbers, what answers at all.

    image: what its answers are tried on, beside a mirrored copy, noise, grey and black; the sample photos
    where none is given. on_progress(done, in all, None) is called between two pieces of work; False cancels.
    Raises OptionError, TooMuchMemory, Cancelled.
    """
    network = network_of(model)
    photos = [image] if isinstance(image, Image) else list(image or map(read_sample, samples()))
    pixels, tried = _tried(network, photos, given=image is not None)
    steps = _Steps(on_progress, len(network.layers) + len(pixels))
    parts = []
    for part in batches(network, pixels):
        parts.append(part)
        steps.done(len(part.scores[0]))
    answers = merged(parts)
    reach, layers = network.reach[0], []
    explainable = {each.name for each in network.layers if each.has_map} & reach.connected & reach.sloped
    for layer in network.layers:
        before_the_end = any(layer.name in each.connected for each in network.reach)
        checked = _checked(layer, network.operations[layer.name], answers, before_the_end)
        if checked.filters or checked.silent or layer.name in explainable:
            layers.append(checked)
        steps.done()
    facts = Facts(
        model=model,
        network=network,
        answers=answers,
        photos=len(photos),
        layers=tuple(layers),
        not_finite=not_finite(network.operations),
        norms=norms(network.operations),
        tried=tried,
    )
    return CheckUp(
        model=model.key,
        name=model.name,
        input_shape=model.input_shape,
        outputs=model.outputs,
        scaling=model.scaling,
        scaling_note=model.scaling_note,
        parameters=sum(int(np.prod(weight.shape)) for weight in network.model.weights),
        explainable=tuple(each.name for each in network.layers if each.name in explainable),
        default_layers=network.default_layers,
        layers=facts.layers,
        not_finite=facts.not_finite,
        tried=tried,
        notices=findings(facts),
    )


class _Steps:
    """Counts the work, and ends it where nobody waits for it."""

    def __init__(self, on_progress: Progress | None, total: int):
        self._tell, self._done, self._total = on_progress, 0, total

    def done(self, more: int = 1) -> None:
        self._done += more
        if self._tell and self._tell(self._done, self._total, None) is False:
            raise Cancelled("The check-up was stopped.")


def _tried(network: Network, photos: list[Image], given: bool) -> tuple[np.ndarray, tuple[str, ...]]:
    """(n, h, w, C) uint8: the photos, the first one mirrored, noise, grey and black; and their names."""
    seen = pixels_of(network, photos)
    few = tuple(photo.name for photo in photos) if given and len(photos) <= 3 else ()
    names = few or (f"{len(photos)} {'photos' if given else 'sample photos'}",)
    pixels = np.concatenate([seen, seen[:1, :, ::-1], plain_pictures(network.input_shape)])
    return pixels, (*names, "the first one mirrored", "noise", "grey", "black")


def _checked(layer: Layer, operation: keras.Operation, answers: Answers, before_the_end: bool) -> LayerCheck:
    """before_the_end: not behind the score, where a saturated softmax is silent."""
    name, kernel, silent = layer.name, kernel_of(operation), ()
    passes_on = any(word in layer.kind for word in NOT_A_TARGET)  # its silence is another layer's
    if name in answers.low and before_the_end and not passes_on:
        still = np.flatnonzero(answers.low[name] == answers.high[name])
        # Of the units of a vector most are silent at any time: only a wholly silent layer means something.
        if layer.has_map or len(still) == len(answers.low[name]):
            silent = tuple(still.tolist())
    return LayerCheck(
        layer=name,
        kind=layer.kind,
        filters=0 if kernel is None else kernel.columns.shape[1],
        channels=len(answers.low.get(name, ())),
        dead=() if kernel is None else tuple(dead_filters(kernel).tolist()),
        duplicates=() if kernel is None else tuple(map(tuple, duplicate_filters(kernel))),
        silent=silent,
    )
