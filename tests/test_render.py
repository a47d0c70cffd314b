"""explain.render, colours and one map: every expected picture small enough to be written out."""

import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from explain import render
from explain.errors import OptionError
from explain.render import colors
from explain.results import Heatmap, Image

SEQUENTIAL = ("viridis", "inferno", "magma", "cividis", "gray")


def linear(table):
    """sRGB 0..255 → linear light 0..1, IEC 61966-2-1."""
    unit = table / 255
    return np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)


def lightness(table):
    """L* of CIE Lab for (n, 3) sRGB: from luminance alone."""
    y = linear(table) @ [0.2126, 0.7152, 0.0722]
    return np.where(y > (6 / 29) ** 3, 116 * np.cbrt(y) - 16, y * (29 / 3) ** 3)


# colours

def test_the_order_of_the_menu_puts_the_misleading_maps_last_and_marks_them():
    assert list(render.COLORMAPS) == [*SEQUENTIAL, "blue-red", "turbo", "jet"]
    for name, facts in render.COLORMAPS.items():
        assert facts.name == name and facts.diverging == (name == "blue-red")
        assert facts.perceptual == (name not in ("turbo", "jet"))
        assert facts.perceptual != ("not perceptual" in facts.title)
        assert facts.perceptual != ("Not perceptual" in facts.note)


@pytest.mark.parametrize("name", render.COLORMAPS)
def test_a_table_is_256_colours_that_nobody_can_change(name):
    table = render.lut(name)
    assert table.shape == (256, 3) and table.dtype == np.uint8
    assert table is render.lut(name)
    with pytest.raises(ValueError):
        table[0] = 0


def test_tables_are_rgb():
    assert render.lut("viridis")[0].tolist() == [68, 1, 84]            # as published by its authors
    assert render.lut("viridis")[255].tolist() == [253, 231, 37]
    assert render.lut("gray")[[0, 7, 255]].tolist() == [[0] * 3, [7] * 3, [255] * 3]
    assert render.lut("blue-red")[0].argmax() == 2 and render.lut("blue-red")[255].argmax() == 0


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_more_is_always_lighter(name):
    steps = np.diff(lightness(render.lut(name)))
    assert (steps > -0.25).all() and (steps > 0).mean() > 0.97         # 8 bits round a little
    assert lightness(render.lut(name))[-1] - lightness(render.lut(name))[0] > 60


@pytest.mark.parametrize("name", ("turbo", "jet"))
def test_the_marked_maps_deserve_their_mark(name):
    assert (np.diff(lightness(render.lut(name))) > 0).mean() < 0.75


def test_blue_red_darkens_evenly_on_both_sides_of_a_light_neutral_zero():
    light = lightness(render.lut("blue-red"))
    assert (np.diff(light[:128]) > 0).all() and (np.diff(light[128:]) < 0).all()
    even = np.interp(np.abs(2 * np.arange(256) - 255) / 255, (0, 1), (96, 28))
    assert np.abs(light - even).max() < 0.6
    for q in (127, 128):
        middle = render.lut("blue-red")[q].astype(int)
        assert middle.min() > 235 and np.ptp(middle) <= 6


# Machado, Oliveira, Fernandes 2009, severity 1, on linear light.
BLIND = {
    "protan": [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]],
    "deutan": [[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]],
}


@pytest.mark.parametrize("kind", BLIND)
def test_blue_red_keeps_its_sides_apart_for_the_colour_blind(kind):
    seen = np.clip(linear(render.lut("blue-red")) @ np.transpose(BLIND[kind]), 0, 1)
    lab = cv2.cvtColor(seen[None].astype(np.float32), cv2.COLOR_LRGB2Lab)[0]
    both = np.linalg.norm(lab - lab[::-1], axis=1)                     # −v beside +v
    assert (both[:102] > 13).all()                                     # from a fifth of the way outwards


@pytest.mark.parametrize("name, hint", [("viridi", "viridis"), ("grey", "gray"), ("bluered", "blue-red")])
def test_a_misspelt_colour_map_names_its_neighbours(name, hint):
    with pytest.raises(OptionError, match=f"no colour map '{name}'.*Did you mean.*'{hint}'"):
        render.lut(name)


