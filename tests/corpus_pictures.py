"""Pictures of every odd kind: what is to be seen in them, or the code of their refusal."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from picture_files import BLUE, GREEN, GREY_3, KINDS, RED, chunk, corners, noise, png, saved, tiff
from PIL import Image as Pillow


@dataclass(frozen=True)
class Picture:
    """make() gives the bytes. pixels: what it shows, (H, W, 3), to within `far`; or code of its refusal."""

    name: str
    make: Callable[[], bytes]
    pixels: np.ndarray | None = None
    far: int = 0
    code: str = ""


PICTURES: dict[str, Picture] = {}


def shows(name: str, make: Callable[[], bytes], pixels, far: int = 0) -> None:
    PICTURES[name] = Picture(name, make, np.asarray(pixels, np.uint8), far)


def refused(name: str, code: str, make: Callable[[], bytes]) -> None:
    PICTURES[name] = Picture(name, make, code=code)


def grey(*shades: int) -> np.ndarray:
    """One row of grey pixels, (1, W, 3)."""
    return np.repeat(np.array(shades, np.uint8)[None, :, None], 3, axis=-1)


# Formats -------------------------------------------------------------------------------------------

for _name, _kind, _options in (
    ("png", "PNG", {}), ("bmp", "BMP", {}), ("webp", "WEBP", {"lossless": True}), ("tiff", "TIFF", {}),
    ("tiff_lzw", "TIFF", {"compression": "tiff_lzw"}),
    ("tiff_deflate", "TIFF", {"compression": "tiff_adobe_deflate"}),
    ("tiff_big", "TIFF", {"big_tiff": True}),
):  # fmt: skip
    shows(_name, lambda k=_kind, o=_options: saved(noise(), k, **o), noise())
for _kind in ("GIF", "PNG", "TIFF"):
    shows(
        f"{_kind.lower()}_palette",
        lambda k=_kind: saved(Pillow.fromarray(corners()).quantize(4), k),
        corners(),
    )
    shows(f"{_kind.lower()}_of_one_bit",
          lambda k=_kind: saved(Pillow.fromarray(np.eye(16, 24, dtype=bool)), k),
          np.repeat(np.eye(16, 24, dtype=np.uint8)[..., None] * 255, 3, -1))  # fmt: skip
    shows(f"{_kind.lower()}_of_two_frames", lambda k=_kind: saved(
        Pillow.new("RGB", (9, 5), RED), k, save_all=True, append_images=[Pillow.new("RGB", (9, 5), BLUE)]),
        np.full((5, 9, 3), RED))  # fmt: skip
shows(
    "jpeg_flat", lambda: saved(np.full((16, 16, 3), 200, np.uint8), "JPEG"), np.full((16, 16, 3), 200), far=2
)
shows("jpeg_progressive", lambda: saved(np.full((16, 24, 3), 90, np.uint8), "JPEG", progressive=True),
      np.full((16, 24, 3), 90), far=2)  # fmt: skip
shows("jpeg_grey", lambda: saved(np.full((16, 16), 77, np.uint8), "JPEG"), np.full((16, 16, 3), 77), far=2)
shows("one_pixel", lambda: saved(np.full((1, 1, 3), 9, np.uint8), "PNG"), [[[9, 9, 9]]])
shows("one_row_of_5_000", lambda: saved(np.full((1, 5000, 3), 9, np.uint8), "PNG"), np.full((1, 5000, 3), 9))

# Orientation ---------------------------------------------------------------------------------------

LIES = {                                                      # how an upright picture lies in the file
    2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud, 5: lambda a: a.transpose(1, 0, 2), 6: np.rot90,
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2), 8: lambda a: np.rot90(a, -1),
}  # fmt: skip


def turned(number: int, kind: str) -> bytes:
    exif = Pillow.Exif()
    exif[0x0112] = number
    return saved(np.ascontiguousarray(LIES[number](corners())), kind, exif=exif)


for _number in LIES:
    shows(f"turned_{_number}", lambda n=_number: turned(n, "PNG"), corners())
shows("turned_tiff", lambda: turned(6, "TIFF"), corners())

# Depth, ink, transparency --------------------------------------------------------------------------

DEEP = np.array([0x0000, 0x0101, 0x4040, 0x8080, 0xFEFE, 0xFFFF], np.uint16)[None]
for _kind in ("png", "tiff"):
    shows(
        f"{_kind}_of_16_bits",
        lambda k=_kind: cv2.imencode("." + k, DEEP)[1].tobytes(),
        grey(0, 1, 64, 128, 254, 255),
    )
shows("png_of_2_bits", lambda: png(4, 1, 2, 0, bytes([0, 0b00011011])), grey(0, 85, 170, 255))
shows("png_transparent_shade", lambda: png(2, 1, 8, 0, b"\0\x01\x50", chunk(b"tRNS", b"\0\1")), grey(255, 80))
shows("png_grey_with_alpha", lambda: png(2, 1, 8, 4, b"\0\x50\xff\x50\0"), grey(80, 255))
shows("png_half_transparent", lambda: png(1, 1, 8, 6, b"\0\0\0\0\x80"), grey(127))
shows("png_interlaced", lambda: png(3, 2, 8, 0, b"\0\x0a\0\x1e\0\x14\0\x28\x32\x3c", interlaced=1),
      np.concatenate([grey(10, 20, 30), grey(40, 50, 60)]))  # fmt: skip
shows("gif_transparent", lambda: transparent("GIF"), [[RED, (255, 255, 255), BLUE]])
shows("png_transparent_palette", lambda: transparent("PNG"), [[RED, (255, 255, 255), BLUE]])
shows(
    "tiff_cmyk", lambda: saved(Pillow.new("CMYK", (4, 2), (0, 255, 255, 0)), "TIFF"), np.full((2, 4, 3), RED)
)
shows("jpeg_cmyk", lambda: saved(Pillow.new("CMYK", (16, 16), (255, 0, 0, 0)), "JPEG"),
      np.full((16, 16, 3), (0, 255, 255)), far=6)  # fmt: skip
shows("tiff_big_endian", lambda: tiff(bytes([0, 90, 255]), {**GREY_3, 273: (4, 8)}, ">"), grey(0, 90, 255))
shows("tiff_little_endian", lambda: tiff(bytes([0, 90, 255]), {**GREY_3, 273: (4, 8)}), grey(0, 90, 255))


def transparent(kind: str) -> bytes:
    picture = Pillow.frombytes("P", (3, 1), bytes([0, 1, 2]))
    picture.putpalette(bytes([*RED, *GREEN, *BLUE]))
    return saved(picture, kind, transparency=1)


# Odd, and still a picture --------------------------------------------------------------------------


def beside(extra: bytes) -> bytes:
    """The four corners as a PNG, with another chunk before the pixels."""
    plain = saved(corners(), "PNG")
    return plain[:33] + extra + plain[33:]


PACKED = zlib.compress(b"\0" * 50_000_000, 9)
shows("png_with_a_packed_comment", lambda: beside(chunk(b"zTXt", b"note\0\0" + PACKED)), corners())
shows("png_with_a_packed_profile", lambda: beside(chunk(b"iCCP", b"icc\0\0" + PACKED)), corners())
shows("png_with_damaged_exif", lambda: beside(chunk(b"eXIf", b"II+\0\x08\0\0\0" + b"\xff" * 8)), corners())
shows("png_with_exif_without_end", lambda: beside(chunk(b"eXIf", b"II*\0\x08\0\0\0\xff\xff")), corners())
shows("gif_smaller_than_its_screen", lambda: screened(9, 7), np.zeros((7, 9, 3)), far=255)
shows(
    "jpeg_named_png", lambda: saved(np.full((8, 8, 3), 100, np.uint8), "JPEG"), np.full((8, 8, 3), 100), far=2
)


def screened(width: int, height: int) -> bytes:
    gif = bytearray(saved(Pillow.new("P", (4, 4)), "GIF"))
    gif[6:10] = struct.pack("<HH", width, height)
    return bytes(gif)


# Cut, forged, of other kinds -----------------------------------------------------------------------

refused("empty", "E_IMAGE_EMPTY", lambda: b"")
for _kind in ("JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF"):
    refused(f"half_a_{_kind}", "E_IMAGE_TRUNCATED", lambda k=_kind: KINDS[k][: len(KINDS[k]) // 2])
    refused(f"giant_{_kind}", "E_IMAGE_SIZE", lambda k=_kind: giant(k))
refused("png_with_rows_missing", "E_IMAGE_TRUNCATED", lambda: png(8, 8, 8, 0, (b"\0" + b"\xff" * 8) * 4))
refused("png_with_a_wrong_checksum", "E_IMAGE_KIND", lambda: KINDS["PNG"][:-20] + b"\0" + KINDS["PNG"][-19:])
refused("png_without_pixels", "E_IMAGE_KIND", lambda: png(0, 5, 8, 2, b""))
refused("gif_frame_beyond_its_screen", "E_IMAGE_SIZE", lambda: framed(60_000))
refused("jpeg_of_endless_scans", "E_IMAGE_KIND",
        lambda: KINDS["JPEG progressive"][:-2] + b"\xff\xda\0\x08\1\1\0\0\x3f\0" * 1000)  # fmt: skip
refused("tiff_of_one_giant_tile", "E_IMAGE_SIZE", lambda: tiff(bytes(3), {
    **{k: v for k, v in GREY_3.items() if k not in (278, 279)},
    322: (4, 60_000), 323: (4, 60_000), 324: (4, 8), 325: (4, 3)}))  # fmt: skip
refused("tiff_with_overlapping_directories", "E_IMAGE_KIND", lambda: tiff(
    bytes(5000), {**GREY_3, 273: (4, 8), **{40_000 + i: (7, 8, 4000) for i in range(50)}}))  # fmt: skip
refused("tiff_of_real_numbers", "E_IMAGE_KIND", lambda: saved(Pillow.new("F", (4, 4)), "TIFF"))
for _name, _data in {
    "pdf": b"%PDF-1.7 ...", "heic": b"\0\0\0\x18ftypheic0000", "avif": b"\0\0\0\x1cftypavif0000",
    "svg": b"<?xml version='1.0'?><svg xmlns=''/>", "zip": b"PK\x03\x04zip", "hdf5": b"\x89HDF\r\n\x1a\n",
    "html": b"<!DOCTYPE html><html>", "text": "Grüße an alle".encode(), "zeros": bytes(50),
    "noise": bytes(range(1, 60)),
    "photoshop": b"8BPS\0\1", "text_that_begins_like_a_bmp": b"BMW makes cars and motorcycles",
}.items():  # fmt: skip
    refused(f"other_{_name}", "E_IMAGE_KIND", lambda data=_data: data)


def framed(side: int) -> bytes:
    gif = bytearray(saved(Pillow.new("P", (4, 4)), "GIF"))
    at = gif.index(b",\0\0\0\0") + 5
    gif[at : at + 4] = struct.pack("<HH", side, side)
    return bytes(gif)


def giant(kind: str, side: int = 16_000) -> bytes:
    """A small file whose header announces `side` × `side` pixels."""
    if kind == "PNG":
        return png(side, side, 8, 6, bytes(10**6))
    if kind == "GIF":
        return screened(side, side)
    data = bytearray(KINDS["WebP lossless" if kind == "WebP" else kind])
    if kind == "BMP":
        data[18:26] = struct.pack("<ii", side, side)
    elif kind == "JPEG":
        at = data.index(b"\xff\xc0") + 5
        data[at : at + 4] = struct.pack(">HH", side, side)
    elif kind == "WebP":
        data[21:25] = struct.pack("<I", (side - 1) | (side - 1) << 14)
    else:
        for tag in (256, 257):
            at = next(at for w in (3, 4) if (at := data.find(struct.pack("<HHI", tag, w, 1))) >= 0)
            data[at : at + 12] = struct.pack("<HHII", tag, 4, 1, side)
    return bytes(data)
