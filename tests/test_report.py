"""Figures: what is drawn where, in which size, on which scale, and that it is said."""

# ruff: noqa: F811  (fixtures are imported)
from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest
from reporting import HOSTILE, chunks, decoded, heat, said, scene_of, signed, view, wall  # noqa: F401

import explain
from explain import render, report
from explain.errors import OptionError
from explain.report import rasters, scales
from explain.report.scenes import Picture, Ramp

# Size and density -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "dpi"), [(8.5, 300), (17, 150), (3.35 * 2.54, 600)])
def test_a_png_has_exactly_the_width_and_the_density_that_were_asked(view, width, dpi):
    png = report.figure_png(view, width, dpi)
    assert decoded(png).shape[1] == round(width / 2.54 * dpi)
    assert chunks(png)[b"pHYs"] == struct.pack(">IIB", *2 * [round(dpi / 0.0254)], 1)


def test_text_is_as_large_in_points_at_any_density(view):
    """A line of the figure is equally high, in centimetres, at 150 and at 600 dpi."""
    heights = []
    for dpi in (150, 600):
        figure = decoded(report.figure_png(view, 8.5, dpi))
        title = figure[: round(14 * dpi / 72)]
        rows = np.flatnonzero((title < 128).all(axis=2).any(axis=1))
        heights.append(np.ptp(rows) / dpi)
    assert heights[0] == pytest.approx(heights[1], rel=0.15)


def test_panels_are_drawn_as_overlays_are_at_the_resolution_of_the_device(view, cat, heat):
    (frame,) = [shape for shape in scene_of(view).shapes if isinstance(shape, Picture)]
    rows, columns = rasters.frame(frame, 300 / 72)
    size = rows.stop - rows.start, columns.stop - columns.start
    figure = decoded(report.figure_png(view))
    expected = render.overlay(cat, heat, limits=view.panels[0].limits, size=size)
    np.testing.assert_array_equal(figure[rows, columns], expected)
    assert size[1] > 0.9 * figure.shape[1]


def test_a_bar_shows_the_whole_colour_map(view):
    (ramp,) = [shape for shape in scene_of(view).shapes if isinstance(shape, Ramp)]
    rows, columns = rasters.frame(ramp, 300 / 72)
    bar = decoded(report.figure_png(view))[rows, columns]
    np.testing.assert_array_equal(bar[0, 0], render.lut("inferno")[0])
    np.testing.assert_array_equal(bar[0, -1], render.lut("inferno")[-1])


@pytest.mark.parametrize("name", list(render.COLORMAPS))
def test_a_gradient_shows_the_colour_map(name):
    """Between its stops it is off by a few levels at most, at its stops by none."""
    stops = scales.stops(name)
    shares = np.array([share for share, _ in stops])
    colours = np.array([colour for _, colour in stops], float)
    shown = np.stack([np.interp(np.arange(256) / 255, shares, colours[:, i]) for i in range(3)], axis=1)
    assert np.abs(shown - render.lut(name)).max() <= 4
    assert (shares[0], shares[-1]) == (0, 1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"width_cm": 0.5}, "width_cm"),
        ({"dpi": 5000}, "dpi"),
        ({"width_cm": 200, "dpi": 1200}, "smaller width"),
    ],
)
def test_sizes_that_cannot_be_drawn_are_refused(view, changes, words):
    with pytest.raises(OptionError, match=words):
        report.figure_png(view, **changes)


def test_more_columns_than_there_is_room_for_are_refused(default_model, cat, wall):
    crowded = report.view_of_heatmaps(default_model, cat, wall, columns=6)
    with pytest.raises(OptionError, match="6 columns, but a figure 2 cm wide holds 2"):
        report.figure_png(crowded, 2)


def test_a_view_without_panels_is_refused(default_model, cat):
    for write in (report.figure_png, report.figure_svg, report.figure_pdf):
        with pytest.raises(OptionError, match="at least one panel"):
            write(report.View("Empty", ()))
    with pytest.raises(OptionError, match="at least one result"):
        report.view_of_heatmaps(default_model, cat, [])


# Scales -----------------------------------------------------------------------------------------------


def test_one_scale_has_one_bar_and_says_so(default_model, cat, wall):
    shared = report.view_of_heatmaps(default_model, cat, wall)
    scene = scene_of(shared)
    assert sum(isinstance(shape, Ramp) for shape in scene.shapes) == 1
    assert "Grad-CAM · map 7 × 7 · one scale for all panels" in said(scene)
    assert {panel.limits for panel in shared.panels} == {(0.0, float(wall[5].values.max()))}
    assert "One scale for all panels, 0.00 to" in shared.caption


def test_own_scales_have_bars_of_their_own_and_say_so(default_model, cat, wall):
    own = report.view_of_heatmaps(default_model, cat, wall, shared=False)
    scene = scene_of(own)
    assert sum(isinstance(shape, Ramp) for shape in scene.shapes) == 6
    assert any("each panel has its own scale" in line for line in said(scene))
    assert "Each panel has its own scale." in own.caption


