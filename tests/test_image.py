"""Pictures: every accepted format is read right: upright, over white, 8 bits from any depth."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow
from picture_files import BLUE, GOLD, GREEN, GREY_3, RED, chunk, corners, far, noise, png, saved, tiff

from explain.errors import NotAnImage, TruncatedImage
from explain.image import digest, from_pixels, read

# ---------------------------------------------------------------- the formats

LOSSLESS = {
    "png": ("PNG", {}),
    "bmp": ("BMP", {}),
    "webp": ("WEBP", {"lossless": True}),
    "tiff": ("TIFF", {}),
    "tiff lzw": ("TIFF", {"compression": "tiff_lzw"}),
    "tiff deflate": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    "tiff big": ("TIFF", {"big_tiff": True}),
}


@pytest.mark.parametrize("kind", LOSSLESS)
def test_lossless_formats_give_the_very_pixels(kind):
    pixels = noise()
    image = read(saved(pixels, LOSSLESS[kind][0], **LOSSLESS[kind][1]), "n")
    assert image.pixels.dtype == np.uint8 and np.array_equal(image.pixels, pixels)
    assert image.key == digest(pixels) == from_pixels(pixels).key and image.name == "n"


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}], ids=str)
def test_jpeg_is_close_to_its_pixels(options):
    pixels = read(saved(corners(), "JPEG", quality=95, **options)).pixels
    assert pixels.shape == (48, 64, 3)
    assert far(pixels[4::8, 4::8][[0, 1, 4, 5]], corners()[4::8, 4::8][[0, 1, 4, 5]]) < 12   # off the seam


def test_gif_palette_is_exact():
    assert np.array_equal(read(saved(Pillow.fromarray(corners()).quantize(4), "GIF")).pixels, corners())


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_several_frames_the_first(kind):
    first, second = Pillow.new("RGB", (20, 12), RED), Pillow.new("RGB", (20, 12), BLUE)
    options = {"lossless": True} if kind == "WEBP" else {}
    image = read(saved(first, kind, save_all=True, append_images=[second], **options))
    assert image.pixels.shape == (12, 20, 3) and (image.pixels == RED).all()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "JPEG", "GIF"])
def test_grey_becomes_three_equal_channels(kind):
    grey = np.repeat(np.arange(0, 256, 4, np.uint8)[None], 16, axis=0)
    pixels = read(saved(grey, kind, **({"quality": 100} if kind == "JPEG" else {}))).pixels
    assert far(pixels, np.repeat(grey[..., None], 3, -1)) <= (2 if kind == "JPEG" else 0)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF"])
def test_one_bit(kind):
    bits = np.eye(16, 24, dtype=bool)
    assert np.array_equal(read(saved(Pillow.fromarray(bits), kind)).pixels[..., 1], bits * np.uint8(255))


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_palette(kind):
    assert np.array_equal(read(saved(Pillow.fromarray(corners()).quantize(4), kind)).pixels, corners())


def test_interlaced_png():
    """Seven passes over a picture of 3 × 2 pixels; the fifth is the first that has a second row."""
    grey = {1: [10], 4: [30], 6: [20], 7: [40, 50, 60]}       # pass → its pixels, row by row
    raw = b"".join(b"\0" + bytes(row) for row in grey.values())
    image = read(png(3, 2, 8, 0, raw, interlaced=1))
    assert image.pixels[..., 0].tolist() == [[10, 20, 30], [40, 50, 60]]
    with pytest.raises(TruncatedImage):
        read(png(3, 2, 8, 0, raw[:-4], interlaced=1))


def test_interlaced_png_of_every_width_needs_exactly_its_rows():
    """The order in which Adam7 sends an 8 × 8 tile, as PNG's specification draws it."""
    order = np.array([
        [1, 6, 4, 6, 2, 6, 4, 6], [7] * 8, [5, 6, 5, 6, 5, 6, 5, 6], [7] * 8,
        [3, 6, 4, 6, 3, 6, 4, 6], [7] * 8, [5, 6, 5, 6, 5, 6, 5, 6], [7] * 8,
    ])
    for height, width in [(1, 1), (5, 9), (8, 8), (9, 5), (19, 3), (3, 19)]:
        sent = np.tile(order, (3, 3))[:height, :width]
        passes = [[(row == k).sum() for row in sent if (row == k).any()] for k in range(1, 8)]
        raw = b"".join(bytes(1 + n) for rows in passes for n in rows)
        assert read(png(width, height, 8, 0, raw, interlaced=1)).pixels.shape == (height, width, 3)
        with pytest.raises(TruncatedImage):
            read(png(width, height, 8, 0, raw[:-1], interlaced=1))


