"""The survey: one trace tells what a network is made of, and is its forward pass as well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from explain.probe import door
from explain.probe.anatomy import check_channels_last, layers_of, targets
from explain.probe.cutting import cut_out
from explain.probe.grids import Grid, find_grids, may_be_tokens, measured
from explain.probe.heads import Head, read_head
from explain.probe.reach import Reach, reach_of
from explain.results import Layer, Output

if TYPE_CHECKING:
    from explain.probe.network import Network

TRIED = 32                     # layers, from the last on, that may all lie behind the last attention


@dataclass(frozen=True, eq=False)
class Survey:
    """forward: pixels (b, h, w, C) uint8 → (scores, probabilities) of each output; grids: of tokens, by
    layer; default_layers: one for each output, None where no layer has a map; operations: what each layer
    is in Keras; reach: which layers have a say, for each output."""

    forward: Callable
    layers: tuple[Layer, ...]
    outputs: tuple[Output, ...]
    grids: dict[str, Grid]
    default_layers: tuple[str | None, ...]
    operations: dict[str, keras.Operation]
    reach: tuple[Reach, ...]


def survey(network: Network) -> Survey:
    """Trace the network once. InputError, ModelError."""
    made = {}

    def forward(pixels):
        outputs, calls = door.survey(network.model, network.prepare(pixels))
        heads = [read_head(tensor) for _, tensor in outputs]
        shapes = [tf.shape(call.tensor)[:2] for call in calls if measured(call)]
        sizes = tf.stack(shapes) if any(map(may_be_tokens, calls)) else None                  # (k, 2)
        made.update(pixels=pixels, calls=calls, heads=heads, paths=[path for path, _ in outputs], sizes=sizes)
        return [(head.scores, head.probabilities) for head in heads]

    function, calls = network.trace(forward, network.pixels_spec()), made["calls"]
    check_channels_last(calls)
    grids, pieces = {}, set()
    if made["sizes"] is not None:
        measure = cut_out(function.graph, [made["pixels"]], made["sizes"], network.trace)
        sizes = dict(zip(filter(measured, calls), measure(_noise(network)).numpy()))
        whole = {call: size for call, (rows, size) in sizes.items() if rows == 1}
        pieces = {call.name for call in sizes if call not in whole}
        tokens = {call: size for call, size in whole.items() if may_be_tokens(call)}
        grids = find_grids(tokens, network.input_shape)
    layers, heads = layers_of(calls, grids, pieces), made["heads"]
    tensors = {call.name: call.tensor for call in calls}
    defaults = []
    for head in heads:
        heard = partial(_heard, network, made["pixels"], head.scores, tensors, grids)
        defaults.append(_default(targets(head, calls, layers), heard))
    return Survey(
        forward=function,
        layers=layers,
        outputs=_outputs(network.model, heads, made["paths"]),
        grids=grids,
        default_layers=tuple(defaults),
        operations={call.name: call.operation for call in calls},
        reach=tuple(reach_of(head, calls) for head in heads),
    )


def _outputs(model: keras.Model, heads: list[Head], paths: list[tuple]) -> tuple[Output, ...]:
    """Named as the network's dictionary names them, else by their layers, else by number."""
    names = list(getattr(model, "output_names", None) or ())
    names += [f"output_{i}" for i in range(len(names), len(heads))]
    if any(isinstance(step, str) for path in paths for step in path):
        names = ["/".join(map(str, path)) for path in paths]
    return tuple(Output(n, h.kind, int(h.scores.shape[-1]), h.note) for n, h in zip(names, heads))


def _default(names: list[str], heard: Callable[[str], bool]) -> str | None:
    """The first of the layers that a heatmap may belong to whose places have a say.

    Behind the last attention of many networks only the class token is read, and a map there would be blank.
    """
    return next(filter(heard, names[:TRIED]), names[0] if names else None)


def _heard(network, pixels, scores, tensors, grids, name: str) -> bool:
    """Whether the scores change with what stands in the places. Asked of tokens behind others only."""
    if name not in grids or not grids[name].before:
        return True
    tokens, grid, noise = tensors[name], grids[name], np.random.default_rng(0)
    two = noise.normal(size=(2, grid.before + grid.rows * grid.columns, tokens.shape[-1]))
    two[1, : grid.before] = two[0, : grid.before]                             # they differ in the places only
    behind = cut_out(tokens.graph, [pixels, tokens], scores, network.trace)
    pictures = tf.repeat(_noise(network), 2, axis=0)
    one, other = behind(pictures, tf.cast(two, tokens.dtype)).numpy()                         # (K,) each
    return bool(np.abs(one - other).max() > 1e-6 * np.abs(one).max())


def _noise(network: Network) -> tf.Tensor:
    """One picture (1, h, w, C) on which no place is like another."""
    return tf.constant(np.random.default_rng(0).integers(0, 256, (1, *network.input_shape), np.uint8))
