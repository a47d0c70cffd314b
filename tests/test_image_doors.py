"""Paths, settings, keys, arrays in memory, and the sizes pictures are brought to."""

from __future__ import annotations

import io
import os

import numpy as np
import pytest
from picture_files import BLUE, GREEN, KINDS, RED, corners, noise, saved

from explain.errors import EmptyImage, ImageError, ImageTooLarge, NotAnImage, OptionError
from explain.image import digest, fit, from_pixels, limits, preview, read

# ---------------------------------------------------------------- paths and settings

def test_a_path_gives_its_name(tmp_path):
    path = tmp_path / "four corners.png"
    path.write_bytes(saved(corners(), "PNG"))
    for source in (path, str(path), os.fsencode(path).decode()):
        image = read(source)
        assert image.name == "four corners.png" and image.key == digest(corners())


@pytest.mark.parametrize("source, words", [
    ("missing.png", "There is no picture 'missing.png'"), (".", "'.' is a folder"),
    ("nul\0.png", "'nul·.png'"), ("x" * 5000, "'x{80}…x{39}' cannot be read"),
])
def test_paths_that_cannot_be_read(tmp_path, monkeypatch, source, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ImageError, match=words):
        read(source)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_without_permission(tmp_path):
    path = tmp_path / "secret.png"
    path.write_bytes(b"x")
    path.chmod(0)
    with pytest.raises(ImageError, match="'.*secret.png' cannot be read: Permission denied"):
        read(path)


def test_bytes_of_any_kind():
    data = saved(corners(), "PNG")
    assert {read(kind(data)).key for kind in (bytes, bytearray, memoryview)} == {digest(corners())}


@pytest.mark.parametrize("source", [None, 7, np.zeros((2, 2, 3), np.uint8), io.BytesIO()])
def test_sources_of_another_type(source):
    with pytest.raises(ImageError, match="expected a path or the bytes"):
        read(source)


def test_limit_of_bytes_for_bytes_and_paths(monkeypatch, tmp_path):
    monkeypatch.setenv("EXPLAIN_MAX_IMAGE_MB", "0.001")
    (tmp_path / "p.bmp").write_bytes(KINDS["BMP"])
    for source in (KINDS["BMP"], tmp_path / "p.bmp"):
        with pytest.raises(ImageTooLarge, match="EXPLAIN_MAX_IMAGE_MB"):
            read(source, "p.bmp")


def test_settings_are_read_at_each_call(monkeypatch):
    assert (limits().pixels, limits().bytes) == (40_000_000, 20 * 2**20)
    monkeypatch.setenv("EXPLAIN_MAX_PIXELS", "100")
    for door in (lambda: read(KINDS["PNG"], "p"), lambda: from_pixels(corners(), "p")):
        with pytest.raises(ImageTooLarge, match="'p'.*EXPLAIN_MAX_PIXELS"):
            door()
    monkeypatch.setenv("EXPLAIN_MAX_PIXELS", str(40 * 56))    # exactly as many as there are
    assert read(KINDS["PNG"]).pixels.shape == (40, 56, 3)


@pytest.mark.parametrize("text", ["many", "0", "-3", "nan", "inf"])
def test_a_setting_that_is_no_number(monkeypatch, text):
    monkeypatch.setenv("EXPLAIN_MAX_PIXELS", text)
    with pytest.raises(ImageError, match=f"EXPLAIN_MAX_PIXELS is '{text}'"):
        read(KINDS["PNG"])


# ---------------------------------------------------------------- keys and arrays

def test_same_pixels_same_key_other_pixels_another():
    pixels = noise()
    keys = {read(saved(pixels, kind)).key for kind in ("PNG", "BMP", "TIFF")}
    assert keys == {digest(pixels)} and len(digest(pixels)) == 64
    other = pixels.copy()
    other[3, 4, 1] ^= 1
    assert digest(other) != digest(pixels)
    assert digest(np.zeros((2, 3, 3), np.uint8)) != digest(np.zeros((3, 2, 3), np.uint8))