# limits and 0..1

@pytest.mark.parametrize("values, unsigned, signed", [
    ([1, 4], (0, 4), (-4, 4)),
    ([-1, 4], (-1, 4), (-4, 4)),
    ([-3, -1], (-3, 0), (-3, 3)),
    ([2, 2], (0, 2), (-2, 2)),
    ([0, 0], (0, 1), (-1, 1)),
    ([np.nan, 3, np.inf, -np.inf], (0, 3), (-3, 3)),
    ([np.nan], (0, 1), (-1, 1)),
    ([], (0, 1), (-1, 1)),
])
def test_limits_hold_zero_and_are_never_empty(values, unsigned, signed):
    assert render.limits(np.array(values, np.float32)) == unsigned
    assert render.limits(np.array(values, np.float32), signed=True) == signed


def test_unit_clips_and_has_nothing_to_say_about_what_is_not_finite():
    found = render.unit(np.array([[-1, 0], [1, 2], [4, 9], [np.nan, np.inf]]), 0, 4)
    assert found.dtype == np.float32
    assert found.tolist() == [[0, 0], [0.25, 0.5], [1, 1], [0, 0]]
    assert render.unit(np.array([5.0]), 5, 5).tolist() == [0]          # flat


def test_levels_round_halves_up_as_browsers_do():
    assert colors.levels(np.array([0.5, 1.5, 2.5, 254.5]), 0, 255).tolist() == [1, 2, 3, 255]


@pytest.mark.parametrize("lo, hi", [(2, 1), (np.nan, 1), (0, np.inf)])
def test_unit_refuses_limits_that_are_none(lo, hi):
    with pytest.raises(OptionError, match="lo <= hi"):
        render.unit(np.zeros(2), lo, hi)


# size

def test_enlarge_is_bilinear_between_the_centres_of_cells_and_flat_outside():
    found = render.enlarge(np.array([[0, 4], [8, 12]]), 2, 4)
    assert found.dtype == np.float32
    assert found.tolist() == [[0, 1, 3, 4], [8, 9, 11, 12]]
    assert render.enlarge(np.array([[0, 4], [8, 12]]), 4, 2).tolist() == [[0, 4], [2, 6], [6, 10], [8, 12]]


def test_enlarge_not_smooth_shows_the_cell_at_every_centre():
    values = np.array([[1, 2]])
    assert render.enlarge(values, 1, 5, smooth=False).tolist() == [[1, 1, 2, 2, 2]]     # ½·5 lies in 2
    assert render.enlarge(values.T, 5, 1, smooth=False).tolist() == [[1], [1], [2], [2], [2]]
    assert render.enlarge(values, 2, 4, smooth=False).tolist() == [[1, 1, 2, 2], [1, 1, 2, 2]]


def test_what_becomes_shorter_is_averaged():
    values = np.array([[0, 2, 4, 6], [2, 4, 6, 8]])
    assert render.enlarge(values, 1, 2).tolist() == [[2, 6]]
    assert render.enlarge(values, 4, 2, smooth=False).tolist() == [[1, 5], [1, 5], [3, 7], [3, 7]]


def test_enlarge_gives_an_array_of_its_own():
    values = np.ones((2, 2), np.float32)
    render.enlarge(values, 2, 2)[:] = 5
    assert values.tolist() == [[1, 1], [1, 1]]


# overlay

def slowly(picture, values, lo, hi, table, opacity, threshold, diverging):
    """The formula, pixel by pixel, in Python's own floats."""
    result = []
    for row, line in zip(picture.tolist(), values.tolist(), strict=True):
        result.append([])
        for pixel, value in zip(row, line, strict=True):
            q = int(min(max((value - lo) / (hi - lo), 0), 1) * 255 + 0.5)
            heat = abs(2 * q - 255) if diverging else q
            alpha = opacity * heat / 255 if heat >= threshold * 255 else 0
            pairs = zip(pixel, table[q].tolist(), strict=True)
            result[-1].append([int(p * (1 - alpha) + c * alpha + 0.5) for p, c in pairs])
    return result


