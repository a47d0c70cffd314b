"""Figures as SVG and PDF, and for LaTeX, Markdown and tables: inert, whole, and the same each time."""

# ruff: noqa: F811  (fixtures are imported)
from __future__ import annotations

import json
import re
import zlib
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from reporting import (  # noqa: F401
    HOSTILE,
    SVG,
    chunks,
    decoded,
    heat,
    hostile,
    in_addresses,
    scene_of,
    view,
    wall,
)

import explain
from explain import render, report
from explain.report import layers, scales, snippets, texts
from explain.report.scenes import Words

# SVG --------------------------------------------------------------------------------------------------


def test_svg_has_text_as_text_and_pictures_without_loss(view, cat, heat):
    data = report.figure_svg(view, 8.5)
    root = ElementTree.fromstring(data)
    assert root.get("width") == "8.5cm"
    texts_in = [element.text for element in root.iter(f"{SVG}text")]
    assert heat.label in texts_in and "Where it looked" in texts_in
    (shown,) = in_addresses(data.decode())
    expected = render.overlay(cat, heat, limits=view.panels[0].limits, size=shown.shape[:2])
    np.testing.assert_array_equal(shown, expected)
    stops = [stop.get("stop-color") for stop in root.iter(f"{SVG}stop")]
    assert stops[0] == "#{:02x}{:02x}{:02x}".format(*render.lut("inferno")[0]) and len(stops) == scales.STOPS
    document = json.loads(root.find(f"{SVG}metadata").text)
    assert document["items"][0]["values"] == view.panels[0].recipe["values"]


def test_svg_is_inert_whatever_things_are_called(hostile):
    for each in hostile.views:
        root = ElementTree.fromstring(report.figure_svg(each, 12))
        for element in root.iter():
            assert element.tag.removeprefix(SVG) in (
                "svg", "title", "desc", "metadata", "defs", "linearGradient", "stop", "rect", "image", "text",
            )  # fmt: skip
            for name, value in element.attrib.items():
                assert not name.lower().startswith("on")
                assert "href" not in name or value.startswith("data:image/png;base64,")
                assert "url(" not in value or re.fullmatch(r"url\(#ramp-[a-z-]+\)", value)


# PDF --------------------------------------------------------------------------------------------------


def streams(pdf: bytes) -> list[bytes]:
    found = []
    for match in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            found.append(zlib.decompress(match[1]))
        except zlib.error:
            continue
    return found


def test_pdf_has_vector_text_a_vector_bar_and_its_manifest(view, heat):
    pdf = report.figure_pdf(view, 8.5)
    assert pdf.startswith(b"%PDF-") and pdf.rstrip().endswith(b"%%EOF")
    page = next(stream for stream in streams(pdf) if b" Td" in stream)
    assert f"({heat.label})".encode() in page and b"scn" in page
    assert b"/ShadingType 2" in pdf and b"/DCTDecode" not in pdf and b"/FlateDecode" in pdf
    width = re.search(rb"/MediaBox \[0 0 ([\d.]+)", pdf)[1]
    assert float(width) == pytest.approx(8.5 / 2.54 * 72, abs=0.01)
    attached = [stream for stream in streams(pdf) if stream.startswith(b"{")]
    assert json.loads(attached[0])["items"][0]["layer"] == heat.layer


def test_letters_that_the_font_does_not_have_are_drawn_and_said(default_model, cat, heat):
    plain = report.view_of_heatmaps(default_model, cat, heat, "Cat")
    korean = replace(plain, title="고양이 사진")
    pdf = report.figure_pdf(korean)
    assert pdf.count(b"/Subtype /Image") > report.figure_pdf(plain).count(b"/Subtype /Image")
    assert b"/Alt <feff" + "고양이 사진".encode("utf-16-be").hex().encode() in pdf.lower().replace(
        b"/alt", b"/Alt"
    )
    open_page = next(stream for stream in streams(pdf) if b" Td" in stream)
    assert b"?" not in open_page


# Every kind -------------------------------------------------------------------------------------------


def test_the_same_view_gives_the_same_bytes(view, default_model, cat, wall):
    several = report.view_of_heatmaps(default_model, cat, wall, shared=False)
    for one in (view, several):
        for write in (report.figure_png, report.figure_svg, report.figure_pdf):
            assert write(one) == write(one)


