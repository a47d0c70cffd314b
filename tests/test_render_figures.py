"""explain.render, what is saved: text, colour bars, figures and the bytes of files."""

import io
import struct

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from explain import render
from explain.errors import OptionError
from explain.render import figures, letters


def decoded(data, how=cv2.IMREAD_UNCHANGED):
    """What a reader of the file sees, RGB or gray."""
    found = cv2.imdecode(np.frombuffer(data, np.uint8), how)
    return found[..., ::-1] if found.ndim == 3 else found


# figures

@pytest.mark.parametrize("lo, hi, shown", [
    (0, 4.83, ["0.00", "1.21", "2.42", "3.62", "4.83"]),
    (-2, 2, ["−2.00", "−1.00", "0.00", "1.00", "2.00"]),
    (0, 12345.6, ["0", "3086", "6173", "9259", "12346"]),
    (1000, 1000.1, ["1000.000", "1000.025", "1000.050", "1000.075", "1000.100"]),
    (-0.001, 1000, ["0", "250", "500", "750", "1000"]),
    (0, 2e-5, ["0", "5.00e−6", "1.00e−5", "1.50e−5", "2.00e−5"]),
    (-6.3e-6, 2.1e-6, ["−6.30e−6", "−4.20e−6", "−2.10e−6", "0", "2.10e−6"]),  # not −8e−22
    (-4e7, 4e7, ["−4.00e7", "−2.00e7", "0", "2.00e7", "4.00e7"]),
])
def test_numbers_beside_a_bar(lo, hi, shown):
    assert figures.numbers(lo, hi, 4) == shown


def test_a_bar_runs_from_hi_above_to_lo_below():
    bar = render.colorbar(0, 4.83, "viridis", height=256)
    assert bar.shape[0] == 256 and bar.dtype == np.uint8
    assert bar[:, 0].tolist() == render.lut("viridis")[::-1].tolist()
    assert bar[40, -1].tolist() == [255, 255, 255] and bar.min() < 90                  # paper and ink
    dark = render.colorbar(0, 4.83, "viridis", height=256, dark=True)
    assert dark.shape == bar.shape and dark[40, -1].max() < 40
    assert dark[:, 20:].max() > 200


def test_a_label_makes_a_bar_wider_and_is_shortened_where_it_is_too_long():
    plain, labelled = render.colorbar(0, 1), render.colorbar(0, 1, label="activation")
    assert labelled.shape[1] == plain.shape[1] + letters.line_height(14)
    assert (labelled[:, plain.shape[1] :] < 128).any()
    assert (labelled[:, : plain.shape[1]] == plain).all()
    long = "long " * 100
    cut = render.colorbar(0, 1, label=letters.shortened(long, 14, 256))
    assert (render.colorbar(0, 1, label=long) == cut).all() and cut.shape == labelled.shape
    assert render.colorbar(0, 1, width=200).shape == (256, 200, 3)


def test_text_is_wrapped_at_words_and_cuts_what_has_none():
    text = "layer conv5 of a network\n" + "x" * 40 + "\n고양이 고양이 고양이"
    lines = letters.wrapped(text, 14, 100)
    assert len(lines) > 5 and all(letters.width_of(line, 14) <= 100 for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "").replace("\n", "")
    assert letters.wrapped("one\n\ntwo", 14, 100) == ["one", "", "two"]
    assert letters.wrapped("wide", 14, 1) == list("wide")              # ends, and loses nothing
    short = letters.shortened("a label much too long", 14, 60)
    assert short.endswith("...") and letters.width_of(short, 14) <= 60


def test_letters_of_korean_are_drawn_and_not_replaced_by_question_marks():
    drawn = []
    for text in ("고양이", "???"):
        canvas = np.full((30, 90, 3), 255, np.uint8)
        letters.write(canvas, text, 4, 22, 16, (0, 0, 0))
        drawn.append(canvas)
    assert drawn[0].min() < 100 and not np.array_equal(*drawn)


