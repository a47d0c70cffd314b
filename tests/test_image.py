"""Pictures: every accepted format is read right, everything else ends in a typed sentence."""

from __future__ import annotations

import io
import os
import struct
import time
import tracemalloc
import warnings
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageFile

from explain.errors import (
    EmptyImage, ImageError, ImageTooLarge, NotAnImage, OptionError, TruncatedImage,
)
from explain.image import digest, fit, from_pixels, limits, preview, read

RED, GREEN, BLUE, GOLD = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 200, 0)


def corners(height: int = 48, width: int = 64) -> np.ndarray:
    """Four flat quarters of different colour, so that no turn or flip looks like another."""
    pixels = np.empty((height, width, 3), np.uint8)
    h, w = height // 2, width // 2
    pixels[:h, :w], pixels[:h, w:], pixels[h:, :w], pixels[h:, w:] = RED, GREEN, BLUE, GOLD
    return pixels


def saved(picture: np.ndarray | Pillow.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    picture = picture if isinstance(picture, Pillow.Image) else Pillow.fromarray(picture)
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(height: int = 40, width: int = 56, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, depth, colour, raw, extra=b"", interlaced=0) -> bytes:
    """A PNG by hand: raw is the filtered rows, before packing."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra
            + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))


def far(a: np.ndarray, b: np.ndarray) -> int:
    return int(np.abs(a.astype(int) - b.astype(int)).max())


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


# ---------------------------------------------------------------- broken and hostile

KINDS = {
    "JPEG": saved(noise(), "JPEG", quality=90),
    "JPEG progressive": saved(noise(), "JPEG", progressive=True),
    "PNG": saved(noise(), "PNG"),
    "WebP": saved(noise(), "WEBP"),
    "WebP lossless": saved(noise(), "WEBP", lossless=True),
    "GIF": saved(noise(), "GIF"),
    "BMP": saved(noise(), "BMP"),
    "TIFF": saved(noise(), "TIFF"),
    "TIFF lzw": saved(noise(), "TIFF", compression="tiff_lzw"),
}


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


def test_garbage():
    rng = np.random.default_rng(3)
    starts = [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0", b"MM\0*", b"RIFF\0\0\0\0WEBP"]
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
    with pytest.raises(ImageError, match="'flat'"):
        read(png(width, height, 8, 2, b""), "flat")


def test_pillow_is_left_as_it_was():
    before = Pillow.MAX_IMAGE_PIXELS
    read(KINDS["PNG"])
    assert Pillow.MAX_IMAGE_PIXELS == before and ImageFile.LOAD_TRUNCATED_IMAGES is False


# ---------------------------------------------------------------- paths, settings

def test_a_path_gives_its_name(tmp_path):
    path = tmp_path / "four corners.png"
    path.write_bytes(saved(corners(), "PNG"))
    for source in (path, str(path), os.fsencode(path).decode()):
        image = read(source)
        assert image.name == "four corners.png" and image.key == digest(corners())


@pytest.mark.parametrize("source", ["missing.png", ".", "nul\0.png", "x" * 5000])
def test_paths_that_cannot_be_read(tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ImageError, match="'(missing.png|\\.|nul·.png|x+…x+)'"):
        read(source)


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
