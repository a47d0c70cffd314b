"""A saved report is opened again, by the report.json that its archive holds beside the figures.

    report.json   {"format": 1, "title", "about", "made",
                   "models": [model], "recipes": [recipe, its model by its number],
                   "views": [{title, looks, words, "panels": [{title, words, limits, "recipe": its number,
                                                               "picture", "values", …: names of files}]}]}

An archive is a stranger's file. Its directory is checked before anything is unpacked, its JSON is bounded in
bytes, depth and parts, every field has its type and its range, numbers are read without pickle and as many as
there are bytes, pictures pass through `explain.image`, and all arrays together have a limit that is asked
before each one is decoded. Recipes are data and stay data.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from explain.errors import (
    BrokenReport,
    ImageError,
    ImageTooLarge,
    OptionError,
    RefusedModel,
    ReportTooLarge,
    UnknownReport,
    UnsafeReport,
)
from explain.image import limits
from explain.image.decoding import decode
from explain.inspecting import documents
from explain.inspecting.archives import Archive, Terms
from explain.inspecting.limits import MEGABYTE, quoted, size
from explain.render import COLORMAPS, checks
from explain.report import scales
from explain.report.fields import Fields, chart_of, checked_model, checked_recipe
from explain.report.nouns import Panel, Report, View

NAME = "report.json"
FORMAT = 1
SIGNATURE = b"PK\3\4"
PNG = b"\x89PNG\r\n\x1a\n"

MOST_BYTES = 1024 * MEGABYTE  # of all arrays, as they lie in memory
MOST_VIEWS, MOST_PANELS = 200, 10_000  # of a report
JSON_BYTES = 24 * MEGABYTE  # ten thousand panels with recipes need about half of it
JSON_PARTS = 2_000_000  # objects, lists and fields: small ones take 30 times their text in memory
HEADER = 4096  # bytes of a .npy before its numbers
LETTERS = 20_000  # of one text

TERMS = Terms(
    UnsafeReport, ReportTooLarge, BrokenReport, BrokenReport,
    members=50_000, most=lambda: 4096 * MEGABYTE, setting="", never="as no saved report does",
    again="Save the report again with “Save everything (ZIP)”.", fetch="Fetch or save the file again.",
    fewer="Save the report in several parts.", packing="reports never pack",
)  # fmt: skip
ARRAYS = ("picture", "photo", "values", "computed")
Heard = Callable[[int, int], None]
Read = Callable[[str], np.ndarray]


# Saving --------------------------------------------------------------------------------------------------


def written(report: Report, places: Mapping[int, str]) -> bytes:
    """report.json of a report. places: {id of an array: the file in the archive that holds it}."""
    models, recipes = _Listed(), _Listed()

    def numbered(recipe: dict[str, Any] | None) -> int | None:
        if recipe is None:
            return None
        model = recipe.get("model")
        return recipes.number({**recipe, "model": models.number(model)} if model else recipe)

    def panel(one: Panel) -> dict[str, Any]:
        told = {key: value for key, value in vars(one).items() if key not in (*ARRAYS, "recipe", "chart")}
        if one.chart is not None:
            told["chart"] = {**vars(one.chart), "values": places[id(one.chart.values)]}
        arrays = {key: getattr(one, key) for key in ARRAYS}
        files = {key: places[id(array)] for key, array in arrays.items() if array is not None}
        return {**told, "recipe": numbered(one.recipe), **files}

    views = [{**vars(view), "panels": [panel(one) for one in view.panels]} for view in report.views]
    document = {"format": FORMAT, **vars(report), "views": views}
    text = _json(document | {"models": models.values, "recipes": recipes.values}, indent=1)
    return text.encode("utf-8", "backslashreplace")  # half a letter of a name: as an escape, JSON can say it


class _Listed:
    """Values that are told once, by number."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[str, int] = {}

    def number(self, value: Any) -> int:
        text = _json(value)
        if text not in self._numbers:
            self._numbers[text] = len(self.values)
            self.values.append(value)
        return self._numbers[text]


def _json(value: Any, indent: int | None = None) -> str:
    """As JSON; what is not finite as Python writes it, since null would be another text in a table."""
    return json.dumps(value, indent=indent, ensure_ascii=False, default=lambda one: one.item())