@pytest.mark.parametrize("colormap", ("inferno", "blue-red", "jet"))
@pytest.mark.parametrize("opacity, threshold", [(0.5, 0), (1, 0), (0.7, 0.4), (0, 0), (1, 1)])
def test_overlay_is_the_formula(colormap, opacity, threshold):
    rng = np.random.default_rng(3)
    picture = rng.integers(0, 256, (5, 6, 3), np.uint8)
    values = rng.normal(size=(5, 6)).astype(np.float32)
    diverging = render.COLORMAPS[colormap].diverging
    lo, hi = render.limits(values, signed=diverging)
    expected = slowly(picture, values, lo, hi, render.lut(colormap), opacity, threshold, diverging)
    found = render.overlay(picture, values, opacity, colormap, threshold)
    assert found.dtype == np.uint8 and found.tolist() == expected


def test_overlay_by_hand():
    picture = np.full((2, 2, 3), 100, np.uint8)
    heatmap = np.array([[0, 1], [2, 4]], np.float32)                   # q = 0, 64, 128, 255
    found = render.overlay(picture, heatmap, opacity=1, colormap="gray")
    # 100 · (1 − q/255) + q · q/255:   100,  74.9 + 16.1,  49.8 + 64.3,  255
    assert found[..., 0].tolist() == [[100, 91], [114, 255]]
    found = render.overlay(picture, heatmap, opacity=1, colormap="gray", threshold=0.4)       # 102
    assert found[..., 0].tolist() == [[100, 100], [114, 255]]


def test_overlay_enlarges_values_and_not_colours():
    picture = np.zeros((1, 4, 3), np.uint8)
    found = render.overlay(picture, np.array([[0.0, 4.0]]), opacity=1, colormap="jet")
    alpha = np.array([0, 64, 191, 255]) / 255                          # values 0 1 3 4
    expected = np.floor(render.lut("jet")[[0, 64, 191, 255]] * alpha[:, None] + 0.5)
    assert found[0].tolist() == expected.tolist()


def test_overlay_takes_the_nouns_and_the_picture_s_size():
    image = Image("k", np.full((130, 9, 3), 50, np.uint8))             # more than one strip
    heatmap = Heatmap("conv", 1, "cat", 2.0, 0.9, "gradcam", np.arange(4, dtype=np.float32).reshape(2, 2))
    found = render.overlay(image, heatmap)
    assert found.shape == (130, 9, 3)
    assert found.tolist() == render.overlay(image.pixels, heatmap.values).tolist()
    assert render.overlay(image, heatmap, size=(4, 6)).shape == (4, 6, 3)
    assert (image.pixels == 50).all()


def test_a_map_with_a_sign_gets_colours_centred_on_zero_where_nobody_chooses():
    def seen(signed):
        values = np.array([[-1.0, 0.0, 4.0]], np.float32)
        return Heatmap("", 0, "a", 1.0, 0.5, "m", values, options={"signed": signed})

    picture = np.full((1, 3, 3), 9, np.uint8)
    for draw, usual in ((lambda *asked, **looks: render.overlay(picture, *asked, **looks), "inferno"),
                        (render.colored, "viridis")):
        for heatmap, expected in ((seen(True), "blue-red"), (seen(False), usual), (seen(True).values, usual)):
            assert draw(heatmap).tolist() == draw(heatmap, colormap=expected).tolist()
        assert draw(seen(True), colormap="gray").tolist() != draw(seen(True)).tolist()
    lut, (centred,) = render.lut("blue-red"), render.colored(seen(True))
    assert centred.tolist() == lut[[96, 128, 255]].tolist()                # −1 of −4..4; 0 lies in the middle


@pytest.mark.parametrize("colormap", ("inferno", "blue-red"))
@pytest.mark.parametrize("values", [0.0, np.nan, -np.inf])
def test_a_map_that_says_nothing_leaves_the_picture_as_it_is(colormap, values):
    picture = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    found = render.overlay(picture, np.full((2, 2), values, np.float32), 1, colormap)
    assert found.tolist() == picture.tolist() and found is not picture