def test_a_picture_larger_than_one_band_of_the_conversion():
    pixels = noise(1100, 1000)
    assert np.array_equal(read(saved(pixels, "BMP")).pixels, pixels)


@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_in_either_byte_order(order):
    image = read(tiff(bytes([0, 90, 255]), {**GREY_3, 273: (4, 8)}, order))
    assert image.pixels[0, :, 0].tolist() == [0, 90, 255]


# ---------------------------------------------------------------- orientation

STORED = {                                                    # how an upright picture lies in the file
    1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud,
    5: lambda a: a.transpose(1, 0, 2), 6: np.rot90,
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2), 8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("number", STORED)
def test_orientation(kind, number):
    exif = Pillow.Exif()
    exif[0x0112] = number
    options = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}.get(kind, {})
    stored = np.ascontiguousarray(STORED[number](corners()))
    pixels = read(saved(stored, kind, exif=exif, **options)).pixels
    assert pixels.shape == (48, 64, 3)
    for (y, x), colour in {(4, 4): RED, (4, 60): GREEN, (44, 4): BLUE, (44, 60): GOLD}.items():
        assert far(pixels[y, x], np.array(colour)) < 12


@pytest.mark.parametrize("order", ["<", ">"])
def test_orientation_in_either_byte_order(order):
    start = b"II" if order == "<" else b"MM"
    block = start + struct.pack(order + "HIHHHIHHI", 42, 8, 1, 0x0112, 3, 1, 6, 0, 0)
    plain = saved(np.ascontiguousarray(STORED[6](corners())), "PNG")
    assert np.array_equal(read(plain[:33] + chunk(b"eXIf", block) + plain[33:]).pixels, corners())


@pytest.mark.parametrize("block", [
    b"", b"II", b"rubbish", b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff",
    b"II+\0\x08\0\0\0" + b"\xff" * 8,                       # a directory 2⁶⁴ bytes away
    b"II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\x09\0\0\0",   # orientation 9
])
def test_damaged_exif_does_not_cost_the_picture(block):
    plain = saved(corners(), "PNG")
    assert np.array_equal(read(plain[:33] + chunk(b"eXIf", block) + plain[33:]).pixels, corners())


# ---------------------------------------------------------------- depth, ink, transparency

@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_are_scaled_not_clipped(kind, channels):
    values = np.array([0x0000, 0x0101, 0x4040, 0x8080, 0xFEFE, 0xFFFF], np.uint16)
    deep = np.repeat(values[None, :, None], channels, axis=-1)              # (1, 6, channels)
    if channels == 4:
        deep[..., 3] = 0xFFFF
    done, data = cv2.imencode("." + kind.lower(), deep)
    assert done and read(data.tobytes()).pixels[0, :, 0].tolist() == [0, 1, 64, 128, 254, 255]


def test_sixteen_bit_tiff_white_is_zero():
    grey = np.full((4, 4), 0x4040, np.uint16)
    tiff = bytearray(cv2.imencode(".tiff", grey, [cv2.IMWRITE_TIFF_COMPRESSION, 1])[1])
    at = tiff.index(struct.pack("<HHI", 262, 3, 1)) + 8
    tiff[at] = 0
    assert (read(bytes(tiff)).pixels == 255 - 0x40).all()


def test_sixteen_bit_grey_with_alpha():
    rows = b"\0" + struct.pack(">HHHH", 0x8080, 0xFFFF, 0x8080, 0)
    assert read(png(2, 1, 16, 4, rows)).pixels[0].tolist() == [[128] * 3, [255] * 3]


@pytest.mark.parametrize("depth, row", [(1, 0b01000000), (2, 0b00011011), (4, 0x01)])
def test_grey_of_few_bits_with_a_transparent_shade(depth, row):
    """Shade 1 is transparent; with 2 and 4 bits it is a grey, and becomes white paper."""
    shades = {1: [0, 255], 2: [0, 255, 170, 255], 4: [0, 255]}[depth]
    data = png(len(shades), 1, depth, 0, bytes([0, row]), extra=chunk(b"tRNS", b"\0\1"))
    assert read(data).pixels[0, :, 0].tolist() == shades


def test_sixteen_bit_transparent_shade_and_colour():
    grey = png(2, 1, 16, 0, b"\0" + struct.pack(">HH", 0x1234, 0x1235), chunk(b"tRNS", b"\x12\x34"))
    assert read(grey).pixels[0, :, 0].tolist() == [255, 0x12]
    colour = png(2, 1, 16, 2, b"\0" + struct.pack(">6H", 0x1200, 0, 0, 0x8000, 0, 0),
                 chunk(b"tRNS", struct.pack(">3H", 0x1200, 0, 0)))
    assert read(colour).pixels[0].tolist() == [[255] * 3, [128, 0, 0]]


