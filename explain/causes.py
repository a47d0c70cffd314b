"""The notices of results: `explain.notes` with the facts it asks for, looked up where they matter."""

from __future__ import annotations

from functools import cache, partial

import numpy as np

from explain.notes import Circumstances, heatmap_notices, maps_notices, pattern_notices
from explain.probe.network import Network
from explain.probe.probing import Probe
from explain.probe.weights import first_not_finite, is_dead
from explain.results import Model, Notice

Notices = tuple[Notice, ...]


def of_heatmaps(model: Model, probe: Probe, values: np.ndarray) -> list[Notices]:
    """For each picture of the probe; values: (b, h, w), as the method made them."""
    network, output = probe.network, probe.output
    reach, layer = network.reach[output], probe.layer.name
    around = Circumstances(
        layer=layer,
        connected=layer in reach.connected,
        sloped=layer in reach.sloped,
        instead=network.default_layers[output] or "",
        logit=network.outputs[output].head != "linear",
        guessed=any(notice.code == "W_SCALING_GUESSED" for notice in model.notices),
        broken=cache(lambda: first_not_finite(network.operations)),
        constant=cache(lambda: is_constant(network, output)),
    )
    rows = zip(values, probe.maps, probe.slopes, *probe.answers, probe.classes.tolist(), strict=True)
    return [heatmap_notices(*row, around) for row in rows]


def of_maps(network: Network, layer: str, values: np.ndarray) -> Notices:
    """values: (h, w, c), what the layer answered."""
    return maps_notices(values, Circumstances(layer, broken=partial(first_not_finite, network.operations)))


def of_pattern(network: Network, layer: str, channel: int, scores: np.ndarray) -> Notices:
    """scores: (steps,), the channel's answers along the climb."""
    dead = partial(is_dead, network.operations[layer], channel)
    return pattern_notices(scores, dead, partial(first_not_finite, network.operations))


def is_constant(network: Network, output: int) -> bool:
    """Whether noise, grey and black get the same scores, to the last digit."""
    scores, _ = network.predict(plain_pictures(network.input_shape), output)
    return bool((scores == scores[:1]).all())


def plain_pictures(shape: tuple[int, int, int]) -> np.ndarray:
    """Noise, grey and black: (3, h, w, C) uint8."""
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    return np.stack([noise, np.full(shape, 128, np.uint8), np.zeros(shape, np.uint8)])
