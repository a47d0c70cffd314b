"""The wrappings pictures come in: which one, is it whole, and which parts does the picture need.

Nothing is decoded here. Each `unwrap_…` walks its format block by block and keeps the blocks that
make the (first) picture. Comments, profiles and further frames are left behind, so a text chunk
that unpacks to a gigabyte is never unpacked, and a cut file is known by its byte counts.

Sources: PNG (W3C, third edition), JPEG (ITU-T T.81 annex B), GIF89a, WebP (RFC 9649), TIFF 6.0.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass

from explain.errors import TruncatedImage
from explain.image.kinds import AGAIN, damaged, ends_early


@dataclass(frozen=True)
class Parts:
    """data: the file without what the picture does not need; exif: its EXIF block or b"";
    size: (width, height) where the wrapping tells, else None and the decoder's header tells."""

    data: bytes
    exif: bytes = b""
    size: tuple[int, int] | None = None


def unwrap_png(data: bytes, name: str) -> Parts:
    """Signature and IHDR, PLTE, tRNS, IDAT, IEND, each with its checksum proved."""
    kept, exif, at, kind = [data[:8]], b"", 8, b""
    while kind != b"IEND":
        if at + 8 > len(data):
            raise ends_early(name, "PNG", len(data), at + 12)
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length                                # length, kind, body, checksum
        if end > len(data):
            raise ends_early(name, "PNG", len(data), end)
        if at == 8 and (kind, length) != (b"IHDR", 13):
            raise damaged(name, "PNG", f"it should start with an IHDR chunk, not with {kind!r}")
        if kind in (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"):
            if zlib.crc32(data[at + 4:end - 4]) != int.from_bytes(data[end - 4:end], "big"):
                raise damaged(name, "PNG", f"the checksum of its {kind.decode()} chunk is wrong")
            kept.append(data[at:end])
        elif kind == b"eXIf":
            exif = data[at + 8:end - 4]
        at = end
    return Parts(b"".join(kept), exif, struct.unpack_from(">II", data, 16))


def prove_png_rows(data: bytes, name: str) -> None:
    """TruncatedImage where the packed data hold fewer rows than announced.

    Pillow leaves such rows black without a word. data: as `unwrap_png` leaves it.
    """
    width, height, depth, colour, interlaced = struct.unpack_from(">IIBBxxB", data, 16)
    bits = depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 1)
    adam7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    expected = 0
    for left, top, right, down in adam7 if interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - left) // right), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            expected += rows * (1 + -(-columns * bits // 8))  # each row begins with its filter
    unpack, received, at = zlib.decompressobj(), 0, 8
    while at < len(data) and received < expected:
        length, kind = struct.unpack_from(">I4s", data, at)
        packed = data[at + 8:at + 8 + length] if kind == b"IDAT" else b""
        while packed and received < expected:
            received += len(unpack.decompress(packed, 1 << 20))   # in bites: it may be a bomb
            packed = unpack.unconsumed_tail
        at += 12 + length
    if received < expected:
        raise TruncatedImage(
            f"'{name}' is a PNG picture with rows missing: {received:,} bytes of pixels were found, "
            f"{expected:,} were expected for {width} × {height}. {AGAIN}"
        )


MARKER = re.compile(rb"(?<=\xff)[^\xff\0]", re.DOTALL)      # fill bytes may stand before it
MOST_SEGMENTS, MOST_SCANS = 10_000, 256


def unwrap_jpeg(data: bytes, name: str) -> Parts:
    """Tables, frame header, JFIF's and Adobe's colour notes, and everything from the first scan on."""
    kept, exif, at = [data[:2]], b"", 2
    if data.count(b"\xff\xda") > MOST_SCANS:                  # each passes over the whole picture
        raise damaged(name, "JPEG", f"it has more than {MOST_SCANS} scans")
    for _ in range(MOST_SEGMENTS):
        marker = MARKER.search(data, at)
        if marker is None or marker.end() + 2 > len(data):
            raise ends_early(name, "JPEG", len(data))
        code, at = marker[0][0], marker.end()
        if code == 0xD9:
            raise damaged(name, "JPEG", "it ends before its pixels begin")
        if code == 0x01 or 0xD0 <= code <= 0xD8:              # markers without a body
            continue
        end = at + int.from_bytes(data[at:at + 2], "big")
        if end > len(data):
            raise ends_early(name, "JPEG", len(data), end)
        if end < at + 2:
            raise damaged(name, "JPEG", f"segment {code:#x} has an impossible length")
        if code == 0xDA:
            kept.append(data[at - 2:])
            return Parts(b"".join(kept), exif)
        if code == 0xE1 and data[at + 2:at + 8] == b"Exif\0\0":
            exif = exif or data[at + 8:end]
        if 0xC0 <= code <= 0xE0 or code == 0xEE:              # frame, tables, JFIF's and Adobe's notes
            kept.append(data[at - 2:end])
        at = end
    raise damaged(name, "JPEG", f"it has more than {MOST_SEGMENTS} segments before its pixels")