def test_groups_of_panels_on_one_scale_are_not_called_all_different(default_model, cat, heat):
    same = report.view_of_heatmaps(default_model, cat, [heat, heat], shared=False)
    other = replace(same.panels[0], limits=(0.0, 9.0))
    mixed = replace(same, panels=(*same.panels, other))
    assert "scales differ between panels: read the numbers of each" in scales.statement(mixed)


def test_a_view_cannot_say_that_scales_are_shared_which_are_not(view):
    lie = replace(view, shared=True, panels=(view.panels[0], replace(view.panels[0], limits=(0.0, 9.0))))
    for write in (report.figure_png, report.figure_svg, lambda v: report.html(report.Report("", (v,)))):
        with pytest.raises(OptionError, match="same limits in every panel"):
            write(lie)


def test_maps_with_a_sign_are_centred_on_zero(default_model, cat, signed):
    made = report.view_of_heatmaps(default_model, cat, signed)
    low, high = made.panels[0].limits
    assert (made.colormap, low) == ("blue-red", -high)
    assert high == pytest.approx(np.abs(signed.values).max())
    words = said(scene_of(made))
    assert "0.00" in " ".join(words) and any(word.startswith("−") for word in words)
    assert "at the pixels" in made.caption and "map 224 × 224" in " ".join(words)


def test_a_blank_map_says_why_in_the_figure_and_in_the_caption(default_model, cat, wall):
    made = report.view_of_heatmaps(default_model, cat, wall)
    assert "Blank: class 3." in made.caption
    assert "Blank: nothing speaks for it." in " ".join(said(scene_of(made, 17)))
    assert "The map is blank." in made.panels[3].alt


def test_feature_maps_and_patterns_become_views(default_model, cat):
    maps = explain.activations(default_model, cat, "block1a_depthwise_activation", fresh=True)
    made = report.view_of_maps(default_model, cat, maps, channels=[3, 0], title="Two")
    assert [panel.title for panel in made.panels] == ["channel 3", "channel 0"]
    np.testing.assert_array_equal(made.panels[1].values, maps.values[..., 0])
    assert made.panels[0].limits == render.limits(maps.values[..., [3, 0]])
    assert made.panels[0].recipe["channels"] == [3]
    assert "channels 3, 0" in made.caption
    with pytest.raises(OptionError, match="channels 0 to 31, received 32"):
        report.view_of_maps(default_model, cat, maps, channels=[32])
    every = report.view_of_maps(default_model, cat, maps)
    means = maps.values.mean(axis=(0, 1))
    assert every.panels[0].title == f"channel {means.argmax()}" and len(every.panels) == 16

    pattern = explain.Pattern(
        "conv", 4, np.full((8, 8, 3), 0.5, np.float32), np.ones(30, np.float32), "robust"
    )
    made = report.view_of_patterns(default_model, [pattern, pattern], seed=7)
    assert made.panels[0].picture[0, 0].tolist() == [128, 128, 128]
    assert made.panels[0].recipe["steps"] == 30 and "seed = 7" in made.caption
    assert not any(isinstance(shape, Ramp) for shape in scene_of(made).shapes)


# Words ------------------------------------------------------------------------------------------------


def test_the_caption_says_everything_that_a_reviewer_asks(view, heat, cat):
    for words in (
        "Grad-CAM of efficientnet-lite0", "layer top_activation", f"“{heat.label}” ({heat.class_index})",
        f"Score {heat.score:.4g}", f"probability {heat.probability:.1%}", "signed = no", "Scale 0", "opacity 50%",
        "Colour map inferno", f"SHA-256 {cat.key[:12]}",
    ):  # fmt: skip
        assert words in view.caption, words


def test_titles_say_what_differs(default_model, cat, heat):
    assert report.view_of_heatmaps(default_model, cat, heat).panels[0].title == heat.label
    other = replace(heat, method="layercam")
    two = report.view_of_heatmaps(default_model, cat, [heat, other])
    assert [panel.title for panel in two.panels] == ["Grad-CAM", "LayerCAM"]
    twin = explain.Image("another", cat.pixels, cat.name)
    two = report.view_of_heatmaps(default_model, [cat, twin], [heat, replace(heat, image="another")])
    assert [panel.title for panel in two.panels] == [f"{cat.name} ({cat.key[:6]})", f"{cat.name} (anothe)"]


def test_a_heatmap_without_its_photo_is_refused(default_model, cat, heat):
    with pytest.raises(OptionError, match="needs its photo"):
        report.view_of_heatmaps(default_model, cat, replace(heat, image="other"))
    with pytest.raises(OptionError, match="no look 'colour'"):
        report.view_of_heatmaps(default_model, cat, heat, colour="red")


def test_where_the_hottest_place_lies():
    values = np.zeros((6, 6))
    values[5, 0] = 1
    assert report.captions.where(values).endswith("at the bottom left.")
    values[3, 3] = 2
    assert report.captions.where(values).endswith("in the middle.")
