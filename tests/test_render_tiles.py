"""explain.render, many tiles: the grid, the atlas of the wall and its figures, written out."""

import cv2
import numpy as np
import pytest

from explain import render
from explain.errors import OptionError
from explain.render import tiles
from explain.results import Maps, Pattern


def decoded(data, how=cv2.IMREAD_UNCHANGED):
    """What a reader of the file sees, RGB or gray."""
    found = cv2.imdecode(np.frombuffer(data, np.uint8), how)
    return found[..., ::-1] if found.ndim == 3 else found


def pattern(pixels, channel=0):
    return Pattern("conv", channel, np.asarray(pixels, np.float32), np.zeros(1, np.float32))


# many tiles

def three_channels():
    """Channels 0..3, 0..−6 and a constant."""
    ramp = np.array([[0, 1], [2, 3]], np.float32)
    return np.stack([ramp, -2 * ramp, np.full((2, 2), 7)], axis=-1).astype(np.float32)


def test_grid_with_an_empty_tile_written_out():
    found = render.grid(three_channels(), columns=2, colormap="gray", background=(9, 9, 9))
    assert found.dtype == np.uint8 and (found == found[..., :1]).all()
    assert found[..., 0].tolist() == [
        [0, 85, 9, 255, 170],
        [170, 255, 9, 85, 0],
        [9, 9, 9, 9, 9],
        [0, 0, 9, 9, 9],
        [0, 0, 9, 9, 9],
    ]


def test_grid_on_one_scale_for_the_layer():
    found = render.grid(Maps("conv", three_channels()), columns=3, gap=0, colormap="gray", scale="layer")
    # −6 … 7: (v + 6) · 255 / 13
    assert found[..., 0].tolist() == [[118, 137, 118, 78, 255, 255], [157, 177, 39, 0, 255, 255]]


def test_grid_of_signed_maps_is_even_about_zero():
    table = render.lut("blue-red")
    found = render.grid(three_channels(), columns=3, gap=0, colormap="blue-red")
    assert found[0, 0].tolist() == found[0, 2].tolist() == table[128].tolist()          # 0 in both
    assert found[1, 1].tolist() == table[255].tolist() and found[1, 3].tolist() == table[0].tolist()
    zeros = render.grid(np.zeros((2, 2, 1), np.float32), colormap="blue-red")
    assert (zeros == table[128]).all()


def test_grid_of_tiles_of_another_size():
    ramp = np.array([[0, 4], [0, 4]], np.float32)[..., None]
    assert render.grid(ramp, tile=4, colormap="gray")[0, :, 0].tolist() == [0, 0, 255, 255]
    assert render.grid(ramp, tile=4, colormap="gray", smooth=True)[0, :, 0].tolist() == [0, 64, 191, 255]
    wide = np.zeros((2, 4, 3), np.float32)
    assert render.grid(wide, columns=1, gap=2, tile=8).shape == (4 * 3 + 2 * 2, 8, 3)
    assert render.grid(wide.swapaxes(0, 1), columns=3, gap=2, tile=8).shape == (8, 4 * 3 + 2 * 2, 3)


def test_grid_of_patterns_keeps_their_colours():
    red, blue = (np.broadcast_to(np.float32(c), (1, 2, 3)) for c in ((1, 0, 0), (0, 0.2, 1)))
    found = render.grid([pattern(red), pattern(blue)], columns=2)
    assert found.tolist() == [[[255, 0, 0]] * 2 + [[255] * 3] + [[0, 51, 255]] * 2]


def test_grid_leaves_what_is_not_finite_in_the_first_colour():
    values = np.array([[[np.nan], [1], [3]]], np.float32)
    assert render.grid(values, colormap="gray")[0, :, 0].tolist() == [0, 0, 255]
    enlarged = render.grid(values, colormap="gray", tile=6, smooth=True)
    assert enlarged[0, :, 0].tolist() == [0, 0, 0, 64, 191, 255]
    signed = render.grid(values, colormap="blue-red")
    assert signed[0, 0].tolist() == render.lut("blue-red")[128].tolist()


@pytest.mark.parametrize("count, columns", [(1, 1), (2, 2), (4, 2), (6, 3), (9, 3), (12, 4), (64, 11)])
def test_a_grid_is_a_landscape_without_many_holes(count, columns):
    assert tiles.landscape(count, 28, 28) == columns


# the wall

def seen_in(atlas, depth=()):
    """The tiles of an atlas, (n, h, w) or (n, h, w, 3), as the browser cuts them out."""
    whole = decoded(atlas.png)
    h, w = atlas.tile_height, atlas.tile_width
    assert whole.shape == (atlas.rows * h, atlas.columns * w, *depth) and whole.dtype == np.uint8
    corners = (divmod(i, atlas.columns) for i in range(len(atlas.low)))
    return np.stack([whole[r * h : (r + 1) * h, c * w : (c + 1) * w] for r, c in corners])


def test_an_atlas_written_out():
    atlas = render.atlas(three_channels())
    assert (atlas.columns, atlas.rows, atlas.tile_height, atlas.tile_width) == (3, 1, 2, 2)
    assert atlas.low.tolist() == [0, -6, 7] and atlas.high.tolist() == [3, 0, 7]
    assert decoded(atlas.png).tolist() == [[0, 85, 255, 170, 0, 0], [170, 255, 85, 0, 0, 0]]


