"""The grid of a comparison: which cells there are, in which order, and what each asks of its network.

Five axes span it. One makes the rows, one the columns; what else varies is unrolled inside. A cell that
cannot exist says why, and what a method does not look at (a layer, a class) is not asked twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from dashboard.networks import AUTOMATIC
from dashboard.text import clean, say
from explain.methods import shelf
from explain.results import Model

AXES = ("photos", "methods", "layers", "classes", "models")
UNROLLED = 4  # columns side by side, inner ones unrolled; with more, each inner one has a line of its own

Chosen = Mapping[str, Sequence[Any]]  # {axis: values}


@dataclass(frozen=True)
class Cell:
    """One place of the grid.

    at: what was chosen on each axis, in the order of AXES; layer, class_index: what the network is asked,
    None where the method needs none, and for each network's own first guess; missing: why there is nothing
    to show, or "".
    """

    at: tuple[Any, ...]
    layer: str | None = None
    class_index: int | None = None
    missing: str = ""

    def on(self, axis: str) -> Any:
        return self.at[AXES.index(axis)]

    def ignores(self, axis: str) -> bool:
        """Whether its method does not look at that axis."""
        method = shelf("heatmaps")[self.on("methods")]
        return axis == "layers" and not method.layered or axis == "classes" and not method.class_specific

    @property
    def question(self) -> tuple[str, str, str | None, int | None]:
        """(network, method, layer, class): cells with the same one differ in their photo only."""
        return self.on("models"), self.on("methods"), self.layer, self.class_index


@dataclass(frozen=True)
class Plan:
    """How axes become rows and columns. rows, columns: axes, or None; inner: the others that vary; wide: how
    many cells stand side by side; lines: whether each inner combination has a line of its own."""

    rows: str | None
    columns: str | None
    inner: tuple[str, ...]
    wide: int
    lines: bool

    @property
    def heading(self) -> tuple[str, ...]:
        """The axes that are said above a line."""
        return (*([self.rows] if self.rows else []), *(self.inner if self.lines else ()))

    @property
    def title(self) -> tuple[str, ...]:
        """The axes that are said above a cell."""
        return (*([self.columns] if self.columns else []), *(() if self.lines else self.inner))


def plan(chosen: Chosen, rows: str, columns: str) -> Plan:
    """The wished rows and columns, where they vary; otherwise what does vary takes the place."""
    rest = [axis for axis in AXES if len(chosen[axis]) > 1]
    down = rows if rows in rest and rows != columns else None
    across = columns if columns in rest else None
    rest = [axis for axis in rest if axis not in (down, across)]
    if across is None:
        across, down = (rest.pop(0), down) if rest else (down, None)
    if down is None and rest:
        down = rest.pop(0)
    many = len(chosen[across]) if across else 1
    unrolled = many * prod(len(chosen[axis]) for axis in rest)
    lines = bool(rest) and unrolled > UNROLLED
    return Plan(down, across, tuple(rest), many if lines else unrolled, lines)


@dataclass(frozen=True)
class Asker:
    """Turns choices into questions.

    models: {id: opened network}; first: the id of that whose classes and layers are chosen from; classes:
    {id: {class of the first: class of this one}}; labels: {class of the first: its name}; output: which of the
    first one's outputs is explained, None for the first.
    """

    models: Mapping[str, Model]
    first: str
    classes: Mapping[str, Mapping[int, int]]
    labels: Mapping[int | None, str]
    output: int | None = None

    def cell(self, at: tuple[Any, ...]) -> Cell:
        _, name, layer, klass, owner = at
        method, model = shelf("heatmaps")[name], self.models[owner]
        unknown = (
            self.output if owner == self.first else None
        )  # the layer of another output is the network's secret
        usual = None if unknown else model.default_layer  # by name, so that it is not asked again by its name
        asked = None if not method.layered else usual if layer == AUTOMATIC else layer
        about = {"model": clean(model.name)}
        if method.layered and not model.default_layer:
            return Cell(at, missing=say("compare.no_map", **about))
        if asked is not None and asked not in {each.name for each in model.layers if each.has_map}:
            return Cell(at, missing=say("compare.no_layer", layer=clean(asked), **about))
        if not method.class_specific or klass is None:
            return Cell(at, asked)
        if klass not in self.classes[owner]:
            return Cell(at, missing=say("compare.no_class", label=self.labels[klass], **about))
        return Cell(at, asked, self.classes[owner][klass])


def cells(chosen: Chosen, how: Plan, ask: Asker) -> list[list[Cell]]:
    """Line by line. Cells that would ask the same are there once, those that ignore their line at the end."""
    order = [*how.heading, *how.title]
    order += [axis for axis in AXES if axis not in order]
    seen, lines = set(), {}
    for values in product(*(chosen[axis] for axis in order)):
        at = dict(zip(order, values))
        cell = ask.cell(tuple(at[axis] for axis in AXES))
        if (what := (at["photos"], cell.question, cell.missing)) in seen:
            continue
        seen.add(what)
        line = tuple(None if cell.ignores(axis) else at[axis] for axis in how.heading)
        lines.setdefault(line, []).append(cell)
    late = [line for line in lines if line and line[0] is None]
    return [lines[line] for line in lines if line not in late] + [lines[line] for line in late]


def questions(rows: Iterable[Sequence[Cell]]) -> dict[tuple, list[Cell]]:
    """{question: its cells}, of those that have one."""
    found: dict[tuple, list[Cell]] = {}
    for cell in (cell for row in rows for cell in row if not cell.missing):
        found.setdefault(cell.question, []).append(cell)
    return found
