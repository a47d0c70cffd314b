"""Picture files made on the spot, for the tests of `explain.image`."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image as Pillow

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


# The tags of a TIFF of 3 × 1 grey pixels in one strip: type (3 short, 4 long) and value.
GREY_3 = {
    256: (4, 3), 257: (4, 1), 258: (3, 8), 259: (3, 1), 262: (3, 1), 277: (3, 1), 278: (4, 1), 279: (4, 3),
}


def tiff(body: bytes, tags: dict[int, tuple], order: str = "<") -> bytes:
    """A TIFF by hand: header, body from byte 8 on, then the directory. A third value is a count."""
    entries = b"".join(
        struct.pack(order + "HHI", tag, kind, *(count or [1]))
        + struct.pack(order + ("HH" if kind == 3 else "I"), *((value, 0) if kind == 3 else (value,)))
        for tag, (kind, value, *count) in sorted(tags.items())
    )
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8 + len(body))
    return head + body + struct.pack(order + "H", len(tags)) + entries + bytes(4)


def far(a: np.ndarray, b: np.ndarray) -> int:
    return int(np.abs(a.astype(int) - b.astype(int)).max())


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
