"""A saved report is opened again: the same words, looks, recipes and bits, and so the same documents."""

# ruff: noqa: F811  (fixtures are imported)
from __future__ import annotations

import io
import json
import zipfile
from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest
from reporting import heat, hostile, loaded, signed, view, wall  # noqa: F401

import explain
from explain import provenance, report
from explain.report import Panel, Report, View, drafts
from explain.report.fields import tidy

WAVES = np.linspace(-1, 1, 35, dtype=np.float32).reshape(5, 7)
PHOTO = np.arange(6 * 9 * 3, dtype=np.uint8).reshape(6, 9, 3)


@cache
def saved(document: Report) -> bytes:
    return report.archive(document, 8.5, 72)


def again(document: Report) -> Report:
    return report.open_archive(saved(document))


def same(one, other) -> None:
    """Field by field, types and bits too; an object that was shared is shared."""
    assert type(one) is type(other) or isinstance(one, np.ndarray)
    if isinstance(one, Report | View | Panel):
        for field in fields(one):
            same(getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, tuple | list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            same(a, b)
    elif isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape) and one.tobytes() == other.tobytes()
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for key in one:
            same(one[key], other[key])
    else:
        assert repr(one) == repr(other)  # of NaN, too


def everything() -> Report:
    """A report in which nothing stands on its default."""
    odd = WAVES.copy()
    odd[0, :3] = np.nan, -0.0, np.float32(1e-42)  # none, a sign, a number too small to be normal
    recipe = {
        "job": "heatmap", "model": {"name": "A", "key": "a" * 64, "input_shape": [6, 9, 3]}, "layer": "",
        "image": {"key": "b" * 64, "name": "cat.jpg"}, "class_index": 3, "label": "cat", "method": "gradcam",
        "options": {"signed": True, "samples": 25, "noise": 0.1, "kind": "x"}, "score": 1.5, "probability": float("nan"),
        "facts": {"completeness_gap": float("nan"), "steps": 3}, "values": provenance.told(WAVES), "together": [],
    }  # fmt: skip
    first = Panel("First", ("score 1.5", "a line"), PHOTO, WAVES, (-1.0, 1.0), "blank (W_BLANK)", "In words",
                  recipe, PHOTO[::-1], "blue-red")  # fmt: skip
    second = Panel("second", (), None, odd.astype(np.float64), (0.25, 1 / 3), recipe=dict(recipe))
    pattern = Panel("", picture=PHOTO.copy(), computed=np.random.default_rng(0).random((6, 9, 3), np.float32))
    views = (
        View("Two", (first, second), 2, 0.35, "magma", 0.2, False, "evidence", False, "Mine.\n\nOf two.", "A\n  remark"),
        View("Two", (pattern, first), 1, 1.0, "viridis", 0.0, True, "", True, "", ""),
    )  # fmt: skip
    return Report("On cats · 고양이", views, "An introduction.\nIn lines.", "2026-01-31")


def test_everything_comes_back_to_the_bit():
    document = everything()
    same(document, again(document))


def test_documents_and_figures_of_it_are_the_same_bytes(default_model, cat, view, wall, signed):
    six = report.view_of_heatmaps(
        default_model, cat, wall, "Six", shared=False, remark="A remark.\nOf two lines."
    )
    pixels = report.view_of_heatmaps(
        default_model, cat, signed, "Pixels", opacity=0.8, threshold=0.1, smooth=False
    )
    document = Report("What it sees", (view, six, pixels), "An introduction.", "2026-01-31")
    opened = again(document)
    assert report.html(opened) == report.html(document) and report.pdf(opened) == report.pdf(document)
    assert report.archive(opened, 8.5, 72) == saved(document)
    for one, other in zip(document.views, opened.views, strict=True):
        assert report.figure_png(one, 8.5, 150) == report.figure_png(other, 8.5, 150)
        assert report.figure_svg(one) == report.figure_svg(other)
        assert report.figure_pdf(one) == report.figure_pdf(other)
        assert report.latex(one, "f.pdf") == report.latex(other, "f.pdf")
    same(document, opened)


