"""The notices of results: `explain.notes` with the facts it asks for, looked up where they matter."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial

import numpy as np

from explain.errors import InputError
from explain.notes import Circumstances, heatmap_notices, incomplete, maps_notices, pattern_notices
from explain.probe.network import Network
from explain.probe.probing import Probe
from explain.probe.weights import is_dead
from explain.results import Model, Notice

Notices = tuple[Notice, ...]


def of_heatmaps(
    model: Model, probe: Probe, values: np.ndarray, facts: list[dict[str, float]], signed: bool
) -> list[Notices]:
    """For each picture of the probe; values: (b, h, w) and facts, as the method made them; signed: whether
    they keep what speaks against the class."""
    network, output = probe.network, probe.output
    around = Circumstances(
        layer="",
        logit=network.outputs[output].head != "linear",
        guessed=any(notice.code == "W_SCALING_GUESSED" for notice in model.notices),
        signed=signed,
        broken=lambda: network.broken,
        constant=cache(lambda: is_constant(network, output)),
    )
    maps = slopes = [None] * len(values)
    if probe.layered:
        around = _of_layer(around, probe)
        if any(one.min() == one.max() or not np.isfinite(one).all() for one in values):  # else nobody asks
            maps, slopes = probe.maps, probe.slopes
    rows = zip(values, maps, slopes, *probe.answers, probe.classes.tolist(), strict=True)
    here = [replace(around, slopeless=partial(_slopeless, probe, i)) for i in range(len(values))]
    return [heatmap_notices(*row, here[i]) + incomplete(facts[i]) for i, row in enumerate(rows)]


def _of_layer(around: Circumstances, probe: Probe) -> Circumstances:
    reach, layer = probe.network.reach[probe.output], probe.layer.name
    return replace(
        around,
        layer=layer,
        connected=layer in reach.connected,
        sloped=layer in reach.sloped,
        instead=probe.network.default_layers[probe.output] or "",
    )


def _slopeless(probe: Probe, i: int) -> bool:
    """Whether no slope comes back to the pixels of a picture."""
    try:
        return not probe.input_slopes[i].any()
    except InputError:                                      # whole numbers only: there are none to ask for
        return True


def of_maps(network: Network, layer: str, values: np.ndarray) -> Notices:
    """values: (h, w, c), what the layer answered."""
    return maps_notices(values, Circumstances(layer, broken=lambda: network.broken))


def of_pattern(network: Network, layer: str, channel: int, scores: np.ndarray) -> Notices:
    """scores: (steps,), the channel's answers along the climb."""
    dead = partial(is_dead, network.operations[layer], channel)
    return pattern_notices(scores, dead, lambda: network.broken)


def is_constant(network: Network, output: int) -> bool:
    """Whether noise, grey and black get the same scores, to the last digit."""
    scores, _ = network.predict(plain_pictures(network.input_shape), output)
    return bool((scores == scores[:1]).all())


def plain_pictures(shape: tuple[int, int, int]) -> np.ndarray:
    """Noise, grey and black: (3, h, w, C) uint8."""
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    return np.stack([noise, np.full(shape, 128, np.uint8), np.zeros(shape, np.uint8)])