def test_from_an_atlas_values_come_back_within_half_a_step():
    values = np.random.default_rng(0).normal(size=(5, 7, 23)).astype(np.float32)
    atlas = render.atlas(values)
    low, high = atlas.low[:, None, None], atlas.high[:, None, None]
    back = low + seen_in(atlas) / np.float32(255) * (high - low)
    assert (np.abs(back - np.moveaxis(values, -1, 0)) <= (high - low) / 510 * 1.0001).all()
    assert atlas.low.dtype == atlas.high.dtype == np.float32
    assert atlas.low.tolist() == values.min(axis=(0, 1)).tolist()


def test_large_tiles_are_averaged_first():
    values = np.zeros((4, 8, 1), np.float32)
    values[:2, :2], values[:2, 2] = 8, 4                               # 2×2 means: 8, 2, 0, 0
    atlas = render.atlas(values, most=4)
    assert (atlas.tile_height, atlas.tile_width) == (2, 4)
    assert seen_in(atlas)[0].tolist() == [[255, 64, 0, 0], [0, 0, 0, 0]]


def test_an_atlas_survives_what_is_not_finite():
    values = np.array([[[1, np.nan], [np.inf, np.nan], [3, np.nan]]], np.float32)      # (1, 3, 2)
    atlas = render.atlas(values)
    assert atlas.low.tolist() == [1, 0] and atlas.high.tolist() == [3, 0]
    assert seen_in(atlas).tolist() == [[[0, 0, 255]], [[0, 0, 0]]]
    values = np.array([[[np.nan], [4], [2], [2], [0], [0]]], np.float32)
    averaged = render.atlas(values, most=3)
    assert averaged.high.tolist() == [2] and seen_in(averaged).tolist() == [[[255, 255, 0]]]


def test_an_atlas_of_patterns():
    pixels = np.random.default_rng(1).random((5, 6, 6, 3), np.float32)
    atlas = render.atlas_rgb(pixels)
    assert seen_in(atlas, (3,)).tolist() == np.floor(pixels * 255.0 + 0.5).astype(int).tolist()
    assert atlas.low.tolist() == [0] * 5 and atlas.high.tolist() == [1] * 5
    assert render.atlas_rgb(pixels, most=3).tile_height == 3


def test_statistics_written_out():
    values = np.array([[[0, -1, 5, np.nan], [0, 3, 5, 2]], [[1, 0, 5, 4], [7, 10, 5, 0]]], np.float32)
    found = render.statistics(values)
    assert {k: v.tolist() for k, v in found.items()} == {
        "mean": [2, 3, 5, 2],
        "maximum": [7, 10, 5, 4],
        "minimum": [0, -1, 5, 0],
        "sparsity": [0.5, 0.25, 0, 0.25],
        "dead": [False, False, True, True],
    }


def test_silence_is_measured_against_the_loudest_of_the_layer():
    values = np.array([[[1e-5, 0], [-2e-5, 100], [5e-4, 5e-4]]], np.float32)            # a millionth: 1e-4
    assert render.statistics(values)["sparsity"] == pytest.approx([2 / 3, 1 / 3])
    blank = render.statistics(np.zeros((2, 2, 1), np.float32))
    assert blank["sparsity"].tolist() == [1] and blank["dead"].tolist() == [True]
    lost = render.statistics(np.full((2, 2, 1), np.nan, np.float32))
    assert [lost[k].item() for k in ("mean", "maximum", "minimum", "sparsity", "dead")] == [0, 0, 0, 0, True]


# refusals

HEAT = np.ones((2, 2), np.float32)
MAPS = np.ones((2, 2, 3), np.float32)


@pytest.mark.parametrize("call, said", [
    (lambda: render.grid(MAPS, columns=0), "'columns'"),
    (lambda: render.grid(MAPS, gap=-1), "'gap'"),
    (lambda: render.grid(MAPS, tile=0), "'tile'"),
    (lambda: render.grid(MAPS, scale="layers"), "Did you mean 'layer'"),
    (lambda: render.grid(MAPS, colormap="jett"), "Did you mean 'jet'"),
    (lambda: render.grid(MAPS, background=(0, 0, 256)), "'background'"),
    (lambda: render.grid(MAPS, background="white"), "'background'"),
    (lambda: render.grid(HEAT), r"Maps must be a \(h, w, c\)"),
    (lambda: render.grid(MAPS[..., :0]), r"Maps must be a \(h, w, c\)"),
    (lambda: render.grid([]), "no pattern at all"),
    (lambda: render.grid([pattern(np.zeros((1, 1, 3))), pattern(np.zeros((2, 2, 3)))]), "one size"),
    (lambda: render.grid(7), "not int"),
    (lambda: render.grid(np.ones((2, 2, 64), np.float32), tile=4096), "pixels, more than"),
    (lambda: render.atlas(HEAT), "Maps must be"),
    (lambda: render.atlas(MAPS, most=0), "'most'"),
    (lambda: render.atlas_rgb(MAPS), "Patterns must be"),
    (lambda: render.atlas_rgb(np.zeros((1, 2, 2, 3), np.uint8)), "Patterns must be"),
    (lambda: render.statistics(HEAT), "Maps must be"),
])
def test_every_refusal_is_an_option_error_with_a_reason(call, said):
    with pytest.raises(OptionError, match=said):
        call()