def stripped_of_adobe(jpeg: bytes) -> bytes:
    at = jpeg.index(b"\xff\xee")
    return jpeg[:at] + jpeg[at + 2 + int.from_bytes(jpeg[at + 2:at + 4], "big"):]


INK = np.array([[[0, 255, 255, 0], [255, 0, 0, 0], [0, 0, 0, 255], [0, 0, 0, 0]]], np.uint8)
INK_SEEN = [[255, 0, 0], [0, 255, 255], [0, 0, 0], [255, 255, 255]]


def test_cmyk_jpeg_with_and_without_adobes_inversion():
    wide = INK.repeat(16, 0).repeat(16, 1)
    adobe = saved(Pillow.frombytes("CMYK", (64, 16), wide.tobytes()), "JPEG", quality=100)
    assert far(read(adobe).pixels[8, 8::16], np.array(INK_SEEN)) < 6
    upside = saved(Pillow.frombytes("CMYK", (64, 16), (255 - wide).tobytes()), "JPEG", quality=100)
    assert far(read(stripped_of_adobe(upside)).pixels[8, 8::16], np.array(INK_SEEN)) < 6


def test_ycck_jpeg():
    """White paper's four planes (255 each: Adobe stores ink inverted), marked anew as YCCK.

    Then the first three are Y Cb Cr: (255, 255, 255) is R 255, G 121, B 255; libjpeg gives their
    complement as stored ink, so the paper shows (0, 134, 0).
    """
    jpeg = bytearray(saved(Pillow.new("CMYK", (16, 16), (0, 0, 0, 0)), "JPEG", quality=100))
    at = jpeg.index(b"Adobe") + 11                            # the transform: 0 CMYK, 2 YCCK
    assert jpeg[at] == 0
    jpeg[at] = 2
    assert far(read(bytes(jpeg)).pixels[8, 8], np.array([0, 134, 0])) < 4


def test_cmyk_tiff():
    tiff = saved(Pillow.frombytes("CMYK", (4, 1), INK.tobytes()), "TIFF")
    assert read(tiff).pixels[0].tolist() == INK_SEEN


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_alpha_lies_over_white(kind):
    rgba = np.zeros((8, 3, 4), np.uint8)
    rgba[:, 0], rgba[:, 1], rgba[:, 2] = (200, 0, 0, 255), (0, 0, 0, 0), (0, 0, 0, 128)
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    assert read(saved(rgba, kind, **options)).pixels[3].tolist() == [[200, 0, 0], [255] * 3, [127] * 3]


def test_grey_with_alpha():
    la = np.array([[[90, 255], [90, 0], [0, 128]]], np.uint8)
    data = saved(Pillow.frombytes("LA", (3, 1), la.tobytes()), "PNG")
    assert read(data).pixels[0, :, 0].tolist() == [90, 255, 127]


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_transparent_palette_entry_lies_over_white(kind):
    picture = Pillow.frombytes("P", (3, 1), bytes([0, 1, 2]))
    picture.putpalette(bytes([*RED, *GREEN, *BLUE]))
    assert read(saved(picture, kind, transparency=1)).pixels[0].tolist() == [[*RED], [255] * 3, [*BLUE]]


def test_gif_transparency_survives_a_comment_before_the_frame():
    picture = Pillow.frombytes("P", (3, 1), bytes([0, 1, 2]))
    picture.putpalette(bytes([*RED, *GREEN, *BLUE]))
    gif = saved(picture, "GIF", transparency=1)
    at = gif.index(b"!\xf9") + 8
    gif = gif[:at] + b"!\xfe\5hello\0" + gif[at:]
    assert read(gif).pixels[0].tolist() == [[*RED], [255] * 3, [*BLUE]]


def test_half_transparent_palette():
    palette = chunk(b"PLTE", bytes([0, 0, 0, 9, 9, 9])) + chunk(b"tRNS", bytes([128]))
    data = png(2, 1, 8, 3, b"\0\0\1", palette)
    assert read(data).pixels[0].tolist() == [[127] * 3, [9] * 3]


def test_gif_frame_smaller_than_its_screen_keeps_the_screen():
    gif = bytearray(saved(Pillow.new("P", (4, 4)), "GIF"))
    gif[6:10] = struct.pack("<HH", 9, 7)
    assert read(bytes(gif)).pixels.shape == (7, 9, 3)


@pytest.mark.parametrize("mode, words", [("F", "floating point"), ("I", "32-bit"), ("LAB", "Lab")])
def test_tiff_of_numbers_without_a_white_is_refused(mode, words):
    with pytest.raises(NotAnImage, match=f"'scan.tif'.*{words}"):
        read(saved(Pillow.new(mode, (4, 4)), "TIFF"), "scan.tif")