def test_a_figure_keeps_its_picture_bit_by_bit():
    picture = np.random.default_rng(0).integers(0, 256, (150, 200, 3), np.uint8)
    bar = render.Bar(0, 2.5, "viridis", "Grad-CAM")
    found = render.figure(picture, bar, "cat.jpg, layer conv5, class 281", text=14)
    assert (found[14:164, 14:214] == picture).all()
    assert (found[14:164, 228] == render.colorbar(0, 2.5, "viridis", 150)[:, 0]).all()
    below = found[164 + 14 :]
    assert below.min() < 90 and (found[:14] == 255).all() and (found[-5:] == 255).all()
    assert (render.figure(picture, dark=True)[:14] < 40).all()
    assert render.figure(picture).shape == (150 + 28, 200 + 28, 3)


@pytest.mark.parametrize("width, text", [(400, 12), (2010, 67)])
def test_a_figure_of_a_given_width(width, text):
    picture = np.full((40, 60, 3), (200, 10, 60), np.uint8)
    found = render.figure(picture, render.Bar(0, 1, label="share"), "caption " * 30, text=text, width=width)
    assert found.shape[1] == width
    assert found[text + 5, text + 5].tolist() == [200, 10, 60]


def test_a_small_figure_still_has_room_for_words_and_numbers():
    found = render.figure(np.zeros((7, 7, 3), np.uint8), render.Bar(0, 1), "layer conv5, class 281", text=14)
    assert found.shape[0] > 8 * 14 and found.shape[1] >= 24 * 14


# files

def test_a_png_comes_back_bit_by_bit():
    pixels = np.random.default_rng(0).integers(0, 256, (11, 7, 3), np.uint8)
    assert decoded(render.png(pixels)).tolist() == pixels.tolist()
    assert decoded(render.png(pixels, dpi=300)).tolist() == pixels.tolist()
    gray = pixels[..., 0]
    for same in (gray, gray[..., None]):
        assert decoded(render.png(same)).tolist() == gray.tolist()
    assert render.png(gray)[25] == 0 and render.png(pixels)[25] == 2   # colour type: gray, RGB


def test_dpi_is_told_in_dots_per_metre():
    data = render.png(np.zeros((2, 2, 3), np.uint8), dpi=600)
    at = data.index(b"pHYs")
    assert data.index(b"IHDR") < at < data.index(b"IDAT")
    assert struct.unpack(">IIB", data[at + 4 : at + 13]) == (23622, 23622, 1)
    assert Pillow.open(io.BytesIO(data)).info["dpi"] == pytest.approx((600, 600), abs=0.02)
    assert b"pHYs" not in render.png(np.zeros((2, 2, 3), np.uint8))


@pytest.mark.parametrize("write, magic", [(render.jpeg, b"\xff\xd8\xff"), (render.webp, b"RIFF")])
def test_previews_are_rgb_and_nearly_the_same(write, magic):
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[:] = (200, 120, 40)
    data = write(pixels)
    assert data.startswith(magic)
    assert np.abs(decoded(data, cv2.IMREAD_COLOR).astype(int) - pixels).max() < 12
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert len(write(noise, quality=20)) < len(write(noise, quality=90))


# refusals

PICTURE = np.zeros((4, 4, 3), np.uint8)
HEAT = np.ones((2, 2), np.float32)


@pytest.mark.parametrize("call, said", [
    (lambda: render.colorbar(1, 1), "lo < hi"),
    (lambda: render.colorbar(0, 1, "jett"), "Did you mean 'jet'"),
    (lambda: render.colorbar(0, 1, height=20), "'height'"),
    (lambda: render.colorbar(0, 1, width=20), "'width'"),
    (lambda: render.colorbar(0, 1, text=2), "'text'"),
    (lambda: render.figure(HEAT), "A picture must be"),
    (lambda: render.figure(PICTURE, text=0), "'text'"),
    (lambda: render.figure(PICTURE, width=40), "needs at least 42"),
    (lambda: render.png(HEAT), "uint8 pixels"),
    (lambda: render.png(PICTURE, dpi=0), "'dpi'"),
    (lambda: render.jpeg(PICTURE, quality=0), "'quality'"),
    (lambda: render.webp(PICTURE, quality=101), "'quality'"),
    (lambda: render.webp(np.zeros((1, 20_000, 3), np.uint8)), "too large for .webp"),
])
def test_every_refusal_is_an_option_error_with_a_reason(call, said):
    with pytest.raises(OptionError, match=said):
        call()
