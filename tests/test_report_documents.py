"""Documents: page, PDF, archive, the command that writes them, and results in a notebook."""

# ruff: noqa: F811  (fixtures are imported)
from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from command_runs import in_a_process
from reporting import (  # noqa: F401
    Page,
    decoded,
    heat,
    hostile,
    in_addresses,
    loaded,
    signed,
    view,
    wall,
)

from explain import provenance, render, report
from explain.errors import OptionError


@pytest.fixture(scope="module")
def document(default_model, cat, view, wall, signed):
    """Three views with remarks."""
    own = report.view_of_heatmaps(
        default_model, cat, wall, "Six classes", shared=False, remark="A remark.\nOf two lines."
    )
    pixels = report.view_of_heatmaps(default_model, cat, signed, "Pixels")
    return report.Report("What it sees", (view, own, pixels), "An introduction.", "2026-01-31")


@pytest.fixture(scope="module")
def files(document):
    with zipfile.ZipFile(io.BytesIO(report.archive(document, 8.5, 100))) as archive:
        assert archive.testzip() is None
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        return {name: archive.read(name) for name in archive.namelist()}


# HTML -------------------------------------------------------------------------------------------------


def test_a_page_needs_nothing_but_itself(document):
    page = Page(report.html(document))
    for _, attributes in page.tags:
        for name in ("src", "href"):
            assert attributes.get(name, "#").startswith(("#", "data:image/")), attributes
    (policy,) = [each["content"] for each in page.all("meta") if "http-equiv" in each]
    assert policy.startswith("default-src 'none'; img-src data:;") and "unsafe" not in policy
    assert not page.all("link") and not page.all("iframe")