@pytest.mark.parametrize("colormap", ("inferno", "blue-red"))
def test_cells_that_are_not_finite_get_no_colour_and_do_not_spread(colormap):
    picture = np.full((1, 3, 3), 90, np.uint8)
    found = render.overlay(picture, np.array([[np.nan, 2, np.inf]]), 0.4, colormap)
    assert found[0, 0].tolist() == found[0, 2].tolist() == [90, 90, 90]
    assert found[0, 1].tolist() == np.floor(90 * 0.6 + render.lut(colormap)[255] * 0.4 + 0.5).tolist()


def test_a_shared_scale_keeps_a_weak_map_weak():
    picture = np.zeros((1, 1, 3), np.uint8)
    alone = render.overlay(picture, np.array([[1.0]]), 1, "gray")
    shared = render.overlay(picture, np.array([[1.0]]), 1, "gray", limits=(0, 5))
    assert alone[0, 0, 0] == 255 and shared[0, 0, 0] == 10             # 51 · 51/255


def test_colored_alone():
    values = np.array([[0, 1], [2, np.nan]], np.float32)
    assert render.colored(values, "gray")[..., 0].tolist() == [[0, 128], [255, 0]]
    assert render.colored(values, "gray", limits=(0, 4))[..., 0].tolist() == [[0, 64], [128, 0]]
    assert render.colored(values, "gray", size=(2, 4))[0, :, 0].tolist() == [0, 0, 128, 128]
    assert render.colored(values, "gray", size=(2, 4), smooth=True)[0, :, 0].tolist() == [0, 32, 96, 128]
    signed = render.colored(values - 1, "blue-red")
    assert signed[1, 1].tolist() == render.lut("blue-red")[128].tolist()


# refusals

PICTURE = np.zeros((4, 4, 3), np.uint8)
HEAT = np.ones((2, 2), np.float32)
MAPS = np.ones((2, 2, 3), np.float32)


@pytest.mark.parametrize("call, said", [
    (lambda: render.overlay(PICTURE, HEAT, opacity=1.1), "'opacity' must be a number from 0 to 1, not 1.1"),
    (lambda: render.overlay(PICTURE, HEAT, opacity=float("nan")), "'opacity'"),
    (lambda: render.overlay(PICTURE, HEAT, opacity="0.5"), "'opacity'"),
    (lambda: render.overlay(PICTURE, HEAT, threshold=-0.1), "'threshold'"),
    (lambda: render.overlay(PICTURE, HEAT, colormap="infernal"), "Did you mean 'inferno'"),
    (lambda: render.overlay(PICTURE, HEAT, limits=(1, 1)), "lo < hi"),
    (lambda: render.overlay(PICTURE, HEAT, limits=(0, float("inf"))), "lo < hi"),
    (lambda: render.overlay(PICTURE, HEAT, limits=3), "'limits'"),
    (lambda: render.overlay(PICTURE, HEAT, size=8), "'size'"),
    (lambda: render.overlay(PICTURE, HEAT, size=(0, 8)), "'height'"),
    (lambda: render.overlay(PICTURE.astype(float), HEAT), r"uint8 array, not an array \(4, 4, 3\) float64"),
    (lambda: render.overlay(PICTURE[..., 0], HEAT), "A picture must be"),
    (lambda: render.overlay(PICTURE, MAPS), r"A heat map must be.*\(2, 2, 3\)"),
    (lambda: render.overlay(PICTURE, "heat"), "not a str"),
    (lambda: render.colored(HEAT[:0]), "A heat map must be"),
    (lambda: render.colored(HEAT, limits=(2, 1)), "lo < hi"),
    (lambda: render.enlarge(HEAT, 0, 3), "'height'"),
    (lambda: render.enlarge(HEAT, 3, 2.5), "'width'"),
    (lambda: render.enlarge(np.ones(3), 3, 3), "can be enlarged"),
])
def test_every_refusal_is_an_option_error_with_a_reason(call, said):
    with pytest.raises(OptionError, match=said):
        call()


# the face

def test_the_face_is_complete_and_needs_no_tensorflow():
    assert all(hasattr(render, name) for name in render.__all__)
    heavy = "sorted({'tensorflow', 'keras', 'matplotlib', 'PIL', 'h5py'} & set(sys.modules))"
    asked = subprocess.run(
        [sys.executable, "-c", f"import sys, explain.render; print({heavy})"],
        capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert asked.stdout.strip() == "[]"
