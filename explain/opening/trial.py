"""The first pass of a network that was just opened: does it fit into memory, does it answer in numbers?"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import tensorflow as tf

from explain.errors import TooMuchMemory
from explain.probe import door
from explain.probe.network import Network
from explain.results import Layer, Notice

GREY = 127
BYTES = 4                                              # of one number, float32


def trial(network: Network) -> tuple[Notice, ...]:
    """One forward pass on a grey picture, by the function that `predict` uses later, so it is no work lost.

    A notice W_OUTPUT_NOT_FINITE names the layer where numbers end. TooMuchMemory before anything is computed,
    where the largest answer and its neighbour alone have no room; other errors are the network's.
    """
    check_memory(network.layers, room())
    grey = np.full((1, *network.input_shape), GREY, np.uint8)
    try:
        scores = [network.predict(grey, output)[0] for output in range(len(network.outputs))]
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        sentence = "One picture does not fit into memory with this network. Choose a smaller network."
        raise TooMuchMemory(sentence) from error
    broken = [output.name for output, found in zip(network.outputs, scores) if not np.isfinite(found).all()]
    if not broken:
        return ()
    return (Notice("W_OUTPUT_NOT_FINITE", _sentence(broken[0], _first_broken(network, grey))),)


def check_memory(layers: tuple[Layer, ...], free: int) -> None:
    """TooMuchMemory when two layers that follow each other answer with more than `free` bytes.

    A lower bound for a forward pass: while the second one computes, both answers are there.
    """
    sizes = [answer_bytes(layer) for layer in layers]
    pairs = [here + there for here, there in pairwise([0, *sizes])]
    if not pairs or max(pairs) <= free:
        return
    worst = pairs.index(max(pairs))
    largest = max(range(max(worst - 1, 0), worst + 1), key=sizes.__getitem__)
    raise TooMuchMemory(
        f"One picture needs at least {_gigabytes(pairs[worst])} at layer '{layers[largest].name}', "
        f"{_gigabytes(sum(sizes))} at all layers together; there is room for {_gigabytes(free)}. Give a "
        "smaller input_shape where the network takes any size, choose a smaller network, or give workers "
        "more memory (EXPLAIN_WORKER_MB)."
    )


def answer_bytes(layer: Layer) -> int:
    """What the layer answers to one picture, free sides counted as 1."""
    return BYTES * math.prod(side or 1 for side in layer.shape)


def room() -> int:
    """Bytes that this process may still take: of its own limit, the operator's for workers, the machine's."""
    return max(min(_limits()) - _taken(), 0)


def _limits() -> Iterator[int]:
    operators = int(float(os.environ.get("EXPLAIN_WORKER_MB") or 0) * 2**20)
    yield operators or 2**62
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        import resource
    except ImportError:                                # not on Windows
        return
    own = resource.getrlimit(resource.RLIMIT_DATA)[0]
    yield own if own != resource.RLIM_INFINITY else 2**62


def _taken() -> int:
    """Bytes of data that this process holds; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[5]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _first_broken(network: Network, pixels: np.ndarray) -> Layer | None:
    """The first layer whose answer is not finite, by one pass that keeps no answers."""
    names = [layer.name for layer in network.layers]

    def whole(pixels):
        noted = door.tap(network.model, network.prepare(pixels), names)
        floats = [noted[name] if noted[name].dtype.is_floating else tf.zeros(()) for name in names]
        return tf.stack([tf.reduce_all(tf.math.is_finite(answer)) for answer in floats])

    found = network.trace(whole, network.pixels_spec())(tf.constant(pixels)).numpy()
    return next((layer for layer, fine in zip(network.layers, found) if not fine), None)


def _sentence(output: str, layer: Layer | None) -> str:
    where = f"; the first layer that does so is '{layer.name}' ({layer.kind})" if layer else ""
    return (
        f"To a plain grey picture the output '{output}' answers with numbers that are not finite{where}. Its "
        "weights or the statistics of a normalisation are damaged, or it overflows: look at the check-up, or "
        "train it again."
    )


def _gigabytes(count: int) -> str:
    return f"{count / 2**30:.3g} GB" if count < 2**30 * 999 else f"{count / 2**30:.0f} GB"