def test_a_page_says_everything(document, view, heat, cat):
    page = Page(report.html(document))
    text = " ".join(page.text)
    for words in (
        "What it sees", "An introduction.", "2026-01-31", view.caption, "A remark.", "Of two lines.", heat.label,
        "each panel has its own scale", "map 7 × 7", "top_activation", f"{heat.score:.6g}", "signed = no", cat.key,
        provenance.digest(heat.values), "python -m explain heatmaps efficientnet-lite0",
        "python -m explain reproduce FILE", "Blank: nothing speaks for it.", "tensorflow 2",
    ):  # fmt: skip
        assert words in text, words
    images = page.all("img")
    assert all("alt" in image for image in images)
    assert len([image for image in images if image["alt"].startswith("Heatmap of")]) == 8
    headings = [tag for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert headings[:2] == ["h1", "h2"]


def test_a_page_carries_its_manifest(document, view):
    data = report.html(document).decode()
    found = re.search(r'<script type="application/json" id="manifest">(.*?)</script>', data, re.DOTALL)[1]
    items = json.loads(found)["items"]
    assert items[0]["values"] == view.panels[0].recipe["values"] and len(items) == 8


def test_no_name_becomes_markup(hostile):
    page = Page(report.html(hostile))
    assert {tag for tag, _ in page.tags} <= {
        "html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "h3", "p", "nav", "ol", "li", "a", "main",
        "section", "figure", "div", "img", "span", "figcaption", "br", "table", "tr", "th", "td", "pre", "footer",
        "script", "label", "input", "output",
    }  # fmt: skip
    assert not any(
        name.startswith("on") or name == "style" for _, attributes in page.tags for name in attributes
    )
    assert len(page.all("script")) == 2
    assert "\u202e" not in report.html(hostile).decode()


def test_the_overlay_of_a_page_is_that_of_the_figure(document, view, cat, heat):
    base, over, *_ = in_addresses(report.html(document).decode())
    alpha = view.opacity * over[..., 3:].astype(float) / 255
    shown = base[..., :3] * (1 - alpha) + over[..., :3] * alpha
    expected = render.overlay(cat, heat, view.opacity, limits=view.panels[0].limits).astype(float)
    assert np.abs(shown - expected).mean() < 3  # the photo is a WebP there


def test_the_same_report_gives_the_same_bytes(document):
    short = replace(document, views=document.views[:1])
    for write in (report.html, report.pdf, lambda one: report.archive(one, 5, 72)):
        assert write(short) == write(short)


@pytest.mark.parametrize("write", [report.html, report.pdf, report.archive])
def test_a_report_without_anything_is_refused(write):
    with pytest.raises(OptionError, match="at least one view") as refusal:
        write(report.Report("Nothing", ()))
    assert refusal.value.code == "E_OPTION"
    with pytest.raises(OptionError, match="has no panels"):
        write(report.Report("Nothing", (report.View("Empty", ()),)))
    bare = report.View("", (report.Panel("no picture, no values"),))
    with pytest.raises(OptionError, match="a picture or values"):
        write(report.Report("Nothing", (bare,)))


# PDF --------------------------------------------------------------------------------------------------


def test_a_booklet_has_pages_of_a4_and_their_numbers(document):
    pdf = report.pdf(document)
    pages = len(re.findall(rb"/Type /Page\b(?!s)", pdf))
    assert pages >= 3 and b"595.28 841.89" in pdf
    assert report.pdf(replace(document, made="")) != pdf
    assert b"20260131" in pdf


@pytest.mark.parametrize("columns", [1, 2, 6])
def test_a_figure_of_many_panels_fits_a_page(default_model, cat, wall, columns):
    many = report.view_of_heatmaps(default_model, cat, wall * 4, "Many", columns, shared=False)
    assert report.pdf(report.Report("Many", (many,))).startswith(b"%PDF-")


def test_hostile_names_make_a_booklet(hostile):
    assert report.pdf(hostile).startswith(b"%PDF-")


# ZIP --------------------------------------------------------------------------------------------------


def test_an_archive_holds_everything(files, document, heat, cat):
    assert {"report.html", "scores.csv", "manifest.json", "captions.tex", "captions.md"} <= set(files)
    assert [name for name in files if name.startswith("figures/01-")] == [
        f"figures/01-Where-it-looked.{ending}" for ending in ("pdf", "png", "svg")
    ]
    np.testing.assert_array_equal(loaded(files["values/01-01-Egyptian-cat.npy"]), heat.values)
    (photo,) = [name for name in files if name.startswith("photos/")]
    np.testing.assert_array_equal(decoded(files[photo]), cat.pixels)
    assert files["captions.tex"].decode().count("\\includegraphics") == 3
    for file in re.findall(r"\]\((.*?)\)", files["captions.md"].decode()):
        assert file in files


def test_the_manifest_of_an_archive_lists_its_numbers(files, document):
    manifest = json.loads(files["manifest.json"])
    assert manifest["format"] == provenance.FORMAT and len(manifest["items"]) == 8
    kept = {provenance.digest(loaded(data)) for name, data in files.items() if name.endswith(".npy")}
    assert {item["values"]["sha256"] for item in manifest["items"]} <= kept


def test_the_table_of_scores_is_safe_and_complete(files, hostile, heat):
    rows = list(csv.DictReader(io.StringIO(files["scores.csv"].decode("utf-8-sig"))))
    assert len(rows) == 8
    assert float(rows[0]["score"]) == heat.score and rows[0]["layer"] == heat.layer
    assert all(row["file"] in files for row in rows)
    with zipfile.ZipFile(io.BytesIO(report.archive(hostile, 8.5, 36))) as archive:
        names = archive.namelist()
        table = archive.read("scores.csv").decode("utf-8-sig")
    for row in csv.reader(io.StringIO(table, newline="")):
        assert not any(cell[:1] in ("=", "+", "-", "@", "\t") and not cell[1:2].isdigit() for cell in row), (
            row
        )
    assert len(set(map(str.lower, names))) == len(names)
    assert all(re.fullmatch(r"(figures|values|photos)?/?[A-Za-z0-9_-]+\.[a-z]+", name) for name in names), (
        names
    )


def test_the_archive_is_made_again_to_the_bit(document, tmp_path):
    path = tmp_path / "report.zip"
    path.write_bytes(report.archive(document, 8.5, 72))
    only = [item["method"] for item in json.loads(zipfile.ZipFile(path).read("manifest.json"))["items"]]
    assert set(only) == {"gradcam", "gradient_times_input"}
    heat_only = report.Report("", (document.views[0], document.views[2]))
    path.write_bytes(report.archive(heat_only, 8.5, 72))
    said = in_a_process("reproduce", str(path), cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    assert "2 of 2 items: the same bits" in said.stdout
