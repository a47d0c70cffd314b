"""Broken, strange and hostile pictures: always a typed sentence, soon, and without much memory."""

from __future__ import annotations

import struct
import time
import tracemalloc
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageFile
from picture_files import GREY_3, KINDS, chunk, corners, png, saved, tiff

from explain.errors import EmptyImage, ImageError, ImageTooLarge, NotAnImage, TruncatedImage
from explain.image import read


@pytest.mark.parametrize("kind", KINDS)
def test_cut_anywhere_is_a_typed_error_or_the_whole_picture(kind):
    data, whole = KINDS[kind], read(KINDS[kind]).key
    lengths = {*range(1, 40), *range(40, len(data), max(1, len(data) // 60)), len(data) - 2, len(data) - 1}
    truncated = 0
    for length in sorted(lengths):
        try:
            assert read(data[:length], "cut.img").key == whole, f"{length} bytes gave another picture"
        except ImageError as error:
            assert "cut.img" in str(error) and type(error) is not ImageError
            truncated += isinstance(error, TruncatedImage)
    assert truncated > 0.7 * len(lengths)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF"])
def test_half_a_file_is_called_truncated_with_its_byte_count(kind):
    data = KINDS[kind][:len(KINDS[kind]) // 2]
    with pytest.raises(TruncatedImage, match=f"'half'.*{len(data):,} bytes"):
        read(data, "half")


@pytest.mark.parametrize("kind", KINDS)
def test_flipped_bytes_never_end_in_a_raw_exception(kind):
    rng = np.random.default_rng(7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(60):
            data = bytearray(KINDS[kind])
            reach = 64 if rng.random() < 0.5 else len(data)
            for at in rng.integers(0, reach, rng.integers(1, 6)):
                data[at] = rng.integers(0, 256)
            try:
                read(bytes(data), "bent")
            except ImageError as error:
                assert "'bent'" in str(error)


@pytest.mark.parametrize("kind", ["BMP", "TIFF"])
def test_the_length_that_was_expected_is_told_where_known(kind):
    whole = len(KINDS[kind])
    with pytest.raises(TruncatedImage, match=f"{whole - 9:,} bytes were received, at least {whole:,} "):
        read(KINDS[kind][:-9])


@pytest.mark.parametrize("start", [b"\xff", b"\x89PN", b"GIF8", b"II", b"MM\0"])
def test_the_beginning_of_a_signature_is_a_cut_picture(start):
    with pytest.raises(TruncatedImage):
        read(start)


def test_tiff_directories_that_point_outside_or_overlap():
    pixels = {**GREY_3, 273: (4, 8)}
    assert read(tiff(bytes(3), pixels)).pixels.shape == (1, 3, 3)
    with pytest.raises(TruncatedImage, match="at least 5,008 were expected"):
        read(tiff(bytes(3), {**pixels, 40_000: (7, 8, 5000)}))
    with pytest.raises(NotAnImage, match="announces 200,000 bytes"):
        read(tiff(bytes(5000), {**pixels, **{40_000 + i: (7, 8, 4000) for i in range(50)}}))
    with pytest.raises(TruncatedImage):
        read(tiff(bytes(3), pixels)[:-4 - 12])                # exactly one entry short


def test_tiff_whose_tile_is_a_bomb():
    tags = {k: v for k, v in GREY_3.items() if k not in (278, 279)}
    tiled = {**tags, 322: (4, 60_000), 323: (4, 60_000), 324: (4, 8), 325: (4, 3)}
    with pytest.raises(ImageTooLarge, match="60,000 × 60,000"):
        read(tiff(bytes(3), tiled))


def test_webp_canvas_is_read_before_it_is_made():
    frames = [Pillow.new("RGB", (20, 12), colour) for colour in ("red", "blue")]
    webp = bytearray(saved(frames[0], "WEBP", save_all=True, append_images=frames[1:]))
    assert webp[12:16] == b"VP8X"
    webp[24:30] = (15_999).to_bytes(3, "little") + (11_999).to_bytes(3, "little")
    with pytest.raises(ImageTooLarge, match="16,000 × 12,000"):
        read(bytes(webp))


def test_a_decoder_without_memory(monkeypatch):
    def exhausted(*_):
        raise MemoryError

    monkeypatch.setattr("explain.image.decoding.rgb", exhausted)
    with pytest.raises(ImageTooLarge, match="'p' needs more memory"):
        read(KINDS["PNG"], "p")


def test_garbage():
    rng = np.random.default_rng(3)
    starts = [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0", b"MM\0*",
              b"RIFF\0\0\0\0WEBP"]
    for start in [b"", *starts]:
        for length in (1, 7, 30, 400):
            with pytest.raises(ImageError, match="'junk'"):
                read(start + rng.bytes(length), "junk")


@pytest.mark.parametrize("start, words", [
    (b"%PDF-1.7 ...", "PDF"), (b"\0\0\0\x18ftypheic0000", "HEIC"), (b"\0\0\0\x1cftypavif0000", "AVIF"),
    (b"<?xml version='1.0'?><svg xmlns=''/>", "SVG"), (b"PK\x03\x04zip", "ZIP"),
    (b"\x89HDF\r\n\x1a\n", "HDF5"),
    (b"<!DOCTYPE html><html>", "HTML"), ("Grüße an alle".encode(), "text"), (b"\0" * 50, "zero bytes"),
    (b"\0\0\1\0\1\0" + bytes(range(30)), "icon"), (b"\x01\x02\x03\x04\x05", "unknown"),
    (b"8BPS\0\1", "Photoshop"),
    (b"BMW makes cars and motorcycles", "text"), (b"P6 2 2 255 ............", "text"),
])
def test_strangers_are_named(start, words):
    with pytest.raises(NotAnImage, match=f"(?s)'odd'.*JPEG, PNG, WebP, BMP, GIF or TIFF.*{words}"):
        read(start, "odd")


def test_empty():
    with pytest.raises(EmptyImage, match="'none.png'"):
        read(b"", "none.png")


def forged_png(width: int, height: int) -> bytes:
    return png(width, height, 8, 6, b"\0" * 20_000_000)       # 20 kB on disk


def test_forged_size_is_refused_at_once_and_without_memory():
    data = forged_png(60_000, 60_000)
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(ImageTooLarge, match=r"'bomb'.*60,000 × 60,000"):
        read(data, "bomb")
    seconds, peak = time.perf_counter() - start, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds < 0.5 and peak < 5e6


def huge(kind: str) -> bytes:
    """A small file whose header announces 16 000 × 16 000 pixels."""
    side = 16_000
    if kind == "PNG":
        return forged_png(side, side)
    if kind == "GIF":
        gif = bytearray(saved(Pillow.new("P", (4, 4)), "GIF"))
        gif[6:10] = struct.pack("<HH", side, side)
        return bytes(gif)
    if kind == "BMP":
        bmp = bytearray(KINDS["BMP"])
        bmp[18:26] = struct.pack("<ii", side, side)
        return bytes(bmp)
    if kind == "JPEG":
        jpeg = bytearray(KINDS["JPEG"])
        at = jpeg.index(b"\xff\xc0") + 5
        jpeg[at:at + 4] = struct.pack(">HH", side, side)
        return bytes(jpeg)
    if kind == "WebP":
        webp = bytearray(KINDS["WebP lossless"])
        webp[21:25] = struct.pack("<I", (side - 1) | (side - 1) << 14)
        return bytes(webp)
    tiff = KINDS["TIFF"]
    for tag, value in ((256, 56), (257, 40)):
        for width in (3, 4):                                  # short or long, as the writer likes
            old = struct.pack("<HHII", tag, width, 1, value)
            tiff = tiff.replace(old, struct.pack("<HHII", tag, 4, 1, side))
    return tiff


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WebP", "BMP", "GIF", "TIFF"])
def test_the_header_is_asked_before_decoding(kind, recwarn):
    start = time.perf_counter()
    with pytest.raises(ImageTooLarge, match="'big'.*16,000 × 16,000.*256.0 million.*40.0 million"):
        read(huge(kind), "big")
    assert time.perf_counter() - start < 0.5 and not recwarn.list   # nor does Pillow's own limit speak


def test_gif_whose_frame_is_larger_than_its_screen():
    gif = bytearray(saved(Pillow.new("P", (4, 4)), "GIF"))
    at = gif.index(b",\0\0\0\0") + 5
    gif[at:at + 4] = struct.pack("<HH", 60_000, 60_000)
    with pytest.raises(ImageTooLarge):
        read(bytes(gif), "frame")


def test_packed_comments_and_profiles_are_never_unpacked():
    bomb = zlib.compress(b"\0" * 50_000_000, 9)
    plain = saved(corners(), "PNG")
    extra = chunk(b"zTXt", b"note\0\0" + bomb) + chunk(b"iCCP", b"icc\0\0" + bomb)
    start = time.perf_counter()
    assert np.array_equal(read(plain[:33] + extra + plain[33:]).pixels, corners())
    assert time.perf_counter() - start < 0.5


def test_a_million_fill_bytes_in_a_jpeg_cost_nothing():
    plain = KINDS["JPEG"]
    start = time.perf_counter()
    assert read(plain[:2] + b"\xff" * 5_000_000 + plain[2:]).key == read(plain).key
    with pytest.raises(ImageError):
        read(plain[:2] + b"\xff" * 5_000_000 + b"\0\0")
    assert time.perf_counter() - start < 1.0


def test_jpeg_of_endless_scans_is_refused():
    with pytest.raises(NotAnImage, match="scans"):
        read(KINDS["JPEG progressive"][:-2] + b"\xff\xda\0\x08\1\1\0\0\x3f\0" * 1000)


def test_png_with_rows_missing_is_not_filled_with_black():
    with pytest.raises(TruncatedImage, match="rows missing"):
        read(png(8, 8, 8, 0, (b"\0" + b"\xff" * 8) * 4))


def test_png_with_a_wrong_checksum():
    data = bytearray(KINDS["PNG"])
    data[-20] ^= 1
    with pytest.raises(NotAnImage, match="checksum of its IDAT"):
        read(bytes(data))


@pytest.mark.parametrize("width, height", [(0, 5), (5, 0), (0, 0)])
def test_no_pixels(width, height):
    with pytest.raises(NotAnImage, match=f"'flat' announces {width} × {height} pixels"):
        read(png(width, height, 8, 2, b""), "flat")


def test_pillow_is_left_as_it_was():
    before = Pillow.MAX_IMAGE_PIXELS
    read(KINDS["PNG"])
    assert Pillow.MAX_IMAGE_PIXELS == before and ImageFile.LOAD_TRUNCATED_IMAGES is False