# Opening -------------------------------------------------------------------------------------------------


def open_archive(
    source: bytes | str | os.PathLike,
    name: str | None = None,
    most: int = MOST_BYTES,
    heard: Heard | None = None,
) -> Report:
    """The report in an archive that `explain.report.archive` wrote, exactly.

    source: the bytes of the ZIP, or its path; name: of the file, for sentences; most: bytes that all pictures
    and numbers may take in memory; heard: told after each view how many of how many are there.

    UnknownReport for any other file, UnsafeReport for a zip with tricks, BrokenReport where it ends early or
    its parts do not fit together, ReportTooLarge for more of anything than is allowed.
    """
    if isinstance(source, bytes):
        return _opened(io.BytesIO(source), source[:4], name or "report.zip", most, heard)
    path = Path(source)
    try:
        with path.open("rb") as file:
            start = file.read(4)
        return _opened(path, start, name or path.name, most, heard)
    except OSError as error:
        raise UnknownReport(
            f"{quoted(path)} cannot be read: {error.strerror}. Expected the ZIP of a report."
        ) from error


def _opened(source: io.BytesIO | Path, start: bytes, name: str, most: int, heard: Heard | None) -> Report:
    if start != SIGNATURE:
        raise UnknownReport(
            f"{quoted(name)} is no ZIP. Expected the file that “Save everything (ZIP)” wrote; HTML and PDF "
            "are to be read, and cannot be opened here."
        )
    with Archive(source, name, TERMS) as archive:
        if NAME not in archive.names:
            raise UnknownReport(
                f"{quoted(name)} holds no {NAME}. Expected the file that “Save everything (ZIP)” wrote, as it "
                "was saved; older ones cannot be opened again."
            )
        return _Reader(archive, most).report(heard or (lambda done, count: None))


