"""Tokens as a map: (b, n, c) whose n are the places of a picture, with or without others before them."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from explain.probe.door import Call

BEFORE = (0, 1, 2, 5)          # nothing, a class token, distillation beside it, or four registers beside it


@dataclass(frozen=True)
class Grid:
    """Tokens (b, before + rows · columns, c), the places row by row behind `before` others."""

    rows: int
    columns: int
    before: int

    @property
    def note(self) -> str:
        """What a person should know about the map."""
        left_out = {0: "", 1: "; the class token before them is left out"}
        others = left_out.get(self.before, f"; the {self.before} tokens before them are left out")
        places = f"{self.rows}×{self.columns} places they stand for"
        return f"{self.rows * self.columns} tokens, shown as the {places}{others}."

    def places(self, tokens: tf.Tensor) -> tf.Tensor:
        """(b, n, c) → (b, n − before, c)."""
        return tokens[:, self.before :]

    def as_map(self, tokens: tf.Tensor) -> tf.Tensor:
        """(b, n, c) → (b, rows, columns, c)."""
        return tf.reshape(self.places(tokens), (-1, self.rows, self.columns, tokens.shape[-1]))

    def as_tokens(self, maps: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
        """Maps (b, rows, columns, c) behind the other tokens (b, before, c) → (b, n, c)."""
        places = tf.reshape(maps, (-1, self.rows * self.columns, maps.shape[-1]))
        return tf.concat([others, places], axis=1)


def may_be_tokens(call: Call) -> bool:
    """Whether a call answers (b, n, c) with a batch that is free and channels that are known."""
    shape = call.tensor.shape
    return shape.rank == 3 and shape[0] is None and shape[2] is not None and call.tensor.dtype.is_floating


def measured(call: Call) -> bool:
    """Whether to count the rows that one picture gives: where there are tokens, maps may be windows."""
    return may_be_tokens(call) or call.tensor.shape.rank == 4


def find_grids(tokens: dict[Call, int], input_shape: tuple[int, int, int]) -> dict[str, Grid]:
    """{name: grid} of the calls whose n tokens, one row a picture, form one.

    Tokens are taken for places when a map with as many of them, in the picture's own proportion, was
    computed before: the patches that they were made of. A sequence (the columns of a line of text, say)
    has no such map.
    """
    at: dict[str, list[tuple[str, int]]] = {}
    for call, many in tokens.items():
        at.setdefault(call.tensor.op.name, []).append((call.name, int(many)))
    graphs = {call.tensor.graph for call in tokens}
    grids: dict[str, Grid] = {}
    maps: set[tuple[int, int]] = set()
    for operation in (each for graph in graphs for each in graph.get_operations()):        # as they were made
        for tensor in operation.outputs:
            maps.update(size for size in _map_sizes(tensor.shape) if _like_the_picture(*size, input_shape))
        for name, many in at.get(operation.name, ()):
            if grid := _grid(many, maps):
                grids[name] = grid
    return grids


def _map_sizes(shape: tf.TensorShape) -> list[tuple[int, int]]:
    """What (rows, columns) a tensor may have: (b, h, w, c), or patches not yet flattened."""
    axes = {4: [(1, 2)], 6: [(1, 2), (1, 3)]}.get(shape.rank, ())
    return [(shape[i], shape[j]) for i, j in axes if shape[i] and shape[j]]


def _like_the_picture(rows: int, columns: int, input_shape: tuple[int, int, int]) -> bool:
    """Whether a map has the picture's proportion, to within one place: borders are cut or padded."""
    height, width, _ = input_shape
    return abs(rows * width - columns * height) < max(height, width)


def _grid(tokens: int, maps: set[tuple[int, int]]) -> Grid | None:
    for before in BEFORE:
        for rows, columns in sorted(maps):
            if rows * columns == tokens - before and tokens - before > 1:
                return Grid(rows, columns, before)
    return None