def test_from_pixels_keeps_its_own_copy():
    pixels = noise()
    image = from_pixels(pixels, "mine")
    pixels[:] = 0
    assert image.key == digest(image.pixels) and image.pixels.any() and image.name == "mine"
    with pytest.raises(ValueError):
        image.pixels[0, 0] = 0


def test_from_pixels_grey_and_alpha():
    grey = noise()[..., 0]
    assert np.array_equal(from_pixels(grey).pixels, np.repeat(grey[..., None], 3, -1))
    assert from_pixels(grey).key == from_pixels(grey[..., None]).key
    assert (from_pixels(np.zeros((2, 2, 4), np.uint8)).pixels == 255).all()
    turned = noise().transpose(1, 0, 2)[::-1]                 # not contiguous
    assert from_pixels(turned).key == digest(turned.copy())


@pytest.mark.parametrize("pixels, words", [
    (np.zeros((4, 4, 3), np.float32), "float32.*Multiply 0..1 by 255"),
    (np.zeros((4, 4, 3), np.int64), "int64"),
    (np.zeros((4, 4, 2), np.uint8), "shape"), (np.zeros(4, np.uint8), "shape"), ([[1, 2]], "list"),
])
def test_arrays_that_are_no_picture(pixels, words):
    with pytest.raises(NotAnImage, match=f"'arr'.*{words}"):
        from_pixels(pixels, "arr")


def test_array_without_pixels():
    with pytest.raises(EmptyImage, match="'arr'"):
        from_pixels(np.zeros((0, 4, 3), np.uint8), "arr")


# ---------------------------------------------------------------- sizes

@pytest.mark.parametrize("height, width", [(24, 32), (100, 200), (20, 200), (100, 20), (40, 56), (1, 1)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_fit_gives_the_size_and_fits_only_once(height, width, channels):
    once = fit(noise(), height, width, channels)
    assert once.shape == (height, width, channels) and once.dtype == np.uint8
    assert np.array_equal(fit(once, height, width, channels), once)


def test_fit_averages_where_it_shrinks_and_blends_where_it_grows():
    stripes = np.zeros((2, 8, 3), np.uint8)
    stripes[:, ::2] = 200                                     # finer than four columns can show
    mixed = fit(stripes, 6, 4)                                # wider apart and taller at once
    assert (mixed == 100).all()
    step = np.array([[[0] * 3], [[100] * 3]], np.uint8)
    assert fit(step, 4, 1)[:, 0, 0].tolist() == [0, 25, 75, 100]


def test_fit_grey_is_luma_and_alpha_is_opaque():
    patch = np.array([[RED, GREEN, BLUE]], np.uint8)
    assert fit(patch, 1, 3, 1)[0, :, 0].tolist() == [76, 150, 29]
    assert fit(patch, 1, 3, 4)[0].tolist() == [[*c, 255] for c in (RED, GREEN, BLUE)]
    assert fit(patch[..., 0], 1, 3).tolist() == [[[255] * 3, [0] * 3, [0] * 3]]


@pytest.mark.parametrize("shape", [(40, 56), (40, 56, 1), (40, 56, 4)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_fit_takes_grey_and_alpha_too(shape, channels):
    assert fit(np.full(shape, 7, np.uint8), 20, 90, channels)[..., 0].tolist() == [[7] * 90] * 20


def test_fit_takes_a_picture_that_was_read():
    assert fit(read(KINDS["PNG"]).pixels, 8, 8, 1).shape == (8, 8, 1)


@pytest.mark.parametrize("size", [(0, 5, 3), (5, 0, 3), (5, 5, 2)])
def test_fit_refuses_impossible_sizes(size):
    with pytest.raises(OptionError):
        fit(noise(), *size)


def test_preview_shrinks_in_proportion_and_never_enlarges():
    assert preview(np.zeros((3000, 1500, 3), np.uint8)).shape == (1024, 512, 3)
    assert preview(np.zeros((2, 5000, 3), np.uint8), 100).shape == (1, 100, 3)
    small = noise()
    assert np.array_equal(preview(small), small)
