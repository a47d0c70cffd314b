"""A report as one ZIP with everything in it: its numbers can be made again, and it can be opened again."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import Any

import numpy as np

from explain import provenance, render
from explain.report import charts, drafts, facts, recipes, webpages
from explain.report.figures import figure_pdf, figure_png, figure_svg
from explain.report.nouns import Panel, Report, View
from explain.report.snippets import latex, markdown
from explain.report.texts import file_name, for_cell
from explain.report.words import say

DATE = (1980, 1, 1, 0, 0, 0)  # the first a ZIP knows: the same report, the same bytes
STORED = (".png", ".pdf")  # compressed already
COLUMNS = (
    "figure", "panel", "title", "kind", "model", "model_key", "photo", "image_key", "layer", "class_index",
    "label", "method", "options", "score", "probability", "low", "high", "height", "width", "values_sha256",
    "file", "note",
)  # fmt: skip


def archive(report: Report, width_cm: float = 17.0, dpi: float = 300) -> bytes:
    """report.html, figures as PNG, SVG and PDF, numbers as .npy, photos, scores.csv, snippets, manifest.json.

    width_cm, dpi: of the figures. Photos are PNG without loss, each once, named by its digest. Names of files
    are made of letters, digits and dashes, none twice. Dates in the ZIP are fixed: the same report gives the
    same bytes. `explain.report.open_archive` opens it again, by its report.json. OptionError for a report
    without views, or a view without panels.
    """
    webpages.checked(report)
    kept = _Kept()
    kept.files["report.html"] = webpages.html(report)
    for panel in (panel for view in report.views for panel in view.panels):
        kept.photo(panel)
    listed: list[dict[str, Any]] = []
    snippets: dict[str, list[str]] = {"captions.tex": [], "captions.md": []}
    for number, view in enumerate(report.views, 1):
        stem = f"{number:02}-{file_name(view.title or 'figure', longest=50)}"
        kept.files[f"figures/{stem}.png"] = figure_png(view, width_cm, dpi, caption=False)
        kept.files[f"figures/{stem}.svg"] = figure_svg(view, width_cm, caption=False)
        kept.files[f"figures/{stem}.pdf"] = figure_pdf(view, width_cm, caption=False)
        snippets["captions.tex"].append(latex(view, f"figures/{stem}.pdf"))
        snippets["captions.md"].append(markdown(view, f"figures/{stem}.png"))
        for place, panel in enumerate(view.panels, 1):
            stem = f"{number:02}-{place:02}-{file_name(panel.title, longest=50)}"
            file = kept.numbers(panel, f"values/{stem}")
            listed.append(_row(panel, view, number, place, kept.chart(panel, f"values/{stem}") or file))
            if panel.picture is not None:
                kept.picture(panel.picture, f"pictures/{stem}.png")
    kept.files |= {name: "\n".join(parts).encode() for name, parts in snippets.items()}
    kept.files["scores.csv"] = _table(listed)
    kept.files[drafts.NAME] = drafts.written(report, kept.places)
    if manifest := recipes.manifest_of(report.views, command="report"):
        kept.files["manifest.json"] = manifest
    return zipped(kept.files)


def zipped(files: dict[str, bytes]) -> bytes:
    """A ZIP of these files, in order of their names, the same bytes each time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, DATE)
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(STORED) else zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            entry.create_system = 3  # on every system
            target.writestr(entry, files[name], compresslevel=6)
    return buffer.getvalue()


class _Kept:
    """The files of an archive, and in which of them each array lies: {id of the array: name}."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.places: dict[int, str] = {}
        self._seen: dict[str, str] = {}  # digest of a picture → its file

    def photo(self, panel: Panel) -> None:
        """Keep the photo of a panel, so that the numbers can be computed again from it."""
        pixels = panel.picture if panel.photo is None else panel.photo
        image = (panel.recipe or {}).get("image") or {}
        if pixels is not None and image.get("key"):
            slug, key = file_name(image.get("name", ""), longest=40), file_name(image["key"])[:16]
            self.picture(pixels, f"photos/{slug}-{key}.png")
        elif panel.photo is not None:
            self.picture(panel.photo, f"photos/{file_name(panel.title, longest=40)}.png")

    def picture(self, pixels: np.ndarray, name: str) -> None:
        """Keep a picture, (H, W, 3) uint8, without loss and once, whoever shows it."""
        if id(pixels) in self.places:
            return
        digest = provenance.digest(pixels)
        if digest not in self._seen:
            self._seen[digest] = name = self._free(name)
            self.files[name] = render.png(pixels)
        self.places[id(pixels)] = self._seen[digest]

    def numbers(self, panel: Panel, stem: str) -> str:
        """Keep the numbers of a panel; the name of the first file of them, or "" where there are none."""
        chart = None if panel.chart is None else panel.chart.values
        arrays = [array for array in (panel.values, panel.computed, chart) if array is not None]
        for array in arrays:
            if id(array) not in self.places:
                self.places[id(array)] = name = self._free(f"{stem}.npy")
                buffer = io.BytesIO()
                np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
                self.files[name] = buffer.getvalue()
        return self.places[id(arrays[0])] if arrays else ""

    def chart(self, panel: Panel, stem: str) -> str:
        """Keep the numbers of a chart as a table with the names of its places → its file, "" without one."""
        if panel.chart is None:
            return ""
        text, name = io.StringIO(), self._free(f"{stem}.csv")
        rows = [[for_cell(cell) for cell in row] for row in charts.table(panel.chart)]
        csv.writer(text, lineterminator="\r\n").writerows(rows)
        self.files[name] = text.getvalue().encode("utf-8-sig", "replace")
        return name

    def _free(self, name: str) -> str:
        """The name, or one like it that is not taken, whatever a file system thinks of small letters."""
        stem, dot, ending = name.rpartition(".")
        taken, number = {one.lower() for one in self.files}, 2
        while name.lower() in taken:
            name, number = f"{stem}-{number}{dot}{ending}", number + 1
        return name


def _row(panel: Panel, view: View, number: int, place: int, file: str) -> dict[str, Any]:
    recipe = panel.recipe or {}
    told = facts.rows(panel, view)
    low, high = facts.extent(panel)
    numbers = panel.computed if panel.values is None else panel.values
    height, width = ("", "") if numbers is None else numbers.shape[:2]
    known = {
        "figure": number, "panel": place, "title": panel.title,
        "kind": told.get("job", say("job.chart") if panel.chart else ""),
        "model": told.get("model", ""), "model_key": told.get("model_key", ""),
        "photo": told.get("photo", ""),
        "image_key": told.get("image_key", ""), "layer": recipe.get("layer", ""),
        "class_index": recipe.get("class_index", ""), "label": recipe.get("label", ""),
        "method": recipe.get("method", ""), "options": told.get("options", ""),
        "score": facts.number(recipe.get("score")), "probability": facts.number(recipe.get("probability")),
        "low": low, "high": high, "height": height, "width": width,
        "values_sha256": told.get("values_key", ""), "file": file, "note": panel.note,
    }  # fmt: skip
    return {key: "" if value is None else for_cell(value) for key, value in known.items()}


def _table(rows: list[dict[str, Any]]) -> bytes:
    """UTF-8 with a mark, which spreadsheets need to read Korean."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig", "replace")