def test_a_png_carries_its_manifest(view):
    keyword, _, rest = chunks(report.figure_png(view))[b"iTXt"].partition(b"\0")
    assert keyword == b"manifest.json"
    document = json.loads(zlib.decompress(rest[4:]))
    assert document["items"][0]["values"] == view.panels[0].recipe["values"]


def test_titles_of_any_length_stay_in_their_column(default_model, cat, wall):
    long = [replace(each, label=f"{i} " + "incomprehensibilities " * 50) for i, each in enumerate(wall)]
    made = report.view_of_heatmaps(default_model, cat, long, "t" * 10_000, columns=3)
    scene = scene_of(made, 8.5)
    assert scene.height < 3 * scene.width
    for shape in scene.shapes:
        if isinstance(shape, Words) and shape.anchor == "start":
            width = render.letters.width_of(shape.text, 64) / 64 * shape.size
            assert width <= (shape.room or scene.width) + 0.5, shape.text


def test_the_two_pictures_of_a_page_make_the_overlay(view, cat, heat):
    """Laid over each other by a browser: base · (1 − opacity · alpha) + colour · opacity · alpha."""
    panel = view.panels[0]
    (base,), (over,) = in_addresses(layers.base(panel.picture)), in_addresses(layers.heat(panel, view)[0])
    alpha = view.opacity * over[..., 3:].astype(float) / 255
    shown = base * (1 - alpha) + over[..., :3] * alpha
    expected = render.overlay(base, heat, view.opacity, limits=panel.limits)
    assert np.abs(shown - expected).max() <= 1
    low = layers.base(cat.pixels[:100, :100])
    np.testing.assert_array_equal(in_addresses(low)[0], cat.pixels[:100, :100])


# Languages --------------------------------------------------------------------------------------------


def test_latex_has_no_command_of_a_stranger(hostile):
    allowed = {
        "begin", "end", "centering", "includegraphics", "linewidth", "caption", "label", "textbackslash", "textless",
        "textgreater", "textbar", "textasciitilde", "textasciicircum", "ensuremath",
    }  # fmt: skip
    for each in hostile.views:
        found = report.latex(each, 'fig "1" %$.pdf')
        assert set(re.findall(r"\\([A-Za-z]+)", found)) <= allowed
        bare = re.sub(r"\\[%&#$_{}]", "", found)
        assert not set("%&#$~^") & set(bare)
        assert bare.count("{") == bare.count("}")
        assert "figures" not in found and "\\label{fig:fig-1}" in found


def test_markdown_stays_text(hostile):
    for each in hostile.views:
        picture, caption = report.markdown(each, "a b).png").strip().split("\n\n")
        assert picture.endswith("](a%20b%29.png)") and picture.startswith("![")
        bare = re.sub(r"\\.", "", picture[2:].rpartition("](")[0] + caption[1:-1])
        assert not re.search(r"[*_`<>\[\]!&|]|://", bare), bare


def test_snippets_carry_caption_and_words(view):
    assert "top\\_activation" in report.latex(view, "f.pdf") and "alt={Heatmap of Grad-CAM" in report.latex(
        view, "f.pdf"
    )
    assert snippets.told(view).startswith("Where it looked. Grad-CAM of")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "＝1", "\n-2"])
def test_no_cell_is_a_formula(text):
    assert texts.for_cell(text).startswith("'")
    assert texts.for_cell(-1.5) == -1.5


def test_what_cannot_be_seen_is_shown():
    assert texts.visible("a\u202eb\nc\x00") == "a�b c�"
    assert texts.file_name("../../etc/pässwd\0") == "etc-passwd" and texts.file_name("고양이") == "unnamed"
    assert len(texts.name("x" * 1000)) == texts.LONGEST


@pytest.mark.parametrize("name", HOSTILE)
def test_every_hostile_name_makes_a_figure(default_model, cat, heat, name):
    photo = explain.Image(cat.key, cat.pixels, name)
    made = report.view_of_heatmaps(default_model, photo, replace(heat, label=name), name)
    assert decoded(report.figure_png(made, 8.5, 72)).shape[1] == round(8.5 / 2.54 * 72)
    assert report.figure_pdf(made)