class _Reader:
    """Reads one archive; remembers what several panels share."""

    def __init__(self, archive: Archive, most: int):
        self._archive, self._names = archive, frozenset(archive.names)
        self._most, self._left, self._panels = most, most, 0
        self._arrays: dict[tuple[int, str], np.ndarray] = {}  # by axes and the names of their files
        self._recipes: list[dict[str, Any]] = []

    def report(self, heard: Heard) -> Report:
        data = self._archive.read(NAME, JSON_BYTES)
        top = Fields(self._json(data), NAME)
        if top.whole("format", 0, 2**31) > FORMAT:
            raise UnknownReport(
                f"This report was saved by a later Layerscope. Expected format {FORMAT}: update."
            )
        models = [checked_model(one) for one in top.rows("models", MOST_PANELS)]
        self._recipes = [_with_model(one, models) for one in top.rows("recipes", MOST_PANELS)]
        rows = top.rows("views", MOST_VIEWS, least=1)
        views = []
        for number, row in enumerate(rows, 1):
            views.append(self._view(Fields(row, f"figure {number}")))
            heard(number, len(rows))
        return Report(top.text("title", LETTERS), tuple(views), top.text("about", LETTERS),
                      top.text("made", 100))  # fmt: skip

    def _json(self, data: bytes) -> Any:
        if sum(map(data.count, (b"{", b"[", b","))) > JSON_PARTS:
            raise ReportTooLarge(
                f"{NAME} holds more than {JSON_PARTS:,} parts. Save the report in several parts."
            )
        try:
            return documents.parse(data, NAME, self._archive.name, JSON_BYTES)
        except RefusedModel as error:  # its sentences are about models
            raise BrokenReport(
                f"{NAME} in {quoted(self._archive.name)} is damaged, repeats a name, or is nested too deeply. "
                f"{TERMS.fetch}"
            ) from error

    def _view(self, told: Fields) -> View:
        rows = told.rows("panels", MOST_PANELS, least=1)
        self._panels += len(rows)
        if self._panels > MOST_PANELS:
            raise ReportTooLarge(
                f"A report may have {MOST_PANELS:,} panels, this one has more. {TERMS.fewer}"
            )
        panels = tuple(self._panel(Fields(row, f"{told.where}, panel {i}")) for i, row in enumerate(rows, 1))
        view = View(
            told.text("title", LETTERS), panels, told.whole("columns", 1, checks.LONGEST),
            told.number("opacity", 0, 1), told.choice("colormap", COLORMAPS), told.number("threshold", 0, 1),
            told.flag("smooth"), told.text("label", LETTERS), told.flag("shared"),
            told.text("caption", LETTERS), told.text("remark", LETTERS),
        )  # fmt: skip
        try:
            scales.shared(view)
        except OptionError as error:
            raise BrokenReport(f"{told.where}: {error} {TERMS.fetch}") from error
        return view

    def _panel(self, told: Fields) -> Panel:
        recipe = told.whole("recipe", 0, len(self._recipes) - 1, none=True)
        lines = tuple(told.texts("lines", 100, LETTERS))
        panel = Panel(
            told.text("title", LETTERS), lines, self._picture(told, "picture"),
            self._numbers(told, "values", 2), told.span("limits"), told.text("note", LETTERS),
            told.text("alt", LETTERS), None if recipe is None else self._recipes[recipe],
            self._picture(told, "photo"), told.choice("colormap", ("", *COLORMAPS)),
            self._numbers(told, "computed", 3), chart_of(told, self._numbers),
        )  # fmt: skip
        if panel.picture is None and panel.values is None and panel.chart is None:
            raise told.wrong("picture", "a picture, values or a chart", None)
        return panel

    # Arrays ----------------------------------------------------------------------------------------------

    def _picture(self, told: Fields, key: str) -> np.ndarray | None:
        def read(name: str) -> np.ndarray:
            data = self._archive.read(name, self._left + MEGABYTE)
            if not data.startswith(PNG):
                raise told.wrong(key, "a PNG", data[:8])
            try:
                return decode(data, name, min(limits().pixels, self._left // 3))
            except ImageTooLarge as error:
                ours = self._left // 3 < limits().pixels
                raise (self._full() if ours else ReportTooLarge(str(error))) from error
            except ImageError as error:
                raise BrokenReport(f"{told.where}: {error}") from error

        return self._array(told, key, 0, read)

    def _numbers(self, told: Fields, key: str, axes: int) -> np.ndarray | None:
        from explain.reproducing import box  # late: the room around it is large

        def read(name: str) -> np.ndarray:
            array = box.array_of(self._archive.read(name, self._left + HEADER))
            sound = (
                array is not None and array.ndim == axes and array.dtype.kind == "f"
                and 0 < min(array.shape) <= max(array.shape) <= checks.LONGEST
                and (axes == 2 or array.shape[2] == 3)
            )  # fmt: skip
            if not sound:
                raise told.wrong(
                    key, f"floating point numbers with {axes} axes, as NPY without pickle", array
                )
            return np.array(array, array.dtype.newbyteorder("="), order="C")  # in order, and aligned

        return self._array(told, key, axes, read)

    def _array(self, told: Fields, key: str, axes: int, read: Read) -> np.ndarray | None:
        """The array in the file that the field names, one for all that name it. axes: 0 of pictures."""
        name = told.text(key, 255)
        if not name:
            return None
        if (axes, name) not in self._arrays:
            if name not in self._names:
                raise told.wrong(key, "the name of a file in the archive", name)
            array = read(name)
            self._left -= array.nbytes
            if self._left < 0:
                raise self._full()
            array.flags.writeable = False
            self._arrays[axes, name] = array
        return self._arrays[axes, name]

    def _full(self) -> ReportTooLarge:
        return ReportTooLarge(
            f"The pictures and numbers of {quoted(self._archive.name)} would take more than {size(self._most)} "
            "of memory, which is the most that is opened. Save the report in several parts."
        )


def _with_model(raw: Any, models: list[dict[str, Any]]) -> dict[str, Any]:
    """A recipe with its model in its place again."""
    number = raw.get("model") if isinstance(raw, dict) else None
    if number is not None:
        if type(number) is not int or not 0 <= number < len(models):
            raise BrokenReport(f"A recipe in it names a model that is not described. {TERMS.fetch}")
        raw = {**raw, "model": models[number]}
    return checked_recipe(raw)