def test_maps_and_patterns_come_back_with_their_numbers(default_model, cat):
    maps = explain.activations(default_model, cat, "block1a_project_bn", fresh=True)
    (pattern,) = explain.patterns(default_model, "block2a_expand_bn", [3], steps=2, size=48)
    document = Report(
        "Layers",
        (
            report.view_of_maps(default_model, cat, maps, [3, 1], "Alone"),
            report.view_of_maps(default_model, cat, maps, [3], "Over", over=True),
            report.view_of_patterns(default_model, pattern, "Patterns"),
        ),
    )
    opened = again(document)
    same(document, opened)
    assert report.html(opened) == report.html(document)
    (panel,) = opened.views[2].panels
    assert provenance.digest(panel.computed) == panel.recipe["values"]["sha256"]
    with zipfile.ZipFile(io.BytesIO(saved(document))) as archive:
        (name,) = (name for name in archive.namelist() if name.startswith("values/03-01"))
        assert np.array_equal(loaded(archive.read(name)), pattern.pixels)
        assert name in archive.read("scores.csv").decode("utf-8-sig")
    assert opened.views[0].panels[0].photo is opened.views[1].panels[0].picture  # in memory once, too


def test_hostile_words_come_back_as_harmless_as_they_were(hostile):
    opened = again(hostile)
    assert report.html(opened) == report.html(hostile) and report.pdf(opened) == report.pdf(hostile)
    assert "\u202e" not in "".join(view.title + view.remark + view.label for view in opened.views)


@pytest.mark.parametrize(
    "text, kept",
    [
        ("two\nlines\tand  room ", None), ("고양이 😀 \u200d", None), ("a\r\nb\rc\u2028d\x0be", "a\nb\nc\nd\ne"),
        ("\u202egnp.exe\x00\x1b[31m", "�gnp.exe��[31m"), ("half \ud83d", "half �"), ("\ue000\u2066", "��"),
    ],
)  # fmt: skip
def test_words_keep_their_lines_and_lose_what_cannot_be_seen(text, kept):
    assert tidy(text) == (text if kept is None else kept)


def test_the_archive_stays_pleasant_to_read():
    """One file for the machine; no picture twice; each array is named after its figure and panel."""
    document = everything()
    with zipfile.ZipFile(io.BytesIO(saved(document))) as archive:
        names = archive.namelist()
        draft = json.loads(archive.read(drafts.NAME))
        pictures = [
            loaded_picture(archive.read(name)) for name in names if name.startswith(("pictures/", "photos/"))
        ]
    tops = {name.partition("/")[0] for name in names}
    assert tops == {
        "report.html", "report.json", "manifest.json", "scores.csv", "captions.tex", "captions.md", "figures", "values",
        "pictures", "photos",
    }  # fmt: skip
    assert len({picture.tobytes() for picture in pictures}) == len(pictures) == 2
    assert [name for name in names if name.startswith("values/")] == [
        "values/01-01-First.npy", "values/01-02-second.npy", "values/02-01-unnamed.npy",
    ]  # fmt: skip
    assert len(draft["models"]) == 1 and len(draft["recipes"]) == 1  # each once
    assert draft["views"][0]["panels"][0]["values"] == "values/01-01-First.npy"


def loaded_picture(data: bytes) -> np.ndarray:
    return explain.read(data).pixels


def test_models_of_one_key_and_different_words_are_kept_apart():
    first = everything().views[0].panels[0]
    other = replace(first, recipe={**first.recipe, "model": {**first.recipe["model"], "name": "B"}})
    document = Report("Two names", (View("", (first, other), colormap="magma"),))
    assert [panel.recipe["model"]["name"] for panel in again(document).views[0].panels] == ["A", "B"]


def test_a_path_is_opened_like_its_bytes(tmp_path):
    path = tmp_path / "report.zip"
    path.write_bytes(saved(everything()))
    same(report.open_archive(path), report.open_archive(str(path)))
    same(report.open_archive(path), everything())


def test_how_far_it_is_is_told():
    heard = []
    report.open_archive(saved(everything()), heard=lambda done, count: heard.append((done, count)))
    assert heard == [(1, 2), (2, 2)]