def unwrap_gif(data: bytes, name: str) -> Parts:
    """Screen, colours, the first frame and the transparency that belongs to it."""

    def blocks_end(at: int) -> int:                           # behind a chain of sub-blocks
        while data[at]:
            at += 1 + data[at]
        return at + 1

    try:
        at = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
        kept, transparency = [data[:at]], b""
        while data[at] == 0x21:                               # an extension
            end = blocks_end(at + 2)
            if data[at + 1] == 0xF9:
                transparency = data[at:end]
            at = end
        if data[at] != 0x2C:
            raise damaged(name, "GIF", "it holds no frame")
        colours = data[at + 9]
        end = blocks_end(at + 11 + (3 << (colours & 7) + 1 if colours & 0x80 else 0))
        if end > len(data):
            raise IndexError(end)
    except IndexError:
        raise ends_early(name, "GIF", len(data)) from None
    return Parts(b"".join([*kept, transparency, data[at:end], b";"]))


def unwrap_webp(data: bytes, name: str) -> Parts:
    expected = 8 + int.from_bytes(data[4:8], "little")
    if len(data) < max(expected, 30):
        raise ends_early(name, "WebP", len(data), max(expected, 30))
    head = data[12:16]
    if head == b"VP8X":                                       # 24 bits each, less one
        size = tuple(int.from_bytes(data[i:i + 3], "little") + 1 for i in (24, 27))
    elif head == b"VP8L":                                     # 14 bits each, less one
        bits = int.from_bytes(data[21:25], "little")
        size = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif head == b"VP8 ":
        size = tuple(v & 0x3FFF for v in struct.unpack_from("<HH", data, 26))
    else:
        raise damaged(name, "WebP", f"its first chunk is {head!r}")
    return Parts(data[:expected], size=size)


def unwrap_bmp(data: bytes, name: str) -> Parts:
    return Parts(data)                                        # a header and pixels, nothing to leave out


def unwrap_tiff(data: bytes, name: str) -> Parts:
    """The file as it is, once its first directory is known to be whole."""
    try:
        entries = directory(data)
    except struct.error:
        raise ends_early(name, "TIFF", len(data)) from None
    noted = 0
    for entry in entries.values():
        start, size = _place(data, *entry)
        if start + size > len(data):
            raise ends_early(name, "TIFF", len(data), start + size)
        noted += size
    if noted > len(data):                                     # notes that overlap, to be read many times
        what = f"its directory announces {noted:,} bytes, the file has {len(data):,}"
        raise damaged(name, "TIFF", what)
    return Parts(data)


def announced(data: bytes, kind: str) -> int | None:
    """How long an unwrapped file would have to be, where it says so and is shorter."""
    expected = int.from_bytes(data[2:6], "little") if kind == "BMP" else 0
    if kind == "TIFF":
        entries = directory(data)
        for starts, lengths in ((273, 279), (324, 325)):      # strips, tiles
            if starts in entries and lengths in entries:
                ends = map(sum, zip(*(_numbers(data, *entries[tag]) for tag in (starts, lengths))))
                expected = max(expected, *ends, 0)
    return expected if expected > len(data) else None


WIDTHS = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}


def _place(data: bytes, kind: int, count: int, value: bytes) -> tuple[int, int]:
    """(start, size) of an entry's values in the file; (0, 0) where the entry itself holds them."""
    size = count * WIDTHS.get(kind, 1)
    return (0, 0) if size <= len(value) else (int.from_bytes(value, _order(data)), size)


def _numbers(data: bytes, kind: int, count: int, value: bytes) -> list[int]:
    start, size = _place(data, kind, count, value)
    width = WIDTHS.get(kind, 1)
    raw = data[start:start + size] if size else value[:count * width]
    return [int.from_bytes(raw[i:i + width], _order(data)) for i in range(0, len(raw), width)]


def _order(block: bytes) -> str:
    return "little" if block[:2] == b"II" else "big"


def directory(block: bytes) -> dict[int, tuple[int, int, bytes]]:
    """The first directory of a TIFF file or an EXIF block: tag → (type, count, value or offset).

    struct.error where it is cut or does not begin like one.
    """
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None:
        raise struct.error("neither II nor MM")
    if struct.unpack_from(order + "H", block, 2)[0] == 43:    # BigTIFF: everything twice as wide
        at, number, entry = struct.unpack_from(order + "Q", block, 8)[0], order + "Q", order + "HHQ8s"
    else:
        at, number, entry = struct.unpack_from(order + "I", block, 4)[0], order + "H", order + "HHI4s"
    if at > len(block):
        raise struct.error("the directory lies behind the end")
    (count,) = struct.unpack_from(number, block, at)
    at, width = at + struct.calcsize(number), struct.calcsize(entry)
    if count * width > len(block) - at:
        raise struct.error("the directory is cut")
    rows = struct.iter_unpack(entry, block[at:at + count * width])
    return {tag: (kind, size, value) for tag, kind, size, value in rows}


def orientation(exif: bytes) -> int:
    """1..8 from an EXIF block; 1, upright, where it says nothing or is damaged.

    A damaged note beside the picture is no reason to refuse the picture.
    """
    block = exif.removeprefix(b"Exif\0\0")
    try:
        kind, _, value = directory(block).get(0x0112, (3, 1, b"\1\1\1\1"))
    except struct.error:
        return 1
    number = int.from_bytes(value[:2], _order(block)) if kind == 3 else 1
    return number if 1 <= number <= 8 else 1


UNWRAP = {
    "JPEG": unwrap_jpeg, "PNG": unwrap_png, "WebP": unwrap_webp,
    "BMP": unwrap_bmp, "GIF": unwrap_gif, "TIFF": unwrap_tiff,
}
