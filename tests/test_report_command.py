"""The command that writes a report, and results that show themselves in a notebook."""

# ruff: noqa: F811  (fixtures are imported)
from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_runs import here, opened  # noqa: F401
from reporting import HOSTILE, Page, decoded, heat, signed  # noqa: F401

import explain
from explain import report

# Command ----------------------------------------------------------------------------------------------


def test_the_command_writes_each_kind(opened, here):
    from explain.commands import main

    line = ["report", "efficientnet-lite0", "photos/cat.jpg", "--quiet", "--title", "Cats"]
    for ending, start in ((".html", b"<!DOCTYPE html>"), (".pdf", b"%PDF-"), (".zip", b"PK")):
        assert main([*line, "--out", f"out{ending}"]) == 0
        assert Path(f"out{ending}").read_bytes().startswith(start)
    assert not [path for path in here.iterdir() if path.name.endswith(".part")]
    with zipfile.ZipFile("out.zip") as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["items"][0]["together"] == []


def test_an_archive_too_large_for_the_page_is_said_to_be(opened, here, capsys, monkeypatch):
    from explain.commands import main
    from explain.commands import report as command

    line = ["report", "efficientnet-lite0", "photos/cat.jpg"]
    assert main([*line, "--out", "out.zip"]) == 0
    assert "open_archive" not in capsys.readouterr().out
    monkeypatch.setattr(command, "UPLOAD", Path("out.zip").stat().st_size)
    assert main([*line, "--out", "out.zip"]) == 0
    assert "open_archive" not in capsys.readouterr().out
    monkeypatch.setattr(command, "UPLOAD", 2**20)
    assert Path("out.zip").stat().st_size > 2**20
    assert main([*line, "--out", "out.zip"]) == 0
    told = "of at most 1 MB: in Python explain.report.open_archive('out.zip') opens it."
    assert told in capsys.readouterr().out
    assert main([*line, "--out", "out.pdf"]) == 0
    assert "open_archive" not in capsys.readouterr().out
    assert len(report.open_archive("out.zip").views) == 1


def test_the_page_opens_what_the_command_says_it_opens():
    from dashboard import reopening
    from explain.commands import report as command

    assert reopening.MOST * 2**20 == command.UPLOAD


def test_the_command_compares_methods_layers_and_photos(opened, here, capsys):
    from explain.commands import main

    line = [
        "report", "efficientnet-lite0", "photos", "--method", "gradcam", "--method", "layercam", "--layer", "top_activation",
        "--class", "Egyptian cat", "--option", "signed=true", "--out", "out.html",
    ]  # fmt: skip
    assert main(line) == 0
    said = capsys.readouterr()
    assert "6 heatmaps, 1 skipped, in out.html" in said.out and "broken.jpg" in said.err
    page = Page(Path("out.html").read_bytes())
    assert len([each for each in page.all("section") if "id" in each]) == 3
    assert "each panel has its own scale" in " ".join(page.text)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["photos/cat.jpg", "--out", "out.doc"], "ending .html, .pdf, .zip"),
        (["photos/cat.jpg", "--out", "nowhere/out.pdf"], "does not exist: make it first"),
        (
            ["photos/cat.jpg", "--method", "occlusion", "--layer", "top_activation", "--out", "o.pdf"],
            "leave --layer out",
        ),
        (["photos/cat.jpg", "--option", "colour=red", "--out", "o.pdf"], "has no option 'colour'"),
        (["photos/broken.jpg", "--out", "o.pdf"], "None of 1 picture can be read"),
        (["photos/cat.jpg", "--class", "no such cat", "--out", "o.pdf"], "There is no class"),
    ],
)
def test_the_command_refuses_with_a_sentence(opened, here, capsys, words, told):
    from explain.commands import main

    assert main(["report", "efficientnet-lite0", *words]) == 2
    assert told in capsys.readouterr().err
    assert not Path("o.pdf").exists()


