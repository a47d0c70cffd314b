"""What layers make of photos, in a form that can be compared with any other network's.

    grams         for each layer how alike it finds every two photos: small (n, n) matrices
    fingerprints  for each layer a digest of its weights: equal where training changed nothing

`explain.similarity` compares the answers; it knows no network.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from explain.errors import Cancelled, LayerError, OptionError, TooMuchMemory, near
from explain.jobs import enough_memory, network_of, pixels_of
from explain.probe.anatomy import NOT_A_TARGET
from explain.probe.network import Network
from explain.results import Fingerprints, Grams, Image, Layer, Model

Progress = Callable[[int, int, Any], bool | None]

MOST_PHOTOS = 64
AT_ONCE = 16  # photos in a batch
BYTES = int(float(os.environ.get("EXPLAIN_GRAMS_MB", "512")) * 2**20)  # answers held at a time


def grams(
    model: Model,
    images: Sequence[Image],
    layers: Sequence[str] | None = None,
    on_progress: Progress | None = None,
) -> Grams:
    """Centred linear Gram matrices of layers over n photos: how alike each layer finds every two of them.

    K = X̃ X̃ᵀ with X̃ (n, h·w·c) a layer's flattened answers less their mean over the photos, float32.
    layers: names, or None for every layer that answers something of its own: not those that only normalise,
    pool, pad, drop or reshape what another one answered. As many layers as fit into EXPLAIN_GRAMS_MB go
    through the network together; on_progress(layers done, in all, None) is called after each such pass, and
    False from it ends the work. Raises LayerError, OptionError (2 to 64 photos), TooMuchMemory, Cancelled.
    """
    network = network_of(model)
    if not 2 <= len(images) <= MOST_PHOTOS:
        raise OptionError(
            f"Expected 2 to {MOST_PHOTOS} photos to compare layers with, received {len(images)}."
        )
    pixels = pixels_of(network, images)
    wanted = _named(network, layers) if layers is not None else own_answers(network)
    found: dict[str, np.ndarray] = {}
    for part in _parts(network, wanted, len(images)):
        found |= enough_memory(partial(_grams, network, pixels, part, layers is not None))
        done = wanted.index(part[-1]) + 1
        if on_progress and on_progress(done, len(wanted), None) is False:
            raise Cancelled("The comparison of the layers was stopped.")
    names = tuple(each.name for each in wanted if each.name in found)
    values = np.stack([found[name] for name in names]) if names else np.zeros((0, len(images), len(images)))
    keys = tuple(image.key for image in images)
    return Grams(layers=names, values=values.astype(np.float32), images=keys, model=model.key)


def fingerprints(model: Model) -> Fingerprints:
    """SHA-256 of every layer's own weights: shapes, types and bytes, statistics of batch normalisation too.

    A layer that is called several times stands once, layers without weights not at all.
    """
    network, digests, known = network_of(model), {}, set()
    for layer in network.layers:
        operation = network.operations[layer.name]
        weights = getattr(operation, "weights", None)
        if weights and id(operation) not in known:
            known.add(id(operation))
            digests[layer.name] = _digest(weights)
    return Fingerprints(tuple(digests), tuple(digests.values()), model.key)


def own_answers(network: Network) -> list[Layer]:
    """The layers to compare where none are named, in the order in which their answers are made."""
    inputs = keras.layers.InputLayer
    return [
        layer
        for layer in network.layers
        if _is_answer(layer)
        and not isinstance(network.operations[layer.name], inputs)
        and not any(word in layer.kind for word in NOT_A_TARGET)
    ]


def _is_answer(layer: Layer) -> bool:
    """Numbers that stand for the picture, of a size that is known."""
    return bool(layer.shape) and None not in layer.shape


def _named(network: Network, names: Sequence[str]) -> list[Layer]:
    known = {layer.name: layer for layer in network.layers}
    if isinstance(names, str) or not names:
        raise OptionError(f"Expected the names of several layers, received {names!r}.")
    for name in names:
        if name not in known:
            raise LayerError(f"There is no layer '{name}' in this network.{near(name, known)}")
        if not _is_answer(known[name]):
            raise LayerError(
                f"Layer '{name}' gives {known[name].shape}: no answer of a known size to a picture."
            )
    return [known[name] for name in dict.fromkeys(names)]


def _parts(network: Network, layers: list[Layer], photos: int) -> Iterator[list[Layer]]:
    """Neighbours whose answers to all photos fit into the budget together; TooMuchMemory for one alone."""
    part, held = [], 0
    for layer in layers:
        size = 4 * photos * int(np.prod(layer.shape))
        if size > BYTES:
            raise TooMuchMemory(
                f"Layer '{layer.name}' answers {photos} photos with {size / 2**20:.0f} MB, the limit is "
                f"{BYTES / 2**20:.0f} MB. Take fewer photos, or leave this layer out."
            )
        if part and held + size > BYTES:
            yield part
            part, held = [], 0
        part, held = [*part, layer], held + size
    if part:
        yield part


def _grams(network: Network, pixels: np.ndarray, layers: list[Layer], asked: bool) -> dict[str, np.ndarray]:
    """One pass of all photos: {layer: (n, n)}. Layers that answer to pieces of a photo are left out, or
    refused where they were asked for."""
    answers = network.tap(tuple(layer.name for layer in layers))
    kept: dict[str, list[np.ndarray]] = {layer.name: [] for layer in layers}
    for start in range(0, len(pixels), AT_ONCE):
        batch = pixels[start : start + AT_ONCE]
        for name, answer in answers(tf.constant(batch)).items():
            if name not in kept:
                continue
            if answer.shape.rank < 2 or len(answer) != len(batch):
                if asked:
                    raise LayerError(
                        f"Layer '{name}' gives {tuple(answer.shape)}, not one answer for each photo."
                    )
                del kept[name]
                continue
            kept[name].append(answer.numpy().reshape(len(batch), -1))
    return {name: _gram(np.concatenate(kept.pop(name))) for name in list(kept)}


def _gram(answers: np.ndarray) -> np.ndarray:
    """(n, p) → (n, n): products of the answers, less their mean over the photos."""
    answers -= answers.mean(axis=0, keepdims=True)
    return answers @ answers.T


def _digest(weights) -> str:
    whole = hashlib.sha256()
    for weight in weights:
        values = np.ascontiguousarray(keras.ops.convert_to_numpy(weight))
        whole.update(f"{values.dtype}{values.shape}".encode())
        whole.update(values.tobytes())
    return whole.hexdigest()
