"""A comparison on the screen and on paper: cells are asked, become panels, and become a view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import streamlit as st

from dashboard import pairs, remember, tray, widgets
from dashboard.components.overlay import Panel, shared_limits
from dashboard.grids import Asker, Cell, Plan, questions
from dashboard.networks import AUTOMATIC
from dashboard.text import clean, say
from explain import render, report
from explain.methods import shelf
from explain.report import captions
from explain.report.nouns import View
from explain.results import Heatmap, Image


@dataclass(frozen=True)
class Grid:
    """Cells line by line, and what their methods' knobs say; found: the heatmap of each cell that has one."""

    plan: Plan
    lines: Sequence[Sequence[Cell]]
    asker: Asker
    options: Mapping[str, Mapping[str, Any]]
    found: Mapping[Cell, Heatmap] = field(default_factory=dict)

    def arguments(self, cell: Cell) -> dict[str, Any]:
        """How `remember` is asked for it, but for the pictures."""
        output = self.asker.output if cell.on("models") == self.asker.first else None
        return {
            "model": self.asker.models[cell.on("models")], "method": cell.on("methods"), "layer": cell.layer,
            "class_index": cell.class_index, "output": output,
        } | dict(self.options[cell.on("methods")])  # fmt: skip


# Asking ------------------------------------------------------------------------------------------------


def answered(grid: Grid) -> Grid:
    """The grid with its heatmaps: one question over all photos for each network, method, layer and class.

    While it takes long the page says how far it is, and offers to stop; what is there by then is shown.
    """
    asked = questions(grid.lines)
    knobs = {name: tuple(sorted(options.items())) for name, options in grid.options.items()}
    todo = tuple((q, knobs[q[1]], tuple(cell.on("photos") for cell in cells)) for q, cells in asked.items())
    stopped = st.session_state.get("compare_stopped") == todo
    found: dict[Cell, Heatmap] = {}
    slot = st.empty()
    show = _Progress(slot, todo)
    for cells in asked.values():
        if stopped:
            cells = [
                cell for cell in cells if remember.has_heatmap(image=photo_of(cell), **grid.arguments(cell))
            ]
        if cells:
            title = shelf("heatmaps")[cells[0].on("methods")].title
            images = [photo_of(cell) for cell in cells]
            made = remember.heatmaps(
                images=images, on_progress=show.of(title, len(cells)), **grid.arguments(cells[0])
            )
            found |= dict(zip(cells, made, strict=True))
    slot.empty()
    if stopped and len(found) < sum(map(len, asked.values())):
        st.button(say("compare.go_on"), on_click=_go_on, type="primary", icon=":material/play_arrow:")
    return replace(grid, found=found)


class _Progress:
    """A bar, and a button to stop: drawn when the first news is that something is not done yet."""

    def __init__(self, slot: Any, todo: tuple):
        self.slot, self.todo, self.bar, self.title, self.total = slot, todo, None, "", 0

    def of(self, title: str, total: int) -> _Progress:
        """For the next question, about so many pictures."""
        self.title, self.total = title, total
        return self

    def __call__(self, done: float, total: int, partial: Any) -> None:
        if done >= total and self.bar is None:
            return
        at = min(int(self.total - total + done) + 1, self.total)  # some were known
        text = say("compare.progress", method=self.title, at=at, total=self.total)
        if self.bar is None:  # the button must not be made twice in one run
            with self.slot.container():
                self.bar = st.empty()
                st.button(say("compare.stop"), on_click=_stop, args=(self.todo,), icon=":material/stop:")
        self.bar.progress(min(done / max(total, 1), 1.0), text)


def _stop(todo: tuple) -> None:
    st.session_state["compare_stopped"] = todo


def _go_on() -> None:
    st.session_state.pop("compare_stopped", None)


def photo_of(cell: Cell) -> Image:
    return tray.photo(cell.on("photos"))


# Showing -----------------------------------------------------------------------------------------------


def axis_labels(chosen, photos, models, classes) -> dict[str, dict[Any, str]]:
    """{axis: {value: what it is called}}; a class that each photo has its own of is called ""."""
    methods = {name: method.title for name, method in shelf("heatmaps").items()}
    layers = {layer: clean(layer or say("compare.last_layer")) for layer in chosen["layers"]}
    return {
        "photos": photos,
        "methods": methods,
        "layers": layers,
        "classes": classes | {None: ""},
        "models": models,
    }