def test_a_photo_is_never_replaced(opened, here, capsys):
    from explain.commands import main

    before = hashlib.sha256(Path("photos/cat.jpg").read_bytes()).hexdigest()
    Path("cat.html").symlink_to("photos/cat.jpg")
    assert main(["report", "efficientnet-lite0", "photos/cat.jpg", "--out", "cat.html"]) == 2
    assert "would be replaced" in capsys.readouterr().err
    assert hashlib.sha256(Path("photos/cat.jpg").read_bytes()).hexdigest() == before


# Notebook ---------------------------------------------------------------------------------------------


def shown(result) -> tuple[Page, bytes | None]:
    """As Jupyter asks."""
    return Page(result._repr_html_().encode()), result._repr_png_()


def test_results_show_themselves(default_model, cat, heat, signed):
    page, picture = shown(heat)
    text = " ".join(page.text)
    assert decoded(picture).shape[1] == round(9 / 2.54 * 110)
    assert heat.label in text and "7 × 7" in text and "Grad-CAM" in text
    assert page.all("img")[0]["alt"].startswith(
        "Heatmap of Grad-CAM for Egyptian cat. The hottest place lies"
    )
    assert decoded(shown(signed)[1]).std() > 1

    maps = explain.activations(default_model, cat, fresh=True)
    page, picture = shown(maps)
    assert "64 of 1280 are shown" in " ".join(page.text) and decoded(picture).shape[0] > 100

    (pattern,) = explain.patterns(default_model, "block1a_depthwise_conv", [3], steps=2, size=32)
    page, picture = shown(pattern)
    assert decoded(picture).shape == (256, 256, 3) and "block1a_depthwise_conv" in " ".join(page.text)

    page, picture = shown(explain.predict(default_model, cat, 1)[0])
    assert picture is None and "81.3%" in " ".join(page.text)
    page, picture = shown(default_model)
    assert "224 × 224 × 3" in " ".join(page.text) and not page.all("img")
    page, picture = shown(
        explain.Verdict("randomisation", False, 0.2, 0.9, "It does not depend on the weights.")
    )
    assert "not passed" in " ".join(page.text) and "It does not depend on the weights." in " ".join(page.text)


def test_photos_figures_and_reports_show_themselves(default_model, cat, heat, signed):
    page, picture = shown(replace(cat, pixels=np.repeat(cat.pixels, 3, axis=0), name="<b>cat</b>"))
    assert max(decoded(picture).shape) == 480 and "900 × 451 × 3" in " ".join(page.text)
    assert page.all("img")[0]["alt"] == "<b>cat</b>" and "b" not in {tag for tag, _ in page.tags}
    np.testing.assert_array_equal(decoded(shown(cat)[1]), cat.pixels)

    view = report.view_of_heatmaps(default_model, cat, [heat, signed], "Two", shared=False)
    page, picture = shown(view)
    assert decoded(picture).shape[1] == round(17 / 2.54 * 110) and page.all("img")[0]["alt"].startswith("Figure of 2")
    page, picture = shown(report.Report("A <report>", (view, view), about="What was asked.\nAnd why."))
    assert picture is None and len(page.all("img")) == 2 and page.text[:2] == ["A <report>", "What was asked."]
    assert shown(report.View("", ()))[1] is None

    warned = replace(default_model, notices=(explain.Notice("W_LABELS", "They are not used."),))
    assert "They are not used. (W_LABELS)" in " ".join(shown(warned)[0].text)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_notebook_shows_names_as_text(heat, name):
    note = explain.Notice("W_BLANK", name)
    page, _ = shown(replace(heat, label=name, layer=name, options={name: name}, notices=(note,)))
    assert {tag for tag, _ in page.tags} == {"div", "img", "table", "tr", "th", "td", "p"}
    assert not any(attribute.startswith("on") for _, attributes in page.tags for attribute in attributes)


def test_a_blank_or_broken_map_is_shown_with_its_reason(heat):
    note = explain.Notice("W_NOT_FINITE", "49 of 49 places are not finite.")
    for values in (
        np.zeros((7, 7), np.float32),
        np.full((7, 7), np.nan, np.float32),
        np.zeros((1, 1), np.float32),
    ):
        page, picture = shown(replace(heat, values=values, score=float("nan"), notices=(note,)))
        assert decoded(picture).size and "49 of 49 places" in " ".join(page.text)
