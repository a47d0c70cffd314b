"""A report as one ZIP with everything in it, from which every number can be made again."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import Any

import numpy as np

from explain import render
from explain.report import facts, recipes, webpages
from explain.report.figures import figure_pdf, figure_png, figure_svg
from explain.report.nouns import Panel, Report, View
from explain.report.snippets import latex, markdown
from explain.report.texts import file_name, for_cell

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
    same bytes. OptionError for a report without views, or a view without panels.
    """
    webpages.checked(report)
    files: dict[str, bytes] = {"report.html": webpages.html(report)}
    listed: list[dict[str, Any]] = []
    snippets: dict[str, list[str]] = {"captions.tex": [], "captions.md": []}
    for number, view in enumerate(report.views, 1):
        stem = f"{number:02}-{file_name(view.title or 'figure', longest=50)}"
        files[f"figures/{stem}.png"] = figure_png(view, width_cm, dpi, caption=False)
        files[f"figures/{stem}.svg"] = figure_svg(view, width_cm, caption=False)
        files[f"figures/{stem}.pdf"] = figure_pdf(view, width_cm, caption=False)
        snippets["captions.tex"].append(latex(view, f"figures/{stem}.pdf"))
        snippets["captions.md"].append(markdown(view, f"figures/{stem}.png"))
        for place, panel in enumerate(view.panels, 1):
            name = _values(
                files, panel, f"values/{number:02}-{place:02}-{file_name(panel.title, longest=50)}.npy"
            )
            listed.append(_row(panel, view, number, place, name))
            _picture(
                files, panel, f"pictures/{number:02}-{place:02}-{file_name(panel.title, longest=50)}.png"
            )
    files |= {name: "\n".join(parts).encode() for name, parts in snippets.items()}
    files["scores.csv"] = _table(listed)
    if manifest := recipes.manifest_of(report.views, command="report"):
        files["manifest.json"] = manifest
    return zipped(files)


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


def _values(files: dict[str, bytes], panel: Panel, name: str) -> str:
    """Keep the numbers of a panel; the name of their file, or "" where there are none."""
    if panel.values is None:
        return ""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(panel.values), allow_pickle=False)
    files[name] = buffer.getvalue()
    return name


def _picture(files: dict[str, bytes], panel: Panel, name: str) -> None:
    """Keep the photo of a panel, once, so that the numbers can be computed again from it; or its pattern."""
    picture = panel.picture if panel.photo is None else panel.photo
    if picture is None:
        return
    image = (panel.recipe or {}).get("image") or {}
    if image.get("key"):
        slug, key = file_name(image.get("name", ""), longest=40), file_name(image["key"])[:16]
        name = f"photos/{slug}-{key}.png"
    if name not in files:
        files[name] = render.png(picture)


def _row(panel: Panel, view: View, number: int, place: int, file: str) -> dict[str, Any]:
    recipe = panel.recipe or {}
    told = facts.rows(panel, view)
    low, high = facts.extent(panel)
    height, width = panel.values.shape if panel.values is not None else ("", "")
    known = {
        "figure": number, "panel": place, "title": panel.title, "kind": told.get("job", ""),
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