@dataclass(frozen=True)
class Screen:
    """A grid as it is shown; titles: what everything is called."""

    grid: Grid
    titles: Mapping[str, Mapping[Any, str]]

    @cached_property
    def cells(self) -> list[Cell]:
        """In the order of the panels."""
        return [cell for line in self.grid.lines for cell in line]

    @cached_property
    def panels(self) -> list[Panel]:
        return [self._panel(cell) for cell in self.cells]

    @cached_property
    def scales(self) -> int:
        """How many scales there are, of maps that can be seen."""
        return len({panel.scale for panel in self.panels if panel.values is not None})

    @property
    def tag(self) -> str:
        return " ".join(
            f"{h.image[:6]} {h.method} {h.layer} {h.class_index}" for h in self.grid.found.values()
        )

    def _panel(self, cell: Cell) -> Panel:
        image, photo = photo_of(cell), self.titles["photos"][cell.on("photos")]
        said = {
            "title": self.called(cell, self.grid.plan.title, self.grid.plan.heading),
            "group": " · ".join(filter(None, (self._word(cell, axis) for axis in self.grid.plan.heading))),
            "name": self.called(cell, (*self.grid.plan.heading, *self.grid.plan.title)),
        }
        heatmap = self.grid.found.get(cell)
        if heatmap is None:
            note = cell.missing or say("compare.stopped")
            return Panel(
                values=None, base=remember.base(image), note=note, alt=say("alt.photo", name=photo), **said
            )
        made = widgets.heat_panel(heatmap, image, photo, said.pop("title"))
        return replace(made, scale=self.scale(cell), **said)

    def scale(self, cell: Cell) -> str:
        """What it is measured on: photos and classes can be compared, nothing else."""
        heatmap = self.grid.found[cell]
        return " ".join(
            [cell.on("models"), heatmap.method, heatmap.layer, *map(str, heatmap.options.values())]
        )

    def called(self, cell: Cell, axes: Sequence[str], said: Sequence[str] = ()) -> str:
        """What tells it from the others, and the class that is explained unless that was `said` before."""
        heatmap = self.grid.found.get(cell)
        words = [self._word(cell, axis) for axis in axes if axis != "classes"]
        label = self._word(cell, "classes") if heatmap is None else self._explained(cell, heatmap.label)
        told = "classes" in said and cell.on("classes") is not None
        words, label = ", ".join(filter(None, words)), "" if told or cell.ignores("classes") else label
        return ": ".join(filter(None, (words, label))) or shelf("heatmaps")[cell.on("methods")].title

    def _explained(self, cell: Cell, label: str) -> str:
        """The class, told from an equal one that was chosen by its name."""
        guessed = cell.on("classes") is None and any(each.on("classes") is not None for each in self.cells)
        return say("compare.first_guess", label=label) if guessed else label

    def _word(self, cell: Cell, axis: str) -> str:
        """What a cell is called on that axis."""
        if cell.ignores(axis):
            return say("compare.pixels" if axis == "layers" else "heatmaps.classless")
        everywhere = cell.on(axis) == AUTOMATIC and len(self.grid.asker.models) > 1
        if axis == "layers" and cell.layer and not everywhere:
            return clean(cell.layer)
        return self.titles[axis][cell.on(axis)]

    # On paper ------------------------------------------------------------------------------------------

    def view(self, looks: Mapping[str, Any]) -> View:
        """What is on the screen; numbers computed anew, each photo alone, so that they can be made again."""
        shown = [cell for cell in self.cells if cell in self.grid.found]
        anew = {cell: self._anew(cell) for cell in shown}
        fresh = Screen(replace(self.grid, found=anew), self.titles)
        panels = [self._printed(fresh, cell, looks) for cell in shown]
        if len(looks["pair"]) == 2:
            a, b = (self.cells[index] for index in looks["pair"])
            panels.append(pairs.printed(fresh, a, b))
        view = View(
            say("compare.view"), tuple(panels), columns=min(self.grid.plan.wide, 6), opacity=looks["opacity"],
            colormap=looks["colormap"], threshold=looks["threshold"], smooth=looks["smooth"], label=self._label(shown),
            shared=looks["locked"] and self.scales == 1 and len(panels) == len(shown) > 1,
        )  # fmt: skip
        return replace(view, caption=captions.caption(view))

    def _anew(self, cell: Cell) -> Heatmap:
        return remember.heatmap(image=photo_of(cell), fresh=True, **self.grid.arguments(cell))

    def _label(self, cells: Sequence[Cell]) -> str:
        names = {shelf("heatmaps")[cell.on("methods")].title for cell in cells}
        return names.pop() if len(names) == 1 else ""

    def _printed(self, fresh: Screen, cell: Cell, looks: Mapping[str, Any]) -> report.Panel:
        heatmap, arguments = fresh.grid.found[cell], self.grid.arguments(cell)
        made = report.view_of_heatmaps(
            arguments["model"], photo_of(cell), heatmap, output=arguments["output"]
        )
        kin = [
            panel for panel in fresh.panels if panel.values is not None and panel.scale == fresh.scale(cell)
        ]
        locked = shared_limits(kin) if looks["locked"] else None
        title = self.called(cell, (*self.grid.plan.heading, *self.grid.plan.title))
        diverging = render.COLORMAPS[looks["colormap"]].diverging
        colormap = pairs.SIGNED if heatmap.signed and not diverging else ""
        panel = widgets.printed(made.panels[0], heatmap)
        return replace(panel, title=title, limits=locked or panel.limits, colormap=colormap)

    def archive(self, looks: Mapping[str, Any]) -> bytes:
        """The view with its photos, numbers, scores and manifest as one ZIP."""
        view = self.view(looks)
        return report.archive(report.Report(view.title, (view,)))
