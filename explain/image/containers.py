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

from explain.errors import ImageError, NotAnImage, TruncatedImage

ACCEPTED = "JPEG, PNG, WebP, BMP, GIF or TIFF"
AGAIN = "Upload it again, or save it anew from a program that can open it."

SIGNATURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",                                         # BigTIFF
    b"MM\0+": "TIFF",
}
STRANGERS = {
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a ZIP archive (or a .keras model, an Office document, …)",
    b"\x89HDF": "an HDF5 file, probably a model",
    b"\x93NUMPY": "a numpy array (.npy)",
    b"8BPS": "a Photoshop document",
    b"\0\0\x01\0": "an icon (.ico)",
    b"\0\0\0\x0cjP  ": "a JPEG 2000 picture",
    b"\0\0\0\x0cJXL ": "a JPEG XL picture",
    b"\xff\x0a": "a JPEG XL picture",
    b"\x1f\x8b": "a gzip archive",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"\x7fELF": "a program",
    b"MZ": "a program",
}
BMP_HEADERS = {12, 40, 52, 56, 64, 108, 124}                  # the lengths a BMP header can have


@dataclass(frozen=True)
class Parts:
    """data: the file without what the picture does not need; exif: its EXIF block or b"";
    size: (width, height) where the wrapping tells, else None and the decoder's header tells."""

    data: bytes
    exif: bytes = b""
    size: tuple[int, int] | None = None


def kind_of(data: bytes, name: str) -> str:
    """The format by its first bytes, never by the file's name. NotAnImage for any other."""
    for signature, kind in SIGNATURES.items():
        if data.startswith(signature):
            return kind
        if signature.startswith(data):
            raise ends_early(name, kind, len(data), len(signature) + 1)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[:2] == b"BM" and (len(data) < 18 or int.from_bytes(data[14:18], "little") in BMP_HEADERS):
        return "BMP"
    raise NotAnImage(
        f"'{name}' is no picture that can be read here: expected {ACCEPTED}, "
        f"received {looks_like(data)}. Save it as PNG or JPEG and try again."
    )


def looks_like(data: bytes) -> str:
    """What bytes that are none of the accepted formats seem to be, for a sentence."""
    for signature, words in STRANGERS.items():
        if data.startswith(signature):
            return words
    if data[4:8] == b"ftyp":                                  # the ISO media family
        brand = data[8:12]
        if brand in (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"):
            return "a HEIC picture, as telephones make them"
        return "an AVIF picture" if brand in (b"avif", b"avis") else "a video"
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in start:
        return "an SVG drawing"
    if start.startswith((b"<!doctype html", b"<html")) or b"<html" in start:
        return "a web page (HTML)"
    if not data.strip(b"\0"):
        return f"{len(data):,} zero bytes"
    if not re.search(rb"[\0-\x08\x0e-\x1f\x7f]", data[:1024]):
        return "text" if data[:1024].isascii() or _is_utf8(data[:1024]) else "text or unknown bytes"
    return f"{len(data):,} bytes of an unknown kind"


def _is_utf8(start: bytes) -> bool:
    return "\ufffd" not in start[:-3].decode("utf-8", "replace")[:-1]   # the cut may split a letter


def ends_early(name: str, kind: str, received: int, expected: int | None = None) -> TruncatedImage:
    needed = f"at least {expected:,} were expected" if expected else "more were expected"
    return TruncatedImage(
        f"'{name}' is a {kind} picture that ends too early: {received:,} bytes were received, {needed}. {AGAIN}"
    )


def damaged(name: str, kind: str, what: str) -> NotAnImage:
    return NotAnImage(f"'{name}' begins like a {kind} picture but cannot be read: {what}. {AGAIN}")


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


MOST_SEGMENTS, MOST_SCANS = 10_000, 256


def unwrap_jpeg(data: bytes, name: str) -> Parts:
    """Tables, frame header, Adobe's colour note, and everything from the first scan on."""
    kept, exif, at = [data[:2]], b"", 2
    if data.count(b"\xff\xda") > MOST_SCANS:                  # each passes over the whole picture
        raise damaged(name, "JPEG", f"it has more than {MOST_SCANS} scans")
    for _ in range(MOST_SEGMENTS):
        marker = re.compile(rb"\xff+([^\xff\0])", re.DOTALL).search(data, at)
        if marker is None or marker.end() + 2 > len(data):
            raise ends_early(name, "JPEG", len(data))
        code, at = marker[1][0], marker.end()
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
        if 0xC0 <= code <= 0xDF or (code == 0xEE and data[at + 2:at + 7] == b"Adobe"):
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
    if len(data) < 26:
        raise ends_early(name, "BMP", len(data), 26)
    return Parts(data)


def unwrap_tiff(data: bytes, name: str) -> Parts:
    """The file as it is, once its first directory is known to be whole."""
    try:
        entries, big = directory(data), data[2:3] == b"+" or data[3:4] == b"+"
    except struct.error:
        raise ends_early(name, "TIFF", len(data)) from None
    order, room = ("<" if data[:1] == b"I" else ">"), (8 if big else 4)
    noted = 0
    for kind, count, value in entries.values():
        size = count * {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}.get(kind, 1 if kind < 16 else 8)
        if size > room:
            end = struct.unpack(order + ("Q" if big else "I"), value)[0] + size
            if end > len(data):
                raise ends_early(name, "TIFF", len(data), end)
            noted += size
    if noted > len(data):                                     # notes that overlap, to be read many times
        raise damaged(name, "TIFF", f"its directory announces {noted:,} bytes, the file has {len(data):,}")
    return Parts(data)


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
    number = int.from_bytes(value[:2], "little" if block[:2] == b"II" else "big") if kind == 3 else 1
    return number if 1 <= number <= 8 else 1


UNWRAP = {
    "JPEG": unwrap_jpeg, "PNG": unwrap_png, "WebP": unwrap_webp,
    "BMP": unwrap_bmp, "GIF": unwrap_gif, "TIFF": unwrap_tiff,
}
